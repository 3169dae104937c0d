"""Writing into HubSpot: each record's fate on good days and bad ones, and in how many calls."""

from datetime import date

import pytest

from config.errors import FixConfig, PartlyDone, StopCycle
from connectors.base import RecordWrite

UPDATE = "hubspot.batch_update"


def write(hub, ids, values=None, connector=None, **options):
    sink = (connector or hub.connector(**options)).sink()
    values = values or {"gp_stage": "adoption"}
    return sink.write("companies", "hs_object_id", [RecordWrite(one, values) for one in ids])


def outcomes(results):
    return [one.outcome for one in results]


def updates(hub):
    return hub.calls().get("batch_update", 0)


def swap_options(hub, *options):
    """An admin takes options away after they were read."""
    from dataclasses import replace

    kind = hub.portal.types["companies"]
    kind.properties["gp_stage"] = replace(kind.properties["gp_stage"], options=options)


@pytest.mark.parametrize("version", ["v3", "2026-09"])
def test_ten_thousand_companies_take_a_hundred_calls_to_write(hub, version):
    ids = hub.companies(10_000)
    results = write(hub, ids, api_version=version)
    assert set(outcomes(results)) == {"written"}
    assert [one.id for one in results] == ids
    assert hub.calls() == {"batch_update": 100, "properties": 1}
    assert hub.value(ids[-1], "gp_stage") == "adoption"


@pytest.mark.parametrize(
    ("version", "path"),
    [
        ("v3", "/crm/v3/objects/companies/batch/update"),
        ("2026-09", "/crm/objects/2026-09/companies/batch/update"),
    ],
)
def test_the_version_decides_the_paths(hub, version, path):
    write(hub, hub.companies(1), api_version=version)
    assert hub.paths()[-1] == path


@pytest.mark.parametrize("version", ["v3", "2026-09"])
def test_a_batch_that_fails_in_part_is_read_record_by_record(hub, version):
    """v3 answers 207 and 2026-09 answers 200; the body says the same."""
    ids = hub.companies(3)
    hub.fault("partial", UPDATE, ids=[ids[1]], message="an admin's rule", code="RULE")
    results = write(hub, ids, api_version=version)
    assert outcomes(results) == ["written", "rejected", "written"]
    assert (results[1].reason, results[1].code) == ("an admin's rule", "RULE")


def test_failures_that_name_no_record_are_found_by_their_trace(hub):
    ids = hub.companies(3)
    hub.fault("partial", UPDATE, ids=[ids[1]], message="no", count=1, name_ids=False)
    assert outcomes(write(hub, ids)) == ["written", "rejected", "written"]


def test_a_record_that_was_archived_is_rejected(hub):
    ids = hub.companies(3)
    hub.vendor.edit("companies", ids[0], {"archived": True})
    first, *others = write(hub, ids)
    assert (first.outcome, first.code) == ("rejected", "OBJECT_NOT_FOUND")
    assert outcomes(others) == ["written", "written"]


def test_an_answer_that_is_empty_is_read_after_and_sent_again(hub):
    ids = hub.companies(3)
    hub.fault("empty", UPDATE, count=1)
    assert outcomes(write(hub, ids)) == ["written"] * 3
    assert hub.calls() == {"batch_read": 1, "batch_update": 2, "properties": 1}


def test_an_answer_that_stays_empty_leaves_records_unknown(hub):
    hub.fault("empty", UPDATE)
    results = write(hub, hub.companies(3))
    assert outcomes(results) == ["unknown"] * 3
    assert "does not mention it" in results[0].reason


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("reset_after", {}),
        ("status_after", {"status": 500}),
        ("status_after", {"status": 502}),
        ("status_after", {"status": 504}),
        ("status_after", {"status": 524}),
        ("cut", {"how": "short_length", "at": 0.5}),
        ("cut", {"how": "clean", "at": 0.5}),
    ],
)
def test_what_was_done_before_the_answer_was_lost_is_not_done_twice(hub, kind, settings):
    ids = hub.companies(3)
    hub.fault(kind, UPDATE, count=1, **settings)
    assert outcomes(write(hub, ids)) == ["written"] * 3
    assert (updates(hub), hub.portal.workflow_runs) == (1, 3)


@pytest.mark.parametrize(("asked", "waited"), [(None, 2), (30, 30), (600, 60)])
def test_a_failure_that_asks_for_time_gets_it_before_anything_is_read(hub, asked, waited):
    settings = {} if asked is None else {"retry_after": asked}
    hub.fault("status_after", UPDATE, status=503, count=1, **settings)
    assert outcomes(write(hub, hub.companies(2))) == ["written"] * 2
    assert hub.waited == [waited]


@pytest.mark.parametrize("kind", ["reset", "status", "html"])
def test_what_was_not_done_before_the_answer_was_lost_is_sent_again(hub, kind):
    hub.fault(kind, UPDATE, count=1, status=502)
    assert outcomes(write(hub, hub.companies(3))) == ["written"] * 3
    assert updates(hub) == 2


def test_records_that_can_neither_be_written_nor_read_are_unknown(hub):
    hub.fault("status_after", UPDATE, status=504)
    hub.fault("status", "hubspot.batch_read", status=503)
    results = write(hub, hub.companies(2), retries=1)
    assert outcomes(results) == ["unknown"] * 2
    assert "504" in results[0].reason


@pytest.mark.parametrize(
    ("settings", "least"),
    [
        ({"status": 429, "policy": "TEN_SECONDLY_ROLLING"}, 10),
        ({"status": 429, "policy": "SECONDLY"}, 1),
        ({"status": 429, "policy": "SECONDLY", "retry_after": 7}, 7),
        ({"status": 423}, 2),
    ],
)
def test_a_limit_is_waited_for(hub, settings, least):
    hub.fault("status", UPDATE, count=1, **settings)
    assert outcomes(write(hub, hub.companies(1))) == ["written"]
    assert least <= hub.waited[0] < least + 1
    assert updates(hub) == 2


def test_the_daily_limit_ends_the_run_and_is_not_waited_for(hub):
    hub.fault("status", UPDATE, status=429, policy="DAILY")
    with pytest.raises(PartlyDone, match="daily limit"):
        write(hub, hub.companies(1))
    assert hub.waited == []


def test_one_value_that_is_refused_is_found_by_its_name(hub):
    """100 records: the batch, the 99 others, the one."""
    ids = hub.companies(100)
    connector = hub.connector()
    connector.schema("companies")
    swap_options(hub, "adoption")
    changes = [RecordWrite(one, {"gp_stage": "adoption"}) for one in ids]
    changes[40] = RecordWrite(ids[40], {"gp_stage": "churned"})
    results = connector.sink().write("companies", "hs_object_id", changes)
    assert results[40].outcome == "rejected"
    assert results[40].code == "INVALID_OPTION"
    assert "churned" in results[40].reason
    assert outcomes(results).count("written") == 99
    assert updates(hub) == 3


def test_one_value_that_is_refused_is_found_by_halving_and_remembered(hub):
    """A rule's message quotes no value, so halving finds it; the next one like it goes alone."""
    ids = hub.companies(100)
    hub.fault("validation_rule", object="companies", field="gp_stage", value="churned")
    connector = hub.connector()
    sink = connector.sink()
    changes = [RecordWrite(one, {"gp_stage": "adoption"}) for one in ids]
    changes[40] = RecordWrite(ids[40], {"gp_stage": "churned"})
    results = sink.write("companies", "hs_object_id", changes)
    assert [n for n, one in enumerate(results) if one.outcome != "written"] == [40]
    assert results[40].code == "PROPERTY_RULE"
    assert updates(hub) <= 16
    before = updates(hub)
    assert outcomes(sink.write("companies", "hs_object_id", changes)).count("written") == 99
    assert updates(hub) == before + 2


def test_many_records_with_a_value_that_was_refused_cost_one_call(hub):
    ids = hub.companies(100)
    connector = hub.connector()
    connector.schema("companies")
    swap_options(hub, "adoption")
    results = write(hub, ids, {"gp_stage": "churned"}, connector)
    assert outcomes(results) == ["rejected"] * 100
    assert updates(hub) == 1


def test_many_records_that_a_rule_refuses_cost_few_calls(hub):
    """A rule may be about the record. A value is given up when three were refused for it alone, and
    from then on costs two calls for a hundred."""
    ids = hub.companies(300)
    hub.fault("validation_rule", object="companies", field="gp_stage", value="churned")
    connector = hub.connector()
    results = write(hub, ids[:100], {"gp_stage": "churned"}, connector)
    assert outcomes(results) == ["rejected"] * 100
    assert updates(hub) <= 25
    before = updates(hub)
    results = write(hub, ids[100:], {"gp_stage": "churned"}, connector)
    assert outcomes(results) == ["rejected"] * 200
    assert updates(hub) == before + 4


@pytest.mark.parametrize("bad", [[1, 2, 3, 4, 5], [*range(10)], [40, 41, 90], [0, 99]])
def test_a_rule_that_refuses_a_value_of_some_records_costs_only_those(hub, bad):
    """Such as one that wants another property to be filled in first; it names no record."""
    ids = hub.companies(100)
    some = [ids[place] for place in bad]
    hub.fault("validation_rule", object="companies", field="gp_stage", ids=some)
    connector = hub.connector()
    for _ in range(2):
        results = write(hub, ids, connector=connector)
        assert [n for n, one in enumerate(results) if one.outcome != "written"] == bad
        assert {results[n].code for n in bad} == {"PROPERTY_RULE"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gp_stagge", "gp_stage"),
        ("createdate", "read-only"),
        ("days_to_renewal", "calculated"),
    ],
)
def test_a_property_that_cannot_be_written_stops_before_anything_is(hub, name, said):
    ids = hub.companies(2)
    changes = [RecordWrite(ids[0], {"gp_stage": "adoption"}), RecordWrite(ids[1], {name: "1"})]
    with pytest.raises(StopCycle, match=name) as error:
        hub.connector().sink().write("companies", "hs_object_id", changes)
    assert said in str(error.value) + error.value.hint
    assert updates(hub) == 0


@pytest.mark.parametrize("mode", ["gone", "read_only"])
def test_a_property_that_is_lost_meanwhile_costs_only_the_records_with_it(hub, mode):
    ids = hub.companies(4)
    connector = hub.connector()
    connector.schema("companies")
    hub.fault("hide_field", object="companies", field="gp_alerts", mode=mode)
    changes = [RecordWrite(one, {"gp_stage": "adoption"}) for one in ids[:2]]
    changes += [RecordWrite(one, {"gp_alerts": "x"}) for one in ids[2:]]
    results = connector.sink().write("companies", "hs_object_id", changes)
    assert outcomes(results) == ["written", "written", "rejected", "rejected"]
    assert "gp_alerts" in results[2].reason


@pytest.mark.parametrize("mode", ["gone", "read_only"])
def test_a_property_that_is_lost_meanwhile_costs_one_call_for_a_hundred_records(hub, mode):
    """Whatever they want it to hold."""
    ids = hub.companies(100)
    connector = hub.connector()
    connector.schema("companies")
    hub.fault("hide_field", object="companies", field="gp_ttv_days", mode=mode)
    changes = [RecordWrite(one, {"gp_ttv_days": n}) for n, one in enumerate(ids)]
    results = connector.sink().write("companies", "hs_object_id", changes)
    assert outcomes(results) == ["rejected"] * 100
    assert updates(hub) == 1


@pytest.mark.parametrize(
    ("name", "value", "held"),
    [
        ("gp_stage_entered", date(2026, 2, 28), "2026-02-28"),
        ("gp_stage_entered", "2026-02-28", "2026-02-28"),
        ("gp_ttv_days", 12.0, "12"),
        ("gp_ttv_days", None, ""),
        ("gp_usage_cliff", True, "true"),
        ("gp_health_band", "red", "red"),
        ("gp_alerts", ("cliff", "seats"), "cliff;seats"),
        ("gp_alerts", (), ""),
    ],
)
def test_values_are_written_as_their_property_takes_them(hub, name, value, held):
    [one] = hub.companies(1)
    connector = hub.connector()
    filler = {"gp_ttv_days": 1, "gp_alerts": "x"}
    assert outcomes(write(hub, [one], filler, connector)) == ["written"]
    assert outcomes(write(hub, [one], {name: value}, connector)) == ["written"]
    assert hub.value(one, name) == held


def test_days_are_sent_as_milliseconds_of_midnight_utc(hub):
    write(hub, hub.companies(1), {"gp_stage_entered": date(2026, 2, 28)})
    assert '"1772236800000"' in hub.bodies("batch_update")[0]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("gp_stage", "ghost", "none of its options: adoption"),
        ("gp_ttv_days", "1,000", "no number"),
        ("gp_ttv_days", True, "no number"),
        ("gp_ttv_days", "\u0663", "no number"),
        ("gp_stage_entered", "soon", "no date"),
        ("gp_stage_entered", "2026-02-28T10:00", "no date alone"),
        ("gp_usage_cliff", "maybe", "neither true nor false"),
        ("gp_health_band", ("red", "green"), "one option, not several"),
        ("gp_alerts", "x" * 70_000, "70,000 characters"),
    ],
)
def test_a_value_that_its_property_does_not_take_never_leaves(hub, name, value, said):
    ids = hub.companies(2)
    changes = [RecordWrite(ids[0], {name: value}), RecordWrite(ids[1], {"gp_stage": "adoption"})]
    first, second = hub.connector().sink().write("companies", "hs_object_id", changes)
    assert (first.outcome, second.outcome) == ("rejected", "written")
    assert said in first.reason
    assert updates(hub) == 1


def stage_of(hub, before):
    [one] = hub.companies(1)
    hub.vendor.edit("companies", one, {"lifecyclestage": before})
    return one


def test_a_lifecycle_stage_that_would_go_back_is_told_and_left(hub):
    one = stage_of(hub, "customer")
    [result] = write(hub, [one], {"lifecyclestage": "lead"})
    assert result.outcome == "rejected"
    assert "lifecyclestage says customer, not lead" in result.reason
    assert "lifecycle_backwards" in result.reason
    assert hub.value(one, "lifecyclestage") == "customer"


def test_a_lifecycle_stage_goes_back_when_asked_for(hub):
    """Clear, set, read back; what else was written stays."""
    one = stage_of(hub, "customer")
    wanted = {"lifecyclestage": "lead", "gp_stage": "adoption"}
    assert outcomes(write(hub, [one], wanted, lifecycle_backwards=True)) == ["written"]
    assert hub.value(one, "lifecyclestage") == "lead"
    assert hub.calls() == {"batch_read": 1, "batch_update": 3, "properties": 1}


def test_a_lifecycle_stage_that_goes_forward_takes_one_call(hub):
    one = stage_of(hub, "lead")
    assert outcomes(write(hub, [one], {"lifecyclestage": "customer"})) == ["written"]
    assert updates(hub) == 1


def test_a_stage_that_was_cleared_and_perhaps_not_set_is_unknown(hub):
    one = stage_of(hub, "customer")
    hub.fault("status", UPDATE, skip=2, status=502)
    [result] = write(hub, [one], {"lifecyclestage": "lead"}, lifecycle_backwards=True)
    assert result.outcome == "unknown"
    assert "was cleared" in result.reason


def test_an_automation_that_changes_a_value_back_is_told(hub):
    hub.fault("workflow", object="companies", field="gp_stage", to="churned")
    ids = hub.companies(1)
    [result] = write(hub, ids)
    assert result.outcome == "rejected"
    assert "gp_stage says churned, not adoption" in result.reason
    [result] = write(hub, ids, {"gp_stage": "value", "gp_ttv_days": 3})
    assert result.outcome == "unknown"  # one of the two was written


def test_a_day_that_was_changed_is_told_as_a_day(hub):
    """And not in the milliseconds that are sent."""
    hub.fault("workflow", object="companies", field="gp_stage_entered", to="2020-01-01")
    [result] = write(hub, hub.companies(1), {"gp_stage_entered": date(2026, 2, 28)})
    assert result.reason == "gp_stage_entered says 2020-01-01, not 2026-02-28"


def test_an_id_property_must_be_unique(hub):
    with pytest.raises(StopCycle, match="not unique"):
        hub.connector().sink().write("companies", "name", [RecordWrite("x", {"gp_stage": "value"})])


def test_a_key_that_moves_to_another_record_meanwhile_takes_its_values_along(hub):
    """Both were looked up by a property before somebody moved the value of one to the other."""
    one, other = hub.companies(2)
    hub.vendor.edit("companies", one, {"external_key": "a"})
    sink = hub.connector().sink()
    assert [found.id for found in sink.read("companies", "external_key", [])] == ["a"]
    hub.vendor.edit("companies", one, {"external_key": "b"})
    hub.vendor.edit("companies", other, {"external_key": "a"})
    values = {"a": {"gp_stage": "adoption"}, "b": {"gp_stage": "value"}}
    changes = [RecordWrite(key, wanted) for key, wanted in values.items()]
    assert outcomes(sink.write("companies", "external_key", changes)) == ["written"] * 2
    assert (hub.value(one, "gp_stage"), hub.value(other, "gp_stage")) == ("value", "adoption")


def test_a_key_that_no_record_has_any_more_is_written_to_nobody(hub):
    [one] = hub.companies(1)
    hub.vendor.edit("companies", one, {"external_key": "a"})
    sink = hub.connector().sink()
    assert [found.id for found in sink.read("companies", "external_key", [])] == ["a"]
    hub.vendor.edit("companies", one, {"external_key": "b"})
    values = {"a": {"gp_stage": "adoption"}, "b": {"gp_stage": "value"}}
    changes = [RecordWrite(key, wanted) for key, wanted in values.items()]
    assert outcomes(sink.write("companies", "external_key", changes)) == ["rejected", "written"]
    assert hub.value(one, "gp_stage") == "value"


def test_what_follows_a_stop_in_mid_write_is_unknown_and_not_lost(hub):
    """Given more than a batch at once, it cannot say that nothing was written."""
    ids = hub.companies(150)
    hub.fault("status", UPDATE, skip=1, status=429, policy="DAILY")
    results = write(hub, ids)
    assert outcomes(results) == ["written"] * 100 + ["unknown"] * 50
    assert "daily limit" in results[-1].reason


@pytest.mark.parametrize("version", ["v3", "2026-09"])
def test_an_account_that_is_not_the_one_named_is_never_written_to(hub, version):
    ids = hub.companies(1)
    with pytest.raises(FixConfig, match=r"portal_id.*4711"):
        write(hub, ids, api_version=version, portal_id=815)
    assert updates(hub) == 0
    assert outcomes(write(hub, ids, api_version=version, portal_id=4711)) == ["written"]


def test_an_account_that_is_not_told_is_a_sentence(hub):
    hub.fault("status", "hubspot.account", status=404)
    with pytest.raises(StopCycle, match="refused to tell whose account it is"):
        write(hub, hub.companies(1), portal_id=4711)
    assert updates(hub) == 0


def test_a_record_that_is_named_twice_is_written_once(hub):
    [one, other] = hub.companies(2)
    changes = [
        RecordWrite(one, {"gp_stage": "adoption"}),
        RecordWrite(other, {"gp_stage": "value"}),
        RecordWrite(one, {"gp_ttv_days": 4}),
    ]
    results = hub.connector().sink().write("companies", "hs_object_id", changes)
    assert [(r.id, r.outcome) for r in results] == [
        (one, "written"), (other, "written"), (one, "written"),
    ]  # fmt: skip
    assert (hub.value(one, "gp_stage"), hub.value(one, "gp_ttv_days")) == ("adoption", "4")
    assert updates(hub) == 1


def test_several_options_are_compared_as_a_set(hub):
    """HubSpot may give them in an order of its own."""
    from dataclasses import replace

    from sandbox.hubspot.types import select

    kind = hub.portal.types["companies"]
    made = replace(select("gp_signals", "a", "b", "c"), field_type="checkbox")
    kind.properties["gp_signals"] = made
    [one] = hub.companies(1)
    hub.fault("workflow", object="companies", field="gp_signals", to="b;a")
    assert outcomes(write(hub, [one], {"gp_signals": ("a", "b")})) == ["written"]
    assert outcomes(write(hub, [one], {"gp_signals": "a;c"})) == ["rejected"]
    [result] = write(hub, [one], {"gp_signals": ("a", "d")})
    assert "'d' is none of its options: a, b, c" in result.reason


def test_a_day_in_a_property_with_times_is_midnight_utc(hub):
    kind = hub.portal.types["deals"]
    deal = hub.portal.add(kind, {"dealname": "One"}, hub.portal.now()).id
    changes = [RecordWrite(deal, {"closedate": date(2026, 2, 28)})]
    [result] = hub.connector().sink().write("deals", "hs_object_id", changes)
    assert result.outcome == "written"
    assert hub.value(deal, "closedate", "deals") == "2026-02-28T00:00:00.000Z"


def test_an_answer_that_shows_too_little_is_read_after(hub, monkeypatch):
    """The sandbox shows all that was written, so its answer is thinned out here."""
    ids = hub.companies(2)
    connector = hub.connector()
    update = connector.wire.update

    def thinned(object_name, inputs):
        answer = update(object_name, inputs)
        answer["results"][0]["properties"].pop("gp_stage")
        return answer

    monkeypatch.setattr(connector.wire, "update", thinned)
    assert outcomes(write(hub, ids, connector=connector)) == ["written", "written"]
    assert hub.calls() == {"batch_read": 1, "batch_update": 1, "properties": 1}
