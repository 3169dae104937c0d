"""A day's health: a score out of its components, and the band of a score."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from tests.oracle.expressions import as_number
from tests.oracle.project import Config
from tests.oracle.readings import Value, exact, round_away

Score = Fraction


def score_of(health: Config, values: Sequence[tuple[Value] | None]) -> Score | None:
    """The weighted mean of the known components; NULL if too little of the weight is known.

    `values` has one item a component: None if it does not apply, else its value, which may be NULL.
    """
    applicable = known = total = Fraction(0)
    for component, value in zip(health["components"], values, strict=True):
        if value is None:
            continue
        weight = exact(component.get("weight", 1))
        applicable += weight
        points = points_of(component, value[0])
        if points is not None:
            known += weight
            total += weight * points
    if known == 0 or known < exact(health.get("min_known", 0.5)) * applicable:
        return None
    return round_away(round_away(total / known, 9), 1)


def points_of(component: Config, value: Value) -> Fraction | None:
    """The value on its line of points, flat beyond the ends; NULL is worth `missing`, or
    unknown."""
    if value is None:
        missing = component.get("missing", "skip")
        return None if missing == "skip" else exact(missing)
    x = exact(as_number(value))
    points = [(exact(at), exact(worth)) for at, worth in component["points"]]
    if x <= points[0][0]:
        return points[0][1]
    for (x0, y0), (x1, y1) in pairwise(points):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return points[-1][1]


def band_of(health: Config, score: Score, before: str | None) -> str:
    """The band kept while the score is within its bounds and the margin, else the one it falls
    into."""
    bands = sorted((exact(low), name) for name, low in health["bands"].items())
    margin = exact(health.get("margin", 0))
    for number, (low, name) in enumerate(bands):
        above = bands[number + 1][0] + margin if number + 1 < len(bands) else None
        if name == before and low - margin <= score and (above is None or score < above):
            return name
    return [name for low, name in bands if low <= score][-1]
