"""A source of events as the lake has it: what a computation asks of it."""

from dataclasses import dataclass
from datetime import date

from config.mapping_file import EventsEntry
from mapping.clock import day_date
from sync.engine import DuckEngine
from sync.lake import Lake, register_events


@dataclass(frozen=True)
class LakeSource:
    """One entry of `events` in mapping.yaml, as the lake has it."""

    entry: EventsEntry
    lake: Lake

    @property
    def name(self) -> str:
        """Its name in the lake."""
        return self.entry.name

    @property
    def product(self) -> bool:
        """Whether its events are what `any` means."""
        return self.entry.object is None

    @property
    def properties(self) -> frozenset[str]:
        """The properties that are kept of its events."""
        return frozenset(self.entry.keep)

    def first_day(self) -> date | None:
        """The UTC day of its earliest event, None without any."""
        return next(iter(self.lake.days(self.name)), None)

    def register(
        self, engine: DuckEngine, table: str, first_day: int | None, last_day: int
    ) -> None:
        """Make `table` a view of its events from one UTC day to another."""
        first = None if first_day is None else day_date(first_day)
        files = self.lake.files(self.name, first, day_date(last_day))
        register_events(engine, table, files, self.entry.keep)
