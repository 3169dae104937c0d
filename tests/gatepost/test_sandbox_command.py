"""The sandbox as a process: one line when it answers, a clean end, and what was written kept."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest
import requests

SMALL = ("--accounts", "5", "--days", "60", "--end", "2026-06-30")


@contextmanager
def serving(*words):
    """The process and what it printed once it answered; it is ended whatever happens."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "gatepost", "sandbox", "--port", "0", *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ),
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        yield process, json.loads(line)
    finally:
        process.kill()
        process.communicate()


def salesforce(ready, method, path, body=None):
    known = ready["salesforce"]
    done = requests.request(
        method, f"{known['url']}/services/data/v62.0{path}", json=body, timeout=10,
        headers={"Authorization": f"Bearer {known['token']}"},
    )  # fmt: skip
    done.raise_for_status()
    return done.json() if done.content else None


def hubspot(ready, method, path, body=None):
    known = ready["hubspot"]
    return requests.request(
        method, known["url"] + path, json=body, timeout=10,
        headers={"Authorization": f"Bearer {known['token']}"},
    )  # fmt: skip


def rows(ready, fields):
    found = salesforce(ready, "GET", f"/query?q=SELECT+{fields}+FROM+Account+ORDER+BY+Id")
    return [{k: v for k, v in one.items() if k != "attributes"} for one in found["records"]]


def write_to_both(ready):
    account = rows(ready, "Id")[0]["Id"]
    values = {"Lifecycle_Stage__c": "Adoption", "Stage_Entered__c": "2026-06-01",
              "Usage_Cliff__c": True, "Health_Score__c": 71.5}  # fmt: skip
    body = {"allOrNone": False, "records": [
        {"attributes": {"type": "Account"}, "id": account, **values}]}  # fmt: skip
    (saved,) = salesforce(ready, "PATCH", "/composite/sobjects", body)
    assert saved["success"], saved
    made = {"name": "gp_note", "label": "Note", "type": "string", "fieldType": "text",
            "groupName": "gatepost"}  # fmt: skip
    assert hubspot(ready, "POST", "/crm/v3/properties/companies", made).status_code == 201
    company = hubspot(ready, "GET", "/crm/v3/objects/companies?limit=1").json()["results"][0]["id"]
    inputs = {"inputs": [{"id": company, "properties": {"gp_note": "hello"}}]}
    url = "/crm/v3/objects/companies/batch/update"
    assert hubspot(ready, "POST", url, inputs).status_code == 200
    return account, company


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_ends_cleanly(stop):
    with serving(*SMALL) as (process, ready):
        assert ready["salesforce"]["version"]
        for vendor in ("salesforce", "hubspot", "mixpanel"):
            assert ready[vendor]["url"].startswith("http://127.0.0.1:")
        assert len(rows(ready, "Id")) == 5
        process.send_signal(stop)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "", "")


def test_what_was_written_is_there_the_next_time(tmp_path):
    words = (*SMALL, "--state", tmp_path / "kept.json")
    fields = "Id,Lifecycle_Stage__c,Stage_Entered__c,Usage_Cliff__c,Health_Score__c,SystemModstamp"
    with serving(*words) as (process, ready):
        account, company = write_to_both(ready)
        before = rows(ready, fields)
        process.terminate()
        assert process.wait(20) == 0
    # Another number of accounts is asked for: the company of the file counts.
    with serving("--accounts", "9", "--state", tmp_path / "kept.json") as (_, ready):
        assert rows(ready, fields) == before
        assert before[0]["Id"] == account
        assert before[0]["Lifecycle_Stage__c"] == "Adoption"
        url = f"/crm/v3/objects/companies/{company}?properties=gp_note"
        assert hubspot(ready, "GET", url).json()["properties"]["gp_note"] == "hello"


def test_without_a_file_every_sandbox_begins_anew():
    with serving(*SMALL) as (process, ready):
        write_to_both(ready)
        process.terminate()
        process.wait(20)
    with serving(*SMALL) as (_, ready):
        assert {one["Lifecycle_Stage__c"] for one in rows(ready, "Lifecycle_Stage__c")} == {None}


def test_a_bad_day_is_switched_on_from_the_start_and_requests_are_listed(invoke):
    spec = "status@hubspot.list,status=429,count=1"
    with serving(*SMALL, "--bad-day", spec) as (_, ready):
        url = "/crm/v3/objects/companies?limit=1"
        assert [hubspot(ready, "GET", url).status_code for _ in range(2)] == [429, 200]
        port = ready["control"].partition("127.0.0.1:")[2].partition("/")[0]
        table = invoke("sandbox", "--port", port, "--requests").stdout
        assert table.splitlines()[2].split() == ["hubspot", "list", "2"]
        listed = invoke("sandbox", "--port", port, "--requests", "--format", "json").stdout
        assert [json.loads(line)["status"] for line in listed.splitlines()] == [429, 200]


def test_a_port_that_is_taken_is_a_sentence(invoke):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = invoke("sandbox", "--port", port, *SMALL)
        assert done.exit_code == 1
        assert f"port {port} of this machine cannot be used" in done.stderr
        assert "Traceback" not in done.output


def test_nobody_there_to_list_requests_is_a_sentence(invoke):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = invoke("sandbox", "--port", port, "--requests")
    assert done.exit_code == 1
    assert f"no sandbox answers on port {port}" in done.stderr


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("rain", "no fault of kind 'rain'; known: "),
        ("status,count", "'count' is no KEY=VALUE"),
        ("{broken", "is no JSON"),
        ("status,count=many", "--bad-day: "),
        ("status,stauts=503", "no setting 'stauts'; nearest is 'status'"),
        ("status,status=busy", "status is a number from 200 to 599, not 'busy'"),
        ("cut,how=betwen_chunks", "no how 'betwen_chunks'; nearest is 'between_chunks'"),
        ("terminated_early,how=clean", "no how 'clean'; known: line, newline, only"),
        ("slow,seconds=long", "seconds is a number, not 'long'"),
    ],
)
def test_a_bad_day_that_there_is_not_is_a_usage_error(invoke, spec, words):
    done = invoke("sandbox", "--port", "0", "--bad-day", spec)
    assert done.exit_code == 2
    assert words in done.stderr


@pytest.mark.parametrize(
    ("route", "words"),
    [
        (
            "hubspot.batch_updat",
            "no route 'hubspot.batch_updat'; nearest is 'hubspot.batch_update'",
        ),
        ("mixpanel.zzzzzz", "known: mixpanel.cohorts, mixpanel.engage, "),
        ("pipedrive", "known: hubspot.*, mixpanel.*, salesforce.*"),
    ],
)
def test_a_bad_day_of_a_route_that_there_is_not_is_a_usage_error(invoke, route, words):
    """Else nobody would notice that nothing goes wrong."""
    done = invoke("sandbox", *SMALL, "--port", "0", "--bad-day", f"status@{route}")
    assert done.exit_code == 2
    assert words in done.stderr


def test_a_state_that_is_none_is_named(invoke, tmp_path):
    (tmp_path / "state").write_text("")
    done = invoke("sandbox", *SMALL, "--port", "0", "--state", tmp_path / "state")
    assert done.exit_code == 1
    assert f"{tmp_path / 'state'} is no state of a sandbox" in done.stderr


def test_the_truth_is_one_object_for_each_account(invoke):
    done = invoke("sandbox", *SMALL, "--truth")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == 5
    assert {"crm_id", "hubspot_id", "story", "first_value_at", "slide_began_on"} <= set(found[0])


def test_a_file_that_is_no_state_is_left_alone_and_said(invoke, tmp_path):
    (tmp_path / "x").write_text('{"shape": 99}')
    done = invoke("sandbox", "--port", "0", "--state", tmp_path / "x")
    assert done.exit_code == 1
    assert "is no state of a sandbox" in done.stderr
    assert (tmp_path / "x").read_text() == '{"shape": 99}'
