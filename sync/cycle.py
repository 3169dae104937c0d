"""One pass through the arrows: pull, lake, compute, diff, push. What every command is made of.

A `Cycle` holds what one command needs open: the state, the lake, the engine. Each step takes the
steps before it, once.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo

from config.errors import StopCycle
from config.load import Project
from connectors.base import Connector, ReadsChanged
from mapping.check import compiled
from mapping.compiled import CompiledJourney
from sync.accounts import Customers, JourneyAccounts, customers_of, journey_accounts
from sync.confirmed import LastConfirmed
from sync.connections import Connections
from sync.engine import DuckEngine, EngineError
from sync.lake import Lake, register_events
from sync.matching import matches_of, note_matches_of
from sync.meanwhile import Meanwhile
from sync.orders import Orders
from sync.plan import Plan
from sync.prune_lake import pruned_away
from sync.runs import clock_warning, run_lock
from sync.shown import Shown
from sync.state import State
from sync.summary import RunSummary

if TYPE_CHECKING:
    from sync.applied import Applied
    from sync.compute import Computed

Tick = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is (0: nobody knows)."""


def quiet(what: str, done: int, of: int) -> None:
    """A tick that nobody looks at."""


class Cycle:
    """What one command has open; use as a context manager. For one thread."""

    def __init__(
        self, project: Project, *, now: datetime, as_of: date | None = None, tick: Tick = quiet,
        pull: bool = True, exclusive: bool = False,
    ) -> None:  # fmt: skip
        """`as_of` None: today in each journey's timezone, which is not over yet.

        `exclusive`: this is a run that writes; it holds the home's lock until it is closed. `pull`
        False: what is there already is used.
        """
        self.project, self.now, self.as_of, self.tick = project, now, as_of, tick
        self.connections = Connections(project)
        self.summary = RunSummary(counting=self.connections.requests)
        self.lake = Lake(project.home)
        self.journeys: list[CompiledJourney] = compiled(project)
        self._may_pull, self._exclusive = pull, exclusive
        self._stack, self._pulled = ExitStack(), False
        self._customers: dict[str, Customers] = {}
        self._accounts: dict[str, JourneyAccounts] = {}
        self._fresh: dict[str, list[str]] = {}
        self._last_confirmed: LastConfirmed | None = None
        self._shown: Shown | None = None
        self.looked = False  # at every account that may have changed

    def __enter__(self) -> Self:
        home = self.project.home
        with ExitStack() as stack:
            if self._exclusive:
                stack.enter_context(run_lock(home))
            self.state = stack.enter_context(State(home, reads=not self._exclusive))
            engine, scratch = self.project.gatepost.engine, home / "scratch"
            if self.state.is_copy:  # nothing may be written there
                scratch = Path(stack.enter_context(TemporaryDirectory(prefix="gatepost-")))
            self.engine = stack.enter_context(
                DuckEngine(scratch, threads=engine.threads, memory=engine.memory)
            )
            self._stack = stack.pop_all()
        if warning := clock_warning(self.state, self.now):
            self.summary.warnings.append(warning)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if isinstance(error, EngineError):
                self._mend(error)
        finally:
            self._stack.__exit__(kind, error, trace)

    def _mend(self, error: EngineError) -> None:
        """Where a damaged file of the lake is behind it, take that away and say so instead."""
        from sync.damaged import mend

        home = self.project.home
        found = mend(home, self.lake, self.state, self.engine, locked=self._exclusive)
        if found is not None:
            raise found from error

    def connector(self, name: str) -> Connector:
        """The open connection of that name in gatepost.yaml."""
        return self.connections.of(name)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Count the seconds of a step into the summary."""
        begun = time.monotonic()
        yield
        taken = time.monotonic() - begun
        self.summary.seconds[step] = round(self.summary.seconds.get(step, 0.0) + taken, 3)

    def day(self, journey: CompiledJourney) -> date:
        """The journey's last day."""
        return self.as_of or self.now.astimezone(ZoneInfo(journey.journey.timezone)).date()

    # ------------------------------------------------------------------------------------- pull

    def read_all(self) -> None:
        """Have the pull read every account, whatever the source says has changed, and fetch again
        what cannot be read in the lake. Before it; if it fails, the next one does."""
        from sync.mending import mend  # once a week is often enough

        with self.state.transaction() as connection:
            connection.execute("UPDATE pulls SET fingerprint = NULL")
        mended = mend(self.lake, self.state, self.project.home)
        if mended.broken:
            self.summary.warnings.append(
                f"{len(mended.broken)} files of the lake could not be read: they are pulled again"
            )
        if (number := len(mended.lacking)) == 1:
            self.summary.warnings.append("1 part of the lake was not whole: it is pulled again")
        elif number:
            self.summary.warnings.append(
                f"{number:,} parts of the lake were not whole: they are pulled again"
            )

    def pull(self) -> None:
        """Bring fields and events up to date, once. Safe to repeat."""
        if self._pulled:
            return
        self._pulled = True
        from sync.pulling import Pulling

        pulled_before = self.state.value("SELECT 1 FROM pulls LIMIT 1") is not None
        if pulled_before and not self._may_pull:
            return
        if pulled_before and self.state.is_copy:
            self.summary.warnings.append(
                f"nothing was pulled: {self.project.home} cannot be written by this user"
            )
            return
        with self._lock_to_pull() as free, self.timed("pull"):
            if free:
                found = Pulling(self, writes=self._exclusive).pull()
                self.looked, self._shown, self._fresh = True, None, found.parts
                self._customers, self._last_confirmed = found.customers, found.last_confirmed

    @contextmanager
    def _lock_to_pull(self) -> Iterator[bool]:
        """Two pulls at once would tread on each other: whoever only reads makes do without."""
        if self._exclusive:
            yield True
            return
        with ExitStack() as stack:
            try:
                stack.enter_context(run_lock(self.project.home))
            except StopCycle as busy:
                if self.state.value("SELECT 1 FROM pulls LIMIT 1") is None:
                    raise
                self.summary.warnings.append(f"nothing was pulled: {busy}")
                yield False
                return
            yield True

    # ---------------------------------------------------------------------------------- compute

    def accounts(self, journey: CompiledJourney) -> JourneyAccounts:
        """The accounts of a journey, read once."""
        name = journey.journey.name
        if name not in self._accounts:
            self.pull()
            day, zone = self.day(journey), journey.journey.timezone
            if zone not in self._customers:
                self._customers[zone] = customers_of(self.project, self.state, zone, day)
            found = journey_accounts(
                self.project, self._customers[zone], journey, day, self._lake_keys
            )
            self._accounts[name] = found
            self.summary.travelling[name] = found.accounts.size
            self.summary.accounts = max(self.summary.accounts, found.accounts.size)
            self.summary.doubled |= found.never
            self.summary.unreadable |= found.unreadable
        return self._accounts[name]

    def _lake_keys(self, source: str) -> list[str]:
        """Every account key that the lake has of a source."""
        register_events(self.engine, "events", self.lake.files(source), ())
        return [str(key) for (key,) in self.engine.rows("SELECT DISTINCT account_key FROM events")]

    def compute(
        self, *, journey: str | None = None, account: str | None = None, history: bool = False
    ) -> list["Computed"]:
        """Every journey, or one of them, for all accounts or the one with this CRM id.

        `history` keeps what happened on the way. An account that does not travel a journey is not
        in its result.
        """
        return [
            self._compute(one, account, history=history)
            for one in self.journeys
            if journey in (None, one.journey.name)
        ]

    def _compute(
        self, journey: CompiledJourney, account: str | None, *, history: bool
    ) -> "Computed":
        found = self.accounts(journey)
        self.summary.warnings += pruned_away(self.state, self.project.mapping, journey)
        from sync.computing import compute_all, compute_one

        # However this ends, the engine is not closed before nobody asks it any more.
        ask = partial(matches_of, self, found, self._fresh)
        asking = Meanwhile(ask, halt=self.engine.interrupt)
        with self.timed("compute"), asking as matches:
            if account is not None:
                computed = compute_one(self, journey, found, account, history=history)
            else:
                keep = self._exclusive
                computed = compute_all(self, journey, found, history=history, keep=keep)
        note_matches_of(self, matches.result())
        return computed

    # ------------------------------------------------------------------------------------ write

    def last_confirmed(self) -> LastConfirmed:
        """What we last wrote, as the ledger had it when this was first asked for."""
        if self._last_confirmed is None:
            object_name = self.project.mapping.accounts.object
            self._last_confirmed = LastConfirmed.load(self.state, object_name)
        return self._last_confirmed

    def shown(self) -> Shown | None:
        """What the written fields showed, as the last pull left it; None of a CRM that is read
        whole."""
        spec = self.project.mapping.accounts
        source = self.connector(spec.from_).accounts()
        if self._shown is None and isinstance(source, ReadsChanged):
            self._shown = Shown.load(self.state, spec.object)
        return self._shown

    def plan(self) -> Plan:
        """What would be written, against what the CRM shows. Writes nothing to it."""
        from sync.making import make

        return make(self)

    def retry_contested(self) -> None:
        """Have the next plan hold what was given up since somebody changed it back."""
        from sync.knowledge import forget_fights

        forget_fights(self.state)

    def apply(self, plan: Plan, command: str = "apply", orders: Orders | None = None) -> "Applied":
        """Carry out a plan; refuses (StopCycle) if it is old, or records have changed since it was
        made. Raises BrakePulled if a guard finds it suspicious."""
        from sync.writing import carry_out

        return carry_out(self, plan, command, orders or Orders())

    def sync(self, orders: Orders | None = None) -> "Applied":
        """Plan and apply in one. Raises BrakePulled if a guard finds it suspicious."""
        from sync.writing import carry_out

        return carry_out(self, None, "sync", orders or Orders())
