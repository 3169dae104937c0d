"""Which days one export asks for, and when they are due again."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.mixpanel.windows import Window, due, windows

DAY = timedelta(days=1)
dates = st.dates(date(2020, 1, 1), date(2030, 12, 31))
lengths = st.integers(1, 30)
ages = st.integers(0, 40)


@given(dates, st.integers(-3, 400), lengths, ages)
def test_windows_cover_every_day_once_and_never_go_beyond_today(since, span, days, late):
    today = since + timedelta(days=span)
    found = list(windows(since, today, days, late))
    if span < 0:
        assert found == []
        return
    assert (found[0].first, found[-1].last) == (since, today)
    assert all(before.last + DAY == after.first for before, after in pairwise(found))
    assert all((one.last - one.first).days < days for one in found)
    assert [one.name for one in found] == sorted(one.name for one in found)


@given(dates, st.integers(0, 400), lengths, ages)
def test_days_that_may_still_change_are_windows_of_their_own(since, span, days, late):
    today = since + timedelta(days=span)
    for one in windows(since, today, days, late):
        if one.first != one.last:
            assert (today - one.last).days > late


@given(dates, st.integers(0, 200), lengths, ages)
def test_a_window_stays_until_a_block_takes_its_place(since, span, days, late):
    today = since + timedelta(days=span)
    before = set(windows(since, today, days, late))
    after = set(windows(since, today + DAY, days, late))
    for gone in before - after:
        assert gone.first == gone.last
        assert any(one.first <= gone.first <= one.last for one in after - before)


@given(dates, st.integers(1, 30))
def test_halves_are_the_whole(first, more):
    whole = Window(first, first + timedelta(days=more))
    one, two = whole.halves()
    assert (one.first, one.last + DAY, two.last) == (whole.first, two.first, whole.last)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


DAY_OF = {name: Window(date.fromisoformat(name), date.fromisoformat(name)) for name in (
    "2026-06-25", "2026-06-26", "2026-06-29", "2026-06-30")}  # fmt: skip


@pytest.mark.parametrize(
    ("day", "before", "after", "again"),
    [
        ("2026-06-30", "2026-06-30T10:00:00", "2026-06-30T10:00:01", True),  # today: every run
        ("2026-06-29", "2026-06-30T00:10:00", "2026-06-30T05:59:00", False),  # yesterday …
        ("2026-06-29", "2026-06-30T05:59:00", "2026-06-30T06:00:00", True),  # … every six hours
        ("2026-06-29", "2026-06-29T23:59:00", "2026-06-30T00:01:00", True),  # a day that ended
        ("2026-06-26", "2026-06-30T01:00:00", "2026-06-30T23:00:00", False),  # once a day …
        ("2026-06-26", "2026-06-30T01:00:00", "2026-07-01T01:00:00", True),
        ("2026-06-25", "2026-06-30T01:00:00", "2026-07-01T01:00:00", False),  # … for five days
        ("2026-06-25", "2026-06-29T01:00:00", "2026-07-04T01:00:00", True),  # missed the last
        ("2026-06-25", "2026-07-01T01:00:00", "2027-01-01T00:00:00", False),
    ],
)
def test_a_day_is_due_again_while_it_may_change(day, before, after, again):
    assert (due(DAY_OF[day], at(before), 5) != due(DAY_OF[day], at(after), 5)) is again
