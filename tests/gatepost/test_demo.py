"""The demo: the whole way on a simulated company, small enough for a test."""

import pytest

import sandbox.world
from gatepost.commands import demo


@pytest.fixture
def _small(monkeypatch):
    def ensure(folder):
        if not (folder / "gatepost.yaml").exists():
            world = sandbox.world.simulate(7, 25, 90, sandbox.world.DEMO_END)
            sandbox.world.write_project(world, folder)
        return folder

    monkeypatch.setattr(sandbox.world, "ensure_demo", ensure)


@pytest.mark.usefixtures("_small")
def test_the_first_run_shows_everything_and_the_second_writes_nothing(invoke, tmp_path):
    home = tmp_path / "home of a real project"
    first = invoke("demo", "--into", tmp_path, env={"GATEPOST_HOME": str(home)})
    assert first.exit_code == 0, first.stderr
    titles = [line for line in first.stdout.splitlines() if line and not line.startswith(" ")]
    assert [title.partition(":")[0] for title in titles if "look at" not in title] == [
        "A simulated company",
        "What changed in the CRM",
        "The stage funnel",
        "Who is stuck",
        "One account explained",
        "Try next",
    ]
    assert "Moves between stages (Lifecycle_Stage__c):" in first.stdout
    assert "To leave " in first.stdout
    assert not home.exists()
    second = invoke("demo", "--into", tmp_path)
    assert second.exit_code == 0
    assert "Nothing needs writing: every record shows what was computed." in second.stdout


def test_a_place_that_cannot_be_written_is_a_sentence(invoke, tmp_path):
    (tmp_path / demo.FOLDER).write_text("a file", encoding="utf-8")
    done = invoke("demo", "--into", tmp_path)
    assert done.exit_code == 1
    assert f"{demo.FOLDER} cannot be made" in done.stderr
