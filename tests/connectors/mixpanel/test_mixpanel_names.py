"""Which events are known, and when each was last seen."""

import json
from datetime import date, timedelta

import pytest

from config.errors import PartlyDone
from connectors.base import ListsEvents
from tests.connectors.mixpanel.conftest import LAST

SINCE = LAST - timedelta(days=90)
NEVER = "Weekly Repot Shared"
RARE = "Fiscal Year Closed"


@pytest.fixture
def last_seen(product):
    """Event → the last day on which the export has it."""
    days = {}
    for event in product.plain(date(2026, 5, 2), LAST):
        day = date(1970, 1, 1) + timedelta(milliseconds=event["properties"]["time"])
        days[event["event"]] = max(day, days.get(event["event"], day))
    return days


def rare(product):
    """Something that happened once, longer ago than the list of names reaches."""
    at = (LAST - timedelta(days=50)).strftime("%s")
    event = {"event": RARE, "properties": {"time": int(at), "distinct_id": "", "$insert_id": "1"}}
    product.mixpanel.project.imported.append((0.0, event))


def test_each_is_told_with_its_last_day_for_two_queries(product, last_seen):
    rare(product)
    connector = product.connector()
    assert isinstance(connector, ListsEvents)
    wanted = [*sorted(last_seen)[:3], NEVER, RARE]
    found = connector.event_names(wanted, SINCE)
    assert {name: found[name] for name in wanted[:3]} == {n: last_seen[n] for n in wanted[:3]}
    assert found[RARE] == LAST - timedelta(days=50)
    assert NEVER not in found
    assert set(found) == set(last_seen) | {RARE}  # the others are there to suggest the nearest of
    calls = product.started.calls("mixpanel")
    assert (calls["event_names"], calls["event_counts"]) == (1, 1)


def test_without_a_query_api_the_events_themselves_are_asked_for(product, last_seen):
    rare(product)
    product.mixpanel.settings.query_api = False
    product.forget()
    wanted = [*sorted(last_seen)[:3], NEVER, RARE]
    found = product.connector().event_names(wanted, SINCE)
    assert {name: found.get(name) for name in wanted} == {
        **{name: last_seen[name] for name in wanted[:3]}, RARE: LAST - timedelta(days=50),
        NEVER: None,
    }  # fmt: skip
    assert NEVER not in found
    assert product.started.calls("mixpanel")["schemas"] == 1
    [call] = [one for one in product.started.sandbox.log.entries() if one["route"] == "export"][1:]
    assert set(json.loads(call["query"]["event"][-1])) >= set(wanted)


def test_frequent_events_do_not_crowd_out_rare_ones(product, last_seen, monkeypatch):
    monkeypatch.setattr("connectors.mixpanel.names._MOST_LINES", 40)
    rare(product)
    product.mixpanel.settings.query_api = False
    frequent = sorted(last_seen)[:2]
    assert RARE in product.connector().event_names([*frequent, RARE], SINCE)


def test_where_there_is_no_end_to_frequent_events_nobody_says_that_a_name_was_not_seen(
    product, last_seen, monkeypatch
):
    monkeypatch.setattr("connectors.mixpanel.names._MOST_LINES", 1)
    product.mixpanel.settings.query_api = False
    found = product.connector().event_names([*sorted(last_seen)[:8], NEVER], SINCE)
    assert found[NEVER] is None
    product.forget()


def test_events_of_hot_shards_count_by_their_own_names(product):
    product.mixpanel.settings.query_api = False
    product.started.fault("odd_rows", "mixpanel.export")
    found = product.connector().event_names(["Report Created"], LAST)
    assert set(found) >= {"Report Created"}
    assert "$hotshard_events" not in found


@pytest.mark.parametrize("results", [None, 5, [], {}, {"projects": []}])
def test_of_an_account_of_another_shape_nothing_is_known(product, results):
    product.started.fault("status", "mixpanel.me", status=200, body={"results": results})
    found = product.connector().inspector().access([], [])
    assert (found.who, found.lacks) == ("project 2195193, as far as is known", ())


@pytest.mark.parametrize("results", [None, 5, ["x", {"entityType": "event"}], {"a": 1}])
def test_a_lexicon_of_another_shape_suggests_nothing(product, results):
    product.mixpanel.settings.query_api = False
    product.started.fault("status", "mixpanel.schemas", status=200, body={"results": results})
    found = product.connector().event_names(["Report Created"], SINCE)
    assert list(found) == ["Report Created"]


def test_queries_have_a_budget_of_their_own(product):
    product.mixpanel.settings.query_hourly = 1
    product.started.fault("status", "mixpanel.export", status=503)
    with pytest.raises(PartlyDone, match=r"product: Mixpanel answered 429 .*asks to wait"):
        product.connector().event_names(["Report Created"], SINCE)
    assert product.connector().budget().used == 0  # exports
