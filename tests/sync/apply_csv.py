"""Runs that are killed: applies what is desired to a CSV, each time in a process of its own.

A script, not a test. It imports everything once and then forks for each order that it reads, a
line of JSON: {"folder", "step", "number", "kill_after"}. The folder holds Account.csv and
desired.json. The child kills itself when `step` of the ledger is reached for the `number`-th time,
or is killed after `kill_after` seconds. While it lives, the CSV is read over and over. The answer,
a line of JSON: {"code": the exit code, negative for a signal; "seconds": how long it lived;
"seen": the hash of each content of the CSV that was seen}.
"""

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

from config.project_file import Connection
from connectors.files_sink import FilesSink
from connectors.registry import connect
from sync.runs import run_lock
from sync.state import State
from tests.sync.fake_sink import run_once


def apply(folder: Path, step: str | None, number: int) -> None:
    reached: list[str] = []

    def on_step(at: str) -> None:
        reached.append(at)
        if at == step and reached.count(at) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    desired = json.loads((folder / "desired.json").read_text())
    sink = connect("crm", Connection(type="files", options={"path": "."}), folder).sink()
    assert isinstance(sink, FilesSink)
    with run_lock(folder / "home"), State(folder / "home") as state:
        report = run_once(state, sink, desired, on_step=on_step)
        assert report.all_done, report


def in_a_child(folder: Path, step: str | None, number: int, kill_after: float | None) -> dict:
    """Fork, watch, perhaps kill; how it ended."""
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            apply(folder, step, number)
            code = 0
        finally:
            os._exit(code)
    seen = set()
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        seconds = time.monotonic() - began
        if ended:
            break
        if kill_after is not None and seconds > kill_after:
            os.kill(child, signal.SIGKILL)
            kill_after = None
        seen.add(hashlib.sha256((folder / "Account.csv").read_bytes()).hexdigest())
        time.sleep(0.001)
    code = os.waitstatus_to_exitcode(status)
    return {"seen": sorted(seen), "code": code, "seconds": seconds}


if __name__ == "__main__":
    for line in sys.stdin:
        order = json.loads(line)
        answer = in_a_child(
            Path(order["folder"]), order["step"], order["number"], order["kill_after"]
        )
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
