"""The checked form of an expression: a small typed tree that both compilers (NumPy, Ibis) read.

Every node knows the type of its value: `number`, `date`, `text`, `boolean`, `null` (the literal),
or `untyped` (a kept property to which the mapping gives no type; it is read as what it is compared
with).
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date
from typing import Literal

Type = Literal["number", "date", "text", "boolean", "null", "untyped"]


@dataclass(frozen=True, slots=True)
class Name:
    """A signal, a field, a property or a built-in, as it stands on the day asked about."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal. `value` is None for NULL, a `date` for a date in quotes that meets a date."""

    value: float | str | bool | date | None
    type: Type


@dataclass(frozen=True, slots=True)
class Read:
    """An untyped value read as `type`; NULL where it can't be read so."""

    of: "Node"
    type: Type


@dataclass(frozen=True, slots=True)
class Logic:
    """AND or OR of two or more booleans, in three-valued logic."""

    op: Literal["and", "or"]
    parts: tuple["Node", ...]
    type: Type = "boolean"


@dataclass(frozen=True, slots=True)
class Not:
    """NOT of a boolean; NULL stays NULL."""

    of: "Node"
    type: Type = "boolean"


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison of two values of one type."""

    op: Literal["=", "!=", "<", "<=", ">", ">="]
    left: "Node"
    right: "Node"
    type: Type = "boolean"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`+ - * /` on numbers, date - date (days), date + n and date - n (a date; n rounds down)."""

    op: Literal["+", "-", "*", "/"]
    left: "Node"
    right: "Node"
    type: Type


@dataclass(frozen=True, slots=True)
class IsNull:
    """IS NULL, or IS NOT NULL where `negated`; never NULL itself."""

    of: "Node"
    negated: bool
    type: Type = "boolean"


@dataclass(frozen=True, slots=True)
class Like:
    """LIKE with `%` and `_`; case counts. The pattern is a literal."""

    of: "Node"
    pattern: str
    type: Type = "boolean"


@dataclass(frozen=True, slots=True)
class Case:
    """The value of the first branch whose condition is TRUE, else `default`."""

    branches: tuple[tuple["Node", "Node"], ...]
    default: "Node"
    type: Type


@dataclass(frozen=True, slots=True)
class Call:
    """One of the listed functions; `name` in lower case."""

    name: Literal[
        "coalesce", "least", "greatest", "abs", "round", "lower", "days_since", "days_until"
    ]
    args: tuple["Node", ...]
    type: Type


Node = Name | Constant | Read | Logic | Not | Compare | Arithmetic | IsNull | Like | Case | Call


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below, in the order in which they are written."""
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, tuple):
            for item in value:
                if isinstance(item, tuple):
                    yield from item
                elif not isinstance(item, str):
                    yield item
        elif not isinstance(value, str | bool | float | int | date | None):
            yield value


def names(node: Node) -> frozenset[str]:
    """Every name that the expression speaks of."""
    if isinstance(node, Name):
        return frozenset({node.name})
    return frozenset().union(*(names(child) for child in children(node)))
