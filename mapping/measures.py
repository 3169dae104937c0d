"""What the engine has to count so that every signal of a journey can be told for every day.

Signals that look at the same events share one filter. From filters come three small relations:
account-days (counts and sums), user-days (who used what) and last values. See daily.py.
"""

from dataclasses import dataclass, field
from typing import TypeVar

from mapping.syntax import Node

T = TypeVar("T")
FILTERS_A_MASK = 60  # bits of a signed 64-bit integer that every engine can OR


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events a signal looks at: `events` None means any product event."""

    events: frozenset[str] | None
    where: Node | None


@dataclass(frozen=True, slots=True)
class Figure:
    """The numeric values of one property over the events of one filter."""

    filter: int
    property: str


@dataclass
class Measures:
    """The filters and figures of one journey, each listed once, referred to by its index."""

    filters: list[Filter] = field(default_factory=list)
    counted: set[int] = field(default_factory=set)
    by_user: set[int] = field(default_factory=set)
    figures: list[Figure] = field(default_factory=list)
    lasts: list[Figure] = field(default_factory=list)

    def filter(self, events: frozenset[str] | None, where: Node | None) -> int:
        """The index of this filter, listed now if it is new."""
        return _listed(self.filters, Filter(events, where))

    def count(self, index: int) -> int:
        """Ask for how many events of a filter each account had on each day."""
        self.counted.add(index)
        return index

    def users(self, index: int) -> int:
        """Ask for which users of each account were behind the events of a filter, day by day."""
        self.by_user.add(index)
        return index

    def figure(self, index: int, name: str) -> int:
        """Ask for sum, number, least and greatest of a property, account by day."""
        return _listed(self.figures, Figure(index, name))

    def last(self, index: int, name: str) -> int:
        """Ask for a property's value in the last event of each account and day."""
        return _listed(self.lasts, Figure(index, name))


def _listed(items: list[T], item: T) -> int:
    if item not in items:
        items.append(item)
    return items.index(item)
