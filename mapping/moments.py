"""Moments that matter: they open after days on which they hold, and close after days on which not.

Touchpoints are here too: something due within a stage, late from the day after.
"""

import numpy as np

from mapping.compiled import CompiledJourney
from mapping.log import HistoryLog
from mapping.series import NEVER
from mapping.state import NO_STAGE, WalkState
from mapping.vector import Array, Frame, Mask, compile_vector


class MomentRule:
    """The moments of a journey, ready to be judged."""

    def __init__(self, compiled: CompiledJourney) -> None:
        self.moments = compiled.journey.moments
        self._when = [compile_vector(node) for node in compiled.moments]

    def judge(
        self,
        state: WalkState,
        frame: Frame,
        days_known: Array,
        judged: Mask,
        log: HistoryLog | None,
    ) -> None:
        """One complete day. A day on which `when` is NULL ends both runs and changes nothing."""
        for index, moment in enumerate(self.moments):
            value = self._when[index](frame)
            counted = judged & (days_known >= moment.after) & value.known
            true = counted & value.values
            false = counted & ~value.values
            state.true_run[:, index] = np.where(true, state.true_run[:, index] + 1, 0)
            state.false_run[:, index] = np.where(false, state.false_run[:, index] + 1, 0)
            is_open = state.open_since[:, index] != NEVER
            opens = ~is_open & (state.true_run[:, index] >= moment.for_)
            closes = is_open & (state.false_run[:, index] >= moment.clear)
            self._change(state, index, frame.day, opens, closes, log)

    def end(self, state: WalkState, day: int, ended: Mask, log: HistoryLog | None) -> None:
        """Where the journey has ended its moments are closed, on that day."""
        nobody = np.zeros(len(ended), np.bool_)
        for index in range(len(self.moments)):
            closes = ended & (state.open_since[:, index] != NEVER)
            self._change(state, index, day, nobody, closes, log)

    def _change(
        self,
        state: WalkState,
        index: int,
        day: int,
        opens: Mask,
        closes: Mask,
        log: HistoryLog | None,
    ) -> None:
        if log:
            log.opened(np.flatnonzero(opens), index, day)
            log.closed(np.flatnonzero(closes), index, day)
        state.open_since[opens, index] = day
        state.open_since[closes, index] = NEVER


class TouchpointRule:
    """The touchpoints of all stages, ready to be looked at."""

    def __init__(self, compiled: CompiledJourney) -> None:
        self.plans = compiled.stages
        self._done = [[compile_vector(t.done) for t in plan.touchpoints] for plan in self.plans]

    def judge(self, state: WalkState, frame: Frame, log: HistoryLog | None) -> None:
        """One day: done for good on the first day on which `done` holds, late after it was due."""
        for index, plan in enumerate(self.plans):
            if not plan.touchpoints:
                continue
            here = np.flatnonzero(state.stage == index)
            if not len(here):
                continue
            for slot, touchpoint in enumerate(plan.touchpoints):
                waiting = here[state.done[here, slot] == NEVER]
                if not len(waiting):
                    continue
                done = self._done[index][slot](frame.part(waiting)).true()
                self._finish(state, slot, waiting[done], frame.day, log)
                late = waiting[~done]
                late = late[frame.day > state.entered[late] + touchpoint.due]
                late = late[state.breach[late, slot] == NEVER]
                state.breach[late, slot] = frame.day
                if log:
                    log.breached(late, slot, state.stage[late].astype(np.int64), frame.day)

    def _finish(
        self, state: WalkState, slot: int, who: Array, day: int, log: HistoryLog | None
    ) -> None:
        if log:
            log.mended(who[state.breach[who, slot] != NEVER], slot, day)
        state.done[who, slot] = day
        state.breach[who, slot] = NEVER


def judged(state: WalkState, ended: Mask) -> Mask:
    """Whose health and moments are judged: they have a stage, and it does not end the journey."""
    return np.asarray((state.stage != NO_STAGE) & ~ended, np.bool_)
