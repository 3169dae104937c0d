"""One id is one event per account key, also across the parts of a source.

The earliest row wins (then by event, user with none first, and the part's name). Rows that lose are
not lost: they wait under HOME/lake/duplicates and come back when the part that beat them changes or
goes. The usual part shares no id with any other; finding that out costs one look at the ids that
the lake has, and nothing where the new rows have none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from sync.engine import DuckEngine
from sync.lake import COLUMNS, Lake, events_sql, kept_columns
from sync.lake_days import write_days
from sync.lake_write import ID_HASH, Prepared
from sync.quoting import literal, path_literal, quoted

_RANKED = "overlap_ranked"
_CONTESTED = "overlap_contested"
_FILES = "overlap_files"


@dataclass(frozen=True, slots=True)
class Overlap:
    """What a commit has to do so that ids stay single."""

    prepared: list[Prepared]
    """the commit's own parts, less the rows that lost, and other parts whose rows changed sides"""
    lost: Mapping[str, int]
    """file name → rows that moved to the duplicates, less those that came back"""


class Overlaps:
    """Of one source, for one commit. `names`: file name → part, of all parts but dropped ones."""

    def __init__(
        self,
        engine: DuckEngine,
        lake: Lake,
        source: str,
        keep: Sequence[str],
        names: Mapping[str, str],
    ) -> None:
        self._engine = engine
        self._lake = lake
        self._source = source
        self._keep = keep
        self._names = names
        self._columns = ", ".join(quoted(name) for name in {**COLUMNS, **kept_columns(keep)})

    def settle(self, prepared: Sequence[Prepared], *, has_ids: bool) -> Overlap:
        """Take rows out of `prepared` and of the lake so that every id is there once. `has_ids`:
        whether any row of `prepared` has one. Writes to the staging folder alone."""
        own = {one.name for one in prepared}
        aside = self._duplicate_files(own)
        if not has_ids and not aside:
            return Overlap(list(prepared), {})
        there = {
            name: files
            for name, files in self._lake.part_files(self._source).items()
            if name not in own
        }
        new = [path for one in prepared for path in one.files.values()]
        others = [path for files in there.values() for path in files.values()]
        if not self._contested(len(prepared), new, others, list(aside.values())):
            return Overlap(list(prepared), {})
        files = {one.name: one.files for one in prepared} | there
        self._rank(files, aside)
        return self._rewritten(prepared, files)

    def _duplicate_files(self, own: set[str]) -> dict[str, Path]:
        folder = self._lake.duplicates_folder(self._source)
        if not folder.exists():
            return {}
        return {path.name: path for path in folder.glob("*.parquet") if path.name not in own}

    def _contested(
        self, parts: int, new: Sequence[Path], others: Sequence[Path], aside: Sequence[Path]
    ) -> int:
        """Note each (account_key, insert_id) that several parts may have; gives their number.
        `new`: files of so many `parts`, none of which has an id twice."""
        shared: list[str] = []
        if new and others:
            known = _hashes(others, stored=hashes_hold(self._engine, self._lake))
            shared.append(f"{known} SEMI JOIN ({_hashes(new)}) USING (id_hash)")
        if new and parts > 1:
            shared.append(f"{_hashes(new)} GROUP BY id_hash HAVING count(*) > 1")
        pairs = [
            f"SELECT account_key, insert_id FROM ({events_sql(new, (), more=['id_hash'])})"
            f" SEMI JOIN ({one}) USING (id_hash)"
            for one in shared
        ]
        pairs.append(f"SELECT account_key, insert_id FROM ({events_sql(aside, ())})")
        self._engine.execute(
            f"CREATE OR REPLACE TEMP TABLE {_CONTESTED} AS {' UNION '.join(pairs)}"
        )
        [(count,)] = self._engine.rows(f"SELECT count(*) FROM {_CONTESTED}")
        return int(count)

    def _rank(self, files: Mapping[str, Mapping[date, Path]], aside: Mapping[str, Path]) -> None:
        """All rows with a contested id, the one that stays having place 1."""
        rows = [(str(path), name, False) for name, days in files.items() for path in days.values()]
        rows += [(str(path), name, True) for name, path in aside.items()]
        values = ", ".join(
            f"({literal(path)}, {literal(name)}, {literal(self._names[name])}, {hidden})"
            for path, name, hidden in rows
        )
        paths = [Path(path) for path, _, _ in rows]
        self._engine.execute(
            f"""CREATE OR REPLACE TEMP TABLE {_FILES} AS
            FROM (VALUES {values}) AS given(filename, name, part, hidden);
            CREATE OR REPLACE TABLE {_RANKED} AS
            SELECT {self._columns}, name, hidden, row_number() OVER (
                PARTITION BY account_key, insert_id
                ORDER BY ts, event, "user" NULLS FIRST, part) AS place
            FROM ({events_sql(paths, self._keep, more=["filename"])}) AS e
            SEMI JOIN {_CONTESTED} USING (account_key, insert_id)
            JOIN {_FILES} USING (filename)"""
        )

    def _rewritten(
        self, prepared: Sequence[Prepared], files: Mapping[str, Mapping[date, Path]]
    ) -> Overlap:
        """The files of each part of which a row has to go or come back."""
        own = {one.name: one for one in prepared}
        lost: dict[str, int] = {}
        for name, days, change in self._engine.rows(
            f"""SELECT name, list(DISTINCT ts::DATE), sum(IF(hidden, -1, 1))
            FROM {_RANKED} WHERE hidden = (place = 1) GROUP BY name ORDER BY name"""
        ):
            lost[name] = int(change)
            touched = frozenset(days)
            new = self._days(name, touched, files.get(name, {}))
            one = own.get(name) or Prepared(name, {}, touched)
            kept = {day: path for day, path in one.files.items() if day not in touched}
            own[name] = replace(one, files=kept | new, duplicates=self._duplicates(name))
        return Overlap(list(own.values()), lost)

    def _days(
        self, name: str, days: frozenset[date], files: Mapping[date, Path]
    ) -> dict[date, Path]:
        contested = f"(SELECT * FROM {_RANKED} WHERE name = {literal(name)})"
        before = events_sql([path for day, path in files.items() if day in days], self._keep)
        listed = ", ".join(f"DATE '{day}'" for day in sorted(days))
        rows = (
            f"(SELECT {self._columns} FROM ({before}) ANTI JOIN {contested}"
            f" USING (account_key, insert_id)"
            f" UNION ALL SELECT {self._columns} FROM {contested}"
            f" WHERE place = 1 AND ts::DATE IN ({listed}))"
        )
        folder = self._lake.staging_folder(self._source) / f"{name}~single"
        return write_days(self._engine, rows, self._keep, folder, name)

    def _duplicates(self, name: str) -> Path | None:
        path = self._lake.staging_folder(self._source) / f"{name}~duplicates"
        self._engine.execute(
            f"COPY (SELECT {self._columns} FROM {_RANKED}"
            f" WHERE name = {literal(name)} AND place > 1 ORDER BY account_key, ts)"
            f" TO {literal(path)} (FORMAT parquet, COMPRESSION zstd)"
        )
        [(rows,)] = self._engine.rows(
            f"SELECT num_rows FROM parquet_file_metadata({path_literal(path)})"
        )
        return path if rows else None


def hashes_hold(engine: DuckEngine, lake: Lake) -> bool:
    """Whether the `id_hash` of all files is what this engine would make of the ids. A lake without
    files takes the engine's; one that another engine began keeps its own, and costs more."""
    [(now,)] = engine.rows("SELECT hash('account key', 'insert id')")
    noted = lake.folder / "id_hash"
    try:
        before = noted.read_text(encoding="ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        before = ""
    if before == str(now):
        return True
    if any(lake.part_files(source) for source in lake.sources()):
        return False
    lake.folder.mkdir(parents=True, exist_ok=True)
    noted.write_text(f"{now}\n", encoding="ascii")
    return True


def _hashes(files: Sequence[Path], *, stored: bool = True) -> str:
    if stored:
        return f"SELECT id_hash FROM ({events_sql(files, (), more=['id_hash'])})"
    return f"SELECT id_hash FROM (SELECT {ID_HASH} AS id_hash FROM ({events_sql(files, ())}))"
