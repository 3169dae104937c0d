"""Connections of type `mixpanel`: product events, window by window, from the raw export.

A window's body is spooled whole to this machine and read by the engine. A window that cannot be had
whole is not had at all: the lake keeps what it has of it, and the next run asks again.
"""

import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from config.errors import GatepostError, RetryLater, StopCycle
from config.project_file import Connection
from config.settings import need, need_all, secrets_of
from connectors import http
from connectors.base import (
    AccountSource,
    Body,
    BudgetLeft,
    EventSource,
    FieldSink,
    Meaning,
    Part,
    Take,
)
from connectors.budget import Budget, kept_in
from connectors.budget_rules import Terms
from connectors.mixpanel.body import NotWhole, spool
from connectors.mixpanel.client import Client, TimedOut
from connectors.mixpanel.names import event_names
from connectors.mixpanel.options import Options, options_of
from connectors.mixpanel.pieces import Pieces
from connectors.mixpanel.profiles import GroupProfiles
from connectors.mixpanel.queries import Queries, used_up
from connectors.mixpanel.windows import Window, due, windows

if TYPE_CHECKING:
    from connectors.mixpanel.inspect import MixpanelInspector

_HOUR = timedelta(hours=1)
_APART_SECONDS = 0.45  # three a second, and a margin for what is held up on the way
_PIECE = 64 << 20
"""Bytes of a body that are read together, while the next ones come."""
_READ = 1
"""Raised when the same body would be read with another meaning: everything is pulled anew."""

_HOT = ("event", "$hotshard_events")  # renamed where one user or group has too many events a day
_WHO = (
    Take("$user_id"),
    Take("mp_original_distinct_id", where=_HOT),
    # A device that has not logged in is nobody yet. Mixpanel rewrites its events when it does.
    Take("distinct_id", unless="$device:"),
)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class MixpanelConnector:
    """A project. `clock` gives aware instants, `sleep` takes seconds."""

    def __init__(
        self,
        name: str,
        connection: Connection,
        folder: Path,
        *,
        clock: Callable[[], datetime] = _utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name, self.clock, self.sleep = name, clock, sleep
        self.options = options_of(name, connection, folder)
        self._folder = folder
        self._username = connection.options.get("username")

    @cached_property
    def client(self) -> Client:
        """Logged in by each request; FixConfig if a secret is missing."""
        self.check_secrets()
        secrets = secrets_of(self.name)
        username = str(self._username or need(secrets, self.name, "username"))
        secret = need(secrets, self.name, "secret")
        hide = http.redactor([secret])
        return Client(self.options, username, secret, clock=self.clock, hide=hide)

    def check_secrets(self) -> None:
        wanted = ["secret"] if self._username else ["username", "secret"]
        need_all(secrets_of(self.name), self.name, wanted)

    def budget(self) -> BudgetLeft:
        """Exports of the hour; sends nothing."""
        return self.exports.left()

    @cached_property
    def exports(self) -> Budget:
        """Counted over all runs of an hour."""
        return self._counted("")

    @cached_property
    def queries(self) -> Queries:
        """The vendor counts them apart from exports."""
        return Queries(self.client, self.options, self._counted(".queries"), self.sleep)

    def _counted(self, what: str) -> Budget:
        terms = Terms(self.options.share, _HOUR, self.options.an_hour, apart=_APART_SECONDS)
        path = kept_in(self._folder, f"{self.name}{what}")
        return Budget(
            self.name, terms, path, clock=self.clock, sleep=self.sleep, whose="the project"
        )

    def inspector(self) -> "MixpanelInspector":
        from connectors.mixpanel.inspect import MixpanelInspector  # not needed to sync

        return MixpanelInspector(self)

    def events(self, object_name: str | None) -> EventSource:
        if object_name is not None:
            raise StopCycle(f"{self.name} has no object {object_name}: Mixpanel keeps events")
        return MixpanelEvents(self)

    def accounts(self) -> AccountSource:
        return GroupProfiles(self.queries, self.options)

    def sink(self) -> FieldSink:
        raise StopCycle(
            f"{self.name} takes no fields: nothing is ever written to Mixpanel",
            "write to a CRM: accounts has to come from the connection that `write` means",
        )

    def event_names(self, wanted: Collection[str], since: date) -> Mapping[str, date | None]:
        """See `ListsEvents`. Days are those of the project's calendar."""
        return event_names(self, wanted, since, self.options.local(self.clock()).date())

    def export(
        self,
        first: date,
        last: date,
        pieces: Pieces,
        more: Mapping[str, str] | None = None,
        unwanted: Callable[[], bool] = lambda: False,
    ) -> None:
        """Ask once for the events of some days, and append them to `pieces`. `more`: parameters."""
        client = self.client  # made before the request is counted, or it would come late
        self.exports.take()
        asked = {
            "from_date": first.isoformat(),
            "to_date": last.isoformat(),
            "time_in_ms": "true",
            **(more or {}),
        }
        with client.query_export(asked, add_gzip_header=True, raw_stream=True) as answer:
            spool(answer, pieces, unwanted)


class MixpanelEvents:
    """The export, as of one moment: that of the first look at it. Several threads may fetch."""

    def __init__(self, connector: MixpanelConnector) -> None:
        self._connector = connector
        self._options: Options = connector.options
        self._windows: dict[str, Window] = {}
        self._given_up_on = Event()
        self.at_once = self._options.exports_at_once

    @cached_property
    def _now(self) -> datetime:
        # Held, or today's fingerprint would differ before today was read.
        return self._options.local(self._connector.clock())

    def parts(self) -> Sequence[Part]:
        options = self._options
        found = windows(options.since, self._now.date(), options.window_days, options.late_days)
        self._windows = {window.name: window for window in found}
        place = f"{_READ} {options.project_id} {options.zone or 'utc'}"
        return [
            Part(
                name,
                f"{place} {due(window, self._now, options.late_days)}",
                replaces=window.days_before,
                span=window.span(options.zone),
            )
            for name, window in self._windows.items()
        ]

    def fetch(self, part: Part, spool: Path) -> Body:
        made: list[Body] = []
        self._fetch(part, spool, sys.maxsize, made.append, made.clear)
        return made[0]

    def fetch_pieces(
        self, part: Part, spool: Path, ready: Callable[[Body], None], anew: Callable[[], None]
    ) -> None:
        self._fetch(part, spool, _PIECE, ready, anew)

    def _fetch(
        self,
        part: Part,
        spool: Path,
        largest: int,
        ready: Callable[[Body], None],
        anew: Callable[[], None],
    ) -> None:
        if not self._windows:
            self.parts()
        if (window := self._windows.get(part.name)) is None:
            raise StopCycle(f"{self._options.name} has no window {part.name}")
        means = meaning(self._options)

        def hand_on(path: Path, first_line: int | None) -> None:
            ready(Body(path, "jsonl", meaning=means, first_line=first_line))

        pieces = Pieces(spool, window.name, largest, hand_on, anew)
        try:
            self._export(window, pieces)
            pieces.finish()
        except BaseException:  # whatever it was, nobody else removes what was not handed on
            pieces.drop()
            raise

    def give_up(self) -> None:
        self._given_up_on.set()

    def digest(self, part: Part) -> str:
        return ""  # an export costs as much as it is worth

    def warnings(self) -> Sequence[str]:
        return []

    def _export(self, window: Window, pieces: Pieces) -> None:
        """Append a window to the body: at once, or in halves where that is too much."""
        begin, single = pieces.mark(), window.first == window.last
        broken = 0

        def attempt() -> None:
            pieces.back_to(begin)
            self._ask(window, pieces)

        def again(error: RetryLater) -> bool:
            nonlocal broken
            broken += isinstance(error, NotWhole)
            if self._given_up_on.is_set():
                return False
            return single or not (isinstance(error, TimedOut) or broken > 1)

        tries = self._options.tries
        try:
            http.retrying(self._connector.sleep, attempts=tries, retry=again)(attempt)
        except RetryLater as error:
            if single or not isinstance(error, TimedOut | NotWhole):
                raise self._given_up(window, error) from None
            pieces.back_to(begin)
            pieces.hold()  # or a half would have to be taken back without the other
            for half in window.halves():
                self._export(half, pieces)

    def _ask(self, window: Window, pieces: Pieces) -> None:
        if self._given_up_on.is_set():
            raise RetryLater("nobody waits for it any more")
        self._connector.export(window.first, window.last, pieces, unwanted=self._given_up_on.is_set)

    def _given_up(self, window: Window, error: RetryLater) -> GatepostError:
        name = self._options.name
        if (waiting := used_up(error)) is not None:
            return waiting
        said = str(error).removeprefix(f"{name}: ")
        return RetryLater(
            f"{name}: the export of {window.name} could not be had: {said}",
            error.wait_seconds,
            "the lake keeps what it had of these days; the next run asks again",
        )


def meaning(options: Options) -> Meaning:
    """What the properties of an exported event mean.

    Who did it is `$user_id` before `distinct_id`, which is whatever id Mixpanel chose for the
    person, perhaps that of a device. Events of a hot shard get their names and users back.
    """
    return Meaning(
        local={"time": options.zone} if options.zone else {},
        take={
            "event": (Take("mp_original_event_name", where=_HOT), Take("event")),
            "distinct_id": _WHO,
            "user": (Take("user"), *_WHO),
        },
        top=("event",),
        keeps=True,
    )
