"""Raw values read as text, number, date or boolean."""

import json
import math
import time
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.typed import (
    day_number,
    is_empty,
    read_boolean,
    read_date,
    read_number,
    read_text,
    scalar_text,
)

NEW_YORK = ZoneInfo("America/New_York")
AUCKLAND = ZoneInfo("Pacific/Auckland")


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("3", 3), (" 3.0 ", 3), ("+.5", 0.5), ("-7.", -7), ("1e3", 1000), ("1E-2", 0.01),
        (3, 3), (2.5, 2.5), ("0", 0), ("007", 7),
    ],
    ids=repr,
)  # fmt: skip
def test_numbers(raw, number):
    assert read_number(raw) == number


@pytest.mark.parametrize(
    "raw",
    [
        None, "", " ", "x", "1,000", "1_000", "1 000", "0x10", "nan", "inf", "1e999", "٣", "²", ".",
        "+", "e5", "--1", "1e", True, False, math.nan, math.inf, 10**400, "true",
    ],
    ids=repr,
)  # fmt: skip
def test_no_numbers(raw):
    assert read_number(raw) is None


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_of_python_and_json_reads_as_itself(number):
    assert read_number(repr(number)) == number
    assert read_number(json.dumps(number)) == number


@pytest.mark.parametrize("raw", ["true", "TRUE", " True ", True], ids=repr)
def test_true(raw):
    assert read_boolean(raw) is True


@pytest.mark.parametrize("raw", ["false", "False", False], ids=repr)
def test_false(raw):
    assert read_boolean(raw) is False


@pytest.mark.parametrize("raw", [None, "", "1", "0", 1, 0, 1.0, "yes", "no", "t"], ids=repr)
def test_neither_true_nor_false(raw):
    assert read_boolean(raw) is None


@pytest.mark.parametrize(
    ("raw", "zone", "day"),
    [
        ("2026-05-01", NEW_YORK, date(2026, 5, 1)),
        (" 2026-05-01 ", AUCKLAND, date(2026, 5, 1)),
        ("2024-02-29", NEW_YORK, date(2024, 2, 29)),
        ("2026-05-01T03:59:59Z", NEW_YORK, date(2026, 4, 30)),
        ("2026-05-01T04:00:00Z", NEW_YORK, date(2026, 5, 1)),
        ("2026-01-01T04:59:59.999Z", NEW_YORK, date(2025, 12, 31)),
        ("2026-05-01T03:00:00", NEW_YORK, date(2026, 4, 30)),
        ("2026-05-01 12:00", AUCKLAND, date(2026, 5, 2)),
        ("2026-05-01T23:30:00-05:00", NEW_YORK, date(2026, 5, 2)),
        ("2026-05-01T11:59:00.000+0000", AUCKLAND, date(2026, 5, 1)),
        ("2026-05-01T12:00:00.000+0000", AUCKLAND, date(2026, 5, 2)),
        ("1969-12-31", NEW_YORK, date(1969, 12, 31)),
        ("0001-01-01", NEW_YORK, date(1, 1, 1)),
    ],
)
def test_dates_are_local_days(raw, zone, day):
    assert read_date(raw, zone) == day_number(day)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system has no tzset")
def test_a_time_without_offset_is_utc_on_any_machine(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        try:
            # ten o'clock in Tokyo would still be the day before in New York
            assert read_date("2026-05-01T10:00:00", NEW_YORK) == day_number(date(2026, 5, 1))
        finally:
            patch.undo()
            time.tzset()


@pytest.mark.parametrize(
    "raw",
    [
        None, "", "2026-02-30", "2025-02-29", "20260501", "2026-W18-5", "01.05.2026", "5/1/2026",
        "2026-05", "2026-5-1", "2026-05-01T", "2026-05-01T25:00", "2026-05-01 noon", 20260501,
        1777593600000, True, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "٢٠٢٦-٠٥-٠١",
    ],
    ids=repr,
)  # fmt: skip
def test_no_dates(raw):
    assert read_date(raw, NEW_YORK) is None


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("x", "x"), (" x ", " x "), ("", None), (None, None), ("007", "007"), (5, "5"), (5.0, "5"),
        (0.1, "0.1"), (True, "true"), (False, "false"), (-3.0, "-3"), (1e300, "1e+300"),
    ],
    ids=repr,
)  # fmt: skip
def test_text(raw, text):
    assert read_text(raw) == text


def test_nothing_to_read_is_not_the_same_as_unreadable():
    assert [is_empty(raw) for raw in (None, "", "  ", "x", 0, False)] == [True] * 3 + [False] * 3


def test_numbers_are_written_as_people_write_them():
    assert scalar_text(12345.0) == "12345"
    assert scalar_text(0.5) == "0.5"
    assert scalar_text(True) == "true"
