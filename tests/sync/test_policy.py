"""What is held back of a plan, whose value holds, and what goes out again."""

from dataclasses import replace
from datetime import date

import pytest

from config.guards import Guards
from config.mapping_file import WriteEntry, WriteField
from sync.diff import Change
from sync.policy import Knowledge, Refusal, Yielded, dwell_of, items, judge, written

TODAY = date(2026, 6, 30)
NOW = "2026-06-30T12:00:00Z"
PLACE = ("1", "stage")


def change(from_="Onboarding", to="Adoption", field="stage", account="1"):
    return Change("Account", account, "Acme", field, from_, to, "why")


def judged(one, known=None, guards=None, **spec):
    fields = {one.field: WriteField(output="stage", **spec)}
    return judge([one], fields, guards or Guards(), known or Knowledge(), today=TODAY, now=NOW)


def told(result):
    """Whether the change is written, and the kind of its note."""
    return bool(result.changes), [one.kind for one in result.notes]


def test_what_was_never_written_before_is_no_conflict():
    assert told(judged(change())) == (True, [])


def test_our_own_last_value_is_no_conflict():
    known = Knowledge(confirmed={PLACE: "Onboarding"})
    assert told(judged(change(), known, conflict="theirs")) == (True, [])


MEDDLED = Knowledge(confirmed={PLACE: "Adoption"})
"""We wrote Adoption, the CRM shows Onboarding, and Adoption is still what we say."""


def test_ours_puts_our_value_back_and_lists_it():
    assert told(judged(change(), MEDDLED)) == (True, ["restored"])


def test_theirs_holds_until_our_value_changes():
    assert told(judged(change(), MEDDLED, conflict="theirs")) == (False, ["left"])
    changed = change(to="Renewal")
    assert told(judged(changed, MEDDLED, conflict="theirs")) == (True, ["replaced"])


def test_theirs_that_emptied_the_field_holds_as_well():
    emptied = change(from_=None)
    assert told(judged(emptied, MEDDLED, conflict="theirs")) == (False, ["left"])


@pytest.mark.parametrize(
    ("since", "is_written"),
    [(date(2026, 6, 30), False), (date(2026, 6, 1), False), (date(2026, 5, 31), True)],
)
def test_theirs_for_a_while_holds_for_so_many_days(since, is_written):
    known = replace(MEDDLED, yielded={PLACE: Yielded('"Onboarding"', since)})
    result = judged(change(), known, conflict="theirs for 30d")
    assert told(result) == (is_written, ["restored" if is_written else "left"])
    assert result.notes[0].since == since


@pytest.mark.parametrize(
    "met", [Yielded('"Trial"', date(2026, 1, 1)), Yielded('"Onboarding"', date(2026, 9, 1))]
)
def test_another_value_of_theirs_or_a_clock_set_back_begins_the_while_anew(met):
    known = replace(MEDDLED, yielded={PLACE: met})
    result = judged(change(), known, conflict="theirs for 4w")
    assert told(result) == (False, ["left"])
    assert result.notes[0].since == TODAY


def test_a_value_that_is_changed_back_in_three_runs_is_given_up():
    twice = replace(MEDDLED, fights={PLACE: 2})
    assert told(judged(change(), replace(MEDDLED, fights={PLACE: 1}))) == (True, ["restored"])
    result = judged(change(), twice)
    assert told(result) == (False, ["contested"])
    assert "--retry-contested" in result.notes[0].why
    assert told(judged(change(to="Renewal"), twice)) == (True, ["replaced"])


def test_a_refused_record_waits_until_it_is_due_or_a_value_changes():
    known = Knowledge(refused={"1": Refusal({"stage": '"Adoption"'}, "2026-06-30T13:00:00Z", "no")})
    assert told(judged(change(), known)) == (False, ["quarantine"])
    due = Knowledge(refused={"1": Refusal({"stage": '"Adoption"'}, NOW, "no")})
    assert told(judged(change(), due)) == (True, [])
    assert told(judged(change(to="Renewal"), known)) == (True, [])
    assert told(judged(change(account="2"), known)) == (True, [])


OUT = {("1", "stage", '"Adoption"'): date(2026, 6, 25)}


@pytest.mark.parametrize(("dwell", "is_written"), [(5, True), (6, False), (0, True)])
def test_a_value_goes_out_a_second_time_only_after_the_dwell(dwell, is_written):
    known = Knowledge(confirmed={PLACE: "Onboarding"}, out=OUT)
    result = judged(change(), known, Guards(dwell=dwell))
    assert told(result) == (is_written, [] if is_written else ["dwell"])


def test_a_dwell_of_the_field_goes_before_that_of_guards():
    known = Knowledge(confirmed={PLACE: "Onboarding"}, out=OUT)
    assert told(judged(change(), known, Guards(dwell=30), dwell=0)) == (True, [])
    assert told(judged(change(), known, dwell=30)) == (False, ["dwell"])


def test_our_value_is_put_back_at_once_whatever_the_dwell():
    known = replace(MEDDLED, out=OUT)
    assert told(judged(change(), known, Guards(dwell=30))) == (True, ["restored"])


def test_a_day_that_is_yet_to_come_holds_nothing_back():
    known = Knowledge(
        confirmed={PLACE: "Onboarding"}, out={("1", "stage", '"Adoption"'): date(2027, 1, 1)}
    )
    assert told(judged(change(), known, Guards(dwell=30))) == (True, [])


def test_dwell_is_for_stages_and_alerts():
    guards = Guards(dwell=7)
    outputs = (
        "stage",
        "alerts",
        "moment.cliff",
        "moment.cliff.since",
        "stage_owner",
        "health_score",
    )
    assert [dwell_of(WriteField(output=one), guards) for one in outputs] == [7, 7, 7, 7, 0, 0]


def test_of_a_list_goes_out_what_is_new_in_it():
    assert items(change("a; b", ("b", "c"))) == ("c",)
    assert items(change(None, ("b",))) == ("b",)
    assert items(change(("a",), ())) == ()
    assert items(change(True, False)) == ()
    assert items(change(False, True)) == ("true",)
    assert items(change("x", None)) == ()


def test_a_suggestion_is_written_to_its_own_field_alone():
    entry = WriteEntry(
        journey="J",
        fields={
            "Stage": WriteField(output="stage", write="suggest", to="Suggested"),
            "Health": WriteField(output="health_score", write="if_empty"),
        },
    )
    fields = written(entry).fields
    assert list(fields) == ["Suggested", "Health"]
    assert (fields["Suggested"].output, fields["Suggested"].write) == ("stage", "always")
    assert fields["Health"].write == "if_empty"
