"""The five fields of a cron line, checked for shape and range; `gatepost run` reads them."""

from typing import NamedTuple

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 7, _WEEKDAYS),
)


def check_cron(text: str) -> str:
    """What is wrong with a cron line, in a few words; empty if nothing is."""
    parts = text.split()
    if len(parts) != len(_FIELDS):
        return f"it has {len(parts)} fields, five are expected"
    for part, (name, low, high, words) in zip(parts, _FIELDS, strict=True):
        for item in part.split(","):
            if not _good_item(item.lower(), low, high, words):
                return f"{item[:20]!r} is no {name}"
    return "" if _ever(cron_fields(text)) else "the calendar has no such day"


class Cron(NamedTuple):
    """A cron line, spelled out. Weekdays are counted from Sunday, 0 to 6."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    """both days and weekdays are limited: as everywhere in cron, one of the two is enough"""


def cron_fields(text: str) -> Cron:
    """What a line that `check_cron` finds nothing wrong with stands for."""
    parts = [part.lower() for part in text.split()]
    sets = [
        frozenset(value for item in part.split(",") for value in _spelled(item, low, high, words))
        for part, (_, low, high, words) in zip(parts, _FIELDS, strict=True)
    ]
    weekdays = frozenset(value % 7 for value in sets[4])
    either = not parts[2].startswith("*") and not parts[4].startswith("*")
    return Cron(sets[0], sets[1], sets[2], sets[3], weekdays, either)


def _spelled(item: str, low: int, high: int, words: tuple[str, ...]) -> range:
    span, slash, step = item.partition("/")
    first, dash, last = span.partition("-")
    begin = low if span == "*" else _number(first, words) or 0
    end = high if span == "*" or (slash and not dash) else begin
    if dash:
        end = _number(last, words) or 0
    return range(begin, end + 1, int(step) if slash else 1)


def _ever(cron: Cron) -> bool:
    """Whether there is a day that the line means."""
    longest = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
    return cron.either or min(cron.days) <= max(longest.get(month, 31) for month in cron.months)


def _good_item(item: str, low: int, high: int, words: tuple[str, ...]) -> bool:
    span, slash, step = item.partition("/")
    if slash and (_number(step, ()) is None or not 1 <= int(step) <= high):
        return False
    if span == "*":
        return True
    first, dash, last = span.partition("-")
    ends = [_number(first, words)] + ([_number(last, words)] if dash else [])
    if any(end is None or not low <= end <= high for end in ends):
        return False
    return not dash or (ends[0] or 0) <= (ends[1] or 0)


def _number(text: str, words: tuple[str, ...]) -> int | None:
    if text in words:
        # Months are counted from 1, weekdays from 0, as the ranges above say.
        return words.index(text) + (1 if words is _MONTHS else 0)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 2 else None
