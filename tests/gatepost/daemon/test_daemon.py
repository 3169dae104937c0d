"""The daemon as it is run: a process, its pages, its signals, its log."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from gatepost.daemon.pages import application
from sync.runs import run_lock
from tests.gatepost.daemon.conftest import TOKEN


def runs(project):
    with sqlite3.connect(project / ".gatepost" / "state.sqlite3") as state:
        return state.execute("SELECT id, command, state, started_by, error FROM runs").fetchall()


def test_what_was_missed_runs_at_once_and_is_told_everywhere(start, project):
    daemon = start(project)
    ended = daemon.said("ended", job="sync")
    assert (ended["outcome"], ended["run"]) == ("done", 1)
    assert ended["written"] > 0
    assert runs(project) == [(1, "sync", "done", "schedule", None)]
    assert daemon.ask("/healthz") == (200, "alive\n")
    status, body = daemon.ask("/readyz")
    assert (status, json.loads(body)["ready"]) == (200, True)
    figures = daemon.metrics()
    assert figures['gatepost_runs_total{job="sync",outcome="done"}'] == 1
    assert figures['gatepost_records_total{outcome="written"}'] == ended["written"]
    assert figures['gatepost_events_pulled_total{source="product"}'] > 100
    assert figures['gatepost_step_seconds_count{step="pull"}'] == 1
    assert figures['gatepost_match_ratio{source="product"}'] == 1
    assert figures['gatepost_source_lag_seconds{source="product"}'] > 86_400
    for name in ("last_success_timestamp_seconds", "next_run_timestamp_seconds"):
        assert figures[f'gatepost_{name}{{job="sync"}}'] > 1.7e9
    assert figures["gatepost_config_good"] == 1
    code, seconds = daemon.end()
    assert code == 0
    assert seconds < 5
    again = start(project)
    again.said("is ready")
    time.sleep(0.3)
    assert len(runs(project)) == 1, "it ran just now"


def test_a_sync_can_be_asked_for_by_whoever_has_the_token(start, quiet):
    daemon = start(quiet, GATEPOST_TOKEN=TOKEN)
    assert daemon.ask("/sync", "POST")[0] == 401
    assert daemon.ask("/sync", "POST", token=TOKEN[:-1] + "x")[0] == 401
    assert daemon.ask("/sync", "POST", headers={"Authorization": f"Basic {TOKEN}"})[0] == 401
    assert daemon.ask(f"/sync?token={TOKEN}", "POST")[0] == 401
    assert daemon.ask("/sync", token=TOKEN)[0] == 405
    status, body = daemon.ask("/sync", "POST", token=TOKEN)
    assert status == 202
    busy, said = daemon.ask("/sync", "POST", token=TOKEN)
    assert (busy, json.loads(said)) == (409, {"error": "a run is at work"})
    run = json.loads(body)["run"]
    assert daemon.said("ended", run=run)["outcome"] == "done"
    assert daemon.sync(TOKEN) == run + 1
    assert daemon.said("ended", run=run + 1)["nothing_new"] is True
    assert [row[1:4] for row in runs(quiet)] == [("sync", "done", "POST /sync")] * 2
    assert not any(TOKEN in line for line in daemon.raw)


def test_without_a_token_nobody_can_begin_a_sync(start, quiet):
    assert start(quiet).ask("/sync", "POST", token="x")[0] == 403


def test_an_address_that_others_can_reach_demands_a_token(start, quiet):
    daemon = start(quiet, "--listen", "0.0.0.0:0")
    assert daemon.process.wait(timeout=20) == 2
    time.sleep(0.1)
    assert "no token to tell them apart" in "".join(daemon.raw)
    guarded = start(quiet, "--listen", "0.0.0.0:0", GATEPOST_TOKEN=TOKEN)
    for path in ("/metrics", "/readyz"):
        assert guarded.ask(path)[0] == 401
        assert guarded.ask(path, token="wrong")[0] == 401
        assert guarded.ask(path, token=TOKEN)[0] == 200
    assert guarded.ask("/healthz")[0] == 200


def test_a_short_token_is_refused(start, quiet):
    daemon = start(quiet, GATEPOST_TOKEN="short")
    assert daemon.process.wait(timeout=20) == 2
    time.sleep(0.1)
    assert "16 characters are the least" in "".join(daemon.raw)


def test_the_token_may_be_a_file(start, quiet, tmp_path):
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "gatepost_token").write_text(TOKEN + "\n")
    daemon = start(quiet, GATEPOST_SECRETS_DIR=str(folder))
    assert daemon.ask("/sync", "POST", token=TOKEN)[0] == 202


def test_a_broken_configuration_leaves_the_old_one_in_force(start, quiet, webhook):
    daemon = start(quiet, GATEPOST_TOKEN=TOKEN, GATEPOST_WEBHOOK=webhook.url)
    daemon.said("is ready")
    mapping = quiet / "mapping.yaml"
    whole = mapping.read_text()
    mapping.write_text("accounts: [")
    daemon.sync(TOKEN)
    assert daemon.said("ended", run=1)["outcome"] == "done", "nobody told it to look"
    daemon.send(signal.SIGHUP)
    assert "mapping.yaml:1" in daemon.said("stays as it was")["first"]
    daemon.send(signal.SIGHUP)
    daemon.said("stays as it was", count=2)
    assert daemon.metrics()["gatepost_config_good"] == 0
    assert daemon.ask("/readyz")[0] == 503
    daemon.sync(TOKEN)
    assert daemon.said("ended", run=2)["outcome"] == "done"
    mapping.write_text(whole.replace("accounts:", "accounts: # all of them", 1))
    daemon.send(signal.SIGHUP)
    daemon.said("the new configuration is in force")
    assert daemon.metrics()["gatepost_config_good"] == 1
    assert daemon.ask("/readyz")[0] == 200
    daemon.said("alert is over", condition="config")
    until_heard(webhook, 2)
    assert [one["state"] for _, one in webhook.heard] == ["open", "over"], "once each"


def test_a_new_schedule_is_in_force_after_a_signal(start, quiet):
    daemon = start(quiet)
    name = 'gatepost_next_run_timestamp_seconds{job="sync"}'
    assert name not in daemon.metrics()
    path = quiet / "gatepost.yaml"
    path.write_text(path.read_text().replace("sync: never", 'sync: "0 3 * * *"'))
    daemon.send(signal.SIGHUP)
    daemon.said("in force")
    daemon.said("ended", job="sync")  # it never ran, so it is due
    assert time.strftime("%H:%M", time.gmtime(daemon.metrics()[name])) == "03:00"


def test_a_run_that_somebody_else_started_is_waited_for(start, quiet):
    with run_lock(quiet / ".gatepost"):
        daemon = start(quiet, GATEPOST_TOKEN=TOKEN)
        status, said = daemon.ask("/sync", "POST", token=TOKEN)
        assert status == 409
        assert f"process {os.getpid()}" in said
        path = quiet / "gatepost.yaml"
        path.write_text(path.read_text().replace("sync: never", 'sync: "* * * * *"'))
        daemon.send(signal.SIGHUP)
        assert daemon.said("another run is at work", job="sync")["process"] == str(os.getpid())
        assert not runs(quiet)
    assert daemon.said("ended", job="sync")["outcome"] == "done"


def test_a_second_daemon_in_the_same_home_is_refused(start, quiet):
    start(quiet).said("is ready")
    second = start(quiet)
    assert second.process.wait(timeout=20) == 5
    time.sleep(0.1)
    assert "a daemon is at work" in "".join(second.raw)


def test_an_address_that_is_taken_is_a_sentence(start, quiet):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        daemon = start(quiet, "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
        assert daemon.process.wait(timeout=20) == 1
    time.sleep(0.1)
    assert "cannot be listened at: Address already in use" in "".join(daemon.raw)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_time_in_the_middle_of_a_run_and_nothing_is_left_open(start, project, number):
    daemon = start(project)
    daemon.said("begins", job="sync")
    code, seconds = daemon.end(number)
    assert code == 0
    assert seconds < 10
    ((_, _, state, _, _),) = runs(project)
    assert state in ("interrupted", "partly", "failed", "done", "stopped")
    again = start(project, GATEPOST_TOKEN=TOKEN)
    again.sync(TOKEN)
    assert again.said("ended", job="sync")["outcome"] == "done"


@pytest.mark.slow
def test_one_that_will_not_end_is_killed_in_time(start, quiet):
    daemon = start(quiet, GATEPOST_TOKEN=TOKEN)
    daemon.sync(TOKEN)
    child = _child_of(daemon.process.pid)
    wait_until(lambda: _hears(child, signal.SIGTERM))
    os.kill(child, signal.SIGSTOP)  # deaf to all but one signal
    code, seconds = daemon.end()
    assert code == 0
    assert 8 < seconds < 11, "ten, and a second for a machine that tests keep busy"
    assert runs(quiet)[0][2] == "interrupted"


def test_a_run_that_is_killed_is_told_and_not_fatal(start, quiet, webhook):
    daemon = start(quiet, GATEPOST_TOKEN=TOKEN, GATEPOST_SLACK_WEBHOOK=webhook.url)
    daemon.sync(TOKEN)
    os.kill(_child_of(daemon.process.pid), signal.SIGKILL)
    said = daemon.said("ended", job="sync")
    assert (said["outcome"], "SIGKILL" in said["error"]) == ("failed", True)
    daemon.sync(TOKEN)
    assert daemon.said("ended", count=2)["outcome"] == "done"
    daemon.said("alert is over", condition="failed")
    assert [row[2] for row in runs(quiet)] == ["failed", "done"]
    until_heard(webhook, 2)
    first, second = (body["text"] for _, body in webhook.heard)
    assert first.startswith(":warning: acme: sync failed: its process was ended by SIGKILL")
    assert second.startswith(":white_check_mark: acme: sync failed: over since")


def wait_until(true):
    until = time.monotonic() + 10
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


def until_heard(webhook, count):
    wait_until(lambda: len(webhook.heard) >= count)


def _hears(process, number):
    """Whether a process has a handler of its own for a signal."""
    status = Path(f"/proc/{process}/status").read_text()
    caught = int(status.partition("SigCgt:\t")[2].split()[0], 16)
    return bool(caught & (1 << (number - 1)))


def _child_of(parent):
    until = time.monotonic() + 10
    while time.monotonic() < until:
        done = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True, check=False
        )
        if done.stdout.split():
            return int(done.stdout.split()[0])
        time.sleep(0.05)
    raise AssertionError("no child")


def test_a_state_file_that_is_damaged_is_told_and_not_fatal(start, quiet):
    home = quiet / ".gatepost"
    daemon = start(quiet, GATEPOST_TOKEN=TOKEN)
    daemon.said("is ready")
    for path in home.glob("state.sqlite3*"):
        path.unlink()
    (home / "state.sqlite3").write_text("no database at all " * 500)
    status, body = daemon.ask("/sync", "POST", token=TOKEN)
    assert status == 503
    assert "is damaged or is no SQLite file" in json.loads(body)["error"]
    assert daemon.ask("/healthz")[0] == 200
    assert daemon.ask("/metrics")[0] == 200
    (home / "state.sqlite3").unlink()
    daemon.sync(TOKEN)
    assert daemon.said("ended")["outcome"] == "done"


def test_the_figures_are_what_prometheus_reads(start, quiet):
    text = start(quiet).ask("/metrics")[1]
    families = {one.name: one for one in text_string_to_metric_families(text)}
    assert families["gatepost_build_info"].samples[0].labels["version"]
    page = (Path(__file__).parents[3] / "docs" / "running.md").read_text()
    for name, family in families.items():
        shown = f"{name}_total" if family.type == "counter" else name
        assert f"`{shown}`" in page, shown


def test_quiet_leaves_warnings_alone(start, quiet):
    daemon = start(quiet, "--quiet", "--listen", "none")
    wait_until(lambda: _hears(daemon.process.pid, signal.SIGTERM))
    daemon.send(signal.SIGHUP)
    code, _ = daemon.end()
    assert code == 0
    assert daemon.raw == []


def test_a_project_with_problems_does_not_start(start, quiet):
    (quiet / "mapping.yaml").write_text("accounts: [")
    daemon = start(quiet)
    assert daemon.process.wait(timeout=20) == 2
    time.sleep(0.1)
    assert "mapping.yaml:1" in "".join(daemon.raw)


def test_help_is_there_without_any_library(tmp_path):
    code = (
        "import sys\nsys.argv = ['gatepost', 'run', '--help']\n"
        "for name in ('apscheduler', 'starlette', 'structlog', 'uvicorn', 'prometheus_client'):\n"
        "    sys.modules[name] = None\n"
        "from gatepost.cli import main\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, "Usage" in done.stdout) == (0, True), done.stderr


class _Asked:
    """A daemon that is well."""

    def alive(self):
        return True

    def checks(self):
        return {"all": True}

    def figures(self):
        return b"x 1\n"

    def sync(self, by):
        return 1


@pytest.mark.parametrize("token", [None, TOKEN])
def test_an_open_address_lets_nobody_in_whose_token_was_taken_away(token):
    """A reload may change the token, never where it listens."""
    logs: Any = SimpleNamespace(log=structlog.get_logger())
    app = application(_Asked(), lambda: token, logs, open_to_all=False)
    refused = 403 if token is None else 401
    assert _status(app, "GET", "/healthz") == 200
    for method, path in (("GET", "/metrics"), ("GET", "/readyz"), ("POST", "/sync")):
        assert _status(app, method, path) == refused


def _status(app, method, path):
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "method": method, "path": path, "headers": [], "query_string": b"",
        "client": ("192.0.2.1", 1), "server": ("192.0.2.2", 80), "scheme": "http",
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"]
