"""Reading what may have changed: few calls, nobody left out, all where search cannot tell."""

from datetime import timedelta

import pytest
import requests

from connectors.base import ReadsChanged

COLUMNS = ["hs_object_id", "name", "gp_stage"]
DAY = 86_400


class Reader:
    """Reads again and again, as a pull does; `known` is what it knows of every company."""

    def __init__(self, hub, columns=COLUMNS, **options):
        self.hub, self.columns, self.options = hub, columns, options
        self.mark, self.known, self.whole, self.into = None, {}, None, {}

    def __call__(self, hours=24):
        """Some hours later; the calls that it took."""
        self.hub.clock.advance(hours * 3600)
        self.hub.log.clear()
        accounts = self.hub.connector(api_budget=1, **self.options).accounts()
        assert isinstance(accounts, ReadsChanged)
        found = accounts.read_changed("companies", "hs_object_id", self.columns, self.mark)
        self.whole = found.whole
        self.known = {} if found.whole else dict(self.known)
        self.read = []
        for sight in found.records:
            self.read.append(sight.id)
            if sight.values is None:
                self.known.pop(sight.id, None)
                self.into |= {sight.id: sight.into} if sight.into else {}
            else:
                self.known[sight.id] = dict(sight.values)
        self.mark = found.watermark()
        return self.hub.calls()

    @property
    def truth(self):
        """What HubSpot really holds."""
        kind = self.hub.portal.types["companies"]
        return {
            one.id: {
                name: self.hub.portal.value(kind.properties[name], one.now) or None
                for name in self.columns
            }
            for one in kind.records.values()
            if one.archived_at is None
        }


@pytest.fixture
def reader(hub):
    """One that has read all of 400 companies, which nobody has touched for days."""
    hub.companies(400)
    hub.clock.advance(3 * DAY)
    made = Reader(hub)
    assert made(0) == {"list": 4, "properties": 1}
    assert made.whole
    assert made.known == made.truth
    return made


def edit(hub, ids, **values):
    for one in ids:
        hub.vendor.edit("companies", one, values)


def test_nothing_changed_takes_two_questions_and_reads_nobody(hub, reader):
    assert reader() == {"properties": 1, "search": 2}
    assert reader() == {"properties": 1, "search": 2}
    assert (reader.whole, reader.read) == (False, [])


def test_only_what_changed_is_read(hub, reader):
    edit(hub, hub.companies(20)[5:20], name="Renamed")
    assert reader() == {"batch_read": 1, "properties": 1, "search": 2}
    assert sorted(reader.read) == sorted(hub.companies(20)[5:20])
    assert reader.known == reader.truth


@pytest.mark.parametrize("version", ["v3", "2026-09"])
def test_what_changed_while_the_index_was_late_is_read_the_next_time(hub, reader, version):
    reader.options["api_version"] = version
    hub.settings.search_lag_seconds = 3600
    [one] = hub.companies(1)
    edit(hub, [one], name="Late")
    reader(hours=0.5)
    assert one not in reader.read
    reader(hours=1)
    assert one in reader.read
    assert reader.known == reader.truth


def test_what_was_read_is_what_the_record_says_and_not_the_index(hub, reader):
    hub.settings.search_lag_seconds = 3600
    [one] = hub.companies(1)
    edit(hub, [one], name="First")
    hub.clock.advance(4000)
    edit(hub, [one], name="Second")
    reader(hours=0.1)
    assert reader.known[one]["name"] == "Second"


def test_a_new_company_is_found(hub, reader):
    hub.companies(403)
    assert reader() == {"batch_read": 1, "list": 1, "properties": 1, "search": 2}
    assert not reader.whole
    assert reader.known == reader.truth


def test_a_company_that_was_archived_is_gone(hub, reader):
    gone = hub.companies(3)[2]
    hub.vendor.edit("companies", gone, {"archived": True})
    assert reader() == {"list": 1, "properties": 1, "search": 2}
    assert not reader.whole
    assert gone not in reader.known
    assert reader.known == reader.truth


def test_of_two_merged_companies_one_is_gone_and_leads_to_the_other(hub, reader):
    winner, loser = hub.companies(2)
    hub.vendor.edit("companies", loser, {"merged_into": winner})
    reader()
    assert not reader.whole
    assert reader.into == {loser: winner}
    assert reader.known == reader.truth
    reader.mark = None
    reader.into = {}
    reader()  # everything, which tells the same
    assert reader.into == {loser: winner}
    assert reader.known == reader.truth


def test_a_company_that_was_deleted_for_good_shows_in_the_count(hub, reader):
    """No list has it any more, so everything is read."""
    del hub.portal.types["companies"].records[hub.companies(1)[0]]
    reader()
    assert reader.whole
    assert reader.known == reader.truth


def test_one_deleted_for_good_whose_place_a_new_one_takes_is_noticed_within_a_week(hub, reader):
    """The count says nothing then."""
    gone = hub.companies(1)[0]
    del hub.portal.types["companies"].records[gone]
    hub.companies(400)
    reader()
    assert gone in reader.known
    for _ in range(6):
        reader()
    assert reader.known == reader.truth


def test_one_that_comes_back_is_noticed_where_no_property_says_when_a_record_was_made(hub, reader):
    """Custom objects have none by that name. What was edited is not taken for made."""
    hub.fault("hide_field", "hubspot.*", object="companies", field="createdate")
    back = hub.companies(1)[0]
    hub.vendor.edit("companies", back, {"archived": True})
    reader()
    assert back not in reader.known
    hub.portal.types["companies"].records[back].archived_at = None
    edit(hub, hub.companies(3)[1:], name="Edited")
    reader()
    assert reader.whole
    assert reader.known == reader.truth


def test_everything_is_read_again_now_and_then(hub, reader):
    hub.portal.types["companies"].records[hub.companies(1)[0]].versions.now["name"] = "By magic"
    days = 0
    while not reader.whole or not days:
        reader()
        days += 1
    assert days == 7
    assert reader.known == reader.truth


def test_a_calculated_property_has_everything_read(hub):
    """It changes from day to day without any stamp."""
    hub.companies(150)
    reader = Reader(hub, [*COLUMNS, "days_to_renewal"])
    for _ in range(2):
        assert reader() == {"list": 2, "properties": 1}
        assert reader.known == reader.truth


def test_where_most_has_changed_the_list_is_cheaper(hub, reader):
    edit(hub, hub.companies(300), name="All of you")
    assert reader() == {"list": 4, "properties": 1, "search": 2}
    assert reader.known == reader.truth


def test_a_few_companies_are_simply_listed(hub):
    reader = Reader(hub)
    assert reader() == reader() == {"list": 1, "properties": 1}


@pytest.mark.parametrize("since", ["", "nonsense", "me 2026-01-01 5 2026-01-01 more", "me x 1 y"])
def test_a_watermark_that_cannot_be_read_is_none(hub, reader, since):
    reader.mark = since
    reader()
    assert reader.whole


def test_many_that_changed_in_one_millisecond_are_told_apart_by_id(hub):
    """An import: more than a page of search shares a stamp, and others follow."""
    hub.companies(1_000)
    hub.clock.advance(3 * DAY)
    reader = Reader(hub)
    reader()
    hub.fault("same_millisecond", "hubspot.*", object="companies", records=450)
    hub.clock.advance(5)
    edit(hub, hub.companies(460)[455:460], name="Later")
    calls = reader()
    assert not reader.whole
    assert len(set(reader.read)) == 455
    assert calls["batch_read"] == 5
    assert calls["search"] <= 8
    assert reader.known == reader.truth


def test_ten_thousand_that_changed_in_one_millisecond_are_all_found(hub):
    """More than search shows of any one question. No question goes beyond its window."""
    hub.settings.search_lag_seconds = 0
    hub.companies(15_200)
    hub.clock.advance(3 * DAY)
    reader = Reader(hub)
    reader()
    hub.fault("same_millisecond", "hubspot.*", object="companies", records=10_050)
    calls = reader()
    assert not reader.whole
    assert len(set(reader.read)) == 10_050
    assert calls == {"batch_read": 101, "properties": 1, "search": 55}
    assert all(one["status"] == 200 for one in hub.log.entries("hubspot", "search"))


@pytest.mark.parametrize("shuffled", [False, True])
def test_pages_of_search_that_come_in_any_order_leave_nobody_out(hub, reader, shuffled):
    hub.settings.search_shuffled = shuffled
    for number, one in enumerate(hub.companies(250)):
        if number % 50 == 0:
            hub.clock.advance(1)
        edit(hub, [one], name="Changed")
    reader()
    assert not reader.whole
    assert reader.known == reader.truth


def test_search_is_asked_less_often_than_all_together_may(hub, reader):
    """Five a second for the whole account; none was refused, and there was room for others."""
    edit(hub, hub.companies(250), name="Changed")
    hub.waited.clear()
    reader()
    assert hub.waited.count(0.25) == hub.calls()["search"] - 1


def test_a_search_that_is_refused_for_its_rate_is_asked_again(hub, reader):
    edit(hub, hub.companies(10), name="Changed")
    hub.fault("status", "hubspot.search", status=429, policy="SECONDLY", count=1)
    reader()
    assert not reader.whole
    assert 1 <= max(hub.waited) < 2
    assert reader.known == reader.truth


@pytest.mark.parametrize("skip", [0, 1])
def test_an_index_that_shows_nothing_though_there_is_something_is_not_believed(hub, reader, skip):
    edit(hub, hub.companies(10), name="Changed")
    hub.fault("empty", "hubspot.search", skip=skip, count=1)
    reader()
    assert reader.whole
    assert reader.known == reader.truth


def test_a_search_that_does_not_work_has_everything_read(hub, reader):
    hub.fault("status", "hubspot.search", status=400)
    edit(hub, hub.companies(10), name="Changed")
    reader()
    assert reader.whole
    assert reader.known == reader.truth


def test_another_id_than_hubspots_own_is_read_whole(hub):
    """A unique property may be given to another company, of which nothing would be told."""
    ids = hub.companies(150)
    for number, one in enumerate(ids):
        hub.vendor.edit("companies", one, {"external_key": f"K{number}"})
    mark = None
    for _ in range(2):
        accounts = hub.connector().accounts()
        found = accounts.read_changed("companies", "external_key", ["name"], mark)
        assert found.whole
        assert {one.id for one in found.records} == {f"K{number}" for number in range(150)}
        mark = found.watermark()


def test_the_beginning_of_time_is_never_asked_for(hub, reader):
    """Search answers 500 to that."""
    whose = reader.mark.split()[0]
    reader.mark = f"{whose} 1970-01-01T00:00:00+00:00 400 {hub.clock.today() - timedelta(days=1)}"
    reader()
    assert reader.known == reader.truth


def test_another_token_may_be_that_of_another_account(hub, reader, monkeypatch):
    known = hub.started.ready["hubspot"]
    form = {key: known[key] for key in ("client_id", "client_secret", "refresh_token")}
    url = f"{hub.started.url}/oauth/v1/token"
    found = requests.post(url, {"grant_type": "refresh_token", **form}, timeout=5).json()
    monkeypatch.setenv("GATEPOST_CRM_TOKEN", found["access_token"])
    reader(hours=0)
    assert reader.whole


@pytest.mark.parametrize("ahead", [-6, 6])
def test_a_clock_that_is_wrong_on_this_machine_leaves_nobody_out(hub, reader, monkeypatch, ahead):
    """HubSpot's own clock counts."""
    right = hub.clock.now
    edit(hub, hub.companies(3), name="One")
    monkeypatch.setattr(type(hub), "now", lambda _: right() + timedelta(hours=ahead))
    reader()
    hub.clock.advance(1800)
    edit(hub, hub.companies(3), name="Two")
    reader()
    assert not reader.whole
    assert reader.known == reader.truth
