"""What every vendor's HTTP has in common: time-outs, when to try again, and what may be printed.

One rule for all: a request is tried again only after RetryLater, each time after a longer pause or
the one that the other side named. Whether a request that got no answer may be repeated is the
caller's to say: a write may have been carried out (`Lost.sent`).
"""

import random
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any
from urllib.parse import urlsplit

import requests
import tenacity
from requests.adapters import HTTPAdapter

from config.errors import GatepostError, RetryLater, StopCycle

CONNECT_SECONDS = 10.0
READ_SECONDS = 120.0
ATTEMPTS = 6
LONGEST_PAUSE = 60.0
BUSY = frozenset({406, 408, 420, 425, 429, 500, 502, 503, 504, 524})
"""Statuses after which the same request may work, without a word from the vendor's own errors."""

_SHOWN_CHARACTERS = 300
_AUTHORIZATION = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._!~-]{8,}")


class Lost(RetryLater):
    """No answer came, or not the whole of it. `sent`: the request may have been carried out.
    `late`: it may still be at work, since nobody waited any longer."""

    def __init__(self, message: str, *, sent: bool, late: bool = False) -> None:
        super().__init__(message)
        self.sent = sent
        self.late = late


class _Timed(HTTPAdapter):
    """Waits for nobody for ever: clients of vendors pass no time-out themselves."""

    def __init__(self, read_seconds: float) -> None:
        self._read_seconds = read_seconds
        super().__init__(max_retries=0)  # what is tried again is decided in one place, below

    def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
        if options.get("timeout") is None:
            options["timeout"] = (CONNECT_SECONDS, self._read_seconds)
        return super().send(request, *args, **options)


def session(
    *, read_seconds: float = READ_SECONDS, headers: Mapping[str, str] | None = None
) -> requests.Session:
    """A session with time-outs. Proxies and certificates are those of the environment."""
    made = requests.Session()
    for scheme in ("https://", "http://"):
        made.mount(scheme, _Timed(read_seconds))
    made.headers.update({"User-Agent": "gatepost", **(headers or {})})
    return made


def send(
    through: requests.Session,
    method: str,
    url: str,
    *,
    hide: Callable[[str], str] = lambda text: text,
    **options: Any,
) -> requests.Response:
    """One request, whatever its status. Redirects are followed only for GET.

    Lost if no answer came; StopCycle if none can come: a certificate, an address that is none.
    `hide` takes secrets out of what is said.
    """
    options.setdefault("allow_redirects", method == "GET")
    try:
        return through.request(method, url, **options)
    except requests.RequestException as error:
        raise no_answer(error, url, hide) from None


def no_answer(
    error: requests.RequestException, url: str, hide: Callable[[str], str] = lambda text: text
) -> GatepostError:
    """The error to raise for what went wrong on the wire."""
    host = urlsplit(url).netloc.rpartition("@")[2] or hide(url)
    match error:
        case requests.exceptions.SSLError():
            return StopCycle(
                f"{host} could not be reached safely: {hide(_cause(error))}",
                "see the certificates of this machine (REQUESTS_CA_BUNDLE) and of its proxy",
            )
        case requests.exceptions.ProxyError():
            return Lost(f"the proxy to {host} did not answer: {hide(_cause(error))}", sent=False)
        case requests.exceptions.ConnectTimeout():
            return Lost(f"{host} did not take the connection in {CONNECT_SECONDS:g} s", sent=False)
        case requests.exceptions.ReadTimeout():
            return Lost(f"{host} did not answer in time", sent=True, late=True)
        case requests.exceptions.ConnectionError() | requests.exceptions.ChunkedEncodingError():
            sent = not _never_connected(error)
            said = "broke the connection" if sent else "could not be reached"
            return Lost(f"{host} {said}: {hide(_cause(error))}", sent=sent)
        case requests.exceptions.ContentDecodingError():
            return Lost(f"{host} sent a damaged body", sent=True)
        case _:
            return StopCycle(f"{host} cannot be asked: {hide(_cause(error))}")


def _never_connected(error: BaseException) -> bool:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return type(reason).__name__ in ("NewConnectionError", "NameResolutionError")


def _cause(error: BaseException) -> str:
    """The innermost words, without the objects that libraries print around them."""
    inner = error
    while isinstance(following := _inside(inner), BaseException):
        inner = following
    text = re.sub(r"<[^<>]* object at 0x[0-9a-f]+>:? ?", "", str(inner))
    return text.strip()[:_SHOWN_CHARACTERS] or type(inner).__name__


def _inside(error: BaseException) -> object:
    if (reason := getattr(error, "reason", None)) is not None:
        return reason
    return next((one for one in error.args if isinstance(one, BaseException)), None)


def retry_after(response: requests.Response, clock: Callable[[], datetime]) -> float | None:
    """Seconds that `Retry-After` asks for, given as such or as a date; None if it says nothing."""
    text = response.headers.get("Retry-After", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
        return max(0.0, seconds) if isfinite(seconds) else None
    except ValueError:
        pass
    until = instant(text)
    return None if until is None else max(0.0, (until - clock()).total_seconds())


def instant(text: str) -> datetime | None:
    """A date as headers have it, None if it is none."""
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def retrying(
    sleep: Callable[[float], None],
    *,
    attempts: int = ATTEMPTS,
    longest: float = LONGEST_PAUSE,
    retry: Callable[[RetryLater], bool] | None = None,
    dice: Callable[[], float] = random.random,
) -> tenacity.Retrying:
    """Call it with a function: tries again after RetryLater, `attempts` times in all.

    Pauses are 1, 2, 4 … seconds with jitter, at least what the other side asked for. Who asks for
    more than `longest` is not waited for: the error is raised at once, and keeps `wait_seconds`.
    `retry` has the last word on each error.
    """

    def again(error: BaseException) -> bool:
        if not isinstance(error, RetryLater) or (error.wait_seconds or 0) > longest:
            return False
        return retry is None or retry(error)

    def pause(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait_seconds if isinstance(error, RetryLater) else None
        grown = min(longest, 2.0 ** (state.attempt_number - 1))
        jittered = grown * (0.5 + dice() / 2)
        return jittered if asked is None else min(longest, asked + jittered / 4)

    return tenacity.Retrying(
        sleep=sleep,
        retry=tenacity.retry_if_exception(again),
        wait=pause,
        stop=tenacity.stop_after_attempt(max(1, attempts)),
        reraise=True,
    )


def redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """What takes these secrets, and whatever stands in an Authorization header, out of a text."""
    known = sorted({one for one in secrets if len(one) >= 4}, key=len, reverse=True)

    def hide(text: str) -> str:
        for one in known:
            text = text.replace(one, "***")
        return _AUTHORIZATION.sub(r"\1 ***", text)

    return hide


def shown(response: requests.Response, hide: Callable[[str], str] = lambda text: text) -> str:
    """The beginning of an answer's text, on one line, for a sentence about it."""
    text = response.content[: 4 * _SHOWN_CHARACTERS].decode("utf-8", "replace")
    if text.lstrip().startswith("<"):  # a proxy's or an edge's page says nothing in its first words
        text = re.sub(r"(?s)<(style|script).*?</\1>|<[^>]*>", " ", text)
    return hide(" ".join(text.split()))[:_SHOWN_CHARACTERS]
