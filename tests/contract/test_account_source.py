"""What every AccountSource does."""

import pytest

from config.errors import StopCycle
from connectors.base import AccountSource


@pytest.fixture
def accounts(accounts_of):
    found = accounts_of.world.connector.accounts()
    assert isinstance(found, AccountSource)
    return found


def test_records_have_exactly_the_columns_asked_for(accounts):
    assert list(accounts.read("Account", ["Seats", "Id"])) == [
        {"Seats": "12", "Id": "001"},
        {"Seats": None, "Id": "002"},
        {"Seats": "7", "Id": "003"},
    ]


def test_text_comes_as_it_is(accounts, accounts_of):
    names = [row["Name"] for row in accounts.read("Account", ["Name"])]
    assert names == [record["Name"] for record in accounts_of.records]


def test_no_columns_give_a_row_each_all_the_same(accounts):
    assert list(accounts.read("Account", [])) == [{}, {}, {}]


def test_the_columns_are_those_of_the_object(accounts):
    assert set(accounts.columns("Account")) >= {"Id", "Name", "Seats", "Stage"}


def test_a_column_that_is_not_there_is_named(accounts):
    with pytest.raises(StopCycle, match="Seat_s"):
        list(accounts.read("Account", ["Seat_s"]))


def test_an_object_that_is_not_there_is_named(accounts):
    with pytest.raises(StopCycle, match="Konto"):
        list(accounts.read("Konto", ["Id"]))


def test_the_fingerprint_tells_a_change(accounts, accounts_of):
    before = accounts.fingerprint("Account")
    assert accounts.fingerprint("Account") == before
    accounts_of.put("Account", [*accounts_of.records, {"Id": "004"}])
    assert (
        "" in (before, accounts.fingerprint("Account")) or accounts.fingerprint("Account") != before
    )


def test_nothing_is_rejected_of_what_is_right(accounts):
    list(accounts.read("Account", ["Id"]))
    assert accounts.rejected("Account") == (0, [])
