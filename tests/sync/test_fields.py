"""Fields with their history: steps over days, as of a day."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.mapping_file import FieldSpec
from sync.fields import BEGINNING, load_fields
from sync.sightings import record_sightings
from sync.state import State, instant_text
from sync.typed import day_number

MAY = date(2026, 5, 31)
ZONE = "America/New_York"


@pytest.fixture
def state(tmp_path):
    with State(tmp_path) as opened:
        yield opened


def pull(state, seen, /, **accounts):
    return record_sightings(state, "Account", accounts.items(), seen)


def load(state, as_of=MAY, zone=ZONE, **fields):
    return load_fields(
        state, "Account", {n: FieldSpec(field=n, type=k) for n, k in fields.items()}, zone, as_of
    )


def steps(table, field):
    """{account id: [(day, value)]}, a day as date, None for the beginning."""
    found = {account: [] for account in table.accounts}
    of = table.steps[field]
    for account, day, value, valid in zip(
        of.account.tolist(), of.day.tolist(), of.value.tolist(), of.valid.tolist(), strict=True
    ):
        shown = None if day == BEGINNING else date(1970, 1, 1).fromordinal(day + 719_163)
        found[table.accounts[account]].append((shown, value if valid else None))
    return found


def test_the_first_value_holds_since_ever_and_later_ones_from_their_day(state):
    pull(state, "2026-05-03", a={"seats": "5"})
    pull(state, "2026-05-10", a={"seats": "7"})
    assert steps(load(state, seats="number"), "seats") == {
        "a": [(None, 5.0), (date(2026, 5, 10), 7.0)]
    }


def test_nothing_seen_after_the_last_day_shows(state):
    pull(state, "2026-05-03", a={"seats": "5"})
    pull(state, "2026-05-10", a={"seats": "7"})
    assert steps(load(state, date(2026, 5, 9), seats="number"), "seats") == {"a": [(None, 5.0)]}


def test_an_account_first_seen_after_the_last_day_has_its_first_value(state):
    pull(state, "2026-05-03", a={"seats": "5"})
    pull(state, "2026-05-10", a={"seats": "5"}, b={"seats": "1"})
    pull(state, "2026-05-11", a={"seats": "5"}, b={"seats": "2"})
    table = load(state, date(2026, 5, 4), seats="number")
    assert steps(table, "seats") == {"a": [(None, 5.0)], "b": [(None, 1.0)]}


def test_a_field_that_was_mapped_later_has_its_first_value_since_ever(state):
    pull(state, "2026-05-03", a={"seats": "5"})
    pull(state, "2026-05-10", a={"seats": "6", "plan": "x"})
    pull(state, "2026-05-12", a={"seats": "6", "plan": "y"})
    table = load(state, date(2026, 5, 4), seats="number", plan="text")
    assert steps(table, "plan") == {"a": [(None, "x")]}
    assert steps(table, "seats") == {"a": [(None, 5.0)]}
    later = load(state, date(2026, 5, 12), plan="text")
    assert steps(later, "plan") == {"a": [(None, "x"), (date(2026, 5, 12), "y")]}


def test_a_field_that_was_never_pulled_has_no_steps_and_is_null(state):
    pull(state, "2026-05-03", a={"seats": "5"})
    table = load(state, plan="text", size="number")
    assert steps(table, "plan") == {"a": []}
    value, valid = table.steps["size"].last(1)
    assert np.isnan(value[0])
    assert not valid[0]


def test_the_last_sighting_of_a_local_day_is_the_day_s_value(state):
    pull(state, "2026-05-02T15:00:00Z", a={"seats": "1"})
    pull(state, "2026-05-05T13:00:00Z", a={"seats": "2"})
    pull(state, "2026-05-06T03:59:59Z", a={"seats": "3"})  # still the 5th in New York
    pull(state, "2026-05-06T04:00:00Z", a={"seats": "4"})
    assert steps(load(state, seats="number"), "seats")["a"] == [
        (None, 1.0),
        (date(2026, 5, 5), 3.0),
        (date(2026, 5, 6), 4.0),
    ]
    assert steps(load(state, zone="UTC", seats="number"), "seats")["a"] == [
        (None, 1.0),
        (date(2026, 5, 5), 2.0),
        (date(2026, 5, 6), 4.0),
    ]


def test_a_bare_day_is_that_day_in_every_timezone(state):
    pull(state, "2026-05-02", a={"x": "1"})
    pull(state, "2026-05-05", a={"x": "2"})
    for zone in ("Pacific/Auckland", "UTC", "Pacific/Honolulu"):
        assert steps(load(state, zone=zone, x="text"), "x")["a"][1][0] == date(2026, 5, 5)


def test_a_value_that_came_and_went_within_a_day_never_was(state):
    pull(state, "2026-05-02T10:00:00Z", a={"x": "1"})
    pull(state, "2026-05-05T10:00:00Z", a={"x": "2"})
    pull(state, "2026-05-05T11:00:00Z", a={"x": "1"})
    assert steps(load(state, x="text"), "x") == {"a": [(None, "1")]}


def test_other_text_of_the_same_value_is_no_step(state):
    pull(state, "2026-05-02", a={"n": "5", "d": "2026-01-01", "b": "true"})
    pull(state, "2026-05-03", a={"n": "5.0", "d": "2026-01-01T12:00:00Z", "b": True})
    table = load(state, n="number", d="date", b="boolean")
    assert [len(table.steps[name].day) for name in "ndb"] == [1, 1, 1]


def test_values_to_null_and_back_are_steps(state):
    for day, raw in ((2, "5"), (3, None), (4, ""), (5, "many"), (6, "5")):
        pull(state, f"2026-05-0{day}", a={"n": raw})
    assert steps(load(state, n="number"), "n")["a"] == [
        (None, 5.0),
        (date(2026, 5, 3), None),
        (date(2026, 5, 6), 5.0),
    ]


def test_types_of_the_arrays(state):
    pull(state, "2026-05-02", a={"n": "5", "d": "2026-01-01", "b": "true", "t": "x"}, b={})
    table = load(state, n="number", d="date", b="boolean", t="text")
    kinds = {name: table.steps[name].value.dtype.name for name in "ndbt"}
    assert kinds == {"n": "float64", "d": "int32", "b": "bool", "t": "object"}
    one = table.steps["d"]
    assert (one.day.dtype.name, one.account.dtype.name, one.valid.dtype.name) == (
        "int32", "int32", "bool",
    )  # fmt: skip
    assert one.value.tolist() == [day_number(date(2026, 1, 1))]


def test_unreadable_values_of_the_last_day_are_counted_with_examples(state):
    pull(state, "2026-05-02", a={"n": "many"}, b={"n": "5"}, c={"n": " "}, d={"n": "n/a"})
    pull(state, "2026-05-03", a={"n": "7"}, b={"n": "lots"}, c={"n": " "}, d={"n": "n/a"})
    early, late = load(state, date(2026, 5, 2), n="number"), load(state, n="number")
    assert early.unreadable["n"].examples == (("a", "many"), ("d", "n/a"))
    assert late.unreadable["n"].accounts == 2
    assert late.unreadable["n"].examples == (("b", "lots"), ("d", "n/a"))
    assert load(state, n="text").unreadable == {}


def test_accounts_are_sorted_by_id_with_their_latest_name(state):
    pull(state, "2026-05-02", b={"name": "Bee"}, a={"name": "Ay"}, Z={"name": ""})
    pull(state, "2026-05-04", b={"name": "Bea"}, a={"name": "Ay"}, Z={"name": ""})
    table = load(state)
    assert (table.accounts, table.names) == (("Z", "a", "b"), (None, "Ay", "Bea"))
    assert load(state, date(2026, 5, 3)).names == (None, "Ay", "Bee")


def test_an_account_that_is_gone_is_left_out_from_that_day_on(state):
    pull(state, "2026-05-02", a={"x": "1"}, b={"x": "2"}, c={"x": "3"})
    pull(state, "2026-05-05", a={"x": "1"}, c={"x": "4"})
    pull(state, "2026-05-08", a={"x": "1"}, b={"x": "2"}, c={"x": "4"})
    assert load(state, date(2026, 5, 4), x="text").accounts == ("a", "b", "c")
    between = load(state, date(2026, 5, 5), x="text")
    assert (between.accounts, between.gone) == (("a", "c"), ("b",))
    assert steps(between, "x") == {"a": [(None, "1")], "c": [(None, "3"), (date(2026, 5, 5), "4")]}
    back = load(state, date(2026, 5, 8), x="text")
    assert steps(back, "x")["b"] == [(None, "2")]


def test_a_gone_account_stays_gone_though_a_later_pull_knows_a_new_field(state):
    pull(state, "2026-05-02", a={"x": "1"})
    pull(state, "2026-05-03")
    pull(state, "2026-05-05", a={"x": "1", "y": "2"})
    assert load(state, date(2026, 5, 4), x="text", y="text").gone == ("a",)


def test_a_clock_that_was_set_back_does_not_freeze_a_value(state):
    """The latest pull says what holds now, whatever the clock of an earlier one said."""
    pull(state, "2026-05-02T10:00:00Z", a={"x": "1"})
    pull(state, "2031-01-01T10:00:00Z", a={"x": "2"})
    pull(state, "2026-05-04T10:00:00Z", a={"x": "3"})
    assert steps(load(state, date(2026, 5, 4), x="text"), "x")["a"] == [
        (None, "1"),
        (date(2026, 5, 4), "3"),
    ]


def test_an_overtaken_sighting_counts_for_the_later_pull_s_day(state):
    """Steps stay in the order of their days, and the overtaken value never shows."""
    pull(state, "2026-05-02T10:00:00Z", a={"x": "1"}, b={"x": "1"})
    pull(state, "2026-05-10T10:00:00Z", a={"x": "2"}, b={"x": "1"})
    pull(state, "2026-05-09T10:00:00Z", a={"x": "3"}, b={"x": "4"})
    assert steps(load(state, x="text"), "x") == {
        "a": [(None, "1"), (date(2026, 5, 9), "3")],
        "b": [(None, "1"), (date(2026, 5, 9), "4")],
    }


def test_no_accounts_at_all(state):
    table = load(state, x="text")
    assert (table.accounts, table.names, len(table.steps["x"].day)) == ((), (), 0)


def test_values_on_a_day(state):
    pull(state, "2026-05-02", a={"n": "1"}, b={"n": "5"})
    pull(state, "2026-05-04", a={"n": "2"}, b={"n": None})
    of = load(state, n="number").steps["n"]
    value, valid = of.on(day_number(date(2026, 5, 3)), 2)
    assert (value.tolist(), valid.tolist()) == ([1.0, 5.0], [True, True])
    value, valid = of.last(2)
    assert (value[0], valid.tolist()) == (2.0, [True, False])


RAW = st.sampled_from(["1", "1.0", "2", "", "x", None, 1, 2.5, True])
INSTANTS = st.lists(st.integers(0, 9 * 24), min_size=1, max_size=5, unique=True).map(
    sorted
)  # hours after 1 May, UTC
PULLS = INSTANTS.flatmap(
    lambda hours: st.lists(
        st.dictionaries(
            st.sampled_from("ab"), st.dictionaries(st.sampled_from("fg"), RAW, max_size=2)
        ),
        min_size=len(hours),
        max_size=len(hours),
    ).map(lambda worlds: list(zip(hours, worlds, strict=True)))
)


def plain_value(pulls, place, day, as_of, zone):
    """The same, read plainly: the last sighting of the latest day with one, else the first
    day's."""
    read = {"1": 1.0, "1.0": 1.0, "2": 2.0, 1: 1.0, 2.5: 2.5}
    seen = {}
    account, field = place
    for hours, world in pulls:
        local = datetime.fromtimestamp(1_777_593_600 + hours * 3600, UTC).astimezone(zone).date()
        if account in world and field in world[account]:
            raw = world[account][field]
            seen[local] = None if raw is True else read.get(raw)
    visible = {d: v for d, v in seen.items() if d <= as_of} or dict(list(seen.items())[:1])
    held = [d for d in visible if d <= day] or list(visible)[:1]
    return visible[max(held)] if held else None


@given(PULLS, st.integers(1, 11), st.integers(1, 11), st.sampled_from([ZONE, "Asia/Tokyo"]))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_steps_agree_with_a_plain_reading(state, pulls, day, until, zone):
    """For every day up to the last, over random pulls in two timezones."""
    as_of = date(2026, 5, until)
    with state.transaction() as connection:  # one file for all examples
        connection.execute("DELETE FROM sightings")
        connection.execute("DELETE FROM pulls")
        for hours, world in pulls:
            instant = datetime.fromtimestamp(1_777_593_600 + hours * 3600, UTC)
            record_sightings(state, "Account", world.items(), instant_text(instant))
    table = load(state, as_of, zone, f="number", g="number")
    on = min(date(2026, 5, day), as_of)
    for number, account in enumerate(table.accounts):
        for field in "fg":
            value, valid = table.steps[field].on(day_number(on), len(table.accounts))
            wanted = plain_value(pulls, (account, field), on, as_of, ZoneInfo(zone))
            assert (value[number] if valid[number] else None) == wanted
