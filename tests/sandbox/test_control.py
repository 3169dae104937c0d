"""The sandbox's own routes, and the process around them."""

import http.client
import json
import signal
import subprocess
import sys
from datetime import UTC, date, datetime

import pytest

from sandbox.testing import running


def test_the_clock_is_read_moved_and_frozen(nobody):
    start = nobody("GET", "/_sandbox/clock").json()
    assert start == {"now": start["now"], "frozen": False}
    frozen = nobody("POST", "/_sandbox/clock", {"now": "2026-08-01T00:00:00Z", "frozen": True})
    assert frozen.json() == {"now": "2026-08-01T00:00:00+00:00", "frozen": True}
    later = nobody("POST", "/_sandbox/clock", {"advance_seconds": 90})
    assert later.json()["now"] == "2026-08-01T00:01:30+00:00"
    assert nobody("POST", "/_sandbox/clock", {"speed": 2}).status == 400


def test_requests_are_counted_by_vendor_and_route_and_can_be_forgotten(nobody, salesforce, hubspot):
    salesforce("GET", "/services/data/v66.0/limits", query={"nonsense": 1})
    hubspot("GET", "/crm/v3/objects/companies")
    hubspot("GET", "/crm/v3/nowhere")
    shown = nobody("GET", "/_sandbox/requests").json()
    assert shown["counts"] == {"hubspot": {"list": 1, "unknown": 1}, "salesforce": {"limits": 1}}
    first = shown["requests"][0]
    assert (first["status"], first["notes"]) == (200, {"unknown_parameters": ["nonsense"]})
    assert len(nobody("GET", "/_sandbox/requests", query={"route": "list"}).json()["requests"]) == 1
    assert nobody("DELETE", "/_sandbox/requests").status == 204
    assert nobody("GET", "/_sandbox/requests").json()["counts"] == {}


def test_what_would_be_sent_is_in_the_log_and_secrets_are_not(world, nobody, hubspot):
    inputs = {"inputs": [{"id": "1", "properties": {"gp_stage": "adoption"}}]}
    hubspot("POST", "/crm/v3/objects/companies/batch/update", inputs)
    secret = world.ready["hubspot"]["client_secret"]
    form = f"grant_type=refresh_token&client_secret={secret}"
    nobody("POST", "/oauth/v1/token", form, Content_Type="application/x-www-form-urlencoded")
    log = nobody("GET", "/_sandbox/requests").body.decode()
    assert json.loads(json.loads(log)["requests"][0]["body"]) == inputs
    assert secret not in log
    assert world.ready["hubspot"]["token"] not in log


def test_truth_names_each_account_in_every_vendor(world, nobody):
    truth = nobody("GET", "/_sandbox/truth").json()
    assert len(truth) == 30
    companies = {c["id"]: c["name"] for c in world.sandbox.hubspot.records("companies")}
    assert {t["hubspot_id"]: t["name"] for t in truth} == companies
    assert {t["crm_id"] for t in truth} == {
        a["Id"] for a in world.sandbox.salesforce.records("Account")
    }


def test_settings_are_known_by_name(nobody, world):
    changed = nobody("POST", "/_sandbox/settings", {"hubspot": {"burst": 5}})
    assert changed.json()["hubspot"]["burst"] == 5
    assert world.sandbox.hubspot.settings.burst == 5
    assert nobody("POST", "/_sandbox/settings", {"hubspot": {"bursts": 5}}).status == 400
    assert nobody("POST", "/_sandbox/settings", {"zoho": {}}).status == 404


def test_people_edit_records_past_the_api(nobody, world):
    record = world.sandbox.salesforce.records("Account")[0]["Id"]
    path = f"/_sandbox/records/salesforce/Account/{record}"
    assert nobody("PATCH", path, {"Champion__c": "By hand"}).status == 204
    shown = nobody("GET", "/_sandbox/records/salesforce/Account").json()[0]
    user = world.sandbox.salesforce.records("User")[1]["Id"]
    assert (shown["Champion__c"], shown["LastModifiedById"]) == ("By hand", user)
    assert nobody("GET", "/_sandbox/records/salesforce/Nope").status == 404


def test_the_world_goes_on_as_the_clock_does():
    with running(now=datetime(2026, 6, 1, tzinfo=UTC)) as early:
        org = early.sandbox.salesforce
        before = len(org.records("Case"))
        early.sandbox.clock.set(datetime(2026, 7, 1, tzinfo=UTC))
        connection = http.client.HTTPConnection(early.url.removeprefix("http://"))
        connection.request("GET", "/services/data")
        connection.getresponse().read()
        connection.close()
        assert len(org.records("Case")) > before


def test_the_same_arguments_make_the_same_records():
    def state():
        with running(seed=3) as started:
            vendors = started.sandbox
            return vendors.salesforce.records("Account"), vendors.hubspot.records("companies")

    assert state() == state()


def test_the_process_prints_one_line_serves_and_ends_cleanly():
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--accounts", "5", "--days", "60"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        assert line["salesforce"]["url"] == line["hubspot"]["url"] == line["mixpanel"]["url"]
        assert line["salesforce"]["version"] == "66.0"
        connection = http.client.HTTPConnection(line["salesforce"]["url"].removeprefix("http://"))
        connection.request("GET", "/_sandbox/clock")
        now = json.loads(connection.getresponse().read())["now"]
        connection.close()
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=10)
    assert (process.returncode, rest, errors) == (0, "", "")
    assert date.fromisoformat(now[:10]) >= datetime.now(UTC).date()


def test_a_port_that_is_taken_is_a_sentence(world):
    port = world.url.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "sandbox", "--port", port, "--accounts", "1", "--days", "60"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert done.stderr.startswith(f"cannot listen on port {port}")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("vendor", "method", "path", "body"),
    [
        ("salesforce", "PATCH", "/services/data/v66.0/composite/sobjects", {"records": [5]}),
        ("salesforce", "POST", "/services/data/v66.0/jobs/ingest", None),
        ("salesforce", "POST", "/services/data/v66.0/composite", {"compositeRequest": [5]}),
        ("hubspot", "POST", "/crm/v3/objects/companies/search", {"filterGroups": 5}),
        ("hubspot", "GET", "/crm/v3/owners?after=abc", None),
    ],
)
def test_a_request_of_a_strange_shape_is_refused_in_the_vendors_words(
    request, vendor, method, path, body
):
    ask = request.getfixturevalue(vendor)
    answer = ask(method, path, "null" if body is None and method == "POST" else body)
    assert answer.status == 400
    said = answer.json()
    code = said[0]["errorCode"] if vendor == "salesforce" else said["category"]
    assert code == {"salesforce": "JSON_PARSER_ERROR", "hubspot": "VALIDATION_ERROR"}[vendor]
