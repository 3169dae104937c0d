"""A folder that is right gives a Project; the files themselves may be missing or odd."""

import os
from datetime import date
from pathlib import Path

import pytest

from config.journey import Average, Count, Days, Features, Ratio
from config.load import load_project


def test_a_good_project_has_no_problems_and_is_read_as_written(write, files):
    project, problems = load_project(write(files))

    assert problems == []
    assert project is not None
    (journey,) = project.journeys
    assert journey.since == date(2025, 1, 1)
    assert journey.features["mapping"] == ("Map Drawn", "Map Shared")
    assert journey.signals["exports_30d"] == Count(
        events=("exporting",), where="format = 'pdf'", within=30
    )
    active_days = journey.signals["active_days"]
    assert isinstance(active_days, Days)
    assert active_days.within == 28
    assert journey.signals["breadth"] == Features(
        features=("mapping", "exporting"), within=7, used_by="0.6 * licensed_seats"
    )
    assert journey.signals["mean_nps"] == Average(
        events=("Survey Returned",), property="score", within=90
    )
    assert journey.signals["trend"] == Ratio(signal="weekly_users", to=28)
    setup, adoption, renewal, rescue, gone = journey.stages
    assert setup.touchpoints[1].due == 14
    assert (setup.target, adoption.target) == (30, None)
    assert (renewal.from_, rescue.from_, gone.from_) == (("any",), ("Setup", "Adoption"), ("any",))
    assert adoption.from_ == ()
    assert renewal.exit == "renewed_on between stage_entered_on and day"


def test_defaults_are_those_of_the_reference(write, files):
    project, _ = load_project(write(files))

    assert project is not None
    health = project.journeys[0].health
    assert health is not None
    assert (health.margin, health.min_known) == (3, 0.5)
    assert [one.weight for one in health.components] == [3, 1, 1]
    assert [one.missing for one in health.components] == [None, 100, None]
    drop, fire = project.journeys[0].moments
    assert (drop.for_, drop.clear, drop.after) == (3, 7, 30)
    assert (fire.for_, fire.clear, fire.after) == (1, 7, 0)


def test_the_mapping_is_read_with_its_short_forms(write, files):
    project, _ = load_project(write(files))

    assert project is not None
    mapping = project.mapping
    assert mapping.fields["segment"].field == "Segment__c"
    assert mapping.fields["segment"].type == "text"
    assert [entry.name for entry in mapping.events] == ["product", "crm.Case", "desk.Survey"]
    product, case, survey = mapping.events
    assert {name: spec.field for name, spec in product.keep.items()} == {
        "plan": "plan",
        "format": "format",
    }
    assert product.keep["plan"].type is None
    assert (case.account.property, case.account.equals) == ("AccountId", "id")
    assert survey.keep["score"].type == "number"
    written = mapping.write[0].fields
    assert (written["Lifecycle__c"].output, written["Lifecycle__c"].null) == ("stage", "keep")
    assert (written["Health__c"].write, written["Health__c"].null) == ("always", "clear")
    assert written["First_Value__c"].write == "if_empty"


def test_connections_keep_their_options_as_plain_values(write, files):
    project, _ = load_project(write(files))

    assert project is not None
    product = project.gatepost.connections["product"]
    assert (product.type, product.url) == ("mixpanel", None)
    assert product.options == {"project_id": 4711, "region": "eu"}
    assert type(product.options["project_id"]) is int
    guards = project.gatepost.guards
    assert (guards.max_changed, guards.max_stale, guards.segment) == (0.25, 14, "segment")
    assert (guards.max_backward, guards.canary) == (0.05, True)
    assert guards.told("max_changed")
    assert not guards.told("max_backward")
    assert (project.gatepost.engine.threads, project.gatepost.engine.memory) == (4, "3GB")


def test_sources_of_one_name_are_told_apart(write, files):
    again = "  - {from: product, account: {property: t, equals: tenant}}\nwrite:"
    files["mapping.yaml"] = files["mapping.yaml"].replace("write:", again, 1)

    project, problems = load_project(write(files))

    assert problems == []
    assert project is not None
    names = [entry.name for entry in project.mapping.events]
    assert names == ["product", "crm.Case", "desk.Survey", "product.2"]


def test_writing_needs_no_journey_where_there_is_one(write, files):
    files["mapping.yaml"] = files["mapping.yaml"].replace(
        "- journey: Landing\n    fields", "- fields"
    )

    project, problems = load_project(write(files))

    assert problems == []
    assert project is not None
    assert project.mapping.write[0].journey == "Landing"


def test_writing_needs_a_journey_where_there_are_two(write, files):
    files["mapping.yaml"] = files["mapping.yaml"].replace(
        "- journey: Landing\n    fields", "- fields"
    )
    files["journeys/second.yaml"] = files["journeys/landing.yaml"].replace("Landing", "Second")

    _, problems = load_project(write(files))

    (problem,) = problems
    assert str(problem) == (
        "mapping.yaml:36:5  write[0]: 'journey' is missing: there are several journeys; "
        "known: Landing, Second"
    )


def test_two_journeys_of_one_name_are_a_problem(write, files):
    files["journeys/second.yaml"] = files["journeys/landing.yaml"]

    _, problems = load_project(write(files))

    assert [str(one) for one in problems] == [
        "journeys/second.yaml:1:10  journey: the name 'Landing' is taken by journeys/landing.yaml"
    ]


def test_events_of_a_signal_are_spelled_out(write, files):
    project, _ = load_project(write(files))

    assert project is not None
    journey = project.journeys[0]
    assert journey.events_of(("mapping", "Else")) == ("Else", "Map Drawn", "Map Shared")
    assert journey.events_of(("any",)) == ("any",)


def test_home_is_in_the_folder_unless_the_environment_names_one(write, files, monkeypatch):
    folder = write(files)
    monkeypatch.delenv("GATEPOST_HOME", raising=False)
    project, _ = load_project(folder)
    monkeypatch.setenv("GATEPOST_HOME", "/somewhere/else")
    moved, _ = load_project(folder)

    assert project is not None
    assert moved is not None
    assert project.home == folder / ".gatepost"
    assert moved.home == Path("/somewhere/else")


def test_later_checks_can_point_at_a_character_of_an_expression(write, files):
    project, _ = load_project(write(files))

    assert project is not None
    assert project.journey_file("Landing") == "journeys/landing.yaml"
    exit_of_renewal = ("stages", 2, "exit")
    text = "renewed_on between stage_entered_on and day"
    file = project.files[project.journey_file("Landing")]
    found = file.problem(exit_of_renewal, "boo", offset=text.index("day"))
    lines = files["journeys/landing.yaml"].splitlines()
    assert lines[found.line - 1][found.column - 1 :] == "day"
    assert found.where == "stages[2].exit"


@pytest.mark.parametrize("name", ["gatepost.yaml", "mapping.yaml"])
def test_a_missing_file_is_one_problem(name, write, files):
    del files[name]

    project, problems = load_project(write(files))

    assert project is None
    assert [str(one) for one in problems] == [f"{name}  is missing"]


def test_a_missing_folder_is_one_problem(tmp_path):
    project, problems = load_project(tmp_path / "nowhere")

    assert project is None
    assert [one.message for one in problems] == ["there is no such folder"]


def test_a_file_in_place_of_the_folder_is_one_problem(tmp_path):
    (tmp_path / "acme").write_text("")

    _, problems = load_project(tmp_path / "acme")

    assert [one.message for one in problems] == ["is not a folder"]


def test_a_project_without_journeys_is_told_so(write, files):
    del files["journeys/landing.yaml"]
    assert [str(one) for one in load_project(write(files))[1]] == ["journeys/  is missing"]

    (write(files) / "journeys").mkdir()
    _, problems = load_project(write(files))
    assert [str(one) for one in problems] == [
        "journeys/  holds no journey; write one, named *.yaml"
    ]


def test_files_with_another_ending_are_not_passed_over_in_silence(write, files):
    files["journeys/more.yml"] = "x"
    files["mapping.yml"] = files.pop("mapping.yaml")

    _, problems = load_project(write(files))

    assert [str(one) for one in problems] == [
        "journeys/more.yml  is not read, because its name does not end in .yaml; rename it",
        "mapping.yaml  is missing; rename mapping.yml",
    ]


def test_hidden_files_beside_journeys_are_left_alone(write, files):
    project, problems = load_project(write(files | {"journeys/.landing.yaml.swp.yaml": "["}))

    assert problems == []
    assert project is not None


def test_a_folder_named_like_a_file_is_a_problem(write, files):
    del files["gatepost.yaml"]
    folder = write(files)
    (folder / "gatepost.yaml").mkdir()

    _, problems = load_project(folder)

    assert [str(one) for one in problems] == ["gatepost.yaml  is a folder, not a file"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8018", "[::1]:80/x"])
def test_this_machine_may_be_spoken_to_in_the_open(write, files, host):
    text = files["gatepost.yaml"]
    files["gatepost.yaml"] = text.replace("https://harbour.my.salesforce.com", f"'http://{host}'")
    assert files["gatepost.yaml"] != text
    assert load_project(write(files))[1] == []


def test_a_pipe_named_like_a_file_is_a_problem_and_not_waited_for(write, files):
    del files["mapping.yaml"]
    folder = write(files)
    os.mkfifo(folder / "mapping.yaml")

    _, problems = load_project(folder)

    assert [str(one) for one in problems] == ["mapping.yaml  is no plain file"]


def test_with_a_problem_between_files_there_is_still_a_project_to_check(write, files):
    files["mapping.yaml"] = files["mapping.yaml"].replace("from: crm", "from: crn", 1)

    project, problems = load_project(write(files))

    assert len(problems) == 1
    assert project is not None


def test_with_a_problem_within_a_file_there_is_no_project(write, files):
    files["mapping.yaml"] = files["mapping.yaml"].replace("object:", "objekt:", 1)

    project, problems = load_project(write(files))

    assert {one.where for one in problems} == {"accounts", "accounts.objekt"}
    assert project is None


def test_a_journey_whose_name_cannot_be_shown_is_a_problem(write, files):
    folder = write(files)
    (folder / "journeys" / "a\nb.yaml").write_text("x")

    _, problems = load_project(folder)

    assert [str(one) for one in problems] == [
        "journeys/a b.yaml  has a name that cannot be shown; rename it"
    ]


def test_a_folder_whose_name_no_system_takes_is_a_problem(tmp_path):
    _, problems = load_project(tmp_path / ("x" * 5000))

    assert [one.message for one in problems] == ["cannot be opened: File name too long"]
