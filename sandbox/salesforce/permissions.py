"""Permission sets, what they grant of fields, and who has them: the rules beyond plain rows.

From the object reference: a field is named `Account.Field__c`, edit implies read, one row a field
and set. What may not be granted (formulas, required fields) is general knowledge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import ApiError, error

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.core.http import Call, Reply
    from sandbox.salesforce.org import Org, Settings
    from sandbox.salesforce.rows import Rows
    from sandbox.salesforce.tooling import Tooling

_KEYS = {
    "PermissionSetAssignment": ("PermissionSetId", "AssigneeId"),
    "FieldPermissions": ("ParentId", "Field"),
}
OBJECTS = ("PermissionSet", *_KEYS)


class Permissions:
    """Creates and changes through `rows`, once the rules are kept."""

    def __init__(
        self, org: Org, rows: Rows, tooling: Tooling, settings: Callable[[], Settings]
    ) -> None:
        self._org = org
        self._rows = rows
        self._tooling = tooling
        self._settings = settings

    def create(self, call: Call) -> Reply:
        name = call.path.rstrip("/").rpartition("/")[2]
        call.params["object"] = name
        refused = self._may()
        if refused is not None:
            return refused
        body = call.json()
        self._once(name, body)
        if name == "FieldPermissions":
            self._grantable(body)
        return self._rows.create(call)

    def update(self, call: Call) -> Reply:
        """Only what a set grants of a field."""
        call.params["object"] = "FieldPermissions"
        refused = self._may()
        if refused is not None:
            return refused
        row = self._org.objects["FieldPermissions"].rows.get(call.params["id"])
        if row is not None:
            self._grantable({**row.now, **call.json()})
        return self._rows.update(call)

    def _may(self) -> Reply | None:
        if self._settings().may_grant:
            return None
        text = "insufficient access rights on cross-reference id"
        return error("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", text, 400)

    def _once(self, name: str, body: dict[str, Any]) -> None:
        keys = _KEYS.get(name)
        if keys is None:
            return
        for row in self._org.objects[name].rows.values():
            if not row.now["IsDeleted"] and all(row.now[key] == body.get(key) for key in keys):
                raise ApiError(
                    "DUPLICATE_VALUE",
                    "duplicate value found: <unknown> duplicates value on record with id: "
                    "<unknown>",
                )

    def _grantable(self, body: dict[str, Any]) -> None:
        entity, _, name = str(body.get("Field", "")).partition(".")
        obj = self._org.objects.get(entity)
        field = obj.fields.get(name) if obj is not None else None
        if field is None or entity != body.get("SobjectType") or self._tooling.is_new(entity, name):
            raise ApiError(
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                f"Field Name: bad value for restricted picklist field: {body.get('Field')}",
            )
        edit = bool(body.get("PermissionsEdit"))
        if edit and not body.get("PermissionsRead"):
            raise ApiError(
                "FIELD_INTEGRITY_EXCEPTION", "Read access must be enabled if Edit is enabled"
            )
        if not field.nillable and field.type != "boolean":
            raise ApiError("FIELD_INTEGRITY_EXCEPTION", "You cannot deploy to a required field")
        if edit and field.formula is not None:
            raise ApiError("FIELD_INTEGRITY_EXCEPTION", f"{name} cannot be edited")
