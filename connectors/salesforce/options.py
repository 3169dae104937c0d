"""What gatepost.yaml says of a Salesforce connection, checked once."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from config.errors import FixConfig
from config.problem import Problem, quoted
from config.project_file import Connection
from connectors.budget_rules import share_of

API_VERSION = "62.0"
_FIRST_VERSION, _LAST_VERSION = 53, 99  # failed rows of bulk jobs name their record since 53.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_MOST_RECORDS = 200


@dataclass(frozen=True, slots=True)
class Options:
    """Options with their defaults. Seconds, records, requests and shares."""

    url: str
    login_url: str
    auth: str
    client_id: str | None
    username: str | None
    api_version: str
    timeout_seconds: float
    retries: int
    batch_size: int
    bulk_from: int
    bulk_read_from: int
    reread_hours: float
    api_budget: float
    max_requests: int | None


def options_of(name: str, connection: Connection) -> Options:
    """The options of a connection. FixConfig names the one that makes no sense."""
    given = connection.options

    def number(key: str, default: float | None, low: float, high: float) -> Any:
        value = given.get(key, default)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong(name, key, f"{quoted(value)} is no number")
        if not low <= value <= high:
            raise _wrong(name, key, f"{value} lies outside {low:g} to {high:g}")
        return value

    def text(key: str) -> str | None:
        value = given.get(key)
        return None if value is None else str(value)

    url = address(connection.url or "", lambda why: _wrong(name, "url", why))
    login = address(text("login_url") or "", lambda why: _wrong(name, "login_url", why))
    return Options(
        url=url,
        login_url=login or url or "https://login.salesforce.com",
        auth=text("auth") or "client_credentials",
        client_id=text("client_id"),
        username=text("username"),
        api_version=_version(name, given.get("api_version", API_VERSION)),
        timeout_seconds=number("timeout_seconds", 120, 1, 3600),
        retries=int(number("retries", 5, 0, 20)),
        batch_size=int(number("batch_size", _MOST_RECORDS, 1, _MOST_RECORDS)),
        bulk_from=int(number("bulk_from", 2000, 1, 10**9)),
        bulk_read_from=int(number("bulk_read_from", 20_000, 1, 10**9)),
        reread_hours=float(number("reread_hours", 24, 0, 24 * 14)),
        api_budget=_share(name, given.get("api_budget", 0.25)),
        max_requests=number("max_requests", None, 1, 10**9),
    )


def address(text: str, wrong: Callable[[str], Exception]) -> str:
    """An address without path; "" stays. What goes there is secret, so https, but on loopback."""
    if not text:
        return ""
    whole = text if "://" in text else f"https://{text}"
    parts = urlsplit(whole)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise wrong(f"{quoted(text)} is no address")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise wrong(f"{quoted(text)} would carry secrets in the open: https is needed")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _share(name: str, given: object) -> float:
    try:
        return share_of(given)
    except ValueError as error:
        raise _wrong(name, "api_budget", str(error)) from None


def _version(name: str, given: object) -> str:
    text = str(given).removeprefix("v")
    if re.fullmatch(r"\d\d", text):
        text += ".0"
    if not re.fullmatch(r"\d\d\.0", text) or not _FIRST_VERSION <= float(text) <= _LAST_VERSION:
        raise _wrong(
            name, "api_version", f"{quoted(given)} is no version from {_FIRST_VERSION}.0 on"
        )
    return text


def _wrong(name: str, key: str, why: str) -> FixConfig:
    return FixConfig([Problem("gatepost.yaml", 0, 0, f"connections.{name}.{key}", why)])
