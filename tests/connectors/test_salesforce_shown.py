"""What a sync reads of the fields that it writes: what may have changed, and what it changes."""

import json
from datetime import UTC, datetime

import pytest

from config.load import load_project
from sync import writing
from sync.cycle import Cycle
from sync.shown import Shown
from sync.state import State
from tests.connectors.salesforce_org import org_of

GATEPOST = """
guards: {canary: false, read_back: none, max_changed: 100%%}
connections:
  crm: {type: salesforce, url: "%s", client_id: "%s"}
  product: {type: files, path: product}
"""
MAPPING = """
accounts: {from: crm, object: Account, id: Id, name: Name}
fields:
  signed_on: {field: Contract_Signed__c, type: date}
events:
  - from: product
    account: {property: company, equals: id}
    user: user
write:
  - fields:
      Lifecycle_Stage__c: stage
      Stage_Entered__c: stage_entered_on
      TTV_Days__c: {output: logins, conflict: theirs}
"""
JOURNEY = """
journey: Care
timezone: UTC
since: 2000-01-01
start: signed_on
signals:
  logins: {count: Logged In}
stages:
  - {stage: Onboarding, enter: signed_on <= day, exit: logins >= 100}
  - {stage: Adoption}
"""
FIELDS = ["Lifecycle_Stage__c", "Stage_Entered__c", "TTV_Days__c"]
MANY = 400


class Run:
    """Syncs of one project with `MANY` accounts; `ids` are theirs."""

    def __init__(self, org, folder):
        self.org, self.folder, self.files = org, folder, 0
        known = org.known
        (folder / "gatepost.yaml").write_text(GATEPOST % (known["url"], known["client_id"]))
        (folder / "mapping.yaml").write_text(MAPPING)
        (folder / "journeys").mkdir()
        (folder / "journeys" / "care.yaml").write_text(JOURNEY)
        (folder / "product" / "events").mkdir(parents=True)
        org.add_accounts(MANY - len(org.ids()))
        self.ids = org.ids()
        for one in self.ids:
            self.edit(one, Contract_Signed__c="2026-01-15")
        self.log_in(*self.ids)
        org.sleep(86_400)

    def edit(self, one, **values):
        self.org.started.sandbox.salesforce.edit("Account", one, values)

    def log_in(self, *ids):
        """One more login of each."""
        self.files += 1
        rows = [
            {"event": "Logged In", "time": 1_780_000_000 + self.files, "company": one, "user": "u"}
            for one in ids
        ]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (self.folder / "product" / "events" / f"{self.files}.jsonl").write_text(text)

    def __call__(self):
        """A sync an hour later; what it came to, and the calls that it took."""
        self.org.sleep(3600)
        self.org.forget_calls()
        project, problems = load_project(self.folder)
        assert project is not None, problems
        now = datetime(2026, 7, 2, 12, tzinfo=UTC)
        with Cycle(project, now=now, exclusive=True) as cycle:
            return cycle.sync(), self.org.calls()

    @property
    def known(self):
        """The accounts of which the mirror knows all written fields."""
        with State(self.folder / ".gatepost") as state:
            return Shown.load(state, "Account").records(self.ids, FIELDS)


@pytest.fixture
def run(monkeypatch, tmp_path):
    with org_of(monkeypatch) as org:
        yield Run(org, tmp_path)


@pytest.fixture
def written(run):
    """After a first sync, and one that has looked at what the first one wrote."""
    applied, calls = run()
    assert applied.report.confirmed == MANY
    assert calls["collections_retrieve"] == 1, "what is written over is looked at just before"
    applied, calls = run()
    assert applied.report.records == 0
    assert "collections_retrieve" not in calls, "the pull has read our own write"
    return run


def test_nothing_changed_reads_no_written_field(written):
    for _ in range(2):
        applied, calls = written()
        assert applied.report.records == 0
    assert calls == {"describe": 1, "query": 1}


def test_where_all_accounts_are_read_each_time_nothing_is_read_besides(written):
    """A formula is mapped, which changes without a stamp."""
    path = written.folder / "mapping.yaml"
    text = path.read_text()
    path.write_text(text.replace("fields:\n", "fields:\n  left: Days_To_Renewal__c\n", 1))
    for _ in range(2):
        applied, calls = written()
        assert applied.report.records == 0
        assert calls.keys() <= {"describe", "query", "query_all"}
    written.edit(written.ids[7], Lifecycle_Stage__c="Adoption")
    assert written()[0].report.confirmed == 1


def test_what_somebody_changed_is_read_with_the_pull_and_again_before_it_is_written(written):
    one = written.ids[7]
    written.edit(one, Lifecycle_Stage__c="Adoption")
    applied, calls = written()
    assert applied.report.confirmed == 1
    assert (calls["query"], calls["query_all"]) == (1, 1), "whether anything changed, and what"
    assert calls["collections_retrieve"] == 1
    assert written.org.value(one, "Lifecycle_Stage__c") == "Onboarding"

    written()
    written.edit(one, Name="Renamed")
    applied, calls = written()
    assert applied.report.records == 0
    assert calls == {"describe": 1, "query": 1, "query_all": 1}


def test_what_is_to_be_written_is_read_once(written):
    written.log_in(*written.ids)
    applied, calls = written()
    assert applied.report.confirmed == MANY
    assert calls["collections_retrieve"] == 1
    assert calls["collections_update"] == 2
    assert {one["TTV_Days__c"] for one in written.known.values()} == {2}
    assert len(written.known) == MANY


def test_an_edit_without_a_stamp_yet_is_met_before_it_is_written_over(written):
    """A transaction that takes its time commits with the stamp of when it began."""
    one = written.ids[7]
    written.org.records.objects["Account"].rows[one].now["TTV_Days__c"] = 99
    for _ in range(2):
        applied, calls = written()
        assert applied.report.records == 0
    assert calls == {"describe": 1, "query": 1}, "nobody told of it"
    written.log_in(one)
    applied, calls = written()
    assert [(note.kind, note.change.from_, note.change.to) for note in applied.plan.notes] == [
        ("replaced", 99, 2)
    ]
    assert calls["collections_retrieve"] == 1


def test_a_run_that_dies_after_its_write_leaves_nothing_that_is_believed(written, monkeypatch):
    class KilledError(BaseException):
        """No error that anybody catches."""

    def killed(*_):
        raise KilledError

    some = written.ids[:150]
    written.log_in(*some)
    with monkeypatch.context() as patched:
        patched.setattr(writing, "note_outcome", killed)
        with pytest.raises(KilledError):
            written()
    assert written.known.keys() == set(written.ids[150:])
    applied, _ = written()
    assert applied.report.records == 0
    assert {written.known[one]["TTV_Days__c"] for one in some} == {2}
