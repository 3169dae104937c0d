"""`gatepost doctor` finds what would keep a run from working, and says what to do."""

import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gatepost.doctor.checks import size_text
from gatepost.doctor.machine import TESTED
from gatepost.ours import PACKAGES, strangers
from sync.runs import begin_run, run_lock
from sync.state import State

ROOT = Path(__file__).parents[2]


@pytest.fixture
def examined(project, invoke):
    """What it says by check, and its exit code."""

    def run(*words):
        done = invoke("doctor", "--project", project, "--format", "json", *words)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        return done.exit_code, {row["check"]: row for row in rows}

    return run


@pytest.fixture
def synced(project, invoke):
    assert invoke("sync", "--project", project, "-q").exit_code == 0
    return project


def test_a_project_that_never_ran_is_healthy_and_nothing_is_made(project, examined):
    code, found = examined()
    assert code == 0
    assert {row["state"] for row in found.values()} == {"ok"}, found
    assert not (project / ".gatepost").exists()


def test_one_that_ran_is_healthy_too(synced, examined, invoke):
    code, found = examined()
    assert code == 0
    assert {row["state"] for row in found.values()} == {"ok"}, found
    assert "files, each with its footer" in found["lake"]["said"]
    table = invoke("doctor", "--project", synced)
    assert table.stdout.split()[:4] == ["check", "state", "said", "do"]
    assert table.stderr.endswith("Nothing stands in the way.\n")
    rows = csv.DictReader(io.StringIO(
        invoke("doctor", "--project", synced, "--format", "csv").stdout
    ))  # fmt: skip
    assert {row["state"] for row in rows} == {"ok"}


def test_a_project_with_problems_is_told_with_the_rest(project, examined):
    (project / "mapping.yaml").write_text("accounts: [")
    code, found = examined()
    assert code == 1
    assert found["project"]["state"] == "problem"
    assert "mapping.yaml:1" in found["project"]["said"]
    assert found["disk"]["state"] == "ok"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written_is_a_problem(synced, examined):
    home = synced / ".gatepost"
    home.chmod(0o500)
    try:
        code, found = examined()
    finally:
        home.chmod(0o700)
    assert (code, found["home"]["state"]) == (1, "problem")


def test_a_home_that_is_a_file_is_a_problem(project, examined, monkeypatch):
    monkeypatch.setenv("GATEPOST_HOME", str(project / "gatepost.yaml"))
    code, found = examined()
    assert code == 1
    assert "cannot be written" in found["home"]["said"]


def test_another_run_is_named(synced, examined):
    with run_lock(synced / ".gatepost"):
        code, found = examined()
    assert code == 0
    assert found["run"]["state"] == "warning"
    assert f"process {os.getpid()} is at work" in found["run"]["said"]
    with run_lock(synced / ".gatepost", "daemon.lock"):
        assert f"process {os.getpid()} is the daemon" in examined()[1]["daemon"]["said"]


def test_a_state_file_that_is_damaged_is_a_problem(synced, examined):
    path = synced / ".gatepost" / "state.sqlite3"
    with sqlite3.connect(path) as state:
        state.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[4096 * 2 : 4096 * 5] = b"x" * (4096 * 3)
    path.write_bytes(content)
    code, found = examined()
    assert code == 1
    assert found["state"]["state"] == "problem"
    path.write_bytes(b"no database at all, but text" * 100)
    code, found = examined()
    assert (code, found["state"]["state"]) == (1, "problem")
    assert "backup" in found["state"]["do"]


def test_a_state_of_a_newer_version_is_a_problem(synced, examined):
    with sqlite3.connect(synced / ".gatepost" / "state.sqlite3") as state:
        state.execute("PRAGMA user_version = 999")
    code, found = examined()
    assert code == 1
    assert "newer Gatepost" in found["state"]["said"]


def test_a_clock_that_was_set_back_is_a_problem(synced, examined):
    with State(synced / ".gatepost") as state:
        begin_run(state, lambda: datetime.now(UTC) + timedelta(hours=2), "sync")
    code, found = examined()
    assert (code, found["clock"]["state"]) == (1, "problem")


@pytest.mark.parametrize("damage", ["cut", "end", "begin", "footer", "empty"])
def test_a_file_of_the_lake_that_cannot_be_read_is_named(synced, examined, damage):
    path = sorted((synced / ".gatepost" / "lake").rglob("*.parquet"))[3]
    whole = path.read_bytes()
    broken = {
        "cut": whole[:200],
        "end": whole[:-4] + b"xxxx",
        "begin": b"xxxx" + whole[4:],
        "footer": whole[:-60] + b"\xff" * 52 + whole[-8:],
        "empty": b"",
    }[damage]
    path.write_bytes(broken)
    code, found = examined()
    assert (code, found["lake"]["state"]) == (1, "problem")
    assert path.parent.name in found["lake"]["said"]
    assert "more" not in found["lake"]["said"]


def test_secrets_that_everybody_can_read_are_a_warning(project, examined, monkeypatch, tmp_path):
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "gatepost_crm_token").write_text("hush")
    monkeypatch.setenv("GATEPOST_SECRETS_DIR", str(folder))
    assert examined()[1]["secrets"]["state"] == "warning"
    folder.chmod(0o700)
    assert examined()[1]["secrets"]["state"] == "ok"
    monkeypatch.setenv("GATEPOST_SECRETS_DIR", str(folder / "nowhere"))
    code, found = examined()
    assert (code, found["secrets"]["state"]) == (1, "problem")


def test_an_open_address_without_a_token_is_a_problem(project, examined):
    path = project / "gatepost.yaml"
    path.write_text(path.read_text() + "server: {listen: 0.0.0.0:8787}\n")
    code, found = examined()
    assert (code, found["server"]["state"]) == (1, "problem")
    assert "GATEPOST_TOKEN" in found["server"]["do"]


@pytest.mark.parametrize(
    ("off", "state"), [(0, "ok"), (-90, "warning"), (90, "warning"), (3600, "problem")]
)
def test_the_clock_is_held_against_those_of_connections(project, examined, off, state):
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response_only(404)
            now = datetime.now(UTC) - timedelta(seconds=off)
            self.send_header("Date", format_datetime(now, usegmt=True))
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    path = project / "gatepost.yaml"
    address = f"http://127.0.0.1:{server.server_port}"
    text = path.read_text()
    path.write_text(text.replace(
        "connections:\n", f"connections:\n  sales: {{type: hubspot, url: '{address}'}}\n"
    ))  # fmt: skip
    try:
        code, found = examined()
        assert "clock of sales" not in examined("--offline")[1]
    finally:
        server.shutdown()
        server.server_close()
    assert found["clock of sales"]["state"] == state
    assert code == int(state == "problem")


def test_a_connection_that_does_not_answer_is_a_warning(project, examined):
    path = project / "gatepost.yaml"
    path.write_text(path.read_text().replace(
        "connections:\n", "connections:\n  sales: {type: hubspot, url: 'http://127.0.0.1:9'}\n"
    ))  # fmt: skip
    code, found = examined()
    assert (code, found["clock of sales"]["state"]) == (0, "warning")


def test_our_packages_are_ours():
    assert list(strangers()) == []


@pytest.mark.parametrize("name", PACKAGES)
def test_a_stranger_with_one_of_our_names_is_a_sentence(tmp_path, name, project):
    """`python -m` looks beside the reader's own files first."""
    (tmp_path / "here" / name).mkdir(parents=True)
    (tmp_path / "here" / name / "__init__.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "gatepost", "doctor", "--project", str(project)],
        cwd=tmp_path / "here", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert f"{name} is not ours" in done.stdout or f"{name} is " in done.stderr
    assert "Traceback" not in done.stderr


def test_versions_that_were_tested_are_those_of_the_lock():
    lock = (ROOT / "requirements.lock").read_text()
    for name, version in TESTED.items():
        assert f"\n{name}=={version}." in f"\n{lock}"


def test_sizes_are_for_people():
    assert [size_text(n) for n in (12, 1500, 2.5e9, 3e13)] == [
        "12 bytes", "1.5 kB", "2.5 GB", "30.0 TB",
    ]  # fmt: skip
