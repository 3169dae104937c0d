"""What a raw value of a CRM or a CSV file is, read as text, number, date or boolean.

Raw values are what connectors give and the state file keeps: text, numbers, booleans, None. An
empty one is NULL; one that cannot be read as its field's type is NULL as well, and `is_empty`
tells the two apart so that the second kind can be counted and shown.
"""

import math
import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from connectors.base import Raw

EPOCH = date(1970, 1, 1).toordinal()  # days are counted from here, in every array of ours

# What Python and JSON both read as a decimal number; no underscores, no "nan", no "0x".
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATETIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}.*", re.DOTALL)


def is_empty(raw: Raw) -> bool:
    """Whether there is nothing to read: None, or text of nothing but blanks."""
    return raw is None or (isinstance(raw, str) and not raw.strip())


def read_text(raw: Raw) -> str | None:
    """The value as text, untrimmed; only None and "" are NULL. 5.0 is "5", as a CRM that keeps
    every number as a double means it; true is "true"."""
    if isinstance(raw, str):
        return raw or None
    if raw is None:
        return None
    return scalar_text(raw)


def scalar_text(value: int | float | bool) -> str:  # noqa: FBT001, PYI041 (a value; said in full)
    """A number or boolean as people write it: whole numbers without point, `true`, `false`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def read_number(raw: Raw) -> float | None:
    """A finite number, or NULL. Booleans are never numbers."""
    if isinstance(raw, str):
        text = raw.strip()
        if not _NUMBER.fullmatch(text):
            return None
        number = float(text)
    elif raw is None or isinstance(raw, bool):
        return None
    else:
        try:
            number = float(raw)
        except OverflowError:  # an integer of more than 308 digits
            return None
    return number if math.isfinite(number) else None


def read_boolean(raw: Raw) -> bool | None:
    """True or false in any case, or a JSON boolean; all else is NULL."""
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str):
        return {"true": True, "false": False}.get(raw.strip().lower())
    return None


def read_date(raw: Raw, zone: ZoneInfo) -> int | None:
    """Days since 1970-01-01, or NULL. A datetime is the calendar day that it falls on in `zone`;
    one without an offset is UTC."""
    if not isinstance(raw, str):
        return None
    text = raw.strip()
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text).toordinal() - EPOCH
        if _DATETIME.fullmatch(text):
            return local_day(read_instant(text), zone)
    except (ValueError, OverflowError):  # 31 February; year 1 or 9999 pushed over the edge
        return None
    return None


def read_instant(text: str) -> datetime:
    """An ISO datetime as an aware one, UTC where it has no offset. Raises ValueError."""
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def local_day(instant: datetime, zone: ZoneInfo) -> int:
    """The calendar day of an aware instant in `zone`, as days since 1970-01-01."""
    return instant.astimezone(zone).date().toordinal() - EPOCH


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - EPOCH


def day_text(number: int) -> str:
    """Days since 1970-01-01 as an ISO date."""
    return date.fromordinal(number + EPOCH).isoformat()
