"""Objects and fields as this user sees them, and values as their types say.

REST gives typed JSON and Bulk gives text: both become the same values here, so that the way by
which a record was read never looks like a change.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from config.errors import StopCycle
from config.problem import nearest, quoted
from connectors.base import Raw
from connectors.salesforce.answers import Refused
from connectors.salesforce.client import Client

NUMBERS = frozenset({"double", "currency", "percent"})
_UNREADABLE = frozenset({"address", "location", "base64"})
_OBJECT = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_PATH = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*){0,5}")
_OFFSET = re.compile(r"([+-]\d\d):?(\d\d)$")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}")
_MOST_PARENTS = 3


class NoObject(StopCycle):
    """There is no such object for this user."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field, of what describe says of it."""

    name: str
    type: str
    length: int
    scale: int
    """decimals of a number"""
    updateable: bool
    calculated: bool
    restricted: bool
    choices: frozenset[str]
    relationship: str | None
    targets: tuple[str, ...]
    """objects that it may point to"""


@dataclass(frozen=True, slots=True)
class Described:
    """One object."""

    name: str
    fields: Mapping[str, Field]
    updateable: bool
    objects: "Objects" = field(compare=False, repr=False)

    def field(self, name: str) -> Field:
        """A field by its exact name. StopCycle that says both reasons why it may be missing."""
        found = self.fields.get(name)
        if found is None:
            hint = nearest(name, self.fields)
            raise StopCycle(
                f"{self.name} has no field {quoted(name)}, or this user may not see it", hint
            )
        return found

    def silent(self, path: str) -> bool:
        """Whether this changes without a stamp of its record: a formula, a parent's field."""
        return "." in path or self.field(path).calculated

    def readable(self, path: str) -> None:
        """StopCycle unless a query can select this: a field, or a parent's as in Owner.Name."""
        if not _PATH.fullmatch(path):
            raise StopCycle(f"{quoted(path)} is no field of {self.name}")
        first, _, rest = path.partition(".")
        if rest:
            names = {one.relationship for one in self.fields.values() if one.relationship}
            if first not in names:
                said = (
                    f"{self.name} has no relationship {quoted(first)}, or this user may not see "
                    f"it, so no {quoted(path)}"
                )
                raise StopCycle(said, nearest(first, names))
        elif self.field(first).type in _UNREADABLE:
            kind = self.field(first).type
            raise StopCycle(
                f"{self.name}.{first} is of the type {kind}, which cannot be read as one value",
                "name its parts instead, such as BillingCity",
            )

    def kind(self, path: str) -> str | None:
        """The type of a field, or of a parent's, for which the parent is described. None where it
        may be a parent of too many kinds: their fields are texts, but for a few."""
        first, _, rest = path.partition(".")
        if not rest:
            return found.type if (found := self.fields.get(first)) else None
        link = next((one for one in self.fields.values() if one.relationship == first), None)
        targets = link.targets if link else ()
        if len(targets) > _MOST_PARENTS:
            return None
        parents = (one for name in targets if (one := self.objects.find(name)))
        return next((kind for one in parents if (kind := one.kind_of_any_case(rest))), None)

    def kind_of_any_case(self, path: str) -> str | None:
        """As `kind`; queries mind no case, and only the first step of a path was checked."""
        first, dot, rest = path.partition(".")
        fields = self.fields.values()
        names = [one.relationship for one in fields if one.relationship] if dot else self.fields
        right = next((one for one in names if one.lower() == first.lower()), first)
        return self.kind(right + dot + rest)


class Objects:
    """Descriptions, each asked for once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, Described] = {}

    def of(self, name: str) -> Described:
        """StopCycle if there is no such object for this user."""
        if name not in self._known:
            self._known[name] = self._ask(name)
        return self._known[name]

    def find(self, name: str) -> Described | None:
        """As `of`; None if there is no such object for this user."""
        try:
            return self.of(name)
        except NoObject:
            return None

    def forget(self, name: str) -> None:
        """Ask again next time: a field may have gone."""
        self._known.pop(name, None)

    def _ask(self, name: str) -> Described:
        if not _OBJECT.fullmatch(name):
            raise StopCycle(f"{quoted(name)} is no object of Salesforce")
        try:
            body = self._client.json("GET", f"sobjects/{name}/describe", what=f"describe of {name}")
        except Refused as refused:
            if refused.code not in ("NOT_FOUND", "INVALID_TYPE"):
                raise
            raise NoObject(
                f"{self._client.connection} has no object {quoted(name)}, or this user may not "
                "see it",
                "objects made by an administrator end in __c",
            ) from refused
        fields = {one["name"]: _field(one) for one in body["fields"]}
        return Described(str(body["name"]), fields, bool(body.get("updateable", True)), self)


def _field(said: Mapping[str, Any]) -> Field:
    choices = (one["value"] for one in said.get("picklistValues") or () if one.get("active"))
    return Field(
        name=said["name"],
        type=said["type"],
        length=int(said.get("length") or 0),
        scale=int(said.get("scale") or 0),
        updateable=bool(said.get("updateable")),
        calculated=bool(said.get("calculated")),
        restricted=bool(said.get("restrictedPicklist")),
        choices=frozenset(choices),
        relationship=said.get("relationshipName"),
        targets=tuple(said.get("referenceTo") or ()),
    )


def plain_columns(described: Described) -> list[str]:
    """The names of all fields that can be read as one value, in describe's order."""
    return [one.name for one in described.fields.values() if one.type not in _UNREADABLE]


def from_record(record: Mapping[str, Any], path: str, kind: str | None) -> Raw:
    """The value at a path of a REST record; a missing parent gives None."""
    value: Any = record
    for step in path.split("."):
        if value is None:
            return None
        value = value[step] if step in value else _in_any_case(value, step)
    if isinstance(value, str) and "." in path and _INSTANT.fullmatch(value):
        kind = "datetime"  # of a parent's field JSON tells all of the type but this
    return _plain(value, kind)


def _in_any_case(record: Mapping[str, Any], name: str) -> Any:
    """Queries mind no case, and are answered with names as describe spells them."""
    return next(value for key, value in record.items() if key.lower() == name.lower())


def from_cell(text: str, kind: str | None) -> Raw:
    """The value of a cell of Bulk's CSV; an empty one is None."""
    if text == "":
        return None
    if kind == "boolean":
        return text.lower() == "true"
    if kind == "int":
        return int(float(text))  # some versions write 0.0
    if kind in NUMBERS:
        return float(text)
    return _plain(text, kind)


def from_text(value: Raw, kind: str) -> Raw:
    """A value of the type anyType as a field's own: JSON says its kind, and CSV gives a text."""
    if isinstance(value, str):
        try:
            return from_cell(value, kind)
        except ValueError:
            return value
    return _plain(value, kind)


def _plain(value: Any, kind: str | None) -> Raw:
    if isinstance(value, str) and kind == "datetime":
        return _OFFSET.sub(lambda found: "Z" if found[1][1:] + found[2] == "0000" else found[0],
                           value)  # fmt: skip
    if isinstance(value, int) and not isinstance(value, bool) and kind in NUMBERS:
        return float(value)
    if value is None or isinstance(value, str | float | int | bool):
        return None if value == "" else value
    return json.dumps(value, ensure_ascii=False)


def kinds_of(described: Described, columns: Iterable[str]) -> list[str | None]:
    """The types of columns, None for a parent's field, of which JSON tells the type."""
    return [found.type if (found := described.fields.get(one)) else None for one in columns]
