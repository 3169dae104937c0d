"""What operators and functions take, and of which type their result is.

Every refusal is an ExpressionError, which names the types that do not go together.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from mapping.syntax import Arithmetic, Call, Case, Compare, Constant, Name, Node, Read, Type

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")


@dataclass(frozen=True)
class ExpressionError(Exception):
    """What is wrong with one expression: a sentence, the nearest right thing, and the place."""

    message: str
    hint: str = ""
    offset: int | None = None


def coerce(node: Node, to: Type) -> Node:
    """The same expression read as `to`, where it has no type of its own (else unchanged)."""
    if node.type not in ("untyped", "null"):
        return node
    match node:
        case Constant():
            return Constant(node.value, to)
        case Case():
            branches = tuple((when, coerce(then, to)) for when, then in node.branches)
            return Case(branches, coerce(node.default, to), to)
        case Call():
            return Call(node.name, tuple(coerce(arg, to) for arg in node.args), to)
        case _:
            return Read(node, to)


def compare(op: Any, left: Node, right: Node) -> Node:
    """Two values compared, both in one type."""
    left, right = _in_one_type(left, right)
    if left.type == "boolean" and op not in ("=", "!="):
        raise ExpressionError(f"true and false have no order for {op}")
    return Compare(op, left, right)


def arithmetic(op: Any, left: Node, right: Node) -> Node:
    """`+ - * /`: numbers among themselves, dates with dates and days."""
    dated = "date" in (left.type, right.type)
    if dated and op == "-" and left.type == "date":
        right = as_date(right) if right.type in ("text", "untyped") else coerce(right, "number")
        if right.type == "boolean":
            raise ExpressionError(
                f"- takes days or a date from a date, and one side is {a_type(right.type)}"
            )
        return Arithmetic("-", left, right, "number" if right.type == "date" else "date")
    if dated and op == "-" and left.type == "text":
        return arithmetic(op, as_date(left), right)
    left, right = (
        coerce(side, "number") if side.type != "date" else side for side in (left, right)
    )
    wrong = [side for side in (left, right) if side.type not in ("number", "date")]
    if wrong:
        raise ExpressionError(f"{op} needs numbers, and one side is {a_type(wrong[0].type)}")
    if not dated:
        return Arithmetic(op, left, right, "number")
    if op == "+" and left.type != right.type:
        day, days = (left, right) if left.type == "date" else (right, left)
        return Arithmetic("+", day, days, "date")
    raise ExpressionError(f"a date can't be used with {op} here")


def typed(name: str, node: Node, want: Type) -> Node:
    """The argument of a function, if it is of the type that the function takes."""
    if node.type != want:
        raise ExpressionError(f"{name} needs {a_type(want)}, and this is {a_type(node.type)}")
    return node


def _in_one_type(left: Node, right: Node) -> tuple[Node, Node]:
    """Both sides of a comparison in one type, or an error that names both."""
    (left, right), kind = unify([left, right])
    if kind in ("untyped", "null"):
        return coerce(left, "text"), coerce(right, "text")
    return left, right


def unify(nodes: list[Node]) -> tuple[list[Node], Type]:
    """All in one type: untyped and NULL take the others', text in quotes is a date beside dates.

    Values without any type stay so, until something around them settles it.
    """
    kinds = {node.type for node in nodes} - {"null", "untyped"}
    if kinds == {"date", "text"}:
        nodes, kinds = [as_date(node) if node.type == "text" else node for node in nodes], {"date"}
    if len(kinds) > 1:
        first, second = sorted(kinds)[:2]
        raise ExpressionError(f"{a_type(first)} can't be compared or mixed with {a_type(second)}")
    if not kinds:
        return nodes, "untyped" if any(node.type == "untyped" for node in nodes) else "null"
    (kind,) = kinds
    return [coerce(node, kind) for node in nodes], kind


def as_date(node: Node) -> Node:
    """A text in quotes as the date that it spells."""
    if isinstance(node, Read | Name) and node.type == "untyped":
        return Read(node, "date")
    if isinstance(node, Constant) and isinstance(node.value, str):
        try:
            if _DATE.match(node.value):
                return Constant(date.fromisoformat(node.value), "date")
        except ValueError:
            pass
        raise ExpressionError(f"'{node.value}' is no date", "write dates as '2026-01-31'")
    raise ExpressionError("a date can't be compared or mixed with a text")


def a_type(kind: str) -> str:
    """A type as sentences name it."""
    return {"null": "NULL", "untyped": "a property", "boolean": "true or false"}.get(
        kind, f"a {kind}"
    )
