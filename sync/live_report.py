"""What a live check found, and whether the calls of a sync are there to be made. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from connectors.base import BudgetLeft
from connectors.facts import Estimate
from sync.live_fields import Said
from sync.live_uses import Finding


@dataclass(slots=True)
class Looked:
    """What was found out about one connection."""

    name: str
    type: str
    who: str = ""
    fields: int = 0
    """how many that the mapping names were looked at"""
    events: int = 0
    note: str = ""
    """what could not be looked at, and why that is no mistake"""
    estimate: Estimate | None = None
    left: BudgetLeft | None = None


@dataclass(slots=True)
class LiveReport:
    """Findings in the order of the files, and each connection that was looked at."""

    findings: list[Finding] = field(default_factory=list)
    looked: list[Looked] = field(default_factory=list)

    @property
    def errors(self) -> list[Finding]:
        return [one for one in self.findings if one.severity == "error"]

    @property
    def only_away(self) -> bool:
        """Whether all that is wrong is that somebody did not answer."""
        return bool(self.errors) and all(one.check == "unreachable" for one in self.errors)


def judge_calls(looked: Looked) -> Iterator[Said]:
    """Calls that a sync takes against those that may be made. Pure."""
    need, left = looked.estimate, looked.left
    if need is None or left is None or left.left is None:
        return
    rest = f"and {left.left:,} may be made now"
    if left.allowed is not None:
        rest += f" ({left.used:,} of {left.allowed:,} are used)"
    hint = "raise api_budget, or sync less often"
    if need.quiet > left.left:
        said = f"a sync takes about {need.quiet:,} calls, {rest}"
        yield Said("error", "budget", said, hint)
    elif need.full > left.left:
        said = f"a sync that {need.meaning} takes about {need.full:,} calls, {rest}"
        yield Said("warning", "budget", said, "it stops in between, and the next goes on")
