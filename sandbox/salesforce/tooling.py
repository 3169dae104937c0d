"""Tooling API: custom fields made and looked up. A new field is invisible until it is granted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sandbox.core.http import Call, JsonDict, Reply
from sandbox.salesforce.errors import ApiError, error
from sandbox.salesforce.ids import make_id
from sandbox.salesforce.schema import Field, SObject, read_only, reference, sobject, text
from sandbox.salesforce.soql import parse
from sandbox.salesforce.soql_run import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.salesforce.org import Org, Settings

_TYPES = {
    "Text": "string", "LongTextArea": "textarea", "TextArea": "textarea", "Number": "double",
    "Currency": "currency", "Percent": "percent", "Date": "date", "DateTime": "datetime",
    "Checkbox": "boolean", "Picklist": "picklist", "MultiselectPicklist": "multipicklist",
}  # fmt: skip
_NEEDED = {
    "Text": ("length",), "LongTextArea": ("length", "visibleLines"),
    "Number": ("precision", "scale"),
    "Currency": ("precision", "scale"), "Percent": ("precision", "scale"),
    "Checkbox": ("defaultValue",), "Picklist": ("valueSet",),
    "MultiselectPicklist": ("valueSet", "visibleLines"),
}  # fmt: skip
_MOST_HISTORY = 20
_NAMES = {kind: name for name, kind in reversed(_TYPES.items())}


class Tooling:
    """CustomField by POST, PATCH and GET, and queries over CustomField and FieldDefinition."""

    def __init__(self, org: Org, settings: Callable[[], Settings]) -> None:
        self._org = org
        self._settings = settings
        self._ids: dict[str, tuple[str, str]] = {}  # id -> object, field
        self._metadata: dict[str, JsonDict] = {}
        self._born: dict[tuple[str, str], float] = {}  # elapsed() of those that were made here
        for obj in org.objects.values():
            for field in obj.fields.values():
                if field.custom and field.type in _NAMES:
                    self._register(obj.name, field.name, _metadata_of(field))

    def _register(self, obj_name: str, name: str, metadata: JsonDict) -> str:
        field_id = make_id("00N", len(self._ids) + 1)
        self._ids[field_id] = (obj_name, name)
        self._metadata[field_id] = metadata
        return field_id

    def is_new(self, obj_name: str, name: str) -> bool:
        """Whether a field was made so short ago that other parts of the org do not know it yet."""
        born = self._born.get((obj_name, name))
        wait = self._settings().propagation_seconds
        return born is not None and self._org.clock.elapsed() - born < wait

    def _need_rights(self) -> None:
        if not self._settings().may_customize:
            raise ApiError(
                "INSUFFICIENT_ACCESS",
                "You do not have the level of access necessary to perform the operation you "
                "requested.",
                403,
            )

    def create(self, call: Call) -> Reply:
        self._need_rights()
        body = call.json()
        obj_name, _, name = str(body.get("FullName", "")).partition(".")
        obj = self._org.sobject(obj_name)
        if not name.endswith("__c"):
            raise ApiError(
                "FIELD_INTEGRITY_EXCEPTION", f"The custom field name {name} must end with __c"
            )
        if obj.find(name) is not None:
            return _dev_name(name)
        made = self._field(obj, name, body.get("Metadata") or {})
        obj.fields[name] = made
        field_id = self._register(obj.name, name, body["Metadata"])
        self._born[obj.name, name] = self._org.clock.elapsed()
        for row in obj.rows.values():
            row.now.setdefault(name, made.default)
        return Reply.of_json(
            {"id": field_id, "success": True, "errors": [], "warnings": [], "infos": []}, 201
        )

    def _field(self, obj: SObject, name: str, meta: JsonDict) -> Field:
        kind = str(meta.get("type", ""))
        if kind not in _TYPES:
            raise ApiError("FIELD_INTEGRITY_EXCEPTION", f"'{kind}' is not a field type")
        for key in ("label", *_NEEDED.get(kind, ())):
            if key not in meta:
                raise ApiError(
                    "FIELD_INTEGRITY_EXCEPTION",
                    f"Must specify '{key}' for a CustomField of type {kind}",
                )
        tracked = bool(meta.get("trackHistory"))
        if tracked and sum(f.tracked for f in obj.fields.values()) >= _MOST_HISTORY:
            raise ApiError(
                "NUM_HISTORY_FIELDS_BY_SOBJECT_EXCEEDED", "at most 20 fields can be tracked"
            )
        values = meta.get("valueSet") or {}
        given = (values.get("valueSetDefinition") or {}).get("value", [])
        return Field(
            name, _TYPES[kind], label=str(meta["label"]),
            length=int(meta.get("length", 4099 if kind == "MultiselectPicklist" else 255)),
            precision=int(meta.get("precision", 0)), scale=int(meta.get("scale", 0)),
            nillable=kind != "Checkbox", default=False if kind == "Checkbox" else None,
            unique=bool(meta.get("unique")), external_id=bool(meta.get("externalId")),
            restricted=bool(values.get("restricted")), tracked=tracked, granted=False,
            values=tuple(str(v.get("fullName", v.get("valueName"))) for v in given),
            filterable=kind != "LongTextArea",
        )  # fmt: skip

    def get(self, call: Call) -> Reply:
        self._need_rights()
        obj, name = self._known(call)
        metadata = self._metadata[call.params["id"]]
        return Reply.of_json({
            "attributes": {"type": "CustomField"}, "Id": call.params["id"],
            "FullName": f"{obj.name}.{name}", "DeveloperName": name.removesuffix("__c"),
            "TableEnumOrId": self._table_of(obj), "Metadata": metadata,
        })  # fmt: skip

    def update(self, call: Call) -> Reply:
        """Replaces the metadata; the type may not be another."""
        self._need_rights()
        obj, name = self._known(call)
        made = self._field(obj, name, call.json().get("Metadata") or {})
        if made.type != obj.fields[name].type:
            raise ApiError("FIELD_INTEGRITY_EXCEPTION", "Cannot change field type")
        held = obj.fields[name]
        obj.fields[name] = replace(made, granted=held.granted, filterable=held.filterable)
        self._metadata[call.params["id"]] = call.json()["Metadata"]
        return Reply(204)

    def _known(self, call: Call) -> tuple[SObject, str]:
        found = self._ids.get(call.params["id"])
        if found is None:
            raise ApiError("NOT_FOUND", "The requested resource does not exist", 404)
        return self._org.objects[found[0]], found[1]

    def query(self, call: Call) -> Reply:
        self._need_rights()
        query = parse(call.one("q"))
        tables = {"customfield": self._custom_fields, "fielddefinition": self._definitions}
        if query.entity.lower() not in tables:
            raise ApiError("INVALID_TYPE", f"sObject type '{query.entity}' is not supported.")
        table = tables[query.entity.lower()]()
        entities = self._entities()
        added = {table.name: table, entities.name: entities}
        self._org.objects |= added  # for the length of this query
        try:
            result = run(self._org, query, call.user, include_deleted=False)
            records = result.page(0, len(result.rows), call.params["version"])
        finally:
            for name in added:
                del self._org.objects[name]
        return Reply.of_json({
            "size": len(records), "totalSize": len(records), "done": True, "queryLocator": None,
            "entityTypeName": table.name, "records": [] if result.count_only else records,
        })  # fmt: skip

    def _table_of(self, obj: SObject) -> str:
        """A standard object by its name, a custom one by an id."""
        return make_id("01I", list(self._org.objects).index(obj.name)) if obj.custom else obj.name

    def _entities(self) -> SObject:
        rows = {
            self._table_of(obj): {"QualifiedApiName": obj.name, "DurableId": self._table_of(obj)}
            for obj in self._org.objects.values()
        }
        return _table("EntityDefinition", ("QualifiedApiName", "DurableId"), rows)

    def _custom_fields(self) -> SObject:
        rows: dict[str, dict[str, Any]] = {}
        for field_id, (obj_name, name) in self._ids.items():
            entity = self._table_of(self._org.objects[obj_name])
            rows[field_id] = {
                "DeveloperName": name.removesuffix("__c"), "NamespacePrefix": None,
                "TableEnumOrId": entity, "EntityDefinitionId": entity,
                "FullName": f"{obj_name}.{name}",
            }  # fmt: skip
        columns = ("DeveloperName", "NamespacePrefix", "TableEnumOrId", "FullName")
        table = _table("CustomField", columns, rows)
        link = reference("EntityDefinitionId", "EntityDefinition", "EntityDefinition")
        table.fields[link.name] = link
        return table

    def _definitions(self) -> SObject:
        rows: dict[str, dict[str, Any]] = {}
        for obj in self._org.objects.values():
            for field in obj.fields.values():
                rows[f"{obj.name}.{field.name}"] = {
                    "QualifiedApiName": field.name, "Label": field.shown_label,
                    "EntityDefinitionId": obj.name, "DataType": field.type,
                    "DurableId": f"{obj.name}.{field.name}",
                }  # fmt: skip
        columns = ("QualifiedApiName", "Label", "EntityDefinitionId", "DataType", "DurableId")
        return _table("FieldDefinition", columns, rows)


def _table(name: str, columns: tuple[str, ...], rows: dict[str, dict[str, Any]]) -> SObject:
    from datetime import UTC, datetime

    from sandbox.core.versions import Versions

    table = sobject(name, "00N", *(read_only(text(column)) for column in columns))
    start = datetime(2000, 1, 1, tzinfo=UTC)
    for key, values in rows.items():
        table.rows[key] = Versions([(start, {"Id": key, "IsDeleted": False, **values})])
    return table


def _metadata_of(field: Field) -> JsonDict:
    """What Tooling would show of a field that an administrator made by hand."""
    found: JsonDict = {"label": field.shown_label, "type": _NAMES[field.type], "required": False,
                       "trackHistory": field.tracked}  # fmt: skip
    match field.type:
        case "string":
            found |= {"length": field.length, "unique": field.unique,
                      "externalId": field.external_id}  # fmt: skip
        case "textarea":
            found |= {"length": field.length, "visibleLines": 3}
        case "double" | "currency" | "percent":
            found |= {"precision": field.precision, "scale": field.scale}
        case "boolean":
            found["defaultValue"] = False
        case "picklist" | "multipicklist":
            values = [{"fullName": v, "label": v, "default": False} for v in field.values]
            found["valueSet"] = {
                "restricted": field.restricted,
                "valueSetDefinition": {"sorted": False, "value": values},
            }
            if field.type == "multipicklist":
                found["visibleLines"] = 4
        case _:
            pass  # the type says everything
    return found


def _dev_name(name: str) -> Reply:
    text_shown = f"There is already a field named {name.removesuffix('__c')} on this object."
    return error("DUPLICATE_DEVELOPER_NAME", text_shown)
