"""A sandbox as a process of its own, for as long as something is rehearsed on it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config.errors import GatepostError
from gatepost.loopback import asked_of

_SECONDS_TO_END = 10.0


@contextmanager
def sandbox_process(port: int, state: Path, **world: Any) -> Iterator[dict[str, Any]]:
    """Start the sandbox, on another port if this one is taken; give the line that it prints.

    `state` keeps what is written; `world` is seed, accounts, days, end. The process ends with the
    block, whatever ends that, and with this one, even if it is killed. GatepostError if it does not
    start.
    """
    process, line = _started(port, state, world)
    if not line and port:
        _end(process)
        process, line = _started(0, state, world)
    try:
        if not line:
            said = process.stderr.read().strip().splitlines() if process.stderr else []
            raise GatepostError(
                f"the sandbox does not start: {said[-1] if said else 'it says nothing'}",
                f"if {state} is of another version, delete it to start over",
            )
        yield json.loads(line)
    finally:
        _end(process)


def calls_made(ready: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Calls by vendor and kind since the sandbox started."""
    counts: dict[str, dict[str, int]] = asked_of(f"{ready['control']}/requests?limit=0")["counts"]
    return counts


def _started(port: int, state: Path, world: dict[str, Any]) -> tuple["subprocess.Popen[str]", str]:
    """The process and its line; "" if it ended without one."""
    words = [word for name, value in world.items() for word in (f"--{name}", str(value))]
    process = subprocess.Popen(  # noqa: S603 (our own program, our own words)
        [sys.executable, "-P", "-m", "sandbox", "--port", str(port), "--state", str(state),
         "--until-eof", *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,  # Ctrl-C is for us; we end it when we are done
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    return process, process.stdout.readline()


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.communicate(timeout=_SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
