"""Rows of the ledger: put down, marked, settled, read again."""

from datetime import date

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sync.diff import Change
from sync.ledger import Ledger, Settled, _changes_text, _together, unsettled
from sync.plain import json_text, jsonable
from sync.runs import begin_run
from sync.state import State
from tests.sync.fake_sink import NOON, entries_of

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.text(), st.just("\udce4"), st.dates(), st.lists(st.text(max_size=3), max_size=3).map(tuple),
)  # fmt: skip


@pytest.fixture
def state(tmp_path):
    with State(tmp_path) as opened:
        yield opened


@pytest.fixture
def ledger(state):
    begin_run(state, lambda: NOON, "sync")
    return Ledger(state, lambda: NOON)


def record(account_id="1", /, **fields):
    return tuple(
        Change("Account", account_id, "", field, None, value, "why")
        for field, value in (fields or {"stage": "x"}).items()
    )


def states(state):
    return [str(one) for (one,) in state.rows("SELECT state FROM writes ORDER BY id")]


def test_ids_are_those_of_the_records_in_order_and_never_used_twice(state, ledger):
    assert ledger.intend(1, [[record("b"), record("a")]]) == [range(1, 3)]
    with state.transaction() as connection:
        connection.execute("DELETE FROM write_records")  # as a pruning of old rows would
        connection.execute("DELETE FROM write_batches")
    assert ledger.intend(1, [[record("c")], [record("d")]]) == [range(3, 4), range(4, 5)]
    assert ledger.intend(1, []) == []


def test_only_intended_rows_of_the_batch_are_marked_as_sent(state, ledger):
    first, _ = ledger.intend(1, [[record("1"), record("2"), record("3")], [record("4")]])
    ledger.settle([Settled(first[1], "confirmed")])
    ledger.mark_sent(first)
    assert states(state) == ["sent", "confirmed", "sent", "intended"]


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.lists(
        st.dictionaries(st.integers(1, 12), st.sampled_from(["confirmed", "failed", "unknown"])),
        max_size=4,
    ),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_row_has_the_state_it_was_given_last(state, ledger, sizes, rounds):
    """However outcomes fall on batches: batches are how states are kept, not what is kept."""
    batches = ledger.intend(1, [[record(str(n)) for n in range(size)] for size in sizes])
    for batch in batches:
        ledger.mark_sent(batch)
    rows = [row for batch in batches for row in batch]
    expected = dict.fromkeys(rows, "sent")
    for told in rounds:
        outcomes = {rows[n - 1]: state for n, state in told.items() if n <= len(rows)}
        ledger.settle([Settled(row, state) for row, state in outcomes.items()])
        expected |= outcomes
    found = state.rows("SELECT id, state FROM writes WHERE id >= ? ORDER BY id", (rows[0],))
    assert dict(found) == expected
    still_open = [entry.id for entry in unsettled(state) if entry.id >= rows[0]]
    assert still_open == [row for row in rows if expected[row] in ("sent", "unknown")]


def test_settling_twice_keeps_the_last_word(state, ledger):
    ((row,),) = ledger.intend(1, [[record()]])
    ledger.settle([Settled(row, "unknown", "", "timed out")])
    ledger.settle([Settled(row, "confirmed", "", "read back")])
    (entry,) = entries_of(state, "1")
    assert (entry.state, entry.message, entry.settled_at) == (
        "confirmed", "read back", "2026-05-02T12:00:00Z",
    )  # fmt: skip


def test_a_write_needs_a_run(state):
    with pytest.raises(Exception, match="FOREIGN KEY"):
        Ledger(state, lambda: NOON).intend(7, [[record()]])
    assert states(state) == []


@given(st.lists(VALUES, min_size=1, max_size=4))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_values_come_back_with_their_types(state, ledger, values):
    changes = tuple(
        Change("Account", "1", "", f"f{n}", value, value, "") for n, value in enumerate(values)
    )
    ledger.intend(1, [[changes]])
    (entry, *_) = entries_of(state, "1")
    found = [one.to for one in entry.changes]
    assert found == values
    assert [type(one) for one in found] == [type(one) for one in values]


def test_a_number_that_json_lacks_is_kept_as_text(state, ledger):
    ledger.intend(1, [[record(score=float("inf"))]])
    assert next(unsettled(state)).changes[0].to == "inf"


def test_a_row_can_be_read_with_any_sqlite_tool(state, ledger):
    ledger.intend(1, [[record(stage="Adoption", since=date(2026, 5, 1))]])
    query = (
        "SELECT c.value ->> 'field', c.value ->> 'to' FROM writes w, json_each(w.changes) c"
        " ORDER BY c.key"
    )
    assert list(state.rows(query)) == [("stage", "Adoption"), ("since", '{"date":"2026-05-01"}')]


def test_open_rows_of_what_nobody_writes_any_more_are_forgotten(state, ledger):
    """A field taken out of the mapping must not keep the ledger open for ever."""
    (ids,) = ledger.intend(1, [[record("1", stage="x"), record("2", old="x")]])
    ledger.mark_sent(ids)
    observed = {"1": {"stage": "x"}, "2": {"stage": "x"}}
    ledger.settle_earlier("Account", observed, {"stage"})
    assert states(state) == ["confirmed", "forgotten"]


def test_open_rows_of_an_object_that_is_not_mapped_any_more_are_forgotten(state, ledger):
    ledger.mark_sent(ledger.intend(1, [[record("1", stage="x")]])[0])
    ledger.settle_earlier("Company", {"1": {"stage": "x"}}, {"stage"})
    assert states(state) == ["forgotten"]


def test_settled_rows_are_never_judged_again(state, ledger):
    (ids,) = ledger.intend(1, [[record("1"), record("2"), record("3")]])
    ledger.settle(
        [Settled(ids[0], "confirmed"), Settled(ids[1], "failed"), Settled(ids[2], "forgotten")]
    )
    assert ledger.settle_earlier("Account", {}, {"stage"}) == ()
    assert states(state) == ["confirmed", "failed", "forgotten"]


TEXTS = st.text(max_size=4) | st.just("\ud800")
SHOWN = VALUES | st.floats()


@given(st.lists(st.builds(Change, *[TEXTS] * 4, SHOWN, SHOWN, TEXTS), min_size=1, max_size=3))
@example([Change("Account", "1", "", "f", 0.0, -0.0, "")])
@example(
    [Change("Account", "1", "", "f", 1, True, ""), Change("Account", "1", "", "f", 1.0, 1, "")]
)
def test_the_text_put_together_by_hand_is_the_encoders(changes):
    assert _changes_text(changes) == json_text(
        [
            {"field": a.field, "from": jsonable(a.from_), "to": jsonable(a.to), "why": a.why}
            for a in changes
        ]
    )


@given(
    st.sets(st.integers(1, 12)).map(sorted),
    st.lists(st.sampled_from(["confirmed", "failed"]), min_size=12, max_size=12),
)
def test_outcomes_that_go_together_are_those_of_all_rows(ids, states):
    outcomes = [Settled(one, state) for one, state in zip(ids, states, strict=False)]
    told = [
        first._replace(id=one)
        for first, last in _together(outcomes)
        for one in range(first.id, last + 1)
    ]
    assert told == outcomes
