"""Files of the lake that cannot be read any more: found, taken away, and pulled again.

Asked only when the engine has failed, so it may take its time. Nothing is lost by it: what a
damaged file held is in its source, and the next pull of the part reads it whole.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from config.errors import StopCycle
from sync.engine import DuckEngine, EngineError
from sync.lake import Lake, file_name
from sync.lake_changes import Changes
from sync.quoting import path_literal
from sync.runs import run_lock
from sync.state import RUN_KEY, State

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Damaged:
    """One file. `source` is "" for a change file, `day` None for what lies beside the days."""

    path: Path
    source: str
    day: date | None


def mend(
    home: Path, lake: Lake, state: State, engine: DuckEngine, *, locked: bool
) -> StopCycle | None:
    """Take damaged files away and have their parts pulled again; the error that tells of it. None
    if all files are good, so that something else is wrong. `locked`: the caller has the run lock.
    """
    damaged = list(find_damaged(lake, engine))
    if not damaged:
        return None
    what = _listed(damaged)
    with ExitStack() as stack:
        if not locked:
            try:
                stack.enter_context(run_lock(home))
            except StopCycle as busy:
                return StopCycle(f"{what}; nothing was mended, since {busy}", "run it again then")
        for one in damaged:
            one.path.unlink(missing_ok=True)
        if any(not one.source for one in damaged):
            Changes(lake).forget()
        _mark(state, damaged)
    return StopCycle(
        f"{what}; nothing of it counts any more",
        "run it again: what is missing is pulled anew. And see to the disk",
    )


def find_damaged(lake: Lake, engine: DuckEngine) -> Iterator[Damaged]:
    """Every file of the lake that cannot be read to its end."""
    for source in lake.sources():
        for files in lake.part_files(source).values():
            for day, path in files.items():
                if not _is_good(path, engine):
                    yield Damaged(path, source, day)
        for path in sorted(lake.duplicates_folder(source).glob("*.parquet")):
            if not _is_good(path, engine):
                yield Damaged(path, source, None)
    for path in sorted((lake.folder / "changes").glob("*.parquet")):
        if not _is_good(path, engine):
            yield Damaged(path, "", None)


def _is_good(path: Path, engine: DuckEngine) -> bool:
    try:
        engine.rows(
            "SELECT count(COLUMNS(*)), max(hash(COLUMNS(*)))"
            f" FROM read_parquet({path_literal(path)})"
        )
    except EngineError:
        return not path.exists()  # a pull may have replaced it meanwhile
    return True


def _mark(state: State, damaged: list[Damaged]) -> None:
    parts: list[tuple[str, str]] = []
    for source in {one.source for one in damaged if one.source}:
        names = {one.path.name for one in damaged if one.source == source}
        rows = state.rows("SELECT part FROM lake_parts WHERE source = ?", (source,))
        parts += [(source, str(part)) for (part,) in rows if file_name(str(part)) in names]
    with state.transaction() as connection:
        connection.executemany(
            "UPDATE lake_parts SET fingerprint = '' WHERE source = ? AND part = ?", parts
        )
        connection.execute("DELETE FROM settings WHERE key = ?", (RUN_KEY,))


def _listed(damaged: list[Damaged]) -> str:
    days = sorted({f"{one.source} {one.day}" for one in damaged if one.day is not None})
    shown = ", ".join(days[:_SHOWN]) + (
        f" and {len(days) - _SHOWN} more" if len(days) > _SHOWN else ""
    )
    files = f"{len(damaged)} {'file' if len(damaged) == 1 else 'files'} of the lake"
    was = "was" if len(damaged) == 1 else "were"
    return f"{files} {was} damaged" + (f" ({shown})" if shown else "")
