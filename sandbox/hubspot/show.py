"""Records as the API shows them, and the checks that all routes share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.hubspot.errors import ApiError, invalid_input
from sandbox.hubspot.portal import PORTAL_ID, ObjectType, Portal, Record
from sandbox.hubspot.properties import iso

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.core.http import Call, JsonDict

V3 = "v3"
DATE_VERSIONS = ("2025-09", "2026-03", "2026-09")


def version_of(call: Call) -> str:
    """v3, or the date in the path."""
    return call.params.get("date", V3)


def answers_207(call: Call, *, allowed: bool) -> bool:
    """2025-09 and 2026-09 list only 200 for batches; v3 and 2026-03 know 207."""
    return allowed or version_of(call) in (V3, "2026-03")


def record_shown(
    portal: Portal,
    kind: ObjectType,
    record: Record,
    names: Iterable[str] = (),
    histories: Iterable[str] = (),
    values: dict[str, Any] | None = None,
    kept: int = 20,
) -> JsonDict:
    """Unknown names are silently left out; ids and stamps always come."""
    held = record.now if values is None else values
    known = portal.properties(kind)
    asked = [*names] or list(kind.defaults)
    wanted = dict.fromkeys([*asked, "createdate", kind.modified, "hs_object_id"])
    shown = {n: portal.value(known[n], held) for n in sorted(wanted) if n in known}
    body: JsonDict = {
        "id": record.id, "properties": shown, "createdAt": iso(record.created_at),
        "updatedAt": held[kind.modified], "archived": record.archived_at is not None,
        "url": f"https://app.hubspot.com/contacts/{PORTAL_ID}/record/{kind.type_id}/{record.id}",
    }  # fmt: skip
    if record.archived_at is not None:
        body["archivedAt"] = iso(record.archived_at)
    asked_histories = [h for h in histories if h in known]
    if asked_histories:
        body["propertiesWithHistory"] = {
            name: record.history.get(name, [])[:kept] for name in asked_histories
        }
    return body


def names_in(call: Call, parameter: str) -> list[str]:
    """A list parameter: repeated, or separated by commas."""
    return [n for text in call.query.get(parameter, []) for n in text.split(",") if n]


def whole(call: Call, name: str, default: int, most: int) -> int:
    """A whole number from 1 to `most`. Raises ApiError."""
    text = call.one(name, str(default))
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise ApiError(
            400, "VALIDATION_ERROR",
            f"Invalid request to the {name} parameter: must be between 1 and {most}, was {text}",
        )  # fmt: skip
    return int(text)


def body_of(call: Call) -> JsonDict:
    """The body as an object. Raises ApiError."""
    body = call.json()
    if not isinstance(body, dict):
        raise invalid_input(
            "Cannot deserialize value from Array value (token `JsonToken.START_ARRAY`)"
        )
    return body


def inputs_of(call: Call, most: int) -> tuple[JsonDict, list[JsonDict]]:
    """The body and its `inputs`; too many, or none at all, is refused."""
    body = body_of(call)
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(one, dict) for one in inputs):
        raise ApiError(
            400,
            "VALIDATION_ERROR",
            "Invalid input JSON: some required fields were not set: [inputs]",
        )
    if len(inputs) > most:
        raise ApiError(
            400, "VALIDATION_ERROR", f"Request contains {len(inputs)} inputs, the maximum is {most}"
        )
    return body, inputs


def group_of_missing(kind: ObjectType, ids: list[str]) -> JsonDict:
    """One error for all records of a batch that are not there."""
    return {
        "status": "error", "category": "OBJECT_NOT_FOUND", "context": {"ids": ids},
        "message": f"Could not get some {kind.singular.upper()} objects, they may be deleted or "
        "not exist. Check that ids are valid.",
    }  # fmt: skip


def batch_shown(
    portal: Portal, results: list[JsonDict], errors: list[JsonDict], status: str = "COMPLETE"
) -> JsonDict:
    """The envelope of a batch; errors only where there are any."""
    now = iso(portal.now())
    body: JsonDict = {"status": status, "results": results, "startedAt": now, "completedAt": now}
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
    return body
