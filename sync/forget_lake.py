"""Taking somebody out of the lake: files that hold them are written anew without, and renamed."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from sync.engine import DuckEngine
from sync.lake import Lake, file_name
from sync.lake_write import make_durable
from sync.quoting import literal, path_list, path_literal, quoted
from sync.search_home import by_folder, in_parquet, keys_tests
from sync.state import State
from sync.terms import Terms


class LakeForgetter:
    """For one removal; the caller holds the run lock. `keys`: account keys by source; `users`: as
    events name them. `terms`: what kept properties must not hold."""

    def __init__(
        self, engine: DuckEngine, lake: Lake, state: State,
        keys: Mapping[str, frozenset[str]], users: frozenset[str], terms: Terms,
    ) -> None:  # fmt: skip
        self._engine, self._lake, self._state = engine, lake, state
        self._keys, self._users, self._terms = keys, users, terms
        self._staging = lake.folder / "forgetting"

    def run(self) -> int:
        """Take them out; how many events went. Safe to repeat, also after a kill at any moment."""
        gone = 0
        try:
            for folder, files in self._folders().items():
                in_lake = self._lake.folder / "events" in folder.parents
                for path in self._touched(folder, files):
                    rows = self._file(folder, path)
                    gone += rows if in_lake else 0
            self._count()
        finally:
            shutil.rmtree(self._staging, ignore_errors=True)
        return gone

    def events(self) -> int:
        """How many events are theirs."""
        count = 0
        for folder, files in self._folders().items():
            theirs = self._theirs(folder, ["user"])
            if theirs and self._lake.folder / "events" in folder.parents:
                reader = f"read_parquet({path_list(files)}, union_by_name = true)"
                query = f"SELECT count(*) FROM {reader} WHERE {theirs}"
                count += int(self._engine.rows(query)[0][0])
        return count

    def _folders(self) -> dict[Path, list[Path]]:
        return by_folder(sorted(self._lake.folder.rglob("*.parquet")))

    def _touched(self, folder: Path, files: Sequence[Path]) -> list[Path]:
        """The files that have something of theirs."""
        users = Terms(self._terms.plain, self._terms.doubtful | self._users)
        found = in_parquet(files, users, self._keys, folder, self._engine)
        return list(dict.fromkeys(path for path, _, _ in found))

    def _theirs(self, folder: Path, columns: Sequence[str]) -> str:
        tests = keys_tests(folder, self._keys, by_row="source" in columns)
        if self._users and "user" in columns:
            tests.append(f'"user" IN ({", ".join(map(literal, sorted(self._users)))})')
        return " OR ".join(f"coalesce({test}, false)" for test in tests)

    def _file(self, folder: Path, path: Path) -> int:
        """Write a file anew without them; how many rows went."""
        reader = f"read_parquet({path_literal(path)}, hive_partitioning = false)"
        columns = [name for name, *_ in self._engine.rows(f"DESCRIBE SELECT * FROM {reader}")]
        theirs, regex = self._theirs(folder, columns) or "false", self._terms.regex()
        kept = [name for name in columns if name.startswith("p.")] if regex else []
        named = {name: f"regexp_matches({quoted(name)}, {literal(regex)})" for name in kept}
        [(rows, gone)] = self._engine.rows(
            f"SELECT count(*), count(*) FILTER ({theirs}) FROM {reader}"
        )
        if rows == gone:
            path.unlink()
            make_durable([path.parent])
            if path.parent.name.startswith("day=") and not any(path.parent.iterdir()):
                path.parent.rmdir()
            return int(gone)
        chosen = ", ".join(self._column(name, named) for name in columns)
        self._staging.mkdir(parents=True, exist_ok=True)
        made = self._staging / "made.parquet"
        with self._engine.one_thread():  # rows keep their order
            self._engine.execute(
                f"COPY (SELECT {chosen} FROM {reader} WHERE NOT ({theirs}))"
                f" TO {literal(made)} (FORMAT parquet, COMPRESSION zstd)"
            )
        make_durable([made])
        made.replace(path)
        make_durable([path.parent])
        return int(gone)

    @staticmethod
    def _column(name: str, named: Mapping[str, str]) -> str:
        text = f"p.{name[2:]}" if name.startswith("k.") else name
        if text not in named:
            return quoted(name)
        return f"CASE WHEN {named[text]} THEN NULL ELSE {quoted(name)} END AS {quoted(name)}"

    def _count(self) -> None:
        """The register says how many rows there are now, and which days."""
        for source in self._lake.sources():
            there = self._lake.part_files(source)
            parts = "SELECT part FROM lake_parts WHERE source = ? AND rows > 0"
            for (part,) in list(self._state.rows(parts, (source,))):
                files = there.get(file_name(str(part)), {})
                rows = 0
                if files:
                    footers = f"parquet_file_metadata({path_list(files.values())})"
                    rows = int(self._engine.rows(f"SELECT sum(num_rows) FROM {footers}")[0][0])
                ends = (min(files).isoformat(), max(files).isoformat()) if files else (None, None)
                with self._state.transaction() as connection:
                    connection.execute(
                        "UPDATE lake_parts SET rows = ?, first_day = ?, last_day = ?"
                        " WHERE source = ? AND part = ?",
                        (rows, *ends, source, str(part)),
                    )
