"""Old days of the lake, reduced to what the journeys look at (see needed.py).

File by file, each rewritten beside itself and renamed, so that readers see the old one or the new
one. What was done is noted by part: a part that is pulled anew is whole again, and is reduced again
by the next prune. No account is replayed for it, since nothing that is computed differs.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from config.mapping_file import Mapping as MappingFile
from mapping.compiled import CompiledJourney
from sync.engine import DuckEngine
from sync.lake import COLUMNS, Lake, file_name
from sync.lake_write import make_durable
from sync.needed import Need, needed
from sync.quoting import literal, path_literal, quoted
from sync.state import State


@dataclass(slots=True)
class Reduced:
    """What became of one source's old days; bytes are those of the files."""

    source: str
    days: int = 0
    events: int = 0
    bytes_before: int = 0
    bytes_after: int = 0


class LakePruner:
    """For one prune; the caller holds the run lock. `before`: the first UTC day that stays whole.

    `dry`: everything is worked out, and nothing is changed.
    """

    def __init__(
        self, engine: DuckEngine, lake: Lake, state: State, before: date, *, dry: bool
    ) -> None:
        self._engine, self._lake, self._state = engine, lake, state
        self._before, self._dry = before, dry

    def prune(self, source: str, need: Need) -> Iterator[Reduced]:
        """Reduce the old days of a source; yields the same, growing, after each part. Safe to
        repeat, also after a kill at any moment."""
        reduced = Reduced(source)
        there = self._lake.part_files(source)
        staging = self._lake.folder / "pruning"
        try:
            for part, pulled_at in self._parts(source):
                done = self._done_before(source, part, pulled_at, need)
                old = {
                    day: path
                    for day, path in there.get(file_name(part), {}).items()
                    if done <= day < self._before
                }
                if old:
                    self._part(source, part, pulled_at, need, old, reduced, staging)
                    yield reduced
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _parts(self, source: str) -> list[tuple[str, str]]:
        rows = self._state.rows(
            "SELECT part, pulled_at FROM lake_parts WHERE source = ? AND fingerprint <> ''"
            " ORDER BY part",
            (source,),
        )
        return [(str(part), str(at or "")) for part, at in rows]

    def _done_before(self, source: str, part: str, pulled_at: str, need: Need) -> date:
        """Days before this one are reduced already, and to the same."""
        found = self._state.value(
            "SELECT before FROM lake_pruned WHERE source = ? AND part = ? AND kept = ?"
            " AND pulled_at = ? AND finished",
            (source, part, need.to_text(), pulled_at),
        )
        return date.min if found is None else date.fromisoformat(str(found))

    def _part(
        self, source: str, part: str, pulled_at: str, need: Need, old: Mapping[date, Path],
        reduced: Reduced, staging: Path,
    ) -> None:  # fmt: skip
        self._note(source, part, pulled_at, need, finished=False)
        for day, path in sorted(old.items()):
            staging.mkdir(parents=True, exist_ok=True)
            made = staging / path.name
            rows = self._reduce(path, made, need, day)
            before, after = path.stat().st_size, made.stat().st_size
            if after >= before and not rows:
                made.unlink()
                continue
            reduced.days += 1
            reduced.events += rows
            reduced.bytes_before += before
            reduced.bytes_after += after
            if self._dry:
                made.unlink()
            else:
                make_durable([made])
                made.replace(path)
                make_durable([path.parent])
        self._count(source, part)
        self._note(source, part, pulled_at, need, finished=True)

    def _reduce(self, path: Path, made: Path, need: Need, day: date) -> int:
        """Write what is needed of a file to `made`; how many rows are not."""
        reader = f"read_parquet({path_literal(path)}, hive_partitioning = false)"
        there = [name for name, *_ in self._engine.rows(f"DESCRIBE SELECT * FROM {reader}")]
        chosen = _columns(there, need)
        looked_at = [*[name for name in chosen if name[:2] in ("p.", "k.")], "event", "date_only"]
        looked_at += ["account_key", "user"] if need.user else ["account_key"]
        partition = ", ".join(quoted(name) for name in looked_at)
        columns = ", ".join(
            quoted(name) if name != "user" or need.user else 'CAST(NULL AS VARCHAR) AS "user"'
            for name in chosen
        )
        self._engine.execute(
            f"COPY (SELECT {columns} FROM (SELECT *, row_number() OVER (PARTITION BY {partition}"
            f" ORDER BY ts, insert_id) AS place FROM {reader})"
            f" WHERE place = 1 OR {_counts(need, day)} ORDER BY account_key, ts)"
            f" TO {literal(made)} (FORMAT parquet, COMPRESSION zstd)"
        )
        [(before,), (after,)] = [
            self._engine.rows(
                f"SELECT sum(num_rows) FROM parquet_file_metadata({path_literal(p)})"
            )[0]
            for p in (path, made)
        ]
        return int(before) - int(after)

    def _count(self, source: str, part: str) -> None:
        """The register says how many rows there are now."""
        files = list(self._lake.part_files(source).get(file_name(part), {}).values())
        if self._dry or not files:
            return
        listed = ", ".join(map(path_literal, files))
        [(rows,)] = self._engine.rows(
            f"SELECT sum(num_rows) FROM parquet_file_metadata([{listed}])"
        )
        with self._state.transaction() as connection:
            connection.execute(
                "UPDATE lake_parts SET rows = ? WHERE source = ? AND part = ?",
                (int(rows), source, part),
            )

    def _note(self, source: str, part: str, pulled_at: str, need: Need, *, finished: bool) -> None:
        if self._dry:
            return
        with self._state.transaction() as connection:
            connection.execute(
                "REPLACE INTO lake_pruned (source, part, before, kept, pulled_at, finished)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (source, part, self._before.isoformat(), need.to_text(), pulled_at, finished),
            )


def _columns(there: Sequence[str], need: Need) -> list[str]:
    kept = {f"{kind}.{name}" for name in need.properties for kind in "pk"}
    return [name for name in there if name in COLUMNS or name == "id_hash" or name in kept]


def _counts(need: Need, day: date) -> str:
    events = need.on(day)
    if events is None:
        return "true"
    return f"event IN ({', '.join(map(literal, sorted(events)))})" if events else "false"


def pruned_away(state: State, mapping: MappingFile, compiled: CompiledJourney) -> list[str]:
    """Sentences for what a journey looks at now and finds no more in the older days of the lake."""
    said: list[str] = []
    for entry in mapping.events:
        need = needed(entry, [compiled])
        lacking: dict[str, str] = {}
        for before, kept in state.rows(
            "SELECT max(before), kept FROM lake_pruned JOIN lake_parts USING (source, part)"
            " WHERE source = ? AND lake_pruned.pulled_at = lake_parts.pulled_at GROUP BY kept",
            (entry.name,),
        ):
            day = date.fromisoformat(str(before))
            for one in need.lacking(Need.from_text(str(kept)), day):
                lacking[one] = max(str(before), lacking.get(one, ""))
        said += [
            f"{compiled.journey.name} now looks at {one} of {entry.name}, and before {before} that "
            "was pruned: its history of those days is told without"
            for one, before in lacking.items()
        ]
    return said
