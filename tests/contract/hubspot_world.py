"""HubSpot as the sandbox plays it, for the contract."""

from contextlib import ExitStack
from typing import Any

import pytest

from config.project_file import Connection
from connectors.hubspot.connector import HubSpotConnector
from sandbox.hubspot.portal import ObjectType
from sandbox.hubspot.properties import Property
from sandbox.hubspot.types import instant, number, text
from sandbox.testing import running


class HubSpotWorld:
    """A portal with one more object, `Account`, whose records are known by a unique `Id`."""

    name = "hubspot"

    def __init__(self, folder):
        self._stack = ExitStack()
        self.started = self._stack.enter_context(running(accounts=1, days=60))
        sandbox = self.started.sandbox
        sandbox.clock.freeze(frozen=True)
        self._environment = pytest.MonkeyPatch()
        self._stack.callback(self._environment.undo)
        self._environment.setenv("GATEPOST_CRM_TOKEN", self.started.ready["hubspot"]["token"])
        self.connector = HubSpotConnector(
            "crm",
            Connection(type="hubspot", url=self.started.url),
            folder,
            sleep=sandbox.clock.advance,
            clock=sandbox.clock.now,
        )
        vendor: Any = sandbox.app.vendors["hubspot"]
        self.portal = vendor.portal

    def close(self):
        self._stack.close()

    def put_records(self, object_name, records):
        """The object with these records and no others."""
        names = dict.fromkeys(name for record in records for name in record)
        plain: list[Property] = [text(name, unique=name == "Id") for name in names]
        system = [
            number("hs_object_id", read_only=True),
            instant("createdate", read_only=True),
            instant("hs_lastmodifieddate", read_only=True),
        ]
        kind = ObjectType(
            object_name.lower(), object_name.lower(), "2-4711", "hs_lastmodifieddate",
            defaults=("Name",), properties={one.name: one for one in [*system, *plain]}, groups={},
        )  # fmt: skip
        self.portal.types[kind.name] = kind
        for record in records:
            self.portal.add(kind, dict(record), self.portal.now())

    def edit_record(self, object_name, record_id, values):
        """Somebody changes a record."""
        self.started.sandbox.clock.advance(60)
        kind, record = self._record(object_name, record_id)
        self.portal.change(kind, record, values, "CRM_UI")

    def remove_record(self, object_name, record_id):
        """Somebody deletes a record."""
        self.portal.archive(self._record(object_name, record_id)[1])

    def _record(self, object_name, record_id):
        kind = self.portal.types[object_name.lower()]
        return kind, next(r for r in kind.records.values() if r.now["Id"] == record_id)
