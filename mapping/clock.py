"""The calendar day of a time zone, as arithmetic that every engine does alike.

Days are int32 counts from 1970-01-01. The zone's rules come from Python's own tables and reach the
engine as a short list of offsets, so no engine's zone data can differ from another's.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

EPOCH = date(1970, 1, 1)
SECONDS_A_DAY = 86_400


def day_number(day: date) -> int:
    """Days from 1970-01-01 to `day`."""
    return (day - EPOCH).days


def day_date(number: int) -> date:
    """The date that lies `number` days after 1970-01-01."""
    return EPOCH + timedelta(days=int(number))


@dataclass(frozen=True)
class Offsets:
    """A zone's offsets from UTC over a span of time.

    `starts[i]` is the instant (epoch seconds) from which `seconds[i]` (east positive) holds;
    before `starts[0]` the first offset holds.
    """

    starts: tuple[int, ...]
    seconds: tuple[int, ...]


def offsets(timezone: str, first: date, last: date) -> Offsets:
    """Every change of `timezone`'s offset between `first` and `last`, to the second.

    `timezone` is an IANA name that exists (the configuration has been checked).
    """
    zone = ZoneInfo(timezone)
    begin = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(days=2)
    end = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=3)
    starts, seconds = [int(begin.timestamp())], [_offset(begin, zone)]
    # Zones change at most a few times a year: weekly probes, then bisection to the second.
    probe = begin
    while probe < end:
        following = min(probe + timedelta(days=7), end)
        if _offset(following, zone) != seconds[-1]:
            at = _change(probe, following, zone)
            starts.append(at)
            seconds.append(_offset(datetime.fromtimestamp(at, UTC), zone))
            following = datetime.fromtimestamp(at, UTC)
        probe = following
    return Offsets(tuple(starts), tuple(seconds))


def _offset(instant: datetime, zone: ZoneInfo) -> int:
    offset = instant.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> int:
    """The first whole second in (before, after] whose offset is not that of `before`."""
    low, high, old = int(before.timestamp()), int(after.timestamp()), _offset(before, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(datetime.fromtimestamp(middle, UTC), zone) == old:
            low = middle
        else:
            high = middle
    return high
