"""Faults: what is switched on happens, as often as asked, and nowhere else."""

import gzip
import http.client
import json
import zlib

import pytest

DATA = "/services/data/v66.0"
EXPORT = {"project_id": 2195193, "from_date": "2026-06-30", "to_date": "2026-06-30"}


def limits(salesforce):
    return salesforce("GET", f"{DATA}/limits")


def export(mixpanel, **headers):
    return mixpanel("GET", "/api/2.0/export", query=EXPORT, **headers)


def test_a_fault_fires_as_often_as_asked_after_what_it_lets_through(world, salesforce):
    world.fault("status", "salesforce.limits", status=503, skip=1, count=2)
    assert [limits(salesforce).status for _ in range(4)] == [200, 503, 503, 200]
    assert salesforce("GET", f"{DATA}/sobjects").status == 200


def test_chance_has_a_seed(world, salesforce):
    world.fault("status", "salesforce.limits", status=500, probability=0.5, seed=3)
    first = [limits(salesforce).status for _ in range(12)]
    world.sandbox.faults.remove()
    world.fault("status", "salesforce.limits", status=500, probability=0.5, seed=3)
    assert [limits(salesforce).status for _ in range(12)] == first
    assert set(first) == {200, 500}


@pytest.mark.parametrize("wait", [None, 7])
def test_a_429_comes_with_and_without_retry_after(world, hubspot, wait):
    more = {} if wait is None else {"retry_after": wait}
    world.fault("status", "hubspot.list", status=429, **more)
    answer = hubspot("GET", "/crm/v3/objects/companies")
    assert answer.status == 429
    assert answer.json()["policyName"] == "TEN_SECONDLY_ROLLING"
    assert answer.headers.get("retry-after") == (None if wait is None else "7")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_each_vendor_has_its_own_body_for_a_broken_server(
    world, salesforce, hubspot, mixpanel, status
):
    world.fault("status", status=status)
    assert limits(salesforce).json()[0]["errorCode"]
    assert hubspot("GET", "/crm/v3/objects/companies").status == status
    assert export(mixpanel).status == status


def test_a_page_of_html_may_come_instead(world, salesforce):
    world.fault("html", "salesforce.*", status=420, count=1)
    answer = limits(salesforce)
    assert (answer.status, answer.headers["content-type"]) == (420, "text/html")


def test_a_reset_before_does_nothing_and_a_reset_after_has_saved(world, salesforce):
    record = salesforce("GET", f"{DATA}/query", query={"q": "SELECT Id FROM Account LIMIT 1"})
    path = f"{DATA}/sobjects/Account/{record.json()['records'][0]['Id']}"

    def champion():
        return salesforce("GET", path, query={"fields": "Champion__c"}).json()["Champion__c"]

    world.fault("reset", "salesforce.row_update", count=1)
    with pytest.raises(ConnectionResetError):
        salesforce("PATCH", path, {"Champion__c": "Before"})
    assert champion() != "Before"
    world.fault("reset_after", "salesforce.row_update", count=1)
    with pytest.raises(ConnectionResetError):
        salesforce("PATCH", path, {"Champion__c": "After"})
    assert champion() == "After"
    world.fault("status_after", "salesforce.row_update", status=504, count=1)
    assert salesforce("PATCH", path, {"Champion__c": "Saved all the same"}).status == 504
    assert champion() == "Saved all the same"


def test_a_session_can_end_between_two_pages(world, salesforce):
    world.sandbox.salesforce.settings.page_size = 10
    page = salesforce("GET", f"{DATA}/query", query={"q": "SELECT Id FROM Account"}).json()
    world.fault("expired", "salesforce.query_more", count=1)
    assert salesforce("GET", page["nextRecordsUrl"]).status == 401
    assert salesforce("GET", page["nextRecordsUrl"]).status == 401  # that session is gone


def test_a_body_shorter_than_announced(world, mixpanel):
    world.fault("cut", "mixpanel.export", how="short_length", count=1)
    with pytest.raises(http.client.IncompleteRead):
        export(mixpanel)


@pytest.mark.parametrize("how", ["between_chunks", "inside_chunk"])
def test_a_chunked_body_without_its_end(world, mixpanel, how):
    world.fault("cut", "mixpanel.export", how=how, count=1)
    with pytest.raises(http.client.IncompleteRead):
        export(mixpanel)
    assert export(mixpanel).body.endswith(b"\n")


def test_a_gzip_stream_without_its_trailer_in_a_whole_response(world, mixpanel):
    world.fault("cut", "mixpanel.export", how="gzip", count=1)
    answer = export(mixpanel, Accept_Encoding="gzip")
    stream = zlib.decompressobj(31)
    stream.decompress(answer.body)
    assert not stream.eof
    with pytest.raises(EOFError):
        gzip.decompress(answer.body)


def test_a_cut_that_only_the_last_line_shows(world, mixpanel):
    whole = export(mixpanel).body
    world.fault("cut", "mixpanel.export", how="clean", bytes=len(whole) // 2, count=1)
    short = gzip.decompress(export(mixpanel, Accept_Encoding="gzip").body)
    assert whole.startswith(short)
    assert len(short) == len(whole) // 2


@pytest.mark.parametrize(
    ("how", "end"),
    [
        ("line", b"terminated early"),
        ("newline", b"terminated early\n"),
        ("only", b"export terminated early"),
    ],
)
def test_an_export_that_says_it_ended_early(world, mixpanel, how, end):
    world.fault("terminated_early", "mixpanel.export", how=how, count=1)
    answer = export(mixpanel)
    assert answer.status == 200
    assert answer.body.endswith(end)
    assert (answer.body == end) == (how == "only")


def test_odd_rows_are_lines_all_the_same(world, mixpanel):
    world.fault("odd_rows", "mixpanel.export", count=1)
    lines = export(mixpanel).body.split(b"\n")
    assert lines.pop() == b""
    odd = lines[-18:]
    assert len(odd) == len(set(odd)) + 1  # one is there twice, as it is
    assert any(b"\xe2\x80\xa8" in line for line in odd)
    broken = [line for line in odd if b"\xff" in line]
    assert len(broken) == 1
    parsed = [json.loads(line) for line in odd if b"\xff" not in line]
    assert {"$hotshard_events", "$identify"} <= {e["event"] for e in parsed}


def test_an_empty_answer_looks_like_any_other(world, salesforce, mixpanel):
    world.fault("empty", "salesforce.query", count=1)
    world.fault("empty", "mixpanel.export", count=1)
    page = salesforce("GET", f"{DATA}/query", query={"q": "SELECT Id FROM Account"})
    assert (page.status, page.json()["records"], page.json()["done"]) == (200, [], True)
    assert export(mixpanel).body == b""


def test_a_slow_body_arrives_whole(world, salesforce):
    world.fault("slow_body", "salesforce.describe", seconds=0.2, count=1)
    assert salesforce("GET", f"{DATA}/sobjects/Account/describe").json()["name"] == "Account"


def test_faults_are_switched_by_http_too(world, nobody, salesforce):
    added = nobody(
        "POST", "/_sandbox/faults", {"kind": "status", "status": 500, "route": "salesforce.*"}
    )
    assert added.status == 201
    assert limits(salesforce).status == 500
    assert nobody("GET", "/_sandbox/faults").json()[0]["fired"] == 1
    assert nobody("DELETE", f"/_sandbox/faults/{added.json()['id']}").json() == {"removed": 1}
    assert limits(salesforce).status == 200
    wrong = nobody("POST", "/_sandbox/faults", {"kind": "gremlins"})
    assert wrong.status == 400
    assert "no fault of kind 'gremlins'" in wrong.json()["error"]
