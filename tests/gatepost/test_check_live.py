"""`check --live`: everything that would stop a sync, at once, each with its place."""

import csv
import io
from dataclasses import replace

import pytest

from tests.gatepost import live_world


@pytest.fixture
def salesforce(tmp_path, invoke, monkeypatch):
    for world in live_world.salesforce(tmp_path, invoke, monkeypatch):
        world.write({"stage": "Lifecycle_Stage__c"})
        yield world


@pytest.fixture
def hubspot(tmp_path, invoke, monkeypatch):
    for world in live_world.hubspot(tmp_path, invoke, monkeypatch):
        world.write({"days": "gp_ttv_days"})
        yield world


@pytest.fixture
def mixpanel(tmp_path, invoke, monkeypatch):
    yield from live_world.mixpanel(tmp_path, invoke, monkeypatch)


@pytest.fixture
def files(tmp_path, invoke):
    world = live_world.files(tmp_path, invoke)
    world.write({"stage": "Name"})
    return world


def test_nothing_is_wrong_and_the_connections_are_summed_up(salesforce):
    done = salesforce.run("check", "--live")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "Connections:"
    assert lines[1] == "  crm (salesforce): gatepost@acme.example; 9 fields, 1 event by name"
    assert "6 Account" in lines[2]
    assert "may be made now, of 25,000 in 24 hours" in lines[2]
    assert lines[3].startswith("  product (files): the folder ")
    assert lines[3].endswith("/product; 2 events by name")


def test_nothing_is_written_anywhere(salesforce):
    salesforce.run("check", "--live")
    entries = salesforce.started.sandbox.log.entries("salesforce")
    assert {one["method"] for one in entries if one["route"] != "token"} == {"GET"}
    assert not (salesforce.folder / ".gatepost" / "lake").exists()


def test_fields_that_are_read_are_looked_for_and_the_nearest_is_named(salesforce):
    salesforce.replace("mapping.yaml", "Contract_Signed__c", "Contract_Singed__c")
    salesforce.replace("mapping.yaml", "Owner.Name", "Owner.Nmae")
    salesforce.replace("mapping.yaml", "AccountId", "AcountId")
    signed, owner, key = salesforce.check(2)
    assert signed.line == salesforce.line_of("Contract_Singed__c")
    assert "or this user may not see it" in signed.message
    assert signed.hint == "nearest is 'Contract_Signed__c'"
    assert "'Owner.Nmae'" in owner.message
    assert (key.where, key.hint) == ("events[1].account.field", "nearest is 'AccountId'")


def test_an_object_that_is_not_there_is_told_once(salesforce):
    salesforce.replace("mapping.yaml", "object: Case", "object: Ticket__c")
    (wrong,) = salesforce.check(2)
    assert (wrong.check, wrong.where) == ("object", "events[1].object")
    assert "no object 'Ticket__c'" in wrong.message


def test_a_hidden_field_looks_like_none_and_the_message_says_both(salesforce):
    salesforce.started.fault("hide_field", "salesforce.*", field="Workspace_Id__c")
    (wrong,) = salesforce.check(2)
    assert (wrong.check, wrong.where) == ("hidden", "fields.workspace")
    assert "this user may not see it" in wrong.message
    salesforce.started.sandbox.salesforce.settings.may_customize = False
    (wrong,) = salesforce.check(2)
    assert wrong.check == "field"
    assert "has no field 'Workspace_Id__c', or this user may not see it" in wrong.message


def test_types_that_are_never_read_and_those_that_may_not_be(salesforce):
    salesforce.replace("mapping.yaml", "{field: Contract_Signed__c,", "{field: CSM__c,")
    (doubtful,) = salesforce.check(0)
    assert (doubtful.severity, doubtful.check) == ("warning", "type")
    salesforce.replace("mapping.yaml", "{field: CSM__c,", "{field: Licensed_Seats__c,")
    (wrong,) = salesforce.check(2)
    assert wrong.hint == "say `type: number`"


def test_what_is_written_must_fit(salesforce):
    org = salesforce.started.sandbox.salesforce.org
    fields = org.objects["Account"].fields
    fields["CSM__c"] = replace(fields["CSM__c"], length=5)
    fields["Health_Score__c"] = replace(fields["Health_Score__c"], precision=2, scale=0)
    salesforce.write({
        "stage": "CSM__c", "score": "Health_Score__c", "band": "Segment__c", "quiet": "Industry",
    })  # fmt: skip
    found = [(one.severity, one.check, one.message) for one in salesforce.check(2)]
    for severity, check, words in (
        ("error", "length", "holds 5 characters, and stage can have 10, such as 'Onboarding'"),
        ("error", "length", "room for 2 digits before the point, and health_score goes up to 100"),
        ("warning", "length", "keeps whole numbers, and health_score has 1"),
        ("warning", "options", "lacks 'red', 'green', which health_band can be"),
        ("warning", "options", "lacks 'true', 'false', which moment.quiet can be"),
    ):
        assert any(one[:2] == (severity, check) and words in one[2] for one in found), words
    assert len(found) == 5


def test_a_checkbox_cannot_be_cleared(salesforce):
    path = salesforce.folder / "mapping.yaml"
    salesforce.write({"quiet": "Usage_Cliff__c"})
    assert salesforce.check(0) == []
    path.write_text(
        path.read_text().replace(
            "Usage_Cliff__c: moment.quiet",
            "Usage_Cliff__c: {output: moment.quiet, null: clear}",
        )
    )
    (wrong,) = salesforce.check(2)
    assert wrong.check == "empty"


def test_a_suggestion_is_judged_where_it_goes(salesforce):
    salesforce.replace(
        "mapping.yaml", "Lifecycle_Stage__c: stage",
        "Days_To_Renewal__c: {output: days_in_stage, write: suggest, to: Suggested__c}",
    )  # fmt: skip
    (wrong,) = salesforce.check(2)
    assert (wrong.check, wrong.where) == ("field", "write[0].fields.Days_To_Renewal__c.to")
    assert [one.field for one in salesforce.provision()] == ["Suggested__c"]
    assert salesforce.check(0) == []


def test_every_way_to_an_account_is_looked_at(salesforce):
    salesforce.replace(
        "mapping.yaml", "account: {field: AccountId, equals: id}",
        "account: [{field: AccountId, equals: id}, {email: Emial, equals: workspace}]",
    )  # fmt: skip
    (wrong,) = salesforce.check(2)
    assert wrong.where == "events[1].account[1].email"


def test_accounts_are_written_by_id(salesforce):
    salesforce.replace("mapping.yaml", "id: Id, name", "id: Workspace_Id__c, name")
    assert [one.check for one in salesforce.errors()] == ["id"]


def test_a_wrong_secret_is_told_where_the_connection_stands(salesforce, monkeypatch):
    monkeypatch.setenv("GATEPOST_CRM_CLIENT_SECRET", "wrong")
    (wrong,) = salesforce.check(2)
    assert (wrong.check, wrong.file) == ("access", "gatepost.yaml")
    assert wrong.line == salesforce.line_of("crm:", "gatepost.yaml")
    assert "invalid_client" in wrong.message


def test_a_missing_secret_is_told_with_its_variable(hubspot, monkeypatch):
    monkeypatch.delenv("GATEPOST_CRM_TOKEN")
    (wrong,) = hubspot.check(2)
    assert wrong.line == hubspot.line_of("crm:", "gatepost.yaml")
    assert "GATEPOST_CRM_TOKEN" in wrong.message


@pytest.mark.parametrize("at", ["subject", "hs_ticket_priority"])
def test_records_whose_time_is_none_are_told_where_they_are_mapped(hubspot, at):
    hubspot.replace("mapping.yaml", "at: createdate", f"at: {at}")
    (wrong,) = hubspot.check(2)
    assert f"{at} of tickets says" in wrong.message
    assert "which is no time" in wrong.message
    assert wrong.line == hubspot.line_of("object: tickets")


def test_records_of_salesforce_whose_time_is_none_are_told_too(salesforce):
    salesforce.replace("mapping.yaml", "at: CreatedDate", "at: Status")
    (wrong,) = salesforce.check(2)
    assert "Status of Case says" in wrong.message
    assert "which is no time" in wrong.message
    assert wrong.line == salesforce.line_of("object: Case")


def test_records_may_have_their_time_as_a_number(hubspot):
    """As a pull reads it: seconds since 1970, or milliseconds."""
    from sandbox.hubspot.types import number

    tickets = hubspot.started.sandbox.app.vendors["hubspot"].portal.types["tickets"]
    tickets.properties["opened_at"] = number("opened_at")
    hubspot.replace("mapping.yaml", "at: createdate", "at: opened_at")
    for stamp in ("1767225600", "1767225600000"):
        for one in tickets.records.values():
            one.versions.now["opened_at"] = stamp
        assert not [one for one in hubspot.check() if "no time" in one.message]


def test_a_wrong_token(hubspot, monkeypatch):
    monkeypatch.setenv("GATEPOST_CRM_TOKEN", "pat-na1-nobody")
    (wrong,) = hubspot.check(2)
    assert (wrong.check, wrong.file) == ("access", "gatepost.yaml")
    assert "does not accept the token" in wrong.message


@pytest.mark.parametrize(
    "scope", ["crm.objects.companies.read", "crm.objects.companies.write", "tickets"]
)
def test_a_missing_scope_is_tried_and_named(hubspot, scope):
    settings = hubspot.started.sandbox.app.vendors["hubspot"].settings
    settings.missing_scopes = (scope,)
    (wrong,) = hubspot.errors()
    assert (wrong.check, wrong.file) == ("rights", "gatepost.yaml")
    assert wrong.line == hubspot.line_of("crm:", "gatepost.yaml")
    assert f"it lacks {scope}" in wrong.message
    assert "Private Apps" in wrong.hint


def test_trying_scopes_changes_no_record(hubspot):
    hubspot.check(0)
    found = hubspot.started.sandbox.log.entries("hubspot", "batch_update")
    assert [one["body"].replace(" ", "") for one in found] == ['{"inputs":[]}']


def test_a_connection_that_does_not_answer_leaves_with_1(hubspot):
    hubspot.replace("gatepost.yaml", "api_version", "retries: 0, api_version")
    hubspot.replace("gatepost.yaml", hubspot.started.url, "http://127.0.0.1:9")
    (away,) = hubspot.check(1)
    assert away.check == "unreachable"


def test_events_that_nobody_saw_are_told_with_the_nearest_name(files):
    files.replace("journeys/care.yaml", "logins: {count: Logged In,", "logins: {count: Loged In,")
    files.replace("journeys/care.yaml", "[Report Made]", "[Report Made, Report Gone]")
    gone, wrong = files.errors()
    assert (gone.where, gone.check) == ("features.reports[1]", "event")
    assert wrong.where.startswith("signals.logins.count")
    assert wrong.line == files.line_of("Loged In", "journeys/care.yaml")
    assert wrong.hint == "nearest is 'Logged In'"


def test_events_of_long_ago_are_warned_of(files):
    files.usage("Logged In", "Report Made", ago=100)
    found = files.check(0)
    assert {(one.severity, one.check) for one in found} == {("warning", "event")}
    assert "over 90 days ago" in found[0].message
    table = files.run("check", "--live")
    assert table.stdout.splitlines()[0] == "Warnings:"
    assert "No problems, 2 warnings." in table.stderr


def test_a_child_object_without_any_record_is_told(files):
    (files.folder / "crm" / "Case.csv").write_text("Id,AccountId,Opened\n")
    (wrong,) = files.check(2)
    assert (wrong.check, wrong.where) == ("event", "signals.cases.count")


def test_after_a_pull_the_lake_is_asked_and_the_source_only_where_it_says_nothing(files):
    assert files.run("evaluate").exit_code == 0
    assert files.check(0) == []
    files.replace("journeys/care.yaml", "[Report Made]", "[Report Made, Report Shared]")
    assert [one.check for one in files.check(2)] == ["event"]
    files.usage("Logged In", "Report Made", "Report Shared")
    assert files.check(0) == []  # the lake is older than the file
    assert files.run("evaluate").exit_code == 0
    (files.folder / "product" / "events" / "a.jsonl").unlink()
    assert files.check(0) == []


def test_nothing_is_said_of_events_while_their_source_is_silent(files):
    for file in (files.folder / "product" / "events").iterdir():
        file.unlink()
    (files.folder / "product" / "events").rmdir()
    (wrong,) = files.check(2)
    assert (wrong.check, wrong.file) == ("access", "gatepost.yaml")
    assert wrong.line == files.line_of("product:", "gatepost.yaml")


def test_a_project_that_the_service_account_does_not_see(mixpanel):
    mixpanel.replace("gatepost.yaml", "project_id: ", "project_id: 1")
    found = [one for one in mixpanel.errors() if one.check == "rights"]
    assert "does not see project 1" in found[0].message
    assert "Acme production" in found[0].hint
    assert found[0].line == mixpanel.line_of("product:", "gatepost.yaml")


def test_a_secret_of_mixpanel_that_is_wrong(mixpanel, monkeypatch):
    monkeypatch.setenv("GATEPOST_PRODUCT_SECRET", "wrong")
    (wrong,) = mixpanel.check(2)
    assert (wrong.check, wrong.line) == ("access", mixpanel.line_of("product:", "gatepost.yaml"))
    assert "does not accept the service account" in wrong.message


def test_a_project_time_that_is_not_the_projects(mixpanel):
    mixpanel.replace("gatepost.yaml", "username:", "project_time: local(Asia/Tokyo), username:")
    (wrong,) = mixpanel.check(2)
    assert wrong.where == "connections.product.project_time"
    assert "say local(" in wrong.hint


def test_events_of_a_product_that_lists_them(mixpanel):
    """The world knows both; then one is misspelt."""
    mixpanel.replace("journeys/care.yaml", "Report Made", "Report Created")
    assert not [one for one in mixpanel.check() if one.check == "event"]
    mixpanel.replace("journeys/care.yaml", "Report Created", "Report Craeted")
    (wrong,) = [one for one in mixpanel.errors() if one.check == "event"]
    assert (wrong.where, wrong.hint) == ("features.reports[0]", "nearest is 'Report Created'")
    assert mixpanel.started.calls("mixpanel").get("export") is None


def test_a_long_past_is_told_against_the_exports_of_an_hour(mixpanel):
    mixpanel.replace("gatepost.yaml", "username:", "since: 2020-01-01, username:")
    (told,) = [one for one in mixpanel.check() if one.check == "budget"]
    assert told.severity == "warning"
    assert "pulls the whole past" in told.message
    (mixpanel.folder / ".gatepost" / "lake" / "events" / "source=product" / "day=2026-01-01").mkdir(
        parents=True
    )
    assert not [one for one in mixpanel.check() if one.check == "budget"], "it was pulled"
    assert mixpanel.started.calls("mixpanel").get("export") is None


def test_calls_are_judged_by_what_may_be_made(salesforce):
    settings = salesforce.started.sandbox.salesforce.settings
    settings.daily_requests = 48
    (wrong,) = [one for one in salesforce.check(2) if one.check == "budget"]
    assert "a sync takes about" in wrong.message
    assert wrong.line == salesforce.line_of("crm:", "gatepost.yaml")


def test_the_formats_agree(files):
    files.replace("journeys/care.yaml", "logins: {count: Logged In,", "logins: {count: Loged In,")
    (one,) = files.check(2)
    text = files.run("check", "--live", "--format", "csv").stdout
    (row,) = csv.DictReader(io.StringIO(text))
    assert row == {key: str(value) for key, value in vars(one).items()}
    assert list(row) == [
        "severity", "check", "file", "line", "column", "where", "message", "hint",
    ]  # fmt: skip
    table = files.run("check", "--live").stdout.splitlines()[0]
    assert table.startswith(f"{one.file}:{one.line}:{one.column}  {one.where}: {one.message}")


def test_problems_of_the_files_come_first_and_nobody_is_asked(salesforce):
    salesforce.replace("journeys/care.yaml", "logins = 0", "loggins = 0")
    done = salesforce.run("check", "--live")
    assert done.exit_code == 2
    assert "loggins" in done.stdout
    assert salesforce.started.calls("salesforce") == {}
