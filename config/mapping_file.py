"""mapping.yaml as it is written: accounts and fields in, events in, fields out."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PrivateAttr, WithJsonSchema, model_validator

from config.account_key import AccountKey, Ways
from config.kinds import (
    AS_LIST,
    AS_MAP,
    Delay,
    Expression,
    Identifier,
    Text,
    described,
    fail,
    one_of,
)
from config.problem import quoted
from config.shape import Shape

FieldType = Literal["text", "number", "date", "boolean"]
TYPES = ("text", "number", "date", "boolean")
_OBJECT = re.compile(r"\w[\w .-]{0,99}\Z")


def _object(value: Any) -> Any:
    # An object's name becomes a file's stem and a folder's name.
    if isinstance(value, str) and (not _OBJECT.match(value) or ".." in value or value[-1] in " ."):
        raise fail(f"{quoted(value)} cannot be the name of an object")
    return value


ObjectName = Annotated[Text, BeforeValidator(_object)]
_TypeName = Annotated[FieldType, one_of(*TYPES)]


class FieldSpec(Shape):
    """A CRM field and how its values are read. Short form: the field's name, for text."""

    field: Text = Field(description="the field's name in the CRM, or the column")
    type: _TypeName = Field("text", description="text, number, date or boolean")

    @classmethod
    def long_form(cls, data: Any) -> Any:
        """`type: Type` means `{field: Type}`."""
        return data if isinstance(data, dict | list | tuple | None) else {"field": data}


class Accounts(Shape):
    """Where accounts are read from and written to."""

    from_: Text = Field(validation_alias="from", description="a connection in gatepost.yaml")
    object: ObjectName = Field(description="the CRM's object, or a file's stem")
    id: Text = Field(description="the field that holds the record's id")
    name: Text | None = Field(None, description="the field that is shown to people")
    where: Expression | None = Field(None, description="which records are accounts, over `fields`")


class KeepSpec(Shape):
    """A property that is kept. Without a type it is read as what it is compared with."""

    field: Text = Field(description="what the source calls it")
    type: _TypeName | None = Field(None, description="text, number, date or boolean")

    @classmethod
    def long_form(cls, data: Any) -> Any:
        """`priority: Priority` means `{field: Priority}`."""
        return data if isinstance(data, dict | list | tuple | None) else {"field": data}


def _keep(value: Any) -> Any:
    if isinstance(value, list | tuple):
        for one in value:
            if isinstance(one, dict | list | tuple | None):
                raise fail(f"a property's name is expected here, not {described(one)}")
        return {one: {"field": one} for one in value}
    if isinstance(value, dict):
        return value
    raise fail(f"a list of properties is expected here, not {described(value)}")


class EventsEntry(Shape):
    """A source of events: a product's stream, or (with `object`) child records of the CRM."""

    _name: str = PrivateAttr("")
    from_: Text = Field(validation_alias="from", description="a connection in gatepost.yaml")
    object: ObjectName | None = Field(None, description="a child object; none for product events")
    event: Text | None = Field(None, description="what its records are called as events")
    at: Text | None = Field(None, description="the field with the time of the event")
    ways: Ways = Field(validation_alias="account", description="how an event finds its account")
    user: Text | None = Field(None, description="the property that tells users apart")
    id: Text | None = Field(None, description="the property that tells events apart")
    keep: Annotated[
        dict[Identifier, KeepSpec],
        BeforeValidator(_keep),
    ] = Field(default_factory=dict, description="properties that are kept; all others are dropped")

    @property
    def account(self) -> AccountKey:
        """The first way in which an event finds its account; for most entries the only one."""
        return self.ways[0]

    @property
    def name(self) -> str:
        """The source's own name in the lake: `product`, `crm.Case`, `product.2`."""
        return self._name or self.plain_name

    @property
    def plain_name(self) -> str:
        """The source's name before repeats are told apart."""
        return f"{self.from_}.{self.object}" if self.object else self.from_


_CONFLICT = re.compile(r"(ours|theirs|theirs for [1-9]\d{0,3}[dw])\Z")


def _conflict(value: Any) -> Any:
    if isinstance(value, str) and _CONFLICT.match(value):
        return value
    raise fail(
        f"ours or theirs is expected here, not {described(value)}", "or such as theirs for 30d"
    )


ConflictText = Annotated[
    str,
    BeforeValidator(_conflict),
    WithJsonSchema({"type": "string", "pattern": r"^(ours|theirs|theirs for [1-9]\d*[dw])$"}),
]


class WriteField(Shape):
    """One CRM field that is written. Short form: the output's name."""

    output: Text = Field(description="an output, a signal, moment.NAME or moment.NAME.since")
    write: Annotated[
        Literal["always", "if_empty", "suggest"], one_of("always", "if_empty", "suggest")
    ] = Field("always", description="always, only if_empty, or as a suggestion in another field")
    to: Text | None = Field(None, description="with suggest: the field that the suggestion goes to")
    conflict: ConflictText = Field(
        "ours",
        description="whose value holds where a person has changed ours: ours, theirs (until our "
        "value changes), or theirs for a while",
    )
    dwell: Delay | None = Field(
        None, description="how long before a value goes out a second time; as in guards, if absent"
    )
    null: Annotated[Literal["keep", "clear"], one_of("keep", "clear")] = Field(
        "keep", description="what an unknown value does: keep what is there, or clear it"
    )

    @classmethod
    def long_form(cls, data: Any) -> Any:
        """`Health__c: health_score` means `{output: health_score}`."""
        return data if isinstance(data, dict | list | tuple | None) else {"output": data}

    @property
    def theirs_days(self) -> int | None:
        """For how many days a person's value holds; None: until our value changes."""
        _, _, rest = self.conflict.partition(" for ")
        return int(rest[:-1]) * (7 if rest.endswith("w") else 1) if rest else None


class WriteEntry(Shape):
    """What one journey writes. `journey` is None only before the project is complete."""

    journey: Text | None = Field(None, description="whose outputs; optional where there is one")
    fields: Annotated[dict[Text, WriteField], AS_MAP] = Field(description="CRM field: output")

    def targets(self) -> dict[str, WriteField]:
        """The CRM fields that are really written: of a suggestion, the one that it goes to."""
        return {spec.to or field: spec for field, spec in self.fields.items()}


class Mapping(Shape):
    """mapping.yaml."""

    accounts: Accounts = Field(description="where accounts come from")
    fields: Annotated[dict[Identifier, FieldSpec], AS_MAP] = Field(
        default_factory=dict, description="the names that expressions use: the CRM's field"
    )
    events: Annotated[tuple[EventsEntry, ...], AS_LIST] = Field((), description="what happened")
    write: Annotated[tuple[WriteEntry, ...], AS_LIST] = Field(
        (), description="what is written back"
    )

    @model_validator(mode="after")
    def _tell_sources_apart(self) -> Self:
        taken: set[str] = set()
        for entry in self.events:
            name, repeat = entry.plain_name, 1
            # Case is folded because some file systems do, and each source is a folder.
            while name.casefold() in taken:
                repeat += 1
                name = f"{entry.plain_name}.{repeat}"
            taken.add(name.casefold())
            entry._name = name  # noqa: SLF001  (the attribute is this module's)
        return self
