"""The project: its events, profiles and groups, and who is who at what time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sandbox.core.clock import Clock
    from sandbox.core.http import JsonDict

PROJECT_ID = 2195193
GROUP_KEY = "company_id"
GROUP_ID = "-6422834516187294721"  # numeric ids of group keys can be negative and 19 digits
DAY_SECONDS = 86_400


@dataclass
class Settings:
    """Limits of one project; seconds are `Clock.elapsed()` seconds."""

    hourly: int = 60
    per_second: int = 3
    concurrent: int = 100
    query_hourly: int = 60
    query_concurrent: int = 5
    schemas_per_minute: int = 5
    project_time: str = "utc"  # or a zone: an old project, local wall clock written as epoch
    region: str = "us"
    id_merge: str = "simplified"  # or original
    query_api: bool = True  # False: a plan without it, 402
    account_expired: bool = False
    auth_status: int = 401  # 400 is what the server said historically
    visible_after_seconds: float = 0.0


@dataclass(frozen=True)
class Columns:
    """Events in columns of equal length, in order of arrival; times are epoch seconds. `user` and
    `key` index the lists of the project, -1 is none. `anonymous` rows were sent before a login."""

    at: NDArray[np.int64]
    arrived: NDArray[np.int64]
    user: NDArray[np.int32]
    key: NDArray[np.int32]
    insert_id: NDArray[np.uint64]
    tail: NDArray[np.int32]  # index into `tails`: the JSON of event name and fixed properties
    anonymous: NDArray[np.bool_]


@dataclass
class Profile:
    """A user or a group. Without `last_seen` it has no $last_seen property."""

    id: str | int
    properties: JsonDict


@dataclass
class Cohort:
    """Users that somebody chose; some of them may have no profile."""

    id: int
    name: str
    members: list[str]


@dataclass
class Project:
    """All of it. Rows of the world are rendered when asked for; imported ones are kept as sent."""

    clock: Clock
    users: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)  # event names as JSON, by tail
    tails: list[str] = field(default_factory=list)
    columns: Columns | None = None
    imported: list[tuple[float, JsonDict]] = field(default_factory=list)  # arrival (epoch s), event
    profiles: dict[str, Profile] = field(default_factory=dict)
    groups: dict[str, Profile] = field(default_factory=dict)
    schemas: list[JsonDict] = field(default_factory=list)
    cohorts: list[Cohort] = field(default_factory=list)
    _days: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    def today(self, settings: Settings) -> date:
        """The last day that an export may name, in the project's own calendar."""
        now = self.clock.now()
        if settings.project_time == "utc":
            return now.date()
        return now.astimezone(ZoneInfo(settings.project_time)).date()

    def offsets(self, zone: str, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """Seconds that the zone is ahead of UTC at each instant."""
        if zone == "utc":
            return np.zeros(len(at), dtype=np.int64)
        info = ZoneInfo(zone)
        hours, where = np.unique(at // 3600, return_inverse=True)
        ahead = [offset_seconds(info, int(hour) * 3600) for hour in hours]
        found: NDArray[np.int64] = np.array(ahead, dtype=np.int64)[where]
        return found

    def rows_between(self, first: date, last: date, settings: Settings) -> NDArray[np.int64]:
        """Indexes of the rows of these project days that the export can know by now."""
        columns = self.columns
        if columns is None:
            return np.zeros(0, dtype=np.int64)
        zone = settings.project_time
        if zone not in self._days:
            self._days[zone] = (columns.at + self.offsets(zone, columns.at)) // DAY_SECONDS
        days = self._days[zone]
        known = self.clock.now().timestamp() - settings.visible_after_seconds
        chosen = (days >= _number(first)) & (days <= _number(last)) & (columns.arrived <= known)
        return np.flatnonzero(chosen)

    def imported_between(self, first: date, last: date, settings: Settings) -> list[JsonDict]:
        known = self.clock.now().timestamp() - settings.visible_after_seconds
        zone = settings.project_time
        found = []
        for arrived, event in self.imported:
            seconds = seconds_of(event["properties"]["time"])
            local = seconds + (0 if zone == "utc" else offset_seconds(ZoneInfo(zone), seconds))
            if arrived <= known and _number(first) <= local // DAY_SECONDS <= _number(last):
                found.append(event)
        return found

    def days_of(
        self, names: list[str], first: date, last: date, settings: Settings
    ) -> dict[str, dict[str, int]]:
        """How often these events happened on each day, of those that did at all."""
        counts: dict[str, dict[str, int]] = {}

        def add(name: str, seconds: float, number: int = 1) -> None:
            if name in names:
                zone = settings.project_time
                ahead = 0 if zone == "utc" else offset_seconds(ZoneInfo(zone), seconds)
                day = str(date(1970, 1, 1) + timedelta(days=int(seconds + ahead) // DAY_SECONDS))
                of = counts.setdefault(name, {})
                of[day] = of.get(day, 0) + number

        columns = self.columns
        rows = self.rows_between(first, last, settings)
        if columns is not None and len(rows):
            found = np.stack([columns.tail[rows], columns.at[rows] // 900 * 900])
            for (tail, at), number in zip(*_counted(found), strict=True):
                add(self.heads[tail].strip('"'), at, number)
        for event in self.imported_between(first, last, settings):
            add(event["event"], seconds_of(event["properties"]["time"]))
        return counts

    def names_since(self, since: datetime) -> dict[str, int]:
        """Counts of event names that happened since an instant and are known by now."""
        counts: dict[str, int] = {}
        columns = self.columns
        now = self.clock.now().timestamp()
        if columns is not None:
            chosen = (columns.at >= since.timestamp()) & (columns.arrived <= now)
            tails, numbers = np.unique(columns.tail[chosen], return_counts=True)
            for tail, number in zip(tails.tolist(), numbers.tolist(), strict=True):
                name = self.heads[tail].strip('"')
                counts[name] = counts.get(name, 0) + number
        for _, event in self.imported:
            if seconds_of(event["properties"]["time"]) >= since.timestamp():
                counts[event["event"]] = counts.get(event["event"], 0) + 1
        return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _counted(pairs: NDArray[np.int64]) -> tuple[list[list[int]], list[int]]:
    found, numbers = np.unique(pairs, axis=1, return_counts=True)
    return found.T.tolist(), numbers.tolist()


def _number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def offset_seconds(zone: ZoneInfo, seconds: float) -> int:
    """How far a zone is ahead of UTC at an instant (epoch seconds)."""
    offset = datetime.fromtimestamp(seconds, UTC).astimezone(zone).utcoffset() or timedelta()
    return int(offset.total_seconds())


def seconds_of(time: Any) -> float:
    """Import takes seconds and milliseconds; large numbers are the latter."""
    return float(time) / 1000 if float(time) > 1e11 else float(time)
