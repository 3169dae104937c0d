"""Which scope a route needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.hubspot.portal import ObjectType

_WRITES = frozenset(
    {"create", "update", "archive", "merge", "batch_create", "batch_update", "batch_upsert",
     "batch_archive"}
)  # fmt: skip
_DEFINES = frozenset(
    {"group_create", "property_create", "property_update", "property_archive",
     "properties_batch_create"}
)  # fmt: skip


def scope_of(kind: ObjectType, route: str) -> str:
    """The scope for a route of one object: tickets have one for records, whatever is done."""
    if route in _DEFINES and kind.scope.startswith("crm.objects."):
        return kind.scope.replace("crm.objects.", "crm.schemas.", 1) + ".write"
    if kind.scope == "tickets":
        return kind.scope
    return kind.scope + (".write" if route in _WRITES else ".read")
