"""The replay: days in order, each day all accounts. From the first day, or from a checkpoint.

Pure: events have been counted (daily.py), fields are step functions, the day is an argument. The
same inputs give the same answer, and a replay that goes on from a checkpoint gives what one from
the first day gives.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapping.accounts import AccountTable, FieldCursor
from mapping.carry import Carry
from mapping.clock import day_number
from mapping.compiled import CompiledJourney
from mapping.health import HealthRule, Scored, score
from mapping.log import HistoryLog
from mapping.moments import MomentRule, TouchpointRule, judged
from mapping.reach import Reach
from mapping.series import NEVER, Series, Span
from mapping.signals import Measured, SignalBuilder, Signals
from mapping.stages import StageWalk
from mapping.state import NO_BAND, NO_SCORE, NO_STAGE, WalkState
from mapping.vector import Array, Frame, Vector, unknown

Tick = Callable[[int], None]


@dataclass(frozen=True)
class Checkpoint:
    """All that a replay needs to go on after `day`, account by account (rows follow the accounts).

    `carry` holds what each signal can't read again, accounts along the last axis; pairs of account
    and user among it refer to accounts by row. `reach`: what windows will read again.
    """

    day: int
    first_event: NDArray[np.int32]
    state: Mapping[str, Array]
    carry: Carry
    reach: Reach


@dataclass(frozen=True)
class Days:
    """Which days a replay walks: `first` … `last`; health and moments are judged up to `judged`."""

    first: int
    last: int
    judged: int
    checkpoint: int | None = None


@dataclass
class Outcome:
    """The end of a replay: the state on the last day and everything that outputs are made of."""

    compiled: CompiledJourney
    accounts: AccountTable
    days: Days
    state: WalkState
    signals: Mapping[str, Vector]
    fields: Mapping[str, Vector]
    start: Vector
    first_known: NDArray[np.int32]
    history_complete: Array
    first_value: Vector
    series: Mapping[str, Series]
    scored: Scored | None
    log: HistoryLog | None
    checkpoint: Checkpoint | None
    lookup: Callable[[str], Vector]


class Replay:
    """One journey over some accounts. `run()` once."""

    def __init__(
        self, compiled: CompiledJourney, accounts: AccountTable, measured: Measured, days: Days,
        *, since: Checkpoint | None = None, log: HistoryLog | None = None,
    ) -> None:  # fmt: skip
        """`since`: go on after this checkpoint; its day is the one before `days.first`."""
        self.compiled, self.accounts, self.days, self.log = compiled, accounts, days, log
        self._measured = measured
        self._stages, self._health = StageWalk(compiled), HealthRule(compiled)
        self._moments, self._touchpoints = MomentRule(compiled), TouchpointRule(compiled)
        size = accounts.size
        journey = compiled.journey
        self.start = self._field_on(journey.start, days.last)
        self.first_event = _first_event(measured, size, since)
        since_day = day_number(journey.since)
        began = np.where(self.start.known, self.start.values, NEVER)
        earliest = np.minimum(began, self.first_event)
        self.first_known = np.where(
            earliest == NEVER, NEVER, np.maximum(earliest, since_day)
        ).astype(np.int32)
        self.history_complete = np.where(self.start.known, began, self.first_event) >= since_day
        span = Span(days.first, days.last, size)
        self._signals: Signals = SignalBuilder(
            compiled, accounts, span, measured, self.first_known, since.carry if since else None
        ).build()
        self.state = WalkState.of(since.state) if since else self._fresh(size)
        self._cursors = {name: FieldCursor(accounts.fields[name], size) for name in accounts.fields}
        self._stage_names = np.array([p.stage.name for p in compiled.stages] + [""], np.object_)
        self._band_names = np.array([*self._health.band_names, ""], np.object_)
        self._today: dict[str, Vector] = {}
        self._day = days.first
        self._scored: Scored | None = None

    def _fresh(self, size: int) -> WalkState:
        slots = max([0, *(len(plan.touchpoints) for plan in self.compiled.stages)])
        moments = len(self.compiled.journey.moments)
        return WalkState.start(size, len(self.compiled.stages), slots, moments)

    def _field_on(self, name: str | None, day: int) -> Vector:
        if name is None:
            return unknown(self.accounts.size, "date")
        return self.accounts.fields[name].on(day, self.accounts.size)

    def run(self, tick: Tick | None = None) -> Outcome:
        """Walk all days; `tick` is called after each one."""
        checkpoint = None
        for day in range(self.days.first, self.days.last + 1):
            self._one_day(day)
            if day == self.days.checkpoint:
                checkpoint = self._checkpoint(day)
            if tick:
                tick(day)
        return Outcome(
            self.compiled, self.accounts, self.days, self.state,
            {plan.name: self._lookup(plan.name) for plan in self.compiled.signals},
            {name: self._lookup(name) for name in self.accounts.fields},
            self.start, self.first_known, self.history_complete, self._first_value(),
            self._signals.series, self._scored, self.log, checkpoint, self._lookup,
        )  # fmt: skip

    def _checkpoint(self, day: int) -> Checkpoint:
        compiled, filters = self.compiled, len(self.compiled.measures.by_user)
        by_user = self._measured.user_days() if filters else {}
        return Checkpoint(
            day,
            np.where(self.first_event <= day, self.first_event, NEVER).astype(np.int32),
            self.state.arrays(),
            self._signals.carry(day),
            Reach.of(
                self._measured.account_days,
                by_user,
                day,
                window=compiled.longest_reach(),
                users_window=compiled.longest_users_window(),
                filters=filters,
            ),
        )

    def _one_day(self, day: int) -> None:
        self._day, self._today = day, {}
        for name, series in self._signals.series.items():
            self._today[name] = series.on(day)
        active = np.flatnonzero(self.first_known <= day)
        self._stages.walk(self.state, day, active, self._lookup, self.log)
        frame = Frame(self.accounts.size, day, self._lookup)
        ended = self._stages.ended(self.state)
        counts = judged(self.state, ended)
        if day <= self.days.judged:
            known_days = day - self.first_known.astype(np.int64)
            self._scored = self._health.judge(self.state, frame, known_days, counts)
            self._moments.judge(self.state, frame, known_days, counts, self.log)
        else:
            # Today is not over: what was judged yesterday stands, unless there is nothing to judge.
            self.state.scores[~counts, self.days.judged % self.state.scores.shape[1]] = NO_SCORE
            self.state.band[~counts] = NO_BAND
        self._moments.end(self.state, day, ended, self.log)
        self._touchpoints.judge(self.state, frame, self.log)

    def _lookup(self, name: str) -> Vector:
        """A name's value on the present day. What the walk changes is never kept."""
        kept = self._today.get(name)
        if kept is not None:
            return kept
        if name in self._cursors:
            return self._cursors[name].on(self._day)
        size, state = self.accounts.size, self.state
        staged = state.stage != NO_STAGE
        match name:
            case "day":
                return Vector(np.full(size, self._day, np.int32), np.ones(size, np.bool_))
            case "stage":
                return Vector(self._stage_names[state.stage], staged)
            case "stage_entered_on":
                return Vector(state.entered, staged)
            case "days_in_stage":
                return Vector(
                    (self._day - state.entered.astype(np.int64)).astype(np.float64), staged
                )
            case "health_score":
                return score(state, min(self._day, self.days.judged))
            case "health_band":
                return Vector(self._band_names[state.band], state.band != NO_BAND)
            case "first_value_on":
                return self._first_value()
            case "ttv_days":
                return self._ttv_days()
            case "ttv_running_days":
                return self._ttv_running_days()
            case _:
                raise KeyError(name)

    def _first_value(self) -> Vector:
        name = self.compiled.journey.first_value
        if name is not None:
            value = self._today[name]
            return Vector(value.values, value.known & (self.first_known <= self._day))
        return Vector(self.state.first_value, self.state.first_value <= self._day)

    def _ttv_days(self) -> Vector:
        value = self._first_value()
        known = value.known & self.start.known & self.history_complete
        days = value.values.astype(np.float64) - self.start.values
        return Vector(np.maximum(days, 0.0), known)

    def _ttv_running_days(self) -> Vector:
        days = self._day - self.start.values.astype(np.float64)
        known = self.start.known & (days >= 0) & ~self._first_value().known & self.history_complete
        return Vector(days, known & ~self._stages.ended(self.state))


def _first_event(measured: Measured, size: int, since: Checkpoint | None) -> NDArray[np.int32]:
    first = np.full(size, NEVER, np.int32) if since is None else since.first_event.copy()
    rows = measured.account_days
    np.minimum.at(first, rows["account_no"], rows["day"].astype(np.int32))
    return first
