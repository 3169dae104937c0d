"""A plan is carried out record by record, and the ledger knows at every moment what may be out."""

from dataclasses import replace

import pytest

from config.errors import RetryLater, StopCycle
from connectors.base import WriteResult
from sync.confirmed import last_written
from sync.ledger import Ledger, unsettled
from sync.push import STEPS, push
from sync.runs import begin_run
from sync.state import State
from tests.sync.fake_sink import (
    NOON,
    DiedError,
    FakeSink,
    entries_of,
    plan_for,
    raising,
    run_once,
)

WANTED = {key: {"stage": "Adoption", "score": 80.0} for key in "12345"}


@pytest.fixture
def state(tmp_path):
    with State(tmp_path) as opened:
        yield opened


@pytest.fixture
def sink():
    return FakeSink({key: {"stage": "Onboarding", "owner": "Ada"} for key in "12345"})


def states(state):
    query = "SELECT account_id, state FROM writes ORDER BY id"
    return [(str(one), str(was)) for one, was in state.rows(query)]


def test_every_record_is_written_and_confirmed(state, sink):
    report = run_once(state, sink, WANTED)
    assert (report.records, report.confirmed, report.confirmed_fields) == (5, 5, 10)
    assert report.all_done
    assert sink.records["1"] == {"stage": "Adoption", "owner": "Ada", "score": 80.0}
    assert states(state) == [(key, "confirmed") for key in "12345"]


def test_a_second_run_sends_nothing_and_notes_nothing(state, sink):
    run_once(state, sink, WANTED)
    report = run_once(state, sink, WANTED)
    assert (report.records, report.all_done, len(sink.calls)) == (0, True, 1)
    assert len(states(state)) == 5


def test_all_records_go_at_once_unless_a_batch_size_is_given(state, sink):
    run_once(state, sink, WANTED)
    assert sink.calls == [["1", "2", "3", "4", "5"]]


def test_batches_are_in_order_and_settled_one_by_one(state, sink):
    seen = []
    run_once(
        state, sink, WANTED, batch_size=2,
        on_step=lambda step: seen.append((step, [was for _, was in states(state)])),
    )  # fmt: skip
    assert sink.calls == [["1", "2"], ["3", "4"], ["5"]]
    assert [step for step, _ in seen] == ["intended", *("sent", "written", "settled") * 3]
    assert seen[1][1] == ["sent", "sent", "intended", "intended", "intended"]
    assert seen[3][1] == ["confirmed", "confirmed", "intended", "intended", "intended"]


def test_the_intention_is_on_disk_before_anything_is_sent(state, sink, tmp_path):
    """Seen by another connection, so committed, when the sink is asked."""
    seen = []

    def look():
        with State(tmp_path) as other:
            seen.extend(
                (entry.account_id, entry.state, entry.sent_at) for entry in unsettled(other)
            )

    sink.before = look
    run_once(state, sink, {"1": {"stage": "Renewal"}})
    assert seen == [("1", "sent", "2026-05-02T12:00:00Z")]


def test_a_refused_record_is_told_with_its_reason_and_the_others_are_written(state, sink):
    sink.faults = {"2": "reject"}
    report = run_once(state, sink, WANTED)
    assert (report.confirmed, report.all_done) == (4, False)
    (failed,) = report.failed
    assert (failed.account_id, failed.code, failed.message) == ("2", "BAD_VALUE", "no such value")
    (entry,) = entries_of(state, "2")
    assert (entry.state, entry.code, entry.message) == ("failed", "BAD_VALUE", "no such value")


def test_a_name_goes_with_the_outcome(state, sink):
    sink.faults = {"1": "reject"}
    assert run_once(state, sink, WANTED).failed[0].name == "Acme"


@pytest.mark.parametrize(("fault", "settled"), [("lost", "confirmed"), ("dropped", "forgotten")])
def test_an_unknown_outcome_is_read_back_before_anything_is_repeated(state, sink, fault, settled):
    sink.faults = {"2": fault}
    report = run_once(state, sink, WANTED)
    assert [one.account_id for one in report.unknown] == ["2"]
    again = run_once(state, sink, WANTED)
    assert states(state)[1] == ("2", settled)
    assert again.confirmed == (1 if fault == "dropped" else 0)
    assert sink.records["2"]["stage"] == "Adoption"


@pytest.mark.parametrize("error", [RetryLater("busy", 5), StopCycle("no login")])
def test_a_sink_that_gives_up_ends_the_push_and_leaves_the_rest(state, sink, error):
    def give_up_at_the_second():
        if sink.calls:
            raise error

    sink.before = give_up_at_the_second
    report = run_once(state, sink, WANTED, batch_size=2)
    assert (report.confirmed, report.unsent, report.error) == (2, 3, error)
    assert [was for _, was in states(state)] == ["confirmed"] * 2 + ["forgotten"] * 3
    sink.before = lambda: None
    assert run_once(state, sink, WANTED).confirmed == 3


def test_a_stop_between_batches_leaves_nothing_half_settled(state, sink):
    report = run_once(state, sink, WANTED, batch_size=2, stop=lambda: len(sink.calls) == 1)
    assert (report.confirmed, report.unsent, report.error) == (2, 3, None)
    assert list(unsettled(state)) == []


def test_a_stop_before_the_first_batch_sends_nothing(state, sink):
    report = run_once(state, sink, WANTED, stop=lambda: True)
    assert (report.confirmed, report.unsent, sink.calls) == (0, 5, [])


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", ["", "lost", "dropped", "reject"])
def test_a_process_that_dies_at_any_step_is_put_right_by_the_next_run(state, sink, step, fault):
    sink.faults = {"2": fault} if fault else {}

    def die(at):
        if at == step:
            raise DiedError

    with pytest.raises(DiedError):
        run_once(state, sink, WANTED, batch_size=2, on_step=die)
    sink.faults.clear()
    run_once(state, sink, WANTED)
    assert all(record["stage"] == "Adoption" for record in sink.records.values())
    assert list(unsettled(state)) == []
    assert run_once(state, sink, WANTED).records == 0


def test_what_was_never_sent_is_not_taken_for_written(state, sink):
    """Even if the CRM shows the value: then it was somebody else who put it there."""

    def die(_):
        raise DiedError

    with pytest.raises(DiedError):
        run_once(state, sink, WANTED, on_step=die)
    sink.records["1"].update(WANTED["1"])
    run_once(state, sink, WANTED)
    assert states(state) == [(key, "forgotten") for key in "12345"] + [
        (key, "confirmed") for key in "2345"
    ]
    assert last_written(state, "Account", "1") == {}


def test_what_was_settled_by_reading_says_so(state, sink):
    sink.after = raising(DiedError())
    with pytest.raises(DiedError):
        run_once(state, sink, WANTED)
    sink.after = lambda: None
    sink.records["3"]["stage"] = "Somebody's"
    del sink.records["4"]
    run_once(state, sink, WANTED)
    messages = {key: entries_of(state, key)[-1] for key in "134"}
    assert {key: (one.state, one.message) for key, one in messages.items()} == {
        "1": ("confirmed", "read back"),
        "3": ("forgotten", "read back: stage does not show our value"),
        "4": ("forgotten", "read back: the record is gone"),
    }


def test_the_dead_run_is_noted_as_interrupted(state, sink):
    sink.after = raising(DiedError())
    with pytest.raises(DiedError):
        run_once(state, sink, WANTED)
    sink.after = lambda: None
    run_once(state, sink, WANTED)
    assert list(state.rows("SELECT state FROM runs ORDER BY id")) == [("interrupted",), ("done",)]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([], "0 answers came for 1 records"),
        ([WriteResult("9", "written")], "the answer is that of 9"),
        ([WriteResult("1", "written")] * 2, "2 answers came for 1 records"),
    ],
    ids=range(3),
)
def test_an_answer_that_is_not_the_record_s_is_no_answer(state, sink, answers, said):
    """A vendor that answers by position is matched by position, and checked."""
    sink.write = lambda *_: answers
    report = run_once(state, sink, {"1": {"stage": "Renewal"}})
    assert [one.message for one in report.unknown] == [said]
    assert [entry.state for entry in unsettled(state)] == ["unknown"]


def test_objects_are_never_mixed_in_a_batch(state):
    seen = []

    class Recorder(FakeSink):
        def write(self, object_name, id_field, writes):
            seen.append((object_name, [one.id for one in writes]))
            return super().write(object_name, id_field, writes)

    sink = Recorder({key: {} for key in "123"})
    plan = plan_for(sink, {key: {"stage": "x"} for key in "123"})
    *accounts, last = plan.changes
    mixed = replace(plan, changes=(*accounts, last._replace(object="Zoo")))
    run_id = begin_run(state, lambda: NOON, "apply")
    push(mixed, sink, Ledger(state, lambda: NOON), run_id, id_field="Id", batch_size=10)
    assert seen == [("Account", ["1", "2"]), ("Zoo", ["3"])]


def test_the_last_confirmed_value_of_each_field_is_known(state, sink):
    run_once(state, sink, {"1": {"stage": "Adoption", "score": 1}})
    run_once(state, sink, {"1": {"stage": "Renewal", "score": 1}})
    sink.faults = {"1": "reject"}
    run_once(state, sink, {"1": {"stage": "Churned"}})
    written = last_written(state, "Account", "1")
    assert {field: (one.value, one.run_id) for field, one in written.items()} == {
        "stage": ("Renewal", 2),
        "score": (1, 1),
    }
    assert last_written(state, "Account", "2") == {}
