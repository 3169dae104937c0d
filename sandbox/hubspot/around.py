"""Associations, owners, the account, OAuth tokens."""

from __future__ import annotations

import hashlib
from itertools import count
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sandbox.core.http import Call, JsonDict, Reply
from sandbox.hubspot.errors import ApiError, resource_not_found
from sandbox.hubspot.portal import PORTAL_ID
from sandbox.hubspot.show import batch_shown, inputs_of, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.hubspot.portal import ObjectType, Portal, Settings

TOKEN = "pat-na1-5a4d0b0c-0000-4000-8000-000000004711"  # noqa: S105 - everybody's, on loopback
CLIENT_ID, CLIENT_SECRET = "5a4d0b0c-client", "sandbox-client-secret"
REFRESH_TOKEN = "na1-5a4d-refresh"  # noqa: S105 - everybody's, on loopback
_MOST_LINKS = 1000
# Ids of the association types that HubSpot itself defines; our custom object's is made up.
_LINK_TYPES = {
    ("contacts", "companies"): 279, ("companies", "contacts"): 280,
    ("deals", "companies"): 341, ("companies", "deals"): 342,
    ("tickets", "companies"): 339, ("companies", "tickets"): 340,
    ("tasks", "companies"): 192, ("companies", "tasks"): 191, ("tasks", "contacts"): 204,
}  # fmt: skip


class Around:
    """All that is neither an object nor a property."""

    def __init__(self, portal: Portal, settings: Callable[[], Settings]) -> None:
        self._portal = portal
        self._settings = settings
        self._numbers = count(1)
        self.tokens: dict[str, float] = {}  # OAuth access token -> elapsed() at which it ends
        self.calls_today: Callable[[], int] = lambda: 0

    # -- associations

    def links(self, call: Call) -> Reply:
        one, other = (self._portal.type_of(call.params[n]) for n in ("type", "to"))
        _, inputs = inputs_of(call, _MOST_LINKS)
        results = []
        for asked in inputs:
            record_id = str(asked.get("id"))
            linked = self._portal.linked(one, record_id, other)
            if linked:
                results.append(
                    {"from": {"id": record_id}, "to": [_link(one, other, i) for i in linked]}
                )
        call.notes["records"] = len(results)
        return Reply.of_json(batch_shown(self._portal, results, []))

    def links_of_one(self, call: Call) -> Reply:
        one, other = (self._portal.type_of(call.params[n]) for n in ("type", "to"))
        if call.params["id"] not in one.records:
            raise resource_not_found()
        linked = self._portal.linked(one, call.params["id"], other)
        return Reply.of_json({"results": [_link(one, other, i) for i in linked]})

    def labels(self, call: Call) -> Reply:
        one, other = (self._portal.type_of(call.params[n]) for n in ("type", "to"))
        shown = {"category": _category(one, other), "typeId": _type_id(one, other), "label": None}
        return Reply.of_json({"results": [shown]})

    # -- owners and account

    def owners(self, call: Call) -> Reply:
        limit = whole(call, "limit", 100, 500)
        start = int(call.one("after", "0") or "0")
        archived = call.one("archived").lower() == "true"
        chosen = [o for o in self._portal.owners if o["archived"] == archived]
        body: JsonDict = {"results": chosen[start : start + limit]}
        if start + limit < len(chosen):
            body["paging"] = {"next": {"after": str(start + limit), "link": ""}}
        return Reply.of_json(body)

    def owner(self, call: Call) -> Reply:
        found = next((o for o in self._portal.owners if o["id"] == call.params["id"]), None)
        if found is None:
            raise resource_not_found()
        return Reply.of_json(found)

    def details(self, _: Call) -> Reply:
        zone = self._settings().time_zone
        offset = self._portal.clock.now().astimezone(ZoneInfo(zone)).strftime("%z")
        return Reply.of_json({
            "portalId": PORTAL_ID, "accountType": "STANDARD", "timeZone": zone,
            "companyCurrency": "USD", "additionalCurrencies": [],
            "utcOffset": f"{offset[:3]}:{offset[3:]}",
            "utcOffsetMilliseconds": (int(offset[1:3]) * 60 + int(offset[3:])) * 60_000
            * (-1 if offset[0] == "-" else 1),
            "uiDomain": "app.hubspot.com", "dataHostingLocation": "na1",
        })  # fmt: skip

    def usage(self, _: Call) -> Reply:
        return Reply.of_json({"results": [{
            "name": "api-calls-daily", "usageLimit": self._settings().daily,
            "currentUsage": self.calls_today(), "collectedAt": self._portal.now().isoformat(),
            "fetchStatus": "SUCCESS",
            "resetsAt": self._portal.now().replace(hour=23, minute=59).isoformat(),
        }]})  # fmt: skip

    # -- OAuth

    def token(self, call: Call) -> Reply:
        call.notes["secret"] = True
        form = call.form()
        if form.get("grant_type") != "refresh_token":
            raise ApiError(
                400,
                "VALIDATION_ERROR",
                "grant_type must be refresh_token here",
                error="unsupported_grant_type",
            )
        if form.get("client_id") != CLIENT_ID or form.get("client_secret") != CLIENT_SECRET:
            raise ApiError(
                400, "BAD_CLIENT_ID", "missing or unknown client id", error="invalid_client"
            )
        if form.get("refresh_token") != REFRESH_TOKEN:
            raise ApiError(
                400, "BAD_REFRESH_TOKEN", "missing or invalid refresh token", error="invalid_grant"
            )
        digest = hashlib.sha256(f"access {next(self._numbers)}".encode()).hexdigest()
        token = f"CJ{digest}"
        seconds = self._settings().token_seconds
        self.tokens[token] = self._portal.clock.elapsed() + seconds
        return Reply.of_json({
            "token_type": "bearer", "refresh_token": REFRESH_TOKEN, "access_token": token,
            "expires_in": int(seconds), "hub_id": PORTAL_ID,
        })  # fmt: skip


def _category(one: ObjectType, other: ObjectType) -> str:
    return "HUBSPOT_DEFINED" if (one.name, other.name) in _LINK_TYPES else "USER_DEFINED"


def _type_id(one: ObjectType, other: ObjectType) -> int:
    return _LINK_TYPES.get((one.name, other.name), 17)


def _link(one: ObjectType, other: ObjectType, record_id: str) -> JsonDict:
    """The specification calls toObjectId text; recordings show a number."""
    link_type = {"category": _category(one, other), "typeId": _type_id(one, other), "label": None}
    return {"toObjectId": int(record_id), "associationTypes": [link_type]}
