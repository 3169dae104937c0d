"""Segmentation expressions: the filters of export and engage, as far as connectors use them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.core.clock import parse_instant

if TYPE_CHECKING:
    from datetime import datetime

# A record is {"event": name, "properties": {…}}; None is undefined.
Evaluate = Callable[[dict[str, Any]], Any]
_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<number>\d+(?:\.\d+)?)
    |(?P<name>[A-Za-z_]\w*)|(?P<sign>==|!=|>=|<=|[-+*/%()\[\]<>,]))""",
    re.VERBOSE,
)


class BadExpression(Exception):
    """What the server would call an invalid selector."""


def compile_where(text: str) -> Evaluate:
    """A test of one record; what cannot be compared is undefined, and so no match."""
    parser = _Parser(text)
    test = parser.either()
    if parser.peek()[0] != "end":
        raise BadExpression(f"syntax error near {parser.peek()[1]!r}")
    return test


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise BadExpression(f"syntax error near {text[at : at + 10]!r}")
            kind = str(match.lastgroup)
            self._tokens.append((kind, match.group(kind)))
            at = match.end()
        self._at = 0

    def peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _took(self, *texts: str) -> str:
        kind, text = self.peek()
        if kind != "string" and text in texts:
            self._at += 1
            return text
        return ""

    def _need(self, text: str) -> None:
        if not self._took(text):
            raise BadExpression(f"{text} is missing before {self.peek()[1]!r}")

    def either(self) -> Evaluate:
        left = self._both()
        while self._took("or"):
            left = _either(left, self._both())
        return left

    def _both(self) -> Evaluate:
        left = self._negated()
        while self._took("and"):
            left = _both(left, self._negated())
        return left

    def _negated(self) -> Evaluate:
        if self._took("not"):
            inner = self._negated()
            return lambda record: not inner(record)
        return self._compared()

    def _compared(self) -> Evaluate:
        left = self._summed()
        sign = self._took("==", "!=", ">=", "<=", ">", "<", "in")
        return _comparison(sign, left, self._summed()) if sign else left

    def _summed(self) -> Evaluate:
        left = self._value()
        while sign := self._took("+", "-", "*", "/", "%"):
            left = _arithmetic(sign, left, self._value())
        return left

    def _value(self) -> Evaluate:
        if self._took("("):
            inner = self.either()
            self._need(")")
            return inner
        if self._took("["):
            return self._list()
        kind, text = self.peek()
        self._at += 1
        if kind == "string":
            value: Any = (
                json.loads('"' + text[1:-1].replace('"', '\\"') + '"')
                if text[0] == "'"
                else json.loads(text)
            )
            return lambda _: value
        if kind == "number":
            number = float(text)
            return lambda _: number
        if kind != "name":
            raise BadExpression(f"syntax error near {text!r}")
        return self._named(text)

    def _list(self) -> Evaluate:
        parts = [self._summed()]
        while self._took(","):
            parts.append(self._summed())
        self._need("]")
        return lambda record: [part(record) for part in parts]

    def _named(self, name: str) -> Evaluate:
        if name in ("true", "false"):
            return lambda _: name == "true"
        if name in ("properties", "event", "user"):
            self._need("[")
            key = self._value()({})
            self._need("]")
            return lambda record: _property(record, str(key))
        if name not in _FUNCTIONS:
            raise BadExpression(f"unknown name {name!r}")
        self._need("(")
        inner = self.either()
        self._need(")")
        function = _FUNCTIONS[name]
        return lambda record: function(inner(record))


def _property(record: dict[str, Any], key: str) -> Any:
    properties = record.get("properties", {})
    if key in ("$time", "time"):
        return properties.get("time")
    return record.get("event") if key == "$event_name" else properties.get(key)


def _either(left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda record: bool(left(record)) or bool(right(record))


def _both(left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda record: bool(left(record)) and bool(right(record))


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    ">=": lambda a, b: bool(a >= b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    "<": lambda a, b: bool(a < b),
}


def _comparison(sign: str, left: Evaluate, right: Evaluate) -> Evaluate:
    def test(record: dict[str, Any]) -> Any:
        a, b = left(record), right(record)
        if sign == "in":
            return isinstance(b, list | str) and a is not None and a in b
        if isinstance(a, list):
            return any(_COMPARE[sign](one, b) for one in a if type(one) is type(b))
        numbers = isinstance(a, int | float) and isinstance(b, int | float)
        if a is None or b is None or (type(a) is not type(b) and not numbers):
            return None
        return _COMPARE[sign](a, b)

    return test


def _arithmetic(sign: str, left: Evaluate, right: Evaluate) -> Evaluate:
    def compute(record: dict[str, Any]) -> Any:
        a, b = left(record), right(record)
        if not isinstance(a, int | float) or not isinstance(b, int | float):
            return None
        match sign:
            case "+":
                return a + b
            case "-":
                return a - b
            case "*":
                return a * b
            case "/":
                return a / b if b else None
            case _:
                return a % b if b else None

    return compute


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _instant(value: Any) -> float | None:
    """datetime(seconds) or datetime("ISO"): both as epoch seconds."""
    if isinstance(value, int | float):
        return float(value)
    try:
        moment: datetime = parse_instant(str(value))
    except ValueError:
        return None
    return moment.timestamp()


_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "defined": lambda value: value is not None,
    "number": _number,
    "string": lambda value: None if value is None else str(value),
    "boolean": bool,
    "datetime": _instant,
    "floor": lambda value: None if value is None else value // 1,
    "round": lambda value: None if value is None else round(value),
    "ceil": lambda value: None if value is None else -(-value // 1),
}
