"""Requests to one org: with its token, its budget and our patience.

simple-salesforce builds addresses, pages, describes and limits; every request of it goes through
the one method that is overridden here, since its own has no time-out, drops headers when it renews
a session, cannot read a refusal that is not JSON, and speaks https only. Its bulk classes never
renew and abort a job when a poll is lost, so bulk.py does without them.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from simple_salesforce import Salesforce

from config.errors import RetryLater, StopCycle
from connectors import http
from connectors.budget import Budget
from connectors.salesforce.answers import Unsettled, error_of, has_ended
from connectors.salesforce.auth import Login, NoLogin
from connectors.salesforce.options import Options

T = TypeVar("T")


class NoJson(http.Lost):
    """An answer that says success and cannot be read."""


class Client(Salesforce):
    """The org behind one connection. Nothing is sent before the first request."""

    def __init__(
        self,
        name: str,
        options: Options,
        login: Login,
        session: requests.Session,
        budget: Budget,
        *,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        # Only the path of what it builds is used; host and token are those of the login.
        super().__init__(
            session_id="unused",
            instance_url="https://unused.invalid",
            session=session,
            version=options.api_version,
            object_pairs_hook=dict,
        )
        self.connection = name
        self.login = login
        self.clock = clock
        self.sleep = sleep
        self.attempts = options.retries + 1
        self.budget = budget
        self._told: datetime | None = None
        self._used_up = False

    def _call_salesforce(
        self,
        method: str,
        url: str,
        name: str = "",
        retries: int = 0,
        max_retries: int = 3,
        **kwargs: Any,
    ) -> requests.Response:
        what = name or urlsplit(url).path

        def ask() -> requests.Response:
            response = self.call(method, url, what=what, **kwargs)
            self._read(response, what)  # simple-salesforce would leave with a traceback
            return response

        return self._until_whole(ask)

    def call(
        self, method: str, url: str, *, what: str, repeat: bool | None = None, **options: Any
    ) -> requests.Response:
        """One request that succeeded, the same again where that may help.

        `url`: whole, or a path after /services/data/vNN.0/. `repeat`: whether it may be sent again
        though nobody knows if it was carried out; unsaid: a GET may. Raises Lost or Unsettled where
        it may not, RetryLater when patience is at its end, Refused, PartlyDone where the budget is
        used up.
        """
        path = urlsplit(url).path if "://" in url or url.startswith("/") else ""
        query = urlsplit(url).query
        path = path or f"/services/data/v{self.sf_version}/{url.partition('?')[0]}"
        target = path + (f"?{query}" if query else "")
        again = method == "GET" if repeat is None else repeat

        def retry(error: RetryLater) -> bool:
            unknown = isinstance(error, Unsettled) or (isinstance(error, http.Lost) and error.sent)
            return (again or not unknown) and not isinstance(error, NoLogin)

        trying = http.retrying(self.sleep, attempts=self.attempts, retry=retry)
        return trying(self._once, method, target, f"{self.connection}: {what}", options)

    def json(self, method: str, url: str, *, what: str, **options: Any) -> Any:
        """As `call`, with the body read as JSON. A broken body is Lost."""

        def ask() -> Any:
            return self._read(self.call(method, url, what=what, **options), what)

        return self._until_whole(ask) if method == "GET" else ask()

    def _read(self, response: requests.Response, what: str) -> Any:
        try:
            return response.json()
        except ValueError:
            said = http.shown(response, self.login.hide)
            raise NoJson(f"{self.connection}: {what}: no JSON came but {said}", sent=True) from None

    def _until_whole(self, ask: Callable[[], T]) -> T:
        """Again where the answer was cut short or an edge's page; all else was tried again."""
        no_json = http.retrying(self.sleep, retry=lambda error: isinstance(error, NoJson))
        return no_json(ask)

    def _once(
        self, method: str, target: str, what: str, options: Mapping[str, Any]
    ) -> requests.Response:
        token = self.login.token()
        response = self._send(method, target, token.instance_url, token.text, options)
        if response.status_code >= 400 and has_ended(response):
            token = self.login.renewed(token)
            response = self._send(method, target, token.instance_url, token.text, options)
            if response.status_code == 401:
                raise StopCycle(
                    f"{what}: Salesforce refuses a session that was just made: "
                    f"{http.shown(response, self.login.hide)}",
                    "see the app's policies: IP ranges, session level, API access",
                )
        if response.status_code >= 300:
            raise error_of(
                response,
                what,
                clock=self.clock,
                hide=self.login.hide,
                used_up=self._used_up,
            )
        return response

    def _send(
        self, method: str, target: str, host: str, token: str, options: Mapping[str, Any]
    ) -> requests.Response:
        self.budget.take()
        named = {"Content-Type": "application/json", **(options.get("headers") or {})}
        rest = {key: value for key, value in options.items() if key != "headers"}
        response = http.send(
            self.session,
            method,
            host + target,
            headers={**named, "Authorization": f"Bearer {token}"},
            hide=self.login.hide,
            **rest,
        )
        self._hear(response.headers)
        return response

    def now(self) -> datetime:
        """Not later than the org's own clock was at its last answer: what is read from then on is
        no older. This machine's clock may be fast."""
        now = self.clock()
        return now if self._told is None else min(now, self._told)

    def _hear(self, headers: Mapping[str, str]) -> None:
        """What an answer says of the org's clock, of its requests of the day and of this app's."""
        self._told = http.instant(headers.get("Date", ""))
        usage = self.parse_api_usage(headers.get("Sforce-Limit-Info", ""))
        if (org := usage.get("api-usage")) is not None:
            self.budget.heard(org.total, org.used)
        figures = [usage.get("per-app-api-usage"), org]
        self._used_up = any(one is not None and one.used >= one.total for one in figures)
