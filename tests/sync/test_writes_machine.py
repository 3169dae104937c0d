"""Pull, plan, apply, crash, restart, edits by others, bad days and a clock that is put forward and
back, against a CRM over HTTP: after any history, one clean run brings it to what the journey says,
fields that are others' are untouched, and a further run writes nothing.

A longer one: `pytest tests/sync/test_writes_machine.py --hypothesis-profile long`.
"""

import os
import shutil
import tempfile
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import sync.writing
from bench.crm import Crm
from config.errors import GatepostError
from config.load import load_project
from connectors.salesforce.connector import SalesforceConnector
from sync.cycle import Cycle
from sync.ledger import unsettled
from sync.orders import Orders
from sync.push import STEPS, push
from sync.state import State
from tests.sync.fake_sink import DiedError

STAGE = "Lifecycle_Stage__c"
STAGES = st.sampled_from(["Onboarding", "Adoption", "Renewal"])
WHO = st.integers(0, 4)
UPDATE = "salesforce.collections_update"
FAULTS = st.sampled_from([
    ("reset", UPDATE, {"count": 1}), ("reset_after", UPDATE, {"count": 1}),
    ("status", UPDATE, {"status": 503, "count": 1}),
    ("status_after", UPDATE, {"status": 503, "count": 1}),
    ("partial", UPDATE, {"share": 0.5, "count": 2}), ("locked", UPDATE, {"share": 0.5, "count": 2}),
    ("expired", "salesforce.*", {"count": 1}),
    ("status", "salesforce.query", {"status": 503, "count": 1}),
    ("validation_rule", "*", {"object": "Account", "field": STAGE, "value": "Renewal"}),
    ("workflow", "*", {"object": "Account", "field": STAGE, "to": "Churned", "count": 3}),
])  # fmt: skip
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
LONG = settings.get_current_profile_name() == "long"


@pytest.fixture(scope="module", autouse=True)
def _crm(tmp_path_factory):
    with Crm(tmp_path_factory.mktemp("crm"), accounts=5, batch=2) as crm:
        os.environ.update(crm.environment)
        WritesMachine.crm = crm
        yield
    for name in crm.environment:
        os.environ.pop(name, None)


class WritesMachine(RuleBasedStateMachine):
    """One project, and one CRM that other people and automations work in as well."""

    crm: Crm

    @initialize()
    def a_new_project(self):
        self.folder = Path(tempfile.mkdtemp())
        self.crm.lay_out(self.folder)
        self.crm.good_days()
        for one in self.crm.ids:
            self.crm.edit(one, **{STAGE: None, "Stage_Entered__c": None, "TTV_Days__c": None})
        self.now = NOON
        self.plan = None
        self.said: dict[str, str] = {}
        self.goes: Counter[str] = Counter()
        self.others = {one["Id"]: one["Segment__c"] for one in self.crm.records()}

    def teardown(self):
        if hasattr(self, "folder"):
            try:
                self.a_clean_run_ends_it()
            finally:
                shutil.rmtree(self.folder)

    def cycle(self):
        project, problems = load_project(self.folder)
        assert project is not None, problems
        self.now += timedelta(minutes=10)
        cycle = Cycle(project, now=self.now, as_of=self.crm.as_of, exclusive=True)
        # what waits between two tries is of no interest here
        cycle.connections.opened["crm"] = SalesforceConnector(
            "crm", project.gatepost.connections["crm"], self.folder, sleep=lambda _: None
        )
        return cycle

    def run(self, orders=None):
        with self.cycle() as cycle:
            return cycle.sync(orders or Orders(override="whatever was before"))

    # ------------------------------------------------------------------ what happens elsewhere

    @rule(moves=st.dictionaries(WHO, STAGES, min_size=1))
    def a_day_goes_by(self, moves):
        self.crm.day += 1
        found = {self.crm.ids[one]: stage for one, stage in moves.items()}
        self.crm.go(found)
        self.said |= found
        self.goes.update(found.keys())

    @rule(one=WHO, stage=STAGES)
    def somebody_edits_our_field(self, one, stage):
        self.crm.edit(self.crm.ids[one], **{STAGE: stage})

    @rule(one=WHO, segment=st.sampled_from(["Enterprise", "Small"]))
    def somebody_edits_their_field(self, one, segment):
        self.crm.edit(self.crm.ids[one], Segment__c=segment)
        self.others[self.crm.ids[one]] = segment

    @rule(fault=FAULTS)
    def a_bad_day(self, fault):
        kind, route, about = fault
        self.crm.fault(kind, route, **about)

    @rule(days=st.sampled_from([-3, -1, 1, 3]))
    def the_clock_is_put_right_or_wrong(self, days):
        self.now += timedelta(days=days)

    # ----------------------------------------------------------------------------------- runs

    @rule()
    def a_sync(self):
        with suppress(GatepostError):
            self.run()

    @rule()
    def a_sync_without_an_override(self):
        with suppress(GatepostError):
            self.run(Orders())

    @rule(batches=st.integers(0, 2))
    def a_sync_that_is_told_to_stop(self, batches):
        orders = Orders(override="whatever was before")

        def on_step(at):
            nonlocal batches
            batches -= at == "settled"
            if batches < 0:
                orders.stop.signal = "SIGTERM"

        with suppress(GatepostError), stepping(on_step):
            self.run(orders)

    @rule(step=st.sampled_from(STEPS), after=st.integers(0, 2))
    def a_sync_that_dies_at_a_step(self, step, after):
        passed = []

        def on_step(at):
            passed.append(at)
            if at == step and passed.count(step) > after:
                raise DiedError

        with suppress(GatepostError, DiedError), stepping(on_step):
            self.run()

    @rule()
    def a_plan_is_made(self):
        with suppress(GatepostError), self.cycle() as cycle:
            self.plan = cycle.plan()

    @rule()
    def the_plan_is_applied_however_old_it_is(self):
        if self.plan is not None:
            with suppress(GatepostError), self.cycle() as cycle:
                cycle.apply(self.plan, orders=Orders(override="whatever was before"))
            self.plan = None

    @rule()
    def a_clean_run_ends_it(self):
        """The journey's word holds everywhere, and then there is nothing left to do."""
        self.crm.good_days()
        self.plan = None
        self.now = max(self.now, NOON) + timedelta(days=3)  # whatever waits is due
        with self.cycle() as cycle:
            cycle.retry_contested()
            applied = cycle.sync(Orders(override="whatever was before"))
        assert applied.all_done, applied.report
        shown = {one["Id"]: one for one in self.crm.records()}
        for one, stage in self.said.items():
            assert shown[one][STAGE] == stage
            assert shown[one]["TTV_Days__c"] == self.goes[one]
        assert self.run().report.records == 0
        with State(self.folder / ".gatepost") as state:
            assert list(unsettled(state)) == []
            assert state.value("SELECT count(*) FROM quarantine") == 0

    @invariant()
    def nobody_else_s_field_is_touched(self):
        if hasattr(self, "others"):
            assert {one["Id"]: one["Segment__c"] for one in self.crm.records()} == self.others


class stepping:  # noqa: N801 - it reads as what it does
    """Within it every push tells its steps."""

    def __init__(self, on_step):
        self.on_step = on_step

    def __enter__(self):
        sync.writing.push = partial(push, on_step=self.on_step)  # type: ignore[attr-defined]

    def __exit__(self, *_):
        sync.writing.push = push  # type: ignore[attr-defined]


WritesMachine.TestCase.settings = settings(
    max_examples=200 if LONG else 4,
    stateful_step_count=40 if LONG else 8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestWrites = WritesMachine.TestCase
