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

    small_disk("remount,rw")
    assert evaluated(project, home, "--no-pull") == told


READING = {
    "runs": 0,
    "runs 1 --format json": 0,
    "runs --quarantine": 0,
    f"history --no-pull --as-of {AS_OF} --format json": 0,
    f"explain Blue --no-pull --as-of {AS_OF} --format json": 0,
    f"identity --as-of {AS_OF} --format json": 0,
    f"evaluate --as-of {AS_OF} --format json": 0,
    f"plan --as-of {AS_OF} --format json": 0,
    "check --live": 0,
    "doctor --offline": 1,
}
"""Command lines that only read, and what they leave with; `doctor` looks whether a run could go."""


def closed_mount(home, small_disk):
    small_disk("remount,ro")


def closed_mount_with_a_log(home, small_disk):
    """As a run leaves it that was killed."""
    line = (
        "import sqlite3, os, sys; c = sqlite3.connect(sys.argv[1]);"
        "c.execute('UPDATE runs SET started_by = ?', ('somebody',)); c.commit(); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", line, home / "state.sqlite3"], check=True)
    assert (home / "state.sqlite3-wal").stat().st_size
    small_disk("remount,ro")


def closed_to_this_user(home, small_disk):
    for path in (home, *home.rglob("*")):
        path.chmod(path.stat().st_mode & 0o555)
    if os.access(home, os.W_OK):
        pytest.skip("nothing is closed to this user")


@pytest.mark.parametrize("close", [closed_mount, closed_mount_with_a_log, closed_to_this_user])
def test_who_may_only_read_the_home_can_run_what_only_reads(close, project, tmp_path, small_disk):
    home = (tmp_path if close is closed_to_this_user else small_disk("size=50m")) / "home"
    assert run(project, "sync", "--as-of", AS_OF, home=home).returncode == 0
    before = {line: run(project, *line.split(), home=home).stdout for line in READING}
    close(home, small_disk)

    for line, code in READING.items():
        done = run(project, *line.split(), home=home)
        assert done.returncode == code, (line, done.stderr)
        assert "did not foresee" not in done.stderr
        pulls = line.startswith(("evaluate", "plan"))
        assert ("nothing was pulled" in done.stderr) == pulls
        if "json" in line and "runs" not in line:
            assert done.stdout == before[line]
    assert "home cannot be written" in " ".join(done.stdout.split())
    assert "damaged" not in done.stdout
    assert "restore" not in done.stdout
    assert run(project, "backup", str(tmp_path / "copies"), home=home).returncode == 0
    by = json.loads(run(project, "runs", "--format", "json", home=home).stdout)["started_by"]
    assert (by == "somebody") == (close is closed_mount_with_a_log), "the log counts"


def test_a_log_without_its_index_on_a_read_only_volume_is_a_sentence(project, small_disk):
    home = small_disk("size=50m") / "home"
    assert run(project, "sync", "--as-of", AS_OF, home=home).returncode == 0
    closed_mount_with_a_log(home, small_disk)
    small_disk("remount,rw")
    (home / "state.sqlite3-shm").unlink()
    small_disk("remount,ro")

    is_a_sentence(run(project, "runs", home=home), "its log lies beside it", "gatepost runs")
    is_a_sentence(run(project, "doctor", "--offline", home=home), "problems in the way")
    small_disk("remount,rw")
    assert run(project, "runs", home=home).returncode == 0


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


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("checkpoints", "sync"),
        ("lake", "sync"),
        ("lake/events", "forget A-1 --yes"),
        ("lake/events/source=product", "evaluate"),
        ("rejected", "sync"),
        ("lake/staging", "sync"),
    ],
)
def test_a_file_where_a_folder_should_be_is_told(name, line, project):
    assert run(project, "sync", "--as-of", "2026-06-01").returncode == 0
    place = project / ".gatepost" / name
    shutil.rmtree(place, ignore_errors=True)
    place.touch()
    with (project / "product/events/usage.jsonl").open("a") as file:
        file.write("{bad\n")

    is_a_sentence(run(project, *line.split()), name)


def test_a_note_of_the_lakes_hash_that_is_no_text_is_made_anew(project):
    told = evaluated(project)
    (project / ".gatepost/lake/id_hash").write_bytes(b"\xff\xfe")
    events = project / "product/events/usage.jsonl"
    events.write_text(events.read_text() + "\n")
    assert evaluated(project) == told


@pytest.mark.parametrize("content", ["{}", "[]", "3", '{"who": 1}'])
def test_a_note_of_forgetting_that_nobody_here_wrote_is_told(content, project):
    evaluated(project)
    (project / ".gatepost/forgetting.json").write_text(content)
    is_a_sentence(run(project, "forget", "A-1", "--yes"), "forgetting.json")


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
