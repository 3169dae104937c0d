"""Cron lines as triggers of APScheduler, and when a job was due. Pure but for the jitter.

APScheduler's own cron counts weekdays from Monday, wants both day and weekday to fit where cron
takes either, and goes back in time where a zone's clock is put back. So it is told the times.
"""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import product
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger

from config.cron import Cron, cron_fields
from config.project_file import NEVER, Schedule

LATE = timedelta(minutes=15)
"""how long after its time a job may still end before anybody wonders"""
_FARTHEST_DAYS = 9 * 366
"""to the next 29th of February, also around 2100"""


class CronTrigger(BaseTrigger):  # type: ignore[misc]  # the library is not annotated
    """Fires when a line does, by the clock of a zone, up to `jitter` seconds later."""

    def __init__(self, line: str, timezone: str, jitter: int = 0) -> None:
        self._line, self._timezone, self._jitter = line, timezone, jitter

    def __str__(self) -> str:
        return f"{self._line} {self._timezone}"

    def get_next_fire_time(
        self, previous_fire_time: datetime | None, now: datetime
    ) -> datetime | None:
        found = next_time(self._line, self._timezone, previous_fire_time or now)
        late = timedelta(seconds=random.uniform(0, self._jitter))  # noqa: S311 (no secret)
        return None if found is None else found + late


def next_time(line: str, timezone: str, after: datetime) -> datetime | None:
    """The first time that lies later than `after`, in UTC; None for `never`.

    An hour that a zone's clock has twice counts twice; a time that it leaves out is made up for as
    much later.
    """
    if line == NEVER:
        return None
    cron, zone = cron_fields(line), ZoneInfo(timezone)
    # A day earlier, since what the clock left out yesterday may be made up for today.
    first = after.astimezone(zone).date() - timedelta(days=1)
    for number in range(_FARTHEST_DAYS):
        day = first + timedelta(days=number)
        if _fits(cron, day):
            later = [at for at in _times(cron, day, zone) if at > after]
            if later:
                return min(later)
    return None


def _fits(cron: Cron, day: date) -> bool:
    on_day, on_weekday = day.day in cron.days, day.isoweekday() % 7 in cron.weekdays
    fits = on_day or on_weekday if cron.either else on_day and on_weekday
    return fits and day.month in cron.months


def _times(cron: Cron, day: date, zone: tzinfo) -> Iterator[datetime]:
    for hour, minute in product(cron.hours, cron.minutes):
        local = datetime.combine(day, time(hour, minute), zone)
        once, again = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
        yield once
        if again > once:  # earlier: the clock leaves it out
            yield again


def missed(line: str, timezone: str, last: datetime | None, now: datetime) -> bool:
    """Whether a job that began for the last time at `last` should have begun since. However often
    it should have, once is enough. One that never began is due at once, unless it never is."""
    if last is None:
        return line != NEVER
    due = next_time(line, timezone, last)
    return due is not None and due <= now


def most_silence(schedule: Schedule, silent_days: int, last: datetime) -> timedelta:
    """How long after the end of a sync the next one must have ended: two times of the schedule, or
    so many days where somebody else starts it."""
    first = next_time(schedule.sync, schedule.timezone, last)
    if first is None:
        return timedelta(days=silent_days)
    second = next_time(schedule.sync, schedule.timezone, first) or first
    return second - last + timedelta(seconds=schedule.jitter) + LATE
