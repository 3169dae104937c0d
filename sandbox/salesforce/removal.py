"""Records that people delete, bring back or merge in the org's own pages."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org
    from sandbox.salesforce.schema import SObject

BIN_DAYS = 15
"""so long a deleted record stays in the recycle bin, where queryAll sees it"""


def remove(org: Org, obj: SObject, record_id: str, changes: dict[str, Any], user: str) -> None:
    """`IsDeleted` true deletes a record, together with `MasterRecordId` it merges it into that one;
    false brings it back. Raises ValueError for a master that is not there."""
    if not changes["IsDeleted"]:
        undelete(org, obj, record_id, user)
    elif (master := changes.get("MasterRecordId")) is not None:
        merge(org, obj, record_id, str(master), user)
    else:
        org.delete(obj, record_id, user)


def undelete(org: Org, obj: SObject, record_id: str, user: str) -> None:
    """Out of the recycle bin."""
    changes: dict[str, Any] = {"IsDeleted": False}
    if "MasterRecordId" in obj.fields:
        changes["MasterRecordId"] = None
    org.touch(obj, record_id, changes, user)
    org.deleted_at.pop(record_id, None)


def merge(org: Org, obj: SObject, record_id: str, master_id: str, user: str) -> None:
    """The loser goes into the bin and names its master; whatever pointed to it points to that."""
    master = obj.rows.get(master_id)
    if master is None or master.now["IsDeleted"] or master_id == record_id:
        raise ValueError(f"{master_id} is no record that another can be merged into")
    org.delete(obj, record_id, user, master_id)
    org.touch(obj, master_id, {}, user)
    for other in org.objects.values():
        if not other.updateable:  # history stays with whom it was of
            continue
        for field in other.fields.values():
            if field.reference_to == obj.name and field.name != "MasterRecordId":
                _move(org, other, field.name, record_id, master_id, user)


def _move(org: Org, obj: SObject, name: str, loser: str, master: str, user: str) -> None:
    for key, row in list(obj.rows.items()):
        if row.now.get(name) == loser and not row.now["IsDeleted"]:
            org.touch(obj, key, {name: master}, user)


def emptied(org: Org, values: dict[str, Any]) -> bool:
    """Whether a deleted record has left the recycle bin, so that nothing sees it any more."""
    when = org.deleted_at.get(str(values["Id"])) if values["IsDeleted"] else None
    return when is not None and when < org.now() - timedelta(days=BIN_DAYS)
