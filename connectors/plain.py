"""Values as the text that a file or a CRM is sent."""

from datetime import date
from functools import lru_cache
from math import isfinite

from config.errors import RecordRejected
from connectors.base import Value


@lru_cache(maxsize=1 << 16, typed=True)  # the same few come again and again
def plain_text(value: Value) -> str:
    """Dates by day, true and false, whole numbers without a point, a;b; None is empty.
    RecordRejected if it is no number, or no text that UTF-8 has."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case date():
            return value.isoformat()
        case float() if not isfinite(value):
            raise RecordRejected(f"{value} is no number that can be written")
        case float() if value.is_integer() and abs(value) < 1e16:
            return str(int(value))
        case tuple():
            text = ";".join(value)
        case _:
            text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RecordRejected("the text holds half a character (a lone surrogate)") from None
    return text
