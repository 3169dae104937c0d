"""Mixpanel as the sandbox plays it, for the contract."""

from contextlib import ExitStack
from datetime import timedelta

import pytest

from config.project_file import Connection
from connectors.mixpanel.connector import MixpanelConnector
from sandbox.mixpanel.project import GROUP_ID, Profile
from sandbox.testing import running


class MixpanelWorld:
    """A project whose parts are days: `a` is yesterday and `b` today. Nobody can take a day away,
    and until something is put there its first day is yet to come."""

    name = "mixpanel"

    def __init__(self, folder):
        self._stack = ExitStack()
        self.started = self._stack.enter_context(running(accounts=1, days=60))
        self._environment = pytest.MonkeyPatch()
        self._stack.callback(self._environment.undo)
        self._environment.setenv(
            "GATEPOST_PRODUCT_SECRET", self.started.ready["mixpanel"]["secret"]
        )
        self._folder = folder
        self.clock = self.started.sandbox.clock
        self.clock.freeze(frozen=True)
        self._first = self.clock.today() + timedelta(days=1)

    def close(self):
        self._stack.close()

    @property
    def connector(self):
        known = self.started.ready["mixpanel"]
        options = {"project_id": known["project_id"], "username": known["username"],
                   "since": str(self._first), "api_budget": 1,
                   "groups": f"Account={GROUP_ID}"}  # fmt: skip
        return MixpanelConnector(
            "product",
            Connection(type="mixpanel", url=known["url"], options=options),
            self._folder,
            sleep=self.clock.advance,
            clock=self.clock.now,
        )

    def put_events(self, part, events):
        day = self.clock.now().replace(hour=0) - timedelta(days=part == "a")
        self._first = min(self._first, day.date())
        imported = self.started.sandbox.mixpanel.project.imported
        for number, event in enumerate(events):
            properties = {**event, "time": day.timestamp(), "$insert_id": f"{part}-{number}"}
            name = properties.pop("event")
            imported.append((day.timestamp(), {"event": name, "properties": properties}))
        self.touch_events(part)

    def put_profiles(self, object_name, records):
        """Group profiles with these records and no others. A property that is null is not there."""
        assert object_name == "Account"
        groups = self.started.sandbox.mixpanel.project.groups
        groups.clear()
        for record in records:
            properties = {name: value for name, value in record.items() if value is not None}
            groups[record["Id"]] = Profile(record["Id"], properties)

    def touch_events(self, part):
        """Six hours later, everything that may have changed is due."""
        self.clock.advance(6 * 3600)
