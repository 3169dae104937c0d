"""What HubSpot's answers mean: which may be asked again, which only a person can help with.

Every part of an error's body is optional; an edge or a proxy answers in HTML.
"""

import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal

import requests

from config.errors import (
    FixConfig,
    GatepostError,
    PartlyDone,
    RecordRejected,
    RetryLater,
    StopCycle,
)
from config.problem import Problem
from connectors import http

Json = dict[str, Any]

_DETAIL = re.compile(r"\[\s*\{.*\}\s*\]", re.DOTALL)  # JSON that stands inside the message
_MIGRATION_SECONDS = 3600.0
_LOCKED_SECONDS = 2.0
_SECONDLY_SECONDS = 1.0
_ROLLING_SECONDS = 10.0
_SHOWN = 400
_OF_PROPERTIES = frozenset({"PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"})
_OF_VALUES = frozenset({"INVALID_DATE", "INVALID_FLOAT", "INVALID_OPTION"})


class Refused(RecordRejected):
    """The request was refused as a whole and nothing was done. `names`: properties it speaks of.
    `about`: whether whoever has such a property, or that value of it, would hear the same."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        names: tuple[str, ...] = (),
        about: Literal["property", "value", "record"] = "record",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.names = names
        self.about = about


class TooSlow(http.Lost):
    """The edge gave up waiting: less at once may be quicker."""


def error_of(
    response: requests.Response,
    connection: str,
    hide: Callable[[str], str],
    clock: Callable[[], datetime],
) -> GatepostError:
    """The error that an answer other than 2xx stands for."""
    body = _body(response)
    said = hide(str(body.get("message") or "")) or http.shown(response, hide)
    status = response.status_code
    asked = http.retry_after(response, clock)
    long = asked is not None and asked > http.LONGEST_PAUSE  # nobody waits so long, so it is told
    more = f" (it asks to wait {asked:,.0f} s)" if long else ""
    match status:
        case 401 | 530:
            return _fix(connection, f"HubSpot does not accept the token: {said[:_SHOWN]}")
        case 403:
            return _fix(connection, _forbidden(body, said))
        case 423:
            wait = max(asked or 0, _LOCKED_SECONDS)
            return RetryLater(f"HubSpot is locked by a large sync{more}", wait)
        case 429:
            return _too_many(body, said + more, asked)
        case 477:
            wait = _MIGRATION_SECONDS if asked is None else asked
            moves = f"HubSpot moves this account to another data centre{more}"
            return RetryLater(f"{moves}: {said[:_SHOWN]}", wait)
        case 408 | 425:
            return RetryLater(f"HubSpot answered {status}{more}: {said[:_SHOWN]}", asked)
        case _ if status >= 500:
            # The edge may have given up on a request that HubSpot goes on with.
            kind = TooSlow if status in (504, 524) else http.Lost
            lost = kind(f"HubSpot answered {status}{more}: {said[:_SHOWN]}", sent=True)
            lost.wait_seconds = asked
            return lost
        case 400 | 404 | 409 | 413 | 414:
            return _refused(status, body, said)
        case _:
            return StopCycle(f"HubSpot answered {status}: {said[:_SHOWN]}")


def parsed(response: requests.Response) -> Json:
    """The body of a 2xx. Lost if it is not whole, or no object."""
    try:
        body = json.loads(response.content)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise http.Lost("HubSpot's answer is damaged or cut short", sent=True)
    return body


def results(body: Json) -> list[Json]:
    """What a list, a search or a batch holds, as far as it is told in HubSpot's shape."""
    return _dicts(body.get("results"))


def by_id(body: Json) -> dict[str, Json]:
    """The same by record id."""
    return {str(one.get("id")): one for one in results(body)}


def _body(response: requests.Response) -> Json:
    try:
        body = json.loads(response.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _fix(connection: str, message: str) -> FixConfig:
    return FixConfig([Problem("gatepost.yaml", 0, 0, f"connections.{connection}", message)])


def _forbidden(body: Json, said: str) -> str:
    scopes = [
        str(scope)
        for one in _dicts(body.get("errors"))
        for scope in (one.get("context") or {}).get("requiredGranularScopes") or ()
    ]
    needed = f"; it lacks {', '.join(dict.fromkeys(scopes))}" if scopes else ""
    return f"HubSpot does not let this token do that{needed}: {said[:_SHOWN]}"


def _too_many(body: Json, said: str, asked: float | None) -> GatepostError:
    policy = f"{body.get('policyName') or ''} {said}".upper()
    if "DAILY" in policy:
        return PartlyDone(
            "HubSpot's daily limit of calls is used up",
            "it is free again at midnight in the account's time zone; the next run goes on",
        )
    rolling = "TEN_SECONDLY" in policy
    least = _ROLLING_SECONDS if rolling else _SECONDLY_SECONDS
    return RetryLater(f"HubSpot: {said}", max(asked or 0, least))


def _refused(status: int, body: Json, said: str) -> Refused:
    names: list[str] = []
    codes: list[str] = []
    texts: list[str] = []
    for one in _problems(said):
        names.append(str(one.get("name") or ""))
        codes.append(str(one.get("error") or ""))
        texts.append(f"{one.get('name')}: {one.get('message')}")
    for one in _dicts(body.get("errors")):
        context = one.get("context")
        named = context.get("propertyName") if isinstance(context, dict) else None
        names += [str(name) for name in (named if isinstance(named, list) else [])]
        codes.append(str(one.get("code") or ""))
    code = next(filter(None, codes), str(body.get("category") or status))
    return Refused(
        status,
        code,
        ("; ".join(texts) or said)[:_SHOWN],
        tuple(filter(None, dict.fromkeys(names))),
        _about(codes),
    )


def _about(codes: Sequence[str]) -> Literal["property", "value", "record"]:
    if not codes or not (_OF_PROPERTIES | _OF_VALUES).issuperset(codes):
        return "record"
    return "property" if _OF_PROPERTIES.issuperset(codes) else "value"


def _problems(said: str) -> list[Json]:
    found = _DETAIL.search(said)
    try:
        return _dicts(json.loads(found[0])) if found else []
    except ValueError:
        return []


def _dicts(value: object) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
