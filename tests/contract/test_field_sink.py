"""What every FieldSink does."""

from datetime import date

import pytest

from config.errors import StopCycle
from connectors.base import FieldSink, ReadsSome, RecordWrite


@pytest.fixture
def sink(contacts):
    found = contacts.world.connector.sink()
    assert isinstance(found, FieldSink)
    return found


def stages(sink):
    return {one.id: one.values["Stage"] for one in sink.read("Account", "Id", ["Stage"])}


def test_what_is_written_is_what_is_read(sink):
    writes = [RecordWrite("003", {"Stage": "Churned"}), RecordWrite("001", {"Stage": "Onboarding"})]
    results = sink.write("Account", "Id", writes)
    assert [(one.id, one.outcome) for one in results] == [("003", "written"), ("001", "written")]
    assert stages(sink) == {"001": "Onboarding", "002": "Adoption", "003": "Churned"}


def test_what_is_not_written_stays(sink, contacts):
    accounts = contacts.world.connector.accounts()
    before = list(accounts.read("Account", ["Id", "Name", "Seats"]))
    sink.write("Account", "Id", [RecordWrite("001", {"Stage": "x"})])
    assert list(accounts.read("Account", ["Id", "Name", "Seats"])) == before


def test_none_clears(sink):
    sink.write("Account", "Id", [RecordWrite("002", {"Stage": None})])
    assert stages(sink)["002"] is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"), (False, "false"), (12.0, "12"), (0.1, "0.1"), (-3, "-3"), (1e22, "1e+22"),
        (date(2026, 2, 28), "2026-02-28"), (("a", "b"), "a;b"), ((), None),
        ('line\r\nbreak, "quote"', 'line\r\nbreak, "quote"'),
    ],
)  # fmt: skip
def test_values_are_written_as_text_says_them(sink, value, text):
    [result] = sink.write("Account", "Id", [RecordWrite("001", {"Stage": value})])
    assert result.outcome == "written"
    assert stages(sink)["001"] == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "half \ud83d", ("a", "half \ud83d")])
def test_a_value_that_cannot_be_written_is_rejected_alone(sink, value):
    writes = [RecordWrite("001", {"Stage": value}), RecordWrite("002", {"Stage": "ok"})]
    first, second = sink.write("Account", "Id", writes)
    assert (first.outcome, second.outcome) == ("rejected", "written")
    assert first.reason
    assert stages(sink) == {"001": None, "002": "ok", "003": "Renewal"}


def test_a_record_that_is_not_there_is_rejected_and_not_made(sink):
    [result] = sink.write("Account", "Id", [RecordWrite("999", {"Stage": "x"})])
    assert result.outcome == "rejected"
    assert set(stages(sink)) == {"001", "002", "003"}


def test_some_records_are_those_of_them_that_are_there(sink):
    if not isinstance(sink, ReadsSome):
        pytest.skip("it reads all records or none")
    found = sink.read_some("Account", "Id", ["Stage"], ["003", "999", "001"])
    assert {one.id: one.values["Stage"] for one in found} == {"001": None, "003": "Renewal"}


def test_writing_again_changes_nothing(sink):
    writes = [RecordWrite("001", {"Stage": "x", "Seats": 5})]
    sink.write("Account", "Id", writes)
    before = stages(sink)
    assert [one.outcome for one in sink.write("Account", "Id", writes)] == ["written"]
    assert stages(sink) == before


def test_no_writes_no_results(sink):
    assert sink.write("Account", "Id", []) == []


def test_a_field_that_is_not_there_is_named_and_nothing_is_written(sink):
    writes = [RecordWrite("001", {"Stage": "x"}), RecordWrite("002", {"Stagge": "x"})]
    with pytest.raises(StopCycle, match="Stagge"):
        sink.write("Account", "Id", writes)
    assert stages(sink)["001"] is None
