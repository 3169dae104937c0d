"""Values as people, spreadsheets and programs read them."""

import math
from datetime import date
from typing import Any

Value = str | float | int | bool | date | tuple[str, ...] | None
"""What a computed or a written value can be."""


def shown(value: Value) -> str:
    """For people: NULL is empty, true is yes, a list has commas."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case tuple():
            return ", ".join(value)
        case _:
            return _scalar(value)


def figure(value: Value) -> str:
    """As `shown`, fractions to three places: enough to judge by."""
    return shown(round(value, 3) if isinstance(value, float) else value)


def csv_cell(value: Value) -> str:
    """For a spreadsheet: NULL is empty, true is true, a list is joined by `;` as in a CRM."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case tuple():
            return ";".join(value)
        case _:
            return _scalar(value)


def plain(value: Any) -> Any:
    """For JSON: dates as ISO text, lists as lists, NULL and what is no number as null."""
    match value:
        case date():
            return value.isoformat()
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case _:
            return value


def days(number: int | None) -> str:
    """`1 day`, `12 days`; a dash for what is unknown."""
    if number is None:
        return "–"
    return "1 day" if number == 1 else f"{number:,} days"


def counted(number: int, one: str, many: str = "") -> str:
    """`1 account`, `2,345 accounts`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def percent(share: float) -> str:
    """A share of 0 to 1. Never 100 % or 0 % for what is only close to it."""
    rounded = round(100 * share)
    if rounded == 100 and share < 1:
        return "over 99 %"
    if rounded == 0 and share > 0:
        return "under 1 %"
    return f"{rounded} %"


def one_line(text: str) -> str:
    """Text without line breaks and control characters, which a CRM's values may hold."""
    return "".join(char if char.isprintable() else " " for char in text)


def _scalar(value: str | float | date) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)
