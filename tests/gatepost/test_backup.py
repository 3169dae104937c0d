"""`gatepost backup`: a copy made at any moment is a home from which the next sync goes on."""

import json
import shutil
import subprocess
import sys
import tarfile
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from config.errors import StopCycle
from gatepost.cli import commands
from sync.backup import back_up, backups_in
from sync.state import State
from tests.gatepost.conftest import TODAY

AS_OF = str(TODAY)
NOW = datetime(2026, 7, 1, 3, tzinfo=UTC)


def run(project, name, *words, home=None):
    """A command in this process; its exit code and what it said."""
    env = {"GATEPOST_HOME": str(home)} if home else {}
    done = CliRunner().invoke(commands, [name, "--project", str(project), *words], env=env)
    return SimpleNamespace(returncode=done.exit_code, stdout=done.stdout, stderr=done.stderr)


def evaluated(project, home):
    done = run(project, "evaluate", "--as-of", AS_OF, "--format", "json", home=home)
    assert done.returncode == 0, done.stderr
    return done.stdout


def split(project, days):
    """One file of events a day, for the last `days` of them, so that a pull has many parts."""
    path = next((project / "product/events").iterdir())
    lines = path.read_text().splitlines(keepends=True)
    recent = {}
    for line in lines:
        recent.setdefault(json.loads(line)["time"][:10], []).append(line)
    chosen = sorted(recent)[-days:]
    path.write_text(
        "".join(line for day in sorted(recent) if day not in chosen for line in recent[day])
    )
    for day in chosen:
        (path.parent / f"{day}.jsonl").write_text("".join(recent[day]))
    return [path.parent / f"{day}.jsonl" for day in chosen]


def test_copies_made_beside_a_writing_sync_are_homes_to_go_on_from(project, tmp_path):
    late = split(project, 6)
    aside = {path: path.read_text() for path in late}
    for path in late:
        path.unlink()
    assert run(project, "sync", "--as-of", "2026-06-01").returncode == 0
    for path, text in aside.items():  # news, and one file that was known comes with other content
        path.write_text(text)
    first = next(path for path in (project / "product/events").iterdir() if path not in late)
    first.write_text("".join(first.read_text().splitlines(keepends=True)[5:]))

    line = [sys.executable, "-m", "gatepost", "sync", "--project", project, "--as-of", AS_OF]
    made = []
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        while running.poll() is None:
            now = NOW + timedelta(seconds=len(made))
            made.append(back_up(project / ".gatepost", tmp_path / "backups", now))
    assert running.returncode == 0
    written = (project / "crm/Account.csv").read_bytes()
    fresh = evaluated(project, tmp_path / "fresh")

    assert len(made) >= 3
    for number in {0, len(made) // 2, len(made) - 2, len(made) - 1}:
        home = tmp_path / f"restored-{number}"
        shutil.copytree(made[number].path, home)
        done = run(project, "sync", "--as-of", AS_OF, "--format", "json", home=home)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["records"] == 0, "nothing is written twice"
        assert evaluated(project, home) == fresh
    assert (project / "crm/Account.csv").read_bytes() == written


def test_a_part_that_is_replaced_meanwhile_is_read_again_from_the_copy(
    project, tmp_path, monkeypatch
):
    """The worst moment: all files are copied, and then a pull replaces one before the state is."""
    import sync.backup

    run(project, "evaluate", "--as-of", AS_OF)
    path = next((project / "product/events").iterdir())
    copy_state = sync.backup._copy_state

    def pulled_just_before(state, target):
        path.write_text("".join(path.read_text().splitlines(keepends=True)[::2]))
        assert run(project, "sync", "--as-of", AS_OF).returncode == 0
        copy_state(state, target)

    monkeypatch.setattr(sync.backup, "_copy_state", pulled_just_before)
    made = back_up(project / ".gatepost", tmp_path / "backups", NOW)

    assert made.again == 1
    assert evaluated(project, made.path) == evaluated(project, tmp_path / "fresh")


def test_an_archive_holds_the_same(project, invoke, tmp_path):
    assert invoke("sync", "--project", project, "--as-of", AS_OF).exit_code == 0
    done = invoke("backup", tmp_path / "acme.tar.gz", "--project", project, "--format", "json")
    assert done.exit_code == 0, done.stderr

    with tarfile.open(tmp_path / "acme.tar.gz") as archive:
        archive.extractall(tmp_path / "restored", filter="data")
    done = run(project, "sync", "--as-of", AS_OF, "--format", "json", home=tmp_path / "restored")

    assert json.loads(done.stdout)["records"] == 0
    assert not list(tmp_path.glob(".*partial*"))


def test_only_the_newest_are_kept(project, invoke):
    invoke("evaluate", "--project", project, "--as-of", AS_OF)
    with (project / "gatepost.yaml").open("a") as file:
        file.write("backup: {folder: copies, keep: 2}\n")
    folder = project / "copies"
    (folder / "gatepost-of-mine").mkdir(parents=True)
    for hour in range(3):
        back_up(project / ".gatepost", folder, NOW + timedelta(hours=hour), keep=2)

    done = invoke("backup", "--project", project)

    assert done.exit_code == 0, done.stderr
    assert "removed" in done.stderr
    kept = backups_in(folder)
    assert kept[0].name == "gatepost-20260701T050000Z"
    assert len(kept) == 2
    assert (folder / "gatepost-of-mine").is_dir(), "what no backup made is left alone"


def test_a_damaged_lake_makes_no_backup(project, invoke, tmp_path):
    invoke("evaluate", "--project", project, "--as-of", AS_OF)
    damaged = next((project / ".gatepost").glob("lake/events/*/*/*.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:-20])

    done = invoke("backup", tmp_path / "backups", "--project", project)

    assert done.exit_code == 1
    assert "damaged" in done.stderr
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_damaged_state_makes_no_backup_and_is_named_where_it_lies(project, invoke, tmp_path):
    invoke("evaluate", "--project", project, "--as-of", AS_OF)
    state = project / ".gatepost" / "state.sqlite3"
    body = bytearray(state.read_bytes())
    body[4096:40960] = b"\xa5" * 36864
    state.write_bytes(body)

    done = invoke("backup", tmp_path / "backups", "--project", project)

    assert done.exit_code == 1
    assert done.stderr.startswith(f"gatepost: {state} is damaged")
    assert list((tmp_path / "backups").iterdir()) == []


def test_places_that_cannot_be_are_sentences(project, invoke, tmp_path):
    assert "nothing in" in invoke("backup", tmp_path, "--project", project).stderr
    invoke("evaluate", "--project", project, "--as-of", AS_OF)
    with pytest.raises(StopCycle, match="lies in the home"):
        back_up(project / ".gatepost", project / ".gatepost/backups", NOW)
    (tmp_path / "file").write_text("")
    done = invoke("backup", tmp_path / "file", "--project", project)
    assert done.exit_code == 1
    assert "no backup was made" in done.stderr


def test_a_copy_is_one_file_of_state_in_good_order(project, invoke, tmp_path):
    invoke("evaluate", "--project", project, "--as-of", AS_OF)
    made = back_up(project / ".gatepost", tmp_path, NOW)

    assert sorted(path.name for path in (tmp_path / "gatepost-20260701T030000Z").iterdir()) == [
        "backup.json", "lake", "state.sqlite3",
    ]  # fmt: skip
    with State(tmp_path / "gatepost-20260701T030000Z") as state:
        assert state.value("PRAGMA integrity_check") == "ok"
    assert made.linked > 10
