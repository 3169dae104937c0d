"""How many bad rows are borne, and what is kept of them."""

from collections.abc import Sequence

from config.errors import FixConfig, StopCycle
from config.problem import Problem, quoted
from config.project_file import Connection
from connectors.base import Rejected

KEPT_ASIDE = 1_000
"""Bad rows of one part or object whose text is kept."""
KEPT_CHARACTERS = 10_000
"""How much of a bad row's text is kept."""

_DEFAULT = 0.05
_FEW = 20  # so few stop no run, whatever their share, if any row is good


def max_rejected(name: str, connection: Connection) -> float:
    """The share of bad rows that a connection bears: its option `max_rejected`, 5 in 100 unsaid."""
    given = connection.options.get("max_rejected", _DEFAULT)
    if isinstance(given, int | float) and not isinstance(given, bool) and 0 <= given <= 1:
        return float(given)
    place = f"connections.{name}.max_rejected"
    message = f"{quoted(given)} is no share between 0 and 1"
    raise FixConfig([Problem("gatepost.yaml", 0, 0, place, message, "0.05 means 5 in 100 rows")])


def check_share(name: str, good: int, bad: int, examples: Sequence[Rejected], most: float) -> None:
    """StopCycle if more than `most` of the rows of a file or part are bad, and not just a few."""
    if (good and bad < _FEW) or bad <= most * (good + bad):
        return
    said = "; ".join(f"line {one.line}: {one.reason}" for one in examples[:3])
    raise StopCycle(
        f"{name}: {bad:,} of {good + bad:,} rows cannot be read ({said})",
        f"mend it, or raise max_rejected of its connection (now {most:g})",
    )
