"""What an org refuses, hides or has already; each told for its field, the others made."""

from dataclasses import replace

import pytest

from sandbox.salesforce.org import API_USER
from tests.gatepost import live_world

SET = "Gatepost_Fields"


@pytest.fixture
def world(tmp_path, invoke, monkeypatch):
    yield from live_world.salesforce(tmp_path, invoke, monkeypatch)


@pytest.fixture
def org(world):
    return world.started.sandbox.salesforce.org


@pytest.fixture
def settings(world):
    return world.started.sandbox.salesforce.settings


def outcomes(results):
    return {one.field: one.outcome for one in results}


def facts(org, name):
    return org.fields(org.objects["Account"], API_USER)[name]


def bodies(world, route):
    return [one["body"] for one in world.started.sandbox.log.entries("salesforce", route)]


def test_each_output_gets_the_type_that_fits(world, org):
    assert {one.field: one.what for one in world.provision()} == {
        "GP_Stage__c": "Picklist of 2 values",
        "GP_Entered__c": "Date",
        "GP_Days__c": "Number(18, 0)",
        "GP_Score__c": "Number(17, 1)",
        "GP_Band__c": "Picklist of 2 values",
        "GP_Quiet__c": "Checkbox",
        "GP_Alerts__c": "MultiselectPicklist of 2 values",
        "GP_Next__c": "Text(255)",
    }
    alerts = facts(org, "GP_Alerts__c")
    assert (alerts.type, alerts.values) == ("multipicklist", ("quiet", "Kick-off"))
    assert not alerts.restricted
    assert facts(org, "GP_Stage__c").updateable
    (made,) = [row.now for row in org.objects["PermissionSet"].rows.values()]
    assert made["Name"] == SET
    (assigned,) = [row.now for row in org.objects["PermissionSetAssignment"].rows.values()]
    assert (assigned["AssigneeId"], assigned["PermissionSetId"]) == (API_USER, made["Id"])


def test_without_the_right_to_make_fields_an_administrator_reads_what_to_click(world, settings):
    settings.may_customize = False
    results = world.provision(code=1)
    assert {*outcomes(results).values()} == {"failed"}
    assert "INSUFFICIENT_ACCESS" in results[0].reason
    assert results[0].by_hand == (
        "Setup > Object Manager > Account > Fields & Relationships > New: Picklist of 2 values, "
        "Field Name GP_Stage"
    )


def test_fields_that_cannot_be_granted_are_made_and_the_next_run_grants_them(world, settings):
    settings.may_grant = False
    results = world.provision(code=1)
    assert {*outcomes(results).values()} == {"failed"}
    assert "it was made, but not granted" in results[0].reason
    assert "Setup > Permission Sets" in results[0].by_hand
    hidden = world.errors()
    assert {one.check for one in hidden} == {"hidden"}
    assert "this user may not see it" in hidden[0].message
    settings.may_grant = True
    assert {one.action for one in world.provision()} == {"grant"}
    assert world.check(0) == []


def test_a_field_takes_some_seconds_until_it_can_be_granted(world, settings):
    settings.propagation_seconds = 1
    assert {*outcomes(world.provision()).values()} == {"done"}


def test_a_type_is_told_and_left_and_the_rest_is_made(world, org):
    world.write({**world.names, "stage": "Contract_End__c", "score": "Kickoff_Held__c"})
    stage, score = (one for one in world.errors() if one.check == "type")
    assert stage.line == world.line_of("Contract_End__c:")
    assert "of the type date, and health_score is a number" in score.message
    before = org.objects["Account"].fields["Contract_End__c"]
    results = world.provision(code=3)
    left = {one.field for one in results if one.outcome == "left"}
    assert left == {"Contract_End__c", "Kickoff_Held__c"}
    assert {one.outcome for one in results if one.field not in left} == {"done"}
    assert org.objects["Account"].fields["Contract_End__c"] == before
    again = world.run("provision", "--yes")
    assert again.exit_code == 1
    assert "a type is never changed" in again.stderr


def test_values_that_a_list_lacks_are_added_behind_those_that_it_has(world, org):
    world.replace("journeys/care.yaml", "stage: Adoption", "stage: Sailing")
    world.write({"stage": "Lifecycle_Stage__c", "band": "Health_Band__c"})
    (wrong,) = world.check(2)
    assert (wrong.check, wrong.line) == ("options", world.line_of("Lifecycle_Stage__c:"))
    assert "lacks 'Sailing', which stage can be" in wrong.message
    before = facts(org, "Lifecycle_Stage__c")
    (stage, band) = world.provision()
    assert (stage.action, stage.what, stage.outcome) == ("options", "value 'Sailing'", "done")
    assert band.outcome == "there"
    now = facts(org, "Lifecycle_Stage__c")
    assert now.values == (*before.values, "Sailing")
    assert now.restricted
    assert world.check(0) == []


def test_a_field_that_is_hidden_is_granted_and_then_looked_at(world, org):
    """It was restricted to other values, which nobody could see before."""
    world.write({"stage": "Lifecycle_Stage__c"})
    world.replace("journeys/care.yaml", "stage: Adoption", "stage: Sailing")
    fields = org.objects["Account"].fields
    fields["Lifecycle_Stage__c"] = replace(fields["Lifecycle_Stage__c"], granted=False)
    (hidden,) = world.errors()
    assert hidden.check == "hidden"
    assert [(one.action, one.outcome) for one in world.provision()] == [
        ("grant", "done"), ("options", "done"),
    ]  # fmt: skip
    assert world.check(0) == []


def test_a_field_that_exists_and_may_only_be_read_is_granted(world, org):
    body = '"Field": "Account.GP_Stage__c"'
    world.provision()
    for row in org.objects["FieldPermissions"].rows.values():
        if row.now["Field"] == "Account.GP_Stage__c":
            row.now["PermissionsEdit"] = False
    (wrong,) = world.errors()
    assert wrong.check == "read-only"
    assert "Setup > Permission Sets" in wrong.hint
    done = [one for one in world.provision() if one.outcome == "done"]
    assert [(one.field, one.action) for one in done] == [("GP_Stage__c", "grant")]
    assert len([one for one in bodies(world, "permission_create") if body in one]) == 1
    assert world.check(0) == []


def test_formulas_are_refused(world):
    world.write({"days": "Days_To_Renewal__c"})
    (formula,) = world.errors()
    assert (formula.check, "formula" in formula.message) == ("read-only", True)
    assert {one.outcome for one in world.provision(code=1)} == {"left"}


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("GP Stage", "GP_Stage__c"),
        ("GP_Stage", "GP_Stage__c"),
        ("1_Stage__c", "Stage__c"),
        ("GP__Stage__c", "GP_Stage__c"),
        ("GP_Stage___c", "GP_Stage__c"),
        ("S" * 41 + "__c", "S" * 40 + "__c"),
    ],
)
def test_a_name_that_no_field_can_have_stops_before_anything_is_made(world, name, better):
    world.write({**world.names, "stage": name})
    done = world.run("provision", "--yes")
    assert done.exit_code == 2
    line = world.line_of(name + ":")
    assert f"mapping.yaml:{line}:7  write[0].fields.{name[:3]}" in done.stderr
    assert better in done.stderr
    assert world.started.calls("salesforce").get("tooling_create") is None


def test_names_in_a_list_must_differ_by_more_than_case(world):
    world.replace("journeys/care.yaml", "stage: Adoption", "stage: ONBOARDING")
    done = world.run("provision", "--yes")
    assert done.exit_code == 2
    assert "differ only by the case" in done.stderr


def test_one_failure_leaves_the_others_and_a_second_run_does_the_rest(world):
    world.started.fault(
        "status", "salesforce.tooling_create", count=1, status=400,
        code="CUSTOM_ENTITY_OR_FIELD_LIMIT", message="too many fields",
    )  # fmt: skip
    results = world.provision(code=3)
    assert [one.field for one in results if one.outcome == "failed"] == ["GP_Stage__c"]
    assert "CUSTOM_ENTITY_OR_FIELD_LIMIT" in results[0].reason
    assert {one.field: one.outcome for one in world.provision()}["GP_Stage__c"] == "done"


def test_an_answer_that_was_lost_makes_no_field_twice(world):
    world.started.fault("reset_after", "salesforce.tooling_create", count=1)
    world.started.fault("reset_after", "salesforce.permission_create", count=1)
    assert {*outcomes(world.provision()).values()} == {"done"}
    assert world.check(0) == []


def test_values_that_other_fields_share_are_left_to_a_person(world):
    world.replace("journeys/care.yaml", "stage: Adoption", "stage: Sailing")
    world.write({"stage": "Lifecycle_Stage__c"})
    shared = {"Metadata": {"type": "Picklist", "valueSet": {"valueSetName": "Stages"}}}
    world.started.fault("status", "salesforce.tooling_get", status=200, body=shared)
    (stage,) = world.provision(code=1)
    assert "global value set Stages" in stage.reason
    assert "Values > New: Sailing" in stage.by_hand


def test_a_busy_org_is_told_for_each_field_and_asked_no_more(world):
    world.replace("gatepost.yaml", "client_id:", "retries: 0, client_id:")
    world.started.fault("status", "salesforce.tooling_create", status=503)
    results = world.provision(code=1)
    assert {*outcomes(results).values()} == {"failed"}
    assert world.started.calls("salesforce")["tooling_create"] == 1
