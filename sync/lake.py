"""The lake: events as Parquet files by source and day, which any tool may read.

    HOME/lake/events/source=NAME/day=YYYY-MM-DD/PART.parquet    what counts
    HOME/lake/duplicates/source=NAME/PART.parquet               rows of PART that another part's won
    HOME/lake/changes/NUMBER.parquet                            which accounts a pull touched

A file is complete or absent. `day` is the UTC date of the instant; a date without a time lies on
that date itself. Rows are sorted by account_key and ts. docs/lake.md says what the columns hold.
This module only knows where things are: writing is lake_write's, and only pulls write.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from sync.quoting import path_list, quoted

if TYPE_CHECKING:
    from sync.engine import Session

COLUMNS: dict[str, str] = {
    "account_key": "VARCHAR",
    "user": "VARCHAR",
    "event": "VARCHAR",
    "ts": "TIMESTAMP",
    "date_only": "BOOLEAN",
    "insert_id": "VARCHAR",
}
"""Columns of every source, and their types. A kept property N adds those of `kept_columns`."""

MORE_COLUMNS: dict[str, str] = {
    "id_hash": "UBIGINT",
    "filename": "VARCHAR",
}
"""`id_hash` stands in the files too, for the lake's own use (see lake_write); `filename` is the
path of the row's file."""

_SAFE = " ._-()+,@"
_LONGEST = 180  # of a file's name; the file system's own limit is 255 bytes


class Lake:
    """Where the events of one home are."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "lake"

    def sources(self) -> list[str]:
        """Names of all sources that have a folder, in order."""
        found = _folders(self.folder / "events", "source=")
        return sorted(unquote(name) for name, _ in found)

    def source_folder(self, source: str) -> Path:
        """The folder of a source, there or not."""
        return self.folder / "events" / f"source={_plain(source)}"

    def glob(self, source: str) -> str:
        """A pattern that means all files of a source, for people and other tools."""
        return str(self.source_folder(source) / "day=*" / "*.parquet")

    def days(self, source: str) -> list[date]:
        """UTC days that have a folder, in order."""
        return sorted(day for day, _ in self._day_folders(source))

    def files(
        self,
        source: str,
        first: date | None = None,
        last: date | None = None,
        parts: Iterable[str] | None = None,
    ) -> list[Path]:
        """The files of a source, by day and part: of days from `first` to `last` (both included,
        None: no bound), and of the named parts only."""
        names = None if parts is None else {file_name(part) for part in parts}
        found: list[Path] = []
        for day, folder in sorted(self._day_folders(source)):
            if (first is None or day >= first) and (last is None or day <= last):
                found += sorted(
                    Path(entry.path)
                    for entry in _parquet(folder)
                    if names is None or entry.name in names
                )
        return found

    def part_files(self, source: str) -> dict[str, dict[date, Path]]:
        """Everything that is there, by the name of the part's files."""
        found: dict[str, dict[date, Path]] = {}
        for day, folder in self._day_folders(source):
            for entry in _parquet(folder):
                found.setdefault(entry.name, {})[day] = Path(entry.path)
        return found

    def day_folder(self, source: str, day: date) -> Path:
        """The folder of a day, there or not."""
        return self.source_folder(source) / f"day={day.isoformat()}"

    def duplicates_folder(self, source: str) -> Path:
        """Where the rows are that lost to another part's."""
        return self.folder / "duplicates" / f"source={_plain(source)}"

    def staging_folder(self, source: str) -> Path:
        """Where a pull prepares files. What is in it is of no use to anybody else."""
        return self.folder / "staging" / _plain(source)

    def rejected_folder(self, source: str) -> Path:
        """Where the rows are kept that could not be read."""
        return self.folder.parent / "rejected" / _plain(source)

    def _day_folders(self, source: str) -> Iterator[tuple[date, str]]:
        for name, path in _folders(self.source_folder(source), "day="):
            try:
                yield date.fromisoformat(name), path
            except ValueError:  # somebody else's folder
                continue


def file_name(part: str) -> str:
    """What the files of a part are called: readable, and different for different parts."""
    plain = _plain(part)
    if len(plain) > _LONGEST:
        plain = f"{plain[:_LONGEST]}~{hashlib.blake2b(part.encode(), digest_size=8).hexdigest()}"
    return f"{plain}.parquet"


def kept_columns(keep: Iterable[str]) -> dict[str, str]:
    """The columns of kept properties: `p.N` its text, `k.N` what it was (see pull_reading)."""
    return {
        column: kind
        for name in keep
        for column, kind in ((f"p.{name}", "VARCHAR"), (f"k.{name}", "UTINYINT"))
    }


def events_sql(files: Sequence[Path], keep: Iterable[str], *, more: Sequence[str] = ()) -> str:
    """A query of `files` that has exactly the lake's columns, those of `keep` and `more` (names of
    MORE_COLUMNS), in this order.

    No file is as good as a file without rows; a column that a file lacks is NULL in its rows.
    """
    columns = COLUMNS | kept_columns(keep) | {name: MORE_COLUMNS[name] for name in more}
    empty = ", ".join(f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind in columns.items())
    chosen = ", ".join(quoted(name) for name in columns)
    query = f"SELECT {empty} WHERE false"
    if files:
        query += (
            f" UNION ALL BY NAME SELECT * FROM read_parquet({path_list(files)},"
            f" union_by_name = true, hive_partitioning = false, filename = {'filename' in more})"
        )
    return f"SELECT {chosen} FROM ({query})"


def register_events(
    engine: "Session", table: str, files: Sequence[Path], keep: Iterable[str]
) -> None:
    """Make `table` a view of events. `files` are those of `Lake.files`, so that only the days and
    parts that are needed are opened."""
    engine.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(table)} AS {events_sql(files, keep)}")


def _plain(name: str) -> str:
    plain = quote(name, safe=_SAFE)
    return plain if not plain.startswith(".") else f"%2E{plain[1:]}"


def _parquet(folder: str) -> list[os.DirEntry[str]]:
    """The files of a day; none if a pull beside us has just taken it away."""
    try:
        return [entry for entry in os.scandir(folder) if entry.name.endswith(".parquet")]
    except FileNotFoundError:
        return []


def _folders(parent: Path, prefix: str) -> Iterator[tuple[str, str]]:
    try:
        entries = list(os.scandir(parent))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.name.startswith(prefix) and entry.is_dir():
            yield entry.name.removeprefix(prefix), entry.path
