"""Canary, read-back, quarantine and the organisation, against a CRM that has rules of its own."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bench.crm import Crm
from config.errors import BrakePulled, StopCycle
from config.load import load_project
from sync.cycle import Cycle
from sync.orders import Orders
from sync.quarantine import in_quarantine
from sync.state import State

STAGE = "Lifecycle_Stage__c"


@pytest.fixture
def crm(tmp_path, monkeypatch):
    with Crm(tmp_path, accounts=14, batch=5) as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        made.next_day()
        yield made


def sync(crm, override=None):
    """One sync of the project's day; what it came to, and what it warned of."""
    project, problems = load_project(crm.folder)
    assert project is not None, problems
    now = datetime.now(UTC) + timedelta(days=1)
    with Cycle(project, now=now, as_of=crm.as_of, exclusive=True) as cycle:
        return cycle.sync(Orders(override=override)), cycle.summary.warnings


def rows(crm, query):
    with State(crm.folder / ".gatepost") as state:
        return list(state.rows(query))


def count(crm, stage):
    return list(crm.stages().values()).count(stage)


# --------------------------------------------------------------------------------- canary


def test_a_canary_stops_after_one_record_if_an_automation_changes_it(crm):
    crm.fault("workflow", object="Account", field=STAGE, to="Value")
    with pytest.raises(BrakePulled) as caught:
        sync(crm)
    said = str(caught.value)
    assert caught.value.exit_code == 4
    assert said.startswith("canary: 1 record was written, and 13 more were not")
    assert f"{STAGE} was written as Renewal and shows Value: an automation may have" in said
    assert count(crm, "Value") == 1
    assert rows(crm, "SELECT state FROM runs") == [("partly",)]
    assert rows(crm, "SELECT verdict, shown FROM read_backs") == [("changed", '"Value"')]
    crm.good_days()
    applied, _ = sync(crm)
    assert (applied.report.confirmed, applied.read_back) == (14, 14)
    sizes = [size for (size,) in rows(crm, "SELECT last_id - first_id + 1 FROM write_batches")]
    assert sizes[-4:] == [1, 5, 5, 3], "the next one begins with one record again"


def test_a_canary_stops_if_the_first_eleven_are_refused(crm):
    crm.fault("validation_rule", object="Account", field=STAGE, message="not today")
    with pytest.raises(BrakePulled, match="the CRM refused all of the first") as caught:
        sync(crm)
    assert "not today" in str(caught.value)
    assert count(crm, "Renewal") == 0


def test_an_override_lets_a_first_run_go_on_and_tells_the_differences(crm):
    crm.fault("workflow", object="Account", field=STAGE, to="Value")
    applied, warnings = sync(crm, override="the automation is known")
    assert applied.report.confirmed == 14
    assert len(applied.found) == 14
    assert any("shows Value: an automation" in one for one in warnings)


# ------------------------------------------------------------------------------- read-back


def test_a_later_run_is_read_again_and_a_field_that_never_keeps_our_value_is_given_up(crm):
    sync(crm)
    crm.next_day()
    crm.fault("workflow", object="Account", field=STAGE, to="Value")
    kinds = []
    for _ in range(4):
        applied, warnings = sync(crm)
        kinds.append({one.kind for one in applied.plan.notes})
        if applied.report.records:
            assert len(applied.found) == 14
            assert any("shows Value" in one for one in warnings)
    assert kinds == [set(), {"restored"}, {"restored"}, {"contested"}]
    assert applied.report.records == 0


# ------------------------------------------------------------------------------ quarantine


def refuse(crm):
    crm.fault(
        "validation_rule", object="Account", field=STAGE, value="Adoption", message="no adoptions"
    )


def test_a_refused_record_waits_and_is_tried_at_once_when_its_value_changes(crm):
    sync(crm)
    crm.next_day()
    refuse(crm)
    applied, _ = sync(crm)
    assert (len(applied.report.failed), applied.quarantined) == (14, 14)
    with State(crm.folder / ".gatepost") as state:
        first = in_quarantine(state)[0]
    assert (first.code, first.tries) == ("FIELD_CUSTOM_VALIDATION_EXCEPTION", 1)
    assert "no adoptions" in first.message
    assert STAGE in first.fields
    assert first.first_at == first.last_at < first.next_at

    applied, _ = sync_now(crm)
    assert applied.report.records == 0, "nothing is due"
    assert not applied.all_done
    assert {one.kind for one in applied.plan.notes} == {"quarantine"}

    crm.next_day()
    applied, _ = sync_now(crm)
    assert applied.report.confirmed == 14, "Renewal is no adoption"
    assert applied.quarantined == 0


def sync_now(crm):
    """As `sync`, by the real clock: what waits for an hour is not due."""
    project, problems = load_project(crm.folder)
    assert project is not None, problems
    with Cycle(project, now=datetime.now(UTC), as_of=crm.as_of, exclusive=True) as cycle:
        return cycle.sync(), cycle.summary.warnings


def test_a_refused_record_is_tried_again_when_it_is_due_and_waits_longer_each_time(crm):
    sync(crm)
    crm.next_day()
    refuse(crm)
    sync(crm)
    sync(crm)  # by a clock that is a day ahead: due
    with State(crm.folder / ".gatepost") as state:
        found = in_quarantine(state)[0]
    assert found.tries == 2
    wait = datetime.fromisoformat(found.next_at) - datetime.fromisoformat(found.last_at)
    assert wait == timedelta(hours=4)
    crm.good_days()
    applied, _ = sync(crm)
    assert applied.all_done


def test_quarantine_is_in_the_exit_code_and_told(crm):
    sync(crm)
    crm.next_day()
    refuse(crm)
    for said in ("14 records of 14 could not be written", "14 records in quarantine"):
        process = crm.program("sync", "--as-of", str(crm.as_of))
        _, err = process.communicate(timeout=60)
        assert process.returncode == 3
        assert said in err


# ---------------------------------------------------------------------------- organisation


def test_another_organisation_stops_the_run(crm):
    sync(crm)
    with State(crm.folder / ".gatepost") as state:
        known = state.setting("organisation:crm")
        assert known
        assert known.startswith("00D")
        state.set_setting("organisation:crm", "00D000000000000AAA")
    crm.next_day()
    with pytest.raises(BrakePulled, match=f"organisation: the CRM is {known}"):
        sync(crm)
    applied, _ = sync(crm, override="we moved")
    assert applied.all_done
    crm.next_day()
    assert sync(crm)[0].overridden == ()


def test_a_plan_of_another_organisation_is_not_carried_out(crm):
    """Also where no run has written yet: a copy of the CRM has the same records and values."""
    project, problems = load_project(crm.folder)
    assert project is not None, problems
    now = datetime.now(UTC) + timedelta(days=1)
    with Cycle(project, now=now, as_of=crm.as_of, exclusive=True) as cycle:
        plan = cycle.plan()
        elsewhere = replace(plan, facts=replace(plan.facts, organisation="00D000000000000AAA"))
        with pytest.raises(StopCycle, match="made for the organisation 00D000000000000AAA"):
            cycle.apply(elsewhere)
        assert count(crm, None) == 14
        assert cycle.apply(plan).all_done
