"""What every AccountSource does that can tell what has changed."""

import pytest

from config.errors import StopCycle
from connectors.base import ReadsChanged

COLUMNS = ["Id", "Name", "Stage"]


@pytest.fixture
def changing(contacts):
    if not isinstance(contacts.world.connector.accounts(), ReadsChanged):
        pytest.skip(f"{contacts.world.name} says by its fingerprint whether anything changed")
    return contacts.world


class Known:
    """What somebody knows who asks again and again, as a pull does."""

    def __init__(self, world):
        self.world, self.records, self.mark = world, {}, None

    def ask(self):
        """The ids that were read."""
        accounts = self.world.connector.accounts()
        found = accounts.read_changed("Account", "Id", COLUMNS, self.mark)
        sights = list(found.records)
        if found.whole:
            self.records = {}
        for one in sights:
            self.records.pop(one.id, None)
            if one.values is not None:
                self.records[one.id] = dict(one.values)
        self.mark = found.watermark()
        return found.whole, {one.id for one in sights}

    @property
    def truth(self):
        rows = self.world.connector.accounts().read("Account", COLUMNS)
        return {row["Id"]: row for row in rows}


def test_the_first_time_everything_is_read(changing):
    known = Known(changing)
    assert known.ask() == (True, {"001", "002", "003"})
    assert known.records == known.truth


def test_what_was_changed_is_read(changing):
    known = Known(changing)
    known.ask()
    changing.edit_record("Account", "002", {"Stage": "Renewal"})
    _, read = known.ask()
    assert "002" in read
    assert known.records["002"]["Stage"] == "Renewal"
    assert known.records == known.truth


def test_what_was_deleted_is_not_there_any_more(changing):
    known = Known(changing)
    known.ask()
    changing.remove_record("Account", "002")
    known.ask()
    assert set(known.records) == {"001", "003"}
    assert known.records == known.truth


def test_what_changed_before_a_reading_that_broke_off_is_read_by_the_next(changing):
    known = Known(changing)
    known.ask()
    changing.edit_record("Account", "001", {"Stage": "Renewal"})
    accounts = changing.connector.accounts()
    next(accounts.read_changed("Account", "Id", COLUMNS, known.mark).records, None)
    known.ask()
    assert known.records == known.truth


def test_a_watermark_of_somebody_else_has_everything_read(changing):
    known = Known(changing)
    known.mark = "that of another program"
    assert known.ask() == (True, {"001", "002", "003"})


def test_a_column_that_is_not_there_is_named(changing):
    accounts = changing.connector.accounts()
    with pytest.raises(StopCycle, match="Stagge"):
        list(accounts.read_changed("Account", "Id", ["Stagge"], None).records)
