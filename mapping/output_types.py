"""What each output of a journey can be: its type, and all its values where they are known.

For whoever makes a CRM field for an output, or judges whether the field that is there fits.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mapping.compiled import CompiledJourney
from mapping.syntax import Type

OutputKind = Literal["text", "number", "date", "boolean", "list"]

_DATES = frozenset(
    {"stage_entered_on", "stage_completed_on", "first_value_on", "next_step_due", "computed_on"}
)
_WHOLE = frozenset({"days_in_stage", "ttv_days", "ttv_running_days"})
_BOOLEANS = frozenset({"stage_waiting", "stage_done", "stage_overdue", "history_complete"})
_FRACTIONS = 6  # decimals to which any fraction is rounded before it leaves
_FRACTIONAL = frozenset({"sum", "average", "min", "max", "ratio"})


@dataclass(frozen=True, slots=True)
class OutputType:
    """`values`: everything that it can be, in the journey's order; None where nobody can say
    beforehand. Any output can be unknown as well."""

    kind: OutputKind
    values: tuple[str, ...] | None = None
    choice: bool = False
    """whether people would pick it from a list: stages, bands, alerts"""
    decimals: int = 0
    most: int | None = None
    """the largest amount, where it has one"""

    @property
    def longest(self) -> str | None:
        """The longest text that it can become; a list is joined by `;`."""
        if self.values is None:
            return None
        if self.kind == "list":
            return ";".join(self.values)
        return max(self.values, key=len, default="")


def output_type(compiled: CompiledJourney, name: str) -> OutputType:
    """The type of one output or signal. KeyError for a name that is none."""
    if name.startswith("moment."):
        return OutputType("date" if name.endswith(".since") else "boolean")
    if name in _DATES:
        return OutputType("date")
    if name in _WHOLE:
        return OutputType("number")
    if name in _BOOLEANS:
        return OutputType("boolean")
    found = _named(compiled, name)
    if found is not None:
        return found
    plan = next((plan for plan in compiled.signals if plan.name == name), None)
    if plan is None:
        raise KeyError(name)
    if plan.signal.kind in _FRACTIONAL:
        return _plain("number")
    if plan.type == "number" and plan.signal.kind != "last":
        return OutputType("number")  # a count of something
    return _plain(plan.type)


def _named(compiled: CompiledJourney, name: str) -> OutputType | None:
    journey = compiled.journey
    points = [point for stage in journey.stages for point in stage.touchpoints]
    match name:
        case "stage" | "previous_stage":
            return OutputType("text", tuple(stage.name for stage in journey.stages), choice=True)
        case "stage_owner":
            return _texts(stage.owner for stage in journey.stages)
        case "stage_play":
            return _texts(stage.play for stage in journey.stages)
        case "stage_metric":
            kinds = {plan.metric.type for plan in compiled.stages if plan.metric is not None}
            return _plain(kinds.pop() if len(kinds) == 1 else "text")
        case "health_score":
            return OutputType("number", decimals=1, most=100)
        case "health_trend":
            return OutputType("number", decimals=1, most=100)
        case "health_band":
            bands = tuple(journey.health.bands) if journey.health else ()
            return OutputType("text", bands, choice=True)
        case "alerts":
            moments = (moment.name for moment in journey.moments)
            names = dict.fromkeys([*moments, *(point.name for point in points)])
            return OutputType("list", tuple(names), choice=True)
        case "next_step":
            return _texts(point.name for point in points)
        case "next_step_owner":
            return _texts(point.owner for point in points)
        case "missing":
            return OutputType("text")
        case _:
            return None


def _texts(found: Iterable[str | None]) -> OutputType:
    return OutputType("text", tuple(dict.fromkeys(one for one in found if one is not None)))


def _plain(kind: Type) -> OutputType:
    match kind:
        case "number":
            return OutputType("number", decimals=_FRACTIONS)
        case "date" | "boolean":
            return OutputType(kind)
        case _:
            return OutputType("text")
