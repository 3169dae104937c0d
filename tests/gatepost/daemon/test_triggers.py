"""When jobs are due, by cron's own rules and a zone's clock."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from config.project_file import Schedule
from gatepost.daemon.triggers import CronTrigger, missed, most_silence, next_time

BERLIN = ZoneInfo("Europe/Berlin")


def times(line, begin, count, zone="UTC"):
    found, at = [], begin
    for _ in range(count):
        at = next_time(line, zone, at)
        found.append(at)
    return found


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("*/30 * * * *", "2026-07-01T12:30"),
        ("0 12 * * *", "2026-07-02T12:00"),  # strictly later
        ("0 4 * * 0", "2026-07-05T04:00"),  # a Sunday, as cron counts
        ("0 4 * * 7", "2026-07-05T04:00"),
        ("0 4 * * mon-fri", "2026-07-02T04:00"),
        ("0 4 * * 5-7", "2026-07-03T04:00"),
        ("0 4 13 * fri", "2026-07-03T04:00"),  # either: the Friday comes first
        ("0 4 2 * sun", "2026-07-02T04:00"),  # or the day
        ("0 4 */2 * mon", "2026-07-13T04:00"),  # a star limits nothing: both must fit
        ("15 3 29 feb *", "2028-02-29T03:15"),
        ("5/20 8-10/2 * jan *", "2027-01-01T08:05"),
    ],
)
def test_lines_mean_what_they_mean_to_cron(line, first):
    # 2026-07-01 is a Wednesday
    found = next_time(line, "UTC", datetime(2026, 7, 1, 12, tzinfo=UTC))
    assert found is not None
    assert found.strftime("%Y-%m-%dT%H:%M") == first


def test_the_schedule_goes_by_the_clock_of_its_zone():
    found = times("0 9 * * *", datetime(2026, 10, 24, 12, tzinfo=UTC), 2, "Europe/Berlin")
    assert [one.astimezone(UTC).hour for one in found] == [8, 8]  # winter time begins on the 25th
    found = times("0 9 * * *", datetime(2026, 10, 23, 12, tzinfo=UTC), 1, "Europe/Berlin")
    assert found[0].astimezone(UTC).hour == 7


def test_no_half_hour_is_lost_or_endless_when_clocks_are_changed():
    for day in (datetime(2026, 3, 28, 22, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC)):
        found = [one.astimezone(UTC) for one in times("*/30 * * * *", day, 12, "Europe/Berlin")]
        gaps = {later - earlier for earlier, later in pairwise(found)}
        assert min(gaps) > timedelta(0)
        assert max(gaps) <= timedelta(minutes=30)


def test_a_time_that_the_clock_leaves_out_is_made_up_for():
    (found,) = times("30 2 29 3 *", datetime(2026, 3, 28, tzinfo=UTC), 1, "Europe/Berlin")
    assert found.astimezone(BERLIN).strftime("%d %H:%M") == "29 03:30"


def test_jitter_puts_off_by_no_more_than_it_may():
    now = datetime(2026, 7, 1, 12, 1, tzinfo=UTC)
    made = CronTrigger("*/30 * * * *", "UTC", 60)
    due = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
    fired = [made.get_next_fire_time(None, now) for _ in range(50)]
    late = {one - due for one in fired if one is not None}
    assert len(late) > 10
    assert all(timedelta(0) <= one <= timedelta(seconds=60) for one in late)


def test_what_was_missed_is_due_once():
    now = datetime(2026, 7, 1, 12, 10, tzinfo=UTC)
    line = "*/30 * * * *"
    assert missed(line, "UTC", None, now)
    assert missed(line, "UTC", now - timedelta(days=3), now)
    assert missed(line, "UTC", now - timedelta(minutes=11), now)
    assert not missed(line, "UTC", now - timedelta(minutes=9), now)
    assert not missed("never", "UTC", None, now)
    assert not missed("never", "UTC", now - timedelta(days=9), now)


def test_silence_is_two_times_that_went_by():
    last = datetime(2026, 7, 1, 12, 10, tzinfo=UTC)
    allowed = most_silence(Schedule(sync="0 * * * *", jitter=30), 1, last)
    assert allowed == timedelta(minutes=50 + 60 + 15, seconds=30)
    assert most_silence(Schedule(sync="never"), 2, last) == timedelta(days=2)
