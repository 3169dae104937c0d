"""What faults that are switched on do to single records of a save."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import row_error
from sandbox.salesforce.ids import normal
from sandbox.salesforce.values import to_csv

if TYPE_CHECKING:
    from sandbox.core.faults import Fault
    from sandbox.core.http import JsonDict
    from sandbox.salesforce.save import Wanted


def same(value: Any, wanted: Any) -> bool:
    """Equal as numbers, or as text: a fault's settings know no types."""
    if isinstance(value, float | int) and not isinstance(value, bool):
        try:
            return float(wanted) == value
        except (TypeError, ValueError):
            return False
    return to_csv(value) == str(wanted)


def chosen(fault: Fault, records: list[tuple[int, str | None]]) -> list[int]:
    """Which records a fault hits: those named in `ids`, the first `records`, or a `share`."""
    ids = fault.get("ids")
    if ids is not None:
        wanted = {normal(i) or i for i in ids}
        return [index for index, record_id in records if record_id in wanted]
    if fault.get("share") is not None:
        return [i for i, _ in records if fault.dice.random() < float(fault.get("share"))]
    return [index for index, _ in records[: int(fault.get("records", 1))]]


def fault_error(fault: Fault, wanted: list[Wanted], remaining: list[int]) -> JsonDict:
    """The error of a record that a `locked` or `partial` fault hits."""
    if fault.kind == "locked":
        ids = ",".join(str(wanted[i].record_id) for i in remaining[:10])
        text = (
            f"unable to obtain exclusive access to this record or {len(remaining)} records: {ids}"
        )
        return row_error("UNABLE_TO_LOCK_ROW", text)
    code = str(fault.get("code", "FIELD_CUSTOM_VALIDATION_EXCEPTION"))
    return row_error(code, str(fault.get("message", "refused by the sandbox")), fault.get("fields"))
