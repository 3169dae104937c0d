"""What was last confirmed, by snapshot and tail, against the ledger read from its first row."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.confirmed import LastConfirmed, last_written
from sync.diff import Change
from sync.ledger import Ledger, Settled, unsettled
from sync.runs import begin_run
from sync.state import State
from tests.sync.fake_sink import NOON

WRITES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["stage", "score"]),
        st.integers(0, 5),
        st.sampled_from(["confirmed", "failed", "unknown"]),
    ),
    max_size=4,
)


@pytest.fixture
def state(tmp_path):
    with State(tmp_path) as opened:
        begin_run(opened, lambda: NOON, "sync")
        yield opened


def _change(account, field, value):
    return Change("Account", account, "", field, None, value, f"why {value}")


def _brute(state):
    """Field and account to value, by looking at every row."""
    found = {}
    for account, field, value in state.rows(
        "SELECT account_id, c.value ->> 'field', c.value ->> 'to' FROM writes w,"
        " json_each(w.changes) c WHERE w.state = 'confirmed' ORDER BY w.id"
    ):
        found[field, account] = value
    return found


@given(st.lists(st.tuples(WRITES, st.booleans(), st.booleans()), max_size=4))
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_snapshot_and_what_came_after_are_the_ledger(state, rounds):
    """Rows that are settled late (read back by the next run) included."""
    ledger = Ledger(state, lambda: NOON)
    with state.transaction() as connection:
        for table in ("write_records", "write_batches", "last_confirmed", "confirmed_accounts"):
            connection.execute(f"DELETE FROM {table}")
    for writes, late, kept in rounds:
        if late:
            ledger.settle([Settled(one.id, "confirmed") for one in unsettled(state)])
        batches = [[(_change(account, field, value),)] for account, field, value, _ in writes]
        for ids, (*_, outcome) in zip(ledger.intend(1, batches), writes, strict=True):
            ledger.settle([Settled(ids[0], outcome)])
        known = LastConfirmed.load(state, "Account")
        assert {
            (field, account): found[0]
            for field in known.columns
            for account in known.places
            if (found := known.of(account, field)) is not None
        } == _brute(state)
        if kept:
            known.save(state)


def test_a_snapshot_with_its_rows_as_json_counts(state):
    """As they stood there at first."""
    ledger = Ledger(state, lambda: NOON)
    [ids] = ledger.intend(1, [[(_change("1", "stage", "x"),)]])
    ledger.settle([Settled(ids[0], "confirmed")])
    LastConfirmed.load(state, "Account").save(state)
    with state.transaction() as connection:
        connection.execute("UPDATE last_confirmed SET writes = ?", (f"[{ids[0]}]",))
    assert LastConfirmed.load(state, "Account").of("1", "stage") == ("x", ids[0])


def test_the_last_word_on_each_field_with_its_reason(state):
    ledger = Ledger(state, lambda: NOON)
    both = (_change("1", "stage", "x"), _change("1", "score", 3))
    batches = ledger.intend(1, [[both], [(_change("1", "stage", "y"),)]])
    ledger.settle([Settled(row, "confirmed") for ids in batches for row in ids])
    LastConfirmed.load(state, "Account").save(state)
    found = last_written(state, "Account", "1")
    assert {field: (one.value, one.why) for field, one in found.items()} == {
        "stage": ("y", "why y"),
        "score": (3, "why 3"),
    }
