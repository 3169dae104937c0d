"""How single values are read: numbers, dates, booleans, texts and instants out of what a file
holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Literal
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Scalar:
    """A JSON scalar that has no type yet: what it was in the file, and its text without quotes."""

    kind: Literal["text", "number", "boolean", "other"]
    text: str


Value = None | bool | int | float | str | date | Scalar

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?"
    r" ?(Z|z|[+-]\d{2}(?::?\d{2})?)?",
)
FIRST_MILLISECOND_NUMBER = 1e11


def scalar(raw: object) -> Scalar | None:
    """A cell of a CSV, or a value of a JSON object, as an untyped scalar; null stays None."""
    if raw is None:
        return None
    if isinstance(raw, Scalar):
        return raw
    if isinstance(raw, bool):
        return Scalar("boolean", "true" if raw else "false")
    if isinstance(raw, int | float):
        return Scalar("number", str(raw))
    if isinstance(raw, str):
        return Scalar("text", raw)
    return Scalar("other", str(raw))


def read_as(value: Value, kind: str, zone: ZoneInfo) -> Value:
    """The value read as `kind`; NULL where it cannot be read so."""
    found = scalar(value)
    if found is None:
        return None
    if kind == "text":
        return found.text
    if kind == "number":
        return read_number(found)
    if kind == "boolean":
        return read_boolean(found)
    if kind == "date":
        return read_date(found, zone)
    message = f"no such type: {kind}"
    raise ValueError(message)


def read_number(found: Scalar) -> int | float | None:
    """A number, or text that reads as one and is finite. Booleans are never numbers."""
    if found.kind not in ("number", "text"):
        return None
    text = found.text.strip()
    if not NUMBER.fullmatch(text):
        return None
    number = float(text)
    if number in (float("inf"), float("-inf")):
        return None
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def read_boolean(found: Scalar) -> bool | None:
    """JSON true or false, or one of these words in any case."""
    if found.kind not in ("boolean", "text"):
        return None
    return {"true": True, "false": False}.get(found.text.lower())


def read_date(found: Scalar, zone: ZoneInfo) -> date | None:
    """An ISO date as it stands; an ISO date with a time is the local day of that instant."""
    if found.kind != "text":
        return None
    moment = read_iso(found.text)
    if isinstance(moment, datetime):
        return moment.astimezone(zone).date()
    return moment


def read_iso(text: str) -> date | datetime | None:
    """ISO text: a date stays a date, a time becomes an instant in UTC (without offset it is
    UTC)."""
    text = text.strip()
    try:
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
        parts = INSTANT.fullmatch(text)
        if parts is None:
            return None
        day, hour, minute, second, fraction, offset = parts.groups()
        microsecond = int((fraction or "0").ljust(9, "0")[:6])
        clock = time(int(hour), int(minute), int(second or 0), microsecond)
        naive = datetime.combine(date.fromisoformat(day), clock)
        return naive.replace(tzinfo=read_offset(offset)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def read_offset(text: str | None) -> timezone:
    """`Z`, `+05:30`, `+0530`, `+05`, or nothing, which is UTC."""
    if text is None or text in "Zz":
        return UTC
    sign = -1 if text[0] == "-" else 1
    digits = text[1:].replace(":", "").ljust(4, "0")
    return timezone(sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:])))


def read_event_time(raw: object) -> date | datetime | None:
    """When an event happened: an instant in UTC, or a date where no time was given; None if
    unreadable.

    Numbers (and text that reads as one) are epoch seconds, and from 1e11 on milliseconds.
    """
    found = scalar(raw)
    if found is None:
        return None
    number = read_number(found)
    if number is not None:
        seconds = Decimal(found.text.strip())
        if seconds >= Decimal(FIRST_MILLISECOND_NUMBER):
            seconds = seconds / 1000
        try:
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
                microseconds=int(seconds * 1_000_000),
            )
        except OverflowError:
            return None
    return read_iso(found.text) if found.kind == "text" else None


def day_starts(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day."""
    return datetime.combine(day, time(0), tzinfo=zone).astimezone(UTC)


def exact(number: float) -> Fraction:
    """The decimal number that a person reads when this one is printed."""
    return Fraction(Decimal(repr(number)))


def round_away(number: Fraction, places: int) -> Fraction:
    """Round to `places` decimals, halves away from zero."""
    scale = 10**places
    whole = int(abs(number) * scale + Fraction(1, 2))
    return Fraction(whole if number >= 0 else -whole, scale)


def duration(text: object) -> int:
    """`7d` is 7 days."""
    match = re.fullmatch(r"(\d+)d?", str(text))
    if match is None:
        message = f"no duration: {text!r}"
        raise ValueError(message)
    return int(match[1])
