"""What an expression is worth: types, three-valued logic, functions.

TRUE, FALSE and NULL are Python's True, False and None.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle.parsing import Tree, parse
from tests.oracle.readings import Scalar, Value, exact, read_as, round_away

TYPES = ("number", "text", "date", "boolean")


@dataclass(frozen=True)
class Names:
    """What an expression may name at one moment: values, their types, and the zone that reads
    dates.

    A type is number, text, date or boolean, or `untyped` for a property that `keep` gives no type.
    """

    values: Mapping[str, Value]
    types: Mapping[str, str]
    zone: ZoneInfo


def evaluate(text: str, names: Names) -> Value:
    """The value of an expression."""
    return value_of(parse(text), names, None)


def holds(text: str, names: Names) -> bool:
    """A criterion holds only when it is TRUE; NULL is not."""
    return truth(text, names) is True


def truth(text: str, names: Names) -> bool | None:
    """TRUE, FALSE or NULL."""
    answer = value_of(parse(text), names, "boolean")
    if answer is None or isinstance(answer, bool):
        return answer
    message = f"not a criterion: {text}"
    raise TypeError(message)


# --- types --------------------------------------------------------------------------------------


def type_of(tree: Tree, names: Names) -> str:
    """The type of a tree: one of TYPES, or `untyped`, `quoted` (text, or a date beside dates),
    `null`."""
    match tree:
        case ("literal", None):
            return "null"
        case ("literal", literal):
            return "boolean" if isinstance(literal, bool) else "number"
        case ("quoted", _):
            return "quoted"
        case ("name", name):
            return names.types[name]
        case ("+" | "-", left, right):
            return type_of_sum(tree[0], type_of(left, names), type_of(right, names))
        case ("*" | "/", _, _) | ("negative", _):
            return "number"
        case ("call", "coalesce" | "least" | "greatest", arguments):
            return common_type([type_of(argument, names) for argument in arguments])
        case ("call", "lower", _):
            return "text"
        case ("call", _, _):
            return "number"
        case ("case", branches, otherwise):
            values = [value for _, value in branches] + [otherwise]
            return common_type([type_of(value, names) for value in values])
        case _:
            return "boolean"


def type_of_sum(sign: str, left: str, right: str) -> str:
    """Date − date is days, date ± n a date, everything else a number. Quotes hold dates here."""
    if left in ("date", "quoted"):
        return "number" if sign == "-" and right in ("date", "quoted") else "date"
    return "number"


def common_type(types: Sequence[str]) -> str:
    """The type that values have which stand side by side: the first known one decides."""
    for wanted in types:
        if wanted in TYPES:
            return wanted
    for wanted in ("quoted", "untyped"):
        if wanted in types:
            return wanted
    return "null"


# --- values -------------------------------------------------------------------------------------


def value_of(tree: Tree, names: Names, wanted: str | None) -> Value:
    """The value of a tree. `wanted` is the type as which untyped properties and quotes are read
    here."""
    match tree:
        case ("literal", literal):
            return literal
        case ("quoted", text):
            return date.fromisoformat(text) if wanted == "date" else text
        case ("name", name):
            value = names.values[name]
            if names.types[name] == "untyped" and wanted in TYPES:
                return read_as(value, wanted, names.zone)
            return value
        case ("and" | "or" | "not" | "is null" | "compare" | "in" | "between" | "like", *_):
            return truth_of(tree, names)
        case ("+" | "-", left, right):
            return sum_of(tree[0], left, right, names)
        case ("*" | "/" | "negative", *_):
            return product_of(tree, names)
        case ("case", branches, otherwise):
            return case_of(tree, branches, otherwise, names, wanted)
        case ("call", function, arguments):
            return call_of(tree, function, arguments, names, wanted)
        case _:
            raise ValueError(tree)


def truth_of(tree: Tree, names: Names) -> bool | None:
    """Three-valued logic: NULL is unknown, and what does not depend on it is known."""
    match tree:
        case ("and", left, right):
            return both_hold(as_truth(left, names), as_truth(right, names))
        case ("or", left, right):
            return negate(both_hold(negate(as_truth(left, names)), negate(as_truth(right, names))))
        case ("not", inner):
            return negate(as_truth(inner, names))
        case ("is null", inner):
            return value_of(inner, names, None) is None
        case ("compare", sign, left, right):
            return compare(sign, left, right, names)
        case ("between", inner, low, high):
            return between(inner, low, high, names)
        case ("in", inner, choices):
            return among(inner, choices, names)
        case ("like", inner, pattern):
            return like(value_of(inner, names, "text"), value_of(pattern, names, "text"))
        case _:
            raise ValueError(tree)


def as_truth(tree: Tree, names: Names) -> bool | None:
    """A part of a boolean expression."""
    value = value_of(tree, names, "boolean")
    if value is None or isinstance(value, bool):
        return value
    message = f"not a truth value: {tree}"
    raise TypeError(message)


def both_hold(left: bool | None, right: bool | None) -> bool | None:
    """FALSE if one is FALSE; else NULL if one is NULL."""
    if left is False or right is False:
        return False
    if left is None or right is None:
        return None
    return True


def negate(value: bool | None) -> bool | None:
    """NOT NULL is NULL."""
    return None if value is None else not value


def shared_type(trees: Sequence[Tree], names: Names) -> str:
    """As what compared values are read: the type of the known ones; quotes alone are text."""
    found = common_type([type_of(tree, names) for tree in trees])
    return "text" if found == "quoted" else found


def compare(sign: str, left: Tree, right: Tree, names: Names) -> bool | None:
    """A comparison; NULL with NULL on either side."""
    wanted = shared_type([left, right], names)
    return compare_values(sign, value_of(left, names, wanted), value_of(right, names, wanted))


def compare_values(sign: str, left: Value, right: Value) -> bool | None:
    """Numbers by size, texts by code point, dates by day."""
    if left is None or right is None:
        return None
    a, b = comparable(left), comparable(right)
    if type(a) is not type(b):
        message = f"cannot compare {left!r} with {right!r}"
        raise TypeError(message)
    if sign == "=":
        return bool(a == b)
    if sign == "<>":
        return bool(a != b)
    if sign == "<":
        return bool(a < b)
    if sign == "<=":
        return bool(a <= b)
    if sign == ">":
        return bool(a > b)
    return bool(a >= b)


def comparable(value: Value) -> Any:
    """The value in a form that Python orders as SQL does."""
    if isinstance(value, Scalar):
        message = f"compared without a type: {value}"
        raise TypeError(message)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Fraction(value)
    return value


def between(inner: Tree, low: Tree, high: Tree, names: Names) -> bool | None:
    """Both ends belong to it."""
    wanted = shared_type([inner, low, high], names)
    value = value_of(inner, names, wanted)
    return both_hold(
        compare_values(">=", value, value_of(low, names, wanted)),
        compare_values("<=", value, value_of(high, names, wanted)),
    )


def among(inner: Tree, choices: Sequence[Tree], names: Names) -> bool | None:
    """TRUE if it equals one; else NULL if one of the comparisons is NULL."""
    wanted = shared_type([inner, *choices], names)
    value = value_of(inner, names, wanted)
    answers = [compare_values("=", value, value_of(choice, names, wanted)) for choice in choices]
    if True in answers:
        return True
    return None if None in answers else False


def like(value: Value, pattern: Value) -> bool | None:
    """`%` is any text, `_` one character; the whole text must match and case counts."""
    if value is None or pattern is None:
        return None
    parts = {"%": ".*", "_": "."}
    regex = "".join(parts.get(character, re.escape(character)) for character in str(pattern))
    return re.fullmatch(regex, str(value), re.DOTALL) is not None


def sum_of(sign: str, left: Tree, right: Tree, names: Names) -> Value:
    """Numbers, or days: date − date, date ± whole days."""
    left_type, right_type = type_of(left, names), type_of(right, names)
    left_date = left_type in ("date", "quoted")
    right_date = right_type in ("date", "quoted")
    a = value_of(left, names, "date" if left_date else "number")
    b = value_of(right, names, "date" if right_date else "number")
    if a is None or b is None:
        return None
    if isinstance(a, date) and isinstance(b, date):
        return (a - b).days
    number = as_number(b)
    if isinstance(a, date):
        if number != int(number):
            message = f"part of a day: {number}"
            raise ValueError(message)
        return a + timedelta(days=int(number) if sign == "+" else -int(number))
    return as_number(a) + number if sign == "+" else as_number(a) - number


def product_of(tree: Tree, names: Names) -> Value:
    """True division, by zero NULL; multiplication; the sign."""
    values = [value_of(part, names, "number") for part in tree[1:]]
    if None in values:
        return None
    numbers = [as_number(value) for value in values]
    if tree[0] == "negative":
        return -numbers[0]
    if tree[0] == "*":
        return numbers[0] * numbers[1]
    return None if numbers[1] == 0 else numbers[0] / numbers[1]


def as_number(value: Value) -> int | float:
    """A value that must be a number by now."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    message = f"not a number: {value!r}"
    raise TypeError(message)


def case_of(
    tree: Tree,
    branches: Sequence[tuple[Tree, Tree]],
    otherwise: Tree,
    names: Names,
    wanted: str | None,
) -> Value:
    """The first branch whose condition is TRUE."""
    found = wanted_inside(tree, names, wanted)
    for condition, value in branches:
        if as_truth(condition, names) is True:
            return value_of(value, names, found)
    return value_of(otherwise, names, found)


def wanted_inside(tree: Tree, names: Names, wanted: str | None) -> str | None:
    """As what the arms of CASE, COALESCE … are read: as their known type, else as wanted from
    outside."""
    found = type_of(tree, names)
    if found in TYPES:
        return found
    if found == "quoted" and wanted is None:
        return "text"
    return wanted


def call_of(
    tree: Tree,
    function: str,
    arguments: Sequence[Tree],
    names: Names,
    wanted: str | None,
) -> Value:
    """The functions of the language."""
    if function in ("coalesce", "least", "greatest"):
        inside = wanted_inside(tree, names, wanted)
        known = [value_of(argument, names, inside) for argument in arguments]
        known = [value for value in known if value is not None]
        if not known:
            return None
        if function == "coalesce":
            return known[0]
        return min(known, key=comparable) if function == "least" else max(known, key=comparable)
    needs = {"days_since": "date", "days_until": "date", "lower": "text"}.get(function, "number")
    values = [value_of(argument, names, needs) for argument in arguments]
    if None in values:
        return None
    if function == "lower":
        return str(values[0]).lower()
    if function in ("days_since", "days_until"):
        day, other = names.values["day"], values[0]
        if not isinstance(day, date) or not isinstance(other, date):
            message = f"not a date: {other!r}"
            raise TypeError(message)
        return (day - other).days if function == "days_since" else (other - day).days
    number = as_number(values[0])
    if function == "abs":
        return abs(number)
    places = int(as_number(values[1])) if len(values) > 1 else 0
    rounded = round_away(exact(number), places)
    return int(rounded) if rounded.denominator == 1 else float(rounded)
