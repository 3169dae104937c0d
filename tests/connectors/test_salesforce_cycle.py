"""A whole sync with Salesforce as the CRM: from cases to stages, and no call more."""

import json
from datetime import UTC, date, datetime
from functools import partial

import pytest
from click.testing import CliRunner

from config.errors import BrakePulled
from config.load import load_project
from gatepost.cli import commands
from sandbox.salesforce.org import API_USER
from sync.cycle import Cycle
from tests.connectors.salesforce_org import org_of

GATEPOST = """
connections:
  crm: {type: salesforce, url: "%s", client_id: "%s"}
  product: {type: files, path: product}
"""
MAPPING = """
accounts: {from: crm, object: Account, id: Id, name: Name}
fields:
  signed_on: {field: Contract_Signed__c, type: date}
  workspace: Workspace_Id__c
events:
  - from: product
    account: {property: company, equals: workspace}
    user: user
  - from: crm
    object: Case
    event: Case Opened
    at: CreatedDate
    account: {field: AccountId, equals: id}
    id: Id
    keep: {priority: Priority}
write:
  - fields:
      Lifecycle_Stage__c: stage
      Stage_Entered__c: stage_entered_on
      TTV_Days__c: cases
"""
JOURNEY = """
journey: Care
timezone: UTC
since: 2000-01-01
start: signed_on
signals:
  cases: {count: Case Opened}
  logins: {count: Logged In}
stages:
  - {stage: Onboarding, enter: signed_on <= day, exit: cases >= 1}
  - {stage: Adoption, exit: cases >= 1000}
"""


@pytest.fixture
def org(monkeypatch):
    with org_of(monkeypatch) as made:
        yield made


@pytest.fixture
def project(org, tmp_path):
    known = org.known
    (tmp_path / "gatepost.yaml").write_text(GATEPOST % (known["url"], known["client_id"]))
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    (tmp_path / "journeys").mkdir()
    (tmp_path / "journeys" / "care.yaml").write_text(JOURNEY)
    events = tmp_path / "product" / "events"
    events.mkdir(parents=True)
    for one in org.ids():
        own = {"Workspace_Id__c": f"of {one}", "Contract_Signed__c": date(2026, 1, 15)}
        org.records.objects["Account"].rows[one].now.update(own)
    rows = [
        {"event": "Logged In", "time": 1_780_000_000, "company": f"of {one}", "user": "u"}
        for one in org.ids()
    ]
    (events / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found, problems = load_project(tmp_path)
    assert found is not None, problems
    return found


def sync(org, project):
    """One sync, days after the last change, and the calls that it took."""
    org.forget_calls()
    with Cycle(project, now=datetime(2026, 7, 2, 12, tzinfo=UTC), exclusive=True) as cycle:
        applied = cycle.sync()
        org.warnings = cycle.summary.warnings
    return applied, org.all_calls()


def test_cases_move_accounts_and_a_second_run_writes_nothing(org, project):
    opened = {row.now["AccountId"] for row in org.records.objects["Case"].rows.values()}
    applied, calls = sync(org, project)
    assert applied.report.confirmed == applied.report.records == len(org.ids())
    for one in org.ids():
        stage = "Adoption" if one in opened else "Onboarding"
        assert org.value(one, "Lifecycle_Stage__c") == stage
    assert calls["collections_update"] == 2  # one record first, then the others
    before = org.records.trigger_fires
    applied, calls = sync(org, project)
    assert applied.report.records == 0
    assert org.records.trigger_fires == before
    for _ in range(2):  # our own write is looked for once, like anybody's
        org.sleep(3600)
        _, calls = sync(org, project)
    # Whether an account changed, and whether a case did.
    assert calls == {"token": 1, "describe": 2, "query": 2}


def test_a_merged_account_takes_its_events_along(org, project, tmp_path):
    """Its cases, which Salesforce gives to the master, and product events that name its id."""
    text = (tmp_path / "mapping.yaml").read_text()
    text = text.replace("equals: workspace", "equals: id")
    text = text.replace("  - fields:\n", "  - fields:\n      Health_Score__c: logins\n")
    (tmp_path / "mapping.yaml").write_text(text)
    path = tmp_path / "product" / "events" / "a.jsonl"
    path.write_text(path.read_text().replace("of 001", "001"))
    changed, problems = load_project(tmp_path)
    assert changed is not None, problems
    sync(org, changed)
    loser = next(one for one in org.ids() if org.value(one, "TTV_Days__c"))
    master = next(one for one in org.ids() if one != loser)
    cases = org.value(loser, "TTV_Days__c") + org.value(master, "TTV_Days__c")
    assert org.value(master, "Health_Score__c") == 1
    org.started.sandbox.salesforce.edit(
        "Account", loser, {"IsDeleted": True, "MasterRecordId": master}
    )
    org.sleep(3600)
    sync(org, changed)
    assert org.value(master, "TTV_Days__c") == cases
    assert org.value(master, "Health_Score__c") == 2
    # Nobody writes into the bin: the person who merged was the last to touch it.
    assert org.value(loser, "LastModifiedById") == "005Gp0000000002IAA"


def test_a_lost_answer_is_settled_by_the_run_itself(org, project):
    org.fault("reset_after", "collections_update", count=1)
    applied, _ = sync(org, project)
    assert applied.report.confirmed == len(org.ids())
    assert org.records.trigger_fires == len(org.ids())


def test_a_rule_that_refuses_one_account_is_told_and_the_others_are_written(org, project):
    org.fault("validation_rule", object="Account", field="Lifecycle_Stage__c", value="Adoption")
    applied, _ = sync(org, project)
    report = applied.report
    assert {one.code for one in report.failed} == {"FIELD_CUSTOM_VALIDATION_EXCEPTION"}
    assert report.confirmed + len(report.failed) == len(org.ids())


def test_an_automation_that_takes_a_value_back_is_named_and_not_fought_for_ever(org, project):
    """One record goes out first; what it shows afterwards stops the others."""
    org.fault("workflow", object="Account", field="Lifecycle_Stage__c")
    touched = set[str]()
    for _ in range(5):
        with pytest.raises(
            BrakePulled, match=r"Lifecycle_Stage__c was written as .* shows nothing"
        ):
            sync(org, project)
        rows = org.records.objects["Account"].rows
        touched |= {one for one, row in rows.items() if row.now["LastModifiedById"] == API_USER}
        org.sleep(3600)
    assert len(touched) == 2  # the first was left alone after three times
    first = min(touched)
    saves = [values for _, values in rows[first].stages if values.get("Lifecycle_Stage__c")]
    assert len(saves) == 3


@pytest.mark.parametrize("most", [5, 8, 9, 10, 11, 12])
def test_a_run_without_requests_left_ends_with_3_and_another_goes_on(org, project, tmp_path, most):
    """Wherever it ends: while reading, after the first record, before it is read again."""
    path = tmp_path / "gatepost.yaml"
    plenty = path.read_text()
    path.write_text(plenty.replace("{type: s", f"{{max_requests: {most}, batch_size: 2, type: s"))
    run = partial(CliRunner().invoke, commands, ["sync", "--project", str(tmp_path)])
    done = run()
    assert done.exit_code == 3, done.output
    assert f"this run has made its {most} requests" in done.output
    assert "canary" not in done.stderr
    path.write_text(plenty)
    done = run()
    assert done.exit_code == 0, done.output
    assert all(org.value(one, "Lifecycle_Stage__c") for one in org.ids())
    assert org.records.trigger_fires == len(org.ids())


def test_a_login_that_is_going_away_is_told_once(org, project, tmp_path):
    for option in ("password", "security_token", "username"):
        org.secret(option, org.known[option])
    text = (tmp_path / "gatepost.yaml").read_text()
    (tmp_path / "gatepost.yaml").write_text(text.replace("{type: s", "{auth: password, type: s"))
    changed, problems = load_project(tmp_path)
    assert changed is not None, problems
    sync(org, changed)
    assert [one for one in org.warnings if "taking away" in one] == org.warnings[:1]


@pytest.mark.parametrize("options", ["", ", bulk_read_from: 100, bulk_from: 100"])
@pytest.mark.parametrize("edited", [0, 1, 250])
def test_a_sync_takes_no_more_calls_than_check_live_says(org, project, tmp_path, options, edited):
    """With the first records written before the others, and all read back."""
    text = (tmp_path / "gatepost.yaml").read_text()
    text = text.replace('"}\n', f'"{options}}}\n', 1)
    text += "guards: {read_back: all, max_changed: 100%}\n"
    (tmp_path / "gatepost.yaml").write_text(text)
    mapping = (tmp_path / "mapping.yaml").read_text()
    (tmp_path / "mapping.yaml").write_text(
        mapping.replace("events:", "  owner: Owner.Name\nevents:")
    )
    found, problems = load_project(tmp_path)
    assert found is not None, problems
    for one in org.add_accounts(244):
        org.records.objects["Account"].rows[one].now["Contract_Signed__c"] = date(2026, 1, 15)
    given = {"bulk_read_from": 100, "bulk_from": 100} if options else {}
    said = org.connector(**given).inspector().estimate("Account", ["Case"], writes=True)
    full, calls = sync(org, found)
    assert full.report.confirmed == 250
    history = 1 + 1 + (5 if options else 0)  # the past, which is read once
    assert sum(calls.values()) - history <= said.full
    org.sleep(3600)
    sync(org, found)
    account = org.records.objects["Account"]
    for one in org.ids()[:edited]:
        org.records.touch(account, one, {"Name": "Renamed"}, API_USER)
    org.sleep(86_400)
    quiet, calls = sync(org, found)
    assert quiet.report.records == 0
    assert sum(calls.values()) <= said.quiet
