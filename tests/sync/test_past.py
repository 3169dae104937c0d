"""What the CRM kept of a field is worth as much as if it had been pulled every day."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from config.mapping_file import FieldSpec
from connectors.base import PastChange
from sync.fields import load_fields
from sync.past import read_past
from sync.sightings import record_sightings
from sync.state import State, instant_text

FIRST = datetime(2026, 3, 1, 22, tzinfo=UTC)
DAYS = 12
FIELDS = {name: FieldSpec(field=f"{name}__c") for name in ("seats", "plan")}
values = st.sampled_from([None, "a", "b", "c"])
story = st.fixed_dictionaries(
    {name: st.lists(values, min_size=DAYS, max_size=DAYS) for name in FIELDS}
)
"""What each field was on the evening of each day."""


class Kept:
    """A CRM that kept the changes of one account; the latest first, as nobody promises an order."""

    def __init__(self, told: Mapping[str, Sequence[str | None]]) -> None:
        self.asked: list[str] = []
        self.changes = [
            PastChange("1", f"{name}__c", FIRST + timedelta(days=day, hours=-3), before, after)
            for name, days in told.items()
            for day, (before, after) in enumerate(pairwise(days), 1)
            if before != after
        ][::-1]

    def history(self, _: str, columns: Sequence[str]) -> Iterator[PastChange]:
        self.asked += columns
        return (one for one in self.changes if one.field in columns)


def pulled(
    state: State, told: Mapping[str, Sequence[str | None]], days: Sequence[int], names=FIELDS
):
    for day in days:
        now = {name: told[name][day] for name in names}
        record_sightings(state, "A", [("1", now)], instant_text(FIRST + timedelta(days=day)))


def columns(*names: str) -> dict[str, str]:
    return {name: f"{name}__c" for name in names}


def steps(state: State) -> dict[str, list[tuple[int, str | None]]]:
    table = load_fields(state, "A", FIELDS, "UTC", date(2027, 1, 1))
    return {
        name: list(zip(one.day.tolist(), one.value.tolist(), strict=True))
        for name, one in table.steps.items()
    }


def in_a_new_state(do):
    with TemporaryDirectory() as folder, State(Path(folder)) as state:
        do(state)
        return steps(state)


@settings(max_examples=20, deadline=None)
@given(story)
def test_one_pull_with_history_says_what_a_pull_a_day_would_have_said(told):
    def once(state):
        pulled(state, told, [DAYS - 1])
        read_past(state, Kept(told), "A", columns(*FIELDS), "2026-03-12T22:00:00Z")

    assert in_a_new_state(once) == in_a_new_state(lambda state: pulled(state, told, range(DAYS)))


@settings(max_examples=20, deadline=None)
@given(story, st.integers(1, DAYS - 2), st.integers(1, DAYS - 2))
def test_a_field_that_is_mapped_later_says_so_too(told, first, later):
    """Whenever the first pull was, and whenever the second field came."""
    later = max(first, later)

    def one_after_the_other(state):
        pulled(state, told, [first], ["seats"])
        read_past(state, Kept(told), "A", columns("seats"), "x")
        pulled(state, told, range(first + 1, later), ["seats"])
        pulled(state, told, range(later, DAYS))
        read_past(state, Kept(told), "A", columns(*FIELDS), "x")

    assert in_a_new_state(one_after_the_other) == in_a_new_state(
        lambda state: pulled(state, told, range(DAYS))
    )


def test_a_field_is_asked_for_once(tmp_path):
    told = {"seats": ["a"] * 6 + ["b"] * 6, "plan": ["c"] * DAYS}
    crm = Kept(told)
    with State(tmp_path) as state:
        pulled(state, told, [DAYS - 1])
        assert read_past(state, crm, "A", columns("seats"), "x") == 2
        assert read_past(state, crm, "A", columns(*FIELDS), "x") == 0
        assert read_past(state, crm, "A", columns(*FIELDS), "x") == 0
    assert crm.asked == ["seats__c", "plan__c"]


def test_what_changed_after_the_pull_is_for_the_next_pull(tmp_path):
    """The last sighting says all of an account's fields, since the next is compared with it."""
    told = {"seats": ["a", "b", *["c"] * 4, *["d"] * 6], "plan": ["x"] * DAYS}
    with State(tmp_path) as state:
        pulled(state, told, [4])
        read_past(state, Kept(told), "A", columns(*FIELDS), "x")
        assert [value for _, value in steps(state)["seats"]] == ["a", "b", "c"]
        pulled(state, told, [4])
        assert state.value("SELECT changed FROM pulls ORDER BY id DESC") == 0


def test_an_account_that_was_never_pulled_gets_no_past(tmp_path):
    """Nor one that somebody wanted forgotten."""
    with State(tmp_path) as state:
        assert read_past(state, Kept({"seats": ["a", "b"]}), "A", columns("seats"), "x") == 0
        assert state.value("SELECT count(*) FROM sightings") == 0
