"""A cycle's pull: accounts, then events, and beside them what computing will need."""

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

from connectors.base import Warns
from sync.accounts import Customers, customers_of, pull_accounts
from sync.confirmed import LastConfirmed
from sync.meanwhile import Meanwhile
from sync.sightings import seen_now
from sync.state import State
from sync.summary import SourceSummary

if TYPE_CHECKING:
    from sync.cycle import Cycle


@dataclass
class Pulled:
    """`parts`: of each source those that are new or changed. `customers`: by zone. `last_confirmed`
    only for who writes."""

    parts: dict[str, list[str]] = field(default_factory=dict)
    customers: dict[str, Customers] = field(default_factory=dict)
    last_confirmed: LastConfirmed | None = None


class Pulling:
    """One pull of a cycle that holds the lock for it."""

    def __init__(self, cycle: "Cycle", *, writes: bool) -> None:
        """`writes`: the cycle changes the CRM, so nothing is written before this is over."""
        self._cycle, self._writes = cycle, writes
        self._found = Pulled()

    def pull(self) -> Pulled:
        """Bring fields and events up to date. Safe to repeat."""
        mapping = self._cycle.project.mapping
        names = [mapping.accounts.from_, *(entry.from_ for entry in mapping.events)]
        self._cycle.connections.check_secrets(names)
        self._accounts()
        # Events are waited for: for a vendor, for a disk, for the engine.
        with Meanwhile(self._look_ahead) as coming:
            self._events()
        coming.result()
        return self._found

    def _look_ahead(self) -> None:
        """What computing will need and no event changes: its modules, the customers."""
        import_module("sync.computing")
        cycle, found = self._cycle, self._found
        days = {one.journey.timezone: cycle.day(one) for one in cycle.journeys}
        with State(cycle.project.home) as state:
            if self._writes:
                object_name = cycle.project.mapping.accounts.object
                found.last_confirmed = LastConfirmed.load(state, object_name)
            for zone, day in days.items():
                found.customers[zone] = customers_of(cycle.project, state, zone, day)

    def _accounts(self) -> None:
        cycle, spec = self._cycle, self._cycle.project.mapping.accounts
        summary, source = cycle.summary, cycle.connector(spec.from_).accounts()
        sighted = pull_accounts(
            cycle.project, cycle.state, source, seen_now(cycle.state, cycle.as_of, cycle.now),
            tick=lambda done: cycle.tick("reading accounts", done, 0),
        )  # fmt: skip
        if isinstance(source, Warns):
            summary.warnings += source.warnings()
        if sighted is None:
            return
        bad, examples = source.rejected(spec.object)
        if bad:
            summary.warnings.append(
                f"left out of {spec.object}: {_rows(bad)} that could not be read, the first: line "
                f"{examples[0].line}: {examples[0].reason}"
            )
        if sighted.without_id:
            summary.warnings.append(
                f"left out of {spec.object}: {_rows(sighted.without_id)} without {spec.id}"
            )
        summary.accounts_changed, summary.accounts_gone = sighted.changed, sighted.gone
        if sighted.repeated_rows:
            summary.warnings.append(
                f"left out of {spec.object}: {_rows(sighted.repeated_rows)} with an id that an"
                f" earlier one has: {', '.join(sighted.repeated)}"
            )

    def _events(self) -> None:
        # Reading bodies needs more than computing does: `--no-pull` never loads it.
        from sync.pull_events import pull_events

        cycle = self._cycle
        for entry in cycle.project.mapping.events:
            before = self._fingerprints(entry.name)
            source = cycle.connector(entry.from_).events(entry.object)
            report = pull_events(cycle.project, entry, source, cycle.lake, cycle.state, cycle.tick)
            cycle.summary.warnings += report.warnings
            cycle.summary.warnings += [
                f"{part} was being written: it is pulled next time" for part in report.waiting
            ]
            found = SourceSummary(
                entry.name, report.rows, report.rejected, report.duplicates,
                sum(report.no_key.values()),
            )  # fmt: skip
            cycle.summary.sources.append(found)
            now = self._fingerprints(entry.name)
            self._found.parts[entry.name] = sorted(
                part for part in now if now[part] != before.get(part)
            )

    def _fingerprints(self, source: str) -> dict[str, str]:
        rows = self._cycle.state.rows(
            "SELECT part, fingerprint FROM lake_parts WHERE source = ?", (source,)
        )
        return {str(part): str(fingerprint) for part, fingerprint in rows}


def _rows(number: int) -> str:
    return f"{number:,} {'row' if number == 1 else 'rows'}"
