"""What the state file says about standing conditions: stale, fallen, quarantined, silent. Pure."""

from collections.abc import Callable, Iterator
from datetime import datetime

from config.load import Project
from gatepost.daemon.conditions import (
    Alert,
    Condition,
    Finding,
    of_lag,
    of_match,
    of_quarantine,
    of_silence,
)
from gatepost.daemon.facts import Facts
from gatepost.daemon.triggers import most_silence


def standing(
    project: Project,
    facts: Facts,
    known: Callable[[Condition, str], Alert | None],
    begun: datetime,
    now: datetime,
) -> Iterator[Finding]:
    """`known`: the alert of a condition and subject, where there is one; `begun`: since when the
    daemon runs."""
    given = project.gatepost
    # Cases and surveys may fail to happen for weeks; usage may not.
    product = {entry.name for entry in project.mapping.events if entry.object is None}
    for source in sorted(product & set(facts.lags)):
        yield of_lag(source, facts.lags[source], given.alerts.stale)
    for source, shares in facts.shares.items():
        found = of_match(source, shares, given.alerts.match_drop, known("match", source))
        if found is not None:
            yield found
    yield of_quarantine(facts.quarantine)
    # nobody is to blame for the time before the daemon began
    last = max(facts.ended.get("sync", begun), begun)
    allowed = most_silence(given.schedule, given.alerts.silent, last)
    yield of_silence("sync", (now - last).total_seconds(), allowed.total_seconds())
