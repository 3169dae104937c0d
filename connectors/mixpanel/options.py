"""What gatepost.yaml says of a connection of type `mixpanel`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, available_timezones

from config.errors import FixConfig
from config.home import home_of
from config.load import load_project
from config.problem import Problem, nearest, quoted
from config.project_file import Connection
from connectors.budget_rules import share_of

REGIONS = ("us", "eu", "in")
A_HOUR = 60
"""Exports that a project may ask for in an hour, by the vendor's own word."""

_NUMBER = re.compile(r"-?[0-9]+\Z")
_LOCAL = re.compile(r"local\((.+)\)\Z")
_LONGEST_WINDOW = 30
_MACHINES = ("posix/", "right/", "localtime", "Factory")


@dataclass(frozen=True, slots=True)
class Options:
    """A connection's options, checked."""

    name: str
    project_id: str
    region: str
    url: str | None
    """instead of the vendor's hosts, without a slash at its end"""
    zone: str | None
    """The zone whose wall clock the project writes as epoch (projects from before 2023); None if
    its times are instants and its days those of UTC."""
    since: date
    """the first day that is pulled, in the project's calendar"""
    window_days: int
    late_days: int
    an_hour: int
    """exports that the project may ask for in an hour, and queries as many"""
    share: float
    """how much of that we may use"""
    groups: Mapping[str, str]
    """group type → its data group id"""
    exports_at_once: int
    timeout_seconds: float
    tries: int
    home: Path

    def local(self, now: datetime) -> datetime:
        """The project's wall clock at an instant."""
        return now.astimezone(ZoneInfo(self.zone or "UTC"))


def options_of(name: str, connection: Connection, folder: Path) -> Options:
    """Read a connection's options. Raises FixConfig that names the one that is wrong."""
    given = _Given(name, connection.options)
    region = str(connection.options.get("region", "us"))
    if region not in REGIONS:
        given.wrong("region", "us, eu or in")
    return Options(
        name=name,
        project_id=str(connection.options["project_id"]),
        region=region,
        url=connection.url.rstrip("/") if connection.url else None,
        zone=given.zone(),
        since=given.since(folder),
        window_days=given.whole("window_days", 7, 1, _LONGEST_WINDOW),
        late_days=given.whole("late_days", 5, 0, 365),
        an_hour=given.whole("requests_per_hour", A_HOUR, 1, 100_000),
        share=given.share("api_budget", 0.25),
        groups=given.groups(),
        exports_at_once=given.whole("exports_at_once", 3, 1, 10),
        timeout_seconds=given.whole("timeout_seconds", 600, 1, 86_400),
        tries=given.whole("retries", 4, 0, 20) + 1,
        home=home_of(folder),
    )


@dataclass(frozen=True, slots=True)
class _Given:
    name: str
    options: dict[str, Any]

    def wrong(self, option: str, expected: str, hint: str = "") -> NoReturn:
        place = f"connections.{self.name}.{option}"
        found = self.options.get(option)
        given = "nothing is said" if found is None else f"{quoted(found)} is said"
        message = f"{given} where this is expected: {expected}"
        raise FixConfig([Problem("gatepost.yaml", 0, 0, place, message, hint)])

    def whole(self, option: str, unsaid: int, least: int, most: int) -> int:
        value = self.options.get(option, unsaid)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.wrong(option, f"a whole number from {least} to {most}")
        return int(value)

    def share(self, option: str, unsaid: float) -> float:
        try:
            return share_of(self.options.get(option, unsaid))
        except ValueError:
            self.wrong(option, "a share above 0, up to 1, such as 0.25 or 25%")

    def groups(self) -> dict[str, str]:
        pairs = [one.rpartition("=") for one in str(self.options.get("groups", "")).split(",")]
        found = {name.strip(): number.strip() for name, _, number in pairs if name or number}
        if not all(name and _NUMBER.match(number) for name, number in found.items()):
            self.wrong("groups", "group types and their data group ids: company_id=123, team_id=-4")
        return found

    def zone(self) -> str | None:
        said = str(self.options.get("project_time", "utc")).strip()
        if said.lower() == "utc":
            return None
        found = _LOCAL.match(said)
        if not found:
            self.wrong("project_time", "utc, or local(Europe/Berlin) with the project's time zone")
        zone = found[1].strip()
        # The engine converts by the same database, but knows no machine's own additions to it.
        names = {one for one in available_timezones() if not one.startswith(_MACHINES)}
        if zone not in names:
            self.wrong("project_time", "an IANA time zone", nearest(zone, names))
        return zone

    def since(self, folder: Path) -> date:
        """`since` of the connection, else the earliest of the journeys."""
        value = self.options.get("since")
        if value is None:
            project, _ = load_project(folder)
            if project is not None:
                return min(journey.since for journey in project.journeys)
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.wrong("since", "the first day that is pulled, such as 2025-01-01")
