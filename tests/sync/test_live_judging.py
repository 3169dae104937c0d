"""What is said of a field for what is read from it or written to it, and of calls. No network."""

from datetime import date, timedelta

import pytest

from config.mapping_file import WriteField
from connectors.base import BudgetLeft
from connectors.facts import Estimate, FieldFacts, ObjectFacts
from mapping.output_types import OutputType
from sync.live_events import judge as judge_events
from sync.live_fields import judge, missing_options
from sync.live_report import Looked, judge_calls
from sync.live_uses import EventUse, FieldUse, Place, Writing

STAGE = OutputType("text", ("Onboarding", "Adoption"), choice=True)
ALERTS = OutputType("list", ("quiet", "Kick-off"), choice=True)
FLAG = OutputType("boolean")
SCORE = OutputType("number", decimals=1, most=100)
METRIC = OutputType("text")
HERE = Place("mapping.yaml", ("write", 0, "fields", "F"))


def a_field(kind="text", takes=("text",), **more):
    return FieldFacts("F", "word", kind, frozenset(takes), **more)


def said(found, *, output=None, read_as=None, null="keep"):
    writing = None
    if output is not None:
        writing = Writing("Care", WriteField(output="stage", null=null), output)
    use = FieldUse("crm", "Account", "F", HERE, read_as, writing)
    facts = ObjectFacts("Account", {"F": found} if found else {}, invisible=True)
    return [(one.severity, one.check) for one in judge(use, facts, lambda _: None)]


@pytest.mark.parametrize(
    ("found", "read_as", "expected"),
    [
        (a_field("number"), "number", []),
        (a_field("number"), "text", []),
        (a_field("any"), "date", []),
        (a_field("text"), "date", [("warning", "type")]),
        (a_field("number"), "date", [("error", "type")]),
        (a_field("date"), "boolean", [("error", "type")]),
        (a_field("date", refusal="a formula"), "date", []),
        (a_field("none"), "text", [("error", "type")]),
        (a_field("none"), None, [("error", "type")]),
        (None, "date", [("error", "field")]),
    ],
)
def test_reading(found, read_as, expected):
    assert said(found, read_as=read_as) == expected


LISTS = {"takes": ("text", "list"), "options": ("Onboarding", "quiet", "Kick-off")}


@pytest.mark.parametrize(
    ("found", "output", "expected"),
    [
        (a_field(length=10), STAGE, []),
        (a_field(length=9), STAGE, [("error", "length")]),
        (a_field(length=9), METRIC, []),
        (a_field("number", ("number",)), STAGE, [("error", "type")]),
        (a_field("number", ("number",), digits=3, decimals=1), SCORE, []),
        (a_field("number", ("number",), digits=2, decimals=1), SCORE, [("error", "length")]),
        (a_field("number", ("number",), digits=3, decimals=0), SCORE, [("warning", "length")]),
        (a_field(**LISTS), STAGE, [("warning", "options")]),
        (a_field(**LISTS, restricted=True), STAGE, [("error", "options")]),
        (a_field(**LISTS, restricted=True), ALERTS, []),
        (a_field(**LISTS, restricted=True), METRIC, [("warning", "options")]),
        (a_field(**LISTS, length=5), ALERTS, [("error", "length")]),
        (a_field(takes=("text",), options=()), ALERTS, [("error", "type")]),
        (
            a_field(takes=("boolean",), options=("true", "no"), restricted=True),
            FLAG,
            [("error", "options")],
        ),
        (a_field(refusal="a formula"), STAGE, [("error", "read-only")]),
        (
            a_field(takes=("list",), options=("a;b",), restricted=True),
            OutputType("list", ("a;b",), choice=True),
            [("error", "options")],
        ),
    ],
)
def test_writing(found, output, expected):
    assert said(found, output=output) == expected


def test_a_label_leads_to_the_name_and_an_impossible_name_is_said_so():
    writing = Writing("Care", WriteField(output="stage"), STAGE)
    use = FieldUse("crm", "Account", "Customer Stage", HERE, None, writing)
    held = FieldFacts("Stage__c", "word", "text", frozenset(), label="Customer stage")
    facts = ObjectFacts("Account", {"Stage__c": held})
    (said,) = judge(use, facts, lambda _: ("it holds a blank", ""))
    assert said.hint == (
        "'Stage__c' is the field with this label; or none can be made: it holds a blank"
    )


def test_what_cannot_be_empty_is_not_cleared():
    box = a_field("boolean", ("boolean",), can_be_empty=False)
    assert said(box, output=FLAG) == []
    assert said(box, output=FLAG, null="clear") == [("error", "empty")]


def test_values_that_are_added_come_in_the_journeys_order():
    assert missing_options(STAGE, a_field(options=("Adoption",))) == ("Onboarding",)
    assert missing_options(STAGE, a_field()) == ()
    assert missing_options(FLAG, a_field(options=())) == ("true", "false")


def test_events_by_the_day_on_which_they_were_seen():
    today = date(2026, 7, 1)
    seen = {
        "new": today,
        "old": today - timedelta(91),
        "edge": today - timedelta(90),
        "known": None,
    }
    uses = [EventUse(name, HERE) for name in (*seen, "gone")]
    found = [(use.name, one.severity) for use, one in judge_events(uses, seen, today)]
    assert found == [("old", "warning"), ("gone", "error")]


@pytest.mark.parametrize(
    ("left", "expected"),
    [(100, []), (50, []), (49, ["warning"]), (20, ["warning"]), (19, ["error"]), (None, [])],
)
def test_calls(left, expected):
    budget = BudgetLeft(used=1, allowed=200, left=left, period=timedelta(days=1))
    looked = Looked("crm", "salesforce", estimate=Estimate(quiet=20, full=50), left=budget)
    assert [one.severity for one in judge_calls(looked)] == expected
