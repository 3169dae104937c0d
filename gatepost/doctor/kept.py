"""The state file and the lake: whole, and not from a newer version or a later time."""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from gatepost.doctor.checks import Patient, Said

_RESTORE = "restore it from a backup, or move it away: see docs/state.md"
_WHO_MAY = "ask again, or as a user who may write there"
_SHOWN = 3
STEP_BACK = timedelta(seconds=30)


def state(patient: Patient) -> Iterator[Said]:
    """SQLite's own check, the tables' version, and the log mode."""
    from sync.migrations.steps import NAMES
    from sync.state import FILE_NAME
    from sync.state_reading import UnsteadyError, may_be_written, opened_to_read

    path = patient.home / FILE_NAME
    if not path.exists():
        yield Said("state", "ok", f"{path.name} will be made by the first run")
        return
    try:
        with opened_to_read(path, 5.0) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
            begun = connection.execute("SELECT max(started_at) FROM runs").fetchone()
    except UnsteadyError as error:
        yield Said("state", "problem", f"{path} cannot be read: {error}", _WHO_MAY)
        return
    except sqlite3.Error as error:
        yield Said("state", "problem", f"{path} cannot be read: {error}", _RESTORE)
        return
    if found != "ok":
        yield Said("state", "problem", f"{path} is damaged: {found}", _RESTORE)
    elif version > len(NAMES):
        said = f"{path} was written by a newer Gatepost"
        yield Said("state", "problem", said, "use that version, or another GATEPOST_HOME")
    elif mode != "wal" and may_be_written(path):
        said = f"{path} is in {mode} mode: readers and a run would block each other"
        yield Said("state", "warning", said, "the next run sets it right, on a local disk")
    else:
        yield Said("state", "ok", f"{path.name} is whole, step {version} of {len(NAMES)}")
    yield _stepped_back(begun[0] if begun else None, patient.now)


def _stepped_back(begun: str | None, now: datetime) -> Said:
    """Whether the last run began later than now."""
    if begun is None or datetime.fromisoformat(begun) <= now + STEP_BACK:
        return Said("clock", "ok", f"{now:%Y-%m-%d %H:%M:%S} UTC, later than the last run")
    said = f"it is {now:%Y-%m-%d %H:%M:%S} UTC, and the last run began at {begun}"
    return Said("clock", "problem", said, "the clock was set back: let it be set by NTP")


def lake(patient: Patient) -> Iterator[Said]:
    """Every Parquet file's footer, which its reader needs first and its writer wrote last; and
    whether there are as many rows as the state file says."""
    from sync.lake import Lake
    from sync.mending import lacking, unreadable

    noted = _noted(patient)
    files = sorted((patient.home / "lake").rglob("*.parquet"))
    if not files and not any(rows for _, _, rows in noted):
        yield Said("lake", "ok", "empty: nothing was pulled yet")
        return
    broken = unreadable(files)
    do = "run `gatepost sync --full`: what cannot be read or is gone is pulled again"
    if broken:
        names = ", ".join(str(path.relative_to(patient.home)) for path in broken[:_SHOWN])
        yield Said("lake", "problem", f"cannot be read: {names}{_more(broken)}", do)
    elif lost := list(lacking(Lake(patient.home), noted)):
        parts = ", ".join(
            f"{one.rows:,} of {one.should:,} events of {one.part} of {one.source}"
            for one in lost[:_SHOWN]
        )
        yield Said("lake", "problem", f"there are {parts}{_more(lost)}", do)
    else:
        yield Said("lake", "ok", f"{len(files):,} files, each with its footer, all rows there")


def _more(found: Sequence[object]) -> str:
    return f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""


def _noted(patient: Patient) -> list[tuple[str, str, int]]:
    """What should be in the lake; nothing where the state file cannot say, which is told above."""
    from sync.mending import NOTED
    from sync.state import FILE_NAME
    from sync.state_reading import opened_to_read

    path = patient.home / FILE_NAME
    if not path.exists():
        return []
    try:
        with opened_to_read(path, 5.0) as connection:
            return [(str(s), str(p), int(r)) for s, p, r in connection.execute(NOTED)]
    except sqlite3.Error:
        return []
