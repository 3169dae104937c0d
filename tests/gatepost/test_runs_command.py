"""`gatepost runs`: what was done, what of it failed, and what waits."""

import csv
import io
import json

import pytest

from gatepost.commands.runs import RUN_COLUMNS, WRITE_COLUMNS
from sync.runs import begin_run, close_run, finish_run
from sync.state import State
from tests.sync.fake_sink import NOON


@pytest.fixture
def synced(project, invoke):
    assert invoke("sync", "--project", project, "-q").exit_code == 0
    return project


def test_before_the_first_run_there_is_nothing_and_nothing_is_made(project, invoke):
    done = invoke("runs", "--project", project)
    assert (done.exit_code, done.stdout) == (0, "")
    assert "No run yet" in done.stderr
    assert not (project / ".gatepost").exists()
    assert invoke("runs", "1", "--project", project).exit_code == 2


def test_where_there_is_nothing_to_list_that_is_said(project, invoke):
    assert invoke("evaluate", "--project", project, "-q").exit_code == 0
    done = invoke("runs", "--project", project)
    assert (done.exit_code, done.stdout) == (0, "")
    assert "No run yet" in done.stderr
    done = invoke("runs", "--quarantine", "--project", project)
    assert (done.stdout, done.stderr) == ("", "No record is in quarantine.\n")


def test_runs_are_listed_with_their_figures(synced, invoke):
    done = invoke("runs", "--project", synced, "--format", "json")
    (run,) = map(json.loads, done.stdout.splitlines())
    assert tuple(run) == RUN_COLUMNS
    assert (run["id"], run["command"], run["state"]) == (1, "sync", "done")
    assert run["records"] == run["written"] > 0
    assert run["fields"] > run["written"]
    table = invoke("runs", "--project", synced).stdout
    assert table.split()[:3] == ["id", "command", "state"]
    rows = list(csv.DictReader(io.StringIO(
        invoke("runs", "--project", synced, "--format", "csv").stdout
    )))  # fmt: skip
    assert rows[0]["written"] == str(run["written"])


def test_one_run_is_shown_with_its_writes(synced, invoke):
    page = invoke("runs", "1", "--project", synced)
    assert page.exit_code == 0
    assert page.stdout.startswith("Run 1: sync, done\n")
    assert "pull" in page.stdout
    whole = json.loads(invoke("runs", "1", "--project", synced, "--format", "json").stdout)
    assert {one["state"] for one in whole["writes"]} == {"confirmed"}
    assert len(whole["writes"]) == whole["fields"]
    assert whole["summary"]["sources"][0]["name"] == "product"
    rows = list(csv.reader(io.StringIO(
        invoke("runs", "1", "--project", synced, "--format", "csv").stdout
    )))  # fmt: skip
    assert tuple(rows[0]) == WRITE_COLUMNS
    assert len(rows) == whole["fields"] + 1


def test_the_newest_come_first_and_no_more_than_asked_for(project, invoke):
    with State(project / ".gatepost") as state:
        for number in range(5):
            run = begin_run(state, lambda: NOON, "sync", started_by="ada")
            finish_run(state, lambda: NOON, run, "failed", error=f"for reason {number}")
        run = begin_run(state, lambda: NOON, "sync")
        about = {"peak_mb": 200.5, "requests": {"crm": {"sent": 7, "left": 90}}}
        close_run(state, lambda: NOON, run, "stopped", "too many changed", about)
    done = invoke("runs", "--project", project, "--last", 3, "--format", "json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["error"] for row in rows] == [
        "too many changed", "for reason 4", "for reason 3",
    ]  # fmt: skip
    assert (rows[0]["requests"], rows[0]["peak_mb"]) == ({"crm": 7}, 200.5)
    page = invoke("runs", run, "--project", project).stdout
    assert "calls to crm  7" in page
    assert "too many changed" in page


def test_a_run_that_is_not_there_is_a_sentence(synced, invoke):
    done = invoke("runs", "99", "--project", synced)
    assert done.exit_code == 2
    assert "there is no run 99 here" in done.stderr


def test_records_in_quarantine_are_listed_and_mentioned(synced, invoke):
    with State(synced / ".gatepost") as state, state.transaction() as connection:
        connection.execute(
            "INSERT INTO quarantine VALUES ('Account', 'A-1', 'RULE', 'not so', ?, 2, ?, ?, ?)",
            ('{"Stage": "Growth"}', "2026-05-01T12:00:00Z", "2026-05-02T12:00:00Z", "2026-05-03"),
        )
    assert "1 record is in quarantine" in invoke("runs", "--project", synced).stderr
    done = invoke("runs", "--project", synced, "--quarantine", "--format", "json")
    found = json.loads(done.stdout)
    assert (found["id"], found["code"], found["fields"], found["tries"]) == (
        "A-1", "RULE", ["Stage"], 2,
    )  # fmt: skip
    assert "not so" in invoke("runs", "--project", synced, "--quarantine").stdout
