"""What each kind of signal is worth on a day, counted anew for every day from the account's
events."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from tests.oracle.expressions import Names, as_number, evaluate, holds
from tests.oracle.project import Account, Config, Event, Project
from tests.oracle.readings import Scalar, Value, duration, exact, read_as, round_away

AGGREGATES = ("sum", "average", "min", "max")


class Signals:
    """All signals of one account in one journey."""

    def __init__(self, project: Project, journey: Config, account: Account) -> None:
        self.project = project
        self.account = account
        self.zone = ZoneInfo(journey["timezone"])
        self.specs: Config = journey.get("signals") or {}
        self.features: Mapping[str, Sequence[str]] = journey.get("features") or {}
        self.first_known_day: date | None = None
        self.known: dict[tuple[str, date], Value] = {}
        self.chosen: dict[tuple[str, str], list[Event]] = {}

    def types(self) -> dict[str, str]:
        """The type of every signal."""
        return {name: self.type_of(spec) for name, spec in self.specs.items()}

    def type_of(self, spec: Config) -> str:
        """Dates for first, nth and last; the property's own type; TRUE or FALSE for changed;
        else numbers."""
        if "last" in spec and "property" in spec:
            return self.project.property_types()[spec["property"]]
        if "first" in spec or "nth" in spec or "last" in spec:
            return "date"
        return "boolean" if "changed" in spec else "number"

    def on(self, day: date) -> dict[str, Value]:
        """Every signal's value at the end of a day."""
        return {name: self.value(name, day) for name in self.specs}

    def value(self, name: str, day: date) -> Value:
        """One signal's value, remembered, since ratios ask for many days."""
        if (name, day) not in self.known:
            self.known[name, day] = self.count(name, self.specs[name], day)
        return self.known[name, day]

    def count(self, name: str, spec: Config, day: date) -> Value:
        """The value, by the kind of signal."""
        if "ratio" in spec:
            return self.ratio(spec, day)
        if "changed" in spec:
            return self.changed(spec, day)
        if "features" in spec:
            return self.features_used(name, spec, day)
        for kind in ("first", "nth", "last"):
            if kind in spec:
                return self.milestone(kind, name, spec, day)
        for kind in AGGREGATES:
            if kind in spec:
                return self.aggregate(
                    kind, self.events(name, spec[kind], spec, day), spec["property"]
                )
        if "count" in spec:
            return len(self.events(name, spec["count"], spec, day))
        if "users" in spec:
            return len(users(self.events(name, spec["users"], spec, day)))
        return len({event.day for event in self.events(name, spec["days"], spec, day)})

    # --- which events ---------------------------------------------------------------------------

    def events(self, name: str, what: str | Sequence[str], spec: Config, day: date) -> list[Event]:
        """The matching events in the window that ends on `day`, oldest first; without a window
        all."""
        if (name, str(what)) not in self.chosen:
            self.chosen[name, str(what)] = [
                event
                for event in self.account.events
                if self.is_meant(event, what) and self.passes(event, spec)
            ]
        first = day - timedelta(days=duration(spec["within"]) - 1) if "within" in spec else date.min
        return [event for event in self.chosen[name, str(what)] if first <= event.day <= day]

    def is_meant(self, event: Event, what: str | Sequence[str]) -> bool:
        """`any` is any product event; else an event's name, a feature's name, or a list of them."""
        if what == "any":
            return event.is_product
        if isinstance(what, str):
            return event.name in self.features.get(what, [what])
        return event.name in what

    def passes(self, event: Event, spec: Config) -> bool:
        """Whether the signal's `where` holds for the event."""
        if "where" not in spec:
            return True
        return holds(spec["where"], self.project.event_filter_names(event, self.zone))

    # --- kinds ----------------------------------------------------------------------------------

    def milestone(self, kind: str, name: str, spec: Config, day: date) -> Value:
        """The day of the first, n-th or last event so far, or a property of the last one."""
        what = spec["of"] if kind == "nth" else spec[kind]
        found = self.events(name, what, spec, day)
        number = int(spec["nth"]) if kind == "nth" else 1
        if len(found) < number:
            return None
        if kind != "last":
            return found[number - 1].day
        if "property" not in spec:
            return found[-1].day
        last = [event for event in found if event.instant == found[-1].instant]
        values = [event.properties.get(spec["property"]) for event in last]
        return self.greatest([value for value in values if value is not None])

    def greatest(self, values: Sequence[Value]) -> Value:
        """The greatest of values at one instant: by number if all are numbers or read as ones,
        else by text."""
        if not values:
            return None
        if not any(isinstance(value, Scalar) for value in values):
            return max(values)  # type: ignore[type-var]
        numbers = [read_as(value, "number", self.zone) for value in values]
        if None not in numbers:
            return max(zip(numbers, values, strict=True), key=lambda pair: pair[0])[1]  # type: ignore[arg-type, return-value]
        return max(values, key=lambda value: str(read_as(value, "text", self.zone)))

    def features_used(self, name: str, spec: Config, day: date) -> int | None:
        """How many of the features were used by enough distinct users."""
        enough: int = 1
        if "used_by" in spec:
            needed = evaluate(str(spec["used_by"]), self.fields(day))
            if needed is None:
                return None
            enough = max(1, math.ceil(round_away(exact(as_number(needed)), 9)))
        used = 0
        for feature in spec["features"]:
            if len(users(self.events(name, feature, spec, day))) >= enough:
                used += 1
        return used

    def fields(self, day: date) -> Names:
        """The account's fields on a day."""
        return self.project.field_names(self.account, day, self.zone)

    def aggregate(self, kind: str, events: Sequence[Event], name: str) -> float | int | None:
        """Over the values that are numbers or text that reads as one; none of them gives NULL."""
        numbers = []
        for event in events:
            number = read_as(event.properties.get(name), "number", self.zone)
            if number is not None:
                numbers.append(round_away(exact(as_number(number)), 9))
        if not numbers:
            return None
        if kind == "sum":
            return plain(sum(numbers, Fraction(0)))
        if kind == "average":
            return plain(sum(numbers, Fraction(0)) / len(numbers))
        return plain(min(numbers) if kind == "min" else max(numbers))

    def changed(self, spec: Config, day: date) -> bool:
        """Whether a field took another value (or lost it) on a day of the window."""
        first = day - timedelta(days=duration(spec["within"]) - 1) if "within" in spec else date.min
        days = {seen_on for seen_on, _ in self.account.seen[spec["changed"]]}
        for seen_on in days:
            if first <= seen_on <= day and seen_on > date.min:
                before = self.project.field(
                    self.account,
                    spec["changed"],
                    seen_on - timedelta(days=1),
                    self.zone,
                )
                after = self.project.field(self.account, spec["changed"], seen_on, self.zone)
                if before is not None and before != after:
                    return True
        return False

    def ratio(self, spec: Config, day: date) -> float | int | None:
        """Now, against the mean of the known values over the days before the signal's own
        window."""
        length = duration(spec["to"])
        window = duration(self.specs[spec["ratio"]]["within"])
        days = [day - timedelta(days=window + back) for back in range(length)]
        if self.first_known_day is None or min(days) < self.first_known_day:
            return None
        now = self.value(spec["ratio"], day)
        before = [self.value(spec["ratio"], earlier) for earlier in days]
        known = [exact(as_number(value)) for value in before if value is not None]
        if now is None or not known or sum(known) == 0:
            return None
        return plain(exact(as_number(now)) / (sum(known, Fraction(0)) / len(known)))


def users(events: Sequence[Event]) -> set[str]:
    """The distinct users; events with no user do not count."""
    return {event.user for event in events if event.user is not None}


def plain(number: Fraction) -> float | int:
    """The nearest float, or the whole number."""
    return int(number) if number.denominator == 1 else float(number)
