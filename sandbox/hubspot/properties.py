"""Properties of objects: what they are, and which values they take."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from sandbox.core.clock import from_milliseconds

if TYPE_CHECKING:
    from sandbox.core.http import JsonDict

Compute = Callable[[dict[str, Any], date], str | None]
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DAY_MILLISECONDS = 86_400_000
_MOST_TEXT = 65_536


@dataclass(frozen=True)
class Property:
    """One property. Values are text or None, in the form that reads give."""

    name: str
    type: str = "string"
    field_type: str = "text"
    label: str = ""
    group: str = ""
    options: tuple[str, ...] = ()
    description: str = ""
    unique: bool = False
    read_only: bool = False
    calculated: bool = False
    external_options: bool = False
    defined_by_hubspot: bool = True
    compute: Compute | None = None
    created_at: str = "2020-01-01T00:00:00.000Z"
    labels: tuple[str, ...] = ()

    def shown(self, version: str = "") -> JsonDict:
        del version  # the families show the same
        options = [
            {"label": label, "value": value, "displayOrder": order, "hidden": False,
             "description": ""}
            for order, (value, label) in enumerate(
                zip(self.options, self.labels or self.options, strict=True)
            )
        ]  # fmt: skip
        return {
            "name": self.name, "label": self.label or self.name.replace("_", " ").capitalize(),
            "type": self.type, "fieldType": self.field_type, "description": self.description,
            "groupName": self.group, "options": [] if self.external_options else options,
            "displayOrder": -1, "calculated": self.calculated,
            "externalOptions": self.external_options, "hasUniqueValue": self.unique,
            "hidden": False, "hubspotDefined": self.defined_by_hubspot, "formField": False,
            "dataSensitivity": "non_sensitive", "archived": False, "createdAt": self.created_at,
            "updatedAt": self.created_at,
            "modificationMetadata": {
                "archivable": not self.defined_by_hubspot,
                "readOnlyDefinition": self.defined_by_hubspot,
                "readOnlyValue": self.read_only or self.calculated,
                "readOnlyOptions": self.defined_by_hubspot,
            },
        }  # fmt: skip


class BadValue(Exception):
    """`error` is HubSpot's word for what is wrong."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error
        self.message = message


def to_stored(prop: Property, raw: Any) -> str:
    """The text that reads will give; `""` clears. Raises BadValue."""
    if prop.read_only or prop.calculated:
        raise BadValue(
            "READ_ONLY_VALUE", f'"{prop.name}" is a read only property; its value cannot be set.'
        )
    if isinstance(raw, dict | list):
        raise BadValue("INVALID_STRING", f"{raw} was not a valid value for {prop.name}")
    text = ("true" if raw else "false") if isinstance(raw, bool) else str(raw)
    if text == "":
        return ""
    match prop.type:
        case "number":
            if _NUMBER.fullmatch(text) is None or not isfinite(float(text)):
                raise BadValue("INVALID_FLOAT", f"{text} was not a valid number.")
            return text
        case "date":
            return _date(text)
        case "datetime":
            return _datetime(text)
        case "bool":
            return _option(text.lower(), ("true", "false"))
        case "enumeration" if not prop.external_options:
            chosen = text.split(";") if prop.field_type == "checkbox" else [text]
            return ";".join(_option(one, prop.options) for one in chosen if one)
        case _:
            if len(text) > _MOST_TEXT:
                raise BadValue("INVALID_STRING", f"the value of {prop.name} is too long")
            return text


def _option(text: str, options: tuple[str, ...]) -> str:
    if text not in options:
        allowed = ", ".join(f"{o}" for o in options)
        raise BadValue("INVALID_OPTION", f"{text} was not one of the allowed options: [{allowed}]")
    return text


def _date(text: str) -> str:
    if re.fullmatch(r"-?\d+", text):
        if int(text) % _DAY_MILLISECONDS:
            said = f"{text} is at {_instant(text):%H:%M:%S} UTC, not midnight!"
            raise BadValue("INVALID_DATE", said)
        return _instant(text).date().isoformat()
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise BadValue("INVALID_DATE", f"{text} was not a valid date.") from None


def _instant(text: str) -> datetime:
    try:
        return from_milliseconds(int(text))
    except (OverflowError, ValueError):  # beyond the year 9999, or of too many digits
        raise BadValue("INVALID_DATE", f"{text} was not a valid date.") from None


def _datetime(text: str) -> str:
    if re.fullmatch(r"-?\d+", text):
        return iso(_instant(text))
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise BadValue("INVALID_DATE", f"{text} was not a valid date.") from None
    return iso(read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC))


def iso(instant: datetime) -> str:
    """2026-02-25T16:12:37.757Z, always with milliseconds. `instant` is in UTC."""
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
