"""Date literals of SOQL: TODAY, LAST_N_DAYS:30 … as ranges of days in UTC."""

from __future__ import annotations

import re
from datetime import date, timedelta

_DAY = timedelta(days=1)
_COUNTED = re.compile(r"(LAST|NEXT)_N_(DAYS|WEEKS|MONTHS|YEARS):(\d+)|N_DAYS_AGO:(\d+)")


def date_range(word: str, today: date) -> tuple[date, date] | None:
    """First and last day, both inclusive; None for a word that is no date literal. The user of the
    sandbox lives in UTC; weeks begin on Sunday."""
    simple = _simple(word, today)
    if simple is not None:
        return simple
    match = _COUNTED.fullmatch(word)
    if match is None:
        return None
    if match[4]:
        day = today - _DAY * int(match[4])
        return day, day
    return _counted(match[1] == "LAST", match[2], int(match[3]), today)


def _simple(word: str, today: date) -> tuple[date, date] | None:
    week = today - _DAY * ((today.weekday() + 1) % 7)
    month, year = today.replace(day=1), today.replace(month=1, day=1)
    ranges = {
        "TODAY": (today, today),
        "YESTERDAY": (today - _DAY, today - _DAY),
        "TOMORROW": (today + _DAY, today + _DAY),
        "LAST_WEEK": (week - 7 * _DAY, week - _DAY),
        "THIS_WEEK": (week, week + 6 * _DAY),
        "NEXT_WEEK": (week + 7 * _DAY, week + 13 * _DAY),
        "LAST_MONTH": (_month(month, -1), month - _DAY),
        "THIS_MONTH": (month, _month(month, 1) - _DAY),
        "NEXT_MONTH": (_month(month, 1), _month(month, 2) - _DAY),
        "LAST_90_DAYS": (today - 90 * _DAY, today),
        "NEXT_90_DAYS": (today + _DAY, today + 90 * _DAY),
        "LAST_YEAR": (_month(year, -12), year - _DAY),
        "THIS_YEAR": (year, _month(year, 12) - _DAY),
        "NEXT_YEAR": (_month(year, 12), _month(year, 24) - _DAY),
    }
    return ranges.get(word)


def _counted(back: bool, unit: str, number: int, today: date) -> tuple[date, date]:  # noqa: FBT001 - reads well at its callers
    """LAST_N_DAYS ends today; the others count whole weeks, months and years before this one."""
    if unit == "DAYS":
        return (today - _DAY * number, today) if back else (today + _DAY, today + _DAY * number)
    if unit == "WEEKS":
        week = today - _DAY * ((today.weekday() + 1) % 7)
        first = week - 7 * _DAY * number if back else week + 7 * _DAY
        return first, first + 7 * _DAY * number - _DAY
    months = number * (12 if unit == "YEARS" else 1)
    start = today.replace(day=1) if unit == "MONTHS" else today.replace(month=1, day=1)
    step = 1 if unit == "MONTHS" else 12
    first = _month(start, -months) if back else _month(start, step)
    return first, _month(first, months) - _DAY


def _month(first: date, ahead: int) -> date:
    """The first of the month that lies `ahead` months on."""
    index = first.year * 12 + first.month - 1 + ahead
    return date(index // 12, index % 12 + 1, 1)
