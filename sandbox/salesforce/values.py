"""Values of records: from JSON and CSV in, to JSON and CSV out."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from sandbox.salesforce.ids import normal
from sandbox.salesforce.schema import NUMBER_TYPES, TEXT_TYPES, Field

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_ZONED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)")


class BadValue(Exception):
    """A value that a field does not take, with Salesforce's code for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def to_json(value: Any) -> Any:
    """REST's form: datetimes with milliseconds and an offset that has no colon."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "+0000")
    if isinstance(value, date):
        return value.isoformat()
    return value


def to_csv(value: Any) -> str:
    """Bulk's form: datetimes with Z, booleans in lower case, null as nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value)


def from_json(field: Field, value: Any) -> Any:
    """What the record keeps. Empty text is null. Raises BadValue."""
    if value is None or value == "":
        return _empty(field)
    if field.type == "boolean":
        if not isinstance(value, bool):
            raise _parser_error(field, value)
        return value
    if field.type in NUMBER_TYPES:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise _parser_error(field, value)
        return _number(field, value)
    if isinstance(value, bool | int | float) and field.type in TEXT_TYPES:
        value = to_csv(value)  # scalars are read as text
    if not isinstance(value, str):
        raise _parser_error(field, value)
    return _of_text(field, value)


def from_csv(field: Field, value: str) -> Any:
    """As `from_json`, for the text of one cell that is neither empty nor #N/A."""
    if field.type == "boolean":
        lowered = value.lower()
        if lowered not in ("true", "false", "1", "0"):
            raise BadValue(
                "INVALID_TYPE_ON_FIELD_IN_RECORD",
                f"{field.shown_label}: value not of required type: {value}",
            )
        return lowered in ("true", "1")
    if field.type in NUMBER_TYPES:
        return _number(field, value)
    return _of_text(field, value)


def _empty(field: Field) -> Any:
    if field.type == "boolean":
        raise BadValue(
            "INVALID_TYPE_ON_FIELD_IN_RECORD",
            f"{field.shown_label}: value not of required type: null",
        )
    return None


def _number(field: Field, value: float | str) -> float | int:
    try:
        read = float(value)
    except ValueError:
        raise _parser_error(field, value) from None
    if read != read or read in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN is not itself
        raise _parser_error(field, value)
    rounded = round(read, field.scale)
    if abs(rounded) >= 10 ** (field.precision - field.scale):
        raise BadValue(
            "NUMBER_OUTSIDE_VALID_RANGE",
            f"{field.shown_label}: value outside of valid range on numeric field: {value}",
        )
    return int(rounded) if field.type == "int" else float(rounded)


def _of_text(field: Field, value: str) -> Any:
    match field.type:
        case "date":
            return _date(field, value)
        case "datetime":
            return _datetime(field, value)
        case "reference" | "id":
            found = normal(value)
            if found is None:
                raise BadValue(
                    "MALFORMED_ID", f"{field.shown_label}: id value of incorrect type: {value}"
                )
            return found
        case "email" if not _EMAIL.fullmatch(value):
            raise BadValue(
                "INVALID_EMAIL_ADDRESS", f"{field.shown_label}: invalid email address: {value}"
            )
        case _:
            return _text(field, value)


def _text(field: Field, value: str) -> str | None:
    if field.restricted:
        for choice in value.split(";") if field.type == "multipicklist" else [value]:
            if choice not in field.values:
                raise BadValue(
                    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                    f"{field.shown_label}: bad value for restricted picklist field: {choice}",
                )
    kept = value.strip()
    if field.length and len(kept) > field.length:
        raise BadValue(
            "STRING_TOO_LONG",
            f"{field.shown_label}: data value too large: {kept} (max length={field.length})",
        )
    if field.type == "multipicklist":
        kept = ";".join(sorted(set(kept.split(";"))))
    return kept or None


def _date(field: Field, value: str) -> date:
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        raise _parser_error(field, value) from None


def _datetime(field: Field, value: str) -> datetime:
    try:
        if _ZONED.fullmatch(value):
            return datetime.fromisoformat(value).astimezone(UTC)
    except ValueError:
        pass  # the same refusal as for a wrong shape
    raise _parser_error(field, value)


def _parser_error(field: Field, value: Any) -> BadValue:
    kind = "VALUE_STRING" if isinstance(value, str) else "VALUE_NUMBER"
    return BadValue(
        "JSON_PARSER_ERROR",
        f"Cannot deserialize instance of {field.type} from {kind} value {value} or request may be "
        "missing a required field at [line:1, column:1]",
    )
