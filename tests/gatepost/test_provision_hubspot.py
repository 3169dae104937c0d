"""Properties, their options and their group; scopes that are missing."""

import json

import pytest

from tests.gatepost import live_world


@pytest.fixture
def world(tmp_path, invoke, monkeypatch):
    yield from live_world.hubspot(tmp_path, invoke, monkeypatch)


@pytest.fixture
def vendor(world):
    return world.started.sandbox.app.vendors["hubspot"]


@pytest.fixture
def properties(vendor):
    return vendor.portal.types["companies"].properties


def bodies(world, route):
    found = world.started.sandbox.log.entries("hubspot", route)
    return [json.loads(one["body"]) for one in found]


def test_each_output_gets_the_type_and_the_options_that_fit(world, properties):
    assert {one.field: one.what for one in world.provision()} == {
        "made_stage": "enumeration (select) of 2 options",
        "made_entered": "date (date)",
        "made_days": "number (number)",
        "made_score": "number (number)",
        "made_band": "enumeration (select) of 2 options",
        "made_quiet": "bool (booleancheckbox)",
        "made_alerts": "enumeration (checkbox) of 2 options",
        "made_next": "string (text)",
    }
    assert properties["made_alerts"].options == ("quiet", "Kick-off")
    assert properties["made_quiet"].options == ("true", "false")
    assert {one["groupName"] for one in bodies(world, "property_create")} == {"gatepost"}
    (stage,) = [one for one in bodies(world, "property_create") if one["name"] == "made_stage"]
    assert stage["label"] == "Made stage"
    assert "stage of the journey Care" in stage["description"]
    assert len(bodies(world, "group_create")) == 1


def test_a_missing_scope_is_named_and_where_it_is_added(world, vendor):
    vendor.settings.missing_scopes = ("crm.schemas.companies.write",)
    results = world.provision(code=1)
    assert {one.outcome for one in results} == {"failed"}
    assert "crm.schemas.companies.write" in results[0].reason
    assert "Settings > Properties" in results[0].by_hand
    assert "scopes" in results[0].by_hand.lower()
    # One refusal says it for all.
    assert world.started.calls("hubspot").get("property_create") is None


def test_options_that_are_missing_are_added_and_those_that_are_there_stay_as_they_are(
    world, properties
):
    world.write({"stage": "gp_stage"})
    world.replace("journeys/care.yaml", "stage: Adoption", "stage: Sailing")
    (wrong,) = world.check(2)
    assert wrong.check == "options"
    assert "lacks 'Onboarding', 'Sailing', which stage can be" in wrong.message
    before = properties["gp_stage"].options
    assert [(one.action, one.outcome) for one in world.provision()] == [("options", "done")]
    assert properties["gp_stage"].options == (*before, "Onboarding", "Sailing")
    assert world.check(0) == []
    assert [one.outcome for one in world.provision()] == ["there"]


def test_types_and_hubspots_own_lists_are_told_and_left(world, properties):
    world.write({"stage": "lifecyclestage", "score": "gp_stage_entered", "next": "gp_next_step"})
    before = dict(properties)
    stage, score, rest = world.provision(code=1)
    assert (stage.outcome, score.outcome, rest.outcome) == ("left", "left", "there")
    assert "lacks 'Onboarding', 'Adoption'" in stage.reason
    assert "date (date), and health_score is a number" in score.reason
    assert properties == before
    hints = {one.line: one.hint for one in world.errors()}
    assert "HubSpot's own" in hints[world.line_of("lifecyclestage:")]


@pytest.mark.parametrize(
    ("name", "better"),
    [("Made_Stage", "made_stage"), ("hs_stage", "stage"), ("made stage", "made_stage")],
)
def test_a_name_that_no_property_can_have_stops_before_anything_is_made(world, name, better):
    world.write({**world.names, "stage": name})
    done = world.run("provision", "--yes")
    assert done.exit_code == 2
    assert f"mapping.yaml:{world.line_of(name + ':')}:7" in done.stderr
    assert f"such as {better}" in done.stderr
    assert not bodies(world, "property_create")


def test_one_failure_leaves_the_others(world):
    world.started.fault("status", "hubspot.property_create", count=1, skip=1, status=400)
    results = world.provision(code=3)
    assert [one.field for one in results if one.outcome == "failed"] == ["made_entered"]
    assert [one.outcome for one in world.provision()].count("done") == 1


def test_an_answer_that_was_lost_makes_no_property_twice(world):
    world.started.fault("reset_after", "hubspot.property_create", count=1)
    assert {one.outcome for one in world.provision()} == {"done"}
    assert world.check(0) == []


def test_a_name_that_is_taken_and_not_to_be_seen_is_not_made(world):
    """An archived property, for one: HubSpot refuses its name, and shows it to nobody."""
    said = "Property made_stage already exists"
    world.started.fault("status", "hubspot.property_create", count=1, status=409, message=said)
    first, *others = world.provision(code=3)
    assert (first.outcome, first.reason) == ("failed", said)
    assert {one.outcome for one in others} == {"done"}


def test_a_property_that_somebody_makes_meanwhile_in_another_way_is_told(
    world, properties, monkeypatch
):
    """Between the look and the making; its type is never changed."""
    from connectors.hubspot.provision import HubSpotProvisioner
    from sandbox.hubspot.types import text

    group = HubSpotProvisioner._group

    def grouped(self, object_name):
        properties["made_days"] = text("made_days")
        return group(self, object_name)

    monkeypatch.setattr(HubSpotProvisioner, "_group", grouped)
    results = {one.field: one for one in world.provision(code=3)}
    assert results["made_days"].outcome == "failed"
    assert "it is a string (text)" in results["made_days"].reason
    assert {one.outcome for one in results.values() if one.field != "made_days"} == {"done"}
    assert properties["made_days"].type == "string"
