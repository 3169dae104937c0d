"""HubSpot's calls, by way of hubspot-api-client, each tried again where that is safe.

The client makes the request: path, parameters, body, login. It does not send it, nor read the
answer: its own transport has no time-out, repeats neither POST nor a 429 of one, knows nothing of
the environment's proxy, of date versions (hubspot-api-python 495) and of what a 207 leaves out, and
its models turn times into local ones. So `_Transport` stands in the place of its `rest_client`.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import requests
from hubspot import HubSpot

from config.errors import RetryLater, StopCycle
from connectors import http
from connectors.budget import Budget
from connectors.hubspot.errors import Json, Refused, by_id, error_of, parsed, results

HOST = "https://api.hubapi.com"
V3 = "v3"
MOST = 100
"""Records of one call, read or written."""
MOST_WITH_HISTORY = 50
_SEARCH_PAUSE_SECONDS = 0.25  # five searches a second are for everybody
_FAMILY = re.compile(r"/crm/v[34]/(objects|properties|associations)/")


class _Transport:
    """What the client takes for its own: sends by our session, raises our errors."""

    def __init__(self, wire: "Wire") -> None:
        self._wire = wire

    def GET(self, url: str, **said: Any) -> requests.Response:  # noqa: N802 - the client's names
        return self._send("GET", url, **said)

    def POST(self, url: str, **said: Any) -> requests.Response:  # noqa: N802
        return self._send("POST", url, **said)

    def _send(
        self,
        method: str,
        url: str,
        query_params: Any = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        **_: Any,
    ) -> requests.Response:
        return self._wire.send(method, url, params=query_params, headers=headers, json=body)


class Wire:
    """One account. `version`: v3, or a date such as 2026-09. Not for several threads."""

    def __init__(
        self,
        connection: str,
        token: str,
        budget: Budget,
        *,
        url: str = HOST,
        version: str = V3,
        attempts: int = http.ATTEMPTS,
        read_seconds: float = http.READ_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.budget = budget
        self.sleep = sleep
        self.clock = clock
        self._connection = connection
        self._version = version
        self._attempts = attempts
        self._searched = False
        self._hide = http.redactor([token])
        self._session = http.session(read_seconds=read_seconds)
        self._url = url.rstrip("/")
        self._login = {"Authorization": f"Bearer {token}"}
        self._server_ahead = timedelta()
        self.whose = sha256(f"{self._url} {token}".encode()).hexdigest()[:16]
        """stands for the account in what is kept; another token may be that of another account"""
        crm = HubSpot(access_token=token, host=self._url).crm
        # Each attribute builds a client of its own, so every one is looked up once.
        self._basic = self._ours(crm.objects.basic_api)
        self._batch = self._ours(crm.objects.batch_api)
        self._search = self._ours(crm.objects.search_api)
        self._core = self._ours(crm.properties.core_api)
        self._links = self._ours(crm.associations.v4.batch_api)

    def _ours(self, api: Any) -> Any:
        api.api_client.rest_client = _Transport(self)
        return api

    def send(self, method: str, url: str, **options: Any) -> requests.Response:
        """One request; the answer if it is 2xx, else raises what it means."""
        if self._version != V3:
            url = _FAMILY.sub(rf"/crm/\1/{self._version}/", url, count=1)
        self.budget.take()
        response = http.send(self._session, method, url, hide=self._hide, **options)
        if (there := http.instant(response.headers.get("Date", ""))) is not None:
            self._server_ahead = there - self.clock()
        if response.status_code >= 300:
            raise error_of(response, self._connection, self._hide, self.clock)
        self._hear(response.headers)
        return response

    def _hear(self, headers: Mapping[str, str]) -> None:
        """Learn from an answer; waits where the rolling window is used up, before a 429 says so."""
        daily = _whole(headers, "X-HubSpot-RateLimit-Daily")
        left = _whole(headers, "X-HubSpot-RateLimit-Daily-Remaining")
        if daily and left is not None:  # absent with OAuth, where there is no limit a day
            self.budget.heard(daily, max(0, daily - left))
        if _whole(headers, "X-HubSpot-RateLimit-Remaining") == 0:
            interval = _whole(headers, "X-HubSpot-RateLimit-Interval-Milliseconds")
            self.sleep((interval or 10_000) / 1000)

    def now(self) -> datetime:
        """The time by HubSpot's clock, to a few seconds; by ours until it has answered."""
        return self.clock() + self._server_ahead

    def portal_id(self) -> str:
        """The number of the account that the token belongs to."""

        def ask() -> Json:
            url = f"{self._url}/account-info/{self._version}/details"
            return parsed(self.send("GET", url, headers=self._login))

        return str(self._told("tell whose account it is", ask).get("portalId"))

    def ask(self, method: str, path: str, body: Json | None = None) -> Json:
        """One request by its v3 path, for what the client has no comforts for; tried again like a
        read, so only for what may be repeated."""

        def ask() -> Json:
            said = {} if body is None else {"json": body}
            return parsed(self.send(method, self._url + path, headers=self._login, **said))

        return http.retrying(self.sleep, attempts=self._attempts)(ask)

    # -- reads: may be repeated whatever happens

    def properties(self, object_name: str) -> list[Json]:
        """The definitions of all properties of an object. RetryLater where none come: there is no
        object without."""

        def ask() -> list[Json]:
            body = parsed(self._core.get_all(object_name, _preload_content=False))
            if not results(body):
                raise RetryLater(f"HubSpot told no properties of {object_name}")
            return results(body)

        return http.retrying(self.sleep, attempts=self._attempts)(ask)

    def page(
        self,
        object_name: str,
        properties: Sequence[str],
        after: str | None,
        associations: Sequence[str] = (),
        *,
        archived: bool = False,
        histories: Sequence[str] = (),
    ) -> Json:
        """Up to a hundred records in order of id, as they are now, up to fifty with what the
        properties `histories` were before. RetryLater where a page is
        empty that cannot be: one that was promised, or the first while the index knows records."""
        options: Json = {"limit": MOST, "properties": list(properties)}
        if associations:
            options["associations"] = list(associations)
        if after is not None:
            options["after"] = after
        if archived:
            options["archived"] = "true"  # the client would write True
        if histories:
            options |= {"limit": MOST_WITH_HISTORY, "properties_with_history": list(histories)}

        def ask() -> Json:
            body = parsed(self._basic.get_page(object_name, **options, _preload_content=False))
            missing = not results(body) and not archived
            if missing and (after is not None or self._count(object_name)):
                raise RetryLater(f"HubSpot listed no {object_name}, though there are some")
            return body

        return self._told(f"list {object_name}", ask)

    def _count(self, object_name: str) -> int:
        """How many records the search index knows; 0 of an object that cannot be searched."""
        try:
            found = self._search.do_search(object_name, {"limit": 1}, _preload_content=False)
        except Refused:
            return 0
        return int(parsed(found).get("total") or 0)

    def search(self, object_name: str, body: Json) -> Json:
        """What the search index answers; it is seconds to an hour old. Refused of an object that
        cannot be searched. Asks less often than HubSpot allows to all who share an account."""
        if self._searched:
            self.sleep(_SEARCH_PAUSE_SECONDS)
        self._searched = True
        whole = {"filterGroups": [], "after": "0", **body}  # its description wants both said
        return self._asked(self._search.do_search, object_name, whole)

    def newest(self, object_name: str, modified: str) -> tuple[int, str] | None:
        """How many records the search index knows and the latest stamp. None of an object that
        cannot be searched."""
        body = {
            "limit": 1,
            "sorts": [{"propertyName": modified, "direction": "DESCENDING"}],
            "properties": [modified],
        }
        try:
            found = self.search(object_name, body)
        except Refused:
            return None
        stamps = [str(one["properties"].get(modified) or "") for one in results(found)]
        return int(found.get("total") or 0), max(stamps, default="")

    def read(
        self, object_name: str, ids: Sequence[str], properties: Sequence[str], id_property: str = ""
    ) -> list[Json]:
        """Up to a hundred records by id, those that are there; order is HubSpot's. Those that an
        answer leaves out without a word are asked for once more."""
        body: Json = {
            "inputs": [{"id": one} for one in ids],
            "properties": list(properties),
            "propertiesWithHistory": [],
        }
        if id_property:
            body["idProperty"] = id_property

        def ask() -> Json:
            answer = parsed(self._batch.read(object_name, body, _preload_content=False))
            if ids and not results(answer) and not answer.get("errors"):
                raise RetryLater(f"HubSpot read nothing of {len(ids)} {object_name}")
            return answer

        answer = self._told(f"read {object_name}", ask)
        found = by_id(answer)
        left = [one for one in ids if one not in found]
        if left and found and not id_property and not answer.get("errors"):
            body["inputs"] = [{"id": one} for one in left]
            found |= by_id(self._told(f"read {object_name}", ask))
        return list(found.values())

    def linked(self, object_name: str, other: str, inputs: Sequence[Json]) -> list[Json]:
        """Associations of up to a thousand records of which some are known to have any: those
        without may be absent. RetryLater where none come."""
        asked = {"inputs": list(inputs)}
        what = f"tell which {other} belong to {object_name}"

        def ask() -> Json:
            body = parsed(self._links.get_page(object_name, other, asked, _preload_content=False))
            if not results(body):
                raise RetryLater(f"HubSpot did not {what}")
            return body

        return results(self._told(what, ask))

    # -- writes

    def update(self, object_name: str, inputs: Sequence[Json]) -> Json:
        """One batch update. Tried again only where nothing was done; Lost with `sent` where that
        is not known, Refused where nothing was done and nothing will be."""
        body = {"inputs": list(inputs)}

        def undone(error: RetryLater) -> bool:
            return not (isinstance(error, http.Lost) and error.sent)

        def ask() -> Json:
            return parsed(self._batch.update(object_name, body, _preload_content=False))

        return http.retrying(self.sleep, attempts=self._attempts, retry=undone)(ask)

    def _asked(self, call: Callable[..., requests.Response], *arguments: Any) -> Json:
        def ask() -> Json:
            return parsed(call(*arguments, _preload_content=False))

        return http.retrying(self.sleep, attempts=self._attempts)(ask)

    def _told(self, what: str, ask: Callable[[], Json]) -> Json:
        """A refusal of a read is nobody's to isolate: StopCycle says what was asked for."""
        try:
            return http.retrying(self.sleep, attempts=self._attempts)(ask)
        except Refused as error:
            raise StopCycle(f"HubSpot refused to {what}: {error}") from None


def _whole(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "")
    return int(text) if text.isdigit() else None
