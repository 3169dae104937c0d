"""A sandbox with a Mixpanel project, our connection to it, and a plain reading of its export."""

import json
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from config.mapping_file import EventsEntry
from config.project_file import Connection, Gatepost
from connectors.mixpanel.connector import MixpanelConnector
from sandbox.testing import Running, running
from sync.engine import DuckEngine
from sync.lake import Lake, events_sql
from sync.pull_events import pull_events
from sync.state import State

LAST = date(2026, 6, 30)


class Product:
    """The connection `product`. The sandbox's clock is the connector's, and waiting moves it."""

    def __init__(self, started: Running, folder, **options) -> None:
        self.started, self.folder = started, folder
        self.mixpanel = started.sandbox.mixpanel
        self.clock = started.sandbox.clock
        self.waited: list[float] = []
        known = started.ready["mixpanel"]
        said = {"project_id": known["project_id"], "username": known["username"]}
        self.options = {**said, "since": "2026-06-11", "api_budget": 1, "exports_at_once": 1,
                        **options}  # fmt: skip
        self.url = known["url"]
        self.engine = DuckEngine(folder / "scratch")
        entry = {"from": "product", "account": {"property": "company_id", "equals": "id"},
                 "user": "distinct_id", "keep": ["plan", "title"]}  # fmt: skip
        self.entry = EventsEntry.model_validate(entry)
        self.lake = Lake(folder / "home")
        self.forget()

    def sleep(self, seconds):
        self.waited.append(seconds)
        self.clock.advance(seconds)

    def connection(self):
        return Connection(type="mixpanel", url=self.url, options=self.options)

    def connector(self):
        return MixpanelConnector(
            "product", self.connection(), self.folder, clock=self.clock.now, sleep=self.sleep
        )

    def source(self):
        return self.connector().events(None)

    def fetch(self, name, spool=None):
        """The lines of a part's body, and the source's own words for what they mean."""
        source = self.source()
        spool = spool or self.folder / "spool"
        spool.mkdir(exist_ok=True)
        [part] = [part for part in source.parts() if part.name == name]
        return source.fetch(part, spool).path.read_bytes().split(b"\n")[:-1]

    def pull(self):
        project: Any = SimpleNamespace(
            folder=self.folder, home=self.folder / "home",
            gatepost=Gatepost(connections={"product": self.connection()}),
        )  # fmt: skip
        with State(project.home) as state:
            return pull_events(
                project, self.entry, self.source(), self.lake, state, engine=self.engine
            )

    def rows(self):
        """Account key, user, event, time, insert id of the lake's rows, in an order of their own"""
        files = self.lake.files("product")
        if not files:
            return []
        query = events_sql(files, sorted(self.entry.keep))
        chosen = 'account_key, "user", event, ts, insert_id'
        return sorted(self.engine.rows(f"SELECT {chosen} FROM ({query})"), key=repr)

    def parts(self):
        with State(self.folder / "home") as state:
            return {name for (name,) in state.rows("SELECT part FROM lake_parts")}

    def plain(self, first, last):
        """What a client that knows nothing gets: parsed lines. Not counted as a call of ours."""
        known = self.started.ready["mixpanel"]
        self.clock.advance(3601)  # it has an hour to itself, and leaves none used
        answer = requests.get(
            f"{self.url}/api/2.0/export",
            params={"project_id": known["project_id"], "from_date": str(first),
                    "to_date": str(last), "time_in_ms": "true"},
            auth=(known["username"], known["secret"]), timeout=10,
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        self.clock.advance(3601)
        self.forget()
        return [json.loads(line) for line in answer.content.split(b"\n")[:-1]]

    def forget(self):
        """Forget what was asked for until now."""
        self._mark = self.started.sandbox.log.next_number()
        self.waited.clear()

    @property
    def calls(self):
        """How many requests came since then. Counted as they come: the log has them a moment after
        they are answered."""
        self._mark += 1
        return self.started.sandbox.log.next_number() - self._mark


@pytest.fixture
def started():
    with running(accounts=8, days=60) as found:
        yield found


@pytest.fixture
def product(started, tmp_path, monkeypatch):
    monkeypatch.setenv("GATEPOST_PRODUCT_SECRET", started.ready["mixpanel"]["secret"])
    monkeypatch.delenv("GATEPOST_HOME", raising=False)
    return Product(started, tmp_path)
