"""What a sync reads of the fields that it writes: what may have changed, and what it changes."""

import json
from datetime import UTC, datetime

import pytest

from config.errors import FixConfig, StopCycle
from config.load import load_project
from connectors.registry import connect
from sync import writing
from sync.cycle import Cycle
from sync.shown import Shown
from sync.state import State

GATEPOST = """
guards: {canary: false, read_back: none, max_changed: 100%%}
connections:
  crm: {type: hubspot, url: "%s"}
  product: {type: files, path: product}
"""
MAPPING = """
accounts: {from: crm, object: companies, id: hs_object_id, name: name}
fields:
  signed_on: {field: contract_signed, type: date}
events:
  - from: product
    account: {property: company, equals: id}
    user: user
write:
  - fields:
      gp_stage: stage
      gp_ttv_days: {output: logins, conflict: theirs}
"""
JOURNEY = """
journey: Care
timezone: UTC
since: 2000-01-01
start: signed_on
signals:
  logins: {count: Logged In}
stages:
  - {stage: onboarding, enter: signed_on <= day, exit: logins >= 100}
  - {stage: adoption}
"""
HOUR = 3600
MANY = 400


class Run:
    """Syncs of one project with `MANY` companies; `ids` are theirs."""

    def __init__(self, hub, folder):
        self.hub, self.folder, self.files = hub, folder, 0
        (folder / "gatepost.yaml").write_text(GATEPOST % hub.started.url)
        (folder / "mapping.yaml").write_text(MAPPING)
        (folder / "journeys").mkdir()
        (folder / "journeys" / "care.yaml").write_text(JOURNEY)
        (folder / "product" / "events").mkdir(parents=True)
        self.ids = hub.companies(MANY)
        for one in self.ids:
            self.edit(one, contract_signed="2026-01-15")
        self.log_in(*self.ids)
        hub.clock.advance(30 * 24 * HOUR)

    def edit(self, one, **values):
        self.hub.vendor.edit("companies", one, values)

    def log_in(self, *ids):
        """One more login of each."""
        self.files += 1
        rows = [
            {"event": "Logged In", "time": 1_780_000_000 + self.files, "company": one, "user": "u"}
            for one in ids
        ]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (self.folder / "product" / "events" / f"{self.files}.jsonl").write_text(text)

    def cycle(self, **options):
        self.hub.log.clear()
        project, problems = load_project(self.folder)
        assert project is not None, problems
        return Cycle(project, now=datetime(2026, 7, 2, 12, tzinfo=UTC), **options)

    def __call__(self, hours=3, *, pull=True, full=False):
        """A sync some hours later, which the search index knows by then."""
        self.hub.clock.advance(hours * HOUR)
        with self.cycle(exclusive=True, pull=pull) as cycle:
            if full:
                cycle.read_all()
            return cycle.sync()

    @property
    def reads(self):
        """Batch reads of nothing but written fields, by how many companies each was of."""
        bodies = map(json.loads, self.hub.bodies("batch_read"))
        return [len(one["inputs"]) for one in bodies if "contract_signed" not in one["properties"]]

    @property
    def known(self):
        """The companies of which the mirror knows all written fields."""
        with State(self.folder / ".gatepost") as state:
            shown = Shown.load(state, "companies")
        return shown.records(self.ids, ["gp_stage", "gp_ttv_days"])

    @property
    def truth(self):
        names = ("gp_stage", "gp_ttv_days")
        return {one: {name: self.hub.value(one, name) for name in names} for one in self.ids}


@pytest.fixture
def run(hub, tmp_path, monkeypatch):
    def connected(name, connection, folder):
        is_ours = connection.type == "hubspot"
        return hub.connector(api_budget=1) if is_ours else connect(name, connection, folder)

    monkeypatch.setattr("sync.connections.connect", connected)  # with the sandbox's time
    return Run(hub, tmp_path)


def shows(known, truth):
    """Whether the mirror shows what HubSpot does, but for the types of what we wrote."""
    return {one: {name: str(value) for name, value in known[one].items()} for one in known} == truth


@pytest.fixture
def written(run):
    """After a first sync, and one that has looked at what the first one wrote."""
    applied = run()
    assert applied.report.confirmed == MANY
    assert run.reads == [100] * 4, "what is written over is looked at just before"
    assert run().report.records == 0
    assert run.reads == [], "the pull has read our own write, and their written fields with it"
    return run


def test_nothing_changed_reads_no_written_field(hub, written):
    for _ in range(2):
        assert written().report.records == 0
        assert hub.calls() == {"properties": 1, "search": 2}
    assert shows(written.known, written.truth)


def test_what_somebody_changed_is_read_with_the_pull_and_again_before_it_is_written(hub, written):
    one = written.ids[7]
    written.edit(one, gp_stage="adoption")
    assert written().report.confirmed == 1
    assert hub.value(one, "gp_stage") == "onboarding"
    assert written.reads == [1]
    assert hub.calls()["batch_read"] == 2

    written()
    written.edit(one, name="Renamed")
    assert written().report.records == 0
    assert written.reads == []
    assert hub.calls()["batch_read"] == 1


def test_what_is_to_be_written_is_read_once(hub, written):
    written.log_in(*written.ids)
    assert written().report.confirmed == MANY
    assert written.reads == [100] * 4
    assert hub.calls()["batch_update"] == 4
    assert shows(written.known, written.truth), "what was confirmed"


def test_an_edit_that_search_does_not_tell_of_is_met_before_it_is_written_over(hub, written):
    one = written.ids[7]
    written.edit(one, gp_ttv_days="99")
    hub.fault("search_lag", object="companies", seconds=9 * 86_400)
    assert written().report.records == 0
    assert hub.calls() == {"properties": 1, "search": 2}, "nobody told of it"
    written.log_in(one)
    applied = written()
    assert [(note.kind, note.change.from_, note.change.to) for note in applied.plan.notes] == [
        ("replaced", "99", 2)
    ]
    assert written.reads == [1]


def test_an_edit_to_what_we_are_about_to_write_is_left_as_it_is(hub, written):
    """The mirror says that it differs; the company shows our new value already."""
    one = written.ids[7]
    written.edit(one, gp_ttv_days="2")
    hub.fault("search_lag", object="companies", seconds=9 * 86_400)
    written.log_in(one)
    assert written().report.records == 0
    assert written.reads == [1]
    assert written().report.records == 0
    assert written.reads == [], "it is known now"


def test_a_run_that_dies_after_its_write_leaves_nothing_that_is_believed(hub, written, monkeypatch):
    class KilledError(BaseException):
        """No error that anybody catches."""

    def killed(*_):
        raise KilledError

    some = written.ids[:150]
    written.log_in(*some)
    hub.fault("search_lag", object="companies", seconds=9 * 86_400)  # nor does search tell of it
    with monkeypatch.context() as patched:
        patched.setattr(writing, "note_outcome", killed)
        with pytest.raises(KilledError):
            written()
    assert hub.calls()["batch_update"] == 2
    assert written.known.keys() == set(written.ids[150:])
    assert written().report.records == 0
    assert written.reads == [100, 50]
    assert shows(written.known, written.truth)


def test_what_was_refused_or_left_unknown_is_read_the_next_time(hub, written):
    some = written.ids[:3]
    written.log_in(*some)
    hub.fault("empty", "hubspot.batch_update")
    assert len(written().report.unknown) == 3
    assert written.known.keys() == set(written.ids[3:])
    hub.started.sandbox.faults.remove()
    assert written().settled == 3
    assert shows(written.known, written.truth)


def test_a_plan_believes_the_mirror_too_and_is_looked_at_when_it_is_carried_out(hub, written):
    one, other = written.ids[7:9]
    written.log_in(one, other)
    hub.clock.advance(HOUR)
    with written.cycle() as cycle:
        plan = cycle.plan()
    assert written.reads == [2]
    assert len(plan.changes) == 2
    hub.fault("search_lag", object="companies", seconds=9 * 86_400)  # nobody tells of our write
    with written.cycle(exclusive=True) as cycle:
        assert cycle.apply(plan).report.confirmed == 2
    assert shows(written.known, written.truth)
    written.edit(one, gp_ttv_days="99")
    written.log_in(one, other)
    with written.cycle() as cycle:
        plan = cycle.plan()
    assert [change.from_ for change in plan.changes] == ["99", "2"]
    written.edit(one, gp_ttv_days="98")
    with written.cycle(exclusive=True) as cycle, pytest.raises(StopCycle, match="99"):
        cycle.apply(plan)
    assert hub.value(one, "gp_ttv_days") == "98"


def test_without_a_pull_everything_is_read(hub, written):
    """Nobody has asked what changed since."""
    written.edit(written.ids[7], gp_stage="adoption")
    assert written(pull=False).report.confirmed == 1
    assert written.reads == [100] * 4


def test_a_full_sync_looks_at_every_company(hub, written):
    written.edit(written.ids[7], gp_stage="adoption")
    hub.fault("search_lag", object="companies", seconds=9 * 86_400)
    assert written().report.records == 0
    assert written(full=True).report.confirmed == 1
    assert hub.calls()["list"] == 4


def test_a_newly_written_field_is_read_of_everybody(hub, written):
    """By the pull, which asks for other fields than the last one did."""
    path = written.folder / "mapping.yaml"
    path.write_text(path.read_text() + "      gp_stage_entered: stage_entered_on\n")
    assert written().report.confirmed == MANY
    assert hub.calls()["list"] == 4
    assert written.reads == [100] * 4


def test_a_pull_that_breaks_off_changes_nothing_in_the_mirror(hub, written):
    before = written.known
    written.edit(written.ids[7], gp_stage="adoption")
    hub.fault("status", "hubspot.batch_read", status=403)
    with pytest.raises(FixConfig, match="does not let this token do that"):
        written()
    assert written.known == before
    hub.started.sandbox.faults.remove()
    assert written().report.confirmed == 1
