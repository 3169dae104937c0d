"""What a pull of fields notes: changes only, vanished accounts, one row a bare day."""

from datetime import UTC, date, datetime

import pytest

from sync.sightings import CHUNK, record_sightings, seen_now
from sync.state import State

NOON = datetime(2026, 5, 9, 12, 0, tzinfo=UTC)


@pytest.fixture
def state(tmp_path):
    with State(tmp_path) as opened:
        yield opened


def noted(state):
    query = "SELECT account_id, number, seen, data FROM sightings ORDER BY account_id, number"
    return list(state.rows(query))


def pull(state, seen, /, **accounts):
    return record_sightings(state, "Account", accounts.items(), seen)


def test_the_first_pull_notes_every_account(state):
    sighted = pull(state, "2026-05-01", a={"seats": "5"}, b={"seats": None})
    assert (sighted.accounts, sighted.changed, sighted.gone, sighted.came_back) == (2, 2, 0, 0)
    assert noted(state) == [
        ("a", 1, "2026-05-01", '{"seats":"5"}'),
        ("b", 1, "2026-05-01", '{"seats":null}'),
    ]


def test_a_pull_with_nothing_new_notes_nothing(state):
    pull(state, "2026-05-01", a={"seats": "5", "plan": "x"})
    sighted = pull(state, "2026-05-02", a={"plan": "x", "seats": "5"})
    assert (sighted.changed, sighted.gone) == (0, 0)
    assert len(noted(state)) == 1


def test_a_change_is_a_row_of_its_day(state):
    pull(state, "2026-05-01", a={"seats": "5"}, b={"seats": "1"})
    sighted = pull(state, "2026-05-02", a={"seats": "6"}, b={"seats": "1"})
    assert sighted.changed == 1
    assert noted(state)[1] == ("a", 2, "2026-05-02", '{"seats":"6"}')


def test_a_second_pull_of_a_bare_day_replaces_what_the_day_noted(state):
    pull(state, "2026-05-01", a={"seats": "5"})
    pull(state, "2026-05-02", a={"seats": "6"})
    pull(state, "2026-05-02", a={"seats": "7"})
    assert [row[1:] for row in noted(state)] == [
        (1, "2026-05-01", '{"seats":"5"}'),
        (2, "2026-05-02", '{"seats":"7"}'),
    ]


def test_two_pulls_at_one_instant_are_both_kept(state):
    """Instants are real: nothing that was seen is forgotten."""
    pull(state, "2026-05-01T10:00:00Z", a={"seats": "5"})
    pull(state, "2026-05-01T10:00:00Z", a={"seats": "6"})
    assert [row[1] for row in noted(state)] == [1, 2]


def test_an_account_that_vanished_is_marked_and_may_come_back(state):
    pull(state, "2026-05-01", a={"seats": "5"}, b={})
    gone = pull(state, "2026-05-02", b={})
    again = pull(state, "2026-05-03", b={})
    back = pull(state, "2026-05-04", a={"seats": "5"}, b={})
    assert (gone.gone, again.gone, back.came_back, back.changed) == (1, 0, 1, 1)
    assert [(row[2], row[3]) for row in noted(state) if row[0] == "a"] == [
        ("2026-05-01", '{"seats":"5"}'),
        ("2026-05-02", None),
        ("2026-05-04", '{"seats":"5"}'),
    ]


def test_only_those_that_vanished_since_the_last_pull_are_counted(state):
    pull(state, "2026-05-01", a={}, b={}, c={})
    pull(state, "2026-05-02", b={}, c={})
    assert pull(state, "2026-05-03", c={}).gone == 1
    assert [row[2] for row in noted(state) if row[3] is None] == ["2026-05-02", "2026-05-03"]


def test_one_vanished_and_one_new_account_do_not_hide_each_other(state):
    pull(state, "2026-05-01", a={}, b={})
    sighted = pull(state, "2026-05-02", b={}, c={})
    assert (sighted.gone, sighted.changed) == (1, 1)


def test_objects_do_not_mix(state):
    record_sightings(state, "Account", [("1", {"x": "1"})], "2026-05-01")
    sighted = record_sightings(state, "Company", [("2", {"x": "1"})], "2026-05-01")
    assert (sighted.changed, sighted.gone) == (1, 0)


def test_an_id_that_comes_twice_counts_once_and_is_named(state):
    rows = [("a", {"x": "1"}), ("b", {"x": "2"}), ("a", {"x": "3"}), ("a", {"x": "4"})]
    sighted = record_sightings(state, "Account", rows, "2026-05-01")
    assert (sighted.accounts, sighted.repeated_rows, sighted.repeated) == (2, 2, ["a"])
    assert noted(state)[0][3] == '{"x":"1"}'


def test_a_pull_that_breaks_off_leaves_no_trace(state):
    pull(state, "2026-05-01", **{f"a{n}": {"x": "1"} for n in range(3)})

    def broken():
        yield from ((f"a{n}", {"x": "2"}) for n in range(CHUNK + 10))
        raise ConnectionError("the CRM hung up")

    with pytest.raises(ConnectionError):
        record_sightings(state, "Account", broken(), "2026-05-02")
    assert [row[2:] for row in noted(state)] == [("2026-05-01", '{"x":"1"}')] * 3
    assert state.value("SELECT count(*) FROM pulls") == 1
    sighted = pull(state, "2026-05-02", a0={"x": "1"}, a1={"x": "1"}, a2={"x": "9"})
    assert sighted.changed == 1, "and what had been gathered is gone"


def test_the_write_lock_is_free_while_the_crm_takes_its_time(state, tmp_path):
    with State(tmp_path, wait_seconds=0.05) as other:

        def slow():
            yield from ((f"a{n:05}", {"x": "1"}) for n in range(CHUNK + 10))
            other.set_setting("meanwhile", "written")
            yield "b", {"x": "1"}

        record_sightings(state, "Account", slow(), "2026-05-02")
        assert other.setting("meanwhile") == "written"


def test_many_chunks_compare_like_one(state):
    def rows(change):
        return (
            (f"{n:05}", {"x": str(n), "y": change if n % 700 == 0 else ""}) for n in range(2600)
        )

    assert record_sightings(state, "Account", rows(""), "2026-05-01").changed == 2600
    assert record_sightings(state, "Account", rows("!"), "2026-05-02").changed == 4


@pytest.mark.parametrize(
    "text", ["Müller & Söhne", "株式会社", "a'b\"c\\", "half \ud83d pair", "\0"]
)
def test_any_text_can_be_noted_and_is_no_change_again(state, text):
    pull(state, "2026-05-01", a={"x": text})
    assert pull(state, "2026-05-02", a={"x": text}).changed == 0


def test_types_of_json_are_kept_apart(state):
    pull(state, "2026-05-01", a={"x": "5"})
    assert pull(state, "2026-05-02", a={"x": 5}).changed == 1
    assert pull(state, "2026-05-03", a={"x": True}).changed == 1


def test_each_pull_is_registered_with_its_fingerprint(state):
    record_sightings(state, "Account", [("a", {})], "2026-05-01", fingerprint="f1")
    assert list(state.rows("SELECT object, seen, fingerprint, accounts, changed FROM pulls")) == [
        ("Account", "2026-05-01", "f1", 1, 1)
    ]


def test_an_explicit_as_of_day_is_noted_as_that_day(state):
    assert seen_now(state, date(2026, 5, 1), NOON) == "2026-05-01"
    pull(state, "2026-05-01")
    assert seen_now(state, date(2026, 5, 1), NOON) == "2026-05-01"
    assert seen_now(state, date(2026, 5, 3), NOON) == "2026-05-03"


def test_looking_back_after_a_later_pull_notes_the_real_instant(state):
    """What is in the CRM now was not there on a day before the last pull."""
    pull(state, "2026-05-02")
    assert seen_now(state, date(2026, 5, 1), NOON) == "2026-05-09T12:00:00Z"
    pull(state, "2026-05-04T01:00:00Z")
    assert seen_now(state, date(2026, 5, 3), NOON) == "2026-05-09T12:00:00Z"
    assert seen_now(state, date(2026, 5, 4), NOON) == "2026-05-04"


def test_without_as_of_the_instant_is_noted(state):
    assert seen_now(state, None, NOON) == "2026-05-09T12:00:00Z"
