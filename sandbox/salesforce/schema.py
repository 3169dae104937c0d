"""Objects and fields as describe tells of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.core.versions import Versions

Formula = Callable[[dict[str, Any], Any], Any]  # (record, today) -> value

TEXT_TYPES = frozenset(
    {"string", "textarea", "picklist", "multipicklist", "phone", "url", "email", "combobox",
     "encryptedstring", "anyType"}
)  # fmt: skip
NUMBER_TYPES = frozenset({"double", "int", "currency", "percent"})


@dataclass(frozen=True)
class Field:
    """One field. `granted` False: only users with a field permission see it."""

    name: str
    type: str = "string"
    label: str = ""
    length: int = 0
    precision: int = 0
    scale: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    unique: bool = False
    external_id: bool = False
    restricted: bool = False
    values: tuple[str, ...] = ()
    reference_to: str = ""
    relationship: str = ""
    formula: Formula | None = None
    filterable: bool = True
    tracked: bool = False
    granted: bool = True
    default: Any = None

    @property
    def custom(self) -> bool:
        return self.name.endswith("__c")

    @property
    def shown_label(self) -> str:
        return self.label or self.name.removesuffix("__c").replace("_", " ")


@dataclass
class SObject:
    """One object with its rows. `history` names the object that keeps its tracked changes."""

    name: str
    prefix: str
    fields: dict[str, Field]
    label: str = ""
    plural: str = ""
    updateable: bool = True
    createable: bool = True
    bulk: bool = True
    history: str = ""
    archived_after_days: int | None = None
    kept_days: tuple[int, int] | None = None  # how long query sees a row, and queryAll
    rows: dict[str, Versions] = field(default_factory=dict)
    numbers: int = 0

    @property
    def custom(self) -> bool:
        return self.name.endswith("__c")

    def find(self, name: str) -> Field | None:
        """By API name, in any case."""
        found = self.fields.get(name)
        if found is not None:
            return found
        lowered = name.lower()
        return next((f for f in self.fields.values() if f.name.lower() == lowered), None)

    def parent(self, relationship: str) -> Field | None:
        lowered = relationship.lower()
        return next((f for f in self.fields.values() if f.relationship.lower() == lowered), None)


def text(name: str, length: int = 255, **more: Any) -> Field:
    """A line of text."""
    return Field(name, "string", length=length, **more)


def picklist(name: str, *values: str, **more: Any) -> Field:
    """One of some values; others are refused only where restricted."""
    return Field(name, "picklist", length=255, values=values, **more)


def number(name: str, precision: int = 18, scale: int = 0, **more: Any) -> Field:
    """A number with so many digits, `scale` of them behind the point."""
    return Field(name, "double", precision=precision, scale=scale, **more)


def reference(name: str, to: str, relationship: str, **more: Any) -> Field:
    """A lookup of one other object."""
    return Field(name, "reference", length=18, reference_to=to, relationship=relationship, **more)


def boolean(name: str, **more: Any) -> Field:
    """A checkbox, never null."""
    return Field(name, "boolean", nillable=False, default=False, **more)


def read_only(made: Field) -> Field:
    """The same field, not to be written."""
    return replace(made, createable=False, updateable=False)


def sobject(name: str, prefix: str, *fields: Field, **more: Any) -> SObject:
    """An object with the system fields that every object has."""
    all_fields = (
        read_only(Field("Id", "id", length=18, nillable=False)),
        read_only(boolean("IsDeleted")),
        *fields,
        read_only(Field("CreatedDate", "datetime", nillable=False)),
        read_only(reference("CreatedById", "User", "CreatedBy", nillable=False)),
        read_only(Field("LastModifiedDate", "datetime", nillable=False)),
        read_only(reference("LastModifiedById", "User", "LastModifiedBy", nillable=False)),
        read_only(Field("SystemModstamp", "datetime", nillable=False)),
    )
    return SObject(name, prefix, {f.name: f for f in all_fields}, **more)
