"""Values as Salesforce takes them, refused here where describe says that they will be there.

One bad record in a batch makes automation run again for its neighbours, up to three times, so what
can be known beforehand is not sent.
"""

import re
from collections.abc import Mapping
from datetime import date
from math import isfinite

from config.errors import RecordRejected, StopCycle
from connectors.base import Raw, Value
from connectors.plain import plain_text
from connectors.salesforce.describe import NUMBERS, Described, Field

Json = str | float | int | bool | None

_ID = re.compile(r"[A-Za-z0-9]{15}([A-Za-z0-9]{3})?")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_TRUE, _FALSE = ("true", "1"), ("false", "0")


def long_id(text: str) -> str:
    """The 18 characters of an id of 15 or 18. RecordRejected if it is none."""
    if not _ID.fullmatch(text):
        raise RecordRejected(f"{text!r} is no id of Salesforce")
    short = text[:15]
    check = ""
    for start in (0, 5, 10):
        five = short[start : start + 5]
        check += _LETTERS[sum(1 << at for at, one in enumerate(five) if "A" <= one <= "Z")]
    if text[15:] and text[15:] != check:
        raise RecordRejected(f"{text!r} is no id of Salesforce: its letters' case was changed")
    return short + check


def writable(described: Described, name: str) -> Field:
    """A field that may be written. StopCycle says what is missing."""
    field = described.field(name)
    if field.updateable:
        return field
    if field.calculated:
        raise StopCycle(f"{described.name}.{name} is a formula, and cannot be written")
    raise StopCycle(
        f"{described.name}.{name} is read-only for this user",
        "grant edit access to the field in a permission set of the API user",
    )


def prepared(described: Described, values: Mapping[str, Value]) -> dict[str, Json]:
    """The values of one record as JSON takes them. RecordRejected names the field."""
    found: dict[str, Json] = {}
    for name, value in values.items():
        try:
            found[name] = _prepared(writable(described, name), value)
        except RecordRejected as error:
            raise RecordRejected(f"{name}: {error}") from None
    return found


def _prepared(field: Field, value: Value) -> Json:
    if isinstance(value, float) and not isfinite(value):
        raise RecordRejected(f"{value} is no number that a record can hold")
    if value is None or value in ("", ()):
        if field.type == "boolean":
            raise RecordRejected("a checkbox cannot be empty")
        return None
    if field.type == "boolean":
        return _boolean(value)
    if field.type in NUMBERS or field.type == "int":
        return _number(value)
    text = plain_text(value)
    choices = value if isinstance(value, tuple) else (text,)
    if field.restricted and (strange := [one for one in choices if one not in field.choices]):
        raise RecordRejected(f"{strange[0]!r} is none of the values of this restricted picklist")
    if field.length and len(text) > field.length:
        raise RecordRejected(f"{len(text)} characters do not fit into {field.length}")
    return text


def _boolean(value: Value) -> bool:
    text = plain_text(value).lower()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise RecordRejected(f"{text!r} is neither true nor false")


def _number(value: Value) -> float | int:
    if isinstance(value, bool | date | tuple):
        raise RecordRejected(f"{plain_text(value)!r} is no number")
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise RecordRejected(f"{value!r} is no number") from None
        if not isfinite(value):
            raise RecordRejected(f"{value} is no number that a record can hold")
    assert isinstance(value, int | float)
    return int(value) if value == int(value) and abs(value) < 1e15 else value


def same(wanted: Json, now: Raw, field: Field) -> bool:
    """Whether a record holds what was sent. Texts are trimmed, line ends are of one kind,
    multi-selects have no order, numbers are rounded to the field's decimals."""
    if isinstance(wanted, str) or isinstance(now, str):
        texts = ("" if one is None else str(one) for one in (wanted, now))
        ours, theirs = (text.replace("\r\n", "\n").strip() for text in texts)
        if field.type == "multipicklist":
            return set(ours.split(";")) == set(theirs.split(";"))
        return ours == theirs
    if wanted is None or now is None or isinstance(wanted, bool):
        return wanted is now
    return abs(wanted - now) <= 0.5000001 * 10.0**-field.scale
