"""The walk: which stage each account is in, day by day, exactly as the journey reference says.

One call of `walk` is one day of all accounts. Within the day there are turns: in a turn every
account makes at most one move, and those that moved take another turn, until nobody moves.
"""

from collections.abc import Callable, Mapping

import numpy as np

from mapping.compiled import CompiledJourney
from mapping.log import HistoryLog
from mapping.series import NEVER
from mapping.state import NO_STAGE, WalkState
from mapping.vector import Array, Evaluate, Frame, Mask, Vector, compile_vector

Lookup = Callable[[str], Vector]


class StageWalk:
    """The stages of a journey, ready to walk."""

    def __init__(self, compiled: CompiledJourney) -> None:
        self.plans = compiled.stages
        self.enter_of = [plan.enter and compile_vector(plan.enter) for plan in self.plans]
        self.exit_of = [plan.exit and compile_vector(plan.exit) for plan in self.plans]
        self.finds_first_value = compiled.journey.first_value is None
        self.ends_of = np.array([plan.stage.ends for plan in self.plans] + [False])
        self.next_of = np.array(
            [NO_STAGE if p.next is None else p.next for p in self.plans] + [NO_STAGE]
        )
        self.then_of = np.array(
            [NO_STAGE if p.then is None else p.then for p in self.plans] + [NO_STAGE]
        )

    def ended(self, state: WalkState) -> Mask:
        """Who is in a stage that ends the journey. NO_STAGE reads the extra last entry."""
        return np.asarray(self.ends_of[state.stage], np.bool_)

    def walk(
        self, state: WalkState, day: int, active: Array, lookup: Lookup, log: HistoryLog | None
    ) -> None:
        """One day. `active`: numbers of the accounts whose first known day has come.

        `lookup` gives signals, fields and `day` for all accounts. Changes `state`.
        """
        turn = _Day(self, state, day, lookup, log)
        moving = active
        while len(moving):
            moving = turn.take(moving)
        for index, plan in enumerate(self.plans):
            if plan.from_side:
                state.armed[active, index] |= ~turn.holds(index)[active]

    def waiting(self, state: WalkState) -> tuple[Mask, Mask]:
        """Who has completed a stage and waits for the next one, and who has no stage to go to."""
        completed = (state.completed != NEVER) & ~self.ended(state)
        onward = self.next_of[state.stage] != NO_STAGE
        return completed & onward, completed & ~onward


class _Day:
    """The turns of one day."""

    def __init__(
        self, walk: StageWalk, state: WalkState, day: int, lookup: Lookup, log: HistoryLog | None
    ) -> None:
        self.walk, self.state, self.day, self.log = walk, state, day, log
        self._lookup = lookup
        self._holds: dict[int, Mask] = {}
        self._entered_today = np.zeros((len(state.stage), len(walk.plans)), np.bool_)

    def holds(self, index: int) -> Mask:
        """For whom the stage's `enter` holds today; it does not depend on where anybody is."""
        if index not in self._holds:
            enter, size = self.walk.enter_of[index], len(self.state.stage)
            frame = Frame(size, self.day, self._lookup)
            self._holds[index] = enter(frame).true() if enter else np.ones(size, np.bool_)
        return self._holds[index]

    def ready(self, index: int, who: Array) -> Mask:
        """Whose trigger of a side stage is ready."""
        return np.asarray(self.holds(index)[who] & self.state.armed[who, index], np.bool_)

    def take(self, who: Array) -> Array:
        """One turn of some accounts; gives those that moved."""
        self._first_value(who)
        self._complete(who)
        stage = self.state.stage[who]
        target = np.full(len(who), NO_STAGE, np.int64)
        ended = self.walk.ends_of[stage]
        self._begin(who, target, stage == NO_STAGE)
        self._come_back(who, target, ended)
        staying = (stage != NO_STAGE) & ~ended
        self._take_over(who, target, staying)
        self._go_on(who, target, staying & (target == NO_STAGE))
        moved = target != NO_STAGE
        self._enter(who[moved], target[moved])
        gone: Array = who[moved]
        return gone

    def _held(self, evaluate: Evaluate, who: Array) -> Mask:
        """For whom an exit criterion holds, now and where each of them is now."""
        state, day = self.state, self.day
        inside = state.stage[who] != NO_STAGE
        entered = Vector(np.where(inside, state.entered[who], 0), inside)
        here: Mapping[str, Vector] = {
            "stage_entered_on": entered,
            "days_in_stage": Vector((day - entered.values).astype(np.float64), inside),
        }

        def lookup(name: str) -> Vector:
            return here[name] if name in here else self._lookup(name).take(who)

        return evaluate(Frame(len(who), day, lookup)).true()

    def _first_value(self, who: Array) -> None:
        """The first day on which the first stage's exit holds at any turn, in whatever stage."""
        leave = self.walk.exit_of[0]
        lacking = who[self.state.first_value[who] == NEVER]
        if leave and self.walk.finds_first_value and len(lacking):
            self.state.first_value[lacking[self._held(leave, lacking)]] = self.day

    def _complete(self, who: Array) -> None:
        """Rule 1: an exit that holds for the first time since entering completes it."""
        stage = self.state.stage[who]
        open_ = self.state.completed[who] == NEVER
        for index, leave in enumerate(self.walk.exit_of):
            here = who[(stage == index) & open_]
            if leave and len(here):
                done = here[self._held(leave, here)]
                self.state.completed[done] = self.day
                if self.log:
                    self.log.completed(done, self.day)

    def _begin(self, who: Array, target: Array, nowhere: Mask) -> None:
        """Rule 2: no stage yet, so the first stage or one that can be entered from anywhere."""
        for index, plan in enumerate(self.walk.plans):
            free = nowhere & (target == NO_STAGE)
            if not free.any():
                return
            if index == 0:
                target[free & self.holds(0)[who]] = 0
            if plan.from_any and not plan.stage.ends:
                free &= target == NO_STAGE
                target[free & self.ready(index, who)] = index

    def _come_back(self, who: Array, target: Array, ended: Mask) -> None:
        """Rule 3: the journey had ended, and the reason for it does not hold any more."""
        if not ended.any():
            return
        state, stage = self.state, self.state.stage[who]
        for index in np.unique(stage[ended]).tolist():
            back = ended & (stage == index) & ~self.holds(index)[who]
            then = self.walk.then_of[index]
            goal = np.where(then == NO_STAGE, state.previous[who], then)
            back &= (goal != NO_STAGE) & ~self._entered_today[who, goal]
            target[back] = goal[back]

    def _take_over(self, who: Array, target: Array, staying: Mask) -> None:
        """Rule 4: a side stage whose trigger is ready takes over; the earliest in order wins."""
        stage = self.state.stage[who]
        for index, plan in enumerate(self.walk.plans):
            if not plan.from_side:
                continue
            free = staying & (target == NO_STAGE) & (stage != index)
            if not plan.from_any:
                free &= np.isin(stage, list(plan.from_))
            free &= ~self._entered_today[who, index]
            if free.any():
                target[free & self.ready(index, who)] = index

    def _go_on(self, who: Array, target: Array, free: Mask) -> None:
        """Rule 5: a completed stage leads on, if the next one can be entered; else one waits."""
        stage = self.state.stage[who]
        free &= self.state.completed[who] != NEVER
        for index in np.unique(stage[free]).tolist():
            goal = int(self.walk.next_of[index])
            if goal == NO_STAGE:
                continue
            may = free & (stage == index) & ~self._entered_today[who, goal]
            may &= self.holds(goal)[who]
            if self.walk.plans[goal].from_side:
                may &= self.state.armed[who, goal]
            target[may] = goal

    def _enter(self, who: Array, target: Array) -> None:
        state = self.state
        if not len(who):
            return
        if self.log:
            for slot in range(state.breach.shape[1]):
                late = who[state.breach[who, slot] != NEVER]
                self.log.mended(late, slot, self.day)
            self.log.entered(who, target, self.day)
        state.previous[who] = state.stage[who]
        state.stage[who] = target
        state.entered[who] = self.day
        state.completed[who] = NEVER
        state.armed[who, target] = False
        state.done[who] = NEVER
        state.breach[who] = NEVER
        self._entered_today[who, target] = True
