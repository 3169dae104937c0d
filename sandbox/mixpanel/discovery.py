"""What `init` asks: who am I, which events and properties, what the lexicon says."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.core.http import Call, JsonDict, Reply
from sandbox.mixpanel.errors import ApiError, app_error
from sandbox.mixpanel.project import GROUP_ID, GROUP_KEY, PROJECT_ID, Project
from sandbox.mixpanel.render import lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.mixpanel.project import Settings

_NAME_DAYS = 31
_MOST_NAMES = 255


class Discovery:
    """Names that were seen in the last 31 days; schemas only of what somebody described."""

    def __init__(self, project: Project, settings: Callable[[], Settings]) -> None:
        self._project = project
        self._settings = settings

    def me(self, _: Call) -> Reply:
        settings = self._settings()
        zone = "UTC" if settings.project_time == "utc" else settings.project_time
        domain = {"us": "mixpanel.com"}.get(settings.region, f"{settings.region}.mixpanel.com")
        return Reply.of_json({"status": "ok", "results": {
            "user_id": 1, "user_email": "gatepost.sandbox", "user_name": "gatepost",
            "organizations": {"99": {"id": 99, "name": "Acme", "role": "admin"}},
            "projects": {str(PROJECT_ID): {
                "id": PROJECT_ID, "name": "Acme production", "organization_id": 99,
                "timezone": zone, "domain": domain, "role": {"id": 3, "name": "admin"},
                "group_keys": [{"key": GROUP_KEY, "data_group_id": GROUP_ID}],
            }},
        }})  # fmt: skip

    def names(self, call: Call) -> Reply:
        limit = self._limit(call)
        since = self._project.clock.now() - timedelta(days=_NAME_DAYS)
        return Reply.of_json(list(self._project.names_since(since))[:limit])

    def top(self, call: Call) -> Reply:
        since = self._project.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        counts = self._project.names_since(since)
        events = [
            {"amount": number, "event": name, "percent_change": 0.0}
            for name, number in list(counts.items())[: self._limit(call)]
        ]
        return Reply.of_json({"events": events, "type": "general"})

    def counts(self, call: Call) -> Reply:
        """Counts of named events by day, zeros included, in the project's calendar."""
        try:
            names = json.loads(call.one("event"))
            first, last = (date.fromisoformat(call.one(n)) for n in ("from_date", "to_date"))
        except ValueError:
            raise ApiError(400, "event must be a JSON array, from_date and to_date days") from None
        if (
            call.one("type") != "general"
            or call.one("unit") != "day"
            or not isinstance(names, list)
        ):
            raise ApiError(400, "type must be general and unit be day in this sandbox")
        days = [str(first + timedelta(days=n)) for n in range((last - first).days + 1)]
        values = {
            name: {day: found.get(day, 0) for day in days}
            for name, found in self._project.days_of(names, first, last, self._settings()).items()
        }
        return Reply.of_json(
            {"data": {"series": days, "values": values}, "legend_size": len(values)}
        )

    def _limit(self, call: Call) -> int:
        text = call.one("limit", str(_MOST_NAMES))
        if not text.isdigit():
            raise ApiError(400, f"limit must be a number: {text}")
        return min(int(text), _MOST_NAMES)

    def _sample(self, call: Call) -> list[JsonDict]:
        """Properties of some recent events, of all names where none is given."""
        name = call.one("event")
        today = self._project.today(self._settings())
        rows = self._project.rows_between(
            today - timedelta(days=_NAME_DAYS), today, self._settings()
        )
        texts = lines(self._project, rows[-50_000:], self._settings(), milliseconds=False)
        found = (json.loads(text) for text in texts)
        return [event["properties"] for event in found if name in ("", event["event"])]

    def properties_top(self, call: Call) -> Reply:
        counts: dict[str, JsonDict] = {}
        for properties in self._sample(call):
            for name in properties:
                counts.setdefault(name, {"count": 0})["count"] += 1
        return Reply.of_json(counts)

    def property_values(self, call: Call) -> Reply:
        name = call.one("name")
        if not name or not call.one("event"):
            raise ApiError(400, "event and name are required parameters")
        seen: dict[str, None] = {}
        for properties in self._sample(call):
            value: Any = properties.get(name)
            for one in value if isinstance(value, list) else [value]:
                if one is not None:
                    seen[str(one)] = None
        return Reply.of_json(list(seen)[: self._limit(call)])

    def cohorts(self, _: Call) -> Reply:
        """Those that tests put into the project; the world has none."""
        return Reply.of_json([
            {"id": one.id, "name": one.name, "description": "", "count": len(one.members),
             "is_visible": 1, "created": "2026-01-01 00:00:00", "project_id": PROJECT_ID,
             "data_group_id": None}
            for one in self._project.cohorts
        ])  # fmt: skip

    def schemas(self, call: Call) -> Reply:
        if call.params["project"] != str(PROJECT_ID):
            return app_error("project not found", 404)
        entity, name = call.params.get("entity"), call.params.get("name")
        found = [
            s for s in self._project.schemas
            if entity in (None, s["entityType"]) and name in (None, s["name"])
        ]  # fmt: skip
        if name is not None and not found:
            return app_error(f"no schema for {entity} {name}", 404)
        return Reply.of_json({"results": found, "status": "ok"})
