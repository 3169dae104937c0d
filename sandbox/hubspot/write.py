"""Checking and writing values, one record or a hundred."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.hubspot.errors import ApiError, invalid_values
from sandbox.hubspot.properties import BadValue, to_stored
from sandbox.hubspot.show import version_of

if TYPE_CHECKING:
    from sandbox.core.http import Call, JsonDict
    from sandbox.hubspot.portal import ObjectType, Portal, Record


def checked(
    portal: Portal, call: Call, kind: ObjectType, asked: Any, record_id: str = ""
) -> dict[str, str]:
    """The values as they will be stored. Raises ApiError for the first request-wide reason; null
    leaves a property alone, `""` clears it. `record_id`: whose they are, "" of a new record."""
    if not isinstance(asked, dict) or not asked:
        raise ApiError(
            400, "VALIDATION_ERROR", "No properties found to update, please provide at least one."
        )
    known = portal.properties(kind)
    values: dict[str, str] = {}
    problems: list[JsonDict] = []
    for name, raw in asked.items():
        if name not in known:
            problems.append(
                _problem(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
            )
            continue
        if raw is None:
            continue
        try:
            values[name] = to_stored(known[name], raw)
        except BadValue as bad:
            problems.append(_problem(name, bad.error, bad.message))
    if problems:
        raise invalid_values(problems)
    _rules(portal, call, kind, values, record_id)
    return values


def _problem(name: str, error: str, message: str) -> JsonDict:
    return {
        "isValid": False,
        "message": message,
        "error": error,
        "name": name,
        "localizedErrorMessage": message,
    }


def _rules(
    portal: Portal, call: Call, kind: ObjectType, values: dict[str, str], record_id: str
) -> None:
    """Admins' rules bind API writes from 2026-09 on; some are about other properties of a record
    than those that are written, so they refuse a value of some records only."""
    if version_of(call) < "2026-09" or version_of(call) == "v3":
        return
    for fault in portal.standing("validation_rule", kind.name):
        name = str(fault.get("field"))
        if name not in values or (
            "value" in fault.settings and values[name] != str(fault.get("value"))
        ):
            continue
        ids = fault.get("ids")
        if ids is not None and record_id not in {str(one) for one in ids}:
            continue
        if fault.fires():
            text = str(fault.get("message", "This value is not allowed by a property rule"))
            raise ApiError(
                400,
                "VALIDATION_ERROR",
                text,
                errors=[
                    {"message": text, "code": "PROPERTY_RULE", "context": {"propertyName": [name]}}
                ],
            )


def save(portal: Portal, kind: ObjectType, record: Record, values: dict[str, str]) -> None:
    """Write, then let the portal's own automation have its way."""
    values = _forward_only(kind, record, values)
    before = record.now
    if not portal.change(kind, record, values):
        return
    portal.workflow_runs += 1
    for fault in portal.standing("workflow", kind.name):
        name = str(fault.get("field"))
        if name in values and fault.fires():
            back = fault.get("to", before.get(name))
            portal.change(kind, record, {name: str(back or "")}, "AUTOMATION_PLATFORM")


def _forward_only(kind: ObjectType, record: Record, values: dict[str, str]) -> dict[str, str]:
    """A lifecyclestage goes back only by way of empty; else the write is ignored without a word."""
    wanted, held = values.get("lifecyclestage"), record.now.get("lifecyclestage")
    if not wanted or not held:
        return values
    order = kind.properties["lifecyclestage"].options
    if order.index(wanted) >= order.index(held):
        return values
    return {k: v for k, v in values.items() if k != "lifecyclestage"}


def find(
    portal: Portal, kind: ObjectType, key: str, id_property: str, *, merged: bool = True
) -> Record | None:
    """By record id, or by a property that is unique. Archived records are not found; with
    `merged` an id that is no more leads to the record that it became."""
    if not id_property:
        found = kind.records.get(kind.merged.get(key, key) if merged else key)
    else:
        prop = portal.properties(kind).get(id_property)
        if prop is None or not prop.unique:
            raise ApiError(
                400, "VALIDATION_ERROR",
                "Unable to perform update/upsert by non-unique "
                f"{kind.type_id} property {id_property}",
            )  # fmt: skip
        found = next((r for r in kind.records.values() if r.now.get(id_property) == key), None)
    return found if found is not None and found.archived_at is None else None
