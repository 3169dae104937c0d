"""Runs: one at a time in a home, and what each of them came to."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from config.errors import StopCycle
from sync.state import State, instant_text

LOCK_NAME = "run.lock"

RunState = Literal["done", "partly", "failed", "stopped"]
Clock = Callable[[], datetime]
"""Gives the present instant, aware."""


@contextmanager
def run_lock(home: Path) -> Iterator[None]:
    """Be the only run of this home, across processes, until the block ends or the process dies.

    StopCycle at once if another run is at work; its process id is in the message.
    """
    path = home / LOCK_NAME
    try:
        home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StopCycle(f"{path} cannot be made: {error.strerror}", "see GATEPOST_HOME") from error
    try:
        _take(descriptor, path)
        yield
    finally:
        os.close(descriptor)  # which gives the lock back; the file stays, or two could hold two


def _take(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
        who = f" (process {holder})" if holder.isdigit() else ""
        raise StopCycle(
            f"another run of Gatepost{who} is at work in {path.parent}", "wait until it has ended"
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
    running died without a word, and is `interrupted` from now on."""
    day = as_of.isoformat() if as_of else None
    with state.transaction() as connection:
        connection.execute("UPDATE runs SET state = 'interrupted' WHERE state = 'running'")
        cursor = connection.execute(
            "INSERT INTO runs (command, as_of, started_at, config_hash, read_hash, started_by,"
            " override_reason) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                command,
                day,
                instant_text(now()),
                config_hash,
                read_hash,
                started_by,
                override_reason,
            ),
        )
    return int(cursor.lastrowid or 0)


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
    sentence it ended with. Safe to repeat: the last word counts."""
    text = json.dumps(dict(summary or {}), ensure_ascii=False, sort_keys=True)
    with state.transaction() as connection:
        connection.execute(
            "UPDATE runs SET state = ?, finished_at = ?, summary = ?, error = ? WHERE id = ?",
            (ended, instant_text(now()), text, error, run_id),
        )
