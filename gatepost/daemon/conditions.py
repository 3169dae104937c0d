"""What may be wrong with the job itself, and what of it somebody has not been told yet. Pure.

An alert is a condition of a subject (`failed` of `sync`, `stale` of the source `product`). It is
told once when it begins and once when it is over, to each channel by itself, so that one that
could not be reached hears it later and the others not again.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Literal

Condition = Literal[
    "failed", "stopped", "partly", "stale", "match", "quarantine", "silent", "config"
]
WORDS: dict[Condition, str] = {
    "failed": "failed",
    "stopped": "was stopped by a brake",
    "partly": "was only partly done",
    "stale": "has no new events",
    "match": "has fewer events that find their account",
    "quarantine": "has records that the CRM refuses",
    "silent": "has not run",
    "config": "cannot be read",
}
Key = tuple[Condition, str]
LONGEST_TEXT = 1000
USUAL = 10
"""pulls whose match rate is what is usual"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known now of a condition. One that nothing is known of has none, and stays."""

    condition: Condition
    subject: str
    holds: bool
    text: str = ""
    """a sentence with the figures"""
    baseline: float | None = None
    """what it is measured by while it lasts"""


@dataclass(frozen=True, slots=True)
class Alert:
    """An episode. `told`: channel → whether the last that it heard is that it is open."""

    condition: Condition
    subject: str
    open: bool
    since: str
    """of this state"""
    text: str
    told: Mapping[str, bool] = field(default_factory=dict)
    baseline: float | None = None

    @property
    def key(self) -> Key:
        return self.condition, self.subject


def decide(known: Mapping[Key, Alert], findings: Iterable[Finding], now: str) -> dict[Key, Alert]:
    """The alerts as they are now: those that began, that are over, and the others as they were."""
    alerts = dict(known)
    for one in findings:
        key = (one.condition, one.subject)
        old = alerts.get(key)
        if one.holds and (old is None or not old.open):
            told = old.told if old else {}
            alerts[key] = Alert(
                one.condition, one.subject, open=True, since=now, text=one.text, told=told,
                baseline=one.baseline,
            )  # fmt: skip
        elif one.holds and old is not None:
            alerts[key] = replace(old, text=one.text)
        elif old is not None and old.open:
            alerts[key] = replace(old, open=False, since=now, text=one.text)
    return alerts


def to_tell(alerts: Iterable[Alert], channels: Collection[str]) -> Iterator[tuple[Alert, str]]:
    """Who has not heard the state of what. What began and was over before it could be told to a
    channel is never told there."""
    for alert in alerts:
        for channel in channels:
            if alert.told.get(channel, False) != alert.open:
                yield alert, channel


def was_told(alert: Alert, channel: str) -> Alert:
    """The alert once a channel has heard its state."""
    return replace(alert, told={**alert.told, channel: alert.open})


def is_over(alert: Alert, channels: Collection[str]) -> bool:
    """Whether nothing of it need be remembered."""
    return not alert.open and not any(alert.told.get(one, False) for one in channels)


# ------------------------------------------------------------------- from facts to findings


def of_outcome(job: str, outcome: str, error: str) -> Iterator[Finding]:
    """What the end of a run says. A run that was interrupted says nothing."""
    if outcome not in ("done", "failed", "stopped", "partly"):
        return
    states: tuple[Condition, ...] = ("failed", "stopped", "partly")
    for condition in states:
        text = error[:LONGEST_TEXT] if outcome == condition else f"the last run ended as {outcome}"
        yield Finding(condition, job, outcome == condition, text)


def of_lag(source: str, seconds: float, most_days: int) -> Finding:
    """Whether a source of events is stale."""
    days = seconds / 86_400
    text = f"its newest event is {days:.1f} days old, {most_days} are allowed"
    return Finding("stale", source, days > most_days, text)


def of_match(
    source: str, shares: Sequence[float], drop: float, known: Alert | None
) -> Finding | None:
    """Whether a match rate fell; `shares` of the last pulls, 0 to 1, newest first. While it lasts
    it is measured by what was usual before. None without anything to compare with."""
    if known is not None and known.open and known.baseline is not None:
        usual = known.baseline
    elif len(shares) > 1:
        usual = median(shares[1 : USUAL + 1])
    else:
        return None
    now = shares[0] if shares else usual
    text = f"{100 * now:.1f} % of its events found their account, {100 * usual:.1f} % is usual"
    return Finding("match", source, now < usual - drop, text, usual)


def of_quarantine(records: int) -> Finding:
    """Whether records wait because the CRM refuses them."""
    return Finding("quarantine", "writes", records > 0, f"{records:,} records are in quarantine")


def of_silence(job: str, seconds: float, most_seconds: float) -> Finding:
    """Whether a job that should have run did not; `seconds` since one ended."""
    hours = seconds / 3600
    text = f"no run ended for {hours:.1f} hours, {most_seconds / 3600:.1f} are allowed"
    return Finding("silent", job, seconds > most_seconds, text)


def of_config(problems: int, first: str) -> Finding:
    """Whether the project's files could be read the last time that they were."""
    text = f"{problems} problems, the first: {first}" if problems else "the new one is in force"
    return Finding("config", "configuration", problems > 0, text)
