"""Salesforce as the application sees it: routes, login, limits, and its words for bad days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from sandbox.core.http import Call, Handler, JsonDict, Reply, Route, Router
from sandbox.salesforce.about import FIRST_VERSION, LAST_VERSION, VERSION, About
from sandbox.salesforce.auth import CLIENT_ID, CLIENT_SECRET, PASSWORD, SECURITY_TOKEN, Login
from sandbox.salesforce.bulk_ingest import Ingest
from sandbox.salesforce.bulk_query import BulkQueries
from sandbox.salesforce.collections import Collections
from sandbox.salesforce.composite import Composite
from sandbox.salesforce.derive import derived
from sandbox.salesforce.describe import Describe
from sandbox.salesforce.errors import ApiError, error
from sandbox.salesforce.history import keep_history
from sandbox.salesforce.org import PERSON, USERNAME, Org, Settings
from sandbox.salesforce.permissions import OBJECTS, Permissions
from sandbox.salesforce.query import Queries
from sandbox.salesforce.removal import remove
from sandbox.salesforce.rows import Rows
from sandbox.salesforce.tooling import Tooling
from sandbox.salesforce.values import from_json, to_json

if TYPE_CHECKING:
    from sandbox.core.clock import Clock
    from sandbox.core.faults import Fault, Faults

_DATA = "/services/data/v{version}"
_MOST_URI_AND_HEADERS = 16_384
_OPEN_ROUTES = frozenset({"token", "soap_login", "versions"})
_CODES = {
    401: ("INVALID_SESSION_ID", "Session expired or invalid"),
    403: ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    404: ("NOT_FOUND", "The requested resource does not exist"),
    429: ("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."),
    500: ("UNKNOWN_EXCEPTION", "An unexpected error occurred. ErrorId: 1234567-89 (123456)"),
    503: ("SERVER_UNAVAILABLE", "The server is temporarily unavailable"),
}  # fmt: skip


class Salesforce:
    """One org behind My Domain `acme.my.salesforce.com`."""

    name: str = "salesforce"
    hosts: tuple[str, ...] = ("salesforce.com", "force.com")
    prefixes: tuple[str, ...] = ("/services", "/id/")

    def __init__(self, clock: Clock, faults: Faults) -> None:
        self.settings = Settings()
        self.clock = clock
        self.org = Org(clock, faults)
        self.login = Login(self.org, lambda: self.settings)
        self.about = About(self.org, lambda: self.settings)
        self.ingest = Ingest(self.org, lambda: self.settings)
        self.router = Router(self._routes())

    def _routes(self) -> list[Route]:
        return [
            *self._outer_routes(), *self._tooling_routes(), *self._row_routes(), *self._job_routes()
        ]  # fmt: skip

    def _outer_routes(self) -> list[Route]:
        queries, describe = Queries(self.org, lambda: self.settings), Describe(self.org)
        return [
            _route("token", "POST", "/services/oauth2/token", self.login.token),
            _route("userinfo", "GET", "/services/oauth2/userinfo", self.about.user_info),
            _route("userinfo", "POST", "/services/oauth2/userinfo", self.about.user_info),
            _route("identity", "GET", "/id/{org}/{user}", self.about.identity),
            _route("soap_login", "POST", "/services/Soap/u/{version}", self.login.soap),
            _route("versions", "GET", "/services/data", self.about.versions),
            _route("resources", "GET", _DATA, self.about.resources),
            _route("limits", "GET", f"{_DATA}/limits", self.about.limits),
            _route("record_count", "GET", f"{_DATA}/limits/recordCount", self.about.record_count,
                   "sObjects"),
            _route("query", "GET", f"{_DATA}/query", queries.query, "q", "columns"),
            _route("query_all", "GET", f"{_DATA}/queryAll", queries.query_all, "q", "columns"),
            _route("query_more", "GET", f"{_DATA}/query/{{locator}}", queries.more),
            _route("query_more", "GET", f"{_DATA}/queryAll/{{locator}}", queries.more),
            _route("describe_global", "GET", f"{_DATA}/sobjects", describe.everything),
            _route("object", "GET", f"{_DATA}/sobjects/{{object}}", describe.basic),
            _route("describe", "GET", f"{_DATA}/sobjects/{{object}}/describe", describe.full),
        ]  # fmt: skip

    def _row_routes(self) -> list[Route]:
        rows, collections = Rows(self.org), Collections(self.org)
        composite = Composite(self.dispatch)
        one, many = f"{_DATA}/sobjects/{{object}}", f"{_DATA}/composite/sobjects"
        return [
            _route("updated", "GET", f"{one}/updated", rows.updated, "start", "end"),
            _route("deleted", "GET", f"{one}/deleted", rows.deleted, "start", "end"),
            _route("row_create", "POST", one, rows.create),
            _route("row_get", "GET", f"{one}/{{id}}", rows.get, "fields"),
            _route("row_update", "PATCH", f"{one}/{{id}}", rows.update),
            _route("row_delete", "DELETE", f"{one}/{{id}}", rows.delete),
            _route("row_upsert", "PATCH", f"{one}/{{key}}/{{value}}", rows.upsert),
            _route("collections_update", "PATCH", many, collections.update),
            _route("collections_create", "POST", many, collections.create),
            _route("collections_delete", "DELETE", many, collections.delete, "ids", "allOrNone"),
            _route("collections_retrieve", "GET", f"{many}/{{object}}", collections.retrieve_get,
                   "ids", "fields"),
            _route("collections_retrieve", "POST", f"{many}/{{object}}", collections.retrieve_post),
            _route("collections_upsert", "PATCH", f"{many}/{{object}}/{{key}}", collections.upsert),
            _route("composite", "POST", f"{_DATA}/composite", composite.run),
        ]  # fmt: skip

    def _job_routes(self) -> list[Route]:
        ingest = self.ingest
        queries = BulkQueries(self.org, lambda: self.settings)
        jobs, asked = f"{_DATA}/jobs/ingest", f"{_DATA}/jobs/query"
        job, query = f"{jobs}/{{job}}", f"{asked}/{{job}}"
        page = ("maxRecords", "locator")
        return [
            _route("ingest_create", "POST", jobs, ingest.create),
            _route("ingest_list", "GET", jobs, ingest.listed, "isPkChunkingEnabled", "jobType",
                   "queryLocator"),
            _route("ingest_upload", "PUT", f"{job}/batches", ingest.upload),
            _route("ingest_change", "PATCH", job, ingest.change),
            _route("ingest_get", "GET", job, ingest.get),
            _route("ingest_delete", "DELETE", job, ingest.delete),
            _route("ingest_successful", "GET", f"{job}/successfulResults", ingest.successful),
            _route("ingest_failed", "GET", f"{job}/failedResults", ingest.failures),
            _route("ingest_unprocessed", "GET", f"{job}/unprocessedrecords", ingest.unprocessed),
            _route("ingest_unprocessed", "GET", f"{job}/unprocessedRecords", ingest.unprocessed),
            _route("bulk_query_create", "POST", asked, queries.create),
            _route("bulk_query_list", "GET", asked, queries.listed, "jobType", "queryLocator"),
            _route("bulk_query_get", "GET", query, queries.get),
            _route("bulk_query_change", "PATCH", query, queries.change),
            _route("bulk_query_delete", "DELETE", query, queries.delete),
            _route("bulk_query_results", "GET", f"{query}/results", queries.results, *page),
            _route("bulk_query_pages", "GET", f"{query}/resultPages", queries.result_pages, *page),
        ]  # fmt: skip

    def _tooling_routes(self) -> list[Route]:
        tooling = Tooling(self.org, lambda: self.settings)
        granting = Permissions(self.org, Rows(self.org), tooling, lambda: self.settings)
        fields = f"{_DATA}/tooling/sobjects/CustomField"
        return [
            *(_route("permission_create", "POST", f"{_DATA}/sobjects/{name}", granting.create)
              for name in OBJECTS),
            _route("permission_update", "PATCH", f"{_DATA}/sobjects/FieldPermissions/{{id}}",
                   granting.update),
            _route("tooling_create", "POST", fields, tooling.create),
            _route("tooling_get", "GET", f"{fields}/{{id}}", tooling.get),
            _route("tooling_update", "PATCH", f"{fields}/{{id}}", tooling.update),
            _route("tooling_query", "GET", f"{_DATA}/tooling/query", tooling.query, "q"),
        ]  # fmt: skip

    # -- the pipeline

    def enter(self, call: Call) -> Reply | None:
        if _size(call) > _MOST_URI_AND_HEADERS:
            return Reply.of_text(
                "<h1>Bad Message 414</h1><pre>reason: URI Too Long</pre>", 414, "text/html"
            )
        if call.route in _OPEN_ROUTES:
            return None
        if call.take("expired"):
            self.login.end_session(call)
        user = self.login.user_of(call)
        if user is None:
            return error(*_CODES[401], 401)
        call.user = user
        version = call.params.get("version", VERSION)
        if not _known_version(version):
            return error("NOT_FOUND", "The requested resource does not exist", 404)
        if float(version) < FIRST_VERSION:
            return error("UNSUPPORTED_API_VERSION", "This API version is retired", 410)
        self.ingest.work(call)
        spent = self.about.spent()
        return error("REQUEST_LIMIT_EXCEEDED", spent, 403) if spent else None

    def leave(self, call: Call, reply: Reply) -> None:
        if call.route not in _OPEN_ROUTES:
            reply.headers.setdefault("sforce-limit-info", self.about.limit_info())
        reply.headers.setdefault(
            "cache-control", "no-cache,must-revalidate,max-age=0,no-store,private"
        )
        reply.headers.setdefault("server", "sfdcedge")

    def finish(self, call: Call) -> None:
        """Nothing is counted while a request runs."""

    def dispatch(self, call: Call) -> Reply:
        """A request inside a composite one: counted once, with the outer."""
        found = self.router.find(call)
        if isinstance(found, Route):
            try:
                return found.handler(call)
            except ApiError as wrong:
                return wrong.reply()
        return self.not_found(call)

    def not_found(self, call: Call) -> Reply:
        return error(*_CODES[404], 404)

    def not_allowed(self, call: Call, allowed: set[str]) -> Reply:
        text = f"HTTP Method '{call.method}' not allowed. Allowed are {','.join(sorted(allowed))}"
        return error("METHOD_NOT_ALLOWED", text, 405)

    def bad_body(self, call: Call, why: str) -> Reply:
        return error("JSON_PARSER_ERROR", f"{why} at [line:1, column:1]")

    def refusal(self, call: Call, status: int, fault: Fault) -> Reply:
        code, message = _CODES.get(status, ("UNKNOWN_EXCEPTION", f"status {status}"))
        shown = error(str(fault.get("code", code)), str(fault.get("message", message)), status)
        if status == 420:
            return Reply.of_text(
                "<html><body>We are setting up this page</body></html>", 420, "text/html"
            )
        return shown

    # -- for people and tests

    def credentials(self, base_url: str) -> JsonDict:
        return {
            "url": base_url, "version": VERSION, "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET, "username": USERNAME, "password": PASSWORD,
            "security_token": SECURITY_TOKEN, "private_key": self.login.private_key(),
            "refresh_token": self.login.new_refresh_token(), "token": self.login.new_session(),
        }  # fmt: skip

    def records(self, kind: str) -> list[JsonDict]:
        obj = self.org.objects[kind]
        return [
            {name: to_json(self.org.calculated(obj, row.now, name)) for name in obj.fields}
            for row in obj.rows.values()
        ]

    def edit(self, kind: str, record_id: str, values: JsonDict) -> None:
        obj = self.org.objects[kind]
        before = obj.rows[record_id].now
        if "IsDeleted" in values:
            remove(self.org, obj, record_id, values, PERSON)
            return
        changes: dict[str, Any] = {n: from_json(obj.fields[n], v) for n, v in values.items()}
        extra = derived(obj.name, {**before, **changes}, self.org.now())
        self.org.touch(obj, record_id, {**changes, **extra}, PERSON)
        keep_history(self.org, obj, before, changes, PERSON)

    def switched_on(self, fault: Fault) -> None:
        """For `same_millisecond`, `records` of an object get one stamp, as after an import."""
        if fault.kind != "same_millisecond":
            return
        obj = self.org.objects[str(fault.get("object", "Account"))]
        at = self.org.now()
        for record_id in list(obj.rows)[: int(fault.get("records", 10_000))]:
            self.org.touch(obj, record_id, {}, PERSON, at)


def _size(call: Call) -> int:
    """Bytes of the address as it travels, and of all headers."""
    address = len(quote(call.path)) + 1 + len(urlencode(call.query, doseq=True))
    return address + sum(len(name) + len(value) + 4 for name, value in call.headers.items())


def _known_version(version: str) -> bool:
    number, dot, minor = version.partition(".")
    return number.isdigit() and dot == "." and minor == "0" and int(number) <= LAST_VERSION


def _route(name: str, method: str, pattern: str, handler: Handler, *known: str) -> Route:
    def guarded(call: Call) -> Reply:
        try:
            return handler(call)
        except ApiError as wrong:
            return wrong.reply()

    return Route(name, method, pattern, guarded, frozenset(known))
