"""From the end of a replay to the outputs by name: what people read and the CRM is told."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from mapping.clock import day_date
from mapping.compiled import CompiledJourney
from mapping.health import TENTHS, score
from mapping.log import SLOTS, HistoryLog
from mapping.replay import Outcome
from mapping.series import NEVER
from mapping.stages import StageWalk
from mapping.state import NO_STAGE, TREND_DAYS
from mapping.syntax import Type
from mapping.vector import Bare, Frame, Mask, Vector, compile_vector

Value = str | float | int | bool | date | tuple[str, ...] | None
PLACES = 6


def plain(vector: Vector, kind: Type) -> list[Value]:
    """Python values of a vector: fractions rounded to six places, whole numbers as int, dates."""
    known = vector.known.tolist()
    if kind == "number":
        rounded = np.round(np.where(vector.known, vector.values, 0.0).astype(np.float64), PLACES)
        whole = (rounded == np.floor(rounded)).tolist()
        return [
            None if not is_known else int(value) if is_whole else value
            for value, is_whole, is_known in zip(rounded.tolist(), whole, known, strict=True)
        ]
    values = vector.values.tolist()
    if kind == "date":
        memo = {number: day_date(number) for number in set(vector.values[vector.known].tolist())}
        return [
            memo[value] if is_known else None for value, is_known in zip(values, known, strict=True)
        ]
    if kind == "untyped":
        return [
            None if not is_known else json.loads(value) if isinstance(value, Bare) else value
            for value, is_known in zip(values, known, strict=True)
        ]
    return [value if is_known else None for value, is_known in zip(values, known, strict=True)]


@dataclass(frozen=True)
class HistoryRow:
    """One stay in a stage, opening of a moment, or breach of a touchpoint."""

    account: str
    journey: str
    kind: str
    name: str
    begin: date
    completed: date | None
    end: date | None


def output_names(compiled: CompiledJourney) -> list[str]:
    """Every output of a journey but its signals and `missing`, in the order of display."""
    moments = [moment.name for moment in compiled.journey.moments]
    return [
        "stage", "stage_entered_on", "days_in_stage", "stage_completed_on", "stage_waiting",
        "stage_done", "stage_overdue", "previous_stage", "stage_owner", "stage_play",
        "stage_metric", "history_complete", "first_value_on", "ttv_days", "ttv_running_days",
        "health_score", "health_band", "health_trend", "alerts",
        *(f"moment.{name}{part}" for name in moments for part in ("", ".since")),
        "next_step", "next_step_due", "next_step_owner", "computed_on",
    ]  # fmt: skip


class Outputs:
    """Every output of one journey, by name, each a list in the order of the accounts.

    An account without a first known day has NULL for all but its signals.
    """

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.size = outcome.accounts.size
        self._walk = StageWalk(outcome.compiled)
        self._begun: Mask = outcome.first_known != NEVER
        self._staged: Mask = outcome.state.stage != NO_STAGE

    @cached_property
    def moment_names(self) -> list[str]:
        """The moments in the file's order."""
        return [moment.name for moment in self.outcome.compiled.journey.moments]

    def names(self) -> list[str]:
        """Every output but the signals and `missing`, in the order in which they are shown."""
        return output_names(self.outcome.compiled)

    def column(self, name: str) -> list[Value]:
        """One output or signal, one value an account. Raises KeyError for a name that is none."""
        if name in self.outcome.signals:
            return plain(self.outcome.signals[name], self.outcome.compiled.signal(name).type)
        values = self._named(name)
        begun = self._begun.tolist()
        return [value if is_begun else None for value, is_begun in zip(values, begun, strict=True)]

    def _named(self, name: str) -> Sequence[Value]:  # noqa: C901, PLR0912 - one case an output
        if name.startswith("moment."):
            return self._moment(name.removeprefix("moment."))
        state, lookup = self.outcome.state, self.outcome.lookup
        match name:
            case "stage" | "health_band":
                return plain(lookup(name), "text")
            case "stage_entered_on" | "first_value_on":
                return plain(lookup(name), "date")
            case "days_in_stage" | "ttv_days" | "ttv_running_days" | "health_score":
                return plain(lookup(name), "number")
            case "stage_completed_on":
                return plain(Vector(state.completed, state.completed != NEVER), "date")
            case "stage_waiting" | "stage_done":
                return self._walk.waiting(state)[name == "stage_done"].tolist()  # type: ignore[no-any-return]
            case "stage_overdue":
                return plain(self._overdue(), "boolean")
            case "previous_stage" | "stage_owner" | "stage_play":
                return self._of_stage(name)
            case "stage_metric":
                return self._metric()
            case "history_complete":
                return self.outcome.history_complete.tolist()  # type: ignore[no-any-return]
            case "health_trend":
                return plain(self._trend(), "number")
            case "alerts":
                return self._alerts()
            case "next_step" | "next_step_due" | "next_step_owner":
                return [step[name] if step else None for step in self._next_steps]
            case "computed_on":
                return [day_date(self.outcome.days.last)] * self.size
            case _:
                raise KeyError(name)

    def _moment(self, name: str) -> list[Value]:
        name, _, part = name.partition(".")
        since = self.outcome.state.open_since[:, self.moment_names.index(name)]
        if part == "since":
            return plain(Vector(since, since != NEVER), "date")
        return (since != NEVER).tolist()  # type: ignore[no-any-return]

    def _overdue(self) -> Vector:
        state, plans = self.outcome.state, self.outcome.compiled.stages
        target = np.array([-1 if p.stage.target is None else p.stage.target for p in plans] + [-1])
        due = target[state.stage]
        days = self.outcome.days.last - state.entered.astype(np.int64)
        return Vector((days > due) & (state.completed == NEVER), due >= 0)

    def _of_stage(self, name: str) -> list[Value]:
        state, plans = self.outcome.state, self.outcome.compiled.stages
        if name == "previous_stage":
            told = [*(plan.stage.name for plan in plans), None]
            return [told[index] for index in state.previous.tolist()]
        told = [getattr(plan.stage, name.removeprefix("stage_")) for plan in plans] + [None]
        return [told[index] for index in state.stage.tolist()]

    def _metric(self) -> list[Value]:
        """The figure of each account's present stage; each stage's may be of another type."""
        outcome = self.outcome
        found: list[Value] = [None] * self.size
        everyone = Frame(self.size, outcome.days.last, outcome.lookup)
        for index, plan in enumerate(outcome.compiled.stages):
            here = np.flatnonzero(outcome.state.stage == index)
            if plan.metric is None or not len(here):
                continue
            values = plain(compile_vector(plan.metric)(everyone.part(here)), plan.metric.type)
            for row, value in zip(here.tolist(), values, strict=True):
                found[row] = value
        return found

    def _trend(self) -> Vector:
        state, day = self.outcome.state, self.outcome.days.judged
        now, before = score(state, day), score(state, day - TREND_DAYS)
        both = now.known & before.known
        return Vector(np.round(now.values * TENTHS - before.values * TENTHS) / TENTHS, both)

    def _alerts(self) -> list[Value]:
        state, plans = self.outcome.state, self.outcome.compiled.stages
        found: dict[int, list[str]] = {}
        for index, name in enumerate(self.moment_names):
            for account in np.flatnonzero(state.open_since[:, index] != NEVER).tolist():
                found.setdefault(account, []).append(name)
        for slot in range(state.breach.shape[1]):
            for account in np.flatnonzero(state.breach[:, slot] != NEVER).tolist():
                touchpoints = plans[state.stage[account]].touchpoints
                found.setdefault(account, []).append(touchpoints[slot].name)
        return [tuple(sorted(found.get(account, ()))) for account in range(self.size)]

    @cached_property
    def _next_steps(self) -> list[dict[str, Value] | None]:
        """The touchpoint of the present stage not yet done that is due first."""
        state, plans = self.outcome.state, self.outcome.compiled.stages
        steps: list[dict[str, Value] | None] = [None] * self.size
        for index, plan in enumerate(plans):
            slots = sorted(
                range(len(plan.touchpoints)), key=lambda slot: plan.touchpoints[slot].due
            )
            for account in np.flatnonzero(state.stage == index).tolist() if slots else ():
                slot = next((s for s in slots if state.done[account, s] == NEVER), None)
                if slot is None:
                    continue
                point = plan.stage.touchpoints[slot]
                due = day_date(int(state.entered[account]) + point.due)
                steps[account] = {
                    "next_step": point.name, "next_step_due": due, "next_step_owner": point.owner,
                }  # fmt: skip
        return steps

    def history(self) -> Iterator[HistoryRow]:
        """What was logged on the way, by account, first day, kind, then as it happened."""
        log = self.outcome.log or HistoryLog(0, 0, 0)
        plans, journey = self.outcome.compiled.stages, self.outcome.compiled.journey
        for row in log.rows():
            match row.kind:
                case "stage":
                    name = plans[row.what].stage.name
                case "moment":
                    name = self.moment_names[row.what]
                case _:
                    stage, slot = divmod(row.what, SLOTS)
                    name = plans[stage].touchpoints[slot].name
            yield HistoryRow(
                str(self.outcome.accounts.ids[row.account_no]), journey.name, row.kind, name,
                day_date(row.begin), _date(row.completed), _date(row.end),
            )  # fmt: skip


def _date(day: int | None) -> date | None:
    return None if day is None else day_date(day)
