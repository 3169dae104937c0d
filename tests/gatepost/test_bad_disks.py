"""Disks that are full, read-only or rotten, clocks set back: a sentence, and nothing is lost."""

import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from gatepost.cli import commands
from sync.state import State, StateError, instant_text
from tests.gatepost.conftest import TODAY

AS_OF = str(TODAY)


def run(project, name, *words, home=None):
    """A command in this process."""
    env = {"GATEPOST_HOME": str(home)} if home else {}
    line = [name, "--project", str(project), *words]
    done = CliRunner().invoke(commands, line, env=env)
    return SimpleNamespace(returncode=done.exit_code, stdout=done.stdout, stderr=done.stderr)


def evaluated(project, home=None, *words):
    done = run(project, "evaluate", "--as-of", AS_OF, "--format", "json", *words, home=home)
    assert done.returncode == 0, done.stderr
    return done.stdout


def is_a_sentence(done, *words):
    """One sentence for the person, no traceback, no crash file, exit code 1."""
    assert done.returncode == 1, done.stdout
    first = next(line for line in done.stderr.splitlines() if line.startswith("gatepost: "))
    assert "Traceback" not in done.stderr
    assert "did not foresee" not in done.stderr
    assert "{" not in first, "no engine's JSON"
    for word in words:
        assert word in done.stderr, done.stderr


@pytest.fixture
def small_disk(tmp_path):
    """A mount of so many kilobytes; skipped where nothing may be mounted."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options):
        line = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", place]
        if subprocess.run(line, capture_output=True, check=False).returncode:
            pytest.skip("nothing may be mounted here")
        return place

    yield mount
    subprocess.run(["umount", "-l", place], capture_output=True, check=False)


@pytest.mark.parametrize("kilobytes", [16, 150, 330])
def test_a_full_disk(kilobytes, project, tmp_path, small_disk):
    home = small_disk(f"size={kilobytes}k") / "home"
    before = (project / "crm/Account.csv").read_bytes()

    is_a_sentence(run(project, "sync", "--as-of", AS_OF, home=home), str(home))

    assert (project / "crm/Account.csv").read_bytes() == before
    small_disk("remount,size=50m")
    assert run(project, "sync", "--as-of", AS_OF, home=home).returncode == 0
    assert evaluated(project, home) == evaluated(project, tmp_path / "fresh")


@pytest.mark.parametrize("size", [2_000, 60_000])
def test_a_limit_on_the_size_of_files(size, project, tmp_path):
    """What a quota does, wherever the tests may run."""
    home = tmp_path / "home"

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    env = {**os.environ, "GATEPOST_HOME": str(home)}
    line = [sys.executable, "-m", "gatepost", "sync", "--project", project, "--as-of", AS_OF]
    done = subprocess.run(
        line, env=env, capture_output=True, text=True, check=False, preexec_fn=limited
    )

    is_a_sentence(done, str(home))
    assert run(project, "sync", "--as-of", AS_OF, home=home).returncode == 0
    assert evaluated(project, home) == evaluated(project, tmp_path / "fresh")


def test_a_read_only_volume_is_told_and_changes_nothing(project, small_disk):
    home = small_disk("size=50m") / "home"
    assert run(project, "sync", "--as-of", AS_OF, home=home).returncode == 0
    told = evaluated(project, home)
    small_disk("remount,ro")

    (project / "gatepost.yaml").touch()  # so that a sync has to look
    for command in ("sync", "prune"):
        is_a_sentence(run(project, command, home=home), "Read-only file system", "GATEPOST_HOME")
    done = run(project, "evaluate", "--no-pull", home=home)
    is_a_sentence(done, "state.sqlite3", "may be written")

    small_disk("remount,rw")
    assert evaluated(project, home, "--no-pull") == told


def damage_truncated(path):
    path.write_bytes(path.read_bytes()[:100])


def damage_emptied(path):
    path.write_bytes(b"")


def damage_flipped(path):
    data = bytearray(path.read_bytes())
    data[8:200] = bytes(255 - byte for byte in data[8:200])
    path.write_bytes(data)


def damage_made_text(path):
    path.write_text("<html>so sorry</html>" * 50)


@pytest.mark.parametrize(
    "damage", [damage_truncated, damage_emptied, damage_flipped, damage_made_text]
)
def test_a_damaged_day_is_told_and_pulled_again(damage, project):
    told = evaluated(project)
    files = sorted((project / ".gatepost").glob("lake/events/*/*/*.parquet"))
    for path in (files[3], files[-3]):
        damage(path)

    done = run(project, "evaluate", "--as-of", AS_OF, "--no-pull")

    is_a_sentence(done, "2 files of the lake were damaged", "pulled anew")
    assert files[3].parent.name.removeprefix("day=") in done.stderr
    assert evaluated(project) == told


def test_a_sync_that_meets_a_damaged_day_writes_nothing_and_the_next_does(project, tmp_path):
    assert run(project, "sync", "--as-of", "2026-06-01").returncode == 0
    before = (project / "crm/Account.csv").read_bytes()
    shutil.copytree(project, tmp_path / "other")
    damage_truncated(max((project / ".gatepost").glob("lake/events/*/*/*.parquet")))

    is_a_sentence(run(project, "sync", "--as-of", AS_OF), "damaged")
    assert (project / "crm/Account.csv").read_bytes() == before
    assert run(project, "sync", "--as-of", AS_OF).returncode == 0

    assert run(tmp_path / "other", "sync", "--as-of", AS_OF).returncode == 0
    written = (project / "crm/Account.csv").read_bytes()
    assert written == (tmp_path / "other/crm/Account.csv").read_bytes()


def test_a_damaged_list_of_changes_costs_a_replay_and_no_truth(project, tmp_path):
    assert run(project, "sync", "--as-of", AS_OF).returncode == 0
    events = next((project / "product/events").iterdir())
    events.write_text("".join(events.read_text().splitlines(keepends=True)[7:]))
    assert evaluated(project)
    [*_, changes] = sorted((project / ".gatepost/lake/changes").glob("*.parquet"))
    damage_truncated(changes)

    is_a_sentence(run(project, "sync", "--as-of", AS_OF), "1 file of the lake was damaged")

    assert run(project, "sync", "--as-of", AS_OF).returncode == 0
    assert evaluated(project) == evaluated(project, tmp_path / "fresh")


@pytest.mark.parametrize("damage", [damage_truncated, damage_emptied, damage_made_text])
def test_a_half_written_checkpoint_costs_a_replay(damage, project):
    assert run(project, "sync", "--as-of", AS_OF).returncode == 0
    told = evaluated(project)
    [checkpoint] = (project / ".gatepost/checkpoints").iterdir()
    damage(checkpoint)

    assert evaluated(project) == told


def test_a_damaged_state_file_is_told_and_left_alone(project):
    evaluated(project)
    path = project / ".gatepost/state.sqlite3"
    path.write_bytes(b"SQLite format 3\0" + b"rubbish" * 1000)
    damaged = path.read_bytes()

    is_a_sentence(run(project, "sync", "--as-of", AS_OF), "damaged", "restore it from a backup")

    assert path.read_bytes() == damaged


def test_half_a_state_file_is_told(project):
    evaluated(project)
    path = project / ".gatepost/state.sqlite3"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    is_a_sentence(run(project, "evaluate", "--as-of", AS_OF, "--no-pull"), "damaged")


def test_another_process_that_holds_the_state_file_for_long(project):
    evaluated(project)
    home = project / ".gatepost"
    with sqlite3.connect(home / "state.sqlite3", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with (
            pytest.raises(StateError, match="being written by another process") as found,
            State(home, wait_seconds=0.2) as state,
        ):
            state.set_setting("a", "b")
        other.execute("ROLLBACK")
    other.close()
    assert "try again" in found.value.hint
    assert evaluated(project, None, "--no-pull")


def test_a_clock_that_was_set_back_is_told_and_nothing_is_written_twice(project):
    assert run(project, "sync", "--as-of", AS_OF).returncode == 0
    ahead = instant_text(datetime.now(UTC) + timedelta(days=3))
    with State(project / ".gatepost") as state, state.transaction() as connection:
        connection.execute("UPDATE runs SET started_at = ?, finished_at = ?", (ahead, ahead))
        connection.execute("UPDATE pulls SET seen = ?", (ahead,))
        connection.execute("UPDATE sightings SET seen = ?", (ahead,))
    (project / "gatepost.yaml").touch()

    done = run(project, "sync", "--as-of", AS_OF, "--format", "json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["records"] == 0
    assert "warning: the clock was set back" in done.stderr
