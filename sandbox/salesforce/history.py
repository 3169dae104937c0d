"""Field history: a row for each change of a tracked field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.salesforce.values import to_csv

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sandbox.salesforce.org import Org
    from sandbox.salesforce.schema import Field, SObject


def keep_history(
    org: Org,
    obj: SObject,
    before: dict[str, Any],
    values: dict[str, Any],
    user: str,
    at: datetime | None = None,
) -> None:
    """A row for each tracked field whose value is another now; of a lookup two, with the ids and
    with the names. Of long texts and multi-selects the values are not kept."""
    if not obj.history:
        return
    for name, value in values.items():
        known = obj.fields[name]
        if not known.tracked or before.get(name) == value:
            continue
        for kind, read in _rows(org, known):
            change = {
                f"{obj.name}Id": before["Id"], "Field": _called(known), "DataType": kind,
                "OldValue": read(before.get(name)), "NewValue": read(value),
            }  # fmt: skip
            org.insert(obj.history, change, at or org.now(), user)


def _called(known: Field) -> str:
    """Standard lookups go by the name of their relationship: Owner, not OwnerId."""
    standard = known.type == "reference" and not known.custom
    return known.relationship if standard else known.name


def _rows(org: Org, known: Field) -> list[tuple[str, Callable[[Any], Any]]]:
    if known.type in ("multipicklist", "textarea"):
        return [("Text", lambda _: None)]
    if known.type != "reference":
        return [(known.type, _plain)]
    target = org.objects[known.reference_to]

    def named(record_id: Any) -> Any:
        row = target.rows.get(record_id)
        return None if row is None else row.now.get("Name")

    return [("EntityId", _plain), ("Text", named)]


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | bool | float | int) else to_csv(value)
