"""Several windows of a backfill at once, within what the project allows."""

from collections import Counter

import pytest

from config.errors import FixConfig, RetryLater
from tests.connectors.mixpanel.test_mixpanel_lake import ALL, expected

EXPORT = "mixpanel.export"


@pytest.fixture
def product(product):
    product.options["exports_at_once"] = 3
    return product


def statuses(product):
    return Counter(entry["status"] for entry in product.started.sandbox.log.entries())


def test_the_lake_is_the_same(product):
    report = product.pull()
    assert report.read == report.parts == 13
    assert product.rows() == expected(product.plain(*ALL))


def test_who_bears_only_one_at_once_gets_all_the_same(product):
    product.mixpanel.settings.concurrent = 1
    product.options["retries"] = 20  # nobody really waits here, but for a body to end
    product.started.fault("slow_body", EXPORT, seconds=0.05, count=4)
    product.pull()
    assert product.rows() == expected(product.plain(*ALL))


def test_one_bad_window_costs_no_other(product):
    body = {"kind": "status", "status": 200, "body": "terminated early"}
    product.options["retries"] = 0
    product.mixpanel.settings.per_second = 100  # several threads move one clock
    product.started.fault(**body, route=EXPORT, skip=4, count=1)
    with pytest.raises(RetryLater, match="could not be had"):
        product.pull()
    assert len(product.parts()) == 12
    product.forget()
    product.pull()
    assert product.calls == 2  # the one that is missing, and today
    assert product.rows() == expected(product.plain(*ALL))


def test_a_login_that_ends_in_the_middle_keeps_what_came_before(product):
    product.options["exports_at_once"] = 1
    product.started.fault("expired", EXPORT, skip=5)
    with pytest.raises(FixConfig):
        product.pull()
    assert len(product.parts()) == 5
    product.started.sandbox.faults.remove()
    product.pull()
    assert product.rows() == expected(product.plain(*ALL))


def test_what_nobody_waits_for_any_more_asks_for_nothing(product):
    source = product.source()
    part = source.parts()[0]
    source.give_up()
    with pytest.raises(RetryLater, match="nobody waits"):
        source.fetch(part, product.folder)
    assert product.calls == 0
