"""Events to account-days and user-days: all that the engine is asked, as Ibis expressions.

Only filters, a join and plain aggregates: nothing here differs between engines. What a moving
window makes of the result is arithmetic on arrays (series.py), so a window's length costs nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import ibis

from mapping.clock import SECONDS_A_DAY, Offsets
from mapping.event_sql import (
    EventScope,
    Property,
    compile_events,
    local_day,
    local_offset,
    null,
    read,
)
from mapping.measures import FILTERS_A_MASK, Figure, Filter, Measures
from mapping.syntax import Node, Type, names

EVENT_COLUMNS = {
    "account_key": "string", "user": "string", "event": "string", "ts": "timestamp(6)",
    "date_only": "boolean", "insert_id": "string",
}  # fmt: skip
PROPERTY, KIND = "p.", "k."
NANOS = 1_000_000_000  # sums are kept as whole numbers and billionths: exact, in any order


@dataclass(frozen=True)
class EventTable:
    """One source's events in the lake, and which of its keys is which account.

    `events` has EVENT_COLUMNS and `p.NAME`, `k.NAME` for each of `properties`; `keys` has
    `account_key` (text) and `account_no` (int32), each key once.
    """

    events: Any
    keys: Any
    product: bool
    properties: frozenset[str]


@dataclass(frozen=True)
class Question:
    """What is asked of the events: the measures, and whose calendar."""

    measures: Measures
    types: Mapping[str, Type]
    offsets: Offsets
    """of the zone, over the span of all events asked about"""
    all_offsets: Offsets
    """of the zone over all times that a property may hold"""
    product_events: Node | None

    def properties(self) -> list[str]:
        """The kept properties that some filter or figure of this question needs."""
        used = {figure.property for figure in (*self.measures.figures, *self.measures.lasts)}
        for filter_ in self.measures.filters:
            used |= names(filter_.where) if filter_.where else set()
        return sorted(used & set(self.types))


def matched_events(tables: Sequence[EventTable], ask: Question) -> Any:
    """All events of known accounts, one row each.

    Columns: account_no, user, event, product, day, ts, date_only, and `p.`/`k.` of the properties.
    """
    wanted = ask.properties()
    parts = [_matched(table, ask, wanted) for table in tables]
    return reduce(lambda a, b: a.union(b), parts)


def _matched(table: EventTable, ask: Question, wanted: Sequence[str]) -> Any:
    events = table.events.join(table.keys, "account_key")
    seconds = events.ts.epoch_seconds()
    midnight = (seconds.cast("float64") / SECONDS_A_DAY).floor().cast("int32")
    events = events.mutate(
        day=ibis.cases((events.date_only, midnight), else_=local_day(seconds, ask.offsets)),
        product=ibis.literal(table.product),
        **{
            prefix + name: null(kind)
            for name in wanted
            if name not in table.properties
            for prefix, kind in ((PROPERTY, "string"), (KIND, "uint8"))
        },
    )
    if table.product and ask.product_events is not None:
        # Its properties may not be among the wanted ones: it is applied before they are chosen.
        scope = _scope(events, table.properties, ask)
        events = events.filter(compile_events(ask.product_events, scope))
    columns = ["account_no", "user", "event", "product", "day", "ts", "date_only"]
    columns += [prefix + name for name in wanted for prefix in (PROPERTY, KIND)]
    return events.select(*columns)


def _scope(table: Any, available: Sequence[str] | frozenset[str], ask: Question) -> EventScope:
    def of(name: str) -> Property:
        if name in available:
            return Property(table[PROPERTY + name], table[KIND + name], ask.types[name])
        return Property(null("string"), null("uint8"), ask.types[name])

    properties = {name: of(name) for name in ask.types}
    return EventScope(table.event, table.user, properties, ask.all_offsets)


def _matches(events: Any, filter_: Filter, ask: Question) -> Any:
    found = events.product if filter_.events is None else events.event.isin(sorted(filter_.events))
    if filter_.where is not None:
        found &= compile_events(filter_.where, _scope(events, ask.properties(), ask))
    return found


def account_days(events: Any, ask: Question) -> Any:
    """One row for each account and day with any event.

    Columns: account_no, day (int32), for each counted filter i `n{i}`, for each figure j its whole
    and billionth sums `w{j}` and `b{j}` (int64), number `c{j}`, least `l{j}` and greatest `g{j}`.
    """
    columns: dict[str, Any] = {}
    for i in sorted(ask.measures.counted):
        columns[f"n{i}"] = (
            _one_if(_matches(events, ask.measures.filters[i], ask)).sum().cast("int64")
        )
    for j, figure in enumerate(ask.measures.figures):
        value = _value(events, figure, ask)
        whole = value.floor()
        billionths = ((value - whole) * NANOS + 0.5).floor()
        columns |= {
            f"w{j}": whole.cast("int64").sum().cast("int64"),
            f"b{j}": billionths.cast("int64").sum().cast("int64"),
            f"c{j}": value.count().cast("int64"),
            f"l{j}": value.min(),
            f"g{j}": value.max(),
        }
    return events.group_by(["account_no", "day"]).agg(**columns)


def _one_if(found: Any) -> Any:
    return ibis.cases((found, 1), else_=0)


def _value(events: Any, figure: Figure, ask: Question) -> Any:
    """The figure's property as a number, NULL for the events that its filter leaves out."""
    kept = _scope(events, ask.properties(), ask).properties[figure.property]
    found = _matches(events, ask.measures.filters[figure.filter], ask)
    return ibis.cases((found, read(kept, "number", ask.all_offsets)))


def user_days(events: Any, ask: Question) -> Any:
    """One row for each account, user and day on which the user did something that is looked at.

    Columns: account_no, who (int64: a hash; two users of one account share one in fewer than one
    of 10^9 accounts), day, and masks `m0`, `m1`, … whose bits follow `sorted(measures.by_user)`.
    Events without a user are left out.
    """
    wanted = sorted(ask.measures.by_user)
    named = events.filter(events.user.notnull())
    masks = {}
    for at in range(0, len(wanted), FILTERS_A_MASK):
        bits = [
            ibis.cases(
                (_matches(named, ask.measures.filters[i], ask), ibis.literal(1 << bit, "int64")),
                else_=ibis.literal(0, "int64"),
            )
            for bit, i in enumerate(wanted[at : at + FILTERS_A_MASK])
        ]
        masks[f"m{at // FILTERS_A_MASK}"] = reduce(lambda a, b: a + b, bits)
    rows = named.select("account_no", "day", who=named.user.hash(), **masks)
    seen = reduce(lambda a, b: a | b, (rows[name] != 0 for name in masks))
    grouped = rows.filter(seen).group_by(["account_no", "who", "day"])
    return grouped.agg(**{name: rows[name].bit_or() for name in masks})


def last_values(events: Any, figure: Figure, ask: Question) -> Any:
    """A property in the last event of each account and day.

    Columns: account_no, day, `value` (the property's text, or a number where `keep` says so) and
    `kind` of its JSON value. NULL where that event lacks it; of several events at one instant the
    greatest value counts: as numbers where all of them read as one, else as text.
    """
    found = events.filter(_matches(events, ask.measures.filters[figure.filter], ask))
    found = _with_instant(found, ask.offsets)
    latest = found.group_by(["account_no", "day"]).mutate(latest=found["at"].max())
    tied = latest.filter(latest["at"] == latest.latest)
    kept = _scope(tied, ask.properties(), ask).properties[figure.property]
    grouped = tied.group_by(["account_no", "day"])
    if kept.type in ("number", "date", "boolean"):
        typed = read(kept, kept.type, ask.all_offsets)
        if kept.type == "boolean":
            typed = typed.cast("int32")
        chosen = grouped.agg(value=typed.max(), kind=kept.kind.max())
    else:
        number = read(kept, "number", ask.all_offsets)
        summed = grouped.agg(
            by_number=kept.text.argmax(number),
            number_kind=kept.kind.argmax(number),
            by_text=kept.text.max(),
            text_kind=kept.kind.argmax(kept.text),
            numbers=number.count(),
            texts=kept.text.count(),
        )
        all_numbers = summed.numbers == summed.texts
        chosen = summed.select(
            "account_no",
            "day",
            value=ibis.cases((all_numbers, summed.by_number), else_=summed.by_text),
            kind=ibis.cases((all_numbers, summed.number_kind), else_=summed.text_kind),
        )
    return chosen


def _with_instant(events: Any, offsets: Offsets) -> Any:
    """The events with `at`: microseconds since 1970, for a bare date those of local midnight."""
    seconds = events.ts.epoch_seconds().cast("int64")
    events = events.mutate(
        seconds=seconds, micros=seconds * 1_000_000 + events.ts.microsecond().cast("int64")
    )
    # Step by step: an offset is a long expression, and nesting two would square its length.
    events = events.mutate(guess=events.seconds - local_offset(events.seconds, offsets))
    # From the column on: engines give a literal the least type, and 3600 * 1,000,000 overflows it.
    midnight = (events.seconds - local_offset(events.guess, offsets)) * 1_000_000
    return events.mutate(at=ibis.cases((events.date_only, midnight), else_=events.micros))
