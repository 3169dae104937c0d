"""What the journeys look at in the lake: what retention must leave of old days, and why only that.

A replay asks the lake three things only (mapping/daily.py): how often the events of a filter
happened, who did them, and what a property said. And the first event of an account that passes the
journey's `events` filter, of whatever name, begins its history. So of a day that is old an event
may go if no signal counts it and another one of the same account, name and looked-at properties is
earlier on that day; a column may be emptied if no expression reads it.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Self

from config.mapping_file import EventsEntry
from mapping.compiled import CompiledJourney
from mapping.syntax import names

_MARGIN = timedelta(days=2)  # a local day reaches into the UTC days beside it

Names = frozenset[str] | None
"""Names of events; None: all of them."""


@dataclass(frozen=True, slots=True)
class Need:
    """What is looked at of one source's events.

    `ever`: events that some signal counts since ever. `recent`: those that windows look at as well,
    from the UTC day `since` on. `user`: whether anything asks who did it.
    """

    ever: Names
    recent: Names
    since: date
    properties: frozenset[str]
    user: bool

    def on(self, day: date) -> Names:
        """The events that count on a UTC day."""
        return _both(self.ever, self.recent) if day >= self.since else self.ever

    def lacking(self, kept: Self, before: date) -> list[str]:
        """What is needed of days before `before` and not among what was kept of them, in words."""
        missing = []
        if self.user and not kept.user:
            missing.append("users")
        if gone := sorted(self.properties - kept.properties):
            missing.append(f"the {'property' if len(gone) == 1 else 'properties'} {_listed(gone)}")
        events = [_without(self.ever, kept.ever)]
        if self.since < before:  # one of the days in between stands for all on its side
            days = {self.since, max(self.since, kept.since)}
            events += [_without(self.on(day), kept.on(day)) for day in days if day < before]
        found = frozenset().union(*(one for one in events if one is not None))
        if None in events:
            missing.append("events of other names")
        elif found:
            missing.append(f"the {'event' if len(found) == 1 else 'events'} {_listed(found)}")
        return missing

    def to_text(self) -> str:
        """As the state file keeps it."""
        return json.dumps(
            {
                "ever": None if self.ever is None else sorted(self.ever),
                "recent": None if self.recent is None else sorted(self.recent),
                "since": self.since.isoformat(),
                "properties": sorted(self.properties),
                "user": self.user,
            },
            ensure_ascii=False,
        )

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The reverse of `to_text`."""
        said = json.loads(text)
        return cls(
            None if said["ever"] is None else frozenset(said["ever"]),
            None if said["recent"] is None else frozenset(said["recent"]),
            date.fromisoformat(said["since"]),
            frozenset(said["properties"]),
            said["user"],
        )


def needed(entry: EventsEntry, journeys: Iterable[CompiledJourney]) -> Need:
    """What `journeys` together look at of the events of `entry`."""
    found = Need(frozenset(), frozenset(), date.max, frozenset(), user=False)
    for journey in journeys:
        one = _of_journey(entry, journey)
        found = replace(
            found,
            ever=_both(found.ever, one.ever),
            recent=_both(found.recent, one.recent),
            since=min(found.since, one.since),
            properties=found.properties | one.properties,
            user=found.user or one.user,
        )
    return found


def _of_journey(entry: EventsEntry, compiled: CompiledJourney) -> Need:
    measures = compiled.measures
    read = {figure.property for figure in (*measures.figures, *measures.lasts)}
    nodes = [one.where for one in measures.filters]
    nodes.append(compiled.product_events if entry.object is None else None)
    for node in nodes:
        read |= names(node) if node is not None else set()
    ever: Names = frozenset()
    recent: Names = frozenset()
    for plan in compiled.signals:
        # A signal over two others has no filter of its own; theirs are in this loop as well.
        for number in plan.filters:
            events = measures.filters[number].events
            if events is None and entry.object is not None:
                continue  # any product event, and these are none
            if plan.window is None:
                ever = _both(ever, events)
            else:
                recent = _both(recent, events)
    reach = timedelta(days=compiled.longest_reach())
    return Need(
        ever,
        recent,
        compiled.journey.since - reach - _MARGIN,
        frozenset(read) & frozenset(entry.keep),
        bool(measures.by_user) or "user" in read,
    )


def _both(one: Names, other: Names) -> Names:
    return None if one is None or other is None else one | other


def _without(wanted: Names, there: Names) -> Names:
    """What is wanted and not there; None: nobody can say which."""
    if there is None:
        return frozenset()
    return None if wanted is None else wanted - there


def _listed(found: Iterable[str]) -> str:
    *most, last = sorted(found)
    return f"{', '.join(most)} and {last}" if most else last
