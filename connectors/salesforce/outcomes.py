"""What becomes of a record that Salesforce did not take: again, in a smaller batch, or never."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from connectors.base import WriteResult

_AGAIN = frozenset(
    {
        "TXN_SECURITY_METERING_ERROR", "REQUEST_RUNNING_TOO_LONG", "TOO_MANY_APEX_REQUESTS",
        "SERVER_UNAVAILABLE", "ALL_OR_NONE_OPERATION_ROLLED_BACK", "PROCESSING_HALTED",
        "UNKNOWN_EXCEPTION", "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE",
    }
)  # fmt: skip
_AUTOMATION = frozenset({"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "CANNOT_EXECUTE_FLOW_TRIGGER"})
_LOCK = "UNABLE_TO_LOCK_ROW"
NOT_SENT = "NOT_SENT"
SCHEMA = frozenset({"INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_TYPE"})
"""What was described is not so any more: a field has gone, or may not be written any more."""
ENDS = SCHEMA | {"STORAGE_LIMIT_EXCEEDED", "API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED"}
"""Every further record would fail the same way."""


class Kind(Enum):
    """What to do about a record's error."""

    LOCKED = "another transaction holds the record: alone, a little later"
    AGAIN = "not this record's fault: a little later"
    SMALLER = "an automation failed, perhaps for the batch's size: in a smaller one"
    NEVER = "this record will not work"


def kind_of(code: str, message: str) -> Kind:
    """Codes decide; a lock's code may stand inside the message of another."""
    if code == _LOCK or _LOCK in message:
        return Kind.LOCKED
    if code in _AGAIN:
        return Kind.AGAIN
    if code in _AUTOMATION:
        return Kind.SMALLER
    return Kind.NEVER


def error_in(answer: Mapping[str, Any]) -> tuple[str, str]:
    """(code, message and fields) of the first error of a record's result."""
    errors: Sequence[Mapping[str, Any]] = answer.get("errors") or ()
    if not errors:
        return "", "Salesforce gave no reason"
    first = errors[0]
    code = str(first.get("statusCode") or first.get("errorCode") or "")
    message = str(first.get("message") or "")
    fields = ", ".join(map(str, first.get("fields") or ()))
    return code, f"{message} ({fields})" if fields else message


def error_in_cell(text: str) -> tuple[str, str]:
    """The same of `CODE:message:field1 field2--`, as a bulk job's results have it."""
    code, _, rest = text.partition(":")
    message, _, fields = rest.rpartition(":")
    named = fields.removesuffix("--").strip()
    return code, f"{message} ({', '.join(named.split())})" if named else message or rest


def written(one: str) -> WriteResult:
    """The record has all its values."""
    return WriteResult(one, "written")


def rejected(one: str, reason: str, code: str = "") -> WriteResult:
    """The record has none of its values."""
    return WriteResult(one, "rejected", reason, code)


def unknown(one: str, reason: str, code: str = "") -> WriteResult:
    """Nobody can say."""
    return WriteResult(one, "unknown", reason, code)
