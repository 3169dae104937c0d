"""Connections of type `hubspot`: options, the token, and what each ability needs of the others."""

import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from config.errors import StopCycle
from config.problem import quoted
from config.project_file import Connection
from config.settings import need, secrets_of
from connectors.base import AccountSource, BudgetLeft, EventSource, FieldSink
from connectors.budget import Budget, kept_in
from connectors.budget_rules import Terms
from connectors.hubspot.errors import Refused
from connectors.hubspot.events import HubSpotRecords
from connectors.hubspot.options import options_of, wrong
from connectors.hubspot.records import HubSpotAccounts
from connectors.hubspot.schema import Schema

if TYPE_CHECKING:
    from connectors.hubspot.inspect import HubSpotInspector
    from connectors.hubspot.provision import HubSpotProvisioner
    from connectors.hubspot.wire import Wire

_TOKENS = ("token", "access_token", "api_key")  # private apps, service keys: sent alike


class HubSpotConnector:
    """One HubSpot account; docs/connectors-hubspot.md says what its options do."""

    def __init__(
        self,
        name: str,
        connection: Connection,
        folder: Path,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.name = name
        self._connection = connection
        self._folder = folder
        self._sleep = sleep
        self._clock = clock
        self._wire: Wire | None = None
        self._sink: FieldSink | None = None
        self._schemas: dict[str, Schema] = {}
        self._portal: str | None = None
        self._portal_seen = False
        self.options = options_of(name, connection)

    def events(self, object_name: str | None) -> EventSource:
        if object_name is None:
            raise StopCycle(
                f"{self.name}: HubSpot keeps no product events",
                "name an object whose records are events, such as tickets",
            )
        return HubSpotRecords(self, object_name)

    def accounts(self) -> AccountSource:
        return HubSpotAccounts(self)

    def sink(self) -> FieldSink:
        if self._sink is None:
            from connectors.hubspot.sink import HubSpotSink  # not needed to read

            self._sink = HubSpotSink(self)
        return self._sink

    def inspector(self) -> "HubSpotInspector":
        from connectors.hubspot.inspect import HubSpotInspector  # not needed to sync

        return HubSpotInspector(self)

    def provisioner(self) -> "HubSpotProvisioner":
        from connectors.hubspot.provision import HubSpotProvisioner

        return HubSpotProvisioner(self)

    def budget(self) -> BudgetLeft:
        """Calls of the day, as far as it is known; sends nothing."""
        return self._budget.left()

    @cached_property
    def _budget(self) -> Budget:
        rate = self.options.requests_per_second
        return Budget(
            self.name,
            Terms(self.options.api_budget, apart=1 / rate if rate else 0.0),
            kept_in(self._folder, self.name),
            clock=self._clock,
            sleep=self._sleep,
            most=self.options.max_requests,
            whose="the HubSpot account",
        )

    def check_secrets(self) -> None:
        self._token()

    def _token(self) -> str:
        """What is sent with every request. FixConfig if there is none."""
        secrets = secrets_of(self.name)
        given = (secrets.get(one) for one in _TOKENS)
        return next((one for one in given if one), None) or need(secrets, self.name, "token")

    @property
    def wire(self) -> "Wire":
        """The way to HubSpot; made at first use. FixConfig without a token."""
        if self._wire is None:
            # Imports the vendor's client: a fifth of a second, for those who speak to it.
            from connectors.hubspot.wire import HOST, Wire

            self._wire = Wire(
                self.name,
                self._token(),
                self._budget,
                url=self._connection.url or HOST,
                version=self.options.version,
                attempts=1 + self.options.retries,
                read_seconds=self.options.timeout_seconds,
                sleep=self._sleep,
                clock=self._clock,
            )
        return self._wire

    def schema(self, object_name: str, *, fresh: bool = False) -> Schema:
        """The object's properties, read once. StopCycle if there is no such object."""
        if fresh or object_name not in self._schemas:
            try:
                found = self.wire.properties(object_name)
            except Refused as error:
                said = f"HubSpot has no object {quoted(object_name)} that this token sees"
                raise StopCycle(f"{said}: {error}") from None
            self._schemas[object_name] = Schema(object_name, found)
        return self._schemas[object_name]

    def need_still(self, object_name: str, columns: Collection[str]) -> None:
        """StopCycle if a property that answers lack is not there any more."""
        if columns:
            self.schema(object_name, fresh=True).need(sorted(columns))

    def organisation(self) -> str:
        if self._portal is None:
            self._portal = self.wire.portal_id()
        return self._portal

    def need_portal(self) -> None:
        """FixConfig if `portal_id` is given and the token belongs to another account."""
        wanted = self.options.portal_id
        if wanted is not None and not self._portal_seen:
            found = self.organisation()
            if found != wanted:
                raise wrong(self.name, "portal_id", wanted, f"the account of this token, {found}")
            self._portal_seen = True
