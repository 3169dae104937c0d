"""Salesforce as the sandbox plays it, for the contract."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import pytest

from config.project_file import Connection
from connectors.salesforce.connector import SalesforceConnector
from sandbox.salesforce.ids import make_id
from sandbox.salesforce.schema import sobject, text
from sandbox.testing import running


class SalesforceWorld:
    """An org with an `Account` of its own. The contract's ids are short; Salesforce gives its own,
    so they are put for each other on the way in and out."""

    name = "salesforce"

    def __init__(self, folder):
        self._stack = ExitStack()
        self.started = self._stack.enter_context(running(accounts=1, days=60))
        self._environment = pytest.MonkeyPatch()
        self._stack.callback(self._environment.undo)
        known = self.started.ready["salesforce"]
        self._environment.setenv("GATEPOST_CRM_CLIENT_SECRET", known["client_secret"])
        clock = self.started.sandbox.clock
        self.connector = ShortIds(
            SalesforceConnector(
                "crm",
                Connection(
                    type="salesforce", url=known["url"], options={"client_id": known["client_id"]}
                ),
                folder,
                clock=clock.now,
                sleep=clock.advance,
            )
        )
        self.org = self.started.sandbox.salesforce.org

    def close(self):
        self._stack.close()

    def put_records(self, object_name, records):
        """The object with these records and no others."""
        names = [name for name in records[0] if name != "Id"]
        fields = [text(name, filterable=True) for name in names]
        made = sobject(object_name, "001", *fields)
        self.org.objects[object_name] = made
        at = self.org.now() - timedelta(days=2)
        for record in records:
            values = {name: record.get(name) for name in names}
            self.org.insert(object_name, values, at, record_id=long_id(record["Id"]))

    def edit_record(self, object_name, record_id, values):
        """Somebody changes a record."""
        self.started.sandbox.app.vendors["salesforce"].edit(object_name, long_id(record_id), values)

    def remove_record(self, object_name, record_id):
        """Somebody deletes a record."""
        self.edit_record(object_name, record_id, {"IsDeleted": True})


def long_id(short):
    return make_id("001", int(short))


class ShortIds:
    """A connector whose ids are numbers of three digits."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def accounts(self):
        return ShortAccounts(self.inner.accounts())

    def sink(self):
        return ShortSink(self.inner.sink())


SHORT = {long_id(number): f"{number:03}" for number in range(1, 10)}


class ShortAccounts:
    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def columns(self, object_name):
        return self.inner.columns(object_name)

    def fingerprint(self, object_name):
        return self.inner.fingerprint(object_name)

    def rejected(self, object_name):
        return self.inner.rejected(object_name)

    def read_changed(self, object_name, id_field, columns, since):
        found = self.inner.read_changed(object_name, id_field, columns, since)
        return replace(found, records=map(short_sight, found.records))

    def read(self, object_name, columns):
        for row in self.inner.read(object_name, columns):
            yield {name: SHORT.get(value, value) for name, value in row.items()}


def short_sight(sight):
    values = sight.values and {name: SHORT.get(one, one) for name, one in sight.values.items()}
    return replace(sight, id=SHORT.get(sight.id, sight.id), values=values)


class ShortSink:
    def __init__(self, inner):
        self.inner = inner

    def read(self, object_name, id_field, fields):
        for record in self.inner.read(object_name, id_field, fields):
            yield record._replace(id=SHORT[record.id])

    def read_some(self, object_name, id_field, fields, ids):
        asked = [long_id(one) for one in ids]
        for record in self.inner.read_some(object_name, id_field, fields, asked):
            yield record._replace(id=SHORT[record.id])

    def write(self, object_name, id_field, writes):
        asked = [one._replace(id=long_id(one.id)) for one in writes]
        results = self.inner.write(object_name, id_field, asked)
        return [one._replace(id=write.id) for one, write in zip(results, writes, strict=True)]
