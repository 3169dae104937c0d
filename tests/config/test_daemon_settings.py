"""What gatepost.yaml says about the daemon, and the daemon's own secrets."""

import pytest

from config.cron import check_cron, cron_fields
from config.load import load_project
from config.project_file import listen_address
from config.settings import own_secrets
from gatepost.starter import starter_files
from tests.gatepost.conftest import TODAY


def problems(tmp_path, text):
    for name, content in starter_files(TODAY).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + (text if name == "gatepost.yaml" else ""))
    project, found = load_project(tmp_path)
    return project, [str(one) for one in found]


def test_what_is_unsaid_has_sensible_values(tmp_path):
    project, found = problems(tmp_path, "")
    assert found == []
    given = project.gatepost
    assert (given.schedule.retention, given.schedule.backup) == ("never", "never")
    assert given.schedule.jitter == 30
    assert given.server.listen == "127.0.0.1:8787"
    assert (given.alerts.stale, given.alerts.match_drop, given.alerts.silent) == (3, 0.1, 1)


def test_all_of_it_can_be_said(tmp_path):
    text = "server: {listen: '[::1]:9000'}\nalerts: {stale: 1w, match_drop: 2.5%, silent: 2d}\n"
    project, found = problems(tmp_path, text)
    assert found == []
    assert project.gatepost.alerts.match_drop == 0.025
    assert project.gatepost.alerts.stale == 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("server: {listen: 8787}", "an address and a port are expected here"),
        ("server: {listen: 'localhost:99999'}", "an address and a port are expected here"),
        ("server: {listen: '::1:80'}", "an address and a port are expected here"),
        ("alerts: {match_drop: 0.1}", "a share is expected here, not '0.1'"),
        ("alerts: {match_drop: 101%}", "a share is expected here"),
        ("alerts: {stale: 3}", "has no unit"),
    ],
)
def test_what_is_wrong_is_a_sentence(tmp_path, text, said):
    _, found = problems(tmp_path, text + "\n")
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("0 0 31 2 *", "no such day"),
        ("0 0 31 4,6,9,11 *", "no such day"),
        ("0 0 29 2 *", ""),
        ("0 0 31 2 mon", ""),
    ],
)
def test_a_line_that_would_never_fire_is_found(text, wrong):
    assert (wrong in check_cron(text)) if wrong else check_cron(text) == ""


def test_a_line_is_spelled_out():
    cron = cron_fields("5/20 8-10/2 1 jan-mar 5-7")
    assert cron.minutes == {5, 25, 45}
    assert cron.hours == {8, 10}
    assert cron.months == {1, 2, 3}
    assert cron.weekdays == {5, 6, 0}
    assert cron.either
    assert not cron_fields("* * */2 * mon").either


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::]:80", ("::", 80)),
        ("localhost:80", ("localhost", 80)),
        ("host:", None),
        ("[::1:80", None),
        ("a b:80", None),
    ],
)
def test_an_address_is_taken_apart(text, found):
    assert listen_address(text) == found


def test_the_daemon_s_secrets_are_found_where_others_are(monkeypatch, tmp_path):
    for name in ("GATEPOST_TOKEN", "GATEPOST_WEBHOOK", "GATEPOST_SLACK_WEBHOOK"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "gatepost_token").write_text("from-a-file\n")
    monkeypatch.setenv("GATEPOST_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("GATEPOST_WEBHOOK", " https://hooks.example/x ")
    found = own_secrets()
    assert found.get("token") == "from-a-file"
    assert found.get("webhook") == "https://hooks.example/x"
    assert found.get("slack_webhook") is None
    assert "from-a-file" not in repr(found)
