"""The rows that `evaluate` and `history` print, out of a walk."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from tests.oracle.expressions import evaluate as evaluate_expression
from tests.oracle.project import Account, Config
from tests.oracle.readings import Scalar, Value, duration, read_number
from tests.oracle.stages import Stay
from tests.oracle.walk import Breach, Walk

Row = dict[str, Any]


def evaluation(account: Account, journey: Config, walk: Walk) -> Row:
    """One row of `evaluate`: every output by its name, and the signals as an object."""
    outputs = outputs_of(journey, walk)
    if walk.first_known_day is None:
        outputs = dict.fromkeys(outputs)
    signals = walk.signals.on(walk.last_day)
    return {
        "account": account.id,
        "journey": journey["journey"],
        **{name: as_json(value) for name, value in outputs.items()},
        "signals": {name: as_json(value) for name, value in signals.items()},
    }


def outputs_of(journey: Config, walk: Walk) -> Row:
    """The outputs at the end of the last day, for an account with a first known day."""
    day = walk.last_day
    alerts = [opening.moment for opening in walk.openings if opening.closed_on is None]
    alerts += [breach.touchpoint for breach in walk.breaches if breach.to_day is None]
    return {
        **stage_outputs(walk),
        "history_complete": walk.history_complete(),
        "first_value_on": walk.first_value_on(day),
        "ttv_days": walk.ttv_days(day),
        "ttv_running_days": walk.ttv_running_days(day),
        "health_score": None if walk.health_score is None else float(walk.health_score),
        "health_band": walk.health_band,
        "health_trend": health_trend(walk),
        "alerts": sorted(alerts),
        **moment_outputs(journey, walk),
        **next_step(walk),
        "computed_on": day,
    }


def stage_outputs(walk: Walk) -> Row:
    """Where the account is. Without a stage nothing is known but that it neither waits nor is
    done."""
    stay, day = walk.present(), walk.last_day
    stage: Config = walk.stages[stay.stage] if stay else {}
    days = (day - stay.entered_on).days if stay else None
    completed = stay is not None and stay.completed_on is not None
    has_next = stay is not None and walk.following(stay.stage) is not None
    metric = stage.get("metric")
    return {
        "stage": walk.stage_name(),
        "stage_entered_on": stay.entered_on if stay else None,
        "days_in_stage": days,
        "stage_completed_on": stay.completed_on if stay else None,
        "stage_waiting": completed and has_next,
        "stage_done": completed and not has_next,
        "stage_overdue": overdue(stage, days, completed=completed),
        "previous_stage": walk.stages[walk.stays[-2].stage]["stage"] if walk.stays[1:] else None,
        "stage_owner": stage.get("owner"),
        "stage_play": stage.get("play"),
        "stage_metric": evaluate_expression(str(metric), walk.all_names(day)) if metric else None,
    }


def overdue(stage: Config, days: int | None, *, completed: bool) -> bool | None:
    """More days in the stage than its target; false once completed; NULL without stage or
    target."""
    if days is None or "target" not in stage:
        return None
    return not completed and days > duration(stage["target"])


def health_trend(walk: Walk) -> float | None:
    """The score minus the score 28 days before; on an unfinished day, of the day before it."""
    day = walk.last_day if walk.complete else walk.last_day - timedelta(days=1)
    before = walk.scores.get(day - timedelta(days=28))
    if walk.health_score is None or before is None:
        return None
    return float(walk.health_score - before)


def moment_outputs(journey: Config, walk: Walk) -> Row:
    """`moment.NAME` and `moment.NAME.since` of every moment."""
    found: Row = {}
    for moment in journey.get("moments") or []:
        opening = walk.open_moment(moment["moment"])
        found[f"moment.{moment['moment']}"] = opening is not None
        found[f"moment.{moment['moment']}.since"] = opening.opened_on if opening else None
    return found


def next_step(walk: Walk) -> Row:
    """The touchpoint of the present stage, not yet done, that is due first; ties as in the file."""
    stay = walk.present()
    touchpoints = walk.stages[stay.stage].get("touchpoints") or [] if stay is not None else []
    waiting = [
        (walk.due_on(stay, touchpoint), touchpoint)
        for touchpoint in touchpoints
        if stay is not None and touchpoint["touchpoint"] not in stay.done
    ]
    if not waiting:
        return {"next_step": None, "next_step_due": None, "next_step_owner": None}
    due, touchpoint = min(waiting, key=lambda pair: pair[0])
    return {
        "next_step": touchpoint["touchpoint"],
        "next_step_due": due,
        "next_step_owner": touchpoint.get("owner"),
    }


def happenings(account: Account, journey: Config, walk: Walk) -> list[Row]:
    """The rows of `history` of one account, ordered by `from`, kind, and then as they happened."""
    head = {"account": account.id, "journey": journey["journey"]}
    rows = [stay_row(walk, stay) for stay in walk.stays]
    rows += [
        span("moment", opening.moment, opening.opened_on, opening.closed_on)
        for opening in walk.openings
    ]
    rows += [breach_row(breach) for breach in walk.breaches]
    kinds = ("stage", "moment", "touchpoint")
    rows.sort(key=lambda row: (row["from"], kinds.index(row["kind"])))
    return [{**head, **row} for row in rows]


def stay_row(walk: Walk, stay: Stay) -> Row:
    """A stay in a stage; `completed` and `to` null while open."""
    row = span("stage", walk.stages[stay.stage]["stage"], stay.entered_on, stay.left_on)
    return {**row, "completed": as_json(stay.completed_on)}


def breach_row(breach: Breach) -> Row:
    """A breach of a touchpoint."""
    return span("touchpoint", breach.touchpoint, breach.from_day, breach.to_day)


def span(kind: str, name: str, begin: date, end: date | None) -> Row:
    """What lasted from a day to a day."""
    return {"kind": kind, "name": name, "from": as_json(begin), "to": as_json(end)}


def as_json(value: Value | list[str]) -> Any:
    """As JSON has it: dates as ISO text, fractions to six places, untyped properties as they
    came."""
    if isinstance(value, Scalar):
        return scalar_as_json(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return round(value, 6)
    return value


def scalar_as_json(value: Scalar) -> str | bool | int | float | None:
    """A property without a type: the JSON value that it was in the file."""
    if value.kind == "number":
        number = read_number(value)
        return round(number, 6) if isinstance(number, float) else number
    return value.text == "true" if value.kind == "boolean" else value.text
