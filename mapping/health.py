"""Health: a weighted score from 0 to 100, and the band that it is in."""

from dataclasses import dataclass

import numpy as np

from mapping.compiled import CompiledJourney
from mapping.state import NO_BAND, NO_SCORE, WalkState
from mapping.vector import Array, Frame, Mask, Vector, compile_vector

TENTHS = 10


@dataclass(frozen=True)
class Scored:
    """Component scores of one day, [component, account]; `values` NaN where unknown."""

    applies: Array
    known: Array
    values: Array
    scores: Array


class HealthRule:
    """The health of a journey, ready to be judged. A journey without health has no score."""

    def __init__(self, compiled: CompiledJourney) -> None:
        self.health = compiled.journey.health
        self._values = [compile_vector(node) for node in compiled.components]
        numbers = {plan.stage.name: index for index, plan in enumerate(compiled.stages)}
        parts = self.health.components if self.health else ()
        self._stages = [
            None if part.stages is None else np.array([numbers[name] for name in part.stages])
            for part in parts
        ]
        bands = sorted(self.health.bands.items(), key=lambda band: band[1]) if self.health else []
        self.band_names = [name for name, _ in bands]
        self._low = np.array([low for _, low in bands])
        self._high = np.append(self._low[1:], np.inf)

    def components(self, frame: Frame, stage: Array, days_known: Array) -> Scored:
        """Every component for every account; `days_known`: days since the first known day."""
        parts = self.health.components if self.health else ()
        shape = (len(parts), frame.size)
        found = Scored(
            np.zeros(shape, np.bool_), np.zeros(shape, np.bool_), np.zeros(shape), np.zeros(shape)
        )
        for index, part in enumerate(parts):
            value = self._values[index](frame)
            stages = self._stages[index]
            applies = days_known >= part.after
            if stages is not None:
                applies &= np.isin(stage, stages)
            xs, ys = zip(*part.points, strict=True)
            score = np.interp(np.where(value.known, value.values, 0.0), xs, ys)
            if part.missing is not None:
                score = np.where(value.known, score, part.missing)
            found.applies[index] = applies
            found.known[index] = applies & (value.known | (part.missing is not None))
            found.values[index] = np.where(value.known, value.values, np.nan)
            found.scores[index] = score
        return found

    def judge(
        self, state: WalkState, frame: Frame, days_known: Array, judged: Mask
    ) -> Scored | None:
        """Score and band of one day into `state`; no score for accounts that are not `judged`.

        Gives the components, None for a journey without health.
        """
        if self.health is None:
            return None
        found = self.components(frame, state.stage, days_known)
        tenths = self._tenths(found)
        tenths[~judged] = NO_SCORE
        state.scores[:, frame.day % state.scores.shape[1]] = tenths
        state.band[:] = self._band(state.band, tenths)
        return found

    def _tenths(self, found: Scored) -> Array:
        """The weighted mean in tenths: rounded to nine places, then one, halves away from zero."""
        assert self.health is not None
        weight = np.array([part.weight for part in self.health.components])[:, None]
        applicable = (weight * found.applies).sum(axis=0)
        known = (weight * found.known).sum(axis=0)
        total = (weight * found.scores * found.known).sum(axis=0)
        with np.errstate(all="ignore"):
            billionths = np.floor(total / known * 1e9 + 0.5)
            enough = (known > 0) & (
                np.round(known / applicable, 9) >= round(self.health.min_known, 9)
            )
        # In whole billionths the second rounding is exact: no half is lost to a float's tail.
        whole = np.where(enough, billionths, 0).astype(np.int64)
        return np.where(enough, (whole + 50_000_000) // 100_000_000, NO_SCORE).astype(np.int16)

    def _band(self, band: Array, tenths: Array) -> Array:
        assert self.health is not None
        score, known = tenths / TENTHS, tenths != NO_SCORE
        afresh = np.searchsorted(self._low, score, "right") - 1
        held = np.maximum(band, 0)
        margin = self.health.margin
        keeps = (
            (band != NO_BAND)
            & (score >= np.round(self._low[held] - margin, 9))
            & (score < np.round(self._high[held] + margin, 9))
        )
        return np.where(known, np.where(keeps, band, afresh), NO_BAND).astype(np.int16)


def score(state: WalkState, day: int) -> Vector:
    """The health score of a day that lies at most 28 days before the last judged one."""
    tenths = state.scores[:, day % state.scores.shape[1]]
    return Vector(tenths / TENTHS, tenths != NO_SCORE)
