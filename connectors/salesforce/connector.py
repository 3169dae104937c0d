"""Connections of type `salesforce`."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from config.errors import StopCycle
from config.project_file import Connection
from config.settings import secrets_of
from connectors import http
from connectors.base import AccountSource, BudgetLeft, EventSource, FieldSink
from connectors.budget import Budget, kept_in
from connectors.budget_rules import Terms
from connectors.salesforce.accounts import SalesforceAccounts
from connectors.salesforce.auth import Login
from connectors.salesforce.client import Client
from connectors.salesforce.describe import Objects
from connectors.salesforce.events import SalesforceRecords
from connectors.salesforce.options import options_of

if TYPE_CHECKING:
    from connectors.salesforce.bearing import Bearing
    from connectors.salesforce.inspect import SalesforceInspector
    from connectors.salesforce.provision import SalesforceProvisioner


def _now() -> datetime:
    return datetime.now(UTC)


class SalesforceConnector:
    """An org. Nothing is sent before something is asked for."""

    def __init__(
        self,
        name: str,
        connection: Connection,
        folder: Path,
        *,
        clock: Callable[[], datetime] = _now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self.options = options_of(name, connection)
        self._folder = folder
        self._clock = clock
        self._sleep = sleep
        self._bearings: dict[str, Bearing] = {}

    def events(self, object_name: str | None) -> EventSource:
        if object_name is None:
            raise StopCycle(
                f"{self.name} is a Salesforce org, which keeps records and no product events",
                "name an `object` in this entry of mapping.yaml, such as Case",
            )
        return SalesforceRecords(
            self.client, self.objects, object_name, bulk_from=self.options.bulk_read_from
        )

    def accounts(self) -> AccountSource:
        return SalesforceAccounts(self.client, self.objects, self.options)

    def sink(self) -> FieldSink:
        from connectors.salesforce.write import SalesforceSink  # not needed to read

        return SalesforceSink(
            self.client, self.objects, self.accounts(), self._bearings, self.options
        )

    def inspector(self) -> "SalesforceInspector":
        from connectors.salesforce.inspect import SalesforceInspector  # not needed to sync

        return SalesforceInspector(self.client, self.options)

    def provisioner(self) -> "SalesforceProvisioner":
        from connectors.salesforce.provision import SalesforceProvisioner

        return SalesforceProvisioner(self.client, self.inspector())

    def organisation(self) -> str:
        return self.client.login.organisation()

    @property
    def warnings(self) -> list[str]:
        """What people should hear about the login, as far as it is known by now."""
        return self.client.login.warnings

    def check_secrets(self) -> None:
        self.client.login.check_secrets()

    def budget(self) -> BudgetLeft:
        """Requests of the day, as far as it is known; sends nothing."""
        return self._budget.left()

    @cached_property
    def _budget(self) -> Budget:
        return Budget(
            self.name,
            Terms(self.options.api_budget),
            kept_in(self._folder, self.name),
            clock=self._clock,
            sleep=self._sleep,
            most=self.options.max_requests,
            whose="the org",
        )

    @cached_property
    def client(self) -> Client:
        """The one client of this connection: one session, one budget."""
        session = http.session(read_seconds=self.options.timeout_seconds)
        clock, sleep = self._clock, self._sleep
        login = Login(
            self.name, self.options, secrets_of(self.name), session, clock=clock, sleep=sleep
        )
        return Client(
            self.name, self.options, login, session, self._budget, clock=clock, sleep=sleep
        )

    @cached_property
    def objects(self) -> Objects:
        """What describe says, each object asked for once."""
        return Objects(self.client)
