"""Rows as lines: tables, CSV, JSON, Markdown."""

import csv
import io
import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.results import _TABLE, OVERVIEW
from gatepost.tables import Shape, csv_lines, fitting, json_lines, markdown_lines, table_lines

SHAPE = Shape(figures=frozenset({"days"}))


def test_columns_are_as_wide_as_they_need_and_figures_stand_flush_right():
    rows = [["Onboarding", "7", "x"], ["Adoption", "120", ""]]
    assert table_lines(["stage", "days", "note"], rows, SHAPE) == [
        "stage       days  note",
        "----------  ----  ----",
        "Onboarding     7  x",
        "Adoption     120",
    ]


def test_wide_characters_take_two_columns():
    lines = table_lines(["name", "days"], [["日本", "1"], ["abcd", "2"]], SHAPE)
    assert lines[2:] == ["日本     1", "abcd     2"]


def test_json_lines_hold_dates_as_text_lists_as_lists_and_unknown_as_null():
    row = {"a": date(2026, 5, 1), "b": ("x", "y"), "c": None, "d": {"e": date(2026, 5, 2)}}
    (line,) = json_lines([row])
    assert line == '{"a": "2026-05-01", "b": ["x", "y"], "c": null, "d": {"e": "2026-05-02"}}'


def test_json_has_no_number_that_json_does_not_know():
    (line,) = json_lines([{"a": float("nan"), "b": float("inf"), "c": 1.5}])
    assert json.loads(line) == {"a": None, "b": None, "c": 1.5}


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2)))
def test_csv_comes_back_as_it_was(rows):
    text = "\r\n".join(csv_lines(["a", "b"], rows))
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["a", "b"], *rows]


def test_csv_without_rows_is_its_header():
    assert list(csv_lines(["a", "b"], [])) == ["a,b"]


@given(st.text())
def test_a_markdown_cell_stays_one_cell_on_one_line(cell):
    lines = list(markdown_lines(["x"], [[cell]]))
    assert len(lines) == 3
    assert "\n" not in lines[2]
    inner = lines[2].removeprefix("| ").removesuffix(" |").replace("\\\\", "")
    assert inner.count("|") == inner.count("\\|")


@pytest.mark.parametrize(
    ("room", "shown"),
    [(200, "id name days"), (40, "name days"), (20, "name")],
)
def test_a_narrow_terminal_loses_spare_columns_in_their_order(room, shown):
    shape = Shape(texts=frozenset({"name"}), spare=("id", "days"))
    header = ["id", "name", "days"]
    rows = [["001000000000000AAA", "n" * 60, "12"]]
    assert " ".join(header[number] for number in fitting(header, rows, shape, room)) == shown


@pytest.mark.parametrize("room", [55, 60, 80])
def test_in_a_narrow_terminal_accounts_still_have_names_and_stages(room):
    header = ["account", "name", *_TABLE]
    rows = [["0015f00000XyZabAAA", "Cedar and Daughters", "Onboarding", "2026-06-01", "112",
             "overdue", "66.7", "yellow", "-33.3", "usage_cliff", "first_share 0"]]  # fmt: skip
    shown = fitting(header, rows, OVERVIEW, room)
    needs = sum(min(max(len(header[n]), len(rows[0][n])), 24) + 2 for n in shown) - 2
    assert {"name", "stage", "days", "health"} <= {header[number] for number in shown}
    assert needs <= room
