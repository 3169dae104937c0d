"""What the daemon runs, and what the end of a run means. Pure."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from config.errors import BrakePulled, Busy, PartlyDone
from gatepost.cli import COMMANDS
from gatepost.daemon.child import Ended

Outcome = Literal["done", "partly", "failed", "stopped", "interrupted", "busy"]
OUTCOMES: tuple[Outcome, ...] = ("done", "partly", "failed", "stopped", "interrupted", "busy")
_BY_CODE: dict[int, Outcome] = {
    0: "done",
    PartlyDone.exit_code: "partly",
    BrakePulled.exit_code: "stopped",
    Busy.exit_code: "busy",
    130: "interrupted",
}

JOBS: dict[str, tuple[str, ...]] = {
    "sync": ("sync", "--no-progress", "--format", "json"),
    "full": ("sync", "--full", "--no-progress", "--format", "json"),
    "retention": ("prune", "--format", "json"),
    "backup": ("backup", "--format", "json"),
}
"""job → the words of its command; the project is added"""
SYNCS = ("sync", "full")


def known_jobs() -> tuple[str, ...]:
    """The jobs whose commands this version has."""
    return tuple(job for job, words in JOBS.items() if words[0] in COMMANDS)


def command_line(job: str, folder: str) -> list[str]:
    """How to start a job by the interpreter that runs now. -P: nothing beside the project's files
    may pass for a module of ours."""
    name, *options = JOBS[job]
    return [sys.executable, "-P", "-m", "gatepost", name, "--project", folder, *options]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a job."""

    job: str
    outcome: Outcome
    seconds: float = 0.0
    peak_mb: float = 0.0
    error: str = ""
    """the sentence that it ended with"""
    nothing_new: bool = False
    summary: Mapping[str, Any] = field(default_factory=dict)
    """what the run noted of itself: `summary` of the table `runs`; {} where it noted nothing"""


def result_of(job: str, ended: Ended, said: Sequence[str], *, stopped: bool) -> Result:
    """`said`: the lines of its stderr; `stopped`: we told it to end."""
    outcome = _BY_CODE.get(ended.code, "failed")
    error = last_words(said)
    if stopped and outcome != "done":
        outcome = "interrupted"
        error = error or "stopped, since the daemon was told to end"
    elif ended.killed_by:
        error = f"its process was ended by {ended.killed_by}"
        if ended.killed_by == "SIGKILL":
            error += ", as the system does where memory runs out"
    elif outcome != "done" and not error:
        error = f"it ended with {ended.code} and said nothing"
    return Result(
        job, outcome, round(ended.seconds, 3), round(ended.peak_mb, 1),
        "" if outcome == "done" else error, bool(_report(ended.result).get("nothing_new")),
    )  # fmt: skip


def last_words(said: Sequence[str]) -> str:
    """The sentence that a command of ours ended with."""
    words = [line.removeprefix("gatepost: ") for line in said if line.startswith("gatepost: ")]
    return words[-1] if words else ""


def _report(result: bytes) -> Mapping[str, Any]:
    """The last object that it printed; nothing where it was cut short."""
    lines = result.decode("utf-8", "replace").splitlines()
    try:
        found = json.loads(lines[-1]) if lines else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def level_of(line: str) -> Literal["info", "warning", "error"]:
    """How loud a line of a command is."""
    if line.startswith("gatepost: "):
        return "error"
    return "warning" if line.startswith("warning: ") else "info"
