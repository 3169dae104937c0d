"""mixpanel-utils, with the one method through which all its requests go replaced."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import requests
from mixpanel_utils import MixpanelUtils

from config.errors import FixConfig, GatepostError, RetryLater, StopCycle
from config.problem import Problem
from connectors import http
from connectors.mixpanel.options import Options


class TimedOut(RetryLater):
    """The server gave up on a query: fewer days may work."""


class SessionOver(RetryLater):
    """Pages of a query are kept for a while only: it has to begin anew."""


class NoPlan(StopCycle):
    """The project's plan has not this API; others may answer all the same."""


class Client(MixpanelUtils):  # type: ignore[misc]  # it comes without types
    """Knows hosts by region and how a service account logs in; asks once and says what came.

    `request` is ours because of what the library's does, each point held by a test in
    test_mixpanel_utils.py: it answers None to 400, 401, 402, 403 and 429, reads no Retry-After,
    repeats a 5xx at once and then raises BaseException, takes fewer bytes than Content-Length for
    the whole, writes into the caller's params, waits 30 s longer for ever after each time-out, and
    with debug logs the password. Of its other methods only `query_export` with raw_stream is used:
    it parses nothing and hands on what `request` gives. query_engage and import_events hang when a
    thread of theirs gets that BaseException.
    """

    def __init__(
        self,
        options: Options,
        username: str,
        secret: str,
        *,
        clock: Callable[[], datetime],
        hide: Callable[[str], str],
    ) -> None:
        super().__init__(
            secret,
            service_account_username=username,
            project_id=options.project_id,
            residency=options.region,
        )
        if options.url:
            self.raw_api = self.formatted_api = f"{options.url}/api"
        self._options, self._clock, self._hide = options, clock, hide
        self._login = (username, secret)
        self._session = http.session(read_seconds=options.timeout_seconds)

    def request(
        self,
        base_url: str,
        path_components: Sequence[str],
        params: Mapping[str, Any],
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        raw_stream: bool = False,  # noqa: FBT001, FBT002 - the library's own signature
        retries: int = 0,
    ) -> requests.Response:
        """One request; the answer is a 200 whose body has not been read.

        RetryLater if the same may work later (TimedOut: with fewer days), FixConfig where login or
        rights are wrong, StopCycle for what nobody foresaw.
        """
        url = "/".join([base_url, str(self.VERSION), *path_components])
        asked = {**params, "project_id": self._options.project_id}
        return self._send(method, url, asked, headers or {})

    def query(
        self, path: str, params: Mapping[str, str], form: Mapping[str, str] | None
    ) -> requests.Response:
        """A request of the Query API, as `request`: POST if there is a `form`."""
        url = f"{self.formatted_api}/query/{path}"
        asked = {**params, "project_id": self._options.project_id}
        return self._send("GET" if form is None else "POST", url, asked, {}, form)

    def me(self) -> Any:
        """Who the service account is and which projects it sees; raises as `request` does."""
        return self.app("me")

    def app(self, path: str) -> Any:
        """The results of a GET of the App API; raises as `request` does."""
        with self._send("GET", f"{self.formatted_api}/app/{path}", {}, {}) as answer:
            try:
                return answer.json()["results"]
            except (ValueError, KeyError, TypeError, requests.RequestException):
                raise StopCycle(
                    f"{self._options.name}: Mixpanel's answer to {path} is not understood"
                ) from None

    def _send(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any],
        headers: Mapping[str, str],
        form: Mapping[str, str] | None = None,
    ) -> requests.Response:
        answer = http.send(
            self._session,
            method,
            url,
            hide=self._hide,
            params=dict(params),
            headers=dict(headers),
            data=form,
            auth=(self._login[0].encode(), self._login[1].encode()),
            stream=True,
            allow_redirects=False,  # a login page of a proxy is no answer
        )
        if answer.status_code == 200:
            return answer
        with answer:
            raise self._refusal(answer)

    def _refusal(self, answer: requests.Response) -> GatepostError:
        status, said = answer.status_code, self._words(answer)
        low = said.lower()
        named = f"{self._options.name}: Mixpanel answered {status}" + (f" ({said})" if said else "")
        if status == 401 or (status == 400 and "unable to authenticate" in low):
            return self._fix(
                f"Mixpanel does not accept the service account ({status}: {said})",
                f"see whether it has expired, whether its secret is right, and whether project"
                f" {self._options.project_id} is in the region {self._options.region!r}",
            )
        if status == 403:
            project = self._options.project_id
            return self._fix(
                f"the service account may not read project {project} ({status}: {said})",
                "give it a role in this project",
            )
        if status == 402:
            return NoPlan(named, "the project's plan has no access to this API")
        if status == 400 and "later than today" in low:
            return StopCycle(
                f"{named}: the project's day has not begun yet",
                "its calendar is not that of project_time: say local(<its time zone>) there, and"
                " see whether this machine's clock is right",
            )
        if status == 400 and "uncached query" in low:
            return SessionOver(f"{named}: its pages are not kept any more")
        if status == 400 and "timeout" in low:
            return TimedOut(f"{named}: the export took it too long")
        if status in http.BUSY or status >= 500:
            return RetryLater(named, http.retry_after(answer, self._clock))
        return StopCycle(named)

    def _fix(self, message: str, hint: str) -> FixConfig:
        place = f"connections.{self._options.name}"
        return FixConfig([Problem("gatepost.yaml", 0, 0, place, message, hint)])

    def _words(self, answer: requests.Response) -> str:
        """What the answer says: bodies are JSON here and plain text there, on one route."""
        try:
            text = http.shown(answer, self._hide)
            found = json.loads(answer.content)
        except requests.RequestException:  # a broken body of a refusal changes nothing
            return ""
        except ValueError:
            return text
        if isinstance(found, dict) and isinstance(
            said := found.get("error", found.get("message")), str
        ):
            return self._hide(said)[:300]
        return text
