"""What goes wrong at Salesforce by its own lists, and what Gatepost does: nothing lost, nothing
written twice with effect, and a sentence that names the cause."""

import json

import pytest

from config.errors import PartlyDone, RetryLater, StopCycle
from connectors.base import RecordWrite
from tests.connectors.salesforce_org import org_of, stages

WAYS = pytest.mark.parametrize("bulk_from", [2000, 2], ids=["collections", "bulk"])


@pytest.fixture
def org(monkeypatch):
    with org_of(monkeypatch) as made:
        yield made


def read(org, **options):
    return list(org.connector(**options).accounts().read("Account", ["Id", "Name"]))


def write(org, **options):
    return org.connector(**options).sink().write("Account", "Id", stages(org, "Value"))


def body(code, message):
    return json.dumps([{"message": message, "errorCode": code}])


def logins(org):
    return org.all_calls()["token"]


# -- logins that are refused


@pytest.mark.parametrize(
    ("auth", "error", "described", "hint"),
    [
        ("jwt", "invalid_grant", "user hasn't approved this consumer", "approve the app"),
        ("jwt", "invalid_grant", "invalid assertion", "certificate of this private key"),
        ("jwt", "invalid_grant", "audience is invalid", "username"),
        ("password", "invalid_grant", "authentication failure - Invalid Password", "password"),
        ("refresh_token", "invalid_grant", "expired access/refresh token", "sign in anew"),
        ("client_credentials", "invalid_client_id", "client identifier invalid", "ten minutes"),
        ("client_credentials", "invalid_grant", "no client credentials user enabled", "runs as"),
        ("client_credentials", "OAUTH_APP_BLOCKED", "this app is blocked by admin", "blocked"),
        ("client_credentials", "invalid_client", "invalid client credentials", "client secret"),
        ("password", "unsupported_grant_type", "grant type not supported", "switched off"),
    ],
)
def test_a_refused_login_is_asked_for_once_and_says_what_helps(org, auth, error, described, hint):
    for option in ("private_key", "password", "security_token", "refresh_token"):
        org.secret(option, org.known[option])
    said = json.dumps({"error": error, "error_description": described})
    org.fault("status", "token", status=400, body=said)
    with pytest.raises(StopCycle, match=error) as refused:
        read(org, auth=auth, username=org.known["username"])
    assert described in str(refused.value)
    assert hint in refused.value.hint
    assert logins(org) == 1


# -- 401


@pytest.mark.parametrize(
    "code", ["INVALID_SESSION_ID", "INVALID_JWT_FORMAT", "INVALID_AUTH_HEADER"]
)
def test_an_ended_session_of_any_kind_is_renewed_once(org, code):
    org.fault("status", "query", status=401, body=body(code, "no longer"), count=1)
    assert len(read(org)) == 6
    assert logins(org) == 2


@pytest.mark.parametrize("code", ["INVALID_JWT_FORMAT", "INVALID_AUTH_HEADER"])
def test_a_token_that_is_never_liked_fails_after_one_more_login(org, code):
    org.fault("status", "query", status=401, body=body(code, "not a valid token"))
    with pytest.raises(StopCycle, match="not a valid token"):
        read(org)
    assert logins(org) == 2


@pytest.mark.parametrize(
    "message",
    ["This session is not valid for use with the REST API", "This app is not attached to Agent"],
)
def test_a_401_that_is_no_ended_session_is_said_and_not_renewed(org, message):
    org.fault("status", "query", status=401, body=body("INVALID_SESSION_ID", message))
    with pytest.raises(StopCycle, match=message):
        read(org)
    assert logins(org) == 1


def test_bulk_jobs_say_in_their_own_words_that_a_session_ended(org):
    said = json.dumps({"exceptionCode": "InvalidSessionId", "exceptionMessage": "Invalid session"})
    org.fault("status", "ingest_create", status=400, body=said, count=1)
    assert {one.outcome for one in write(org, bulk_from=2)} == {"written"}
    assert logins(org) == 2


# -- answers to a whole request


@pytest.mark.parametrize("status", [406, 408, 420, 425, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("route", ["describe", "query"])
def test_a_status_that_passes_is_waited_for(org, route, status):
    org.fault("status", route, status=status, count=2)
    assert len(read(org)) == 6
    assert len(org.sleeps) == 2


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "QUERY_TIMEOUT"), (400, "TXN_SECURITY_METERING_ERROR"),
        (403, "TOO_MANY_APEX_REQUESTS"), (403, "REQUEST_RUNNING_TOO_LONG"),
        (503, "SERVER_UNAVAILABLE"),
        (400, "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE"),
    ],
)  # fmt: skip
def test_a_code_that_passes_is_waited_for(org, status, code):
    org.fault("status", "query", status=status, body=body(code, "später"), count=2)
    assert len(read(org)) == 6


@pytest.mark.parametrize(
    ("status", "code", "hint"),
    [
        (400, "MALFORMED_QUERY", ""), (400, "QUERY_TOO_COMPLICATED", ""),
        (400, "OPERATION_TOO_LARGE", ""), (400, "INVALID_FIELD", "field-level security"),
        (400, "INVALID_TYPE", "may not see it"), (403, "API_DISABLED_FOR_ORG", "edition"),
        (403, "API_CURRENTLY_DISABLED", "switched off"),
        (403, "INVALID_OPERATION_WITH_EXPIRED_PASSWORD", "must be changed"),
        (403, "INSUFFICIENT_ACCESS", "permission sets"), (404, "NOT_FOUND", ""),
        (405, "METHOD_NOT_ALLOWED", ""), (409, "CONFLICT", "api_version"),
        (410, "UNSUPPORTED_API_VERSION", "api_version"), (415, "UNSUPPORTED_MEDIA_TYPE", ""),
        (300, "SEVERAL", ""),
    ],
)  # fmt: skip
def test_a_refusal_is_said_once_with_its_code_and_what_helps(org, status, code, hint):
    """Texts come in the language of the API user: they are passed on, and never read."""
    org.fault("status", "query", status=status, body=body(code, "No se puede"))
    with pytest.raises(StopCycle, match=f"{status}, {code}: No se puede") as refused:
        read(org)
    assert hint in refused.value.hint
    assert org.calls()["query"] == 1


def test_a_job_that_was_made_with_another_version_says_so(org):
    org.fault("status", "bulk_query_results", status=409, body=body("CONFLICT", "other version"))
    with pytest.raises(StopCycle, match="409, CONFLICT: other version") as refused:
        read(org, bulk_read_from=2)
    assert "api_version" in refused.value.hint


@pytest.mark.parametrize("status", [403, 404, 503])
def test_a_page_of_html_is_told_in_its_words(org, status):
    org.fault("html", "query", status=status)
    with pytest.raises((StopCycle, RetryLater), match=f"Salesforce answered {status}") as refused:
        read(org, retries=0)
    assert "<" not in str(refused.value)


def test_an_app_s_own_limit_ends_the_run_though_the_org_has_requests_left(org):
    """The words of that refusal are nobody's promise; the header tells."""
    org.settings.app_requests = 2
    org.settings.page_size = 1
    with pytest.raises(PartlyDone, match=r"used up|connected app"):
        read(org)
    assert sum(org.calls().values()) == 3


def test_an_org_without_requests_ends_the_run_and_the_next_one_goes_on(org):
    org.settings.page_size = 1
    org.settings.daily_requests = 3
    with pytest.raises(PartlyDone):
        read(org, api_budget=1)
    org.settings.daily_requests = 100_000
    org.sleep(90_000)
    assert len(read(org)) == 6


# -- records of a write


REJECTED = [
    "REQUIRED_FIELD_MISSING", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "STRING_TOO_LONG",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION", "INVALID_CROSS_REFERENCE_KEY", "ENTITY_IS_DELETED",
    "INSUFFICIENT_ACCESS_OR_READONLY", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
    "DUPLICATES_DETECTED", "DUPLICATE_VALUE", "ENTITY_IS_LOCKED", "INVALID_EMAIL_ADDRESS",
    "NUMBER_OUTSIDE_VALID_RANGE", "JSON_PARSER_ERROR", "MALFORMED_ID", "ENTITY_IS_ARCHIVED",
    "CANNOT_UPDATE_CONVERTED_LEAD", "ALREADY_IN_PROCESS", "RECORD_IN_USE_BY_WORKFLOW",
    "INACTIVE_OWNER_OR_USER", "ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE", "SOMETHING_NEW",
]  # fmt: skip
"""Trying again within the run is no use. Whether the next run does is for sync/ to say."""


@WAYS
@pytest.mark.parametrize("code", REJECTED)
def test_a_record_that_is_refused_is_told_and_its_neighbours_are_written(org, code, bulk_from):
    ids = org.ids()
    org.fault("partial", ids=[ids[2]], code=code, message="Use one of these records?")
    results = write(org, bulk_from=bulk_from)
    assert [one.outcome for one in results].count("written") == len(ids) - 1
    refused = results[2]
    assert (refused.outcome, refused.code) == ("rejected", code)
    assert refused.reason == "Use one of these records?"
    assert sum(org.calls()[name] for name in org.calls() if name.startswith("coll")) <= 1


@WAYS
@pytest.mark.parametrize(
    "code",
    ["UNABLE_TO_LOCK_ROW", "TXN_SECURITY_METERING_ERROR", "REQUEST_RUNNING_TOO_LONG",
     "TOO_MANY_APEX_REQUESTS", "ALL_OR_NONE_OPERATION_ROLLED_BACK", "PROCESSING_HALTED",
     "SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION",
     "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE"],
)  # fmt: skip
def test_a_record_whose_trouble_passes_is_sent_again_alone(org, code, bulk_from):
    """Several at once, and the others are not saved a second time."""
    ids = org.ids()
    before = [len(org.records.objects["Account"].rows[one].stages) for one in ids]
    org.fault("partial", ids=ids[1:4], code=code, message="a little later", count=1)
    results = write(org, bulk_from=bulk_from)
    assert {one.outcome for one in results} == {"written"}
    rows = org.records.objects["Account"].rows
    assert [len(rows[one].stages) for one in ids] == [number + 1 for number in before]


@WAYS
@pytest.mark.parametrize(
    "message",
    ["GatepostTrigger: UNABLE_TO_LOCK_ROW, unable to obtain", "Too many SOQL queries: 101"],
)
def test_an_automation_that_failed_for_its_neighbours_is_tried_without_them(
    org, message, bulk_from
):
    ids = org.ids()
    code = "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    org.fault("partial", ids=ids[1:4], code=code, message=message, count=1)
    assert {one.outcome for one in write(org, bulk_from=bulk_from)} == {"written"}


def test_locked_records_of_several_batches_are_all_settled(org):
    org.add_accounts(30)
    ids = org.ids()
    org.fault("locked", ids=ids[::7], count=3)
    results = org.connector(batch_size=10).sink().write("Account", "Id", stages(org, "Value"))
    assert {one.outcome for one in results} == {"written"}
    assert all(org.value(one, "Lifecycle_Stage__c") == "Value" for one in ids)


@pytest.mark.parametrize(
    "code", ["STORAGE_LIMIT_EXCEEDED", "INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE"]
)
def test_what_every_further_record_would_be_refused_for_ends_the_writing(org, code):
    """The others were not sent, and are told so; the next run sends them."""
    ids = org.ids()
    org.fault("partial", records=2, code=code, message="storage limit exceeded", count=1)
    results = write(org, batch_size=2)
    assert [one.outcome for one in results] == ["rejected"] * 2 + ["unknown"] * 4
    assert {one.code for one in results[2:]} == {"NOT_SENT"}
    assert "storage limit exceeded" in results[5].reason
    assert org.calls()["collections_update"] == 1
    assert all(org.value(one, "Lifecycle_Stage__c") != "Value" for one in ids)


@WAYS
def test_a_field_that_disappears_while_it_is_written_is_named_by_the_next_write(org, bulk_from):
    """Nothing else is sent in vain: describe is asked again. After a bulk job nobody can look."""
    sink = org.connector(bulk_from=bulk_from).sink()
    writes = [RecordWrite(one, {"Champion__c": "Ann"}) for one in org.ids()]
    assert {one.outcome for one in sink.write("Account", "Id", writes)} == {"written"}
    org.fault("hide_field", object="Account", field="Champion__c")
    results = sink.write("Account", "Id", writes)
    assert {one.outcome for one in results} == {"rejected" if bulk_from > 2 else "unknown"}
    assert "Champion__c" in results[0].reason
    org.forget_calls()
    with pytest.raises(StopCycle, match="no field 'Champion__c', or this user may not see it"):
        sink.write("Account", "Id", writes)
    assert org.calls() == {"describe": 1}


@WAYS
def test_a_value_that_a_record_type_does_not_offer_is_that_record_s_trouble(org, bulk_from):
    """Describe lists it, so it is known only from the answer."""
    ids = org.ids()
    org.fault("record_type", object="Account", field="Lifecycle_Stage__c", ids=[ids[0]],
              offers=["Onboarding"])  # fmt: skip
    results = write(org, bulk_from=bulk_from)
    assert [one.outcome for one in results] == ["rejected"] + ["written"] * 5
    assert results[0].code == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert "bad value for restricted picklist field: Value" in results[0].reason


@WAYS
def test_a_merged_record_is_rejected_and_its_master_is_left_alone(org, bulk_from):
    loser, master = org.ids()[:2]
    org.started.sandbox.salesforce.edit(
        "Account", loser, {"IsDeleted": True, "MasterRecordId": master}
    )
    writes = stages(org, "Value", [loser, *org.ids()[2:]])
    results = org.connector(bulk_from=bulk_from).sink().write("Account", "Id", writes)
    assert [one.outcome for one in results] == ["rejected"] + ["written"] * 4
    assert results[0].code == "ENTITY_IS_DELETED"
    assert org.value(master, "Lifecycle_Stage__c") != "Value"


@pytest.mark.parametrize("bulk_from", [2000, 20], ids=["collections", "bulk"])
@pytest.mark.parametrize("fault", ["expired", "reset", "reset_after"])
def test_trouble_in_the_middle_of_several_batches_loses_and_repeats_nothing(org, fault, bulk_from):
    org.add_accounts(44)
    route = "collections_update" if bulk_from > 100 else "ingest_get"
    org.fault(fault, route, count=1 if fault == "expired" else 2, skip=1)
    results = write(org, batch_size=10, bulk_from=bulk_from)
    assert {one.outcome for one in results} == {"written"}
    assert org.records.trigger_fires == 50
