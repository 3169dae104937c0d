"""A whole sync with HubSpot as the CRM: from tickets to a stage in the company, calls counted."""

import json
from datetime import UTC, datetime

import pytest

from config.load import load_project
from connectors.registry import connect
from sync.cycle import Cycle
from sync.state import State

GATEPOST = """
guards: {canary: false, read_back: none}
connections:
  crm: {type: hubspot, url: "%s", api_version: %s}
  product: {type: files, path: product}
"""
MAPPING = """
accounts: {from: crm, object: companies, id: hs_object_id, name: name}
fields:
  signed_on: {field: contract_signed, type: date}
  workspace: workspace_id
events:
  - from: product
    account: {property: company, equals: workspace}
    user: user
  - from: crm
    object: tickets
    event: Ticket Opened
    at: createdate
    account: {property: associations.companies, equals: id}
    id: hs_object_id
write:
  - fields:
      gp_stage: stage
      gp_stage_entered: stage_entered_on
      gp_ttv_days: tickets
"""
JOURNEY = """
journey: Care
timezone: UTC
since: 2000-01-01
start: signed_on
signals:
  tickets: {count: Ticket Opened}
  logins: {count: Logged In}
stages:
  - {stage: onboarding, enter: signed_on <= day, exit: tickets >= 1}
  - {stage: adoption}
"""


@pytest.fixture(params=["v3", "2026-09"])
def project(hub, tmp_path, request, monkeypatch):
    def connected(name, connection, folder):
        is_ours = connection.type == "hubspot"
        return hub.connector(**connection.options) if is_ours else connect(name, connection, folder)

    monkeypatch.setattr("sync.connections.connect", connected)  # with the sandbox's time
    (tmp_path / "gatepost.yaml").write_text(GATEPOST % (hub.started.url, request.param))
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    (tmp_path / "journeys").mkdir()
    (tmp_path / "journeys" / "care.yaml").write_text(JOURNEY)
    events = tmp_path / "product" / "events"
    events.mkdir(parents=True)
    for one in hub.companies(6):
        own = {"contract_signed": "2026-01-15", "workspace_id": f"of {one}"}
        hub.vendor.edit("companies", one, own)  # the world doubles a key, which is never written
    hub.clock.advance(7200)  # the search index is late, and knows
    keys = [one.now["workspace_id"] for one in hub.portal.types["companies"].records.values()]
    rows = [
        {"event": "Logged In", "time": 1_780_000_000 + n, "company": key, "user": "u"}
        for n, key in enumerate(keys)
    ]
    (events / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found, problems = load_project(tmp_path)
    assert found is not None, problems
    return found


def sync(hub, project):
    """One sync, a few hours after the last change, and the calls that it took."""
    hub.started.sandbox.log.clear()
    hub.connectors.clear()
    now = datetime(2026, 7, 2, 12, tzinfo=UTC)
    with Cycle(project, now=now, exclusive=True) as cycle:
        return cycle.sync(), hub.calls()


def test_a_stage_reaches_the_company_and_then_nothing_is_written(hub, project):
    companies, tickets = hub.portal.types["companies"], hub.portal.types["tickets"]
    applied, calls = sync(hub, project)
    assert applied.report.error is None
    assert applied.report.all_done
    past = 1  # what the companies' fields were before, fifty to a call, this once
    assert calls.pop("list") == 1 + past + -(-len(tickets.records) // 100)
    assert calls.pop("account") == 1  # nobody writes into another company's HubSpot
    assert calls == {"batch_read": 1, "batch_update": 1, "properties": 2, "search": 1}
    counts = {one: len(hub.portal.linked(companies, one, tickets)) for one in companies.records}
    assert any(counts.values())
    for one, count in counts.items():
        assert hub.value(one, "gp_stage") == ("adoption" if count else "onboarding")
        assert hub.value(one, "gp_ttv_days") == str(count)

    applied, calls = sync(hub, project)
    assert applied.report.records == 0
    assert calls == {"list": 1, "properties": 2, "search": 1}


def test_the_first_sync_knows_what_fields_were_before(hub, project):
    """The fixture has changed the key of each company two hours ago."""
    [one] = hub.companies(1)
    was = hub.portal.types["companies"].records[one].history["workspace_id"][1]["value"]
    sync(hub, project)
    with State(project.home) as state:
        seen = state.rows(
            "SELECT json_extract(data, '$.workspace') FROM sightings WHERE account_id = ?"
            " ORDER BY number",
            (one,),
        )
        keys = [key for (key,) in seen]
    assert keys[0] == was
    assert keys[-1] == f"of {one}"


def test_a_sync_after_a_day_reads_only_the_companies_that_changed(hub, project):
    """250 companies would be three pages."""
    hub.companies(250)
    hub.clock.advance(86_400)
    sync(hub, project)
    hub.clock.advance(86_400)  # what the first one wrote has changed as well
    sync(hub, project)
    hub.clock.advance(86_400)
    applied, calls = sync(hub, project)
    assert applied.report.records == 0
    assert calls["list"] == 1  # tickets, which are read once a day
    assert calls["search"] == 3  # two for the companies, one for the tickets
    assert "batch_read" not in calls

    hub.vendor.edit("companies", hub.companies(1)[0], {"name": "Renamed"})
    hub.clock.advance(86_400)
    _, calls = sync(hub, project)
    assert calls["list"] == 1
    assert calls["batch_read"] == 1


@pytest.mark.parametrize("edited", [0, 160, 250])
def test_a_sync_takes_no_more_calls_than_check_live_says(hub, project, tmp_path, edited):
    """Whether search tells what changed or the list; with the first records written before the
    others, and all read back."""
    text = (tmp_path / "gatepost.yaml").read_text()
    text = text.replace("canary: false, read_back: none", "read_back: all, max_changed: 100%")
    (tmp_path / "gatepost.yaml").write_text(text)
    found, problems = load_project(tmp_path)
    assert found is not None, problems
    ids = hub.companies(250)
    for one in ids:
        hub.vendor.edit("companies", one, {"contract_signed": "2026-01-15"})
    hub.clock.advance(86_400)
    full, calls = sync(hub, found)
    assert full.report.all_done
    calls["list"] -= -(-250 // 50)  # the past, which is read once
    said = hub.connector().inspector().estimate("companies", ["tickets"], writes=True)
    assert sum(calls.values()) <= said.full
    hub.clock.advance(86_400)
    sync(hub, found)
    for one in ids[:edited]:
        hub.vendor.edit("companies", one, {"name": "Renamed"})
    hub.clock.advance(86_400)
    quiet, calls = sync(hub, found)
    assert quiet.report.records == 0
    assert sum(calls.values()) <= said.quiet


def test_a_run_that_is_stopped_between_batches_goes_on_next_time(hub, project, tmp_path):
    """Two records to a batch; the limit comes with the second batch."""
    text = (tmp_path / "gatepost.yaml").read_text()
    (tmp_path / "gatepost.yaml").write_text(text.replace("{type: h", "{batch_size: 2, type: h"))
    project, _ = load_project(tmp_path)
    hub.fault("status", "hubspot.batch_update", skip=1, status=429, policy="DAILY")
    applied, _ = sync(hub, project)
    assert applied.report.confirmed == 2
    assert applied.report.unknown == ()
    assert applied.report.unsent == applied.report.records - 2 > 0
    assert "daily limit" in str(applied.report.error)
    hub.started.sandbox.faults.remove()
    again, _ = sync(hub, project)
    assert again.report.records == applied.report.unsent
    assert again.report.all_done


def test_what_a_run_left_unknown_is_settled_by_reading_only_that(hub, project):
    hub.fault("empty", "hubspot.batch_update")
    applied, _ = sync(hub, project)
    assert len(applied.report.unknown) == applied.report.records > 0
    hub.started.sandbox.faults.remove()
    again, calls = sync(hub, project)
    assert again.settled == applied.report.records
    assert again.report.all_done
    assert calls.pop("account") == 1
    assert calls == {"batch_read": 2, "batch_update": 1, "list": 1, "properties": 2, "search": 1}
