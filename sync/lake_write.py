"""Putting parts into the lake: prepared beside it, checked, made durable, then renamed into place.

A commit takes several parts at once and goes in four steps, so that whoever is killed between any
two of them leaves a lake that the next pull repairs:

1. the change file says which accounts will differ (one too many costs a replay, one too few a lie);
2. the state file notes for each part that it is being replaced (an empty fingerprint);
3. files are renamed into place, days that are gone are removed;
4. the state file notes each part with its fingerprint and figures.
"""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sync.engine import DuckEngine
from sync.lake import COLUMNS, Lake, events_sql, kept_columns
from sync.lake_changes import Changes
from sync.quoting import literal, path_literal, quoted

ID_HASH = "CASE WHEN insert_id IS NOT NULL THEN hash(account_key, insert_id) END"
"""A number for (account_key, insert_id) that every file has beside them, as `id_hash`. Whether
other parts have an id is asked of these numbers, at a tenth of what reading the texts costs. The
engine's own, at a tenth of the price of a digest; lake_overlap minds that it may change with the
engine."""

_WRITERS = 8  # threads that wait for the disk; it serves several of them with one flush


@dataclass(frozen=True, slots=True)
class Prepared:
    """Files of a part that wait in the staging folder, by day. Days that the part has in the lake
    and `files` lacks are removed by the commit, among `days` if that is given. No files at all: the
    part is dropped."""

    name: str
    """what the part's files are called: `file_name(part)`"""
    files: Mapping[date, Path]
    days: frozenset[date] | None = None
    """the days that are replaced; None: all"""
    duplicates: Path | None = None
    """the rows that lost to other parts' rows; None: there are none"""


def write_change(
    engine: DuckEngine, lake: Lake, source: str, prepared: Sequence[Prepared], keep: Sequence[str]
) -> bool:
    """Say which accounts a commit of `prepared` gives other events; False if none, and then
    nothing is written. The earliest day of an account is that of a row that comes or goes."""
    there = lake.part_files(source)
    old: list[Path] = []
    new: list[Path] = []
    for one in prepared:
        before = there.get(one.name, {})
        old += [path for day, path in before.items() if one.days is None or day in one.days]
        new += one.files.values()
    changes = Changes(lake)
    target = changes.next_file()
    made = target.with_name(f".{target.name}")
    engine.execute(
        f"COPY ({_changed_sql(source, old, new, keep)}) TO {literal(made)}"
        " (FORMAT parquet, COMPRESSION zstd)"
    )
    [(accounts,)] = engine.rows(f"SELECT num_rows FROM parquet_file_metadata({path_literal(made)})")
    if not accounts:
        made.unlink()
        return False
    make_durable([made])
    made.replace(target)
    make_durable([target.parent])
    return True


def _changed_sql(source: str, old: Sequence[Path], new: Sequence[Path], keep: Sequence[str]) -> str:
    name = literal(source)
    if not old or not new:
        return (
            f"SELECT {name} AS source, account_key, min(ts)::DATE AS first_day"
            f" FROM ({events_sql([*old, *new], keep)}) GROUP BY account_key"
        )
    columns = ", ".join(quoted(column) for column in {**COLUMNS, **kept_columns(keep)})
    # The rows of an account's day are compared as a set with counts, by the sum of their hashes:
    # EXCEPT ALL would hold every row.
    return f"""
        SELECT {name} AS source, account_key, min(day) AS first_day FROM (
            SELECT account_key, ts::DATE AS day FROM (
                SELECT *, 1 AS sign FROM ({events_sql(new, keep)})
                UNION ALL SELECT *, -1 AS sign FROM ({events_sql(old, keep)}))
            GROUP BY account_key, day
            HAVING sum(sign) <> 0 OR sum(sign * hash({columns})::HUGEINT) <> 0)
        GROUP BY account_key"""


def put_in_place(lake: Lake, source: str, prepared: Sequence[Prepared]) -> None:
    """Step 3: what was prepared becomes what is there. Repeating it from the start is safe only
    for parts that are prepared anew."""
    make_durable([path for one in prepared for path in one.files.values()])
    make_durable([one.duplicates for one in prepared if one.duplicates is not None])
    there = lake.part_files(source)
    touched: set[Path] = set()
    for one in prepared:
        for day, path in one.files.items():
            folder = lake.day_folder(source, day)
            if folder.exists():
                path.replace(folder / one.name)
            else:  # with the folder in which it was written, which holds nothing else
                folder.parent.mkdir(parents=True, exist_ok=True)
                path.parent.rename(folder)
            touched.add(folder)
        for day, path in there.get(one.name, {}).items():
            if day not in one.files and (one.days is None or day in one.days):
                path.unlink(missing_ok=True)
                touched.add(path.parent)
        touched |= _put_duplicates(lake, source, one)
    for folder in touched:
        if not any(folder.iterdir()):
            folder.rmdir()
    make_durable([*(folder for folder in touched if folder.exists()), *_above(lake, source)])


def _put_duplicates(lake: Lake, source: str, one: Prepared) -> set[Path]:
    folder = lake.duplicates_folder(source)
    target = folder / one.name
    if one.duplicates is not None:
        folder.mkdir(parents=True, exist_ok=True)
        one.duplicates.replace(target)
    elif target.exists():
        target.unlink()
    else:
        return set()
    return {folder}


def _above(lake: Lake, source: str) -> list[Path]:
    """The folders whose entries may be new."""
    folder = lake.source_folder(source)
    return [path for path in (folder, folder.parent, lake.folder) if path.exists()]


def make_durable(paths: Sequence[Path]) -> None:
    """Wait until files and folders would survive a power cut."""
    if len(paths) < _WRITERS:
        for path in paths:
            _sync(path)
        return
    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(_sync, paths))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
