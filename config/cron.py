"""The five fields of a cron line, checked for shape and range; `gatepost run` reads them."""

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
    return ""


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
