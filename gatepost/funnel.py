"""Where accounts are, and who is stuck: figures over one computed journey. Pure."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from gatepost.cells import Value, figure, percent

if TYPE_CHECKING:
    from config.journey import Journey
    from sync.compute import Computed

NO_STAGE = "(no stage yet)"


@dataclass(frozen=True)
class Standing:
    """One account: what the funnel and the list of the stuck look at."""

    account: str
    name: str
    stage: str | None
    days: int | None
    waiting: bool
    overdue: bool
    completed_on: date | None
    missing: str
    alerts: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """One stage: how many accounts, what share of all, and how long they have been in it."""

    stage: str
    accounts: int
    share: float
    median_days: float | None
    waiting: int
    overdue: int


@dataclass(frozen=True)
class Stuck:
    """An account past its time: `days` over the target, or since it began to wait."""

    who: Standing
    days: int


def standings(computed: "Computed") -> list[Standing]:
    """The accounts of a journey, in the order of their ids."""
    columns = (
        computed.column(name)
        for name in (
            "stage", "days_in_stage", "stage_waiting", "stage_overdue", "stage_completed_on",
            "missing", "alerts",
        )
    )  # fmt: skip
    ids, names = computed.accounts.ids.tolist(), computed.accounts.names.tolist()
    return [
        Standing(
            account, name,
            stage if isinstance(stage, str) else None,
            days if isinstance(days, int) else None,
            waiting is True, overdue is True,
            completed if isinstance(completed, date) else None,
            str(missing or ""),
            alerts if isinstance(alerts, tuple) else (),
        )
        for account, name, stage, days, waiting, overdue, completed, missing, alerts in zip(
            ids, names, *columns, strict=True
        )
    ]  # fmt: skip


def funnel(stages: Sequence[str], accounts: Sequence[Standing]) -> list[Step]:
    """One step for each stage in the journey's order; those without a stage come first, if any."""
    steps = []
    for stage in (None, *stages):
        here = [one for one in accounts if one.stage == stage]
        if stage is None and not here:
            continue
        spent = [one.days for one in here if one.days is not None]
        steps.append(
            Step(
                stage or NO_STAGE, len(here), len(here) / len(accounts) if accounts else 0.0,
                statistics.median(spent) if spent else None,
                sum(one.waiting for one in here), sum(one.overdue for one in here),
            )
        )  # fmt: skip
    return steps


def stuck(journey: "Journey", accounts: Sequence[Standing], as_of: date) -> list[Stuck]:
    """Who is overdue or waits, longest first; ties by id."""
    targets = {stage.name: stage.target for stage in journey.stages}
    found = []
    for one in accounts:
        target = targets.get(one.stage or "")
        if one.waiting and one.completed_on is not None:
            found.append(Stuck(one, (as_of - one.completed_on).days))
        elif one.overdue and one.days is not None and target is not None:
            found.append(Stuck(one, one.days - target))
    return sorted(found, key=lambda each: (-each.days, each.who.account))


def funnel_cells(steps: Sequence[Step]) -> list[list[str]]:
    """The funnel as a table: stage, accounts, share, median days, waiting, overdue."""
    return [
        [
            one.stage, f"{one.accounts:,}", percent(one.share),
            _or_dash(figure(one.median_days)), _or_dash(one.waiting), _or_dash(one.overdue),
        ]
        for one in steps
    ]  # fmt: skip


def _or_dash(value: Value) -> str:
    return str(value or "–")
