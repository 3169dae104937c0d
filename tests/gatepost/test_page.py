"""The page of `explain`: what a person reads before a call."""

from datetime import date

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.journey import Journey
from gatepost.page import page
from mapping.explain import (
    Clause,
    ComponentScore,
    Evidence,
    Explanation,
    MomentState,
    TouchpointState,
    Written,
)
from mapping.outputs import HistoryRow

JOURNEY = Journey.model_validate(
    {
        "journey": "Onboarding",
        "since": date(2026, 1, 1),
        "signals": {"shared": {"first": "Report Shared"}, "users": {"users": "any"}},
        "stages": [
            {"stage": "Start", "enter": "day > '2026-01-01'", "exit": "shared is not null"},
            {
                "stage": "Adoption",
                "exit": "users >= 5 and shared is not null",
                "target": "60d",
                "metric": "users / 10",
                "owner": "CSM",
                "play": "Train one team",
            },
            {"stage": "Value", "enter": "users > 7", "exit": "users > 8"},
            {"stage": "Gone", "enter": "users = 0", "ends": True},
        ],
    }
)
USERS = Evidence("users", 3, "distinct users of any")
SHARED = Evidence("shared", date(2026, 3, 1), "day of the first Report Shared")
UNMET = Clause("users >= 5", False, 3, ">= 5", "users is 3, needs 5", (USERS,), ())
MET = Clause("shared is not null", True, None, "", "", (SHARED,), ())
EXIT = Clause(
    "users >= 5 and shared is not null", False, None, "", "users is 3, needs 5", (), (UNMET, MET)
)
OUTPUTS = {
    "stage": "Adoption",
    "stage_entered_on": date(2026, 3, 1),
    "days_in_stage": 71,
    "stage_completed_on": None,
    "stage_waiting": False,
    "stage_done": False,
    "stage_overdue": True,
    "stage_metric": 0.3,
    "history_complete": True,
    "first_value_on": date(2026, 3, 1),
    "ttv_days": 29,
    "ttv_running_days": None,
    "health_score": 58.2,
    "health_band": "yellow",
    "health_trend": -12.1,
}


def explanation(outputs=None, **changed):
    """One account that has been too long in Adoption, with some of it changed."""
    given_ = {
        "account": "001",
        "name": "Acme",
        "journey": "Onboarding",
        "as_of": date(2026, 5, 11),
        "outputs": {**OUTPUTS, **(outputs or {})},
        "why_here": "entered 2026-03-01 after Start (shared is not null)",
        "exit": EXIT,
        "history": (
            HistoryRow(
                "001", "Onboarding", "stage", "Start",
                date(2026, 1, 31), date(2026, 3, 1), date(2026, 3, 1),
            ),
            HistoryRow("001", "Onboarding", "stage", "Adoption", date(2026, 3, 1), None, None),
        ),
        "components": (
            ComponentScore("breadth", 0.3123, 58.2, 2.0, 41.8, ""),
            ComponentScore("opinion", None, None, 1.0, None, "unknown, left out"),
        ),
        "moments": (),
        "touchpoints": (),
    }  # fmt: skip
    return Explanation(**{**given_, **changed})


def lines(outputs=None, width=100, **changed):
    text = page(explanation(outputs, **changed), JOURNEY, width)
    return click.unstyle(text).splitlines()


def section(title, outputs=None, **changed):
    """The lines under a title, without their indentation of two."""
    found = lines(outputs, **changed)
    begin = next(number for number, line in enumerate(found) if line.startswith(title))
    end = found.index("", begin) if "" in found[begin:] else len(found)
    return [line.removeprefix("  ") for line in found[begin + 1 : end]]


def test_the_stage_since_when_how_long_and_how_much_over():
    assert section("Stage") == [
        "Adoption since 2026-03-01: 71 days, target 60 days, 11 days over",
        "Entered 2026-03-01 after Start (shared is not null).",
        "Metric: users / 10 is 0.3.",
        "Owner: CSM. Play: Train one team",
        "Time to value: 29 days (first value on 2026-03-01).",
    ]


def test_each_clause_with_its_mark_what_it_lacks_and_where_its_values_come_from():
    assert section("To leave Adoption") == [
        "✗ users >= 5",
        "    users is 3, needs 5",
        "    (distinct users of any)",
        "✓ shared is not null",
        "    shared is 2026-03-01 (day of the first Report Shared)",
    ]


def test_what_is_unknown_has_a_question_mark():
    seats = Evidence("seats", None, "crm: Account.Seats")
    unknown = Clause(
        "users > seats", None, 3, "> seats", "`users > seats` can't be told: seats unknown",
        (seats,), (),
    )  # fmt: skip
    assert section("To leave", exit=unknown) == [
        "? users > seats",
        "    `users > seats` can't be told: seats unknown",
        "    seats is unknown (crm: Account.Seats)",
    ]


def test_alternatives_are_told_apart_from_conditions():
    either = Clause("users >= 5 or shared is not null", True, None, "", "", (), (UNMET, MET))
    assert section("To leave", exit=either)[:2] == ["Any of these:", "    ✗ users >= 5"]
    for text in (either.text, f"({either.text})"):
        both = Clause(f"{text} and users >= 5", False, None, "", "", (), (either, UNMET))
        found = section("To leave", exit=both)
        assert found[:2] == ["✓ any of:", "    ✗ users >= 5"]
        assert found[-3:] == [
            "✗ users >= 5",
            "    users is 3, needs 5",
            "    (distinct users of any)",
        ]


def test_a_met_criterion_counts_for_good_and_says_what_comes_next():
    waiting = {
        "stage_completed_on": date(2026, 5, 1),
        "stage_waiting": True,
        "stage_overdue": False,
    }
    assert "Completed on 2026-05-01; waits for Value (users > 7)." in section("Stage", waiting)
    assert "To leave Adoption: met on 2026-05-01, which counts for good" in lines(waiting)


def test_stays_have_dates_and_lengths():
    assert section("Stages so far") == [
        "Start     2026-01-31  →  2026-03-01  29 days",
        "Adoption  2026-03-01  →  now         71 days",
    ]


def test_health_by_component_with_what_each_costs():
    assert "Health: 58.2 of 100, yellow, down 12.1 in 28 days" in lines()
    assert section("Health") == [
        "           value  score  weight  costs",
        "breadth    0.312   58.2       2  −41.8",
        "opinion  unknown      –       1      –  unknown, left out",
    ]


def test_open_moments_with_since_owner_and_play():
    moments = (
        MomentState("cliff", True, date(2026, 5, 1), "trend < 0.5", "CSM", "Call"),
        MomentState("silence", False, None, "users = 0", "CSM", "Find out"),
    )
    past = HistoryRow(
        "001", "Onboarding", "moment", "cliff", date(2026, 2, 1), None, date(2026, 2, 9)
    )
    assert section("Moments", moments=moments, history=(past,)) == [
        "✗ cliff since 2026-05-01 (10 days): trend < 0.5",
        "    CSM: Call",
        "Not open: silence",
        "cliff: once before, 2026-02-01 → 2026-02-09",
    ]


def test_touchpoints_are_done_late_or_to_come():
    def point(name, done_on=None, late=False, due=date(2026, 5, 1)):
        return TouchpointState(name, due, done_on, late, "CSM", "Director")

    points = (
        point("a", date(2026, 4, 20)),
        point("b", late=True),
        point("c", due=date(2026, 6, 1)),
    )
    assert section("Touchpoints", touchpoints=points) == [
        "✓ a: done 2026-04-20, was due 2026-05-01; CSM",
        "✗ b: was due 2026-05-01, 10 days late; CSM, then Director",
        "· c: due 2026-06-01; CSM",
    ]


def test_what_was_last_written_stands_as_the_crm_has_it():
    written = (
        Written("Cliff__c", True, "2026-05-10T08:00:00Z", "confirmed", ""),
        Written("Alerts__c", ("a", "b"), "2026-05-10T08:00:00Z", "confirmed", ""),
        Written("Band__c", None, "2026-05-10T08:00:00Z", "confirmed", ""),
    )
    assert section("Last written", written=written) == [
        "Cliff__c   true   2026-05-10 08:00:00 UTC",
        "Alerts__c  a;b    2026-05-10 08:00:00 UTC",
        "Band__c    empty  2026-05-10 08:00:00 UTC",
    ]


@pytest.mark.parametrize(
    ("outputs", "sentence"),
    [
        (
            {"ttv_days": None, "ttv_running_days": 71},
            "No first value yet, 71 days after the start.",
        ),
        ({"ttv_days": None, "history_complete": False}, "Time to value is unknown"),
    ],
)
def test_time_to_value_says_why_there_is_none(outputs, sentence):
    assert any(line.startswith(sentence) for line in section("Stage", outputs))


def test_an_account_that_is_never_written_says_why_first():
    found = click.unstyle(page(explanation(), JOURNEY, 100, "its key 'x' is also that of 002"))
    assert found.splitlines()[3:5] == [
        "Nothing is written to this account",
        "  ✗ its key 'x' is also that of 002",
    ]


def test_an_account_without_a_stage_says_so_and_leaves_the_rest_out():
    nothing = dict.fromkeys(OUTPUTS)
    found = lines(nothing, exit=None, history=(), components=(), why_here="no event yet")
    assert found == [
        "Acme  001",
        "Onboarding, as of 2026-05-11",
        "",
        "Stage",
        "  None yet: no event yet.",
    ]
    early = section("Stage", nothing, exit=None, as_of=date(2025, 12, 31))
    assert early == ["None: history begins on 2026-01-01 (`since` of the journey)."]


def test_where_the_journey_ends_nothing_is_judged():
    gone = {**dict.fromkeys(OUTPUTS), "stage": "Gone", "days_in_stage": 3, "history_complete": True}
    found = lines(gone, exit=None)
    assert "  The journey ends here; health and moments are not judged any more." in found
    assert not any(line.startswith(("Health", "To leave")) for line in found)


@given(st.integers(40, 140), st.text(min_size=1, max_size=300))
def test_words_are_wrapped_to_the_width(width, play):
    play = " ".join(word[:20] for word in play.split())
    moment = MomentState("cliff", True, date(2026, 5, 1), "trend < 0.5", "CSM", play)
    found = page(explanation(moments=(moment,), components=()), JOURNEY, width)
    for line in click.unstyle(found).splitlines():
        assert len(line) <= max(width, 60)
