"""HubSpot's rarer answers, row by row: what each status and each odd body makes Gatepost do.

Those that any test of reading or writing meets anyway (429, 423, 477, 400, 401, 403) stand there.
"""

import json

import pytest

from config.errors import FixConfig, PartlyDone, RetryLater, StopCycle
from connectors.base import RecordWrite
from connectors.hubspot.records import links
from connectors.hubspot.schema import Schema

UPDATE = "hubspot.batch_update"
VALUES = {"gp_stage": "adoption"}
EDGE = [500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526]


def write(hub, ids, values=None, **options):
    sink = hub.connector(**options).sink()
    changes = [RecordWrite(one, values or VALUES) for one in ids]
    return sink.write("companies", "hs_object_id", changes)


def outcomes(results):
    return [one.outcome for one in results]


def read(hub, **options):
    rows = hub.connector(**options).accounts().read("companies", ["hs_object_id", "gp_stage"])
    return {row["hs_object_id"]: row["gp_stage"] for row in rows}


# -- statuses


@pytest.mark.parametrize("status", [408, 425, *EDGE])
def test_a_read_that_failed_for_a_moment_is_made_again(hub, status):
    hub.companies(150)
    hub.fault("status", "hubspot.list", status=status, skip=1, count=2)
    assert len(read(hub)) == 150
    assert hub.calls()["list"] == 4


@pytest.mark.parametrize("status", [408, 425])
def test_a_write_that_was_not_looked_at_is_sent_again(hub, status):
    hub.fault("status", UPDATE, status=status, count=1)
    assert outcomes(write(hub, hub.companies(3))) == ["written"] * 3
    assert hub.calls() == {"batch_update": 2, "properties": 1}


@pytest.mark.parametrize("status", EDGE)
def test_a_write_of_which_only_the_edge_told_is_read_after(hub, status):
    """It was carried out, and the answer was lost: no second write, no second workflow."""
    hub.fault("status_after", UPDATE, status=status, count=1)
    assert outcomes(write(hub, hub.companies(3))) == ["written"] * 3
    assert hub.calls() == {"batch_read": 1, "batch_update": 1, "properties": 1}
    assert hub.portal.workflow_runs == 3


@pytest.mark.parametrize("status", [504, 524])
def test_a_batch_that_took_the_edge_too_long_is_sent_again_in_halves(hub, status):
    ids = hub.companies(8)
    hub.fault("status", UPDATE, status=status, count=1)
    assert outcomes(write(hub, ids)) == ["written"] * 8
    assert hub.calls() == {"batch_read": 1, "batch_update": 3, "properties": 1}


def test_a_body_that_is_too_large_is_sent_in_halves(hub):
    hub.fault("status", UPDATE, status=413, count=1)
    assert outcomes(write(hub, hub.companies(8))) == ["written"] * 8
    assert hub.calls()["batch_update"] == 3


def test_a_value_that_another_record_has_costs_only_its_own_record(hub):
    """409, without a word on which of the batch it is."""
    ids = hub.companies(4)
    hub.fault("status", UPDATE, status=409, message="one already has that value", count=2)
    results = write(hub, ids[:1] + ids[1:2])
    assert outcomes(results) == ["rejected", "written"]
    assert (results[0].code, results[0].reason) == ("CONFLICT", "one already has that value")


def test_a_conflict_while_reading_is_a_sentence(hub):
    hub.fault("status", "hubspot.list", status=409)
    with pytest.raises(StopCycle, match="refused to list companies"):
        read(hub)


def test_an_address_that_is_too_long_all_the_same_is_a_sentence(hub):
    hub.fault("status", "hubspot.list", status=414, body="<h1>414 Request-URI Too Large</h1>")
    with pytest.raises(StopCycle, match="list companies: 414 Request-URI Too Large"):
        read(hub)


def test_an_object_that_is_not_there_to_write_to_stops_and_leaves_nothing_open(hub):
    connector = hub.connector()
    connector.schema("companies")
    hub.fault("status", UPDATE, status=404)
    with pytest.raises(StopCycle, match="refused a batch of companies"):
        connector.sink().write("companies", "hs_object_id", [RecordWrite("1", VALUES)])


def test_a_status_that_nobody_foresaw_stops(hub):
    hub.fault("status", "hubspot.list", status=418, body={"message": "short and stout"})
    with pytest.raises(StopCycle, match="418: short and stout"):
        read(hub)


def test_an_error_without_anything_in_it_is_still_a_sentence(hub):
    hub.fault("status", "hubspot.list", status=403, body={})
    with pytest.raises(FixConfig, match="does not let this token do that"):
        read(hub)


@pytest.mark.parametrize(
    ("settings", "least"),
    [
        ({"status": 429, "policy": "TEN_SECONDLY_ROLLING"}, 10),
        ({"status": 429, "policy": "SECONDLY"}, 1),
        ({"status": 429, "policy": "SECONDLY", "retry_after": 7}, 7),
        ({"status": 423}, 2),
    ],
)
def test_a_limit_is_waited_for_while_reading_too(hub, settings, least):
    hub.fault("status", "hubspot.list", count=1, **settings)
    assert read(hub)
    assert least <= hub.waited[0] < least + 1


def test_the_daily_limit_ends_a_reading_with_nothing_taken_for_the_whole(hub):
    hub.companies(150)
    hub.fault("status", "hubspot.list", skip=1, status=429, policy="DAILY")
    with pytest.raises(PartlyDone, match="daily limit of calls is used up"):
        read(hub)
    assert hub.waited == []


def test_an_account_that_moves_takes_no_write_and_loses_none(hub):
    hub.fault("status", UPDATE, status=477)
    with pytest.raises(RetryLater, match="another data centre") as error:
        write(hub, hub.companies(3))
    assert error.value.wait_seconds == 3600
    assert hub.calls()["batch_update"] == 1


@pytest.mark.parametrize("status", [423, 429, 477, 408, 503])
def test_who_asks_for_more_time_than_a_run_has_is_not_asked_again_and_the_time_is_told(hub, status):
    hub.fault("status", "hubspot.list", status=status, retry_after=7200)
    with pytest.raises(RetryLater, match=r"it asks to wait 7,200 s") as error:
        read(hub)
    assert error.value.wait_seconds == 7200
    assert hub.calls()["list"] == 1
    assert hub.waited == []


def test_a_scope_to_write_that_is_missing_is_named(hub):
    hub.settings.missing_scopes = ("crm.objects.companies.write",)
    with pytest.raises(FixConfig, match=r"lacks crm\.objects\.companies\.write"):
        write(hub, hub.companies(3))


def test_a_token_that_expires_between_pages_is_told(hub):
    hub.companies(250)
    hub.fault("expired", "hubspot.list", skip=1)
    with pytest.raises(FixConfig, match="expired"):
        read(hub)


def test_a_page_of_some_proxy_is_no_answer(hub):
    """With a good status, as captive portals do."""
    hub.fault("html", "hubspot.list", status=200, count=1)
    assert read(hub)
    hub.fault("html", UPDATE, status=200, count=1)
    assert outcomes(write(hub, hub.companies(3))) == ["written"] * 3


# -- slow answers and bodies


def test_an_answer_in_drips_is_waited_for(hub):
    hub.fault("slow_body", "hubspot.list", seconds=0.4, count=1)
    assert len(read(hub)) == len(hub.portal.types["companies"].records)
    assert hub.calls()["list"] == 1


def test_an_answer_that_does_not_come_is_asked_for_again(hub):
    hub.fault("slow", "hubspot.list", seconds=1.3, count=1)
    assert read(hub, timeout_seconds=1)
    assert hub.connectors[-1].wire.budget.sent == 3  # the log has the slow one later


def test_a_body_that_stands_still_is_asked_for_again(hub):
    hub.fault("cut", "hubspot.list", how="stall", seconds=1.3, count=1)
    assert read(hub, timeout_seconds=1)
    assert hub.calls()["list"] == 2


def test_a_write_whose_answer_is_late_is_read_after(hub):
    hub.fault("cut", UPDATE, how="stall", seconds=1.3, count=1)
    assert outcomes(write(hub, hub.companies(3), timeout_seconds=1)) == ["written"] * 3
    assert hub.portal.workflow_runs == 3


# -- 207 and bodies that say less than they should


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
def test_a_207_means_the_same_wherever_it_comes(hub, version):
    """2026-09 documents none; nobody knows whether it sends one."""
    hub.settings.date_version_207 = True
    ids = hub.companies(4)
    hub.vendor.edit("companies", ids[1], {"archived": True})
    results = write(hub, ids, api_version=version)
    assert outcomes(results) == ["written", "rejected", "written", "written"]
    assert results[1].code == "OBJECT_NOT_FOUND"
    assert hub.log.entries("hubspot", "batch_update")[-1]["status"] == 207


def test_a_207_with_nothing_in_it_is_read_after(hub):
    hub.fault("empty", UPDATE, status=207, count=1)
    assert outcomes(write(hub, hub.companies(3))) == ["written"] * 3
    assert hub.calls() == {"batch_read": 1, "batch_update": 2, "properties": 1}


def test_a_207_that_names_nobody_is_read_after(hub):
    """The error has no id and no trace: what is not there is sent again, then left unknown."""
    ids = hub.companies(3)
    hub.fault("partial", UPDATE, ids=[ids[1]], message="no more room", name_ids=False, trace=False)
    results = write(hub, ids, api_version="v3")
    assert outcomes(results) == ["written", "unknown", "written"]
    assert "no more room" in results[1].reason
    assert hub.portal.workflow_runs == 2


def test_a_207_of_a_read_leaves_out_what_is_not_there(hub):
    ids = hub.companies(3)
    hub.vendor.edit("companies", ids[0], {"archived": True})
    sink = hub.connector(api_version="v3").sink()
    found = list(sink.read_some("companies", "hs_object_id", ["name"], ids))
    assert {one.id for one in found} == set(ids[1:])
    assert hub.log.entries("hubspot", "batch_read")[-1]["status"] == 207


@pytest.mark.parametrize("status", ["PENDING", "PROCESSING", "CANCELED"])
def test_a_batch_that_is_not_complete_is_read_after(hub, status):
    hub.fault("status", UPDATE, status=200, body={"status": status, "results": []}, count=1)
    assert outcomes(write(hub, hub.companies(3))) == ["written"] * 3
    assert hub.calls() == {"batch_read": 1, "batch_update": 2, "properties": 1}


def test_results_in_another_order_are_told_apart_by_id(hub):
    """HubSpot answers in order of id."""
    ids = hub.companies(3)
    hub.fault("partial", UPDATE, ids=[ids[2]], message="no")
    results = write(hub, ids[::-1])
    assert [(one.id, one.outcome) for one in results] == [
        (ids[2], "rejected"), (ids[1], "written"), (ids[0], "written"),
    ]  # fmt: skip


def test_a_value_that_is_there_already_is_confirmed_and_starts_no_workflow(hub):
    ids = hub.companies(3)
    write(hub, ids)
    runs = hub.portal.workflow_runs
    assert outcomes(write(hub, ids)) == ["written"] * 3
    assert hub.portal.workflow_runs == runs


@pytest.mark.parametrize("body", ["[]", "null", '"yes"', "{", ""])
def test_a_success_that_cannot_be_read_is_no_success(hub, body):
    hub.fault("status", "hubspot.list", status=200, body=body, count=1)
    assert len(read(hub)) == len(hub.portal.types["companies"].records)
    hub.fault("status", "hubspot.list", status=200, body=body)
    with pytest.raises(RetryLater, match="damaged or cut short"):
        read(hub, retries=1)


def test_an_owner_is_written_without_knowing_the_owners(hub):
    """Options that HubSpot keeps elsewhere are not checked here."""
    ids = hub.companies(1)
    assert outcomes(write(hub, ids, {"hubspot_owner_id": "4711"})) == ["written"]
    assert hub.value(ids[0], "hubspot_owner_id") == "4711"


# -- what is sent


def test_a_batch_says_no_more_than_it_has_to(hub):
    """By record id HubSpot wants no idProperty; "" clears, where null means nothing; and each
    record has its trace, by which errors name it."""
    [one] = hub.companies(1)
    write(hub, [one], {"gp_ttv_days": 3, "gp_next_step": None})
    assert json.loads(hub.bodies("batch_update")[0]) == {
        "inputs": [
            {
                "id": one,
                "properties": {"gp_ttv_days": "3", "gp_next_step": ""},
                "objectWriteTraceId": one,
            }
        ]
    }


def test_a_record_without_values_is_not_sent(hub):
    """HubSpot would refuse the whole batch for it."""
    one, other = hub.companies(2)
    changes = [RecordWrite(one, {}), RecordWrite(other, VALUES)]
    results = hub.connector().sink().write("companies", "hs_object_id", changes)
    assert outcomes(results) == ["written", "written"]
    assert [i["id"] for i in json.loads(hub.bodies("batch_update")[0])["inputs"]] == [other]


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ({}, ""),
        ({"modificationMetadata": {"readOnlyValue": False}}, ""),
        ({"modificationMetadata": {"readOnlyValue": True}}, "read-only"),
        ({"calculated": True}, "calculated"),
        ({"fieldType": "calculation_rollup"}, "calculated"),
    ],
)
def test_which_properties_can_be_written_is_what_their_definitions_say(said, refusal):
    """Where one says nothing it is tried."""
    schema = Schema("companies", [{"name": "x", "type": "number", **said}])
    assert refusal in schema.properties["x"].refusal
    assert bool(schema.properties["x"].refusal) == bool(refusal)


@pytest.mark.parametrize("shape", [str, int])
def test_ids_of_associations_come_as_text_or_as_numbers(hub, shape):
    """HubSpot's description and its answers do not agree."""
    to = [{"toObjectId": shape(7)}, {"toObjectId": shape(8)}]
    body = {"results": [{"from": {"id": "1"}, "to": to}]}
    hub.fault("status", "hubspot.associations", status=200, body=body)
    came = {"id": "1", "associations": {"companies": {
        "results": [{"id": "7"}], "paging": {"next": {"after": "8"}}}}}  # fmt: skip
    assert links(hub.connector(), "tickets", ["companies"], came) == {"companies": ["7", "8"]}


# -- merged records


@pytest.fixture(params=[True, False], ids=["the old id leads on", "the old id is lost"])
def merged(hub, request):
    """Ids of two companies, the second merged into the first."""
    winner, loser = hub.companies(2)
    hub.settings.merged_id_resolves = request.param
    hub.vendor.edit("companies", loser, {"merged_into": winner})
    return winner, loser


def test_a_company_that_was_merged_away_is_gone(hub, merged):
    winner, loser = merged
    assert winner in read(hub)
    assert loser not in read(hub)


def test_an_id_that_was_merged_away_does_not_pass_for_the_other(hub, merged):
    winner, loser = merged
    sink = hub.connector().sink()
    assert list(sink.read_some("companies", "hs_object_id", ["name"], [loser])) == []
    both = list(sink.read_some("companies", "hs_object_id", ["name"], [loser, winner]))
    assert [one.id for one in both] == [winner]


def test_a_write_to_an_id_that_was_merged_away_is_said_to_be_one(hub, merged):
    winner, loser = merged
    [result] = write(hub, [loser])
    assert result.outcome == "rejected"
    if hub.settings.merged_id_resolves:
        assert (result.code, result.reason) == (
            "MERGED", f"it was merged into {winner}, which the next run compares anew",
        )  # fmt: skip
    else:
        assert result.code == "OBJECT_NOT_FOUND"
