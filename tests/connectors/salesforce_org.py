"""An org in the sandbox and a connector to it, with time that passes only when somebody sleeps."""

import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from config.project_file import Connection
from connectors.base import RecordWrite
from connectors.salesforce.connector import SalesforceConnector
from sandbox.testing import Running, running


@dataclass
class Org:
    """`sleeps` are the pauses that were made, in seconds."""

    started: Running
    known: dict[str, str]
    monkeypatch: Any
    folder: Path
    sleeps: list[float] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def connector(self, name="crm", **options) -> SalesforceConnector:
        given = {"auth": "client_credentials", "client_id": self.known["client_id"]} | options
        return SalesforceConnector(
            name,
            Connection(type="salesforce", url=self.known["url"], options=given),
            self.folder,
            # A signed login is looked at by the real clock.
            clock=_now if given["auth"] == "jwt" else self.now,
            sleep=self.sleep,
        )

    def now(self):
        return self.started.sandbox.clock.now().astimezone(UTC)

    def sleep(self, seconds):
        self.sleeps.append(seconds)
        self.started.sandbox.clock.advance(seconds)

    def secret(self, option, value, name="crm"):
        self.monkeypatch.setenv(f"GATEPOST_{name}_{option}".upper(), value)

    @property
    def settings(self):
        return self.started.sandbox.salesforce.settings

    @property
    def records(self):
        return self.started.sandbox.salesforce.org

    def fault(self, kind, route="*", **settings):
        place = route if route == "*" else f"salesforce.{route}"
        return self.started.fault(kind, place, **settings)

    def all_calls(self):
        time.sleep(0.02)  # the log has a call shortly after its answer
        return self.started.calls("salesforce")

    def calls(self, *, but=()):
        found = self.all_calls()
        return {name: count for name, count in found.items() if name not in ("token", *but)}

    def forget_calls(self):
        time.sleep(0.02)
        self.started.sandbox.log.clear()

    def ids(self, entity="Account"):
        return sorted(self.records.objects[entity].rows)

    def value(self, record_id, name, entity="Account"):
        return self.records.objects[entity].rows[record_id].now.get(name)

    def add_accounts(self, number):
        """More accounts, a week old."""
        at = self.now() - timedelta(days=7)
        return [
            self.records.insert("Account", {"Name": f"Made {n}", "OwnerId": None}, at)
            for n in range(number)
        ]


@contextmanager
def org_of(monkeypatch, accounts=6, days=60):
    with running(accounts=accounts, days=days) as started, tempfile.TemporaryDirectory() as folder:
        monkeypatch.delenv("GATEPOST_HOME", raising=False)
        monkeypatch.delenv("GATEPOST_SECRETS_DIR", raising=False)
        org = Org(started, started.ready["salesforce"], monkeypatch, Path(folder))
        org.secret("client_secret", org.known["client_secret"])
        yield org


def stages(org, value, ids=None):
    return [RecordWrite(one, {"Lifecycle_Stage__c": value}) for one in ids or org.ids()]


def _now():
    return datetime.now(UTC)
