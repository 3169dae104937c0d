"""The proof that somebody was forgotten: every file of a home, read for what names them.

Parquet is read by the engine, value by value; the state file by its tables and then, freed pages
and log included, as bytes; arrays, archives and compressed files are opened. Everything else is
bytes.
"""

import gzip
import sqlite3
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

import numpy as np

from config.errors import StopCycle
from sync.engine import DuckEngine, EngineError
from sync.quoting import literal, path_list, quoted
from sync.state import FILE_NAME, State
from sync.terms import Terms

NOTE = "forgetting.json"
"""Holds whom to forget while that is going on; not searched, and gone at the end."""

_BLOCK = 1 << 20
_OVERLAP = 1 << 12  # longer than any term as any spelling has it
Tick = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Left:
    """Something that still names them. `where`: a table and column, a column, or bytes."""

    file: str
    where: str
    found: int


@dataclass(slots=True)
class Searched:
    """What was looked through, and what was found."""

    files: int = 0
    bytes: int = 0
    cells: int = 0
    left: list[Left] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return asdict(self)


def search_home(
    home: Path, terms: Terms, keys: Mapping[str, frozenset[str]], engine: DuckEngine, state: State,
    tick: Tick = lambda _what, _done, _of: None,
) -> Searched:  # fmt: skip
    """Look through every file under `home`. `keys`: account keys to look for, by source; among
    other sources' keys they may be another account's. StopCycle if a file cannot be read."""
    searched = Searched()
    paths = sorted(p for p in home.rglob("*") if p.is_file() and not p.is_symlink())
    paths = [path for path in paths if path.name != NOTE]
    for number, path in enumerate(paths):
        tick("searching", number, len(paths))
        searched.files += 1
        name = str(path.relative_to(home))
        try:
            searched.bytes += path.stat().st_size
            if terms.within(name):
                searched.left.append(Left(name, "the file's name", 1))
            searched.left += [Left(name, where, found) for where, found in _in_file(path, terms)]
        except FileNotFoundError:
            continue  # a reader's scratch
        except OSError as error:
            raise StopCycle(f"{path} cannot be searched: {error.strerror or error}") from error
    for folder, files in by_folder(path for path in paths if path.suffix == ".parquet").items():
        tick("searching the lake", 0, 0)
        found = in_parquet(files, terms, keys, folder, engine)
        searched.left += [Left(str(p.relative_to(home)), column, n) for p, column, n in found]
    for where, found_cells, cells in search_state(state, terms):
        searched.cells += cells
        if found_cells:
            searched.left.append(Left(FILE_NAME, where, found_cells))
    return searched


def _in_file(path: Path, terms: Terms) -> Iterator[tuple[str, int]]:
    if path.suffix == ".npz":
        yield from _in_arrays(path, terms)
    elif path.suffix == ".gz" and (found := in_compressed(path, terms)):
        yield "compressed", found
    with path.open("rb") as plain:
        if found := in_bytes(plain, terms):
            yield "bytes", found


def in_compressed(path: Path, terms: Terms) -> int:
    """As `in_bytes`, of what a gzip file holds; 0 if it is none."""
    try:
        with gzip.open(path) as file:
            return in_bytes(file, terms)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return 0  # its bytes are looked at all the same


def in_bytes(file: IO[bytes] | gzip.GzipFile, terms: Terms) -> int:
    """How many times a stream of bytes holds a plain term; memory stays flat."""
    if terms.pattern is None:
        return 0
    found, before, seen_to = 0, b"", 0
    while block := file.read(_BLOCK):
        data = before + block
        last = len(block) < _BLOCK
        # What begins in the last piece is looked at again with what follows it.
        end = len(data) if last else max(len(data) - _OVERLAP, seen_to)
        found += sum(seen_to <= one.start() < end for one in terms.pattern.finditer(data))
        begin = max(end - 1, 0)  # the byte before a word says whether it is one
        before, seen_to = data[begin:], end - begin
    found += sum(one.start() >= seen_to for one in terms.pattern.finditer(before)) if before else 0
    return found


def by_folder(files: Iterable[Path]) -> dict[Path, list[Path]]:
    """Files of the lake by the folder of their source, others by their own."""
    found: dict[Path, list[Path]] = {}
    for path in files:
        days = path.parent.name.startswith("day=")
        found.setdefault(path.parent.parent if days else path.parent, []).append(path)
    return found


def in_parquet(
    files: Sequence[Path], terms: Terms, keys: Mapping[str, frozenset[str]], folder: Path,
    engine: DuckEngine,
) -> list[tuple[Path, str, int]]:  # fmt: skip
    """File, column and rows that name them. StopCycle if one of the files cannot be read."""
    reader = (
        f"read_parquet({path_list(files)}, union_by_name = true, hive_partitioning = false,"
        " filename = true)"
    )
    try:
        described = engine.rows(f"DESCRIBE SELECT * FROM {reader}")
        texts = [name for name, kind, *_ in described if kind == "VARCHAR" and name != "filename"]
        tests = {name: test for name in texts if (test := _test(name, texts, terms, keys, folder))}
        if not tests:
            return []
        counts = ", ".join(f"count(*) FILTER ({test})" for test in tests.values())
        rows = engine.rows(f"SELECT filename, {counts} FROM {reader} GROUP BY filename")
    except EngineError as error:
        raise StopCycle(f"{folder} cannot be searched: {error}") from error
    return [
        (Path(name), column, int(found))
        for name, *figures in sorted(rows)
        for column, found in zip(tests, figures, strict=True)
        if found
    ]


def _test(
    column: str, texts: Sequence[str], terms: Terms, keys: Mapping[str, frozenset[str]],
    folder: Path,
) -> str:  # fmt: skip
    """A condition of the engine; none: "". An account's key is compared whole, for a word in it may
    be in another account's key as well."""
    if column == "account_key":
        return " OR ".join(keys_tests(folder, keys, by_row="source" in texts))
    regex, tests = terms.regex(), []
    if regex:
        tests.append(f"regexp_matches({quoted(column)}, {literal(regex)})")
    if column == "user" and terms.all:
        tests.append(f"{quoted(column)} IN ({', '.join(map(literal, sorted(terms.all)))})")
    return " OR ".join(tests)


def keys_tests(folder: Path, keys: Mapping[str, frozenset[str]], *, by_row: bool) -> list[str]:
    """Conditions on `account_key` in files of the lake: the keys of their source, which is in the
    folder's name, or in each row."""
    of_folder = unquote(folder.name.removeprefix("source="))
    return [
        f"account_key IN ({', '.join(map(literal, sorted(some)))})"
        + (f" AND source = {literal(source)}" if by_row else "")
        for source, some in keys.items()
        if some and (by_row or source == of_folder)
    ]


def _in_arrays(path: Path, terms: Terms) -> Iterator[tuple[str, int]]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            for name in arrays.files:
                if arrays[name].dtype.kind in "US":
                    texts = set(arrays[name].ravel().astype(str).tolist())
                    found = sum(one in terms.all or terms.within(one) for one in texts)
                    if found:
                        yield name, found
    except (ValueError, EOFError, zipfile.BadZipFile):
        return  # damaged: its bytes are looked at all the same


def search_state(state: State, terms: Terms) -> Iterator[tuple[str, int, int]]:
    """Table and column, how many of its cells name them, and how many were looked at."""
    connection = state.db.conn
    connection.create_function("gp_names", 2, lambda c, v: int(terms.in_cell(c, v)))
    for table, columns in tables_of(connection):
        for column in columns:
            [(cells, found)] = connection.execute(
                f"SELECT count(*), coalesce(sum(gp_names({literal(column)}, {quoted(column)})), 0)"
                f" FROM {quoted(table)} WHERE typeof({quoted(column)}) IN ('text', 'blob')"
            ).fetchall()
            yield f"{table}.{column}", int(found), int(cells)


def tables_of(connection: sqlite3.Connection) -> list[tuple[str, list[str]]]:
    """Every table with its columns."""
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    return [
        (name, [row[1] for row in connection.execute(f"PRAGMA table_info({quoted(name)})")])
        for (name,) in tables
    ]
