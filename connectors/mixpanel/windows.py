"""Which days one export asks for, and when they are due again.

A window is a part of the lake. Days that may still change are windows of their own; once all days
of a block of `days` days are older than `late`, the block takes their place: it is read once more,
whole, and the single days go. So a backfill asks for blocks, a regular run for single days, and
which is which follows from the calendar alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_AGAIN_HOURS = 6
"""How often yesterday is read again: its last events arrive about an hour late, and who an
anonymous user was is known within a day."""


@dataclass(frozen=True, slots=True)
class Window:
    """Days of the project's calendar, both included."""

    first: date
    last: date

    @property
    def name(self) -> str:
        """Sorts by time: 2026-06-30, or 2026-06-22_2026-06-28."""
        if self.first == self.last:
            return self.first.isoformat()
        return f"{self.first}_{self.last}"

    @property
    def days_before(self) -> tuple[str, ...]:
        """The names of the days that a block takes the place of."""
        count = (self.last - self.first).days + 1
        days = (self.first + number * _DAY for number in range(count))
        return tuple(day.isoformat() for day in days) if count > 1 else ()

    def span(self, zone: str | None) -> tuple[datetime, datetime]:
        """From when to when these days are, in a calendar of that zone (None: UTC)."""
        info, midnight = ZoneInfo(zone or "UTC"), time.min
        return (
            datetime.combine(self.first, midnight, info),
            datetime.combine(self.last + _DAY, midnight, info),
        )

    def halves(self) -> tuple["Window", "Window"]:
        """Two windows, of a window of more than a day."""
        middle = self.first + (self.last - self.first) // 2
        return Window(self.first, middle), Window(middle + _DAY, self.last)


def windows(since: date, today: date, days: int, late: int) -> Iterator[Window]:
    """Windows from `since` to `today`, in order, without gaps; none if `since` is yet to come.

    Blocks begin at the same days whatever `since` and `today` are; the first may be cut by `since`.
    """
    first = since
    while first <= today:
        block_end = date.fromordinal((first.toordinal() // days + 1) * days - 1)
        last = block_end if block_end < today - timedelta(days=late) else first
        yield Window(first, last)
        first = last + _DAY


def due(window: Window, now: datetime, late: int) -> str:
    """What a part's fingerprint says of time: differs when the window must be read again.

    `now` is the project's wall clock. Today is due at every run, yesterday every six hours, other
    days once a day until they are `late` days old; a day that was read then stays as it is.
    """
    today = now.date()
    if window.last >= today:
        return now.isoformat(timespec="seconds")
    read_on = min(today, window.last + timedelta(days=max(late, 1)))
    if window.last == today - _DAY:
        return f"{read_on} {now.hour // _AGAIN_HOURS}"
    return read_on.isoformat()
