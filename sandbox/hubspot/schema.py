"""Properties, groups, pipelines, custom object schemas."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sandbox.core.http import Call, JsonDict, Reply
from sandbox.hubspot.errors import ApiError, resource_not_found
from sandbox.hubspot.portal import PORTAL_ID
from sandbox.hubspot.properties import Property, iso
from sandbox.hubspot.show import batch_shown, body_of, inputs_of

if TYPE_CHECKING:
    from sandbox.hubspot.portal import ObjectType, Portal

_TYPES = {
    "bool": ("booleancheckbox", "calculation_equation"),
    "date": ("date",),
    "datetime": ("date",),
    "enumeration": ("booleancheckbox", "checkbox", "radio", "select", "calculation_equation"),
    "number": ("number", "calculation_equation"),
    "phone_number": ("phonenumber",),
    "string": ("text", "textarea", "file", "html", "phonenumber", "calculation_equation"),
}
_NEEDED = ("name", "label", "type", "fieldType", "groupName")
_MOST_UNIQUE = 10


class Schema:
    """What `provision` needs: read, create and change properties and groups."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def _kind(self, call: Call) -> ObjectType:
        return self._portal.type_of(call.params["type"])

    def _property(self, call: Call) -> Property:
        found = self._portal.properties(self._kind(call)).get(call.params["name"])
        if found is None:
            raise ApiError(
                404, "OBJECT_NOT_FOUND", f"Property {call.params['name']} does not exist"
            )
        return found

    def listed(self, call: Call) -> Reply:
        known = self._portal.properties(self._kind(call))
        archived = call.one("archived").lower() == "true"
        return Reply.of_json({"results": [] if archived else [p.shown() for p in known.values()]})

    def get(self, call: Call) -> Reply:
        return Reply.of_json(self._property(call).shown())

    def create(self, call: Call) -> Reply:
        kind = self._kind(call)
        made = self._made(kind, body_of(call))
        kind.properties[made.name] = made
        return Reply.of_json(made.shown(), 201)

    def _made(self, kind: ObjectType, body: JsonDict) -> Property:
        missing = [name for name in _NEEDED if not body.get(name)]
        if missing:
            raise ApiError(
                400,
                "VALIDATION_ERROR",
                f"Invalid input JSON: some required fields were not set: [{', '.join(missing)}]",
            )
        name, type_name, field_type = str(body["name"]), str(body["type"]), str(body["fieldType"])
        if re.fullmatch(r"[a-z][a-z0-9_]*", name) is None:
            raise ApiError(
                400,
                "VALIDATION_ERROR",
                f"Property name '{name}' is not valid: lower case letters, digits and underscores",
            )
        if field_type not in _TYPES.get(type_name, ()):
            raise ApiError(
                400, "VALIDATION_ERROR", f"Invalid fieldType {field_type} for type {type_name}"
            )
        if body["groupName"] not in kind.groups:
            raise ApiError(
                400, "VALIDATION_ERROR", f"Property group {body['groupName']} does not exist"
            )
        if name in kind.properties:
            raise ApiError(
                409,
                "CONFLICT",
                f"Property {name} already exists",
                subCategory="Properties.PROPERTY_EXISTS",
            )
        if (
            body.get("hasUniqueValue")
            and sum(p.unique for p in kind.properties.values()) >= _MOST_UNIQUE
        ):
            raise ApiError(400, "VALIDATION_ERROR", "at most 10 unique properties")
        values, labels = _options(body, type_name)
        return Property(
            name, type_name, field_type, label=str(body["label"]), group=str(body["groupName"]),
            options=values, labels=labels, description=str(body.get("description") or ""),
            unique=bool(body.get("hasUniqueValue")), defined_by_hubspot=False,
            created_at=iso(self._portal.now()),
        )  # fmt: skip

    def update(self, call: Call) -> Reply:
        """The type stays; options are replaced whole."""
        from dataclasses import replace

        kind, held, body = self._kind(call), self._property(call), body_of(call)
        if held.defined_by_hubspot:
            raise ApiError(400, "VALIDATION_ERROR", f"{held.name} is defined by HubSpot")
        if body.get("type", held.type) != held.type:
            raise ApiError(400, "VALIDATION_ERROR", "the type of a property cannot be changed")
        changes: dict[str, Any] = {n: str(body[n]) for n in ("label", "description") if n in body}
        if "options" in body:
            changes["options"], changes["labels"] = _options(body, held.type)
        if "groupName" in body:
            changes["group"] = str(body["groupName"])
        kind.properties[held.name] = replace(held, **changes)
        return Reply.of_json(kind.properties[held.name].shown())

    def archive(self, call: Call) -> Reply:
        held = self._property(call)
        if held.defined_by_hubspot:
            raise ApiError(400, "VALIDATION_ERROR", f"{held.name} is defined by HubSpot")
        del self._kind(call).properties[held.name]
        return Reply(204)

    def batch_read(self, call: Call) -> Reply:
        kind = self._kind(call)
        _, inputs = inputs_of(call, 100)
        known = self._portal.properties(kind)
        names = [str(one.get("name")) for one in inputs]
        found = [known[n].shown() for n in names if n in known]
        missing = [n for n in names if n not in known]
        errors: list[JsonDict] = (
            [{"status": "error", "category": "OBJECT_NOT_FOUND", "context": {"name": missing},
              "message": "Could not get some properties"}] if missing else []
        )  # fmt: skip
        return Reply.of_json(batch_shown(self._portal, found, errors), 207 if missing else 200)

    def batch_create(self, call: Call) -> Reply:
        kind = self._kind(call)
        _, inputs = inputs_of(call, 100)
        made = [self._made(kind, one) for one in inputs]
        kind.properties.update({p.name: p for p in made})
        return Reply.of_json(batch_shown(self._portal, [p.shown() for p in made], []), 201)

    # -- groups

    def groups(self, call: Call) -> Reply:
        shown = [_group(name, label) for name, label in self._kind(call).groups.items()]
        return Reply.of_json({"results": shown})

    def group(self, call: Call) -> Reply:
        groups = self._kind(call).groups
        name = call.params["name"]
        if name not in groups:
            raise resource_not_found()
        return Reply.of_json(_group(name, groups[name]))

    def create_group(self, call: Call) -> Reply:
        kind, body = self._kind(call), body_of(call)
        name, label = body.get("name"), body.get("label")
        if not name or not label:
            raise ApiError(
                400,
                "VALIDATION_ERROR",
                "Invalid input JSON: some required fields were not set: [name, label]",
            )
        if name in kind.groups:
            raise ApiError(409, "CONFLICT", f"Property group {name} already exists")
        kind.groups[str(name)] = str(label)
        return Reply.of_json(_group(str(name), str(label)), 201)

    # -- pipelines and schemas

    def pipelines(self, call: Call) -> Reply:
        kind = self._kind(call)
        return Reply.of_json({"results": _PIPELINES.get(kind.name, [])})

    def schemas(self, call: Call) -> Reply:
        custom = [t for t in self._portal.types.values() if t.type_id.startswith("2-")]
        return Reply.of_json({"results": [
            {"id": t.type_id.split("-")[1], "objectTypeId": t.type_id, "name": t.name,
             "fullyQualifiedName": f"p{PORTAL_ID}_{t.name}", "archived": False,
             "labels": {"singular": t.singular, "plural": t.name},
             "primaryDisplayProperty": t.defaults[0], "requiredProperties": [],
             "properties": [p.shown() for p in t.properties.values()], "associations": []}
            for t in custom
        ]})  # fmt: skip


def _options(body: JsonDict, type_name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    options = body.get("options") or []
    if type_name == "enumeration" and not options and not body.get("externalOptions"):
        raise ApiError(400, "VALIDATION_ERROR", "an enumeration needs options")
    for one in options:
        if not {"label", "value", "displayOrder", "hidden"} <= set(one):
            raise ApiError(
                400, "VALIDATION_ERROR", "each option needs label, value, displayOrder and hidden"
            )
    return tuple(str(o["value"]) for o in options), tuple(str(o["label"]) for o in options)


def _group(name: str, label: str) -> JsonDict:
    return {"name": name, "label": label, "displayOrder": -1, "archived": False}


def _stage(stage_id: str, label: str, order: int, metadata: JsonDict) -> JsonDict:
    return {"id": stage_id, "label": label, "displayOrder": order, "metadata": metadata,
            "archived": False, "createdAt": "2020-01-01T00:00:00.000Z",
            "updatedAt": "2020-01-01T00:00:00.000Z",
            "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT"}  # fmt: skip


def _pipeline(pipeline_id: str, label: str, stages: list[JsonDict]) -> JsonDict:
    return {"id": pipeline_id, "label": label, "displayOrder": 0, "stages": stages,
            "archived": False, "createdAt": "2020-01-01T00:00:00.000Z",
            "updatedAt": "2020-01-01T00:00:00.000Z"}  # fmt: skip


_PIPELINES: dict[str, list[JsonDict]] = {
    "deals": [_pipeline("default", "Sales Pipeline", [
        _stage("appointmentscheduled", "Appointment Scheduled", 0,
               {"isClosed": "false", "probability": "0.2"}),
        _stage("closedwon", "Closed Won", 1, {"isClosed": "true", "probability": "1.0"}),
        _stage("closedlost", "Closed Lost", 2, {"isClosed": "true", "probability": "0.0"}),
    ])],
    "tickets": [_pipeline("0", "Support Pipeline", [
        _stage("1", "New", 0, {"ticketState": "OPEN"}),
        _stage("4", "Closed", 1, {"ticketState": "CLOSED"}),
    ])],
}  # fmt: skip
