"""A source that went thin, silent or astray stops the run that would write by it; real files."""

import json
import re
from datetime import UTC, date, datetime, timedelta

import pytest

from config.errors import BrakePulled
from config.load import load_project
from sync.cycle import Cycle
from sync.orders import Orders

GATEPOST = """
connections:
  crm: {type: files, path: crm}
  product: {type: files, path: product}
guards: {max_changed: never%s}
"""
MAPPING = """
accounts: {from: crm, object: Account, id: Id}
events:
  - from: product
    account: {property: company, equals: id}
write:
  - fields: {Total: total}
"""
JOURNEY = """
journey: Care
timezone: UTC
since: 2026-01-01
signals: {total: {count: any}}
stages:
  - {stage: One, enter: total >= 1, exit: total < 0}
"""
LAST = date(2026, 6, 30)
USUAL = 120


def lines(day, events=USUAL, company=None):
    at = f"{day}T10:00:00Z"
    for n in range(events):
        yield json.dumps({"event": "Used", "time": at, "company": company or str(n % 6)})


class Product:
    """A project with three weeks of a steady product."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "journeys").mkdir()
        (folder / "crm").mkdir()
        (folder / "product" / "events").mkdir(parents=True)
        self.guards("")
        (folder / "mapping.yaml").write_text(MAPPING)
        (folder / "journeys" / "care.yaml").write_text(JOURNEY)
        rows = "".join(f"{n},\n" for n in range(6))
        (folder / "crm" / "Account.csv").write_text(f"Id,Total\n{rows}")
        days = [LAST - timedelta(days=back) for back in range(23, -1, -1)]
        self.write("history", [line for day in days for line in lines(day)])

    def guards(self, more):
        (self.folder / "gatepost.yaml").write_text(GATEPOST % more)

    def used(self, day, events=USUAL, company=None):
        self.write(str(day), lines(day, events, company))

    def write(self, name, found):
        path = self.folder / "product" / "events" / f"{name}.jsonl"
        path.write_text("".join(f"{line}\n" for line in found))

    def cycle(self, day, *, exclusive=True):
        project, problems = load_project(self.folder)
        assert project is not None, problems
        now = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) + timedelta(days=1)
        return Cycle(project, now=now, as_of=day, exclusive=exclusive)

    def sync(self, day, override=None):
        with self.cycle(day) as cycle:
            return cycle.sync(Orders(override=override)).report.confirmed


@pytest.fixture
def product(tmp_path):
    made = Product(tmp_path)
    assert made.sync(LAST) == 6
    return made


def test_a_day_with_far_fewer_events_stops_the_run_until_it_is_mended(product):
    day = LAST + timedelta(days=1)
    product.used(day, events=30)
    for _ in range(2):
        with pytest.raises(
            BrakePulled, match="product has 30 events on 2026-07-01, 25% of the usual 120"
        ):
            product.sync(day)
    product.used(day, events=100)
    assert product.sync(day) == 6


def test_a_day_is_not_passed_over_because_the_next_one_is_well(product):
    product.used(LAST + timedelta(days=2))
    with pytest.raises(BrakePulled, match="product has 0 events on 2026-07-01"):
        product.sync(LAST + timedelta(days=2))
    assert product.sync(LAST + timedelta(days=2), override="a holiday") == 6
    product.used(LAST + timedelta(days=3))
    assert product.sync(LAST + timedelta(days=3)) == 6, "it was looked at"


def test_a_source_that_fell_silent_stops_the_run(product):
    product.guards(", min_volume: never")
    path = product.folder / "crm" / "Account.csv"
    path.write_text(re.sub(r"^0,.*$", "0,7", path.read_text(), flags=re.MULTILINE))
    with pytest.raises(BrakePulled, match=r"the last event of product is 4\.6 days old"):
        product.sync(LAST + timedelta(days=4))


def test_events_that_find_no_account_stop_the_run_even_if_a_plan_pulled_them(product):
    day = LAST + timedelta(days=1)
    product.used(day, company="nobody")
    product.write("late", lines(LAST, 130))  # so that there is something to write
    with product.cycle(day, exclusive=False) as cycle:
        cycle.plan()
    with pytest.raises(BrakePulled, match=r"min_matched: 52% of the events of product"):
        product.sync(day)
    with pytest.raises(BrakePulled, match="min_matched"):
        product.sync(day)
    assert product.sync(day, override="a new tenant") == 6
