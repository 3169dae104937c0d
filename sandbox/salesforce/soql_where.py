"""WHERE of SOQL as Python predicates over one record's values."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.dates import date_range
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.ids import normal
from sandbox.salesforce.schema import NUMBER_TYPES
from sandbox.salesforce.soql_tree import Compare, Condition, Group, Literal, Not

if TYPE_CHECKING:
    from sandbox.salesforce.schema import Field
    from sandbox.salesforce.soql_scope import Scope

Test = Callable[[dict[str, Any]], bool]

_ORDERING: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


def predicate(condition: Condition, scope: Scope) -> Test:
    """Raises ApiError where a field or the type of a literal is wrong. Two-valued: a null is equal
    to null, different from all else, and neither less nor more than anything."""
    match condition:
        case Group("AND", parts):
            tests = [predicate(part, scope) for part in parts]
            return lambda values: all(test(values) for test in tests)
        case Group(_, parts):
            tests = [predicate(part, scope) for part in parts]
            return lambda values: any(test(values) for test in tests)
        case Not(inner):
            test = predicate(inner, scope)
            return lambda values: not test(values)
        case Compare():
            return _comparison(condition, scope)


def _comparison(compare: Compare, scope: Scope) -> Test:
    field, read = scope.resolve(compare.path)
    if not field.filterable:
        raise ApiError(
            "INVALID_FIELD", f"field '{compare.path}' can not be filtered in a query call"
        )
    sign = compare.sign
    if compare.subquery is not None:
        inside = scope.semi_join(compare.subquery)
        wanted = sign == "IN"
        return lambda values: (read(values) in inside) == wanted
    if sign in ("INCLUDES", "EXCLUDES"):
        return _multi(field, compare, read)
    if sign == "LIKE":
        return _like(field, compare.values[0], read)
    if any(v.kind == "range" for v in compare.values):
        return _in_range(compare, field, read, scope)
    wanted_values = [_typed(field, v, compare.path) for v in compare.values]
    if sign in ("IN", "NOT IN"):
        several = set(wanted_values)
        return lambda values: (_folded(read(values)) in several) == (sign == "IN")
    return _plain(sign, wanted_values[0], read)


def _plain(sign: str, wanted: Any, read: Callable[[dict[str, Any]], Any]) -> Test:
    if sign == "=":
        return lambda values: bool(_folded(read(values)) == wanted)
    if sign == "!=":
        return lambda values: bool(_folded(read(values)) != wanted)
    ordered = _ORDERING[sign]

    def test(values: dict[str, Any]) -> bool:
        found = _folded(read(values))
        return found is not None and wanted is not None and bool(ordered(found, wanted))

    return test


def _folded(value: Any) -> Any:
    """Text compares without case, ids with it (they are 18 characters here, which is the same)."""
    return value.casefold() if isinstance(value, str) else value


def _typed(field: Field, literal: Literal, path: str) -> Any:
    """The literal in the field's own type. Raises INVALID_FIELD as the vendor words it."""
    if literal.kind == "null":
        return None
    kind = field.type
    if kind in NUMBER_TYPES:
        return float(literal.text) if literal.kind == "number" else _refuse(path, kind, literal)
    if kind == "boolean":
        return literal.text == "true" if literal.kind == "boolean" else _refuse(path, kind, literal)
    if kind == "datetime":
        if literal.kind != "datetime":
            _refuse(path, "dateTime", literal)
        return datetime.fromisoformat(literal.text).astimezone(UTC)
    if kind == "date":
        return (
            date.fromisoformat(literal.text)
            if literal.kind == "date"
            else _refuse(path, kind, literal)
        )
    if literal.kind != "string":
        _refuse(path, "string", literal)
    if kind in ("id", "reference"):
        found = normal(literal.text)
        if found is None:
            raise ApiError("INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {literal.text}")
        return found.casefold()
    return literal.text.casefold()


def _refuse(path: str, kind: str, literal: Literal) -> Any:
    quoting = (
        "should be enclosed in quotes" if kind == "string" else "should not be enclosed in quotes"
    )
    del literal
    raise ApiError(
        "INVALID_FIELD",
        f"value of filter criterion for field '{path}' must be of type {kind} and {quoting}",
    )


def _like(field: Field, literal: Literal, read: Callable[[dict[str, Any]], Any]) -> Test:
    if literal.kind != "string" or field.type in NUMBER_TYPES | {"date", "datetime", "boolean"}:
        raise ApiError("INVALID_QUERY_FILTER_OPERATOR", "invalid operator on field: like")
    parts = re.split(r"([%_])", literal.text)
    pattern = "".join({"%": ".*", "_": "."}.get(part, re.escape(part)) for part in parts)
    shape = re.compile(pattern, re.IGNORECASE | re.DOTALL)
    return lambda values: shape.fullmatch(str(read(values) or "")) is not None


def _multi(field: Field, compare: Compare, read: Callable[[dict[str, Any]], Any]) -> Test:
    if field.type != "multipicklist":
        raise ApiError("INVALID_QUERY_FILTER_OPERATOR", f"'{compare.path}' is no multipicklist")
    wanted = [frozenset(v.text.casefold().split(";")) for v in compare.values]
    expected = compare.sign == "INCLUDES"

    def test(values: dict[str, Any]) -> bool:
        held = set(str(read(values) or "").casefold().split(";"))
        return any(one <= held for one in wanted) == expected

    return test


def _in_range(
    compare: Compare, field: Field, read: Callable[[dict[str, Any]], Any], scope: Scope
) -> Test:
    days = date_range(compare.values[0].text, scope.today)
    if days is None or compare.sign in ("IN", "NOT IN"):
        raise ApiError("MALFORMED_QUERY", f"unexpected token: {compare.values[0].text}")
    if field.type not in ("date", "datetime"):
        _refuse(compare.path, field.type, compare.values[0])
    first: Any = days[0]
    after: Any = days[1] + timedelta(days=1)
    if field.type == "datetime":
        first = datetime.combine(first, time(), UTC)
        after = datetime.combine(after, time(), UTC)
    tests: dict[str, Callable[[Any], bool]] = {
        "=": lambda v: v is not None and first <= v < after,
        "!=": lambda v: v is None or not first <= v < after,
        "<": lambda v: v is not None and v < first,
        "<=": lambda v: v is not None and v < after,
        ">": lambda v: v is not None and v >= after,
        ">=": lambda v: v is not None and v >= first,
    }
    test = tests[compare.sign]
    return lambda values: test(read(values))
