"""Properties of an object, and the text that a value becomes in them.

HubSpot takes and gives text alone. One value that a property does not take fails a whole batch, so
what can be known beforehand is looked at here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite

from config.errors import RecordRejected, StopCycle
from config.problem import nearest, quoted
from connectors.base import Raw, Value
from connectors.hubspot.errors import Json
from connectors.plain import plain_text

MOST_TEXT = 65_536
RECORD_ID = "hs_object_id"
MERGED = "hs_merged_object_ids"
"""Ids of the records that were merged into one, with semicolons between them."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FEW = 8


@dataclass(frozen=True, slots=True)
class Property:
    """`options` is None where any value is taken, or where HubSpot keeps them elsewhere."""

    name: str
    type: str = "string"
    field_type: str = "text"
    refusal: str = ""
    """why it cannot be written, "" where it can"""
    options: frozenset[str] | None = None
    unique: bool = False


class Schema:
    """The properties of one object as they were when they were read."""

    def __init__(self, object_name: str, definitions: Sequence[Json]) -> None:
        self.object_name = object_name
        self.properties: Mapping[str, Property] = {
            str(one["name"]): _property(one) for one in definitions if one.get("name")
        }
        self._fixed = {RECORD_ID, "createdate", MERGED, self.modified}

    @property
    def modified(self) -> str:
        """The property with the time of the last change; contacts have one of their own."""
        own = "hs_lastmodifieddate"
        return own if own in self.properties else "lastmodifieddate"

    def moves_stamp(self, name: str) -> bool:
        """Whether a change of this property moves the time of the last change. Calculated ones do
        not, and of read-only ones HubSpot does not say."""
        return name in self._fixed or not self.properties[name].refusal

    def need(self, names: Sequence[str]) -> None:
        """StopCycle if one of `names` is no property."""
        for name in names:
            if name not in self.properties:
                said = f"HubSpot's {self.object_name} have no property {quoted(name)}"
                raise StopCycle(said, nearest(name, self.properties))

    def need_writable(self, names: Sequence[str]) -> None:
        """StopCycle if one of `names` is no property, or cannot be written."""
        self.need(names)
        for name in names:
            if refusal := self.properties[name].refusal:
                said = f"{quoted(name)} of HubSpot's {self.object_name} cannot be written"
                raise StopCycle(f"{said}: {refusal}")

    def text(self, name: str, value: Value) -> str:
        """What is sent; "" clears. RecordRejected if the property does not take it."""
        return _text(self.properties[name], value)

    def shown(self, name: str, raw: object) -> Raw:
        """What is read: None for what is empty, and times as ISO whichever way they were sent."""
        if raw is None or raw == "":
            return None
        text = raw if isinstance(raw, str) else str(raw)
        found = self.properties.get(name)
        if found is not None and found.type in ("date", "datetime") and _is_epoch(text):
            instant = _EPOCH + timedelta(milliseconds=int(text))
            return str(instant.date()) if found.type == "date" else instant.isoformat()
        return text

    def same(self, name: str, sent: str, held: object) -> bool:
        """Whether `held`, as HubSpot shows it, is what was `sent`."""
        shown = self.shown(name, held)
        wanted = self.shown(name, sent)
        if shown == wanted or shown is None or wanted is None:
            return shown == wanted
        return _comparable(self.properties[name], str(wanted)) == _comparable(
            self.properties[name], str(shown)
        )


def _property(one: Json) -> Property:
    metadata = one.get("modificationMetadata") or {}
    kind, field_type = str(one.get("type") or "string"), str(one.get("fieldType") or "")
    options = one.get("options") or []
    refusal = ""
    if one.get("calculated") or field_type.startswith("calculation"):
        refusal = "it is calculated"
    elif metadata.get("readOnlyValue"):
        refusal = "it is read-only"
    checked = kind == "enumeration" and not one.get("externalOptions") and options
    return Property(
        str(one["name"]),
        kind,
        field_type,
        refusal,
        frozenset(str(option.get("value")) for option in options) if checked else None,
        bool(one.get("hasUniqueValue")),
    )


def _text(prop: Property, value: Value) -> str:
    if value is None or value in ("", ()):
        return ""
    match prop.type:
        case "number":
            return _number(value)
        case "date":
            return _milliseconds(value, whole_days=True)
        case "datetime":
            return _milliseconds(value, whole_days=False)
        case "bool":
            text = plain_text(value).lower()
            if text not in ("true", "false"):
                raise RecordRejected(f"{quoted(text)} is neither true nor false")
            return text
        case "enumeration":
            return _chosen(prop, value)
        case _:
            text = plain_text(value)
            if len(text) > MOST_TEXT:
                raise RecordRejected(f"{len(text):,} characters are more than HubSpot keeps")
            return text


def _number(value: Value) -> str:
    text = plain_text(value)
    try:
        good = isfinite(float(text)) and "_" not in text and text.isascii()
    except ValueError:
        good = False
    if isinstance(value, bool) or not good:
        raise RecordRejected(f"{quoted(text)} is no number")
    return text.strip()


def _milliseconds(value: Value, *, whole_days: bool) -> str:
    """Midnight UTC of a day, or an instant, in milliseconds since 1970."""
    text = "" if isinstance(value, bool | int | float) else plain_text(value)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise RecordRejected(f"{quoted(plain_text(value))} is no date") from None
    if whole_days and len(text) > len("2026-01-01"):
        raise RecordRejected(f"{quoted(text)} is no date alone")
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return str((instant - _EPOCH) // timedelta(milliseconds=1))


def _chosen(prop: Property, value: Value) -> str:
    several = prop.field_type == "checkbox"
    text = plain_text(value)
    chosen = [one for one in text.split(";") if one] if several else [text]
    if isinstance(value, tuple):
        chosen = list(value)
        if len(chosen) > 1 and not several:
            raise RecordRejected("it takes one option, not several")
        if any(";" in one for one in chosen):
            raise RecordRejected("an option holds a semicolon, which stands between options")
    for one in chosen:
        if prop.options is not None and one not in prop.options:
            few = sorted(prop.options)[:_FEW]
            more = f" and {len(prop.options) - _FEW} more" if len(prop.options) > _FEW else ""
            said = f"{quoted(one)} is none of its options: {', '.join(few)}{more}"
            raise RecordRejected(said)
    return ";".join(chosen)


def _is_epoch(text: str) -> bool:
    return text.removeprefix("-").isdigit() and len(text) > 4  # 2026 alone is no such time


def _comparable(prop: Property, text: str) -> object:
    match prop.type:
        case "number":
            try:
                return float(text)
            except ValueError:
                return text
        case "date":
            return text[:10]
        case "datetime":
            try:
                read = datetime.fromisoformat(text)
            except ValueError:
                return text
            return read if read.tzinfo else read.replace(tzinfo=UTC)
        case "bool":
            return text.lower()
        case "enumeration" if prop.field_type == "checkbox":
            return frozenset(filter(None, text.split(";")))
        case _:
            return text.strip()  # HubSpot may keep it without the blanks around it
