"""Values as text: as people read them, and as JSON that comes back as the same type."""

import json
import math
from datetime import date
from typing import Any

from connectors.base import Value
from sync.typed import scalar_text

_encode = json.JSONEncoder(ensure_ascii=False).encode


def value_text(value: Value) -> str:
    """A value as people read it."""
    shown = plain(value)
    if shown is None:
        return ""
    return shown if isinstance(shown, str) else scalar_text(shown)


def plain(value: Value) -> str | float | int | bool | None:
    """A value that JSON has: days as ISO text, a list joined by `;`."""
    if isinstance(value, date):
        return value.isoformat()
    return ";".join(value) if isinstance(value, tuple) else value


def jsonable(value: Value) -> Any:
    """A value in JSON that comes back as the same type: a day is `{"date": "2026-05-01"}`."""
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no such number; it can only be something that a CRM showed
    return list(value) if isinstance(value, tuple) else value


def from_jsonable(found: Any) -> Value:
    """The inverse of `jsonable`. Raises ValueError, KeyError or TypeError for anything else."""
    match found:
        case None | bool() | int() | float() | str():
            return found
        case {"date": str(text)} if len(found) == 1:
            return date.fromisoformat(text)
        case [*items] if all(isinstance(item, str) for item in items):
            return tuple(items)
        case _:
            raise ValueError(f"{found!r} is no value")


def json_text(value: Any) -> str:
    """JSON on one line that any UTF-8 file can hold."""
    # A CSV that is no UTF-8 gives halves of surrogate pairs: as escapes they survive the way.
    text = _encode(value)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
