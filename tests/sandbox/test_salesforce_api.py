"""Salesforce over plain HTTP: sessions, paging, describe, collections, limits, provisioning."""

from urllib.parse import urlencode

import pytest

DATA = "/services/data/v66.0"
FRESH = {
    "FullName": "Account.Fresh__c",
    "Metadata": {"label": "Fresh", "type": "Text", "length": 40},
}


def ids_of(salesforce, count=5, where=""):
    answer = salesforce(
        "GET", f"{DATA}/query", query={"q": f"SELECT Id FROM Account {where} LIMIT {count}"}
    )
    return [r["Id"] for r in answer.json()["records"]]


def update(salesforce, *records, **more):
    body = {
        "allOrNone": False,
        "records": [{"attributes": {"type": "Account"}, **r} for r in records],
        **more,
    }
    return salesforce("PATCH", f"{DATA}/composite/sobjects", body)


def read(salesforce, record_id, field):
    return salesforce(
        "GET", f"{DATA}/sobjects/Account/{record_id}", query={"fields": field}
    ).json()[field]


# -- sessions


@pytest.fixture
def token(world, nobody):
    known = world.ready["salesforce"]

    def token(**form):
        body = {"client_id": known["client_id"], "client_secret": known["client_secret"], **form}
        coded = "application/x-www-form-urlencoded"
        return nobody("POST", "/services/oauth2/token", urlencode(body), Content_Type=coded)

    return token


def test_a_token_answer_has_no_expiry_and_only_rotation_issues_refresh_tokens(world, token):
    refresh = world.ready["salesforce"]["refresh_token"]
    plain = token(grant_type="refresh_token", refresh_token=refresh).json()
    assert "expires_in" not in plain
    assert "refresh_token" not in plain
    world.sandbox.salesforce.settings.rotation = True
    rotated = token(grant_type="refresh_token", refresh_token=refresh).json()
    assert rotated["refresh_token"] != refresh


def test_a_refresh_token_used_twice_ends_the_whole_family(world, salesforce, token):
    world.sandbox.salesforce.settings.rotation = True
    refresh = world.ready["salesforce"]["refresh_token"]
    second = token(grant_type="refresh_token", refresh_token=refresh).json()["refresh_token"]
    replay = token(grant_type="refresh_token", refresh_token=refresh)
    assert (replay.status, replay.json()["error"]) == (400, "invalid_grant")
    assert token(grant_type="refresh_token", refresh_token=second).status == 400
    assert salesforce("GET", f"{DATA}/limits").status == 401


@pytest.mark.parametrize(
    ("form", "settings", "error"),
    [
        ({"grant_type": "password", "username": "x", "password": "y"}, {}, "invalid_grant"),
        ({"grant_type": "client_credentials", "client_secret": "no"}, {}, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": "no"}, {}, "invalid_client_id"),
        ({"grant_type": "client_credentials"}, {"run_as_user": False}, "invalid_grant"),
        ({"grant_type": "client_credentials"}, {"app_blocked": True}, "OAUTH_APP_BLOCKED"),
        ({"grant_type": "magic"}, {}, "unsupported_grant_type"),
    ],
)
def test_logins_that_are_refused_say_why_in_oauths_words(world, token, form, settings, error):
    for name, value in settings.items():
        setattr(world.sandbox.salesforce.settings, name, value)
    answer = token(**form)
    assert answer.status == 400
    assert answer.json()["error"] == error


def test_a_session_ends_when_it_was_not_used_for_its_lifetime(world, salesforce):
    world.sandbox.clock.advance(7000)
    assert salesforce("GET", f"{DATA}/limits").status == 200
    world.sandbox.clock.advance(7000)  # use extends it
    assert salesforce("GET", f"{DATA}/limits").status == 200
    world.sandbox.clock.advance(7300)
    gone = salesforce("GET", f"{DATA}/limits")
    assert gone.status == 401
    assert gone.json() == [
        {"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}
    ]


def test_an_unknown_version_or_path_is_not_found_and_an_old_one_is_gone(salesforce):
    assert salesforce("GET", "/services/data/v99.0/limits").status == 404
    assert salesforce("GET", "/services/data/v30.0/limits").status == 410
    nothing = salesforce("GET", f"{DATA}/nothing")
    assert (nothing.status, nothing.json()[0]["errorCode"]) == (404, "NOT_FOUND")
    assert salesforce("PUT", f"{DATA}/query").status == 405


# -- reading


def test_pages_follow_their_locator_until_done_and_a_locator_dies_after_two_days(world, salesforce):
    world.sandbox.salesforce.settings.page_size = 12
    page = salesforce("GET", f"{DATA}/query", query={"q": "SELECT Id FROM Account"}).json()
    first_next = page["nextRecordsUrl"]
    seen = [r["Id"] for r in page["records"]]
    while not page["done"]:
        page = salesforce("GET", page["nextRecordsUrl"]).json()
        seen += [r["Id"] for r in page["records"]]
    assert "nextRecordsUrl" not in page
    assert len(set(seen)) == len(seen) == 30
    world.sandbox.salesforce.settings.token_seconds = 10**6
    world.sandbox.clock.advance(2 * 86_400 + 60)
    dead = salesforce("GET", first_next)
    assert dead.json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_rows_show_up_late_where_the_org_is_told_so(world, salesforce):
    world.sandbox.salesforce.settings.late_visibility_seconds = 60
    (record,) = ids_of(salesforce, 1)
    update(salesforce, {"Id": record, "Name": "Renamed"})
    soql = f"SELECT Name FROM Account WHERE Id = '{record}'"
    shown = salesforce("GET", f"{DATA}/query", query={"q": soql}).json()["records"][0]["Name"]
    assert shown != "Renamed"
    world.sandbox.clock.advance(61)
    late = salesforce("GET", f"{DATA}/query", query={"q": soql}).json()["records"][0]["Name"]
    assert late == "Renamed"


def test_long_queries_in_the_address_are_refused(salesforce):
    soql = "SELECT Id FROM Account WHERE Name IN ('" + "x" * 17_000 + "')"
    assert salesforce("GET", f"{DATA}/query", query={"q": soql}).status == 414
    soql = "SELECT Id FROM Account WHERE Name IN ('" + "é" * 3_000 + "')"
    assert salesforce("GET", f"{DATA}/query", query={"q": soql}).status == 414


def test_describe_tells_types_and_hides_what_the_user_may_not_see(world, salesforce):
    def fields():
        shown = salesforce("GET", f"{DATA}/sobjects/Account/describe").json()["fields"]
        return {f["name"]: f for f in shown}

    known = fields()
    assert known["Lifecycle_Stage__c"]["restrictedPicklist"] is True
    assert known["Days_To_Renewal__c"]["calculated"] is True
    assert known["Days_To_Renewal__c"]["updateable"] is False
    assert known["OwnerId"]["referenceTo"] == ["User"]
    world.fault("hide_field", object="Account", field="Segment__c")
    assert "Segment__c" not in fields()
    asked = salesforce("GET", f"{DATA}/query", query={"q": "SELECT Segment__c FROM Account"})
    assert asked.json()[0]["errorCode"] == "INVALID_FIELD"
    names = {o["name"] for o in salesforce("GET", f"{DATA}/sobjects").json()["sobjects"]}
    assert {"Account", "Case", "Survey__c", "AccountHistory"} <= names


def test_tracked_changes_of_the_world_are_history(salesforce):
    soql = "SELECT Field, OldValue, NewValue, CreatedDate FROM AccountHistory LIMIT 5"
    rows = salesforce("GET", f"{DATA}/query", query={"q": soql}).json()["records"]
    assert rows
    assert all(r["OldValue"] != r["NewValue"] for r in rows)


def test_updated_and_deleted_ids_come_by_window(world, salesforce):
    (record,) = ids_of(salesforce, 1)
    update(salesforce, {"Id": record, "Name": "New name"})
    now = world.sandbox.clock.now()
    window = {
        "start": now.replace(hour=0).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "end": now.replace(hour=23).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    shown = salesforce("GET", f"{DATA}/sobjects/Account/updated", query=window).json()
    assert record in shown["ids"]
    salesforce("DELETE", f"{DATA}/sobjects/Account/{record}")
    gone = salesforce("GET", f"{DATA}/sobjects/Account/deleted", query=window).json()
    assert [d["id"] for d in gone["deletedRecords"]] == [record]
    turned = {"start": window["end"], "end": window["start"]}
    wrong = salesforce("GET", f"{DATA}/sobjects/Account/updated", query=turned)
    assert wrong.json()[0]["errorCode"] == "INVALID_REPLICATION_DATE"


@pytest.fixture
def control(nobody):
    def control(kind, record, **values):
        path = f"/_sandbox/records/salesforce/{kind}/{record}"
        return nobody("PATCH", path, values, Content_Type="application/json")

    return control


def everything(salesforce, soql):
    return salesforce("GET", f"{DATA}/queryAll", query={"q": soql}).json()["records"]


def test_people_delete_and_bring_back_records_by_the_control_route(world, salesforce, control):
    """A deleted record is seen by queryAll for fifteen days, and each step moves its stamp."""
    world.sandbox.salesforce.settings.token_seconds = 10**9
    (record,) = ids_of(salesforce, 1)
    soql = f"SELECT IsDeleted, SystemModstamp FROM Account WHERE Id = '{record}'"
    stamps = []
    for deleted in (True, False, True):
        world.sandbox.clock.advance(60)
        assert control("Account", record, IsDeleted=deleted).status == 204
        (found,) = everything(salesforce, soql)
        assert found["IsDeleted"] is deleted
        stamps.append(found["SystemModstamp"])
    assert len(set(stamps)) == 3
    world.sandbox.clock.advance(16 * 86_400)
    assert everything(salesforce, soql) == []


def test_a_merge_points_the_loser_and_its_records_to_the_master(world, salesforce, control):
    loser = salesforce(
        "GET", f"{DATA}/query", query={"q": "SELECT AccountId FROM Case WHERE AccountId != null"}
    ).json()["records"][0]["AccountId"]
    master = next(one for one in ids_of(salesforce, 2) if one != loser)
    case = f"SELECT Id, SystemModstamp FROM Case WHERE AccountId = '{loser}'"
    before = {one["Id"]: one["SystemModstamp"] for one in everything(salesforce, case)}
    world.sandbox.clock.advance(60)
    assert control("Account", loser, IsDeleted=True, MasterRecordId=master).status == 204
    soql = f"SELECT IsDeleted, MasterRecordId FROM Account WHERE Id = '{loser}'"
    (found,) = everything(salesforce, soql)
    assert (found["IsDeleted"], found["MasterRecordId"]) == (True, master)
    assert everything(salesforce, case) == []
    moved = everything(salesforce, case.replace(loser, master))
    assert before.keys() <= {one["Id"] for one in moved}
    assert all(one["SystemModstamp"] > before.get(one["Id"], "") for one in moved)
    wrong = control("Account", master, IsDeleted=True, MasterRecordId=loser)
    assert (wrong.status, "merged into" in wrong.json()["error"]) == (400, True)


# -- writing


def test_a_batch_answers_in_order_and_a_failed_record_has_no_id(salesforce):
    one, two, three = ids_of(salesforce, 3)
    answer = update(
        salesforce,
        {"Id": one, "TTV_Days__c": 12},
        {"Id": "001000000000000AAA", "TTV_Days__c": 1},
        {"Id": two, "Lifecycle_Stage__c": "No such stage"},
        {"Id": three, "Nope__c": 1},
    )
    assert answer.status == 200
    first, gone, value, column = answer.json()
    assert first == {"id": one, "success": True, "errors": []}
    assert gone["errors"][0]["statusCode"] == "INVALID_CROSS_REFERENCE_KEY"
    assert "id" not in gone
    assert value["errors"][0]["statusCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert column["errors"][0]["statusCode"] == "INVALID_FIELD"
    assert read(salesforce, one, "TTV_Days__c") == 12.0


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("Name", "x" * 300, "STRING_TOO_LONG"),
        ("Name", None, "REQUIRED_FIELD_MISSING"),
        ("Days_To_Renewal__c", 1, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("Contract_End__c", "soon", "JSON_PARSER_ERROR"),
        ("Licensed_Seats__c", 10**12, "NUMBER_OUTSIDE_VALID_RANGE"),
        ("Usage_Cliff__c", "perhaps", "JSON_PARSER_ERROR"),
        ("OwnerId", "nobody", "MALFORMED_ID"),
        ("OwnerId", "005000000000000AAA", "INVALID_CROSS_REFERENCE_KEY"),
    ],
)
def test_a_value_that_does_not_fit_fails_its_record_alone(salesforce, field, value, code):
    one, two = ids_of(salesforce, 2)
    bad, good = update(salesforce, {"Id": one, field: value}, {"Id": two, "TTV_Days__c": 3}).json()
    assert bad["errors"][0]["statusCode"] == code
    assert good["success"] is True


def test_more_than_two_hundred_records_are_refused_whole(salesforce):
    (one,) = ids_of(salesforce, 1)
    answer = update(salesforce, *[{"Id": one, "TTV_Days__c": 1}] * 201)
    assert answer.status == 400
    doubled = update(
        salesforce, {"Id": one, "TTV_Days__c": 1}, {"Id": one, "TTV_Days__c": 2}
    ).json()
    assert [d["success"] for d in doubled] == [True, False]


def test_all_or_none_rolls_the_good_ones_back(salesforce):
    one, two = ids_of(salesforce, 2)
    answer = update(
        salesforce, {"Id": one, "TTV_Days__c": 77}, {"Id": two, "Name": None}, allOrNone=True
    )
    codes = [r["errors"][0]["statusCode"] for r in answer.json()]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]
    assert read(salesforce, one, "TTV_Days__c") is None


def test_an_equal_value_still_moves_the_stamp_and_fires_triggers(world, salesforce):
    (one,) = ids_of(salesforce, 1)
    before = read(salesforce, one, "SystemModstamp")
    fired = world.sandbox.salesforce.org.trigger_fires
    update(salesforce, {"Id": one, "Name": read(salesforce, one, "Name")})
    assert read(salesforce, one, "SystemModstamp") > before
    assert world.sandbox.salesforce.org.trigger_fires == fired + 1


def test_a_bad_record_makes_triggers_fire_again_for_its_neighbours(world, salesforce):
    three = ids_of(salesforce, 3)
    world.fault(
        "validation_rule", object="Account", field="TTV_Days__c", value="666", message="No!"
    )
    fired = world.sandbox.salesforce.org.trigger_fires
    records = [{"Id": i, "TTV_Days__c": v} for i, v in zip(three, (1, 666, 3), strict=True)]
    results = update(salesforce, *records).json()
    assert [r["success"] for r in results] == [True, False, True]
    assert results[1]["errors"][0] == {
        "statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "message": "No!",
        "fields": ["TTV_Days__c"],
    }  # fmt: skip
    assert world.sandbox.salesforce.org.trigger_fires == fired + 3 + 2


def test_locked_rows_fail_once_and_go_through_later(world, salesforce):
    one, two = ids_of(salesforce, 2)
    world.fault("locked", "salesforce.collections_update", ids=[two], count=1)
    both = [{"Id": one, "TTV_Days__c": 5}, {"Id": two, "TTV_Days__c": 5}]
    first = update(salesforce, *both).json()
    assert first[1]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
    assert update(salesforce, both[1]).json()[0]["success"] is True


def test_a_workflow_changes_the_field_back_after_the_save(world, salesforce):
    (one,) = ids_of(salesforce, 1)
    world.fault("workflow", object="Account", field="Champion__c", to="Set by a flow")
    assert update(salesforce, {"Id": one, "Champion__c": "Kim"}).json()[0]["success"] is True
    assert read(salesforce, one, "Champion__c") == "Set by a flow"


def test_a_limit_in_a_large_chunk_is_gone_in_a_smaller_one(world, salesforce):
    ten = ids_of(salesforce, 10)
    world.fault("governor", over=5)
    records = [{"Id": i, "TTV_Days__c": 4} for i in ten]
    codes = {r["errors"][0]["statusCode"] for r in update(salesforce, *records).json()}
    assert codes == {"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"}
    assert all(r["success"] for r in update(salesforce, *records[:5]).json())


def test_upsert_by_external_id_makes_changes_and_finds_doubles(salesforce):
    def upsert(key):
        record = {"attributes": {"type": "Account"}, "Workspace_Id__c": key, "Name": "Upserted"}
        path = f"{DATA}/composite/sobjects/Account/Workspace_Id__c"
        return salesforce("PATCH", path, {"records": [record]}).json()[0]

    assert upsert("brand-new")["created"] is True
    assert upsert("brand-new")["created"] is False


def test_retrieve_keeps_the_order_and_has_null_for_what_is_gone(salesforce):
    one, two = ids_of(salesforce, 2)
    asked = {"ids": [two, "001000000000000AAA", one], "fields": ["Name"]}
    answer = salesforce("POST", f"{DATA}/composite/sobjects/Account", asked).json()
    assert [r and r["attributes"]["url"].rsplit("/")[-1] for r in answer] == [two, None, one]


def test_composite_answers_each_request_on_its_own(salesforce):
    inner = [
        {"method": "GET", "url": f"{DATA}/query?q=SELECT+COUNT()+FROM+Account", "referenceId": "a"},
        {"method": "GET", "url": f"{DATA}/sobjects/Nope/x", "referenceId": "b"},
    ]
    answer = salesforce("POST", f"{DATA}/composite", {"compositeRequest": inner}).json()
    assert [r["httpStatusCode"] for r in answer["compositeResponse"]] == [200, 404]


# -- limits and setup


def test_every_answer_tells_the_usage_and_the_last_one_is_refused(world, salesforce):
    first = salesforce("GET", f"{DATA}/limits").headers["sforce-limit-info"]
    used = int(first.split("=")[1].split("/")[0])
    world.sandbox.salesforce.settings.daily_requests = used + 1
    assert salesforce("GET", f"{DATA}/limits").json()["DailyApiRequests"]["Remaining"] == 0
    refused = salesforce("GET", f"{DATA}/limits")
    assert refused.status == 403
    assert "TotalRequests" in refused.json()[0]["message"]
    world.sandbox.salesforce.settings.token_seconds = 10**6
    world.sandbox.clock.advance(86_401)
    assert salesforce("GET", f"{DATA}/limits").status == 200


def test_an_app_may_have_a_limit_of_its_own(world, salesforce):
    world.sandbox.salesforce.settings.app_requests = 2
    said = [salesforce("GET", f"{DATA}/limits") for _ in range(3)]
    assert said[0].headers["sforce-limit-info"] == (
        "api-usage=1/100000, per-app-api-usage=1/2(appName=gatepost)"
    )
    assert (said[2].status, said[2].json()[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert "TotalRequests" not in said[2].json()[0]["message"]


def test_a_record_type_may_not_offer_what_describe_lists(world, salesforce):
    one, other = ids_of(salesforce, 2)
    world.fault("record_type", "salesforce.*", field="Lifecycle_Stage__c", ids=[one],
                offers=["Onboarding"])  # fmt: skip
    changes = [{"Id": each, "Lifecycle_Stage__c": "Value"} for each in (one, other)]
    refused, saved = update(salesforce, *changes).json()
    assert refused["errors"][0]["statusCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert saved["success"]
    assert update(salesforce, {"Id": one, "Lifecycle_Stage__c": "Onboarding"}).json()[0]["success"]


def test_a_new_field_is_seen_only_after_it_is_granted(salesforce):
    made = salesforce(
        "POST", f"{DATA}/tooling/sobjects/CustomField",
        FRESH,
    )  # fmt: skip
    assert made.status == 201
    query = {"q": "SELECT Fresh__c FROM Account LIMIT 1"}
    assert salesforce("GET", f"{DATA}/query", query=query).status == 400

    def create(name, **record):
        return salesforce("POST", f"{DATA}/sobjects/{name}", record).json()["id"]

    granted = create("PermissionSet", Name="Gatepost_Fields", Label="Gatepost fields")
    me = salesforce("GET", "/services/oauth2/userinfo").json()["user_id"]
    create("PermissionSetAssignment", AssigneeId=me, PermissionSetId=granted)
    create("FieldPermissions", ParentId=granted, SobjectType="Account", Field="Account.Fresh__c",
           PermissionsRead=True, PermissionsEdit=True)  # fmt: skip
    assert salesforce("GET", f"{DATA}/query", query=query).status == 200
    (one,) = ids_of(salesforce, 1)
    assert update(salesforce, {"Id": one, "Fresh__c": "yes"}).json()[0]["success"] is True
    again = salesforce(
        "POST", f"{DATA}/tooling/sobjects/CustomField",
        FRESH,
    )  # fmt: skip
    assert again.json()[0]["errorCode"] == "DUPLICATE_DEVELOPER_NAME"
    found = salesforce(
        "GET", f"{DATA}/tooling/query",
        query={"q": "SELECT Id, DeveloperName FROM CustomField WHERE TableEnumOrId = 'Account'"},
    ).json()  # fmt: skip
    # Beside those that the administrator made by hand.
    assert {"Fresh", "Lifecycle_Stage"} <= {r["DeveloperName"] for r in found["records"]}
