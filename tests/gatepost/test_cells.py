"""Single values in words."""

from datetime import date

import pytest

from gatepost import cells


@pytest.mark.parametrize(
    ("value", "people", "sheet"),
    [
        (None, "", ""),
        (True, "yes", "true"),
        (False, "no", "false"),
        (3, "3", "3"),
        (3.0, "3", "3"),
        (0.181818, "0.181818", "0.181818"),
        (date(2026, 5, 1), "2026-05-01", "2026-05-01"),
        (("b", "c"), "b, c", "b;c"),
        ((), "", ""),
    ],
)
def test_values_for_people_and_for_spreadsheets(value, people, sheet):
    assert cells.shown(value) == people
    assert cells.csv_cell(value) == sheet


def test_figures_on_a_page_have_three_places():
    assert cells.figure(0.181818) == "0.182"
    assert cells.figure(2.0004) == "2"
    assert cells.figure(None) == ""


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (1, "100 %"), (0.9999, "over 99 %"), (0.001, "under 1 %"), (0.416, "42 %")],
)
def test_a_share_is_never_rounded_to_all_or_nothing(share, text):
    assert cells.percent(share) == text


def test_counts_agree_with_their_noun():
    assert cells.counted(1, "record") == "1 record"
    assert cells.counted(0, "record") == "0 records"
    assert cells.counted(1234, "entry", "entries") == "1,234 entries"
    assert cells.days(1) == "1 day"
    assert cells.days(None) == "–"


def test_what_would_break_a_line_becomes_a_blank():
    assert cells.one_line("a\nb\tc\x1b[31md") == "a b c [31md"
