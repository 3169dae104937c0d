"""What companies were before the first pull, as far as HubSpot kept it."""

from datetime import timedelta

import pytest

from config.errors import StopCycle
from connectors.base import ReadsHistory
from sandbox.hubspot.types import text


def history(hub, columns, **options):
    accounts = hub.connector(**options).accounts()
    assert isinstance(accounts, ReadsHistory)
    return list(accounts.history("companies", columns))


def told(changes, record_id):
    """Of one record, oldest first: when (days ago are told by the test), before and after."""
    mine = sorted(
        (one.at, one.field, one.before, one.after) for one in changes if one.id == record_id
    )
    return [(field, before, after) for _, field, before, after in mine]


@pytest.fixture
def company(hub):
    """One that was made a while ago and has changed since."""
    kind = hub.portal.types["companies"]
    made = hub.portal.add(kind, {"champion": "Kim"}, hub.portal.now() - timedelta(days=90))
    for champion in ("Lee", "", "Max"):
        hub.clock.advance(86_400)
        hub.vendor.edit("companies", made.id, {"champion": champion})
    return made.id


@pytest.mark.parametrize("version", ["v3", "2026-09"])
def test_every_change_is_told_with_what_was_there_before(hub, company, version):
    changes = history(hub, ["champion"], api_version=version)
    assert told(changes, company) == [
        ("champion", "Kim", "Lee"), ("champion", "Lee", None), ("champion", None, "Max"),
    ]  # fmt: skip
    assert max(one.at for one in changes if one.id == company) == hub.portal.now()


def test_what_a_record_was_made_with_is_no_change(hub):
    """It is as if it had always been there: an import says nothing about the time before."""
    kind = hub.portal.types["companies"]
    made = hub.portal.add(kind, {"champion": "Kim"}, hub.portal.now())
    assert told(history(hub, ["champion"]), made.id) == []


def test_what_was_filled_in_later_was_empty_before(hub):
    kind = hub.portal.types["companies"]
    made = hub.portal.add(kind, {}, hub.portal.now())
    hub.clock.advance(86_400)
    hub.vendor.edit("companies", made.id, {"champion": "Kim"})
    assert told(history(hub, ["champion"]), made.id) == [("champion", None, "Kim")]


def test_beyond_what_is_kept_nothing_is_said(hub, company):
    """Twenty values are kept, so nineteen changes are known, and not that it was empty before."""
    for number in range(30):
        hub.clock.advance(3600)
        hub.vendor.edit("companies", company, {"champion": f"Nr {number}"})
    found = told(history(hub, ["champion"]), company)
    assert len(found) == 19
    assert found[0] == ("champion", "Nr 10", "Nr 11")


def test_fifty_companies_take_one_call_whatever_is_asked_of_them(hub):
    hub.companies(230)
    history(hub, ["champion", "contract_end", "segment"])
    assert hub.calls() == {"list": 5, "properties": 1}


def test_more_properties_than_an_address_holds_are_asked_for_in_turns(hub, company):
    kind = hub.portal.types["companies"]
    names = [f"a_property_with_a_rather_long_name_{n:03}" for n in range(150)]
    kind.properties.update({one: text(one) for one in names})
    hub.clock.advance(86_400)
    hub.vendor.edit("companies", company, {names[0]: "a", names[-1]: "z"})
    assert told(history(hub, names), company) == [(names[0], None, "a"), (names[-1], None, "z")]
    assert hub.calls()["list"] > 1
    assert all(one["status"] == 200 for one in hub.log.entries("hubspot"))


def test_days_come_as_days(hub, company):
    hub.vendor.edit("companies", company, {"contract_end": "2026-12-31"})
    assert told(history(hub, ["contract_end"]), company) == [("contract_end", None, "2026-12-31")]


def test_pages_that_lead_in_circles_end(hub):
    page = {"results": [{"id": "1"}], "paging": {"next": {"after": "7"}}}
    hub.fault("status", "hubspot.list", status=200, body=page)
    with pytest.raises(StopCycle, match="in circles at 7"):
        history(hub, ["champion"])
    assert hub.calls()["list"] == 2
