"""Mixpanel as the application sees it: four families of hosts, service accounts, shared limits."""

from __future__ import annotations

import base64
from collections import Counter
from typing import TYPE_CHECKING

from sandbox.core.http import Call, JsonDict, Reply, Router
from sandbox.core.limits import Window
from sandbox.mixpanel.errors import app_error, asked
from sandbox.mixpanel.project import PROJECT_ID, Project, Settings
from sandbox.mixpanel.routes import routes

if TYPE_CHECKING:
    from sandbox.core.clock import Clock
    from sandbox.core.faults import Fault, Faults

USERNAME = "gatepost.sandbox.4711"
SECRET = "sandbox-service-account-secret"  # noqa: S105 - everybody's, on loopback
PROJECT_SECRET = "sandbox-project-secret"  # noqa: S105 - everybody's, on loopback
PROJECT_TOKEN = "sandbox-project-token"  # noqa: S105 - everybody's, on loopback
_EXPORT = frozenset({"export"})
_INGEST = frozenset({"import", "profile_update", "group_update"})
_APP = frozenset({"me", "schemas"})
_HELP = (
    "https://help.mixpanel.com/hc/en-us/articles/115004602563-Rate-Limits-for-Export-API-Endpoints"
)


class Mixpanel:
    """One project in one region."""

    name: str = "mixpanel"
    hosts: tuple[str, ...] = ("mixpanel.com",)
    prefixes: tuple[str, ...] = ("/api/", "/import", "/engage", "/groups", "/track")

    def __init__(self, clock: Clock, faults: Faults) -> None:
        del faults  # asked for through each call
        self.settings = Settings()
        self.clock = clock
        self.project = Project(clock)
        self._hour = {"export": Window(60, 3600), "query": Window(60, 3600)}
        self._second = Window(3, 1)
        self._minute = Window(5, 60)
        self._running: Counter[str] = Counter()
        self.router = Router(routes(self.project, lambda: self.settings))

    # -- the pipeline

    def enter(self, call: Call) -> Reply | None:
        if call.route == "unknown":
            return None
        refused = self._login(call)
        if refused is not None:
            return refused
        if call.take("load_shed"):
            project = call.one("project_id", str(PROJECT_ID))
            text = (
                f"Query rate limit exceeded for project_id: {project} "
                "For more information, please consult our documentation"
            )
            return Reply.of_json({"error": text}, 429)
        if call.route in _APP:
            return self._app_limited(call)
        if call.route in _INGEST:
            return None
        if call.route not in _EXPORT and not self.settings.query_api:
            return self._without_plan(call)
        return self._limited(call)

    def _login(self, call: Call) -> Reply | None:
        if not self._right_region(call):
            return self._unauthorized(call)
        scheme, _, coded = call.headers.get("authorization", "").partition(" ")
        pair = coded if ":" in coded else _decoded(coded)
        user, _, password = pair.partition(":")
        if scheme.lower() != "basic" or call.take("expired"):
            return self._unauthorized(call)
        if user == PROJECT_SECRET and not password and call.route not in _APP:
            call.notes["deprecated_login"] = True
            return None
        if user == PROJECT_TOKEN and not password and call.route in _INGEST:
            return None
        if (user, password) != (USERNAME, SECRET) or self.settings.account_expired:
            return self._unauthorized(call)
        return self._project_problem(call)

    def _right_region(self, call: Call) -> bool:
        """Each region has hosts of its own, and knows nobody of another."""
        if not call.host.endswith("mixpanel.com"):
            return True
        first = call.host.removesuffix("mixpanel.com").strip(".")
        region = next((r for r in ("eu", "in") if first == r or first.endswith(f"-{r}")), "us")
        return region == self.settings.region

    def _project_problem(self, call: Call) -> Reply | None:
        if call.route in _APP or call.route in ("profile_update", "group_update"):
            return None
        project = call.one("project_id") or call.form().get("project_id", "")
        if not project:
            if call.route == "import":
                return _import_refused(
                    401,
                    "Unauthorized, invalid project secret. See docs for more information",
                    "Unauthorized",
                )
            return Reply.of_json(
                {
                    "request": asked(call),
                    "error": "Unable to authenticate request: project_id is required",
                },
                400,
            )
        if project != str(PROJECT_ID):
            return app_error(f"User is not a member of project {project}", 403)
        return None

    def _unauthorized(self, call: Call) -> Reply:
        if call.route == "import":
            return _import_refused(401, "Invalid credentials", "Unauthorized")
        if call.route in _APP:
            return app_error("Unauthorized", 401)
        body = {"request": asked(call), "error": "Unable to authenticate request"}
        return Reply.of_json(body, self.settings.auth_status)

    def _app_limited(self, call: Call) -> Reply | None:
        self._minute.limit = self.settings.schemas_per_minute
        if call.route == "schemas" and not self._minute.take(self.clock.elapsed()):
            return app_error("Rate limit exceeded: 5 requests per minute", 429)
        return None

    def _without_plan(self, call: Call) -> Reply:
        said = "Your plan does not allow API calls. Upgrade at mixpanel.com/pricing"
        return Reply.of_json({"request": asked(call), "error": said}, 402)

    def _limited(self, call: Call) -> Reply | None:
        """Counts a request in; `finish` counts it out. Pages of a running session are free."""
        family = "export" if call.route in _EXPORT else "query"
        settings, now = self.settings, self.clock.elapsed()
        most_running = settings.concurrent if family == "export" else settings.query_concurrent
        hour = self._hour[family]
        hour.limit = settings.hourly if family == "export" else settings.query_hourly
        if self._running[family] >= most_running:
            return self._too_many(
                call,
                family,
                f"concurrency limit ({most_running + 1}/{most_running} "
                "queries running concurrently)",
            )
        paged = call.route == "engage" and (call.one("session_id") or call.form().get("session_id"))
        if not paged:
            self._second.limit = settings.per_second
            if family == "export" and not self._second.take(now):
                return self._too_many(
                    call,
                    family,
                    f"rate limit ({settings.per_second + 1}/{settings.per_second} "
                    "queries in the last second)",
                    wait=1,
                )
            if not hour.take(now):
                return self._too_many(
                    call,
                    family,
                    f"rate limit ({hour.limit + 1}/{hour.limit} queries running in the last hour)",
                    wait=hour.wait(now),
                )
        self._running[family] += 1
        call.notes["counted_in"] = family
        return None

    def _too_many(self, call: Call, family: str, why: str, wait: float | None = None) -> Reply:
        hour, now = self._hour[family], self.clock.elapsed()
        project = call.one("project_id", str(PROJECT_ID))
        running = self.settings.concurrent if family == "export" else self.settings.query_concurrent
        body = {
            "request": asked(call),
            "error": f"Query rate limit exceeded for project_id: {project}. This request exceeded "
            f"the {why}. For more information, please consult our documentation at {_HELP}",
        }
        headers = {
            "ratelimit-policy": f'"project";q={hour.limit};w=3600, '
            f'"project-concurrency";q={running};qu="concurrent-requests"',
        }
        free = max(running - self._running[family], 0)
        seconds = None if wait is None else max(round(wait + 0.5), 1)
        left = [f'"project";r={hour.remaining(now)}', f'"project-concurrency";r={free}']
        if seconds is not None:
            headers["retry-after"] = str(seconds)
            left[0] += f";t={seconds}"
        elif not free:
            left[1] += ";t=10"
        headers["ratelimit"] = ", ".join(left)
        return Reply.of_json(body, 429, headers)

    def leave(self, call: Call, reply: Reply) -> None:
        """Nothing that a client could build on."""

    def finish(self, call: Call) -> None:
        family = call.notes.pop("counted_in", None)
        if family is not None:
            self._running[family] -= 1

    def busy(self, family: str) -> int:
        """How many requests of a family (export, query) run at this moment."""
        return self._running[family]

    def not_found(self, call: Call) -> Reply:
        return app_error(f"Not found: {call.path}", 404)

    def not_allowed(self, call: Call, allowed: set[str]) -> Reply:
        return app_error(f"Method {call.method} not allowed", 405)

    def bad_body(self, call: Call, why: str) -> Reply:
        if call.route == "import":
            return _import_refused(400, f"request body is not valid: {why}", "Bad Request")
        return Reply.of_json({"request": asked(call), "error": why}, 400)

    def refusal(self, call: Call, status: int, fault: Fault) -> Reply:
        match status:
            case 429 if call.route == "import":
                return _import_refused(
                    429,
                    "Project exceeded rate limits. "
                    "Please retry the request with exponential backoff.",
                    "Too Many Requests",
                )
            case 429:
                family = "export" if call.route in _EXPORT else "query"
                return self._too_many(
                    call, family, "rate limit (61/60 queries running in the last hour)"
                )
            case 400:
                return Reply.of_json({"request": asked(call), "error": "Timeout Error."}, 400)
            case 401:
                return self._unauthorized(call)
            case 402:
                return self._without_plan(call)
            case 403:
                return app_error("You do not have permission to access this project", 403)
            case 404:
                return self.not_found(call)
            case 500:
                return Reply.of_json({"request": asked(call), "error": "unknown error"}, 500)
            case _:
                return Reply.of_text(f"<html><title>{status}</title></html>", status, "text/html")

    # -- for people and tests

    def credentials(self, base_url: str) -> JsonDict:
        return {
            "url": base_url, "project_id": PROJECT_ID, "username": USERNAME, "secret": SECRET,
            "project_token": PROJECT_TOKEN,
            "project_secret": PROJECT_SECRET, "region": self.settings.region,
        }  # fmt: skip

    def records(self, kind: str) -> list[JsonDict]:
        stores = {"profiles": self.project.profiles, "groups": self.project.groups}
        if kind == "imported":
            return [event for _, event in self.project.imported]
        return [{"$distinct_id": p.id, **p.properties} for p in stores[kind].values()]

    def edit(self, kind: str, record_id: str, values: JsonDict) -> None:
        {"profiles": self.project.profiles, "groups": self.project.groups}[kind][
            record_id
        ].properties.update(values)

    def switched_on(self, fault: Fault) -> None:
        """Nothing here changes at once."""


def _decoded(coded: str) -> str:
    try:
        return base64.urlsafe_b64decode(coded).decode()
    except ValueError:
        return ""


def _import_refused(code: int, message: str, status: str) -> Reply:
    return Reply.of_json({"code": code, "error": message, "status": status}, code)
