"""The errors that Gatepost raises on purpose, named by what to do next.

GatepostError
├── FixConfig      only the user can help: the files say something that cannot be done
├── UsageError     the command line asks for something that does not exist
├── StopCycle      nothing after this is safe: a login, the lake, the state
│   └── Busy       another run is at work in the same home
├── PartlyDone     the cycle ended, but some records or sources failed
├── BrakePulled    a guard stopped the run before its first write
├── RetryLater     the same request may work in a while
└── RecordRejected this one record will not work; the others may

Whoever catches one at the top prints `str(error)`, then `error.hint`, and leaves with
`error.exit_code`.
"""

from collections.abc import Iterable
from typing import ClassVar

from config.problem import Problem

ANOTHER_HOME = "let this user write there, or name another folder in GATEPOST_HOME"
"""The hint where what Gatepost keeps cannot be kept."""


class GatepostError(Exception):
    """Something went wrong that can be said in a sentence; `hint` says what may help."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class FixConfig(GatepostError):
    """The project's files or its environment must change. Carries every problem, in file order."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem], hint: str = "") -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems), hint)


class UsageError(GatepostError):
    """The command was called in a way that makes no sense: an unknown account, a date in words."""

    exit_code = 2


class StopCycle(GatepostError):
    """Going on would be unsafe; what was done so far is kept and consistent."""


class Busy(StopCycle):
    """Another run is at work. Nothing was begun, and later it will work."""

    exit_code = 5


class PartlyDone(GatepostError):
    """The run went through, but not for everything; the message says what is left."""

    exit_code = 3


class BrakePulled(GatepostError):
    """A guard found the run suspicious and stopped it. Nothing was written."""

    exit_code = 4


class RetryLater(GatepostError):
    """The other side is busy or away. `wait_seconds` is what it asked for, None if unsaid."""

    def __init__(self, message: str, wait_seconds: float | None = None, hint: str = "") -> None:
        super().__init__(message, hint)
        self.wait_seconds = wait_seconds


class RecordRejected(GatepostError):
    """The other side refuses this record and will refuse it again; others are not affected."""
