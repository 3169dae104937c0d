"""The kinds of signal. Each is one map in `signals:`, told apart by the key that names its kind."""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Discriminator, Field, Tag

from config.kinds import Expression, Names, Text, Whole, Window, described, fail
from config.problem import nearest
from config.shape import Shape

ANY = "any"
TAG = "\x00kind:"
"""Begins the steps that the library puts into an error's path; no key of a file can begin so."""
KINDS = (
    "first", "nth", "last", "count", "users", "days", "features",
    "sum", "average", "min", "max", "changed", "ratio",
)  # fmt: skip

_WHERE = "which of the events count: an expression over event, user and kept properties"
_WITHIN = "the window, ending with the day itself; since ever if absent"


def _positive(value: Any) -> Any:
    if isinstance(value, int) and not 1 <= value <= 1_000_000:
        raise fail(f"{described(value)} lies outside 1 to 1,000,000")
    return value


class First(Shape):
    """Local date of the first matching event."""

    kind: ClassVar[str] = "first"
    within: ClassVar[None] = None
    events: Names = Field(validation_alias="first", description="event, events, feature or any")
    where: Expression | None = Field(None, description=_WHERE)


class Nth(Shape):
    """Local date of the n-th matching event."""

    kind: ClassVar[str] = "nth"
    within: ClassVar[None] = None
    n: Annotated[Whole, BeforeValidator(_positive)] = Field(
        validation_alias="nth", description="which one, counted from 1"
    )
    events: Names = Field(validation_alias="of", description="event, events, feature or any")
    where: Expression | None = Field(None, description=_WHERE)


class Last(Shape):
    """Date of the last matching event, or that event's property."""

    kind: ClassVar[str] = "last"
    within: ClassVar[None] = None
    events: Names = Field(validation_alias="last", description="event, events, feature or any")
    property: Text | None = Field(None, description="a kept property; the date if absent")
    where: Expression | None = Field(None, description=_WHERE)


class Count(Shape):
    """Number of matching events."""

    kind: ClassVar[str] = "count"
    events: Names = Field(validation_alias="count", description="event, events, feature or any")
    where: Expression | None = Field(None, description=_WHERE)
    within: Window | None = Field(None, description=_WITHIN)


class Users(Shape):
    """Number of distinct users with a matching event."""

    kind: ClassVar[str] = "users"
    events: Names = Field(validation_alias="users", description="event, events, feature or any")
    where: Expression | None = Field(None, description=_WHERE)
    within: Window | None = Field(None, description=_WITHIN)


class Days(Shape):
    """Number of distinct local dates with a matching event."""

    kind: ClassVar[str] = "days"
    events: Names = Field(validation_alias="days", description="event, events, feature or any")
    where: Expression | None = Field(None, description=_WHERE)
    within: Window | None = Field(None, description=_WITHIN)


class Features(Shape):
    """How many of the named features were used by enough distinct users."""

    kind: ClassVar[str] = "features"
    features: Names = Field(description="names from `features`")
    within: Window | None = Field(None, description=_WITHIN)
    used_by: Expression | None = Field(
        None, description="least number of users: an expression over fields; 1 if absent"
    )
    where: Expression | None = Field(None, description=_WHERE)


class Aggregate(Shape):
    """A figure over the numeric values of one property; see its four kinds."""

    kind: ClassVar[str]
    events: Names
    property: Text = Field(description="a kept property")
    where: Expression | None = Field(None, description=_WHERE)
    within: Window | None = Field(None, description=_WITHIN)


class Sum(Aggregate):
    """Sum of a property."""

    kind: ClassVar[str] = "sum"
    events: Names = Field(validation_alias="sum", description="event, events, feature or any")


class Average(Aggregate):
    """Mean of a property."""

    kind: ClassVar[str] = "average"
    events: Names = Field(validation_alias="average", description="event, events, feature or any")


class Min(Aggregate):
    """Least value of a property."""

    kind: ClassVar[str] = "min"
    events: Names = Field(validation_alias="min", description="event, events, feature or any")


class Max(Aggregate):
    """Greatest value of a property."""

    kind: ClassVar[str] = "max"
    events: Names = Field(validation_alias="max", description="event, events, feature or any")


class Changed(Shape):
    """Whether a field took another value."""

    kind: ClassVar[str] = "changed"
    field: Text = Field(validation_alias="changed", description="a name from mapping.yaml, fields")
    within: Window | None = Field(None, description=_WITHIN)


class Ratio(Shape):
    """A signal against its own mean over the days before its window."""

    kind: ClassVar[str] = "ratio"
    signal: Text = Field(validation_alias="ratio", description="a signal with a window")
    to: Window = Field(description="how many days the mean is taken over")


def _kinds_in(keys: Iterable[object]) -> list[str]:
    # `nth` brings `of`; `features` is a kind only by itself.
    return [kind for kind in KINDS if kind in keys]


def _one_kind(value: Any) -> Any:
    if isinstance(value, Shape):
        return value
    if not isinstance(value, dict):
        raise fail(
            "a signal is a map such as {count: Report Created, within: 30d}, "
            f"not {described(value)}"
        )
    found = _kinds_in(value)
    if len(found) > 1:
        raise fail(f"is of two kinds at once: {found[0]} and {found[1]}")
    if not found:
        near = (nearest(str(key), KINDS) for key in value)
        hint = next((one for one in near if one), "")
        raise fail(f"says no kind: one of {', '.join(KINDS)}", hint)
    return value


def _tag(value: Any) -> str:
    kind = value.kind if isinstance(value, Shape) else _kinds_in(value)[0]  # type: ignore[attr-defined]
    return TAG + str(kind)


EventSignal = First | Nth | Last | Count | Users | Days | Aggregate
"""Signals that have `events`, `where` and `within` (days; None: since ever)."""

Signal = Annotated[
    Annotated[First, Tag(TAG + "first")]
    | Annotated[Nth, Tag(TAG + "nth")]
    | Annotated[Last, Tag(TAG + "last")]
    | Annotated[Count, Tag(TAG + "count")]
    | Annotated[Users, Tag(TAG + "users")]
    | Annotated[Days, Tag(TAG + "days")]
    | Annotated[Features, Tag(TAG + "features")]
    | Annotated[Sum, Tag(TAG + "sum")]
    | Annotated[Average, Tag(TAG + "average")]
    | Annotated[Min, Tag(TAG + "min")]
    | Annotated[Max, Tag(TAG + "max")]
    | Annotated[Changed, Tag(TAG + "changed")]
    | Annotated[Ratio, Tag(TAG + "ratio")],
    Discriminator(_tag),
    BeforeValidator(_one_kind),
]
