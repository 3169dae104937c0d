"""One pass through the arrows: pull, lake, compute, diff, push. What every command is made of.

A `Cycle` holds what one command needs open: the state, the lake, the engine. Each step takes the
steps before it, once.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo

from config.errors import StopCycle
from config.load import Project
from connectors.base import Budgeted, Connector, ReadsChanged, Warns
from connectors.registry import connect
from mapping.check import compiled
from mapping.compiled import CompiledJourney
from sync.accounts import (
    Customers,
    JourneyAccounts,
    customers_of,
    journey_accounts,
    pull_accounts,
)
from sync.confirmed import LastConfirmed
from sync.engine import DuckEngine, EngineError
from sync.identity import MatchReport
from sync.lake import Lake, register_events
from sync.matching import matched
from sync.meanwhile import Meanwhile
from sync.orders import Orders
from sync.plan import Plan
from sync.prune_lake import pruned_away
from sync.runs import clock_warning, run_lock
from sync.shown import Shown
from sync.sightings import seen_now
from sync.state import State
from sync.summary import RunSummary, SourceSummary

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
        self.summary = RunSummary(counting=self._requests)
        self.lake = Lake(project.home)
        self.journeys: list[CompiledJourney] = compiled(project)
        self._may_pull, self._exclusive = pull, exclusive
        self._stack, self._pulled = ExitStack(), False
        self._connectors: dict[str, Connector] = {}
        self._used: dict[str, int] = {}
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
            self.state = stack.enter_context(State(home))
            engine = self.project.gatepost.engine
            self.engine = stack.enter_context(
                DuckEngine(home / "scratch", threads=engine.threads, memory=engine.memory)
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
        if name not in self._connectors:
            connection = self.project.gatepost.connections[name]
            made = connect(name, connection, self.project.folder)
            self._connectors[name] = made
            if isinstance(made, Budgeted) and (budget := made.budget()) is not None:
                self._used[name] = budget.used
        return self._connectors[name]

    def _requests(self) -> dict[str, dict[str, int | None]]:
        """What each connection that counts its requests sent so far, and may still send."""
        found: dict[str, dict[str, int | None]] = {}
        for name, connector in self._connectors.items():
            if isinstance(connector, Budgeted) and (budget := connector.budget()) is not None:
                # requests of a day ago leave the count while we look: never less than none
                sent = max(0, budget.used - self._used.get(name, 0))
                found[name] = {"sent": sent, "left": budget.left}
        return found

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
        if mended := mend(self.lake, self.state, self.project.home):
            self.summary.warnings.append(
                f"{len(mended)} files of the lake could not be read: they are pulled again"
            )

    def pull(self) -> None:
        """Bring fields and events up to date, once. Safe to repeat."""
        if self._pulled:
            return
        self._pulled = True
        if not self._may_pull and self.state.value("SELECT 1 FROM pulls LIMIT 1") is not None:
            return
        with self._lock_to_pull() as free, self.timed("pull"):
            if free:
                self._pull_accounts()
                # Events are waited for: for a vendor, for a disk, for the engine.
                with Meanwhile(self._look_ahead) as coming:
                    self._pull_events()
                self._customers = coming.result()

    def _look_ahead(self) -> dict[str, Customers]:
        """What computing will need and no event changes: its modules, and the customers by zone."""
        import_module("sync.computing")
        days = {one.journey.timezone: self.day(one) for one in self.journeys}
        with State(self.project.home) as state:
            if self._exclusive:  # nothing is written before this is asked for
                self._last_confirmed = LastConfirmed.load(
                    state, self.project.mapping.accounts.object
                )
            return {
                zone: customers_of(self.project, state, zone, day) for zone, day in days.items()
            }

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

    def _pull_accounts(self) -> None:
        spec = self.project.mapping.accounts
        seen = seen_now(self.state, self.as_of, self.now)
        source = self.connector(spec.from_).accounts()
        sighted = pull_accounts(
            self.project, self.state, source, seen,
            tick=lambda done: self.tick("reading accounts", done, 0),
        )  # fmt: skip
        self.looked, self._shown = True, None
        if isinstance(source, Warns):
            self.summary.warnings += source.warnings()
        if sighted is None:
            return
        bad, examples = source.rejected(spec.object)
        if bad:
            self.summary.warnings.append(
                f"{bad} rows of {spec.object} could not be read and are left out, the first: line "
                f"{examples[0].line}: {examples[0].reason}"
            )
        self.summary.accounts_changed, self.summary.accounts_gone = sighted.changed, sighted.gone
        if sighted.repeated_rows:
            self.summary.warnings.append(
                f"{sighted.repeated_rows} rows of {spec.object} repeat an id, the first counts: "
                f"{', '.join(sighted.repeated)}"
            )

    def _pull_events(self) -> None:
        # Reading bodies needs more than computing does: `--no-pull` never loads it.
        from sync.pull_events import pull_events

        for entry in self.project.mapping.events:
            before = self._parts(entry.name)
            source = self.connector(entry.from_).events(entry.object)
            report = pull_events(self.project, entry, source, self.lake, self.state, self.tick)
            self.summary.warnings += report.warnings
            self.summary.warnings += [
                f"{part} was being written: it is pulled next time" for part in report.waiting
            ]
            found = SourceSummary(
                entry.name, report.rows, report.rejected, report.duplicates,
                sum(report.no_key.values()),
            )  # fmt: skip
            self.summary.sources.append(found)
            now = self._parts(entry.name)
            self._fresh[entry.name] = sorted(part for part in now if now[part] != before.get(part))

    def _parts(self, source: str) -> dict[str, str]:
        rows = self.state.rows(
            "SELECT part, fingerprint FROM lake_parts WHERE source = ?", (source,)
        )
        return {str(part): str(fingerprint) for part, fingerprint in rows}

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

    def _matches(self, found: JourneyAccounts) -> list[MatchReport]:
        """How many of the events that this run pulled found their account, source by source."""
        reports = []
        with self.engine.beside() as engine:
            for entry, keys in zip(self.project.mapping.events, found.found, strict=True):
                if parts := self._fresh.get(entry.name):
                    files = self.lake.files(entry.name, parts=parts)
                    reports.append(matched(engine, entry.name, files, keys))
        return reports

    def _note_matches(self, reports: Sequence[MatchReport]) -> None:
        from sync.facts import note_matched  # what brakes look at: for those who pulled something

        for report in reports:
            note_matched(self.state, report)
            for source in self.summary.sources:
                if source.name == report.source:
                    source.match = report

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

        once = any(source.match for source in self.summary.sources)
        with self.timed("compute"), Meanwhile(lambda: [] if once else self._matches(found)) as each:
            if account is not None:
                computed = compute_one(self, journey, found, account, history=history)
            else:
                keep = self._exclusive
                computed = compute_all(self, journey, found, history=history, keep=keep)
        self._note_matches(each.result())
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
