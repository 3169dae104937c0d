"""Plans: the same object from memory and from a file, and refused once the CRM has moved."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import StopCycle, UsageError
from sync.diff import Change, Diff, Skipped
from sync.plain import value_text
from sync.plan import COLUMNS, json_rows, make_plan, recheck, text_rows
from sync.plan_file import from_json, to_json

MAY_1 = date(2026, 5, 1)


def change(account_id="1", field="stage", from_="a", to="b", **other):
    known = {"object": "Account", "name": "Acme", "why": "exit held"} | other
    return Change(account_id=account_id, field=field, from_=from_, to=to, **known)


def plan_of(*changes, skipped=()):
    return make_plan(
        [Diff(changes, skipped)], as_of=MAY_1, made_at="2026-05-02T00:00:00Z", config_hash="c"
    )


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.text(), st.sampled_from(["\udce4", "date"]), st.dates(),
    st.lists(st.text(max_size=3), max_size=3).map(tuple),
)  # fmt: skip
CHANGES = st.builds(
    Change, st.sampled_from(["Account", "Company"]), st.text(max_size=3), st.text(max_size=3),
    st.text(max_size=3), VALUES, VALUES, st.text(max_size=9),
)  # fmt: skip


@given(
    st.lists(CHANGES, max_size=6), st.lists(st.builds(Skipped, st.text(), st.text()), max_size=3)
)
def test_a_plan_comes_back_from_its_file_as_it_was(changes, skipped):
    """Types included: a day stays a day, 3 stays 3, a list a list."""
    plan = plan_of(*changes, skipped=tuple(skipped))
    text = to_json(plan)
    again = from_json(text)
    assert again == plan
    assert [type(one.to) for one in again.changes] == [type(one.to) for one in plan.changes]
    assert to_json(again) == text
    text.encode("utf-8")


def test_the_same_changes_in_another_order_of_journeys_are_the_same_records():
    one = Diff((change("1", "stage"), change("2", "stage")), (Skipped("9", "doubled"),))
    two = Diff((change("1", "score"), change("2", "score")), (Skipped("9", "doubled"),))
    plan = make_plan([one, two], as_of=MAY_1, made_at="", config_hash="")
    assert [[(c.account_id, c.field) for c in record] for record in plan.records()] == [
        [("1", "stage"), ("1", "score")],
        [("2", "stage"), ("2", "score")],
    ]
    assert plan.skipped == (Skipped("9", "doubled"),)


def test_a_file_has_one_change_a_line_so_that_people_can_compare_two():
    lines = to_json(plan_of(change("1"), change("2"))).splitlines()
    assert sum('"stage"' in line for line in lines) == 2
    assert json.loads("\n".join(lines))["gatepost_plan"] == 3


def test_an_empty_plan_is_a_plan():
    plan = plan_of()
    assert from_json(to_json(plan)) == plan
    assert list(plan.records()) == []


def test_what_was_read_is_in_the_hash_and_what_is_wanted_is_not():
    base = plan_of(change(from_="a", to="b")).read_hash
    assert plan_of(change(from_="a", to="z")).read_hash == base
    assert plan_of(change(from_="x", to="b")).read_hash != base
    assert plan_of(change("2", from_="a", to="b")).read_hash != base


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("\n", "is empty"),
        ('{"gatepost_plan": ' + "9" * 5000 + "}", "is no JSON"),
        ("[1, 2", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "is no plan"),
        ("{}", "is no plan"),
        ('{"gatepost_plan": 99}', "version 99"),
        ('{"gatepost_plan": 2}', "version 2, this Gatepost reads version 3"),
        ('{"gatepost_plan": 3}', "is damaged"),
    ],
    ids=range(10),
)
def test_a_file_that_is_no_plan_gets_a_sentence(text, said):
    with pytest.raises(UsageError, match=said) as caught:
        from_json(text, "plan.json")
    assert str(caught.value).startswith("plan.json")


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ('"to": "b"', '"to": {"day": 1}'),
        ('"to": "b"', '"to": {"date": "2026-02-31"}'),
        ('"to": "b"', '"to": [1]'),
        ('"id": "1"', '"id": 1'),
        ('"field": "stage", ', ""),
        ('"as_of": "2026-05-01"', '"as_of": "May"'),
        ('"as_of": "2026-05-01"', '"as_of": 5'),
        ('"skipped": []', '"skipped": [3]'),
        ('"skipped": []', '"skipped": null'),
    ],
    ids=range(9),
)
def test_a_damaged_plan_gets_a_sentence(was, becomes):
    text = to_json(plan_of(change()))
    assert was in text
    with pytest.raises(UsageError, match="damaged"):
        from_json(text.replace(was, becomes))


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ('"from": "a"', '"from": "c"'),
        ('"to": "b"', '"to": "c"'),
        ('"as_of": "2026', '"as_of": "2025'),
    ],
)
def test_a_plan_that_was_edited_is_refused(was, becomes):
    """What is written is what was computed, and what brakes have judged."""
    text = to_json(plan_of(change(from_="a", to="b")))
    assert was in text
    with pytest.raises(UsageError, match="was edited"):
        from_json(text.replace(was, becomes))


# ----------------------------------------------------------------------------------- rechecking


def test_a_plan_whose_records_are_as_they_were_is_carried_out_whole():
    plan = plan_of(change("1", from_="a"), change("2", from_=None))
    assert recheck(plan, {"1": {"stage": "a"}, "2": {"stage": ""}}) == plan


def test_a_record_that_changed_since_stops_the_whole_plan_and_is_named():
    plan = plan_of(change("1", from_="a"), change("2", from_=None, to=MAY_1, name=""))
    with pytest.raises(StopCycle) as caught:
        recheck(plan, {"1": {"stage": "c"}, "2": {"stage": "2026-07-01"}})
    assert str(caught.value).splitlines() == [
        "2 records have changed since the plan was made:",
        "  Acme (1) stage: was a, is c now",
        "  2 stage: was empty, is 2026-07-01 now",
    ]
    assert caught.value.exit_code == 1


def test_a_record_that_is_gone_stops_the_plan():
    with pytest.raises(
        StopCycle, match=r"1 record has changed.*\n  Acme \(1\): the record is gone"
    ):
        recheck(plan_of(change("1")), {})


def test_other_fields_of_the_record_may_change():
    plan = plan_of(change("1", from_="a"))
    assert recheck(plan, {"1": {"stage": "a", "owner": "somebody else"}}) == plan


def test_what_shows_the_planned_value_already_is_left_out():
    """An apply that was killed half-way can be repeated with the same plan."""
    plan = plan_of(change("1", to=3), change("2", from_="a"))
    left = recheck(plan, {"1": {"stage": "3.0"}, "2": {"stage": "a"}})
    assert [one.account_id for one in left.changes] == ["2"]


def test_a_refusal_of_many_records_names_ten():
    plan = plan_of(*(change(f"{n:02}") for n in range(25)))
    with pytest.raises(StopCycle) as caught:
        recheck(plan, {})
    lines = str(caught.value).splitlines()
    assert (len(lines), lines[0], lines[-1]) == (
        12, "25 records have changed since the plan was made:", "  and 15 more fields",
    )  # fmt: skip


# -------------------------------------------------------------------------------------- showing


def test_rows_for_scripts():
    plan = plan_of(
        change("1", "a", from_=None, to=MAY_1),
        change("1", "b", from_="3", to=4.5),
        change("1", "c", from_=True, to=None),
        change("1", "d", from_="x", to=("a", "b")),
    )
    rows = list(json_rows(plan))
    assert list(rows[0]) == [
        "object", "id", "field", "from", "to", "why", "segment", "move",
    ]  # fmt: skip
    assert [(row["from"], row["to"]) for row in rows] == [
        (None, "2026-05-01"), ("3", 4.5), (True, None), ("x", "a;b"),
    ]  # fmt: skip
    json.dumps(rows)


def test_rows_for_people():
    (row,) = text_rows(plan_of(change("1", from_=None, to=80.0)))
    assert row == ("Account", "1", "Acme", "stage", "", "80", "exit held", "", "")
    assert len(row) == len(COLUMNS)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (True, "true"), (3.0, "3"), (0.25, "0.25"), (MAY_1, "2026-05-01"), (("a",), "a")],
    ids=repr,
)
def test_values_as_people_read_them(value, text):
    assert value_text(value) == text
