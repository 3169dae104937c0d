"""What operators and functions take, and of which type their result is.

Every refusal is an ExpressionError, which names the types that do not go together.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from config.names import OUTPUTS
from mapping.syntax import Arithmetic, Call, Case, Compare, Constant, Name, Node, Read, Type
from mapping.words import text_of

_ALWAYS_TEXT = {*OUTPUTS, "event", "user", "id"}
_PLURAL: Mapping[str, str] = {"date": "dates", "number": "numbers", "boolean": "true or false"}
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?\Z", re.ASCII)
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
            raise ExpressionError(f"- takes days or a date from a date, and {_shown(right)}")
        return Arithmetic("-", left, right, "number" if right.type == "date" else "date")
    if dated and op == "-" and left.type == "text":
        return arithmetic(op, as_date(left), right)
    left, right = (
        coerce(side, "number") if side.type != "date" else side for side in (left, right)
    )
    wrong = [side for side in (left, right) if side.type not in ("number", "date")]
    if wrong:
        raise ExpressionError(
            f"{op} needs numbers, and {_shown(wrong[0])}", _hint(wrong[0], "number")
        )
    if not dated:
        return Arithmetic(op, left, right, "number")
    if op == "+" and left.type != right.type:
        day, days = (left, right) if left.type == "date" else (right, left)
        return Arithmetic("+", day, days, "date")
    raise ExpressionError(f"a date can't be used with {op} here")


def typed(name: str, node: Node, want: Type) -> Node:
    """The argument of a function, if it is of the type that the function takes."""
    if node.type != want:
        raise ExpressionError(f"{name} needs {a_type(want)}, and {_shown(node)}", _hint(node, want))
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
    written = all(isinstance(node, Constant) for node in nodes if node.type == "text")
    if kinds == {"date", "text"} and written:
        nodes, kinds = [as_date(node) if node.type == "text" else node for node in nodes], {"date"}
    if len(kinds) > 1:
        raise _unlike(nodes)
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
    raise ExpressionError(f"a date is needed here, and {_shown(node)}", _hint(node, "date"))


def a_type(kind: str) -> str:
    """A type as sentences name it."""
    return {"null": "NULL", "untyped": "a property", "boolean": "true or false"}.get(
        kind, f"a {kind}"
    )


def _unlike(nodes: list[Node]) -> ExpressionError:
    """Values of two types that meet: both named, and what may have been meant."""
    typed = {node.type: node for node in nodes if node.type not in ("null", "untyped")}
    (first, one), (second, other) = sorted(typed.items())[:2]
    hint = _hint(one, second) or _hint(other, first)
    return ExpressionError(
        f"{a_type(first)} can't be compared or mixed with {a_type(second)}: "
        f"{_shown(one)}, {_shown(other)}",
        hint,
    )


def _shown(node: Node) -> str:
    return f"`{text_of(node)}` is {a_type(node.type)}"


def _hint(node: Node, wanted: Type) -> str:
    """How a text would be of the type that is wanted; a field of no type is a text."""
    if isinstance(node, Name) and node.type == "text" and node.name not in _ALWAYS_TEXT:
        return f"if it holds {_PLURAL[wanted]}, give it `type: {wanted}` in mapping.yaml"
    if isinstance(node, Constant) and wanted == "number" and _NUMBER.match(str(node.value)):
        return f"write {node.value} without quotes"
    return ""
