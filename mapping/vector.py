"""Checked expressions over NumPy: one value an account, in three-valued logic.

A `Vector` is values and which of them are known. Numbers are float64, dates int32 days since
1970-01-01, booleans bool, texts an object array of str; what stands where `known` is False is
arbitrary and never looked at.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.clock import day_number
from mapping.syntax import (
    Arithmetic,
    Call,
    Case,
    Compare,
    Constant,
    IsNull,
    Like,
    Logic,
    Name,
    Node,
    Not,
    Read,
    Type,
)

Array = NDArray[Any]
Mask = NDArray[np.bool_]
DTYPES: Mapping[Type, Any] = {
    "number": np.float64, "date": np.int32, "boolean": np.bool_, "text": np.object_,
    "untyped": np.object_, "null": np.bool_,
}  # fmt: skip
NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*\Z", re.ASCII)
NUMBER_LIMIT = 1e15  # beyond it a float64 no longer tells whole numbers apart at nine places

WHOLE = 2.0**53  # from here on a float64 has no places after the point
FIRST_DAY, LAST_DAY = day_number(date.min), day_number(date.max)  # what a calendar has


KIND_TEXT, KIND_NUMBER, KIND_BOOLEAN, KIND_NESTED = 0, 1, 2, 3
"""Which kind of JSON value the text of an event's property came from."""


class Bare(str):
    """The text of a JSON value that stood without quotes: a number, true or false, a list."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Vector:
    """One value an account: `values[i]` counts only where `known[i]`."""

    values: Array
    known: Mask

    def take(self, index: Array) -> "Vector":
        """The values of some accounts, in the order of `index`."""
        return Vector(self.values[index], self.known[index])

    def true(self) -> Mask:
        """Where a criterion holds: TRUE, neither FALSE nor unknown."""
        return np.asarray(self.values & self.known, dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class Frame:
    """What expressions see on one day: a vector for each name, `size` accounts, and the day."""

    size: int
    day: int
    lookup: Callable[[str], Vector]

    def part(self, index: Array) -> "Frame":
        """The same day for some of the accounts, in the order of `index`."""
        return Frame(len(index), self.day, lambda name: self.lookup(name).take(index))


Evaluate = Callable[[Frame], Vector]


def unknown(size: int, kind: Type = "number") -> Vector:
    """NULL for every account."""
    fill: Any = "" if DTYPES[kind] is np.object_ else 0
    return Vector(np.full(size, fill, DTYPES[kind]), np.zeros(size, np.bool_))


def everywhere(value: object, kind: Type, size: int) -> Vector:
    """The same value, None for NULL, for every account."""
    if value is None:
        return unknown(size, kind)
    if isinstance(value, date):
        value = day_number(value)
    return Vector(np.full(size, value, DTYPES[kind]), np.ones(size, np.bool_))


def compile_vector(node: Node) -> Evaluate:
    """A function from a day's frame to the expression's values, in the frame's order. Pure."""
    match node:
        case Name():
            return lambda frame: frame.lookup(node.name)
        case Constant():
            return lambda frame: everywhere(node.value, node.type, frame.size)
        case Read():
            return _read(compile_vector(node.of), node.type)
        case Logic():
            return _logic(node.op, [compile_vector(part) for part in node.parts])
        case Not():
            return _not(compile_vector(node.of))
        case Compare():
            return _compare(node.op, compile_vector(node.left), compile_vector(node.right))
        case Arithmetic():
            return _arithmetic(node)
        case IsNull():
            return _is_null(compile_vector(node.of), negated=node.negated)
        case Like():
            return _like(compile_vector(node.of), node.pattern)
        case Case():
            return _case(node)
        case Call():
            return _call(node)


def _not(of: Evaluate) -> Evaluate:
    def evaluate(frame: Frame) -> Vector:
        value = of(frame)
        return Vector(~value.values, value.known)

    return evaluate


def _logic(op: str, parts: list[Evaluate]) -> Evaluate:
    """AND is false where one part is false, whatever else is unknown; OR likewise with true."""
    decisive = op == "or"

    def evaluate(frame: Frame) -> Vector:
        decided = np.zeros(frame.size, np.bool_)
        known = np.ones(frame.size, np.bool_)
        for part in parts:
            value = part(frame)
            decided |= value.known & (value.values == decisive)
            known &= value.known
        return Vector(decided if decisive else ~decided, known | decided)

    return evaluate


_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip


def _compare(op: str, left: Evaluate, right: Evaluate) -> Evaluate:
    operator = _OPERATORS[op]

    def evaluate(frame: Frame) -> Vector:
        a, b = left(frame), right(frame)
        return Vector(np.asarray(operator(a.values, b.values), np.bool_), a.known & b.known)

    return evaluate


def _arithmetic(node: Arithmetic) -> Evaluate:
    left, right = compile_vector(node.left), compile_vector(node.right)

    def evaluate(frame: Frame) -> Vector:
        a, b = left(frame), right(frame)
        known = a.known & b.known
        if node.type == "date":
            # An unknown number of days may be anything, infinity too: it must not reach the cast.
            days = np.where(known, np.floor(b.values), 0)
            there = a.values + days if node.op == "+" else a.values - days
            known &= (there >= FIRST_DAY) & (there <= LAST_DAY)
            return Vector(np.where(known, there, 0).astype(np.int32), known)
        x, y = a.values.astype(np.float64), b.values.astype(np.float64)
        with np.errstate(all="ignore"):
            if node.op == "/":
                known, result = known & (y != 0), np.divide(x, y)
            else:
                result = {"+": np.add, "-": np.subtract, "*": np.multiply}[node.op](x, y)
        return Vector(result, known & np.isfinite(result))

    return evaluate


def _is_null(of: Evaluate, *, negated: bool) -> Evaluate:
    def evaluate(frame: Frame) -> Vector:
        known = of(frame).known
        return Vector(known.copy() if negated else ~known, np.ones(frame.size, np.bool_))

    return evaluate


def like_pattern(pattern: str) -> str:
    """The regular expression of a LIKE pattern: `%` any text, `_` one character, no escape."""
    parts = ({"%": ".*", "_": "."}.get(char, re.escape(char)) for char in pattern)
    return "(?s:" + "".join(parts) + r")\Z"


def _like(of: Evaluate, pattern: str) -> Evaluate:
    matches = re.compile(like_pattern(pattern)).match

    def evaluate(frame: Frame) -> Vector:
        value = of(frame)
        return Vector(_map(value, lambda text: matches(text) is not None, np.bool_), value.known)

    return evaluate


def _map(value: Vector, function: Callable[[str], Any], dtype: Any) -> Array:
    """`function` of each known text. Texts repeat, so each is worked out once."""
    memo = {text: function(text) for text in set(value.values[value.known].tolist())}
    fill: Any = "" if dtype is np.object_ else 0
    result = np.full(len(value.values), fill, dtype)
    if memo:
        result[value.known] = [memo[text] for text in value.values[value.known].tolist()]
    return result


def _case(node: Case) -> Evaluate:
    branches = [(compile_vector(when), compile_vector(then)) for when, then in node.branches]
    default, kind = compile_vector(node.default), node.type

    def evaluate(frame: Frame) -> Vector:
        chosen = default(frame)
        values, known = chosen.values.astype(DTYPES[kind]), chosen.known.copy()
        for when, then in reversed(branches):
            holds, value = when(frame).true(), then(frame)
            values[holds], known[holds] = value.values[holds], value.known[holds]
        return Vector(values, known)

    return evaluate


def _call(node: Call) -> Evaluate:
    args = [compile_vector(arg) for arg in node.args]
    match node.name:
        case "days_since" | "days_until":
            sign = 1.0 if node.name == "days_since" else -1.0
            return lambda frame: _days(args[0](frame), frame.day, sign)
        case "abs":
            return lambda frame: _each(args[0](frame), np.abs)
        case "lower":
            return lambda frame: _lower(args[0](frame))
        case "round":
            digits = node.args[1]
            places = int(digits.value) if isinstance(digits, Constant) and digits.value else 0  # type: ignore[arg-type]
            return lambda frame: _each(args[0](frame), lambda x: round_half_away(x, places))
        case "coalesce" | "least" | "greatest":
            return lambda frame: _first_or_extreme(node.name, [arg(frame) for arg in args])


def _days(value: Vector, day: int, sign: float) -> Vector:
    return Vector(sign * (day - value.values.astype(np.float64)), value.known)


def _each(value: Vector, function: Callable[[Array], Array]) -> Vector:
    return Vector(function(value.values), value.known)


def _lower(value: Vector) -> Vector:
    return Vector(_map(value, str.lower, np.object_), value.known)


def _first_or_extreme(name: str, vectors: list[Vector]) -> Vector:
    """COALESCE, LEAST and GREATEST: all pass over NULL; NULL where everything is."""
    values, known = vectors[0].values.copy(), vectors[0].known.copy()
    for other in vectors[1:]:
        better = other.known & ~known
        if name != "coalesce":
            both = other.known & known
            wins = np.zeros(len(both), np.bool_)
            a, b = other.values[both], values[both]
            wins[both] = a < b if name == "least" else a > b
            better |= wins
        values[better] = other.values[better]
        known |= other.known
    return Vector(values, known)


def round_half_away(values: Array, places: int) -> Array:
    """Rounded to `places`, halves away from zero: 0.5 -> 1, -0.5 -> -1."""
    scale = 10.0**places
    with np.errstate(all="ignore"):
        steps = np.abs(values) * scale
        rounded = np.sign(values) * np.floor(steps + 0.5) / scale
    return np.where(steps < WHOLE, rounded, values)


def read_number(text: str) -> float | None:
    """A number as the journey reference reads one from text; None where it is none."""
    if not NUMBER.match(text):
        return None
    number = float(text)
    return number if abs(number) <= NUMBER_LIMIT else None


def read_boolean(text: str) -> bool | None:
    """`true` and `false` in any case; None for all else, 0 and 1 included."""
    return {"true": True, "false": False}.get(text.strip().lower())


def read_date(text: str) -> int | None:
    """The day number of an ISO date, or of the date part of an ISO date with a time (UTC)."""
    stripped = text.strip()
    try:
        return day_number(date.fromisoformat(stripped[:10])) if len(stripped) >= 10 else None
    except ValueError:
        return None


def _read(of: Evaluate, kind: Type) -> Evaluate:
    reader: Callable[[str], Any] = {
        "number": read_number, "boolean": read_boolean, "date": read_date,
    }.get(kind, lambda text: text)  # fmt: skip

    def evaluate(frame: Frame) -> Vector:
        value = of(frame)
        if kind == "text":
            return value
        readable = _map(value, lambda text: reader(text) is not None, np.bool_) & value.known
        values = _map(Vector(value.values, readable), reader, DTYPES[kind])
        return Vector(values, readable)

    return evaluate
