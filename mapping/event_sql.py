"""Checked expressions over events, as Ibis values: event filters and the reading of properties.

Days are int32 numbers from 1970-01-01 here too, so date arithmetic is integer arithmetic on every
engine. Division is by NULLIF(y, 0), LEAST and GREATEST are spelled out: engines differ there.
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import Any

import ibis

from mapping.clock import SECONDS_A_DAY, Offsets, day_number
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
from mapping.vector import (
    FIRST_DAY,
    KIND_NUMBER,
    KIND_TEXT,
    LAST_DAY,
    NUMBER_LIMIT,
    WHOLE,
    like_pattern,
)

_NUMBER = r"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$"
_DATE = r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}\s*$"
_INSTANT = (
    r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?"
    r"\s*(Z|z|[+-][0-9]{2}:?([0-9]{2})?)?\s*$"
)
_ENGINE_TYPES: Mapping[Type, str] = {
    "number": "float64", "date": "int32", "text": "string", "boolean": "boolean",
    "untyped": "string", "null": "boolean",
}  # fmt: skip


@dataclass(frozen=True)
class Property:
    """A kept property of an event: its text, and which kind of JSON value that text came from."""

    text: Any
    kind: Any
    type: Type


@dataclass(frozen=True)
class EventScope:
    """What a filter over events may name: `event`, `user` and the kept properties."""

    event: Any
    user: Any
    properties: Mapping[str, Property]
    offsets: Offsets


def compile_events(node: Node, scope: EventScope) -> Any:  # noqa: C901 - one case a node
    """The expression as an Ibis value over the scope's table. Pure."""
    match node:
        case Name():
            return _name(node, scope)
        case Constant(value=None):
            return null(_ENGINE_TYPES[node.type])
        case Constant():
            value = day_number(node.value) if isinstance(node.value, date) else node.value
            return ibis.literal(value, type=_ENGINE_TYPES[node.type])
        case Read(of=Name(name=name)):
            return read(scope.properties[name], node.type, scope.offsets)
        case Logic():
            parts = [compile_events(part, scope) for part in node.parts]
            return reduce(lambda a, b: a & b if node.op == "and" else a | b, parts)
        case Not():
            return ~compile_events(node.of, scope)
        case Compare():
            a, b = compile_events(node.left, scope), compile_events(node.right, scope)
            return {"=": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[
                node.op
            ]
        case Arithmetic():
            return _arithmetic(node, scope)
        case IsNull():
            of = _raw(node.of, scope)
            return of.notnull() if node.negated else of.isnull()
        case Like():
            return _like(compile_events(node.of, scope), node.pattern)
        case Case():
            branches = [
                (compile_events(w, scope), compile_events(t, scope)) for w, t in node.branches
            ]
            return ibis.cases(*branches, else_=compile_events(node.default, scope))
        case Call():
            return _call(node, scope)
        case Read():
            raise TypeError(node)  # coerce() pushes every Read down to a name


def null(engine_type: str) -> Any:
    """NULL as something that comes to nothing: Ibis reads `x != NULL` as x IS NOT NULL."""
    value: Any = {"string": "", "boolean": False}.get(engine_type, 0)
    return ibis.cases((ibis.literal(False), ibis.literal(value, engine_type)))


def _name(node: Name, scope: EventScope) -> Any:
    if node.name in ("event", "user"):
        return scope.event if node.name == "event" else scope.user
    return read(scope.properties[node.name], node.type, scope.offsets)


def _raw(node: Node, scope: EventScope) -> Any:
    """The value whose absence IS NULL asks about: an untyped property is its text."""
    if isinstance(node, Name) and node.type == "untyped":
        return scope.properties[node.name].text
    return compile_events(node, scope)


def read(of: Property, kind: Type, offsets: Offsets) -> Any:
    """A property's text read as `kind`; NULL where it can't be read so.

    Numbers are JSON numbers or text that spells one, never booleans; beyond ±1e15 they are NULL.
    """
    match kind:
        case "number":
            # The regular expression is only needed for text: most numbers come as numbers.
            spells = (of.kind == KIND_NUMBER) | (
                (of.kind == KIND_TEXT) & of.text.re_search(_NUMBER)
            )
            number = ibis.cases((spells, of.text.strip().try_cast("float64")))
            return ibis.cases((number.abs() <= NUMBER_LIMIT, number))
        case "boolean":
            lowered = of.text.lower()
            return ibis.cases((lowered == "true", True), (lowered == "false", False))
        case "date":
            return _read_date(of.text, offsets)
        case "text" | "untyped" | "null":
            return of.text


def _read_date(text: Any, offsets: Offsets) -> Any:
    trimmed = text.strip()
    day = days_of(trimmed.substr(0, 10).try_cast("date"))
    seconds = (
        trimmed.substr(11, 2).try_cast("int64") * 3600
        + trimmed.substr(14, 2).try_cast("int64") * 60
        + ibis.coalesce(trimmed.re_extract(r"^.{16}:([0-9]{2})", 1).try_cast("int64"), 0)
    )
    sign = ibis.cases((trimmed.re_search(r"-[0-9]{2}:?([0-9]{2})?$"), -1), else_=1)
    hours = trimmed.re_extract(r"[0-9]\s*[+-]([0-9]{2}):?([0-9]{2})?$", 1).try_cast("int64")
    minutes = trimmed.re_extract(r"[0-9]\s*[+-]([0-9]{2}):?([0-9]{2})?$", 2).try_cast("int64")
    east = sign * (ibis.coalesce(hours, 0) * 3600 + ibis.coalesce(minutes, 0) * 60)
    epoch = day.cast("int64") * SECONDS_A_DAY + seconds - east
    return ibis.cases(
        (text.re_search(_DATE), day), (text.re_search(_INSTANT), local_day(epoch, offsets))
    )


def days_of(day: Any) -> Any:
    """A DATE as its int32 day number, by arithmetic that all engines share."""
    return (
        (day.cast("timestamp").epoch_seconds().cast("float64") / SECONDS_A_DAY)
        .floor()
        .cast("int32")
    )


def local_day(epoch_seconds: Any, offsets: Offsets) -> Any:
    """The local day number of an instant given in seconds since 1970-01-01 UTC."""
    shifted = epoch_seconds + local_offset(epoch_seconds, offsets)
    return (shifted.cast("float64") / SECONDS_A_DAY).floor().cast("int32")


def local_offset(epoch_seconds: Any, offsets: Offsets) -> Any:
    """The zone's offset in seconds at an instant.

    A tree of comparisons, so that a century of changes costs seven of them and not two hundred.
    """
    return _offset_between(epoch_seconds, offsets, 0, len(offsets.starts))


def _offset_between(epoch_seconds: Any, offsets: Offsets, first: int, end: int) -> Any:
    """The offset, if it is one of those numbered `first` to `end` - 1."""
    if end - first == 1:
        return ibis.literal(offsets.seconds[first], "int64")
    middle = (first + end) // 2
    return ibis.cases(
        (
            epoch_seconds < offsets.starts[middle],
            _offset_between(epoch_seconds, offsets, first, middle),
        ),
        else_=_offset_between(epoch_seconds, offsets, middle, end),
    )


def _arithmetic(node: Arithmetic, scope: EventScope) -> Any:
    a, b = compile_events(node.left, scope), compile_events(node.right, scope)
    a, b = a.cast("float64"), b.cast("float64")
    if node.type == "date":
        days = ibis.cases((b.abs() <= LAST_DAY - FIRST_DAY, b)).floor()
        day = a + days if node.op == "+" else a - days
        return ibis.cases((day.between(FIRST_DAY, LAST_DAY), day)).cast("int32")
    match node.op:
        case "+":
            result = a + b
        case "-":
            result = a - b
        case "*":
            result = a * b
        case "/":
            result = a / b.nullif(0.0)
    return ibis.cases((result.abs() <= sys.float_info.max, result))


def _like(of: Any, pattern: str) -> Any:
    if "\\" in pattern:  # some engines take a backslash for an escape in LIKE
        return of.re_search("^" + re.sub(r"\\Z\Z", "$", like_pattern(pattern)))
    return of.like(pattern)


def _call(node: Call, scope: EventScope) -> Any:
    args = [compile_events(arg, scope) for arg in node.args]
    match node.name:
        case "coalesce":
            return ibis.coalesce(*args)
        case "least" | "greatest":
            return reduce(lambda a, b: _extreme(a, b, least=node.name == "least"), args)
        case "abs":
            return args[0].abs()
        case "lower":
            return args[0].lower()
        case "round":
            digits = node.args[1]
            assert isinstance(digits, Constant)
            scale = 10.0 ** float(digits.value or 0)  # type: ignore[arg-type]
            # Beyond there is nothing to round, and FLOOR to a whole number would not fit.
            steps = ibis.cases((args[0].abs() * scale < WHOLE, args[0].abs() * scale + 0.5)).floor()
            return ibis.coalesce(args[0].sign() * steps / scale, args[0])
        case "days_since" | "days_until":
            raise TypeError(node.name)  # refused by the parser: events are asked on no day


def _extreme(a: Any, b: Any, *, least: bool) -> Any:
    wins = a < b if least else a > b
    return ibis.cases((a.isnull(), b), (b.isnull(), a), (wins, a), else_=b)
