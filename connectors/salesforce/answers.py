"""What Salesforce's refusals mean: wait, stop, or look at the code. Only codes are matched.

Messages come in the language of the API user, so they are passed on and not read; the exceptions
are words inside them that are never translated.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import requests

from config.errors import GatepostError, PartlyDone, RetryLater, StopCycle
from connectors import http

EXPIRED = frozenset({"INVALID_SESSION_ID", "INVALID_JWT_FORMAT", "INVALID_AUTH_HEADER"})
_TRANSIENT = frozenset(
    {
        "SERVER_UNAVAILABLE", "QUERY_TIMEOUT", "REQUEST_RUNNING_TOO_LONG", "TOO_MANY_APEX_REQUESTS",
        "TXN_SECURITY_METERING_ERROR", "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE",
        "UNABLE_TO_LOCK_ROW",
    }
)  # fmt: skip
_HINTS = {
    "INVALID_FIELD": "the field is not there, or this user may not see it (field-level security)",
    "INVALID_TYPE": "the object is not there, or this user may not see it",
    "API_DISABLED_FOR_ORG": "this edition or this user has no API access",
    "API_CURRENTLY_DISABLED": "the org's API is switched off for now",
    "INVALID_OPERATION_WITH_EXPIRED_PASSWORD": "the API user's password must be changed",
    "UNSUPPORTED_API_VERSION": "set api_version to a newer one",
    "INSUFFICIENT_ACCESS": "see the permission sets of the API user",
}
_NOT_EXPIRY = re.compile(r"not valid for [\w ]*REST API|not attached to Agent", re.IGNORECASE)


class Refused(StopCycle):
    """Salesforce will not do this. `code` is its own word for why."""

    def __init__(self, message: str, code: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.code = code


class LimitReached(PartlyDone):
    """The day's requests, or our share of them, are used up; the next run goes on."""


class Unsettled(RetryLater):
    """The answer does not say whether the request was carried out. `late`: it may still be at
    work, since whoever stands in between waited no longer."""

    late = False


def errors_in(response: requests.Response) -> list[tuple[str, str]]:
    """(code, message) of each error in a body, whatever its shape; none where it is no JSON."""
    try:
        body: Any = response.json()
    except ValueError:
        return []
    found: list[tuple[str, str]] = []
    for one in body if isinstance(body, list) else [body]:
        if isinstance(one, Mapping):
            code = one.get("errorCode") or one.get("exceptionCode") or one.get("error")
            message = one.get("message") or one.get("exceptionMessage") or ""
            if code:
                found.append((str(code), str(message)))
    return found


def has_ended(response: requests.Response) -> bool:
    """Whether a refusal means that the session has ended, so that a new one may help."""
    found = errors_in(response)
    if response.status_code != 401:
        return any(code == "InvalidSessionId" for code, _ in found)
    if any(_NOT_EXPIRY.search(message) for _, message in found):
        return False
    return not found or any(code in EXPIRED for code, _ in found)  # an edge's page has no code


def error_of(
    response: requests.Response,
    what: str,
    *,
    clock: Callable[[], datetime],
    hide: Callable[[str], str],
    used_up: bool,
) -> GatepostError:
    """The error for an answer that is none of success. `what` says what was tried; `used_up`
    whether the last known figures leave no requests for today."""
    status, found = response.status_code, errors_in(response)
    code, message = found[0] if found else ("", "")
    said = hide(f"{code}: {message}" if code else http.shown(response, hide))
    sentence = f"{what}: Salesforce answered {status}, {said or 'without a word'}"
    if code == "REQUEST_LIMIT_EXCEEDED" or "REQUEST_LIMIT_EXCEEDED" in message:
        return _limit(sentence, message, used_up=used_up)
    if status >= 500:
        unsettled = Unsettled(sentence, http.retry_after(response, clock))
        unsettled.late = status == 504
        return unsettled
    if status in http.BUSY or code in _TRANSIENT:
        return RetryLater(sentence, http.retry_after(response, clock))
    if status in (409, 410):  # results of a job want its version; a version that has been retired
        return Refused(sentence, code, _HINTS["UNSUPPORTED_API_VERSION"])
    return Refused(sentence, code, _HINTS.get(code, ""))


def _limit(sentence: str, message: str, *, used_up: bool) -> GatepostError:
    # One code for two limits; these two words tell them apart in every language.
    if "ConcurrentRequests" in message:
        return RetryLater(sentence)
    if "TotalRequests" in message or used_up:
        return LimitReached(sentence, "the org's requests of the day are used up: run again later")
    return RetryLater(sentence)
