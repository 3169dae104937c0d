"""Bulk 2.0 over plain HTTP: states, CSV rules, results, locators."""

import csv
import io

import pytest

DATA = "/services/data/v66.0"
CSV = "text/csv; charset=UTF-8"


def some_ids(salesforce, count):
    answer = salesforce(
        "GET", f"{DATA}/query", query={"q": f"SELECT Id FROM Account LIMIT {count}"}
    )
    return [r["Id"] for r in answer.json()["records"]]


def ingest(salesforce, text, operation="update", **more):
    body = {
        "object": "Account",
        "operation": operation,
        "contentType": "CSV",
        "lineEnding": "LF",
        **more,
    }
    job = salesforce("POST", f"{DATA}/jobs/ingest", body).json()
    upload = salesforce("PUT", "/" + job["contentUrl"], text.encode(), Content_Type=CSV)
    assert (upload.status, upload.body) == (201, b"")
    started = salesforce("PATCH", f"{DATA}/jobs/ingest/{job['id']}", {"state": "UploadComplete"})
    assert started.json()["state"] == "UploadComplete"
    return job["id"]


def state(salesforce, job):
    return salesforce("GET", f"{DATA}/jobs/ingest/{job}").json()


def rows(salesforce, job, which):
    answer = salesforce("GET", f"{DATA}/jobs/ingest/{job}/{which}")
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.body.decode())))


def test_complete_says_nothing_about_rows(salesforce):
    good, bad = some_ids(salesforce, 2)
    job = ingest(salesforce, f"Id,Lifecycle_Stage__c\n{good},Adoption\n{bad},Nonsense\n")
    shown = state(salesforce, job)
    assert (shown["state"], shown["numberRecordsProcessed"], shown["numberRecordsFailed"]) == (
        "JobComplete", 2, 1,
    )  # fmt: skip
    (done,) = rows(salesforce, job, "successfulResults/")
    assert (done["sf__Id"], done["sf__Created"], done["Id"]) == (good, "false", good)
    (failed,) = rows(salesforce, job, "failedResults/")
    assert failed["sf__Error"].startswith("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:")
    assert failed["sf__Error"].endswith(":Lifecycle_Stage__c--")
    assert rows(salesforce, job, "unprocessedrecords/") == []


def test_an_empty_cell_leaves_the_field_alone_and_na_clears_it(salesforce):
    (one,) = some_ids(salesforce, 1)
    state(salesforce, ingest(salesforce, f"Id,TTV_Days__c,Champion__c\n{one},7,Kim\n"))
    state(salesforce, ingest(salesforce, f"Id,TTV_Days__c,Champion__c\n{one},,#N/A\n"))
    shown = salesforce(
        "GET", f"{DATA}/sobjects/Account/{one}", query={"fields": "TTV_Days__c,Champion__c"}
    ).json()
    assert (shown["TTV_Days__c"], shown["Champion__c"]) == (7.0, None)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Id,Nope__c\n001,1\n", "InvalidBatch : Field name not found : Nope__c"),
        ("Id,Name\r\n001,x\r\n", "LineEnding is invalid"),
        ('Id,Name\n001, "x"\n', "Failed to parse CSV"),
        ("Id,Name\n001\n", "number of columns"),
    ],
)
def test_a_file_that_breaks_the_rules_fails_the_whole_job(salesforce, text, why):
    shown = state(salesforce, ingest(salesforce, text))
    assert shown["state"] == "Failed"
    assert why in shown["errorMessage"]


def test_a_job_moves_only_as_states_allow(world, salesforce):
    world.sandbox.salesforce.settings.bulk_seconds = 30
    (one,) = some_ids(salesforce, 1)
    job = ingest(salesforce, f"Id,TTV_Days__c\n{one},7\n")
    assert state(salesforce, job)["state"] == "InProgress"
    early = salesforce("DELETE", f"{DATA}/jobs/ingest/{job}")
    assert early.json()[0]["errorCode"] == "INVALIDJOBSTATE"
    again = salesforce("PUT", f"{DATA}/jobs/ingest/{job}/batches", b"Id\n", Content_Type=CSV)
    assert again.status == 400
    world.sandbox.clock.advance(31)
    assert state(salesforce, job)["state"] == "JobComplete"
    deleted = salesforce("DELETE", f"{DATA}/jobs/ingest/{job}")
    assert (deleted.status, deleted.body) == (204, b"")
    assert salesforce("GET", f"{DATA}/jobs/ingest/{job}").status == 404


def test_a_failed_job_may_have_saved_some_rows(world, salesforce):
    five = some_ids(salesforce, 5)
    world.fault("bulk_failed", after_rows=2, count=1)
    lines = "".join(f"{i},9\n" for i in five)
    job = ingest(salesforce, "Id,TTV_Days__c\n" + lines)
    assert state(salesforce, job)["state"] == "Failed"
    assert len(rows(salesforce, job, "successfulResults")) == 2
    assert len(rows(salesforce, job, "unprocessedrecords")) == 3


def test_an_object_that_bulk_does_not_know_is_named(salesforce):
    body = {"object": "FieldPermissions", "operation": "insert"}
    answer = salesforce("POST", f"{DATA}/jobs/ingest", body)
    assert (answer.status, answer.json()[0]["errorCode"]) == (400, "INVALIDENTITY")


def query_job(salesforce, soql, operation="query"):
    body = {"operation": operation, "query": soql}
    job = salesforce("POST", f"{DATA}/jobs/query", body).json()
    shown = salesforce("GET", f"{DATA}/jobs/query/{job['id']}").json()
    assert (shown["state"], shown["jobType"]) == ("JobComplete", "V2Query")
    return f"{DATA}/jobs/query/{job['id']}"


def test_results_page_by_locator_and_the_last_locator_is_the_word_null(salesforce):
    job = query_job(salesforce, "SELECT Id, Owner.Name, SystemModstamp FROM Account")
    seen, locator = [], ""
    while locator != "null":
        query = {"maxRecords": 12, **({"locator": locator} if locator else {})}
        page = salesforce("GET", f"{job}/results", query=query)
        lines = list(csv.reader(io.StringIO(page.body.decode())))
        assert lines[0] == ["Id", "Owner.Name", "SystemModstamp"]
        assert len(lines) - 1 == int(page.headers["sforce-numberofrecords"])
        assert lines[1][2].endswith("Z")
        seen += [line[0] for line in lines[1:]]
        locator = page.headers["sforce-locator"]
    assert len(set(seen)) == len(seen) == 30


def test_result_pages_lead_to_every_row(salesforce):
    job = query_job(salesforce, "SELECT Id FROM Account")
    pages = salesforce("GET", f"{job}/resultPages", query={"maxRecords": 10}).json()
    assert pages["done"] is True
    bodies = [salesforce("GET", p["resultUrl"]).body for p in pages["resultPages"]]
    assert sum(b.count(b"\n") - 1 for b in bodies) == 30


def test_results_want_the_version_of_their_job(salesforce):
    job = query_job(salesforce, "SELECT Id FROM Account")
    assert salesforce("GET", job.replace("v66.0", "v60.0") + "/results").status == 409


@pytest.mark.parametrize(
    "soql",
    ["SELECT COUNT(Id) FROM Account", "SELECT BillingAddress FROM Account", "SELECT Id FROM User"],
)
def test_what_bulk_query_cannot_do_is_refused_at_once(salesforce, soql):
    assert (
        salesforce("POST", f"{DATA}/jobs/query", {"operation": "query", "query": soql}).status
        == 400
    )


def test_the_days_jobs_run_out(world, salesforce):
    world.sandbox.salesforce.settings.bulk_query_jobs = 1
    query_job(salesforce, "SELECT Id FROM Account")
    refused = salesforce(
        "POST", f"{DATA}/jobs/query", {"operation": "query", "query": "SELECT Id FROM Account"}
    )
    assert "Max bulk v2 query jobs (1) per 24 hrs" in refused.json()[0]["message"]
