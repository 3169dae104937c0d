"""Field history: a row for each change of a tracked field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.salesforce.values import to_csv

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.salesforce.org import Org
    from sandbox.salesforce.schema import SObject


def keep_history(
    org: Org,
    obj: SObject,
    before: dict[str, Any],
    values: dict[str, Any],
    user: str,
    at: datetime | None = None,
) -> None:
    """A row for each tracked field whose value is another now."""
    if not obj.history:
        return
    for name, value in values.items():
        known = obj.fields[name]
        if known.tracked and before.get(name) != value:
            change = {
                f"{obj.name}Id": before["Id"], "Field": name, "DataType": known.type,
                "OldValue": _plain(before.get(name)), "NewValue": _plain(value),
            }  # fmt: skip
            org.insert(obj.history, change, at or org.now(), user)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | bool | float | int) else to_csv(value)
