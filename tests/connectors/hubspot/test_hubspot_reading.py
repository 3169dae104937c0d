"""Reading from HubSpot: everything or a sentence, never a part that passes for the whole."""

import json
from datetime import timedelta

import pytest
import requests

from config.errors import FixConfig, PartlyDone, RetryLater, StopCycle
from connectors.hubspot.connector import HubSpotConnector
from connectors.hubspot.records import links


def names(hub, connector=None, columns=("hs_object_id", "name")):
    rows = (connector or hub.connector()).accounts().read("companies", list(columns))
    return [row["name"] for row in rows]


@pytest.mark.parametrize("version", ["v3", "2026-09"])
def test_ten_thousand_companies_take_a_hundred_calls_to_read(hub, version):
    hub.companies(10_000)
    found = names(hub, hub.connector(api_version=version))
    assert len(found) == 10_000
    assert hub.calls() == {"list": 100, "properties": 1}


def test_ten_thousand_companies_take_a_hundred_calls_to_compare(hub):
    """Only those that were asked for are read, a hundred to a call."""
    ids = hub.companies(10_050)[50:]
    sink = hub.connector().sink()
    found = list(sink.read_some("companies", "hs_object_id", ["gp_stage"], ids))
    assert {one.id for one in found} == set(ids)
    assert hub.calls() == {"batch_read": 100, "properties": 1}


def test_records_that_are_not_there_are_left_out(hub):
    ids = [*hub.companies(2), "12345", "no id"]
    hub.vendor.edit("companies", ids[0], {"archived": True})
    sink = hub.connector().sink()
    found = sink.read_some("companies", "hs_object_id", ["name"], ids)
    assert [one.id for one in found] == [ids[1]]


def test_archived_records_are_not_read(hub):
    ids = hub.companies(6)
    hub.vendor.edit("companies", ids[0], {"archived": True})
    assert len(names(hub)) == len(hub.portal.types["companies"].records) - 1


def test_more_properties_than_an_address_holds_are_read_by_batch(hub):
    from sandbox.hubspot.types import text

    hub.companies(150)
    many = [f"a_property_with_a_rather_long_name_{n:03}" for n in range(200)]
    kind = hub.portal.types["companies"]
    kind.properties.update({one: text(one) for one in many})
    rows = list(hub.connector().accounts().read("companies", ["name", *many]))
    assert len(rows) == len(kind.records)
    assert rows[0].keys() == {"name", *many}
    assert rows[-1]["name"]
    assert hub.calls()["batch_read"] == hub.calls()["list"] == 2


@pytest.fixture
def wide(hub):
    """Names of more properties than an address holds."""
    from sandbox.hubspot.types import text

    names = [f"a_property_with_a_rather_long_name_{n:03}" for n in range(150)]
    hub.portal.types["companies"].properties.update({name: text(name) for name in names})
    return names


@pytest.mark.parametrize("change", [{"archived": True}, {"merged_into": "the last"}])
@pytest.mark.parametrize("resolves", [True, False])
def test_a_company_that_goes_between_list_and_batch_read_is_gone(
    hub, wide, monkeypatch, change, resolves
):
    """The list still showed it, and of two merged ones the other may be on another page."""
    hub.settings.merged_id_resolves = resolves
    ids = hub.companies(150)
    if "merged_into" in change:
        change = {"merged_into": ids[-1]}
    connector = hub.connector()
    page = connector.wire.page

    def listed(*asked, **options):
        body = page(*asked, **options)
        kind = hub.portal.types["companies"]
        if ids[3] in kind.records and kind.records[ids[3]].archived_at is None:
            hub.vendor.edit("companies", ids[3], change)
        return body

    monkeypatch.setattr(connector.wire, "page", listed)
    rows = connector.accounts().read("companies", ["hs_object_id", *wide])
    assert [row["hs_object_id"] for row in rows] == [one for one in ids if one != ids[3]]


def test_records_that_an_answer_leaves_out_without_a_word_are_asked_for_again(hub):
    """They are not gone: of those HubSpot says so."""
    ids = hub.companies(5)
    hub.fault("empty", "hubspot.batch_read", records=2, count=1)
    sink = hub.connector().sink()
    found = list(sink.read_some("companies", "hs_object_id", ["name"], ids))
    assert sorted(one.id for one in found) == ids
    assert hub.calls()["batch_read"] == 2


def test_definitions_that_do_not_come_are_asked_for_again(hub):
    """There is no object without properties, so none of them is said to be missing."""
    hub.fault("status", "hubspot.properties", status=200, body={"results": []}, count=1)
    assert list(hub.connector().accounts().read("companies", ["name"]))
    hub.fault("status", "hubspot.properties", status=200, body={"results": []})
    with pytest.raises(RetryLater, match="no properties of companies"):
        list(hub.connector(retries=1).accounts().read("companies", ["name"]))


def test_what_is_empty_is_none(hub):
    [one] = hub.companies(1)
    hub.vendor.edit("companies", one, {"industry": ""})
    rows = hub.connector().accounts().read("companies", ["industry"])
    assert next(iter(rows)) == {"industry": None}


def test_a_page_that_was_promised_and_is_empty_is_asked_for_again(hub):
    hub.companies(250)
    hub.fault("empty", "hubspot.list", skip=1, count=1)
    assert len(names(hub)) == 250


def test_a_list_that_stays_empty_though_records_are_known_is_no_empty_list(hub):
    hub.fault("empty", "hubspot.list")
    with pytest.raises(RetryLater, match="though there are some"):
        names(hub)


def test_an_object_without_records_is_empty(hub):
    hub.portal.types["surveys"].records.clear()
    assert list(hub.connector().accounts().read("surveys", ["survey_name"])) == []


def test_a_property_that_disappears_while_pages_are_read_is_named(hub):
    hub.companies(250)
    rows = hub.connector().accounts().read("companies", ["segment"])
    next(rows)
    hub.fault("hide_field", object="companies", field="segment")
    with pytest.raises(StopCycle, match="segment"):
        list(rows)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("status", {"status": 500}), ("status", {"status": 503}), ("status", {"status": 524}),
        ("html", {"status": 502}), ("reset", {}), ("reset_after", {}),
        ("cut", {"how": "short_length", "at": 0.5}), ("cut", {"how": "clean", "at": 0.5}),
        ("cut", {"how": "between_chunks", "at": 0.5}), ("cut", {"how": "reset", "at": 0.5}),
    ],
)  # fmt: skip
def test_a_page_that_failed_is_read_again(hub, kind, settings):
    hub.companies(250)
    hub.fault(kind, "hubspot.list", skip=1, count=1, **settings)
    assert len(set(names(hub))) == len(names(hub)) == 250


def test_what_fails_for_ever_is_a_sentence(hub):
    hub.fault("status", "hubspot.list", status=503)
    with pytest.raises(RetryLater, match="503"):
        names(hub, hub.connector(retries=2))
    assert hub.calls()["list"] == 3


def test_an_account_that_moves_is_not_waited_for(hub):
    hub.fault("status", "hubspot.list", status=477, retry_after=7200)
    with pytest.raises(RetryLater, match="another data centre") as error:
        names(hub)
    assert error.value.wait_seconds == 7200
    assert hub.waited == []


@pytest.mark.parametrize("token", ["pat-na1-wrong-wrong", "nonsense-token"])
def test_a_token_that_is_not_accepted_is_told_and_not_shown(hub, monkeypatch, token):
    monkeypatch.setenv("GATEPOST_CRM_TOKEN", token)
    with pytest.raises(FixConfig, match="does not accept the token") as error:
        names(hub)
    assert token not in str(error.value)


def test_a_token_that_expired_is_told(hub):
    hub.fault("expired", "hubspot.list")
    with pytest.raises(FixConfig, match="expired"):
        names(hub)


def test_without_a_token_the_variable_is_named(hub, monkeypatch):
    monkeypatch.delenv("GATEPOST_CRM_TOKEN")
    with pytest.raises(FixConfig, match="GATEPOST_CRM_TOKEN"):
        names(hub)


@pytest.mark.parametrize("variable", ["GATEPOST_CRM_ACCESS_TOKEN", "GATEPOST_CRM_API_KEY"])
def test_a_service_key_may_be_called_by_its_name(hub, monkeypatch, variable):
    monkeypatch.delenv("GATEPOST_CRM_TOKEN")
    monkeypatch.setenv(variable, hub.started.ready["hubspot"]["token"])
    assert names(hub)


def test_a_scope_that_is_missing_is_named(hub):
    hub.settings.missing_scopes = ("crm.objects.companies.read",)
    with pytest.raises(FixConfig, match=r"lacks crm\.objects\.companies\.read"):
        names(hub)


def test_a_rolling_limit_is_waited_out_before_it_is_hit(hub):
    hub.settings.burst = 5
    hub.companies(1_000)
    assert len(names(hub)) == 1_000
    assert hub.waited == [10.0, 10.0]  # eleven calls, five in ten seconds
    assert all(one["status"] == 200 for one in hub.log.entries("hubspot"))


def test_a_run_takes_no_more_than_its_share_of_the_day(hub):
    hub.settings.daily = 100
    hub.companies(5_000)
    with pytest.raises(PartlyDone, match="25% of 100, are used"):
        names(hub)
    assert sum(hub.calls().values()) == 25


def test_what_was_spent_counts_for_the_next_run_until_the_day_is_over(hub):
    hub.settings.daily = 100
    hub.companies(2_000)
    assert len(names(hub)) == 2_000
    connector = hub.connector()
    with pytest.raises(PartlyDone, match="the next is possible at"):
        names(hub, connector)
    assert sum(hub.calls().values()) == 25
    assert (connector.budget().used, connector.budget().left) == (25, 0)
    hub.clock.advance(86_400 + 1440)
    assert len(names(hub)) == 2_000


def test_the_last_calls_of_a_day_are_left_to_others(hub):
    hub.settings.daily = 100
    hub.companies(10_000)
    hub.vendor.spend(60)
    with pytest.raises(PartlyDone, match="has 10 of 100 requests in 24 hours left, which are for"):
        names(hub, hub.connector(api_budget="100%"))
    assert sum(hub.calls().values()) == 30


def test_with_oauth_there_is_no_limit_of_a_day(hub, monkeypatch):
    known = hub.started.ready["hubspot"]
    form = {key: known[key] for key in ("client_id", "client_secret", "refresh_token")}
    url = f"{hub.started.url}/oauth/v1/token"
    found = requests.post(url, {"grant_type": "refresh_token", **form}, timeout=5).json()
    monkeypatch.setenv("GATEPOST_CRM_TOKEN", found["access_token"])
    hub.settings.daily = 10
    hub.companies(2_000)
    assert len(names(hub)) == 2_000


def test_calls_of_a_run_can_be_counted_out(hub):
    hub.companies(1_000)
    with pytest.raises(PartlyDone, match="made its 4 requests"):
        names(hub, hub.connector(max_requests=4))
    assert sum(hub.calls().values()) == 4


@pytest.mark.parametrize(
    "options",
    [
        {"api_version": "2026-9"}, {"batch_size": 101}, {"batch_size": "x"},
        {"api_budget": 0}, {"api_budget": "a lot"}, {"requests_per_second": -1},
        {"lifecycle_backwards": "true"},
    ],
)  # fmt: skip
def test_an_option_that_makes_no_sense_is_named(hub, options):
    with pytest.raises(FixConfig, match=next(iter(options))):
        hub.connector(**options).budget()


# -- records as events


def spooled(hub, spool, object_name, columns, connector=None):
    source = (connector or hub.connector()).events(object_name)
    source.select(columns)
    [part] = source.parts()
    body = source.fetch(part, spool)
    return [json.loads(line) for line in body.path.read_text().splitlines()]


@pytest.mark.parametrize("version", ["v3", "2026-09"])
def test_tickets_become_events_of_the_companies_they_belong_to(hub, tmp_path, version):
    columns = ["hs_object_id", "createdate", "subject", "associations.companies"]
    rows = spooled(hub, tmp_path, "tickets", columns, hub.connector(api_version=version))
    kind, companies = hub.portal.types["tickets"], hub.portal.types["companies"]
    assert rows
    assert {row["hs_object_id"]: row["associations.companies"] for row in rows} == {
        one: hub.portal.linked(kind, one, companies) for one in kind.records
    }
    assert any(row["associations.companies"] for row in rows)
    assert rows[0]["createdate"].endswith("Z")


@pytest.mark.parametrize("object_name", ["deals", "contacts", "surveys", "tasks"])
def test_any_object_can_be_read_as_events(hub, tmp_path, object_name):
    kind = hub.portal.types[object_name]
    hub.portal.add(kind, {}, hub.portal.now())
    rows = spooled(hub, tmp_path, object_name, ["createdate"])
    assert [row["hs_object_id"] for row in rows] == list(kind.records)


def test_a_property_of_an_event_that_is_not_there_is_named(hub, tmp_path):
    with pytest.raises(StopCycle, match="subjekt"):
        spooled(hub, tmp_path, "tickets", ["subjekt"])


def test_events_that_did_not_change_keep_their_fingerprint_for_one_call(hub):
    hub.clock.advance(7200)  # by then the index knows everything
    seen = set()
    for connector in (hub.connector(), hub.connector()):
        source = connector.events("tickets")
        seen.add(source.parts()[0].fingerprint)
        assert source.parts() == source.parts()
    assert len(seen) == 1
    assert hub.calls() == {"properties": 2, "search": 2}


def test_a_fast_clock_of_this_machine_takes_no_change_for_settled(hub, monkeypatch):
    """What counts is how late HubSpot's index may be by HubSpot's own clock."""
    hub.clock.advance(7200)
    for ticket in list(hub.portal.types["tickets"].records)[:2]:
        hub.vendor.edit("tickets", ticket, {"subject": "edited"})
        hub.clock.advance(60)  # the index knows of it
    monkeypatch.setattr(hub, "now", lambda: hub.clock.now() + timedelta(hours=2))
    seen = set()
    for _ in range(2):
        source = hub.connector().events("tickets")
        seen.add(source.parts()[0].fingerprint)
        hub.clock.advance(60)
    assert len(seen) == 2


def test_a_change_that_search_does_not_know_yet_is_not_missed(hub):
    """The index lags, so whatever changed in the last hour is taken for changed again."""
    hub.clock.advance(7200)
    hub.fault("search_lag", object="tickets", seconds=600)
    ticket = next(iter(hub.portal.types["tickets"].records))

    def fingerprint():
        return hub.connector().events("tickets").parts()[0].fingerprint

    hub.vendor.edit("tickets", ticket, {"subject": "one"})
    hub.clock.advance(900)
    first = fingerprint()
    hub.clock.advance(60)
    assert fingerprint() != first
    hub.clock.advance(7200)
    assert fingerprint() == fingerprint() != first


def test_search_is_not_asked_more_often_than_it_allows(hub):
    hub.settings.search_per_second = 1
    connector = hub.connector()
    for _ in range(3):
        assert connector.events("tickets").parts()
    refused = [wait for wait in hub.waited if wait >= 1]
    assert len(refused) == 2
    assert all(wait < 2 for wait in refused)


def test_hubspot_has_no_product_events(hub):
    with pytest.raises(StopCycle, match="no product events"):
        hub.connector().events(None)


def test_nothing_is_opened_before_it_is_needed(monkeypatch, tmp_path):
    from config.project_file import Connection

    monkeypatch.delenv("GATEPOST_CRM_TOKEN", raising=False)
    made = HubSpotConnector("crm", Connection(type="hubspot"), tmp_path)
    assert made.accounts().fingerprint("companies") == ""


def test_an_associated_object_may_be_named_otherwise(hub, tmp_path):
    rows = spooled(hub, tmp_path, "tickets", ["associations.company", "hs_object_id"])
    companies = hub.portal.types["companies"]
    assert any(set(row["associations.company"]) & companies.records.keys() for row in rows)


def test_associations_that_cannot_be_told_apart_are_a_sentence(hub, tmp_path):
    columns = ["associations.company", "associations.contact"]
    kind = hub.portal.types["tickets"]
    contact = next(iter(hub.portal.types["contacts"].records))
    for ticket in kind.records:
        hub.portal.link(("tickets", ticket), ("contacts", contact))
    with pytest.raises(StopCycle, match="company, contact were asked for"):
        spooled(hub, tmp_path, "tickets", columns)


def test_associations_of_which_the_rest_does_not_come_are_not_taken_for_whole(hub):
    came = {"id": "1", "associations": {"companies": {
        "results": [{"id": "7"}], "paging": {"next": {"after": "8"}}}}}  # fmt: skip
    error = {"status": "error", "category": "INTERNAL_ERROR", "message": "try later"}
    body = {"results": [], "numErrors": 1, "errors": [error]}
    hub.fault("status", "hubspot.associations", status=207, body=body)
    with pytest.raises(RetryLater, match="which companies belong to tickets"):
        links(hub.connector(retries=1), "tickets", ["companies"], came)
    assert hub.calls()["associations"] == 2


def test_associations_that_came_in_part_are_read_whole(hub):
    """The sandbox gives them all at once, so the first page is made up here."""
    ticket = next(iter(hub.portal.types["tickets"].records))
    some = hub.companies(5)
    hub.portal.links[("tickets", "companies")][ticket] = list(some)
    first = {"results": [{"id": some[0]}, {"id": some[0]}], "paging": {"next": {"after": "x"}}}
    one = {"id": ticket, "associations": {"companies": first}}
    assert links(hub.connector(), "tickets", ["companies"], one) == {"companies": some}


def test_a_property_of_events_that_disappears_meanwhile_is_named(hub, tmp_path):
    connector = hub.connector()
    connector.schema("tickets")
    hub.fault("hide_field", object="tickets", field="subject")
    with pytest.raises(StopCycle, match="subject"):
        spooled(hub, tmp_path, "tickets", ["subject"], connector)


def test_an_object_that_cannot_be_searched_is_read_every_time(hub):
    hub.fault("status", "hubspot.search", status=400)
    found = set()
    for _ in range(2):
        hub.clock.advance(7200)
        found.add(hub.connector().events("tickets").parts()[0].fingerprint)
    assert len(found) == 2


@pytest.mark.parametrize("status", [400, 404, 414])
def test_a_read_that_is_refused_says_what_was_asked(hub, status):
    hub.fault("status", "hubspot.list", status=status)
    with pytest.raises(StopCycle, match="refused to list companies"):
        names(hub)
    assert hub.calls()["list"] == 1
