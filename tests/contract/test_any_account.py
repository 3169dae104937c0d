"""The part of the contract that does no harm, so that real accounts can be asked to keep it.

The sandbox keeps it too, opened in the same way: by variables of the environment. A real account is
asked when its variables are there (README.md); one field of one record is written, if it is named,
and gets its old value back.
"""

import json
from contextlib import ExitStack
from itertools import islice

import pytest

from config.errors import StopCycle
from connectors.base import Budgeted, Part, ReadsHistory, RecordWrite
from sandbox.testing import running
from tests.contract.live import is_given, opened, variable

FEW = 50
PLAYED = {
    "salesforce": (("client_id",), ("client_secret",), "Next_Step__c"),
    "hubspot": ((), ("token",), "gp_next_step"),
    "mixpanel": (("project_id", "username"), ("secret",), ""),
}


def play(vendor, environment, stack):
    """Have the environment say that a sandbox is the account."""
    started = stack.enter_context(running(accounts=3, days=60, end=None))
    known = started.ready[vendor]
    options, secrets, field = PLAYED[vendor]
    said = {name: known[name] for name in ("url", *options)}
    environment.setenv(variable(vendor, "OPTIONS"), json.dumps(said))
    for name in secrets:
        environment.setenv(variable(vendor, name.upper()), known[name])
    environment.setenv(variable(vendor, "FIELD"), field)
    environment.delenv(variable(vendor, "OBJECT"), raising=False)
    environment.delenv(variable(vendor, "RECORD"), raising=False)


def accounts(*vendors):
    """A fixture for the played and the real accounts of some vendors."""

    @pytest.fixture(params=[f"{how} {one}" for one in vendors for how in ("played", "real")])
    def made(request, tmp_path, monkeypatch):
        how, vendor = request.param.split()
        with ExitStack() as stack:
            if how == "played":
                play(vendor, monkeypatch, stack)
            elif not is_given(vendor):
                pytest.skip(f"{variable(vendor, 'OPTIONS')} is not set")
            yield opened(vendor, tmp_path)

    return made


crm = accounts("salesforce", "hubspot")
product = accounts("mixpanel")


# -- records


def ids(crm):
    """Of the first records."""
    found = [one.id for one in islice(crm.connector.sink().read(crm.object, crm.id, []), FEW)]
    assert found, f"there is no record of {crm.object} to look at"
    return found


def test_records_have_exactly_the_columns_asked_for(crm):
    source = crm.connector.accounts()
    columns = [crm.id, next(one for one in source.columns(crm.object) if one != crm.id)]
    rows = list(islice(source.read(crm.object, columns), FEW))
    assert rows
    assert all(list(row) == columns for row in rows)
    assert len({row[crm.id] for row in rows}) == len(rows)


def test_the_first_changes_of_an_account_nobody_has_read_are_everything(crm):
    found = crm.connector.accounts().read_changed(crm.object, crm.id, [crm.id], None)
    assert found.whole
    assert next(found.records).values


def test_a_column_that_is_not_there_is_named(crm):
    for asked in (
        crm.connector.accounts().read(crm.object, ["Gatepost_asks"]),
        crm.connector.sink().read(crm.object, crm.id, ["Gatepost_asks"]),
    ):
        with pytest.raises(StopCycle, match="Gatepost_asks"):
            next(asked)


def test_an_object_that_is_not_there_is_named(crm):
    source = crm.connector.events("Gatepost_asks")
    with pytest.raises(StopCycle, match="Gatepost_asks"):
        source.parts()


def test_some_records_can_be_asked_for_by_their_ids(crm):
    wanted = ids(crm)[:3]
    found = crm.connector.sink().read_some(crm.object, crm.id, [], wanted)
    assert sorted(one.id for one in found) == sorted(wanted)


def test_records_as_events_come_in_parts_of_different_names(crm):
    names = [part.name for part in crm.connector.events(crm.object).parts()]
    assert names == sorted(set(names))
    assert names


def test_what_fields_were_before_is_told_with_records_and_instants(crm):
    source = crm.connector.accounts()
    columns = source.columns(crm.object)[:20]
    if not isinstance(source, ReadsHistory):
        pytest.skip("nobody is asked what fields were before")
    for change in islice(source.history(crm.object, columns), FEW):
        assert change.field in columns
        assert change.id
        assert change.at.tzinfo is not None


def test_what_was_asked_is_counted(crm):
    ids(crm)
    assert isinstance(crm.connector, Budgeted)
    left = crm.connector.budget()
    assert left is not None
    assert left.used > 0


def test_a_value_is_written_read_and_cleared_and_the_old_one_is_put_back(crm):
    if not crm.field:
        pytest.skip("no field is named that may be written")
    sink, record = crm.connector.sink(), crm.record or ids(crm)[0]

    def held():
        [one] = sink.read_some(crm.object, crm.id, [crm.field], [record])
        return one.values[crm.field]

    def written(value):
        change = RecordWrite(record, {crm.field: value})
        [result] = sink.write(crm.object, crm.id, [change])
        assert result.outcome == "written", result
        return held()

    before = held()
    assert before is None or isinstance(before, str), f"{crm.field} holds no text"
    try:
        assert written("Gatepost was here") == "Gatepost was here"
        assert written("Gatepost was here") == "Gatepost was here"
        assert written(None) is None
    finally:
        assert written(before) == before


# -- events


def test_days_come_in_order_and_the_last_whole_one_can_be_fetched(product, tmp_path):
    source = product.connector.events(None)
    names = [part.name for part in source.parts()]
    assert names == sorted(set(names))
    body = source.fetch(source.parts()[0], tmp_path)
    assert body.path.exists()


def test_a_day_that_never_was_is_a_sentence(product, tmp_path):
    with pytest.raises(StopCycle):
        product.connector.events(None).fetch(Part("1999-12-31.jsonl", ""), tmp_path)
