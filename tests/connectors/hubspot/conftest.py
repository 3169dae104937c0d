"""A portal of the sandbox, and connectors to it."""

import time
from pathlib import Path

import pytest

from config.project_file import Connection
from connectors.hubspot.connector import HubSpotConnector
from sandbox.testing import running


class Hub:
    """`started` is the sandbox; its clock stands but for what a connector waits."""

    def __init__(self, started):
        self.started = started
        self.vendor = started.sandbox.app.vendors["hubspot"]
        self.portal = self.vendor.portal
        self.settings = self.vendor.settings
        self.clock = started.sandbox.clock
        self.clock.freeze(frozen=True)
        self.waited = []
        self.connectors = []
        self.fault = started.fault

    def sleep(self, seconds):
        self.waited.append(seconds)
        self.clock.advance(seconds)

    def connector(self, **options):
        connection = Connection(type="hubspot", url=self.started.url, options=options)
        made = HubSpotConnector("crm", connection, Path(), sleep=self.sleep, clock=self.clock.now)
        self.connectors.append(made)
        return made

    def companies(self, count):
        """Ids of that many companies, made where there are too few."""
        kind = self.portal.types["companies"]
        while len(kind.records) < count:
            self.portal.add(kind, {"name": f"Company {len(kind.records)}"}, self.portal.now())
        return list(kind.records)[:count]

    def value(self, record_id, name, kind="companies"):
        return self.portal.types[kind].records[record_id].now.get(name)

    def settled(self):
        """The log, once it has all that was asked: the last answer is out before it is noted."""
        asked = sum(one.wire.budget.made for one in self.connectors)
        deadline = time.monotonic() + 2
        while sum(self.started.calls("hubspot").values()) < asked and time.monotonic() < deadline:
            time.sleep(0.002)
        return self.started.sandbox.log

    def calls(self):
        return self.settled().counts().get("hubspot", {})

    def paths(self):
        return [one["path"] for one in self.settled().entries("hubspot")]

    def bodies(self, route):
        return [one["body"] for one in self.settled().entries("hubspot", route)]


@pytest.fixture
def hub(monkeypatch):
    with running(accounts=6, days=60) as started:
        monkeypatch.setenv("GATEPOST_CRM_TOKEN", started.ready["hubspot"]["token"])
        yield Hub(started)
