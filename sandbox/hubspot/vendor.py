"""HubSpot as the application sees it: two families of paths, tokens, three kinds of limits."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sandbox.core.http import Call, JsonDict, Reply, Router
from sandbox.core.limits import Window
from sandbox.hubspot.around import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, TOKEN, Around
from sandbox.hubspot.errors import ApiError, correlation_id, error, error_body
from sandbox.hubspot.portal import Portal, Settings
from sandbox.hubspot.properties import to_stored
from sandbox.hubspot.routes import Routes
from sandbox.hubspot.scopes import scope_of
from sandbox.hubspot.show import DATE_VERSIONS
from sandbox.hubspot.types import all_types

if TYPE_CHECKING:
    from sandbox.core.clock import Clock
    from sandbox.core.faults import Fault, Faults

_MOST_URL = 15_000


class HubSpot:
    """One portal with a private app."""

    name: str = "hubspot"
    hosts: tuple[str, ...] = ("hubapi.com", "hubspot.com")
    prefixes: tuple[str, ...] = ("/crm", "/oauth", "/account-info", "/crm-object-schemas",
                "/properties", "/companies",
                "/contacts", "/deals", "/owners", "/engagements", "/integrations")  # fmt: skip

    def __init__(self, clock: Clock, faults: Faults) -> None:
        self.settings = Settings()
        self.clock = clock
        self.portal = Portal(clock, faults, all_types())
        self._around = Around(self.portal, lambda: self.settings)
        self._around.calls_today = self._used_today
        self._burst = Window(self.settings.burst, 10)
        self._oauth_burst = Window(self.settings.oauth_burst, 10)
        self._search = Window(self.settings.search_per_second, 1)
        self._day: tuple[str, int] = ("", 0)
        self.router = Router(Routes(self.portal, self._around, lambda: self.settings).all())

    # -- the pipeline

    def enter(self, call: Call) -> Reply | None:
        if call.params.get("date", DATE_VERSIONS[-1]) not in DATE_VERSIONS:
            return self.not_found(call)
        if (
            len(call.path) + sum(len(v) for values in call.query.values() for v in values)
            > _MOST_URL
        ):
            return Reply.of_text(
                "<html><h1>414 Request-URI Too Large</h1></html>", 414, "text/html"
            )
        if call.route == "token":
            return None
        refused = self._login(call)
        return refused if refused is not None else self._limited(call)

    def _login(self, call: Call) -> Reply | None:
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        ends = self._around.tokens.get(token)
        if ends is not None and (self.clock.elapsed() > ends or call.take("expired")):
            self._around.tokens[token] = -1.0
            return self._expired()
        if token == TOKEN and call.take("expired"):
            return self._expired()
        if token != TOKEN and ends is None:
            if token and not token.startswith(("pat-", "CJ")):
                return Reply.of_text("error code: 1016", 530)
            text = "Authentication credentials not found. This API supports OAuth 2.0."
            return error(401, "INVALID_AUTHENTICATION", text)
        return self._scoped(call)

    def _expired(self) -> Reply:
        text = "The OAuth token used to make this call expired 12 second(s) ago."
        return error(401, "EXPIRED_AUTHENTICATION", text)

    def _scoped(self, call: Call) -> Reply | None:
        kind = call.params.get("type")
        if kind is None or not self.settings.missing_scopes:
            return None
        try:
            scope = scope_of(self.portal.type_of(kind), call.route)
        except ApiError:
            return None  # its own route will say so
        if scope not in self.settings.missing_scopes:
            return None
        text = "This app hasn't been granted all required scopes to make this call."
        return error(403, "MISSING_SCOPES", text, errors=[
            {"message": "One or more of the following scopes are required.",
             "context": {"requiredGranularScopes": [scope]}}
        ])  # fmt: skip

    def _limited(self, call: Call) -> Reply | None:
        now, oauth = self.clock.elapsed(), self._is_oauth(call)
        if not oauth and self._used_today() >= self.settings.daily:
            return _too_many("DAILY")
        if call.route == "search":
            self._search.limit = self.settings.search_per_second
            if not self._search.take(now):
                return _too_many("SECONDLY")
        window = self._window(call)
        if not window.take(now):
            return _too_many("TEN_SECONDLY_ROLLING")
        if not oauth:
            self.spend(1)
        return None

    def _is_oauth(self, call: Call) -> bool:
        return call.headers.get("authorization", "").removeprefix("Bearer ") in self._around.tokens

    def _window(self, call: Call) -> Window:
        self._burst.limit, self._oauth_burst.limit = self.settings.burst, self.settings.oauth_burst
        return self._oauth_burst if self._is_oauth(call) else self._burst

    def _today(self) -> str:
        here = self.clock.now().astimezone(ZoneInfo(self.settings.time_zone))
        return here.date().isoformat()

    def _used_today(self) -> int:
        return self._day[1] if self._day[0] == self._today() else 0

    def spend(self, calls: int) -> None:
        """Count calls of private apps into the day; tests use it for those of somebody else."""
        self._day = (self._today(), self._used_today() + calls)

    def leave(self, call: Call, reply: Reply) -> None:
        reply.headers.setdefault("x-hubspot-correlation-id", correlation_id())
        if call.route in ("search", "token"):
            return
        now, window = self.clock.elapsed(), self._window(call)
        reply.headers.update({
            "x-hubspot-ratelimit-interval-milliseconds": "10000",
            "x-hubspot-ratelimit-max": str(window.limit),
            "x-hubspot-ratelimit-remaining": str(window.remaining(now)),
            "x-hubspot-ratelimit-secondly": str(window.limit // 10),
            "x-hubspot-ratelimit-secondly-remaining": str(window.limit // 10 - 1),
        })  # fmt: skip
        if not self._is_oauth(call):
            daily = self.settings.daily
            reply.headers.update({
                "x-hubspot-ratelimit-daily": str(daily),
                "x-hubspot-ratelimit-daily-remaining": str(max(daily - self._used_today(), 0)),
            })  # fmt: skip

    def finish(self, call: Call) -> None:
        """Nothing is counted while a request runs."""

    def not_found(self, call: Call) -> Reply:
        return error(404, "OBJECT_NOT_FOUND", "resource not found")

    def not_allowed(self, call: Call, allowed: set[str]) -> Reply:
        return error(405, "VALIDATION_ERROR", f"Method {call.method} is not allowed here")

    def bad_body(self, call: Call, why: str) -> Reply:
        return error(400, "VALIDATION_ERROR", f"Invalid input JSON on line 1, column 1: {why}")

    def refusal(self, call: Call, status: int, fault: Fault) -> Reply:
        match status:
            case 429:
                return _too_many(
                    str(
                        fault.get(
                            "policy",
                            "SECONDLY" if call.route == "search" else "TEN_SECONDLY_ROLLING",
                        )
                    )
                )
            case 423:
                return error(423, "LOCKED", "This resource is locked by a large sync")
            case 477:
                return error(
                    477,
                    "MIGRATION_IN_PROGRESS",
                    "Migration in progress and the portal is not available for access.",
                )
            case 401:
                return self._expired()
            case 409:
                return error(409, "CONFLICT", str(fault.get("message", "conflict")))
            case 413 | 502 | 504 | 520 | 521 | 522 | 523 | 524 | 525 | 526:
                return Reply.of_text(
                    f"<html><h1>{status}</h1><p>cloudflare</p></html>", status, "text/html"
                )
            case _:
                return error(status, "INTERNAL_ERROR", str(fault.get("message", "internal error")))

    # -- for people and tests

    def credentials(self, base_url: str) -> JsonDict:
        return {
            "url": base_url, "token": TOKEN, "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN,
        }  # fmt: skip

    def records(self, kind: str) -> list[JsonDict]:
        found = self.portal.types[kind]
        return [
            {"id": r.id, "archived": r.archived_at is not None,
             **{n: self.portal.value(p, r.now) for n, p in found.properties.items()}}
            for r in found.records.values()
        ]  # fmt: skip

    def edit(self, kind: str, record_id: str, values: JsonDict) -> None:
        found = self.portal.types[kind]
        record = found.records[record_id]
        if values.get("archived"):
            self.portal.archive(record)
            return
        if values.get("merged_into"):
            self.portal.merge(found, found.records[str(values["merged_into"])], record)
            return
        news = {n: to_stored(found.properties[n], v) for n, v in values.items()}
        self.portal.change(found, record, news, "CRM_UI")

    def switched_on(self, fault: Fault) -> None:
        """`same_millisecond`: the first `records` of a type get one stamp, as after an import."""
        if fault.kind != "same_millisecond":
            return
        kind = self.portal.types[str(fault.get("object", "companies"))]
        at = self.portal.now()
        for record in list(kind.records.values())[: int(fault.get("records", 10_000))]:
            self.portal.touch(kind, record, at)


def _too_many(policy: str) -> Reply:
    """The three forms: search's, the rolling one's, and the day's."""
    if policy == "SECONDLY":
        return Reply.of_json(
            error_body("RATE_LIMITS", "You have reached your secondly limit."), 429
        )
    words = {"DAILY": "daily", "TEN_SECONDLY_ROLLING": "ten_secondly_rolling"}[policy]
    return Reply.of_json({
        "status": "error", "message": f"You have reached your {words} limit.",
        "errorType": "RATE_LIMIT", "correlationId": correlation_id(), "policyName": policy,
        "groupName": f"publicapi:private-apps:api-calls-per:{PORTAL_GROUP}",
    }, 429)  # fmt: skip


PORTAL_GROUP = "4711"
