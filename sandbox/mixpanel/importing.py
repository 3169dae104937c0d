"""POST /import: up to 2,000 events; good ones are stored even where others are refused."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from sandbox.core.http import BadBody, Call, JsonDict, Reply
from sandbox.mixpanel.project import seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.mixpanel.project import Project, Settings

_MOST_EVENTS = 2000
_MOST_BYTES = 2_097_152
_FIRST_TIME = 31_536_000  # 1971
_HOUR = 3600
_INSERT_ID = re.compile(r"[A-Za-z0-9-]{1,36}")
_NOBODY = frozenset(
    {"00000000-0000-0000-0000-000000000000", "anon", "anonymous", "nil", "none", "null", "n/a",
     "na", "undefined", "unknown", "<nil>", "0", "-1", "true", "false", "[]", "{}"}
)  # fmt: skip
_IDENTITY_VERBS = frozenset({"$identify", "$merge", "$create_alias"})


class Import:
    """Stored events come back in the next export, doubled ones as well."""

    def __init__(self, project: Project, settings: Callable[[], Settings]) -> None:
        self._project = project
        self._settings = settings

    def run(self, call: Call) -> Reply:
        content = call.content()
        if len(content) > _MOST_BYTES:
            return _answer(
                413,
                "Request Entity Too Large",
                error=f"request exceeds max limit of {_MOST_BYTES} bytes",
            )
        events = _events(call, content)
        if len(events) > _MOST_EVENTS:
            return _answer(
                400, "Bad Request", error=f"at most {_MOST_EVENTS} events in one request"
            )
        verbs = [e for e in events if isinstance(e, dict) and e.get("event") in _IDENTITY_VERBS]
        if verbs and self._settings().id_merge == "simplified":
            return _answer(
                400, "Bad Request", num_records_imported=0,
                error="some data points in the request failed validation",
                failed_records=[f"{e['event']} is not supported for this project" for e in verbs],
            )  # fmt: skip
        return self._stored(call, events)

    def _stored(self, call: Call, events: list[Any]) -> Reply:
        now = self._project.clock.now().timestamp()
        failed: list[JsonDict] = []
        good: list[JsonDict] = []
        strict = call.one("strict") == "1"
        for index, event in enumerate(events):
            problem = _problem(event, now)
            if problem is None:
                good.append(event)
            elif strict:
                insert_id = (
                    event.get("properties", {}).get("$insert_id", "")
                    if isinstance(event, dict)
                    else ""
                )
                failed.append(
                    {
                        "index": index,
                        "$insert_id": insert_id,
                        "field": problem[0],
                        "message": problem[1],
                    }
                )
        self._project.imported += [(now, event) for event in good]
        call.notes["records"] = len(good)
        if failed:
            return _answer(
                400, "Bad Request", error="some data points in the request failed validation",
                failed_records=failed, num_records_imported=len(good),
            )  # fmt: skip
        return _answer(200, "OK", num_records_imported=len(good))


def _events(call: Call, content: bytes) -> list[Any]:
    try:
        if "ndjson" in call.headers.get("content-type", ""):
            return [json.loads(line) for line in content.split(b"\n") if line.strip()]
        found = json.loads(content)
    except (json.JSONDecodeError, UnicodeDecodeError) as broken:
        raise BadBody(str(broken)) from broken
    if not isinstance(found, list):
        raise BadBody("a list of events is expected")
    return found


def _problem(event: Any, now: float) -> tuple[str, str] | None:
    """Which field is wrong, and why."""
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        return "event", "'event' is required and must be a string"
    properties = event.get("properties")
    if not isinstance(properties, dict):
        return "properties", "'properties' is required"
    if len(properties) >= 255:
        return "properties", "too many properties"
    return _bad_time(properties, now) or _bad_identity(properties)


def _bad_time(properties: JsonDict, now: float) -> tuple[str, str] | None:
    time = properties.get("time")
    if isinstance(time, bool) or not isinstance(time, int | float):
        return (
            "properties.time",
            "'properties.time' is invalid: must be specified as seconds since epoch",
        )
    seconds = seconds_of(time)
    if seconds < _FIRST_TIME or seconds > now + _HOUR:
        return "properties.time", "'properties.time' is invalid: out of range"
    return None


def _bad_identity(properties: JsonDict) -> tuple[str, str] | None:
    distinct_id = properties.get("distinct_id")
    if distinct_id is None:
        return "properties.distinct_id", "'properties.distinct_id' is required"
    if str(distinct_id).lower() in _NOBODY:
        return "properties.distinct_id", f"'properties.distinct_id' is invalid: {distinct_id}"
    if _INSERT_ID.fullmatch(str(properties.get("$insert_id", ""))) is None:
        return (
            "properties.$insert_id",
            "'properties.$insert_id' is required, at most 36 of letters, digits and dashes",
        )
    return None


def _answer(code: int, status: str, **more: Any) -> Reply:
    return Reply.of_json({"code": code, "status": status, **more}, code)
