"""Runs: one at a time in a home, and what each of them came to."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from config.errors import ANOTHER_HOME, Busy, StopCycle
from config.redact import redacted, redacted_values
from sync.state import State, instant_text

LOCK_NAME = "run.lock"
_CLOCKS_DIFFER = timedelta(minutes=5)
RUN_VARIABLE = "GATEPOST_RUN"
"""The id of the run that the daemon has noted already, for the process that it starts for it."""

_TRIES, _LOOK_SECONDS = 3, 0.02
RunState = Literal["done", "partly", "failed", "stopped"]
AnyEnd = RunState | Literal["interrupted"]
Clock = Callable[[], datetime]
"""Gives the present instant, aware."""


@contextmanager
def run_lock(home: Path, name: str = LOCK_NAME) -> Iterator[None]:
    """Be the only run of this home, across processes, until the block ends or the process dies.

    Busy at once if another run is at work; its process id is in the message. `name`: of the lock's
    file, for those who are no run.
    """
    path = home / name
    try:
        home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StopCycle(f"{path} cannot be made: {error.strerror}", ANOTHER_HOME) from error
    try:
        _take(descriptor, path)
        yield
    finally:
        os.close(descriptor)  # which gives the lock back; the file stays, or two could hold two


def at_work(home: Path, name: str = LOCK_NAME) -> str | None:
    """Who holds the run lock now: the process id, "?" where it is not readable; None for nobody.
    Changes nothing, and may be out of date when it returns."""
    try:
        descriptor = os.open(home / name, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(descriptor) or "?"
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return None


def _holder(descriptor: int) -> str:
    text = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
    return text if text.isdigit() else ""


def _take(descriptor: int, path: Path) -> None:
    for attempt in range(_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError as error:
            if attempt + 1 < _TRIES:  # it may be `at_work` that only looks
                time.sleep(_LOOK_SECONDS)
                continue
            holder = _holder(descriptor)
            who = f" (process {holder})" if holder else ""
            raise Busy(
                f"another run of Gatepost{who} is at work in {path.parent}",
                "wait until it has ended",
            ) from error
        except OSError as error:
            raise StopCycle(
                f"{path} cannot be locked: {error.strerror}", "GATEPOST_HOME needs a local disk"
            ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def begin_run(
    state: State,
    now: Clock,
    command: str,
    *,
    as_of: date | None = None,
    config_hash: str | None = None,
    read_hash: str | None = None,
    started_by: str | None = None,
    override_reason: str | None = None,
) -> int:
    """Note that a run begins; its id. The caller holds the run lock: whatever is still noted as
    running died without a word, and is `interrupted` from now on.

    Where the daemon has noted this run already (GATEPOST_RUN), that row is taken over: it keeps
    what the daemon calls it, and who asked for it.
    """
    given = os.environ.get(RUN_VARIABLE, "")
    noted = int(given) if given.isdigit() else 0
    day = as_of.isoformat() if as_of else None
    values = (day, instant_text(now()), config_hash, read_hash, override_reason)
    with state.transaction() as connection:
        connection.execute(
            "UPDATE runs SET state = 'interrupted' WHERE state = 'running' AND id <> ?", (noted,)
        )
        taken = connection.execute(
            "UPDATE runs SET state = 'running', as_of = ?, started_at = ?, config_hash = ?,"
            " read_hash = ?, override_reason = ? WHERE id = ? AND finished_at IS NULL",
            (*values, noted),
        )
        if taken.rowcount:
            return noted
        cursor = connection.execute(
            "INSERT INTO runs (as_of, started_at, config_hash, read_hash, override_reason,"
            " command, started_by) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*values, command, started_by),
        )
    return int(cursor.lastrowid or 0)


def announce_run(state: State, now: Clock, command: str, started_by: str) -> int:
    """Note a run that another process is about to carry out (see `begin_run`); its id."""
    with state.transaction() as connection:
        cursor = connection.execute(
            "INSERT INTO runs (command, started_at, started_by) VALUES (?, ?, ?)",
            (command, instant_text(now()), started_by),
        )
    return int(cursor.lastrowid or 0)


def close_run(
    state: State,
    now: Clock,
    run_id: int,
    ended: AnyEnd,
    error: str | None,
    about: Mapping[str, Any],
) -> None:
    """What whoever announced a run knows once its process is gone: how it ended, where it could
    not say so itself. `about` is added to its summary in any case. Safe to repeat."""
    with state.transaction() as connection:
        connection.execute(
            "UPDATE runs SET state = ?, finished_at = ?, error = ?"
            " WHERE id = ? AND finished_at IS NULL",
            (ended, instant_text(now()), error, run_id),
        )
        connection.execute(
            "UPDATE runs SET summary = json_patch(summary, ?) WHERE id = ?",
            (json.dumps(dict(about), ensure_ascii=False), run_id),
        )


def finish_run(
    state: State,
    now: Clock,
    run_id: int,
    ended: RunState,
    *,
    summary: Mapping[str, Any] | None = None,
    error: str | None = None,
) -> None:
    """Note how a run ended. `summary`: counts and the like, as JSON can hold them; `error`: the
    sentence it ended with. Both are kept without secrets. Safe to repeat: the last word counts."""
    plain = redacted_values(dict(summary or {}))
    text = json.dumps(plain, ensure_ascii=False, sort_keys=True)
    error = None if error is None else redacted(error)
    with state.transaction() as connection:
        connection.execute(
            "UPDATE runs SET state = ?, finished_at = ?, summary = ?, error = ? WHERE id = ?",
            (ended, instant_text(now()), text, error, run_id),
        )


def clock_warning(state: State, now: datetime) -> str | None:
    """A sentence if the last run began well after `now`: somebody set the clock."""
    last = str(state.value("SELECT max(started_at) FROM runs") or "")
    if last <= instant_text(now + _CLOCKS_DIFFER):
        return None
    return (
        f"the clock was set back: a run began at {last}, and it is {instant_text(now)} now; what"
        " was seen in between counts from today on"
    )
