"""Files of the lake that cannot be read: found by their footers, and pulled again.

A Parquet file's footer is what its reader needs first and its writer wrote last, so a file that was
cut short, or whose end a disk has lost, shows it there.
"""

from collections.abc import Sequence
from pathlib import Path

from sync.lake import Lake, file_name
from sync.state import State

_MAGIC = b"PAR1"
_AT_ONCE = 500


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


def mend(lake: Lake, state: State, home: Path) -> list[Path]:
    """Have the next pull fetch again what cannot be read, and take the files away; which they were.

    The caller holds the run lock. Safe to repeat, and to kill: what is to be fetched is noted
    before anything goes.
    """
    root = home / "lake"
    broken = unreadable(sorted(root.rglob("*.parquet")))
    if not broken:
        return []
    with state.transaction() as connection:
        for source in lake.sources():
            folders = (f"events/source={source}/", f"duplicates/source={source}/")
            names = {
                path.name
                for path in broken
                if path.relative_to(root).as_posix().startswith(folders)
            }
            known = connection.execute("SELECT part FROM lake_parts WHERE source = ?", (source,))
            lost = [(source, str(part)) for (part,) in known if file_name(str(part)) in names]
            connection.executemany(
                "UPDATE lake_parts SET fingerprint = '' WHERE source = ? AND part = ?", lost
            )
        if any(path.is_relative_to(root / "changes") for path in broken):
            # which accounts a pull touched is not known any more: all of them are walked again
            connection.execute("DELETE FROM checkpoints")
    for path in broken:
        path.unlink()
    return broken
