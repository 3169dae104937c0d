"""HubSpot over plain HTTP: both families of paths, batches, search, limits, properties."""

import json
from datetime import UTC, datetime
from urllib.parse import urlencode
from uuid import UUID

import pytest

V3, DATED = "/crm/v3/objects", "/crm/objects/2026-09"


def company_ids(hubspot, count=5):
    page = hubspot("GET", f"{V3}/companies", query={"limit": count}).json()
    return [r["id"] for r in page["results"]]


def update(hubspot, *inputs, base=V3):
    return hubspot("POST", f"{base}/companies/batch/update", {"inputs": list(inputs)})


def set_value(record_id, **properties):
    return {"id": record_id, "properties": properties}


def detail(answer):
    """The JSON inside the message."""
    return json.loads(answer.json()["message"].partition(": ")[2])


@pytest.mark.parametrize("base", [V3, DATED])
def test_lists_go_on_until_there_is_no_next_page(hubspot, base):
    seen, after = [], None
    while True:
        query = {
            "limit": 20,
            "properties": "name,workspace_id",
            **({"after": after} if after else {}),
        }
        page = hubspot("GET", f"{base}/companies", query=query).json()
        seen += [r["id"] for r in page["results"]]
        if "paging" not in page:
            break
        after = page["paging"]["next"]["after"]
    assert len(set(seen)) == len(seen) == 30
    assert seen == sorted(seen, key=int)


def test_values_are_text_and_unknown_properties_are_left_out(hubspot):
    query = {"limit": 1, "properties": "licensed_seats,contract_end,no_such_property"}
    shown = hubspot("GET", f"{V3}/companies", query=query).json()["results"][0]["properties"]
    assert set(shown) == {
        "licensed_seats", "contract_end", "createdate", "hs_lastmodifieddate", "hs_object_id",
    }  # fmt: skip
    assert all(value is None or isinstance(value, str) for value in shown.values())


def test_a_page_is_at_most_a_hundred_and_fifty_with_history(hubspot):
    assert hubspot("GET", f"{V3}/companies", query={"limit": 101}).status == 400
    query = {"limit": 51, "propertiesWithHistory": "contract_end"}
    assert hubspot("GET", f"{V3}/companies", query=query).status == 400


def test_history_is_newest_first(hubspot):
    (one,) = company_ids(hubspot, 1)
    update(hubspot, set_value(one, champion="Kim"))
    update(hubspot, set_value(one, champion="Lee"))
    query = {"propertiesWithHistory": "champion"}
    shown = hubspot("GET", f"{V3}/companies/{one}", query=query).json()
    assert [h["value"] for h in shown["propertiesWithHistory"]["champion"]][:2] == ["Lee", "Kim"]


def test_results_of_a_batch_are_in_order_of_id(hubspot):
    one, two = company_ids(hubspot, 2)
    answer = update(hubspot, set_value(two, gp_ttv_days="4"), set_value(one, gp_ttv_days="3"))
    assert answer.status == 200
    assert [r["id"] for r in answer.json()["results"]] == [one, two]
    assert answer.json()["status"] == "COMPLETE"


@pytest.mark.parametrize(
    ("base", "status"), [(V3, 207), (DATED, 200), ("/crm/objects/2026-03", 207)]
)
def test_records_that_are_gone_are_told_in_the_body_whatever_the_status(hubspot, base, status):
    (one,) = company_ids(hubspot, 1)
    answer = update(
        hubspot, set_value(one, gp_ttv_days="4"), set_value("9", gp_ttv_days="4"), base=base
    )
    assert answer.status == status
    (group,) = answer.json()["errors"]
    assert (group["category"], group["context"]) == ("OBJECT_NOT_FOUND", {"ids": ["9"]})
    assert answer.json()["numErrors"] == 1
    assert [r["id"] for r in answer.json()["results"]] == [one]


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("nope", "1", "PROPERTY_DOESNT_EXIST"),
        ("gp_stage", "nonsense", "INVALID_OPTION"),
        ("gp_ttv_days", "soon", "INVALID_FLOAT"),
        ("gp_stage_entered", "1782864001000", "INVALID_DATE"),
        ("gp_stage_entered", "86400000" * 3, "INVALID_DATE"),
        ("gp_ttv_days", "1e400", "INVALID_FLOAT"),
        ("gp_ttv_days", "\u0663", "INVALID_FLOAT"),
        ("days_to_renewal", "1", "READ_ONLY_VALUE"),
        ("hs_object_id", "1", "READ_ONLY_VALUE"),
        ("gp_usage_cliff", "perhaps", "INVALID_OPTION"),
    ],
)
def test_one_bad_value_refuses_the_whole_batch(hubspot, name, value, error):
    one, two = company_ids(hubspot, 2)
    answer = update(hubspot, set_value(one, gp_ttv_days="66"), set_value(two, **{name: value}))
    assert (answer.status, answer.json()["category"]) == (400, "VALIDATION_ERROR")
    assert [(p["name"], p["error"]) for p in detail(answer)] == [(name, error)]
    query = {"properties": "gp_ttv_days"}
    kept = hubspot("GET", f"{V3}/companies/{one}", query=query).json()
    assert kept["properties"]["gp_ttv_days"] is None


def test_a_batch_refuses_doubles_too_many_and_nothing(hubspot):
    (one,) = company_ids(hubspot, 1)
    doubled = update(hubspot, set_value(one, gp_ttv_days="1"), set_value(one, gp_ttv_days="2"))
    assert doubled.json()["context"] == {"ids": [one]}
    assert update(hubspot, *[set_value(str(i), gp_ttv_days="1") for i in range(101)]).status == 400
    assert "at least one" in update(hubspot, set_value(one)).json()["message"]
    wrong_key = update(hubspot, {**set_value(one, gp_ttv_days="1"), "idProperty": "hs_object_id"})
    assert "non-unique 0-2 property hs_object_id" in wrong_key.json()["message"]


def test_dates_are_days_in_utc_and_empty_text_clears(hubspot):
    (one,) = company_ids(hubspot, 1)
    update(hubspot, set_value(one, gp_stage_entered="1782864000000"))
    query = {"properties": "gp_stage_entered"}

    def shown():
        return hubspot("GET", f"{V3}/companies/{one}", query=query).json()["properties"][
            "gp_stage_entered"
        ]

    assert shown() == "2026-07-01"
    update(hubspot, set_value(one, gp_stage_entered=""))
    assert shown() == ""


def test_an_equal_value_is_not_written(hubspot):
    (one,) = company_ids(hubspot, 1)
    update(hubspot, set_value(one, gp_ttv_days="5"))
    before = hubspot("GET", f"{V3}/companies/{one}").json()["updatedAt"]
    update(hubspot, set_value(one, gp_ttv_days="5"))
    assert hubspot("GET", f"{V3}/companies/{one}").json()["updatedAt"] == before


def test_lifecyclestage_goes_back_only_by_way_of_empty(hubspot):
    (one,) = company_ids(hubspot, 1)
    query = {"properties": "lifecyclestage"}

    def stage():
        shown = hubspot("GET", f"{V3}/companies/{one}", query=query).json()
        return shown["properties"]["lifecyclestage"]

    update(hubspot, set_value(one, lifecyclestage="customer"))
    assert update(hubspot, set_value(one, lifecyclestage="lead")).status == 200
    assert stage() == "customer"
    update(hubspot, set_value(one, lifecyclestage=""))
    update(hubspot, set_value(one, lifecyclestage="lead"))
    assert stage() == "lead"


def test_a_silent_failure_is_a_200_with_nothing_in_it(world, hubspot):
    (one,) = company_ids(hubspot, 1)
    world.fault("empty", "hubspot.batch_update", count=1)
    answer = update(hubspot, set_value(one, gp_ttv_days="5"))
    assert (answer.status, answer.json()["results"], "errors" in answer.json()) == (200, [], False)


def test_upsert_says_which_were_new(hubspot):
    def upsert():
        one = {"id": "k-1", "idProperty": "external_key", "properties": {"name": "Keyed"}}
        body = {"inputs": [one]}
        return hubspot("POST", f"{V3}/companies/batch/upsert", body).json()["results"][0]["new"]

    assert [upsert(), upsert()] == [True, False]


def search(hubspot, *filters, **more):
    body = {"filterGroups": [{"filters": list(filters)}], "limit": 100, **more}
    return hubspot("POST", f"{V3}/companies/search", body)


def test_search_lags_behind_and_lists_do_not(world, hubspot):
    (one,) = company_ids(hubspot, 1)
    update(hubspot, set_value(one, gp_stage="adoption"))
    wanted = {"propertyName": "gp_stage", "operator": "EQ", "value": "adoption"}
    assert search(hubspot, wanted).json()["total"] == 0
    world.sandbox.clock.advance(11)
    found = search(hubspot, wanted)
    assert [r["id"] for r in found.json()["results"]] == [one]
    assert "x-hubspot-ratelimit-remaining" not in found.headers


def test_search_stops_at_ten_thousand_and_at_five_a_second(hubspot):
    deep = search(hubspot, {"propertyName": "name", "operator": "HAS_PROPERTY"}, after="9950")
    assert deep.status == 400
    answers = [
        search(hubspot, {"propertyName": "name", "operator": "HAS_PROPERTY"}) for _ in range(6)
    ]
    last = answers[-1]
    assert last.status == 429
    assert last.json()["message"] == "You have reached your secondly limit."
    assert (last.json()["category"], "retry-after" in last.headers) == ("RATE_LIMITS", False)


def test_many_records_on_one_millisecond_are_drained_by_id(world, hubspot):
    world.fault("same_millisecond", "hubspot.search", object="companies", records=25)
    world.sandbox.clock.advance(60)
    stamp = world.sandbox.hubspot.records("companies")[0]["hs_lastmodifieddate"]
    same = {"propertyName": "hs_lastmodifieddate", "operator": "EQ", "value": stamp}
    seen, last = [], "0"
    while True:
        later = {"propertyName": "hs_object_id", "operator": "GT", "value": last}
        sorts = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
        page = search(hubspot, same, later, limit=10, sorts=sorts).json()["results"]
        if not page:
            break
        seen += [r["id"] for r in page]
        last = seen[-1]
    assert len(set(seen)) == len(seen) == 25


@pytest.mark.parametrize(
    "body",
    [
        {"filterGroups": [{"filters": [{"propertyName": "nope", "operator": "EQ", "value": "1"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "name", "operator": "IS"}]}]},
        {"filterGroups": [{"filters": []}] * 6},
        {"limit": 201},
        {"sorts": ["name", "domain"]},
    ],
)
def test_a_search_beyond_its_limits_is_refused(hubspot, body):
    assert hubspot("POST", f"{V3}/companies/search", body).status == 400


def test_the_rolling_limit_and_the_daily_one_have_their_own_words(world, hubspot):
    world.sandbox.hubspot.settings.burst = 2
    answers = [hubspot("GET", f"{V3}/companies") for _ in range(3)]
    assert answers[0].headers["x-hubspot-ratelimit-max"] == "2"
    assert answers[2].status == 429
    assert answers[2].json()["policyName"] == "TEN_SECONDLY_ROLLING"
    world.sandbox.clock.advance(11)
    world.sandbox.hubspot.settings.daily = 2
    assert hubspot("GET", f"{V3}/companies").json()["policyName"] == "DAILY"


def test_tokens_and_scopes_are_looked_at(world, hubspot, nobody):
    assert nobody("GET", f"{V3}/companies").json()["category"] == "INVALID_AUTHENTICATION"
    assert nobody("GET", f"{V3}/companies", Authorization="Bearer garbage").status == 530
    world.fault("expired", "hubspot.list", count=1)
    expired = hubspot("GET", f"{V3}/companies")
    assert (expired.status, expired.json()["category"]) == (401, "EXPIRED_AUTHENTICATION")
    world.sandbox.hubspot.settings.missing_scopes = ("crm.objects.companies.write",)
    assert hubspot("GET", f"{V3}/companies").status == 200
    refused = update(hubspot, set_value("1", gp_ttv_days="1"))
    assert (refused.status, refused.json()["category"]) == (403, "MISSING_SCOPES")


def test_rules_of_admins_bind_from_2026_09_on(world, hubspot):
    (one,) = company_ids(hubspot, 1)
    world.fault("validation_rule", object="companies", field="champion", value="x", message="No!")
    assert update(hubspot, set_value(one, champion="x")).status == 200
    refused = update(hubspot, set_value(one, champion="x"), base=DATED)
    assert (refused.status, refused.json()["message"]) == (400, "No!")


def test_properties_and_groups_are_made_once(hubspot):
    group = {"name": "journey", "label": "Journey", "displayOrder": -1}
    assert hubspot("POST", "/crm/v3/properties/companies/groups", group).status == 201
    made = {
        "name": "gp_new", "label": "New", "type": "enumeration", "fieldType": "select",
        "groupName": "journey",
        "options": [{"label": "A", "value": "a", "displayOrder": 0, "hidden": False}],
    }  # fmt: skip
    first = hubspot("POST", "/crm/properties/2026-09/companies", made)
    assert (first.status, first.json()["modificationMetadata"]["readOnlyValue"]) == (201, False)
    assert hubspot("POST", "/crm/properties/2026-09/companies", made).status == 409
    wrong = {**made, "name": "gp_wrong", "groupName": "nope"}
    assert hubspot("POST", "/crm/v3/properties/companies", wrong).status == 400
    names = {p["name"] for p in hubspot("GET", "/crm/v3/properties/companies").json()["results"]}
    assert {"gp_new", "lifecyclestage", "days_to_renewal"} <= names


def test_a_calculated_property_follows_the_day_and_moves_no_stamp(world, hubspot):
    query = {"properties": "days_to_renewal,contract_end", "limit": 100}

    def shown():
        page = hubspot("GET", f"{V3}/companies", query=query).json()["results"]
        return next(r["properties"] for r in page if r["properties"]["contract_end"])

    before = shown()
    world.sandbox.clock.advance(86_400)
    after = shown()
    assert int(after["days_to_renewal"]) == int(before["days_to_renewal"]) - 1
    assert after["hs_lastmodifieddate"] == before["hs_lastmodifieddate"]


def test_associations_owners_and_the_account_are_there(hubspot):
    (one,) = company_ids(hubspot, 1)
    for path in ("/crm/v4/associations/companies/contacts", "/crm/associations/2026-09/0-2/0-1"):
        links = hubspot("POST", f"{path}/batch/read", {"inputs": [{"id": one}, {"id": "9"}]}).json()
        assert [r["from"]["id"] for r in links["results"]] == [one]
        assert links["results"][0]["to"][0]["associationTypes"][0]["typeId"] == 280
    assert hubspot("GET", "/crm/v3/owners").json()["results"][0]["type"] == "PERSON"
    assert hubspot("GET", "/account-info/v3/details").json()["timeZone"] == "UTC"
    assert hubspot("GET", "/crm/objects/2024-01/companies").status == 404


def test_a_property_that_disappears_is_unknown_to_writes_and_missing_in_reads(world, hubspot):
    (one,) = company_ids(hubspot, 1)
    world.fault("hide_field", object="companies", field="gp_stage")
    answer = update(hubspot, set_value(one, gp_stage="adoption"))
    assert detail(answer)[0]["error"] == "PROPERTY_DOESNT_EXIST"
    shown = hubspot("GET", f"{V3}/companies/{one}", query={"properties": "gp_stage"}).json()
    assert "gp_stage" not in shown["properties"]


def record(hubspot, record_id, properties="name,hs_merged_object_ids"):
    return hubspot("GET", f"{V3}/companies/{record_id}", query={"properties": properties})


@pytest.mark.parametrize("base", [V3, DATED])
def test_of_two_records_that_are_merged_one_is_left_and_knows_the_other(hubspot, base):
    winner, loser, last = company_ids(hubspot, 3)
    for gone in (loser, last):
        asked = {"primaryObjectId": winner, "objectIdToMerge": gone}
        assert hubspot("POST", f"{base}/companies/merge", asked).json()["id"] == winner
    assert loser not in company_ids(hubspot, 100)
    shown = record(hubspot, loser).json()
    assert shown["id"] == winner
    assert shown["properties"]["hs_merged_object_ids"] == f"{loser};{last}"


def test_an_id_that_was_merged_away_may_be_not_found(hubspot, world):
    winner, loser = company_ids(hubspot, 2)
    world.sandbox.app.vendors["hubspot"].edit("companies", loser, {"merged_into": winner})
    world.sandbox.app.vendors["hubspot"].settings.merged_id_resolves = False
    assert record(hubspot, loser).status == 404
    answer = update(hubspot, set_value(winner, gp_ttv_days="1"), set_value(loser, gp_ttv_days="2"))
    assert answer.json()["errors"][0]["context"]["ids"] == [loser]


def test_what_belonged_to_a_merged_record_belongs_to_the_one_it_became(hubspot, world):
    portal = world.sandbox.app.vendors["hubspot"].portal
    companies, tickets = portal.types["companies"], portal.types["tickets"]
    loser = next(one for one in companies.records if portal.linked(companies, one, tickets))
    winner = next(one for one in companies.records if one != loser)
    both = {*portal.linked(companies, loser, tickets), *portal.linked(companies, winner, tickets)}
    hubspot("POST", f"{V3}/companies/merge", {"primaryObjectId": winner, "objectIdToMerge": loser})
    assert set(portal.linked(companies, winner, tickets)) == both
    assert all(winner in portal.linked(tickets, one, companies) for one in both)


def test_a_record_is_not_merged_into_itself_nor_into_none(hubspot):
    [one] = company_ids(hubspot, 1)
    path = f"{V3}/companies/merge"
    assert hubspot("POST", path, {"primaryObjectId": one, "objectIdToMerge": one}).status == 400
    assert hubspot("POST", path, {"primaryObjectId": one, "objectIdToMerge": "9"}).status == 404


@pytest.mark.parametrize("base", ["/crm/v3/limits", "/crm/limits/2026-09"])
def test_limits_say_how_much_of_an_account_is_used(hubspot, base):
    records = hubspot("GET", f"{base}/records").json()
    companies = next(r for r in records["hubspotDefinedObjectTypes"] if r["objectTypeId"] == "0-2")
    assert companies["usage"] == len(company_ids(hubspot, 100))
    assert companies["limit"] > companies["usage"]
    assert records["customObjectTypes"]["byObjectType"][0]["pluralLabel"] == "Surveys"
    properties = hubspot("GET", f"{base}/custom-properties").json()
    assert properties["overallUsage"] == sum(o["usage"] for o in properties["byObjectType"]) > 0
    assert hubspot("GET", f"{base}/calculated-properties").json()["overallUsage"] == 2
    assert hubspot("GET", f"{base}/custom-object-types").json()["usage"] == 1


def test_a_request_is_in_the_log_before_its_answer_is_out(hubspot, world):
    for number in range(1, 30):
        company_ids(hubspot, 1)
        assert world.calls("hubspot")["list"] == number


def test_every_error_has_an_id_to_ask_hubspot_about(hubspot, nobody):
    answers = [
        nobody("GET", f"{V3}/companies"),
        hubspot("GET", f"{V3}/companies/9"),
        hubspot("GET", "/crm/v3/nothing"),
        hubspot("POST", f"{V3}/companies/search", {"limit": 201}),
        update(hubspot, set_value("1", nope="x")),
    ]
    ids = [UUID(one.json()["correlationId"]) for one in answers]
    assert len(set(ids)) == len(answers)
    assert all(UUID(one.headers["x-hubspot-correlation-id"]) for one in answers)


def test_the_day_of_the_daily_limit_is_that_of_the_account(world, hubspot):
    world.sandbox.hubspot.settings.time_zone = "America/New_York"
    world.sandbox.hubspot.settings.daily = 1
    clock = world.sandbox.clock
    clock.freeze(frozen=True)
    clock.set(datetime(2026, 7, 2, 3, 30, tzinfo=UTC))  # half past eleven in the evening there
    assert hubspot("GET", f"{V3}/companies").status == 200
    assert hubspot("GET", f"{V3}/companies").status == 429
    clock.advance(3600)
    answer = hubspot("GET", f"{V3}/companies")
    assert answer.status == 200
    assert answer.headers["x-hubspot-ratelimit-daily-remaining"] == "0"


def test_oauth_tokens_have_a_window_of_their_own_and_no_limit_a_day(world, hubspot, nobody):
    known = world.ready["hubspot"]
    form = {key: known[key] for key in ("client_id", "client_secret", "refresh_token")}
    body = urlencode({"grant_type": "refresh_token", **form})
    said = {"Content_Type": "application/x-www-form-urlencoded"}
    token = nobody("POST", "/oauth/v1/token", body, **said).json()["access_token"]
    world.sandbox.hubspot.settings.daily = 1
    for _ in range(3):
        answer = nobody("GET", f"{V3}/companies", Authorization=f"Bearer {token}")
        assert answer.status == 200
    assert answer.headers["x-hubspot-ratelimit-max"] == "110"
    assert "x-hubspot-ratelimit-daily" not in answer.headers
    assert hubspot("GET", f"{V3}/companies").headers["x-hubspot-ratelimit-daily"] == "1"
