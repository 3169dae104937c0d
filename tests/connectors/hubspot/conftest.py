"""A portal of the sandbox, and connectors to it."""

import pytest

from config.project_file import Connection
from connectors.hubspot.connector import HubSpotConnector
from sandbox.testing import running


class Hub:
    """`started` is the sandbox; its clock stands but for what a connector waits."""

    def __init__(self, started, folder):
        self.folder = folder
        self.started = started
        self.vendor = started.sandbox.app.vendors["hubspot"]
        self.portal = self.vendor.portal
        self.settings = self.vendor.settings
        self.clock = started.sandbox.clock
        self.clock.freeze(frozen=True)
        self.waited = []
        self.connectors = []
        self.fault = started.fault

    def now(self):
        """What time this machine believes it is."""
        return self.clock.now()

    def sleep(self, seconds):
        self.waited.append(seconds)
        self.clock.advance(seconds)

    def connector(self, **options):
        connection = Connection(type="hubspot", url=self.started.url, options=options)
        made = HubSpotConnector("crm", connection, self.folder, sleep=self.sleep, clock=self.now)
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

    @property
    def log(self):
        return self.started.sandbox.log

    def calls(self):
        return self.log.counts().get("hubspot", {})

    def paths(self):
        return [one["path"] for one in self.log.entries("hubspot")]

    def bodies(self, route):
        return [one["body"] for one in self.log.entries("hubspot", route)]


@pytest.fixture
def hub(monkeypatch, tmp_path_factory):
    with running(accounts=6, days=60) as started:
        monkeypatch.setenv("GATEPOST_CRM_TOKEN", started.ready["hubspot"]["token"])
        yield Hub(started, tmp_path_factory.mktemp("project"))
