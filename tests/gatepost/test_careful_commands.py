"""Brakes, overrides and conflicts as whoever types the commands meets them."""

import json

import pytest

from tests.sync.careful_world import World


@pytest.fixture
def world(tmp_path):
    """A company whose second run would move eight of its thirty accounts."""
    made = World(tmp_path)
    made.sync()
    made.next_day()
    made.edit(made.ids(8), Phase="two")
    return made


def typed(world, invoke, command, *words):
    return invoke(command, *words, "--project", world.folder, "--as-of", world.day)


def test_a_plan_warns_of_the_brakes_and_sync_stops_with_four(world, invoke):
    plan = typed(world, invoke, "plan")
    assert plan.exit_code == 0
    assert "brakes would stop apply and sync" in plan.stderr
    assert "max_changed: 26.7% of the accounts of Care would change (8 of 30)" in plan.stderr
    assert plan.stdout.startswith("Big · One → Two · 3 records\n")
    for command in ("sync", "apply"):
        done = typed(world, invoke, command)
        assert done.exit_code == 4
        assert done.stdout == ""
        assert "gatepost: max_changed: " in done.stderr
        assert "hint: look at the plan" in done.stderr
    assert set(world.stages().values()) == {"One"}


def test_an_override_needs_a_reason_and_tells_what_it_passed(world, invoke):
    assert typed(world, invoke, "sync", "--override", " ").exit_code == 2
    (done,) = json.loads(
        f"[{typed(world, invoke, 'sync', '--override', 'agreed', '--format', 'json').stdout}]"
    )
    assert (done["written"], done["overridden"]) == (8, ["max_changed", "max_mix"])


def test_a_run_shows_its_conflicts(world, invoke):
    world.edit(["020"], Stage="Mine")
    typed(world, invoke, "sync", "--override", "agreed")
    shown = invoke("runs", "2", "--project", world.folder)
    assert "Conflicts and what was held back:" in shown.stdout
    (run,) = [
        json.loads(line)
        for line in invoke("runs", "2", "--project", world.folder, "--format", "json")
        .stdout.splitlines()
    ]  # fmt: skip
    (one,) = run["conflicts"]
    assert (one["id"], one["kind"], one["ours"], one["theirs"]) == (
        "020",
        "restored",
        "One",
        "Mine",
    )
    assert run["read_backs"] == []
    assert run["override_reason"] == "agreed"


def test_a_plan_as_markdown_has_a_table_for_each_group_and_the_conflicts(world, invoke):
    world.edit(["020"], Stage="M_i|ne")
    lines = typed(world, invoke, "plan", "--format", "markdown").stdout.splitlines()
    titles = [line for line in lines if line.startswith("### ")]
    assert titles == [
        "### Big · One → Two · 3 records", "### Small · One → Two · 5 records",
        "### Small · M\\_i\\|ne → One · 1 record", "### Conflicts and what is held back",
    ]  # fmt: skip
    assert lines[-2] == "- 1 field changed by somebody since we wrote it, and written again:"
    assert lines[-1].startswith("- Account 20 (020) Stage: shows M\\_i\\|ne, ours is One; somebody")


def test_a_saved_plan_is_stopped_like_any_other_and_can_be_overridden(world, invoke, tmp_path):
    saved = tmp_path / "plan.json"
    assert typed(world, invoke, "plan", "--out", saved).exit_code == 0
    assert invoke("apply", saved, "--project", world.folder).exit_code == 4
    assert invoke("apply", saved, "--project", world.folder, "--override", "agreed").exit_code == 0
    assert list(world.stages().values()).count("Two") == 8


def test_what_is_contested_is_told_and_can_be_tried_again(tmp_path, invoke):
    world = World(tmp_path)
    world.sync()
    for _ in range(3):
        world.edit(["001"], Stage="Mine")
        done = typed(world, invoke, "sync")
    assert done.exit_code == 0
    assert "1 field changed back in three runs, and not written any more:" in done.stdout
    assert world.stages()["001"] == "Mine"
    assert typed(world, invoke, "apply", "--retry-contested").exit_code == 0
    assert world.stages()["001"] == "One"
