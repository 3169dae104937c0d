"""What a SOQL query says, as a tree."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Literal:
    """`kind`: string, number, boolean, null, date, datetime, or range for a date literal."""

    kind: str
    text: str


@dataclass(frozen=True)
class Compare:
    """A field, a sign and what it is compared with."""

    path: str
    sign: str  # = != < <= > >= LIKE IN NOT IN INCLUDES EXCLUDES
    values: tuple[Literal, ...]
    subquery: Query | None = None


@dataclass(frozen=True)
class Not:
    """The opposite of a condition."""

    inner: Condition


@dataclass(frozen=True)
class Group:
    """Conditions joined by one word."""

    word: str  # AND, OR
    parts: tuple[Condition, ...]


Condition = Compare | Not | Group


@dataclass(frozen=True)
class Item:
    """A field, or an aggregate where `function` is set; COUNT() has no path. `part` is a part of a
    date, which can be grouped by."""

    path: str
    function: str = ""
    alias: str = ""
    part: str = ""

    @property
    def grouped(self) -> tuple[str, str]:
        """What GROUP BY must name, so that this can be selected."""
        return self.part, self.path.casefold()


@dataclass(frozen=True)
class Order:
    """One key of ORDER BY; nulls come first unless told otherwise."""

    path: str
    descending: bool
    nulls_last: bool


@dataclass(frozen=True)
class Query:
    """A whole SELECT."""

    items: tuple[Item, ...]
    entity: str
    where: Condition | None
    group: tuple[Item, ...]
    order: tuple[Order, ...]
    limit: int | None
    offset: int
