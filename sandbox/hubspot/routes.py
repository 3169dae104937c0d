"""The routes of HubSpot's two families of paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.core.http import Call, Handler, Reply, Route
from sandbox.hubspot.batch import Batches
from sandbox.hubspot.errors import ApiError
from sandbox.hubspot.limits import Limits
from sandbox.hubspot.objects import Objects
from sandbox.hubspot.schema import Schema
from sandbox.hubspot.search import Search

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.hubspot.around import Around
    from sandbox.hubspot.portal import Portal, Settings

_LIST = (
    "limit",
    "after",
    "properties",
    "propertiesWithHistory",
    "associations",
    "archived",
    "idProperty",
)


class Routes:
    """One store behind v3/v4 paths and behind date versions."""

    def __init__(self, portal: Portal, around: Around, settings: Callable[[], Settings]) -> None:
        self._portal = portal
        self._around = around
        self._settings = settings

    def all(self) -> list[Route]:
        routes: list[Route] = []
        for objects, properties, pipelines, owners, account in self._families():
            routes += self._object_routes(objects) + self._schema_routes(properties, pipelines)
            routes += self._other_routes(owners, account)
        return routes + self._association_routes() + self._limit_routes()

    def _families(self) -> list[tuple[str, str, str, str, str]]:
        dated = "{date}"
        return [
            ("/crm/v3/objects", "/crm/v3/properties", "/crm/v3/pipelines", "/crm/v3/owners",
             "/account-info/v3"),
            (f"/crm/objects/{dated}", f"/crm/properties/{dated}", f"/crm/pipelines/{dated}",
             f"/crm/owners/{dated}", f"/account-info/{dated}"),
        ]  # fmt: skip

    def _object_routes(self, base: str) -> list[Route]:
        settings = self._settings
        objects, batch = Objects(self._portal, settings), Batches(self._portal, settings)
        search = Search(self._portal, settings)
        one, many = f"{base}/{{type}}/{{id}}", f"{base}/{{type}}"
        return [
            _route("search", "POST", f"{many}/search", search.run),
            _route("batch_read", "POST", f"{many}/batch/read", batch.read, "archived"),
            _route("batch_update", "POST", f"{many}/batch/update", batch.update),
            _route("batch_upsert", "POST", f"{many}/batch/upsert", batch.upsert),
            _route("batch_create", "POST", f"{many}/batch/create", batch.create),
            _route("batch_archive", "POST", f"{many}/batch/archive", batch.archive),
            _route("merge", "POST", f"{many}/merge", objects.merge),
            _route("list", "GET", many, objects.listed, *_LIST),
            _route("create", "POST", many, objects.create),
            _route("get", "GET", one, objects.get, *_LIST),
            _route("update", "PATCH", one, objects.update, "idProperty"),
            _route("archive", "DELETE", one, objects.archive),
        ]

    def _schema_routes(self, base: str, pipelines: str) -> list[Route]:
        schema = Schema(self._portal)
        many, one, groups = (
            f"{base}/{{type}}",
            f"{base}/{{type}}/{{name}}",
            f"{base}/{{type}}/groups",
        )
        return [
            _route("groups", "GET", groups, schema.groups),
            _route("group_create", "POST", groups, schema.create_group),
            _route("group", "GET", f"{groups}/{{name}}", schema.group),
            _route("properties_batch_read", "POST", f"{many}/batch/read", schema.batch_read),
            _route("properties_batch_create", "POST", f"{many}/batch/create", schema.batch_create),
            _route(
                "properties",
                "GET",
                many,
                schema.listed,
                "archived",
                "properties",
                "dataSensitivity",
            ),
            _route("property_create", "POST", many, schema.create),
            _route("property", "GET", one, schema.get, "archived", "properties", "dataSensitivity"),
            _route("property_update", "PATCH", one, schema.update),
            _route("property_archive", "DELETE", one, schema.archive),
            _route("pipelines", "GET", f"{pipelines}/{{type}}", schema.pipelines),
        ]

    def _other_routes(self, owners: str, account: str) -> list[Route]:
        around = self._around
        return [
            _route("owners", "GET", owners, around.owners, "limit", "after", "archived", "email"),
            _route("owner", "GET", f"{owners}/{{id}}", around.owner, "idProperty", "archived"),
            _route("account", "GET", f"{account}/details", around.details),
            _route("usage", "GET", f"{account}/api-usage/daily/private-apps", around.usage),
        ]

    def _limit_routes(self) -> list[Route]:
        limits = Limits(self._portal, self._settings)
        return [
            _route("limits", "GET", f"{base}/{path}", handler)
            for base in ("/crm/v3/limits", "/crm/limits/{date}")
            for path, handler in (
                ("records", limits.records),
                ("custom-properties", limits.custom_properties),
                ("calculated-properties", limits.calculated_properties),
                ("custom-object-types", limits.custom_object_types),
            )
        ]

    def _association_routes(self) -> list[Route]:
        around, schema = self._around, Schema(self._portal)
        found = [
            _route("token", "POST", "/oauth/v1/token", around.token),
            _route("token", "POST", "/oauth/{date}/token", around.token),
            _route("schemas", "GET", "/crm/v3/schemas", schema.schemas, "archived"),
            _route("schemas", "GET", "/crm-object-schemas/v3/schemas", schema.schemas, "archived"),
            _route("schemas", "GET", "/crm-object-schemas/{date}/schemas", schema.schemas,
                   "archived"),
            _route("associations_of_one", "GET",
                   "/crm/v4/objects/{type}/{id}/associations/{to}", around.links_of_one,
                   "limit", "after"),
        ]  # fmt: skip
        for base in ("/crm/v4/associations", "/crm/associations/{date}"):
            pair = f"{base}/{{type}}/{{to}}"
            found += [
                _route("associations", "POST", f"{pair}/batch/read", around.links),
                _route("association_labels", "GET", f"{pair}/labels", around.labels),
            ]
        return found


def _route(name: str, method: str, pattern: str, handler: Handler, *known: str) -> Route:
    def guarded(call: Call) -> Reply:
        try:
            return handler(call)
        except ApiError as wrong:
            return wrong.reply()

    return Route(name, method, pattern, guarded, frozenset(known))
