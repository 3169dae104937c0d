"""From an org without a field to a sync that writes: check --live, provision, check, sync."""

import json

import pytest

from tests.gatepost import live_world


@pytest.fixture(params=["salesforce", "hubspot v3", "hubspot 2026-09", "files"])
def world(request, tmp_path, invoke, monkeypatch):
    vendor, _, version = request.param.partition(" ")
    if vendor == "files":
        yield live_world.files(tmp_path, invoke)
    elif vendor == "salesforce":
        yield from live_world.salesforce(tmp_path, invoke, monkeypatch)
    else:
        yield from live_world.hubspot(tmp_path, invoke, monkeypatch, version)


def test_what_is_missing_is_told_made_found_good_and_written(world):
    missing = world.check(2)
    fields = [one for one in missing if one.check == "field"]
    assert [one.line for one in fields] == [
        world.line_of(f"{field}:") for field in world.names.values()
    ]
    assert {one.file for one in fields} == {"mapping.yaml"}
    assert all("provision" in one.hint for one in fields)
    assert {one.check for one in missing if one.severity == "error"} == {"field"}

    shown = world.provision("--dry-run")
    assert {one.outcome for one in shown} == {"planned"}
    assert all(one.by_hand for one in shown)
    assert world.check(2) == missing

    made = world.provision()
    assert [(one.field, one.outcome) for one in made] == [
        (field, "done") for field in world.names.values()
    ]
    assert world.check(0) == []
    assert {one.outcome for one in world.provision()} == {"there"}
    assert "Nothing is to be done: all 8 fields" in world.run("provision").stderr

    done = world.run("sync", "--format", "json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["fields"] >= len(world.names) - 2  # a score and a band need their input
    assert report["written"] == report["records"]
    assert "Nothing" in world.run("plan").stderr


def test_a_table_for_people(world):
    done = world.run("provision", "--yes")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["field", "output", "result", "what"]
    assert len(lines) == 2 + len(world.names)
    assert "8 things done." in done.stderr
    checked = world.run("check", "--live")
    assert checked.exit_code == 0
    assert "crm (" in checked.stdout
    assert "No problems." in checked.stdout


def test_nothing_is_made_where_nobody_can_be_asked(world):
    done = world.run("provision")
    assert done.exit_code == 2
    assert "--yes" in done.stderr
    assert len(world.check(2)) == len(world.names)


@pytest.fixture
def asked(monkeypatch):
    monkeypatch.setattr("gatepost.commands.apply.at_a_terminal", lambda: True)


def test_what_would_be_made_is_shown_before_it_is_asked_for(tmp_path, invoke, asked):
    world = live_world.files(tmp_path, invoke)
    header = (world.folder / "crm" / "Account.csv").read_text().splitlines()[0]
    no = world.run("provision", input="n\n")
    assert no.exit_code == 1
    assert "Account.Stage" in no.stderr
    assert "nothing was made, as you wished" in no.stderr
    assert (world.folder / "crm" / "Account.csv").read_text().startswith(header + "\n")
    yes = world.run("provision", input="y\n")
    assert yes.exit_code == 0
    assert yes.stderr.index("Account.Stage") < yes.stderr.index("Make this in the CRM?")
    assert (world.folder / "crm" / "Account.csv").read_text().startswith(header + ",Stage,")


def test_a_project_that_writes_nothing_needs_no_field(tmp_path, invoke):
    world = live_world.files(tmp_path, invoke)
    (world.folder / "mapping.yaml").write_text(world.mapping)
    done = world.run("provision", "--yes")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "no `write`" in done.stderr


def test_one_home_is_changed_by_one_run_at_a_time(tmp_path, invoke):
    from sync.runs import run_lock

    world = live_world.files(tmp_path, invoke)
    with run_lock(world.folder / ".gatepost"):
        done = world.run("provision", "--yes")
    assert done.exit_code != 0
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
