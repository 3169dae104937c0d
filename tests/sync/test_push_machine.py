"""After any history of runs, faults, deaths and other people's edits, one clean run brings the CRM
to what is desired, and a further one writes nothing."""

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from config.errors import RetryLater
from sync.ledger import unsettled
from sync.push import STEPS
from sync.state import State
from tests.sync.fake_sink import DiedError, FakeSink, entries_of, raising, run_once

IDS = st.sampled_from(["1", "2", "3", "4"])
STAGES = st.sampled_from(["Onboarding", "Adoption", "Renewal", "", None])
SCORES = st.sampled_from([0, 1, 80.5, "80.50", None])
FAULTS = st.sampled_from(["reject", "lost", "dropped"])
BATCHES = st.sampled_from([None, 1, 2])


class PushMachine(RuleBasedStateMachine):
    """One home, one CRM, one set of desired values that moves on as days do."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.sink = FakeSink({key: {"owner": "Ada"} for key in ("1", "2", "3")})
        self.desired: dict[str, dict[str, object]] = {}

    def teardown(self) -> None:
        try:
            self.a_clean_run_ends_it()
        finally:
            shutil.rmtree(self.home)

    def run(self, **options):
        with State(self.home) as state:
            return run_once(state, self.sink, self.desired, **options)

    @rule(one=IDS, stage=STAGES, score=SCORES)
    def the_journey_moves_on(self, one, stage, score):
        self.desired[one] = {"stage": stage, "score": score}

    @rule(one=IDS, stage=STAGES)
    def somebody_edits_our_field(self, one, stage):
        if one in self.sink.records:
            self.sink.records[one]["stage"] = stage

    @rule(one=IDS)
    def a_record_is_deleted(self, one):
        self.sink.records.pop(one, None)

    @rule(one=IDS)
    def a_record_is_made(self, one):
        self.sink.records.setdefault(one, {"owner": "Ada"})

    @rule(one=IDS, fault=FAULTS)
    def trouble_is_ahead(self, one, fault):
        self.sink.faults[one] = fault

    @rule(size=BATCHES)
    def a_run(self, size):
        self.run(batch_size=size)

    @rule(size=BATCHES)
    def a_run_that_the_crm_does_not_let_in(self, size):
        self.sink.before = raising(RetryLater("busy"))
        self.run(batch_size=size)
        self.sink.before = lambda: None

    @rule(batches=st.integers(0, 2))
    def a_run_that_is_told_to_stop(self, batches):
        before = len(self.sink.calls)
        self.run(batch_size=1, stop=lambda: len(self.sink.calls) - before >= batches)

    @rule(size=BATCHES, step=st.sampled_from(STEPS), after=st.integers(0, 2))
    def a_run_that_dies_at_a_step(self, size, step, after):
        passed: list[str] = []

        def die(at):
            passed.append(at)
            if at == step and passed.count(step) > after:
                raise DiedError

        with suppress(DiedError):
            self.run(batch_size=size, on_step=die)

    @rule(size=BATCHES)
    def a_run_that_dies_while_the_crm_works(self, size):
        self.sink.after = raising(DiedError())
        with suppress(DiedError):
            self.run(batch_size=size)
        self.sink.after = lambda: None

    @rule()
    def a_clean_run_ends_it(self):
        """Whatever was before: the CRM shows what is desired, and then nothing is left to do."""
        self.sink.faults.clear()
        report = self.run()
        assert report.all_done
        for one, wanted in self.desired.items():
            shown = self.sink.records.get(one)
            if shown is not None:
                if wanted["stage"]:
                    assert shown["stage"] == wanted["stage"]
                if wanted["score"] is not None:
                    assert float(shown["score"]) == float(str(wanted["score"]))
        calls = len(self.sink.calls)
        assert self.run().records == 0
        assert len(self.sink.calls) == calls
        with State(self.home) as state:
            assert list(unsettled(state)) == []

    @invariant()
    def nobody_else_s_field_is_touched_and_no_record_is_made(self):
        assert all(record["owner"] == "Ada" for record in self.sink.records.values())

    @invariant()
    def every_value_of_ours_is_accounted_for(self):
        """What stands in the CRM and was never edited in by others was intended in the ledger."""
        with State(self.home) as state:
            for one, shown in self.sink.records.items():
                score = shown.get("score")
                if score is None:
                    continue
                intended = [
                    change.to
                    for entry in entries_of(state, one)
                    for change in entry.changes
                    if change.field == "score"
                ]
                assert score in intended


PushMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
TestPush = PushMachine.TestCase
