"""The routes of Mixpanel's four families of hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.core.http import Call, Handler, Reply, Route
from sandbox.mixpanel.discovery import Discovery
from sandbox.mixpanel.engage import Engage
from sandbox.mixpanel.errors import ApiError
from sandbox.mixpanel.export import PARAMETERS, Export
from sandbox.mixpanel.importing import Import

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.mixpanel.project import Project, Settings


def routes(project: Project, settings: Callable[[], Settings]) -> list[Route]:
    """Query calls are there twice: under /api/query and under the older /api/2.0."""
    found = Discovery(project, settings)
    engage = Engage(project, settings)
    schemas = "/api/app/projects/{project}/schemas"
    made = [
        _route("export", "GET", "/api/2.0/export", Export(project, settings).run, *PARAMETERS),
        _route(
            "import",
            "POST",
            "/import",
            Import(project, settings).run,
            "strict",
            "project_id",
        ),
        _route("profile_update", "POST", "/engage", engage.update, "verbose"),
        _route("group_update", "POST", "/groups", engage.update_groups, "verbose"),
        _route("me", "GET", "/api/app/me", found.me),
        _route("schemas", "GET", schemas, found.schemas),
        _route("schemas", "GET", f"{schemas}/{{entity}}", found.schemas),
        _route("schemas", "GET", f"{schemas}/{{entity}}/{{name}}", found.schemas),
    ]
    for base in ("/api/query", "/api/2.0"):  # the second is an older alias
        known = ("project_id", "workspace_id")
        asked_for = ("where", "page", "session_id", "page_size", "distinct_id", "distinct_ids",
                     "data_group_id", "output_properties", "filter_by_cohort",
                     "include_all_users")  # fmt: skip
        made += [
            _route("engage", "POST", f"{base}/engage", engage.query, *known, "verbose"),
            _route("engage", "GET", f"{base}/engage", engage.query, *known, *asked_for),
            _route("engage_properties", "GET", f"{base}/engage/properties",
                   engage.property_names, *known, "limit"),
            _route("event_names", "GET", f"{base}/events/names", found.names, *known,
                   "type", "limit"),
            _route("event_counts", "GET", f"{base}/events", found.counts, *known,
                   "event", "type", "unit", "from_date", "to_date"),
            _route("event_top", "GET", f"{base}/events/top", found.top, *known,
                   "type", "limit"),
            _route("property_top", "GET", f"{base}/events/properties/top", found.properties_top,
                   *known, "event", "limit"),
            _route("property_values", "GET", f"{base}/events/properties/values",
                   found.property_values, *known, "event", "name", "limit"),
            _route("cohorts", "POST", f"{base}/cohorts/list", found.cohorts, *known),
            _route("cohorts", "GET", f"{base}/cohorts/list", found.cohorts, *known),
        ]  # fmt: skip
    return made


def _route(name: str, method: str, pattern: str, handler: Handler, *known: str) -> Route:
    def guarded(call: Call) -> Reply:
        try:
            return handler(call)
        except ApiError as wrong:
            return wrong.reply(call)

    return Route(name, method, pattern, guarded, frozenset(known))
