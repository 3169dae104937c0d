"""The kinds of value that the files are made of: text, numbers, dates, durations, names.

Each kind says in its own words what it wanted, and carries the JSON Schema of what people write.
"""

import re
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from config.problem import nearest, quoted

LONGEST_TEXT = 20_000
LONGEST_DURATION_DAYS = 36_500
FIRST_YEAR, LAST_YEAR = 1970, 2199

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")
_DURATION = re.compile(r"(\d{1,7})\s*([dw])\Z")
_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})\Z")


class WrittenInt(int):
    """A whole number as it stands in a file; `text` keeps the way it was written."""

    text: str


class WrittenFloat(float):
    """A decimal number as it stands in a file; `text` keeps the way it was written (1.10)."""

    text: str


def fail(message: str, hint: str = "", what: str = "value") -> PydanticCustomError:
    """An error that `config.reading` turns into a Problem; `what`: value, unknown or missing."""
    return PydanticCustomError(
        "gatepost", "{message}", {"message": message, "hint": hint, "what": what}
    )


def described(value: object) -> str:
    """What a value is, for messages of the form "…, not X"."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case dict():
            return "a map"
        case list() | tuple():
            return "a list" if value else "an empty list"
        case _:
            return quoted(as_written(value))


def as_written(value: object) -> str:
    """The text of a scalar as it stands in the file."""
    if isinstance(value, WrittenInt | WrittenFloat):
        return value.text
    return str(value).lower() if isinstance(value, bool) else str(value)


def unmarked(value: Any) -> Any:
    """A value that no longer knows how its numbers were written; lists and maps go within."""
    match value:
        case WrittenInt():
            return int(value)
        case WrittenFloat():
            return float(value)
        case dict():
            return {key: unmarked(one) for key, one in value.items()}
        case list():
            return [unmarked(one) for one in value]
        case _:
            return value


def _text(value: Any) -> str:
    if value is None or isinstance(value, dict | list | tuple):
        raise fail(f"text is expected here, not {described(value)}")
    text = as_written(value)
    if not text.strip():
        raise fail("text is expected here, but it is empty")
    if len(text) > LONGEST_TEXT:
        raise fail(f"is {len(text):,} characters long; {LONGEST_TEXT:,} is the most")
    return text


def _line(value: Any) -> str:
    text = _text(value)
    if any(ord(character) < ord(" ") or character == "\x7f" for character in text):
        raise fail(f"{quoted(text)} must stand on one line, without tabs")
    return text


def _name(value: Any) -> str:
    text = _line(value)
    if text != text.strip():
        raise fail(f"{quoted(text)} begins or ends with a space")
    if ";" in text:
        raise fail(f"{quoted(text)} must not hold a semicolon: names are joined by it in the CRM")
    return text


def _identifier(value: Any) -> str:
    text = _text(value)
    if not IDENTIFIER.match(text):
        raise fail(
            f"{quoted(text)} cannot be a name in expressions: it must begin with a letter "
            "and go on with letters, digits and _"
        )
    return text


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise fail(f"a number is expected here, not {described(value)}")
    return float(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise fail(f"a whole number is expected here, not {described(value)}")
    return int(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise fail(f"true or false is expected here, not {described(value)}")
    return value


def _days(least: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        days = _days_of(value)
        if days < least:
            raise fail(f"{quoted(as_written(value))} is too short: {least}d is the least")
        if days > LONGEST_DURATION_DAYS:
            raise fail(
                f"{quoted(as_written(value))} is too long: {LONGEST_DURATION_DAYS}d is the most"
            )
        return days

    return read


def _days_of(value: Any) -> int:
    # Code gives days as plain integers; in a file a bare number has no unit, and hours would be
    # as good a guess as days.
    if isinstance(value, int) and not isinstance(value, bool | WrittenInt):
        return value
    if isinstance(value, WrittenInt):
        raise fail(f"{quoted(value.text)} has no unit", f"write {value.text}d for days")
    found = _DURATION.match(value.strip()) if isinstance(value, str) else None
    if not found:
        raise fail(f"a duration is expected here, not {described(value)}", "write 7d or 2w")
    return int(found[1]) * (7 if found[2] == "w" else 1)


def _date(value: Any) -> date:
    if isinstance(value, date):
        return value
    found = _DAY.match(value) if isinstance(value, str) else None
    if not found:
        raise fail(f"a date is expected here, not {described(value)}", "write it as 2025-01-31")
    year, month, day = (int(part) for part in found.groups())
    try:
        read = date(year, month, day)
    except ValueError:
        raise fail(f"{quoted(value)} is no day of the calendar") from None
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise fail(f"{quoted(value)} lies outside the years {FIRST_YEAR} to {LAST_YEAR}")
    return read


def within_bounds(least: float, most: float) -> BeforeValidator:
    """A check that a number lies between two bounds, both included."""

    def check(value: Any) -> float:
        number = _number(value)
        if not least <= number <= most:
            raise fail(f"{described(value)} lies outside {least:g} to {most:g}")
        return number

    return BeforeValidator(check)


def one_of(*choices: str) -> BeforeValidator:
    """A check that a text is one of a few words."""

    def check(value: Any) -> str:
        text = _text(value)
        if text not in choices:
            known = ", ".join(choices)
            near = nearest(text, choices)
            raise fail(
                f"{quoted(text)} is none of {known}", near if near.startswith("near") else ""
            )
        return text

    return BeforeValidator(check)


def _one_or_many(value: Any) -> Any:
    if isinstance(value, str | int | float):
        return (value,)
    if isinstance(value, list | tuple) and not value:
        raise fail("is an empty list")
    if isinstance(value, list | tuple):
        return value
    raise fail(f"a name or a list of names is expected here, not {described(value)}")


def _many(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return value
    raise fail(f"a list is expected here, not {described(value)}")


def _mapping(value: Any) -> Any:
    if isinstance(value, dict):
        return value
    raise fail(f"a map (name: value) is expected here, not {described(value)}")


AS_LIST = BeforeValidator(_many)
AS_MAP = BeforeValidator(_mapping)

_TEXT_SCHEMA = WithJsonSchema({"type": "string", "minLength": 1})
DURATION_PATTERN = r"^\d+\s*[dw]$"
_DURATION_SCHEMA = WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN})

Text = Annotated[str, BeforeValidator(_line), _TEXT_SCHEMA]
"""One line of text: a CRM field, an owner, an event's name."""
Name = Annotated[str, BeforeValidator(_name), _TEXT_SCHEMA]
"""What something is called towards people: no semicolon, no space at either end."""
Identifier = Annotated[
    str,
    BeforeValidator(_identifier),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}),
]
"""What something is called in expressions."""
Expression = Annotated[
    str, BeforeValidator(_text), WithJsonSchema({"type": ["string", "number", "boolean"]})
]
"""An SQL expression, as text; `mapping` reads it. May span lines."""
Number = Annotated[float, BeforeValidator(_number), WithJsonSchema({"type": "number"})]
Whole = Annotated[int, BeforeValidator(_whole), WithJsonSchema({"type": "integer"})]
Flag = Annotated[bool, BeforeValidator(_flag), WithJsonSchema({"type": "boolean"})]
Delay = Annotated[int, BeforeValidator(_days(0)), _DURATION_SCHEMA]
"""Whole days, 0 or more; `0d`, `7d`, `2w`."""
Window = Annotated[int, BeforeValidator(_days(1)), _DURATION_SCHEMA]
"""Whole days, 1 or more."""
Day = Annotated[date, BeforeValidator(_date), WithJsonSchema({"type": "string", "format": "date"})]
Names = Annotated[
    tuple[Text, ...],
    BeforeValidator(_one_or_many),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
            ]
        }
    ),
]
"""One name, or a list of them; at least one."""
