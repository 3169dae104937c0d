"""Fields written into an org: every record settled, none saved twice for nothing, calls counted."""

import time
from datetime import date

import pytest

from config.errors import PartlyDone, RetryLater, StopCycle
from connectors.base import ReadsSome, RecordWrite, Value
from connectors.salesforce.outcomes import error_in_cell
from connectors.salesforce.values import long_id, same
from sandbox.salesforce.schema import Field
from tests.connectors.salesforce_org import org_of, stages


@pytest.fixture
def org(monkeypatch):
    with org_of(monkeypatch) as made:
        yield made


def write(org, writes, **options):
    return org.connector(**options).sink().write("Account", "Id", writes)


def read_back(org):
    rows = org.connector().accounts().read("Account", ["Id", "Lifecycle_Stage__c"])
    return {row["Lifecycle_Stage__c"] for row in rows}


def outcomes(results):
    return [one.outcome for one in results]


def saves(org):
    """How often automation ran for a record."""
    return org.records.trigger_fires


def test_ten_thousand_changed_accounts_take_fifty_calls(org):
    org.add_accounts(10_000 - len(org.ids()))
    results = write(org, stages(org, "Adoption"), bulk_from=20_000)
    assert outcomes(results) == ["written"] * 10_000
    assert org.calls() == {"describe": 1, "collections_update": 50}
    assert saves(org) == 10_000


def test_ten_thousand_changed_accounts_take_one_bulk_job(org):
    org.add_accounts(10_000 - len(org.ids()))
    results = write(org, stages(org, "Adoption"))
    assert outcomes(results) == ["written"] * 10_000
    assert org.calls() == {
        "describe": 1, "ingest_create": 1, "ingest_upload": 1, "ingest_change": 1, "ingest_get": 1,
        "ingest_successful": 1,
    }  # fmt: skip
    assert saves(org) == 10_000
    assert {org.value(one, "Lifecycle_Stage__c") for one in org.ids()} == {"Adoption"}


def test_nothing_to_write_is_no_call(org):
    assert write(org, []) == []
    assert org.calls(but=("describe",)) == {}


def test_assignment_rules_are_left_out(org):
    connector, seen = org.connector(), []
    hooks = connector.client.session.hooks["response"]
    hooks.append(lambda response, **_: seen.append(response.request))
    org.fault("expired", "collections_update", count=1)  # the repeated request says it as well
    connector.sink().write("Account", "Id", stages(org, "Value"))
    sent = [one.headers for one in seen if one.method == "PATCH"]
    assert [one["Sforce-Auto-Assign"] for one in sent] == ["FALSE", "FALSE"]


def test_values_go_by_the_types_of_their_fields(org):
    one = org.ids()[0]
    values: dict[str, Value] = {
        "Lifecycle_Stage__c": "Value",
        "Stage_Entered__c": date(2026, 2, 28),
        "TTV_Days__c": 12.0,
        "Health_Score__c": 7.5,
        "Usage_Cliff__c": True,
        "Alerts__c": ("Usage cliff",),
        "Next_Step__c": 'Say "hi", \nthen wait',
    }
    alerts = org.records.objects["Account"].fields["Alerts__c"]
    if alerts.restricted:
        values["Alerts__c"] = alerts.values[:2]
    for bulk_from in (2000, 1):
        cleared = {name: None for name in values if name != "Usage_Cliff__c"}
        ids = org.ids()[:2]
        assert set(outcomes(write(org, [RecordWrite(i, cleared) for i in ids]))) == {"written"}
        results = write(org, [RecordWrite(i, values) for i in ids], bulk_from=bulk_from)
        assert outcomes(results) == ["written", "written"], results
        assert org.value(one, "Stage_Entered__c") == date(2026, 2, 28)
        assert org.value(one, "TTV_Days__c") == 12
        assert org.value(one, "Usage_Cliff__c") is True
        assert org.value(one, "Next_Step__c") == 'Say "hi", \nthen wait'


def test_a_bulk_job_clears_with_its_own_word_and_leaves_other_fields_alone(org):
    ids = org.ids()
    write(org, [RecordWrite(i, {"TTV_Days__c": 5, "Next_Step__c": "x"}) for i in ids])
    results = write(org, [RecordWrite(i, {"TTV_Days__c": None}) for i in ids], bulk_from=2)
    assert set(outcomes(results)) == {"written"}
    assert {org.value(i, "TTV_Days__c") for i in ids} == {None}
    assert {org.value(i, "Next_Step__c") for i in ids} == {"x"}


def test_a_text_that_would_clear_its_field_in_a_bulk_job_goes_by_collections(org):
    ids = org.ids()
    odd = [RecordWrite(ids[0], {"Next_Step__c": "#N/A"})]
    plain = [RecordWrite(i, {"Next_Step__c": "x"}) for i in ids[1:]]
    assert set(outcomes(write(org, odd + plain, bulk_from=2))) == {"written"}
    assert org.value(ids[0], "Next_Step__c") == "#N/A"
    assert org.calls()["collections_update"] == 1


def test_a_text_that_is_too_long_for_a_cell_goes_by_collections(org):
    """A cell has 32,000 characters at most, and a long text area 131,072."""
    ids = org.ids()
    org.records.objects["Account"].fields["Description"] = Field(
        "Description", "textarea", length=131_072
    )
    long = [RecordWrite(ids[0], {"Description": "x" * 32_001})]
    plain = [RecordWrite(i, {"Description": "x" * 32_000}) for i in ids[1:]]
    assert set(outcomes(write(org, long + plain, bulk_from=2))) == {"written"}
    assert len(str(org.value(ids[0], "Description"))) == 32_001
    assert (org.calls()["collections_update"], org.calls()["ingest_create"]) == (1, 1)


def test_an_upload_is_measured_in_bytes(org, monkeypatch):
    """100 MB are taken, and a letter has up to four bytes."""
    monkeypatch.setattr("connectors.salesforce.bulk_write._UPLOAD_BYTES", 1500)
    writes = [RecordWrite(i, {"Next_Step__c": "ж" * 240}) for i in org.ids()]
    assert set(outcomes(write(org, writes, bulk_from=2))) == {"written"}
    assert org.calls()["ingest_create"] == 2


def test_line_ends_are_no_difference(org):
    described = org.connector().objects.of("Account").fields["Description"]
    assert same("first\nsecond", "first\r\nsecond", described)
    assert not same("first\nsecond", "first second", described)


def test_nothing_is_an_empty_text_and_zero_is_not(org):
    described = org.connector().objects.of("Account").fields["Description"]
    assert same(None, "", described)
    assert not same(0, "", described)


# -- refused before anything is sent


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"Lifecycle_Stage__c": "Nonsense"}, "restricted picklist"),
        ({"Next_Step__c": "x" * 40_000}, "do not fit"),
        ({"TTV_Days__c": "soon"}, "is no number"),
        ({"TTV_Days__c": float("nan")}, "no number"),
        ({"Usage_Cliff__c": None}, "cannot be empty"),
        ({"Next_Step__c": "half \ud83d"}, "half a character"),
    ],
)
def test_a_value_that_would_be_refused_is_not_sent_and_its_neighbours_are(org, values, said):
    ids = org.ids()
    results = write(org, [RecordWrite(ids[0], values), *stages(org, "Value", ids[1:])])
    assert outcomes(results) == ["rejected"] + ["written"] * (len(ids) - 1)
    assert said in results[0].reason
    assert saves(org) == len(ids) - 1


@pytest.mark.parametrize("one", ["", "1", "001Gp010000007R", "001GP010000007RIAQ", "x' OR"])
def test_an_id_is_made_long_or_refused(org, one):
    [result] = write(org, [RecordWrite(one, {"Lifecycle_Stage__c": "Value"})])
    right = org.ids()[0].startswith(one) and len(one) == 15
    assert (result.id, result.outcome) == (one, "written" if right else "rejected")


def test_long_ids_are_those_of_the_vendor(org):
    assert [long_id(one[:15]) for one in org.ids()] == org.ids()


@pytest.mark.parametrize(
    ("name", "said"),
    [("Days_To_Renewal__c", "formula"), ("CreatedDate", "read-only"), ("Stage__c", "no field")],
)
def test_a_field_that_cannot_be_written_is_named_and_nothing_is_sent(org, name, said):
    with pytest.raises(StopCycle, match=name) as wrong:
        write(org, [*stages(org, "Value"), RecordWrite(org.ids()[0], {name: 1})])
    assert said in str(wrong.value)
    assert saves(org) == 0


def test_a_field_without_edit_access_says_what_to_grant(org):
    org.fault("hide_field", object="Account", field="Lifecycle_Stage__c", mode="read_only")
    with pytest.raises(StopCycle, match="Lifecycle_Stage__c") as wrong:
        write(org, stages(org, "Value"))
    assert "grant edit access" in wrong.value.hint


def test_records_are_written_by_id_alone(org):
    sink = org.connector().sink()
    with pytest.raises(StopCycle, match="by Id"):
        sink.write("Account", "Workspace_Id__c", stages(org, "Value"))


# -- single records


@pytest.mark.parametrize("bulk_from", [2000, 2])
def test_a_record_that_a_rule_refuses_is_settled_with_code_message_and_field(org, bulk_from):
    org.fault("validation_rule", object="Account", field="TTV_Days__c", value=9, message="Too: few")
    ids = org.ids()
    results = write(
        org,
        [RecordWrite(one, {"TTV_Days__c": 9 if one == ids[2] else 8}) for one in ids],
        bulk_from=bulk_from,
    )
    assert [one.id for one in results if one.outcome != "written"] == [ids[2]]
    assert results[2].outcome == "rejected"
    assert results[2].code == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert results[2].reason == "Too: few (TTV_Days__c)"


@pytest.mark.parametrize("bulk_from", [2000, 2])
@pytest.mark.parametrize(("how", "code"), [("deleted", "ENTITY_IS_DELETED"), ("gone", "INVALID_")])
def test_a_record_that_is_not_there_any_more_is_rejected_and_not_made(org, bulk_from, how, code):
    ids = org.ids()
    account = org.records.objects["Account"]
    if how == "deleted":
        org.records.delete(account, ids[1], "005Gp0000000002IAA")
    else:
        del account.rows[ids[1]]
    results = write(org, stages(org, "Value", ids), bulk_from=bulk_from)
    assert results[1].outcome == "rejected"
    assert results[1].code.startswith(code)
    assert outcomes(results).count("written") == len(ids) - 1
    assert len(account.rows) == len(ids) - (how == "gone")


@pytest.mark.parametrize("bulk_from", [2000, 2])
def test_a_locked_record_is_tried_again_without_its_neighbours(org, bulk_from):
    ids = org.ids()
    org.fault("locked", ids=[ids[1]], count=1)
    results = write(org, stages(org, "Value"), bulk_from=bulk_from)
    assert set(outcomes(results)) == {"written"}
    versions = org.records.objects["Account"].rows
    assert org.calls()["collections_update"] == 2 - (bulk_from == 2)
    assert all(org.value(one, "Lifecycle_Stage__c") == "Value" for one in versions)


def test_a_record_that_stays_locked_is_rejected_after_four_more_attempts(org):
    ids = org.ids()
    org.fault("locked", ids=[ids[1]])
    results = write(org, stages(org, "Value"))
    assert results[1].outcome == "rejected"
    assert results[1].code == "UNABLE_TO_LOCK_ROW"
    assert outcomes(results).count("written") == len(ids) - 1
    assert org.calls()["collections_update"] == 5
    assert len(org.sleeps) == 4


def test_many_records_that_stay_locked_take_neither_hours_nor_a_call_for_each(org):
    """As while a nightly job holds them all."""
    org.add_accounts(994)
    held = org.ids()[200:]
    org.fault("locked", ids=held)
    results = write(org, stages(org, "Value"))
    assert [one.id for one in results if one.outcome == "rejected"] == held
    assert {one.code for one in results} == {"", "UNABLE_TO_LOCK_ROW"}
    assert org.calls()["collections_update"] <= 5 + 4 * 50
    assert len(org.sleeps) == 4


@pytest.mark.parametrize("bulk_from", [100_000, 300])
def test_a_batch_that_is_too_large_for_an_automation_is_halved_and_that_is_remembered(
    org, bulk_from
):
    org.add_accounts(394)
    org.fault("governor", over=60)
    connector = org.connector(bulk_from=bulk_from)
    results = connector.sink().write("Account", "Id", stages(org, "Value"))
    assert set(outcomes(results)) == {"written"}
    org.forget_calls()
    results = connector.sink().write("Account", "Id", stages(org, "Adoption", org.ids()[:200]))
    assert set(outcomes(results)) == {"written"}
    assert org.calls() == {"collections_update": 4}


def test_a_record_whose_flow_fails_is_rejected_after_one_more_attempt_alone(org):
    ids = org.ids()
    org.fault("partial", ids=[ids[4]], code="CANNOT_EXECUTE_FLOW_TRIGGER", message="No se puede")
    results = write(org, stages(org, "Value"))
    assert (results[4].outcome, results[4].reason) == ("rejected", "No se puede")
    assert outcomes(results).count("written") == len(ids) - 1


@pytest.mark.parametrize("bulk_from", [2000, 300])
def test_records_whose_flow_fails_leave_the_size_of_further_batches_alone(org, bulk_from):
    """They were bad among neighbours that were written: it is not the size."""
    org.add_accounts(794)
    bad = org.ids()[3:6]
    org.fault("partial", ids=bad, code="CANNOT_EXECUTE_FLOW_TRIGGER", message="No")
    connector = org.connector(bulk_from=bulk_from)
    results = connector.sink().write("Account", "Id", stages(org, "Value"))
    assert [one.id for one in results if one.outcome == "rejected"] == bad
    assert outcomes(results).count("written") == 797
    assert org.calls()["collections_update"] <= 4 + 5
    org.forget_calls()
    results = connector.sink().write("Account", "Id", stages(org, "Renewal", org.ids()[400:600]))
    assert set(outcomes(results)) == {"written"}
    assert org.calls() == {"collections_update": 1}


def test_a_record_for_which_a_trigger_refuses_its_whole_batch_costs_its_own_batch_only(org):
    org.add_accounts(994)
    bad = org.ids()[0]
    org.fault("poison", ids=[bad], message="GatepostTrigger: System.NullPointerException")
    results = write(org, stages(org, "Value"))
    assert [one.id for one in results if one.outcome == "rejected"] == [bad]
    assert outcomes(results).count("written") == 999
    assert org.calls()["collections_update"] <= 5 + 3 * 8


@pytest.mark.parametrize("bulk_from", [20_000, 300])
def test_an_automation_that_fails_for_every_record_is_not_asked_about_each(org, bulk_from):
    org.add_accounts(1994)
    org.fault("partial", records=200, code="CANNOT_EXECUTE_FLOW_TRIGGER", message="No")
    results = write(org, stages(org, "Value"), bulk_from=bulk_from)
    assert {(one.outcome, one.reason) for one in results} == {("rejected", "No")}
    assert org.calls()["collections_update"] < 10 + 25


def test_ids_that_come_twice_are_written_once_with_the_later_values(org):
    one = org.ids()[0]
    results = write(org, [*stages(org, "Value", [one]), *stages(org, "Renewal", [one[:15]])])
    assert [(r.id, r.outcome) for r in results] == [(one, "written"), (one[:15], "written")]
    assert org.value(one, "Lifecycle_Stage__c") == "Renewal"
    assert saves(org) == 1


@pytest.mark.parametrize("bulk_read_from", [20_000, 2])
def test_some_records_are_read_in_one_call_or_picked_from_all(org, bulk_read_from):
    ids = org.ids()
    write(org, stages(org, "Value", ids[:1]))
    sink = org.connector(bulk_read_from=bulk_read_from).sink()
    assert isinstance(sink, ReadsSome)
    org.forget_calls()
    asked = [ids[0][:15], ids[2], "001000000000000", "nothing"]
    found = {one.id: one.values for one in sink.read_some("Account", "Id", ["TTV_Days__c",
             "Lifecycle_Stage__c"], asked)}  # fmt: skip
    assert set(found) == {ids[0][:15], ids[2]}
    assert found[ids[0][:15]]["Lifecycle_Stage__c"] == "Value"
    assert ("collections_retrieve" in org.calls()) == (bulk_read_from > 2)


# -- answers that are lost


@pytest.mark.parametrize("kind", ["reset_after", "status_after"])
def test_what_was_saved_before_the_answer_was_lost_is_read_and_not_saved_again(org, kind):
    org.fault(kind, "collections_update", count=1, **({"status": 503} if "st" in kind[:2] else {}))
    results = write(org, stages(org, "Value"))
    assert set(outcomes(results)) == {"written"}
    assert saves(org) == len(org.ids())
    assert org.calls()["collections_retrieve"] == 1


@pytest.mark.parametrize(
    "values",
    [
        {"Health_Score__c": 71.3333, "TTV_Days__c": 2.5},
        {"Next_Step__c": "  "},
        {"Next_Step__c": " padded "},
        {"Alerts__c": ("b", "a")},
    ],
)
def test_what_was_saved_as_the_org_keeps_it_is_not_saved_again(org, values):
    """It rounds to a field's decimals, trims and sorts."""
    org.fault("reset_after", "collections_update", count=1)
    results = write(org, [RecordWrite(one, values) for one in org.ids()])
    assert set(outcomes(results)) == {"written"}
    assert org.calls()["collections_update"] == 1


@pytest.mark.parametrize("settings", [{"kind": "reset"}, {"kind": "status", "status": 500}])
def test_what_was_not_saved_is_sent_again_once_it_was_read(org, settings):
    org.fault(settings.pop("kind"), "collections_update", count=1, **settings)
    results = write(org, stages(org, "Value"))
    assert set(outcomes(results)) == {"written"}
    assert org.calls()["collections_update"] == 2


def test_what_is_still_being_saved_when_patience_ends_is_waited_for(org):
    """Sent again it would be saved twice."""
    org.fault("slow", "collections_update", seconds=2, count=1)
    connector = org.connector(timeout_seconds=1)

    def wait(seconds):
        org.sleep(seconds)
        time.sleep(0.8)

    connector.client.sleep = wait
    results = connector.sink().write("Account", "Id", stages(org, "Value"))
    time.sleep(1)  # whatever is still at work
    assert set(outcomes(results)) == {"written"}
    assert saves(org) == len(org.ids())
    assert org.calls()["collections_update"] == 1


def test_what_a_gateway_did_not_wait_for_is_sent_again_after_a_while(org):
    org.fault("status", "collections_update", status=504, count=1)
    assert set(outcomes(write(org, stages(org, "Value")))) == {"written"}
    assert sum(org.sleeps) > 60
    assert org.calls()["collections_update"] == 2


def test_results_that_are_missing_are_read(org):
    org.fault("empty", "collections_update", count=1)
    assert set(outcomes(write(org, stages(org, "Value")))) == {"written"}
    assert saves(org) == len(org.ids())


@pytest.mark.parametrize("body", ["null", "{}", "[]", "[null, 1, 2, 3, 4, 5]", '"moved"'])
def test_results_that_are_none_are_replaced_by_reading(org, body):
    org.fault("status_after", "collections_update", status=200, body=body, count=1)
    assert set(outcomes(write(org, stages(org, "Value")))) == {"written"}
    assert saves(org) == len(org.ids())


def test_nothing_is_sent_again_once_every_record_would_be_refused(org):
    ids = org.ids()
    org.fault("partial", ids=ids[:1], code="STORAGE_LIMIT_EXCEEDED", count=1)
    org.fault("locked", ids=ids[1:3], count=1)
    results = write(org, stages(org, "Value"), batch_size=3)
    assert outcomes(results) == ["rejected"] * 3 + ["unknown"] * 3
    assert org.calls()["collections_update"] == 1


def test_what_nobody_can_say_is_unknown(org):
    org.fault("reset", "collections_update")
    org.fault("status", "collections_retrieve", status=500)
    results = write(org, stages(org, "Value"))
    assert set(outcomes(results)) == {"unknown"}
    assert "reading it failed" in results[0].reason


def test_too_busy_to_begin_is_raised_since_nothing_was_written(org):
    org.fault("status", "collections_update", status=429)
    with pytest.raises(RetryLater):
        write(org, stages(org, "Value"))
    assert saves(org) == 0


def test_a_busy_org_is_waited_for(org):
    org.fault("status", "collections_update", status=429, count=2)
    assert set(outcomes(write(org, stages(org, "Value")))) == {"written"}
    assert len(org.sleeps) == 2
    assert saves(org) == len(org.ids())


def test_a_budget_that_ends_between_calls_leaves_the_rest_for_the_next_run(org):
    results = write(org, stages(org, "Value"), batch_size=2, max_requests=3)
    assert outcomes(results) == ["written"] * 4 + ["unknown"] * 2
    assert {one.code for one in results[4:]} == {"NOT_SENT"}
    assert "this run has made its 3 requests" in results[5].reason


def test_a_budget_that_is_spent_already_is_raised(org):
    connector = org.connector(max_requests=1)
    with pytest.raises(PartlyDone):
        connector.sink().write("Account", "Id", stages(org, "Value"))


# -- bulk jobs


@pytest.mark.parametrize("route", ["ingest_create", "ingest_upload", "ingest_change", "ingest_get"])
@pytest.mark.parametrize("kind", ["reset", "reset_after"])
def test_a_connection_that_breaks_around_a_bulk_job_saves_every_record_once(org, route, kind):
    org.fault(kind, route, count=1)
    results = write(org, stages(org, "Value"), bulk_from=2)
    assert set(outcomes(results)) == {"written"}
    assert saves(org) == len(org.ids())


def test_a_job_of_which_nobody_knows_whether_it_began_is_read_and_not_called_unsent(org):
    """The vendor goes on with it, whoever looks."""
    org.fault("reset_after", "ingest_change")
    org.fault("status", "ingest_get", status=503)
    results = write(org, stages(org, "Value"), bulk_from=2)
    assert set(outcomes(results)) == {"written"}
    assert saves(org) == len(org.ids())
    org.settings.bulk_seconds = 40
    results = write(org, stages(org, "Renewal"), bulk_from=2)
    assert set(outcomes(results)) == {"unknown"}
    assert "may have begun" in results[0].reason
    org.started.sandbox.faults.remove()
    org.sleep(60)
    assert read_back(org) == {"Renewal"}


def test_a_job_that_is_slow_to_begin_begins_once(org):
    org.fault("reset", "ingest_change", count=1)
    org.fault("reset_after", "ingest_change", count=1)
    results = write(org, stages(org, "Value"), bulk_from=2)
    assert set(outcomes(results)) == {"written"}
    assert saves(org) == len(org.ids())
    assert org.calls()["ingest_create"] == 1


def test_a_job_that_began_late_is_not_written_by_other_means_as_well(org):
    """It looked as if it had not heard; then it would not be told a second time."""
    org.fault("reset_after", "ingest_change", count=1)
    org.fault("status", "ingest_get", status=200, body='{"state": "Open"}', count=1)
    results = write(org, stages(org, "Value"), bulk_from=2)
    assert set(outcomes(results)) == {"written"}
    assert saves(org) == len(org.ids())
    assert "collections_update" not in org.calls()


def test_a_job_that_cannot_begin_wrote_nothing_and_is_given_up(org):
    org.fault("reset", "ingest_change", count=6)
    with pytest.raises(RetryLater):
        write(org, stages(org, "Value"), bulk_from=2)
    org.sleep(3600)
    assert read_back(org).isdisjoint({"Value"})


@pytest.mark.parametrize("route", ["ingest_successful", "ingest_failed", "ingest_unprocessed"])
def test_a_page_of_html_is_no_result_of_a_job(org, route):
    org.fault("partial", ids=org.ids()[:1], code="DUPLICATE_VALUE")
    org.fault("bulk_failed", after_rows=3, count=1)
    org.fault("status", route, status=200, body="<html>\n<body>\nMoved, sorry\n</body></html>")
    results = write(org, stages(org, "Value"), bulk_from=2)
    assert outcomes(results)[1:] == ["written"] * 5
    assert outcomes(results)[0] in ("rejected", "unknown")


def test_a_bulk_job_is_waited_for(org):
    org.settings.bulk_seconds = 40
    assert set(outcomes(write(org, stages(org, "Value"), bulk_from=2))) == {"written"}
    assert 40 <= sum(org.sleeps) < 80


def test_a_bulk_job_that_fails_half_way_loses_no_record_and_saves_none_twice(org):
    org.fault("bulk_failed", after_rows=3, count=1)
    results = write(org, stages(org, "Value"), bulk_from=2)
    assert set(outcomes(results)) == {"written"}
    assert saves(org) == len(org.ids())


def test_what_a_job_left_that_somebody_aborted_is_not_sent_by_other_means(org):
    org.settings.bulk_seconds = 40
    connector = org.connector(bulk_from=2)

    def abort(seconds):
        org.sleep(seconds)
        for one in org.started.sandbox.salesforce.ingest.jobs.values():
            one.state = "Aborted"

    connector.client.sleep = abort
    results = connector.sink().write("Account", "Id", stages(org, "Value"))
    assert set(outcomes(results)) == {"unknown"}
    assert "was aborted in the org" in results[0].reason
    assert "collections_update" not in org.calls()
    assert saves(org) == 0


def test_results_of_a_bulk_job_that_cannot_be_had_are_replaced_by_reading(org):
    org.fault("status", "ingest_successful", status=500)
    results = write(org, stages(org, "Value"), bulk_from=2)
    assert set(outcomes(results)) == {"written"}
    assert saves(org) == len(org.ids())


def test_collections_do_where_an_object_knows_no_bulk_jobs(org):
    org.records.objects["Account"].bulk = False
    assert set(outcomes(write(org, stages(org, "Value"), bulk_from=2))) == {"written"}
    assert org.calls()["collections_update"] == 1


def test_records_that_change_other_fields_are_no_rows_of_the_same_job(org):
    ids = org.ids()
    odd = [RecordWrite(one, {"TTV_Days__c": 3}) for one in ids[:3]]
    results = write(org, odd + stages(org, "Value", ids[3:]), bulk_from=2)
    assert set(outcomes(results)) == {"written"}
    assert org.calls()["ingest_create"] == 2
    assert org.value(ids[0], "Lifecycle_Stage__c") != "Value"


@pytest.mark.parametrize(
    ("cell", "code", "message"),
    [
        ("STRING_TOO_LONG:too: large, really:Name Other__c--", "STRING_TOO_LONG",
         "too: large, really (Name, Other__c)"),
        ("UNABLE_TO_LOCK_ROW:records: 001,002:--", "UNABLE_TO_LOCK_ROW", "records: 001,002"),
        ("CANNOT_X:Trigger\nline 2: at y:--", "CANNOT_X", "Trigger\nline 2: at y"),
        ("WHAT", "WHAT", ""),
    ],
)  # fmt: skip
def test_an_error_of_a_bulk_row_is_taken_apart(cell, code, message):
    assert error_in_cell(cell) == (code, message)
