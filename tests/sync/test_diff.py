"""The fewest writes: typed comparison, policies, order."""

import math
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sync.diff import Change, Skipped, diff, same, unlike
from sync.diff import _means_the_same as means_the_same

ALWAYS = SimpleNamespace(write="always", null="keep")
CLEAR = SimpleNamespace(write="always", null="clear")
IF_EMPTY = SimpleNamespace(write="if_empty", null="keep")
IF_EMPTY_CLEAR = SimpleNamespace(write="if_empty", null="clear")
MAY_1 = date(2026, 5, 1)


def changes(desired, observed, policy=ALWAYS):
    """The one field's (from, to), or None where nothing is to be written."""
    found = diff("Account", {"1": {"f": desired}}, {"1": {"f": observed}}, {"f": policy}).changes
    return (found[0].from_, found[0].to) if found else None


# ------------------------------------------------------------------ what reads the same is the same


@pytest.mark.parametrize(
    ("desired", "observed"),
    [
        (3, 3.0), (3.0, 3), (3, "3"), (3.0, " 3.00 "), ("3", 3), ("3", 3.0), ("3.0", 3),
        (0.333333, 0.3333333333), (0.1 + 0.2, "0.3"), (1e21, "1e21"), (-0.0, 0), (0.5, ".5"),
        (None, ""), (None, None), (None, "  "), ("", None), ("  ", ""), ((), None), ((), ""),
        (("",), None), (math.nan, None), (math.inf, ""),
        (True, True), (True, "true"), (True, "TRUE"), (False, "False"), ("true", True),
        ("FALSE", False),
        (MAY_1, MAY_1), (MAY_1, "2026-05-01"), (MAY_1, " 2026-05-01 "),
        (MAY_1, "2026-05-01T00:00:00Z"), (MAY_1, "2026-05-01T00:00:00.000+0000"),
        (MAY_1, "2026-05-01 00:00:00"), (MAY_1, datetime(2026, 5, 1, tzinfo=UTC)),
        ("2026-05-01", "2026-05-01T00:00:00.000Z"), ("2026-05-01", MAY_1),
        (datetime(2026, 5, 1, tzinfo=UTC), "2026-05-01"),
        ("Onboarding", "Onboarding"), ("Onboarding", " Onboarding\t"), ("a\nb", "a\r\nb"),
        (("a", "b"), "a;b"), (("a", "b"), "b; a"), (("a", "b", "a"), "b;a"), (("a",), ";a;"),
        (("a;b",), "a;b"), (("Renewal risk",), "Renewal risk"),
    ],
    ids=repr,
)  # fmt: skip
def test_the_same(desired, observed):
    assert same(desired, observed)
    assert changes(desired, observed) is None
    assert changes(desired, observed, CLEAR) is None


@pytest.mark.parametrize(
    ("desired", "observed"),
    [
        (3, "4"), (3, "three"), (3, None), (3, ""), (3, True), (0, None), (0, ""), (0, False),
        (0.333333, 0.333334), (1, "1_0"),
        ("007", "7"), ("3", "3.0"), ("1e3", "1000"), ("three", 3), ("a", "A"), ("a", None),
        ("null", None), ("None", None), ("a b", "a  b"), ("", "x"),
        (True, False), (True, "1"), (True, 1), (True, "yes"), (True, None), (False, None),
        (False, ""), (False, "true"), (False, 0),
        (MAY_1, date(2026, 5, 2)), (MAY_1, "2026-05-02"), (MAY_1, "01.05.2026"), (MAY_1, None),
        (MAY_1, "2026-05-01x"), (MAY_1, 20260501), (MAY_1, True),
        ("2026-05-01", "2026-05-01T09:00:00Z"), ("2026-05-01", "2026-05-02"),
        (("a",), "a;b"), (("a", "b"), "a"), (("a",), None), ((), "a"), (("a",), "A"), (("3",), 4),
    ],
    ids=repr,
)  # fmt: skip
def test_not_the_same(desired, observed):
    assert not same(desired, observed)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.dates(),
    st.text(max_size=8),
    st.sampled_from(["3", "3.0", "true", "2026-05-01", "2026-05-01T00:00:00Z", ";", "a;b", " "]),
    st.lists(st.text(max_size=4), max_size=3).map(tuple),
)


def as_csv(value):
    """What a CSV cell reads after a value was written to it: text alone."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case tuple():
            return ";".join(value)
        case date():
            return value.isoformat()
        case _:
            return str(value)


def as_crm(value):
    """What a CRM's JSON gives back: numbers as doubles, text trimmed, empty as null."""
    match value:
        case tuple():
            return ";".join(sorted(value)).strip() or None
        case bool() | None:
            return value
        case int():
            return float(value)
        case date():
            return f"{value.isoformat()}T00:00:00.000+0000"
        case str():
            return value.strip().replace("\r\n", "\n").replace("\n", "\r\n") or None
        case _:
            return value


@given(VALUES)
def test_a_value_equals_itself(value):
    assert same(value, value)


@given(VALUES, VALUES, st.sampled_from([ALWAYS, CLEAR, IF_EMPTY, IF_EMPTY_CLEAR]))
def test_what_was_written_is_not_written_again(desired, observed, policy):
    """Whatever the field is kept as: the CSV's text, the CRM's own types."""
    for stored in (as_csv, as_crm):
        found = changes(desired, stored(observed), policy)
        if found is not None:
            assert changes(desired, stored(found[1]), policy) is None


@given(VALUES, VALUES)
def test_equality_does_not_depend_on_where_the_value_is_kept(one, other):
    """A CSV and a CRM that hold the same value need the same writes, but for text that looks like
    a number, which a text cell keeps as it is written."""
    if isinstance(other, str) or isinstance(one, str):
        return
    assert same(one, as_csv(other)) == same(one, as_crm(other))


@given(st.integers(-(10**9), 10**9), st.sampled_from([1, 1.0]))
def test_a_whole_number_is_the_same_in_every_spelling(number, factor):
    spellings = [number, float(number), str(number), f"{number}.0", f" {number}.000000"]
    assert all(same(number * factor, spelling) for spelling in spellings)
    assert not any(same(number * factor + 1, spelling) for spelling in spellings)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_floats_are_compared_at_six_places(one, other):
    assert same(one, other) == (round(one, 6) == round(other, 6))


@given(st.permutations(["a", "b", "c"]), st.permutations(["a", "b", "c"]))
def test_lists_are_sets(one, other):
    assert same(tuple(one), ";".join(other))


# --------------------------------------------------------------------------------------- policies


def test_only_changed_fields_of_changed_records():
    found = diff(
        "Account",
        {"1": {"stage": "Adoption", "score": 80.0}, "2": {"stage": "Renewal", "score": None}},
        {"1": {"stage": "Onboarding", "score": "80"}, "2": {"stage": "Renewal", "score": "5"}},
        {"stage": ALWAYS, "score": ALWAYS},
        names={"1": "Acme", "2": None},
        why=lambda field, ids: [f"{one}/{field}" for one in ids],
    )
    assert found.changes == (
        Change("Account", "1", "Acme", "stage", "Onboarding", "Adoption", "1/stage"),
    )
    assert found.skipped == ()


def test_unknown_keeps_what_is_there_unless_asked_to_clear():
    assert changes(None, "80") is None
    assert changes("", "80") is None
    assert changes(None, "80", CLEAR) == ("80", None)
    assert changes("", "80", CLEAR) == ("80", None)
    assert changes(math.nan, "80", CLEAR) == ("80", None)


def test_an_empty_list_is_known_and_takes_the_last_alert_away():
    assert changes((), "usage_cliff") == ("usage_cliff", ())


def test_false_and_zero_are_values():
    assert changes(False, "true") == ("true", False)
    assert changes(0, "5") == ("5", 0)
    assert changes(0, None) == (None, 0)


def test_if_empty_never_touches_what_somebody_filled_in():
    assert changes("ours", "theirs", IF_EMPTY) is None
    assert changes("ours", "", IF_EMPTY) == ("", "ours")
    assert changes("ours", None, IF_EMPTY) == (None, "ours")
    assert changes(None, "theirs", IF_EMPTY_CLEAR) is None
    assert changes((), "theirs", IF_EMPTY) is None


def test_a_field_that_the_policies_do_not_name_is_never_written():
    assert diff("A", {"1": {"x": 1}}, {"1": {"x": 2}}, {}).changes == ()


def test_a_field_that_is_not_desired_is_left_alone():
    assert diff("A", {"1": {}}, {"1": {"x": 2}}, {"x": CLEAR}).changes == ()


def test_a_field_that_the_record_lacks_is_empty():
    assert diff("A", {"1": {"x": 1}}, {"1": {}}, {"x": IF_EMPTY}).changes[0].from_ is None


# ---------------------------------------------------------------------- records and their order


def test_a_record_is_never_made():
    found = diff("A", {"1": {"x": 1}, "2": {"x": 1}}, {"2": {"x": 1}}, {"x": ALWAYS})
    assert found.changes == ()
    assert [one.account_id for one in found.skipped] == ["1"]


def test_records_nobody_computed_are_left_alone():
    assert diff("A", {}, {"1": {"x": 1}}, {"x": CLEAR}) == diff("A", {}, {}, {})


def test_records_that_must_not_be_written_are_named_with_the_reason():
    found = diff(
        "A",
        {"1": {"x": 1}, "2": {"x": 1}},
        {"1": {}, "2": {}},
        {"x": ALWAYS},
        never={"1": "doubled"},
    )
    assert [change.account_id for change in found.changes] == ["2"]
    assert found.skipped == (Skipped("1", "doubled"),)


def test_order_is_by_id_and_then_as_the_mapping_has_its_fields():
    wanted = {key: {"a": 1, "b": 1} for key in ("10", "9", "1")}
    found = diff("A", wanted, {key: {} for key in wanted}, {"b": ALWAYS, "a": ALWAYS})
    assert [(one.account_id, one.field) for one in found.changes] == [
        ("1", "b"), ("1", "a"), ("10", "b"), ("10", "a"), ("9", "b"), ("9", "a"),
    ]  # fmt: skip


RECORDS = st.dictionaries(
    st.sampled_from(["1", "2", "3"]),
    st.dictionaries(st.sampled_from(["x", "y", "z"]), VALUES),
)


@given(RECORDS, RECORDS, st.sampled_from([ALWAYS, CLEAR, IF_EMPTY]))
def test_a_written_diff_leaves_nothing_and_touches_nothing_else(desired, observed, policy):
    policies = {"y": policy, "x": policy}
    before = {key: {f: as_csv(v) for f, v in fields.items()} for key, fields in observed.items()}
    after = {key: dict(fields) for key, fields in before.items()}
    for change in diff("A", desired, before, policies).changes:
        assert change.field in desired[change.account_id]
        after[change.account_id][change.field] = as_csv(change.to)
    assert diff("A", desired, after, policies).changes == ()
    assert after.keys() == before.keys()
    assert all(after[key].get("z") == before[key].get("z") for key in before)


@given(RECORDS, RECORDS)
def test_the_same_input_gives_the_same_answer(desired, observed):
    shuffled = dict(reversed(list(desired.items())))
    there = {key: {f: as_crm(v) for f, v in fields.items()} for key, fields in observed.items()}
    policies = {"x": ALWAYS, "y": CLEAR}
    assert diff("A", desired, there, policies) == diff("A", shuffled, there, policies)


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(),
    st.dates(),
    st.text(max_size=3),
    st.tuples(st.sampled_from("ab")),
)


@given(ANYTHING, ANYTHING)
@example(math.nan, "")
@example(math.inf, "inf")
@example(datetime(2026, 5, 1, tzinfo=UTC), "2026-05-01T00:00:00+00:00")
def test_what_is_written_alike_also_reads_the_same(one, other):
    """The quick look never finds equal what the careful one tells apart."""
    for shown in (other, one, as_csv(one), str(one)):
        # no CRM shows a tuple
        if not isinstance(shown, tuple) and not unlike([one], [shown]):
            assert means_the_same(one, shown)
