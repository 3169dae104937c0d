"""A journey as it is written: stages, signals, health, moments. The shape, not the meaning."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from config.kinds import (
    AS_LIST,
    AS_MAP,
    Day,
    Delay,
    Expression,
    Flag,
    Identifier,
    Name,
    Names,
    Number,
    Text,
    Window,
    described,
    fail,
    within_bounds,
)
from config.shape import Shape
from config.signal import (
    ANY,
    Aggregate,
    Average,
    Changed,
    Count,
    Days,
    EventSignal,
    Features,
    First,
    Last,
    Max,
    Min,
    Nth,
    Ratio,
    Signal,
    Sum,
    Users,
)
from config.timezone import Timezone

__all__ = [
    "ANY", "Aggregate", "Average", "Changed", "Component", "Count", "Days", "EventSignal",
    "Features", "First", "Health", "Journey", "Last", "Max", "Min", "Moment", "Nth", "Ratio",
    "Signal", "Stage", "Sum", "Touchpoint", "Users",
]  # fmt: skip


class Touchpoint(Shape):
    """Something that a person does within a stage, by a day."""

    name: Name = Field(validation_alias="touchpoint", description="its name, own within the stage")
    due: Delay = Field(description="days after the stage was entered")
    done: Expression = Field(description="holds on the day on which it is done, for good")
    owner: Text | None = Field(None, description="who does it")
    escalate: Text | None = Field(None, description="who hears of it when it is late")


class Stage(Shape):
    """One stage. `from_` holds stage names, or `any` alone; empty: entered in order only."""

    name: Name = Field(validation_alias="stage", description="its name, own within the journey")
    enter: Expression | None = Field(None, description="the entry trigger")
    exit: Expression | None = Field(None, description="the exit criterion")
    from_: Names | tuple[()] = Field(
        (), validation_alias="from", description="stages it takes over from, or any"
    )
    then: Text | None = Field(
        None, description="the stage that follows; the next in order if absent"
    )
    ends: Flag = Field(default=False, description="whether the journey ends here")
    target: Delay | None = Field(None, description="how long it should take")
    metric: Expression | None = Field(None, description="the figure to watch")
    owner: Text | None = Field(None, description="who is responsible")
    play: Text | None = Field(None, description="what is done: a link, a sentence")
    touchpoints: Annotated[tuple[Touchpoint, ...], AS_LIST] = Field(
        (), description="what is due in this stage"
    )

    @classmethod
    def long_form(cls, data: Any) -> Any:
        """A stage that ends the journey is entered from any other, unless told otherwise."""
        if isinstance(data, dict) and data.get("ends") is True:
            given = data.get("from", data.get("from_"))
            if given is None or given == ():
                rest = {key: value for key, value in data.items() if key != "from_"}
                return rest | {"from": (ANY,)}
        return data


def _points(value: Any) -> Any:
    if not isinstance(value, list | tuple) or len(value) < 2:
        raise fail(
            "at least two points are expected here, such as [[0, 0], [10, 100]], "
            f"not {'one' if isinstance(value, list) and value else described(value)}"
        )
    return value


def _point(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise fail(f"a point is [value, score], not {described(value)}")
    if len(value) != 2:
        raise fail(f"a point is [value, score], and this is a list of {len(value)}")
    return value


def _missing(value: Any) -> Any:
    return None if value == "skip" else value


Score = Annotated[Number, within_bounds(0, 100)]
Point = Annotated[tuple[Number, Score], BeforeValidator(_point)]


class Component(Shape):
    """One part of the health score. `missing` None: left out when its value is NULL."""

    name: Name = Field(description="its name, own within health")
    value: Expression = Field(description="what is looked at")
    points: Annotated[tuple[Point, ...], BeforeValidator(_points)] = Field(
        description="[value, score] pairs; between them a straight line, beyond them flat",
        json_schema_extra={"minItems": 2},
    )
    weight: Number = Field(1.0, description="its share of the score")
    stages: Names | None = Field(None, description="the stages it applies in; all if absent")
    after: Delay = Field(0, description="days past the first known day before it applies")
    missing: Annotated[Score | None, BeforeValidator(_missing)] = Field(
        None,
        description="the score where the value is unknown, or skip",
        json_schema_extra={"anyOf": [{"type": "number"}, {"const": "skip"}]},
    )


class Health(Shape):
    """The score and its bands; `bands` maps a name to its lower bound, in the file's order."""

    components: Annotated[tuple[Component, ...], AS_LIST] = Field(description="parts of the score")
    bands: Annotated[dict[Name, Score], AS_MAP] = Field(description="band name: lower bound")
    margin: Score = Field(0.0, description="how far past a bound before the band changes")
    min_known: Annotated[Number, within_bounds(0, 1)] = Field(
        0.5, description="share of the weight that must be known for a score"
    )


def _moment_name(value: Any) -> Any:
    if isinstance(value, str) and "." in value:
        raise fail(f"{described(value)} must not hold a dot: it becomes moment.NAME")
    return value


class Moment(Shape):
    """Something to act on: when it holds for some days, somebody does something."""

    name: Annotated[Name, BeforeValidator(_moment_name)] = Field(
        validation_alias="moment", description="its name, own within the journey"
    )
    when: Expression = Field(description="the detection")
    for_: Window = Field(1, validation_alias="for", description="days it must hold before it opens")
    clear: Window = Field(7, description="days it must not hold before it closes")
    after: Delay = Field(0, description="days past the first known day before it is judged")
    owner: Text = Field(description="who acts")
    play: Text = Field(description="what is done: a link, a sentence")

    @classmethod
    def why_needed(cls, key: str) -> str:
        """Detection, owner and play are what makes a moment more than a chart."""
        return {
            "when": ": a moment needs a detection",
            "owner": ": a moment needs someone who acts on it",
            "play": ": a moment needs something to do about it",
        }.get(key, "")


def _some(value: Any) -> Any:
    if not isinstance(value, list | tuple) or not value:
        raise fail(f"a list of stages is expected here, not {described(value)}")
    return value


class Journey(Shape):
    """One file under journeys/."""

    name: Name = Field(validation_alias="journey", description="its name, own within the project")
    timezone: Timezone = Field("UTC", description="whose calendar days count (IANA name)")
    accounts: Expression | None = Field(None, description="which accounts travel it; all if absent")
    events: Expression | None = Field(None, description="which product events count; all if absent")
    start: Text | None = Field(None, description="a date field: day 0 of time to value")
    since: Day = Field(description="where history begins")
    first_value: Text | None = Field(
        None, description="the signal whose date is first value; the first stage's exit if absent"
    )
    features: Annotated[dict[Name, Names], AS_MAP] = Field(
        default_factory=dict, description="feature: the events that show its use"
    )
    signals: Annotated[dict[Identifier, Signal], AS_MAP] = Field(
        default_factory=dict, description="name: what is measured"
    )
    stages: Annotated[tuple[Stage, ...], BeforeValidator(_some)] = Field(
        description="in order", json_schema_extra={"minItems": 1}
    )
    health: Health | None = Field(None, description="the health score; none if absent")
    moments: Annotated[tuple[Moment, ...], AS_LIST] = Field((), description="what to act on")

    def events_of(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The event names behind what a signal names: features spelled out, no repeats, sorted.

        `any` stays as it is.
        """
        spelled = (self.features.get(name, (name,)) for name in names)
        return tuple(sorted({event for events in spelled for event in events}))
