"""A plan in words."""

from datetime import date

import click

from gatepost import changes
from sync.diff import Change, Skipped
from sync.plan import Plan


def change(account, field, from_, to, why="because"):
    return Change("Account", account, account.title(), field, from_, to, why)


def plan(*found, skipped=()):
    return Plan("2026-05-01T00:00:00Z", date(2026, 5, 1), "", found, tuple(skipped))


PLAN = plan(
    change("acme", "Stage", "A", "B", "entered B"),
    change("acme", "Since", None, date(2026, 5, 1), "entered B"),
    change("bolt", "Stage", "A", "B", "entered B"),
    change("cero", "Stage", None, "A", "entered A"),
)


def test_the_sentence_counts_records_and_fields():
    sentence = "3 records would change in 4 fields, as of 2026-05-01."
    assert changes.plan_sentence(PLAN) == sentence
    assert changes.plan_sentence(plan(skipped=[Skipped("x", "shared key")])) == (
        "Nothing needs writing: every record shows what was computed, as of 2026-05-01;"
        " 1 record left alone."
    )


def test_figures_by_field_and_by_move():
    assert changes.by_field(PLAN) == [("Stage", 3), ("Since", 1)]
    assert changes.moves(PLAN, "Stage") == [("A", "B", 2), (None, "A", 1)]


def test_records_are_told_one_by_one_a_line_a_field_and_a_reason_once():
    assert click.unstyle("\n".join(changes.told(PLAN, None))).splitlines()[:4] == [
        "Acme  acme  Account",
        "  Stage      A  →  B   entered B",
        "  Since  empty  →  2026-05-01",
        "",
    ]


def test_a_reason_that_does_not_fit_stands_below():
    long = plan(change("acme", "Stage", "A", "B", "w " * 30))
    found = list(changes.told(long, 50))
    assert found[1] == "  Stage  A  →  B"
    assert all(len(line) <= 50 for line in found[1:])


def test_a_sample_shows_the_records_with_most_changes():
    found = [click.unstyle(line) for line in changes.sample(PLAN, 1, 80)]
    assert found[0] == "Acme  acme  Account"
    assert len(found) == 3
