"""A short day of trouble: it ends right, and what went wrong was told."""

import json
import random
import subprocess
import sys

import pytest

from bench.soak import Day, verdict
from bench.soak_company import Hour
from bench.soak_trouble import spread, troubles
from sandbox.core.faults import VENDOR_KINDS, WIRE_KINDS, Faults


def hour(state="done", *, error="", left=0):
    return Hour([], 0, state, error, 5, left, 1.0, 200.0, 80.0)


def day(*hours, shown=None, last_wrote=0):
    return Day(list(hours), shown if shown is not None else {"a": {"f": "1"}}, last_wrote)


def test_a_day_that_ended_right_is_right():
    assert verdict(day(hour()), day(hour("failed", error="why"), hour())) == []


@pytest.mark.parametrize(
    ("wild", "said"),
    [
        (day(hour(), shown={"a": {"f": "2"}}), "1 of 1 records differ"),
        (day(hour(), shown={}), "records differ"),
        (day(hour("failed", error="why")), "the last run in peace ended as failed"),
        (day(hour(), last_wrote=3), "one more sync wrote again"),
        (day(hour("failed"), hour()), "1 runs failed without a word"),
        (day(hour(left=2), hour()), "1 runs failed without a word"),
    ],
)
def test_a_day_that_did_not_is_told(wild, said):
    assert any(said in one for one in verdict(day(hour()), wild))


def test_every_kind_of_trouble_comes_up_at_least_once():
    for crm in ("salesforce", "hubspot"):
        kinds = troubles(crm, ["band"])
        for one in kinds:
            Faults().add(one)
        plan = spread(kinds, 24, random.Random(1))
        assert {number for chosen in plan for number in chosen} == set(range(len(kinds)))
        assert len(plan) == 24
        assert all(plan)
    known = {one["kind"] for crm in ("salesforce", "hubspot") for one in troubles(crm, ["band"])}
    assert known == WIRE_KINDS | set(VENDOR_KINDS)


@pytest.mark.slow
def test_a_short_day_ends_right():
    done = subprocess.run(
        [sys.executable, "-m", "bench.soak", "--accounts", "60", "--syncs", "4", "--json"],
        capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == [], done.stderr
    assert done.returncode == 0
    assert found["figures"]["faults fired"] > 5
    assert found["figures"]["accounts"] == 60
