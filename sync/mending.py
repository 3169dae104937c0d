"""Files of the lake that cannot be read, or are gone: found by footers, and pulled again.

A Parquet file's footer is what its reader needs first and its writer wrote last, so a file that was
cut short, or whose end a disk has lost, shows it there. It says how many rows there are, too, and
the state file how many a part should have.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sync.lake import Lake, file_name
from sync.state import State

_MAGIC = b"PAR1"
_AT_ONCE = 500

NOTED = "SELECT source, part, rows FROM lake_parts WHERE fingerprint <> ''"
"""What the state file says of parts that nobody is replacing."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """A part whose files do not hold the rows that they should."""

    source: str
    part: str
    should: int
    rows: int


@dataclass(frozen=True, slots=True)
class Mended:
    """The files that could not be read, and the parts that lacked others."""

    broken: tuple[Path, ...]
    lacking: tuple[Lacking, ...]


def unreadable(files: Sequence[Path]) -> list[Path]:
    """Those of the Parquet files whose footer is not whole. Reads nothing else of them."""
    looks_whole = {path: _whole(path) for path in files}
    broken = [path for path, whole in looks_whole.items() if not whole]
    good = [path for path, whole in looks_whole.items() if whole]
    for start in range(0, len(good), _AT_ONCE):
        broken += _refused(good[start : start + _AT_ONCE])
    return sorted(broken)


def _whole(path: Path) -> bool:
    """Whether a file begins and ends as Parquet does, with room for what its footer says."""
    try:
        with path.open("rb") as file:
            begin = file.read(4)
            size = file.seek(0, 2)
            file.seek(max(0, size - 8))
            end = file.read()
    except OSError:
        return False
    footer = int.from_bytes(end[:4], "little")
    return begin == _MAGIC and end[4:] == _MAGIC and 0 < footer <= size - 12


def _refused(files: Sequence[Path]) -> list[Path]:
    """Those whose footer the engine cannot read."""
    import duckdb  # a look at the first and last bytes is often all

    query = "SELECT count(*) FROM parquet_file_metadata(?)"
    with duckdb.connect(config={"threads": 1}) as engine:
        try:
            engine.execute(query, [[str(path) for path in files]]).fetchall()
        except duckdb.Error:
            if len(files) == 1:
                return list(files)
        else:
            return []
    middle = len(files) // 2
    return [*_refused(files[:middle]), *_refused(files[middle:])]


def lacking(
    lake: Lake, noted: Iterable[tuple[object, ...]], broken: Sequence[Path] = ()
) -> Iterator[Lacking]:
    """The parts, of those `noted` (rows of NOTED), whose files are not all there. `broken`: files
    that cannot be read, which count for nothing."""
    counts: dict[str, dict[str, int]] = {}
    for source, part, should in noted:
        name = str(source)
        if name not in counts:
            counts[name] = _rows_by_name(lake, name, frozenset(broken))
        rows = counts[name].get(file_name(str(part)), 0)
        if rows != should:
            yield Lacking(name, str(part), int(str(should)), rows)


def _rows_by_name(lake: Lake, source: str, but: frozenset[Path]) -> dict[str, int]:
    import duckdb  # as above

    files = [path for days in lake.part_files(source).values() for path in days.values()]
    files = [path for path in files if path not in but]
    found: dict[str, int] = {}
    query = "SELECT file_name, num_rows FROM parquet_file_metadata(?)"
    with duckdb.connect(config={"threads": 1}) as engine:
        for start in range(0, len(files), _AT_ONCE):
            asked = [str(path) for path in files[start : start + _AT_ONCE]]
            for path, rows in engine.execute(query, [asked]).fetchall():
                name = Path(path).name
                found[name] = found.get(name, 0) + int(rows)
    return found


def mend(lake: Lake, state: State, home: Path) -> Mended:
    """Have the next pull fetch again what cannot be read or is gone, and take the files away that
    cannot be read; which they were.

    The caller holds the run lock. Safe to repeat, and to kill: what is to be fetched is noted
    before anything goes.
    """
    root = home / "lake"
    broken = unreadable(sorted(root.rglob("*.parquet")))
    lost = list(lacking(lake, list(state.rows(NOTED)), broken))
    if not broken and not lost:
        return Mended((), ())
    again: set[tuple[str, str]] = set()
    for source in lake.sources():
        folders = (f"events/source={source}/", f"duplicates/source={source}/")
        names = {
            path.name for path in broken if path.relative_to(root).as_posix().startswith(folders)
        }
        known = state.rows("SELECT part FROM lake_parts WHERE source = ?", (source,))
        again |= {(source, str(part)) for (part,) in known if file_name(str(part)) in names}
    lost = [one for one in lost if (one.source, one.part) not in again]
    with state.transaction() as connection:
        connection.executemany(
            "UPDATE lake_parts SET fingerprint = '' WHERE source = ? AND part = ?",
            [*again, *((one.source, one.part) for one in lost)],
        )
        if any(path.is_relative_to(root / "changes") for path in broken):
            # which accounts a pull touched is not known any more: all of them are walked again
            connection.execute("DELETE FROM checkpoints")
    for path in broken:
        path.unlink()
    return Mended(tuple(broken), tuple(lost))
