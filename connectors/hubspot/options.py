"""What gatepost.yaml says of a HubSpot connection, checked once."""

import re
from dataclasses import dataclass
from typing import Any

from config.errors import FixConfig
from config.problem import Problem, quoted
from config.project_file import Connection
from connectors.budget_rules import share_of

DEFAULT_VERSION = "2026-09"
_VERSION = re.compile(r"v3|20\d\d-(03|09)")
_MOST_RECORDS = 100


@dataclass(frozen=True, slots=True)
class Options:
    """Options with their defaults. Seconds, records, calls and shares."""

    version: str
    portal_id: str | None
    lifecycle_backwards: bool
    api_budget: float
    batch_size: int
    max_requests: int | None
    requests_per_second: float
    """0: as many as the window of ten seconds allows"""
    timeout_seconds: float
    retries: int


def options_of(name: str, connection: Connection) -> Options:
    """The options of a connection. FixConfig names the one that makes no sense."""
    given = connection.options

    def number(key: str, default: float, low: float, high: float) -> float:
        value: Any = given.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong(name, key, value, "a number")
        if not low <= value <= high:
            raise wrong(name, key, value, f"a number from {low:g} to {high:g}")
        return float(value)

    version = str(given.get("api_version", DEFAULT_VERSION))
    if not _VERSION.fullmatch(version):
        raise wrong(name, "api_version", version, "v3, or a date such as 2026-09")
    budget = given.get("api_budget", 0.25)
    try:
        share = share_of(budget)
    except ValueError as error:
        raise wrong(name, "api_budget", budget, str(error).partition(" is ")[2]) from None
    portal, backwards = given.get("portal_id"), given.get("lifecycle_backwards", False)
    if not isinstance(backwards, bool):
        raise wrong(name, "lifecycle_backwards", backwards, "true or false")
    return Options(
        version=version,
        portal_id=None if portal is None else str(portal),
        lifecycle_backwards=backwards,
        api_budget=share,
        batch_size=int(number("batch_size", _MOST_RECORDS, 1, _MOST_RECORDS)),
        max_requests=int(number("max_requests", 0, 0, 10**9)) or None,
        requests_per_second=number("requests_per_second", 0, 0, 1000),
        timeout_seconds=number("timeout_seconds", 120, 1, 3600),
        retries=int(number("retries", 5, 0, 20)),
    )


def wrong(name: str, key: str, given: object, wanted: str) -> FixConfig:
    """The error about one option."""
    message = f"{quoted(str(given))} is not {wanted}"
    return FixConfig([Problem("gatepost.yaml", 0, 0, f"connections.{name}.{key}", message)])
