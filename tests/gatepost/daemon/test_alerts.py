"""Alerts reach their channels once, also across restarts and where a channel was away."""

import io
import json
import logging
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from config.errors import GatepostError
from gatepost.daemon.conditions import Finding
from gatepost.daemon.deliver import channels_of, message, post
from gatepost.daemon.facts import lag_seconds, read_facts
from gatepost.daemon.logs import Logs
from gatepost.daemon.metrics import Metrics
from gatepost.daemon.standing import standing
from gatepost.daemon.watch import Watch
from sync.runs import RunState, begin_run, finish_run
from sync.state import State
from tests.gatepost.daemon.conftest import TOKEN

NOW = datetime(2026, 7, 10, 12, tzinfo=UTC)


@pytest.fixture
def logs():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield Logs("json", e_mails=False, stream=io.StringIO())
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)


class Channel:
    """What was sent, and whether it arrives."""

    def __init__(self):
        self.sent, self.away = [], False

    def __call__(self, url, body):
        if self.away:
            raise GatepostError("hooks.example answered 503")
        self.sent.append((url, body["condition"], body["state"]))


def failed(holds):
    return Finding("failed", "sync", holds, "the CRM is away")


def test_a_restart_repeats_nothing(tmp_path, logs):
    channel, urls = Channel(), {"webhook": "u"}
    for _ in range(3):
        watch = Watch(tmp_path, "acme", logs, Metrics(), send=channel)
        watch.look([failed(True)], urls)
    watch.look([failed(False)], urls)
    Watch(tmp_path, "acme", logs, Metrics(), send=channel).look([failed(False)], urls)
    assert channel.sent == [("u", "failed", "open"), ("u", "failed", "over")]
    with State(tmp_path) as state:
        assert state.value("SELECT count(*) FROM job_alerts") == 0


def test_what_did_not_arrive_is_told_later_also_by_the_next_process(tmp_path, logs):
    channel, urls = Channel(), {"webhook": "u"}
    channel.away = True
    metrics = Metrics()
    Watch(tmp_path, "acme", logs, metrics, send=channel).look([failed(True)], urls)
    assert b'gatepost_alert_deliveries_total{channel="webhook",outcome="failed"} 1.0' in (
        metrics.text()
    )
    assert b'gatepost_alert{condition="failed",subject="sync"} 1.0' in metrics.text()
    channel.away = False
    Watch(tmp_path, "acme", logs, Metrics(), send=channel).look([], urls)
    assert channel.sent == [("u", "failed", "open")]


def test_without_a_channel_an_alert_is_a_line_and_a_metric(tmp_path, logs):
    metrics = Metrics()
    Watch(tmp_path, "acme", logs, metrics).look([failed(True)], {})
    assert b'gatepost_alert{condition="failed",subject="sync"} 1.0' in metrics.text()


def test_an_alert_is_told_although_it_cannot_be_kept(tmp_path, logs):
    (tmp_path / "home").write_text("")  # a file where the folder should be
    channel = Channel()
    watch = Watch(tmp_path / "home", "acme", logs, Metrics(), send=channel)
    watch.look([failed(True)], {"webhook": "u"})
    watch.look([failed(True)], {"webhook": "u"})
    assert len(channel.sent) == 1


def test_secrets_and_addresses_are_in_no_alert(tmp_path, monkeypatch):
    monkeypatch.setenv("GATEPOST_CRM_TOKEN", "planted-secret")
    made = Logs("json", e_mails=False, stream=io.StringIO())
    bodies = []
    watch = Watch(tmp_path, "acme", made, Metrics(), send=lambda _, body: bodies.append(body))
    words = "planted-secret of ada@acme.example"
    watch.look([Finding("failed", "sync", True, words)], {"webhook": "u"})
    assert bodies[0]["text"] == "acme: sync failed: *** of ***@acme.example"
    with State(tmp_path) as state:
        assert state.value("SELECT text FROM job_alerts") == "*** of ***@acme.example"
    logging.getLogger().handlers.clear()
    logging.captureWarnings(capture=False)


def test_a_channel_that_is_busy_is_asked_again(webhook):
    webhook.answers += [503, 429]
    pauses = []
    post(webhook.url + "/hook", {"text": "x"}, sleep=pauses.append)
    assert webhook.heard == [("/hook", {"text": "x"})]
    assert len(pauses) == 2


@pytest.mark.parametrize(("status", "tries"), [(404, 1), (500, 4)])
def test_one_that_refuses_is_an_error_that_does_not_say_its_address(webhook, status, tries):
    webhook.answers += [status] * 9
    with pytest.raises(GatepostError, match=f"answered {status}") as error:
        post(webhook.url + "/services/T0/B0/planted", {}, sleep=lambda _: None)
    assert "planted" not in str(error.value)
    assert len(webhook.answers) == 9 - tries


def test_one_that_is_not_there_is_an_error_that_does_not_say_its_address():
    with pytest.raises(GatepostError) as error:
        post("http://127.0.0.1:9/planted", {}, sleep=lambda _: None)
    assert "planted" not in str(error.value)


def test_channels_are_those_that_have_an_address(monkeypatch):
    from config.settings import own_secrets

    monkeypatch.setenv("GATEPOST_SLACK_WEBHOOK", "https://hooks.slack.com/services/a")
    assert channels_of(own_secrets()) == {"slack": "https://hooks.slack.com/services/a"}


def test_the_state_file_says_what_stands(quiet):
    from config.load import load_project

    home = quiet / ".gatepost"
    assert read_facts(home, NOW).lags == {}
    with State(home) as state:
        story: list[RunState] = ["done", "failed", "partly", "failed", "failed"]
        for at, ended in enumerate(story, 1):
            begin = begin_run(state, partial(_minute, at), "sync")
            finish_run(state, partial(_minute, at + 1), begin, ended)
            with state.transaction() as connection:
                connection.execute(
                    "INSERT INTO match_counts VALUES (?, 'product', 'x', 100, ?)", (begin, 90 - at)
                )
        with state.transaction() as connection:
            connection.execute(
                "INSERT INTO lake_parts (source, part, fingerprint, rows, last_day)"
                " VALUES ('product', 'a', '', 5, '2026-07-01')"
            )
    facts = read_facts(home, NOW)
    assert facts.begun["sync"] == NOW + timedelta(minutes=5)
    assert facts.succeeded["sync"] == NOW + timedelta(minutes=2)
    assert facts.failures == 2
    assert facts.shares["product"] == [0.85, 0.86, 0.87, 0.88, 0.89]
    assert facts.lags["product"] == 8.5 * 86_400
    project, problems = load_project(quiet)
    assert project is not None, problems
    found = {
        one.condition: one
        for one in standing(project, facts, lambda *_: None, NOW, NOW + timedelta(days=2))
    }
    assert not found["stale"].holds, "5000 weeks are allowed"
    assert found["silent"].holds
    assert not found["quarantine"].holds
    assert not found["match"].holds


def _minute(number):
    return NOW + timedelta(minutes=number)


def test_an_event_of_today_has_no_lag():
    assert lag_seconds(NOW.date(), NOW) == 0
    assert lag_seconds(NOW.date() - timedelta(days=1), NOW) == 12 * 3600


def test_slack_and_others_hear_it_in_their_own_words(tmp_path, logs):
    bodies = {}

    def send(url, body):
        bodies[url] = body

    watch = Watch(tmp_path, "acme", logs, Metrics(), send=send)
    watch.look(
        [Finding("stopped", "sync", True, "too many changed")], {"slack": "s", "webhook": "w"}
    )
    assert bodies["s"] == {"text": ":warning: acme: sync was stopped by a brake: too many changed"}
    assert bodies["w"]["condition"] == "stopped"
    alert = watch.alert("stopped", "sync")
    assert alert is not None
    assert message("webhook", alert, "acme") == bodies["w"]


def test_a_run_that_fails_is_told_once_and_so_is_its_recovery(start, quiet, webhook):
    """End to end: the CRM's file is away, comes back, and the daemon is restarted between."""
    path = quiet / "crm" / "Account.csv"
    kept = path.read_bytes()
    path.unlink()
    secrets = {"GATEPOST_TOKEN": TOKEN, "GATEPOST_WEBHOOK": webhook.url}
    for _ in range(2):
        daemon = start(quiet, **secrets)
        daemon.sync(TOKEN)
        daemon.said("ended", outcome="failed")
        daemon.sync(TOKEN)
        daemon.said("ended", count=2, outcome="failed")
        _until(lambda: webhook.heard)
        daemon.end()
    assert [(one["condition"], one["state"]) for _, one in webhook.heard] == [("failed", "open")]
    path.write_bytes(kept)
    daemon = start(quiet, **secrets)
    daemon.sync(TOKEN)
    daemon.said("ended", outcome="done")
    _until(lambda: len(webhook.heard) > 1)
    assert [one["state"] for _, one in webhook.heard] == ["open", "over"]
    with sqlite3.connect(quiet / ".gatepost" / "state.sqlite3") as state:
        ended = [row[0] for row in state.execute("SELECT state FROM runs ORDER BY id")]
    assert ended == ["failed"] * 4 + ["done"]
    assert json.loads(daemon.raw[0])


def _until(true):
    until = time.monotonic() + 10
    while not true() and time.monotonic() < until:
        time.sleep(0.02)
