"""A source of events as the lake has it: what a computation asks of it."""

from dataclasses import dataclass
from datetime import date
from typing import Any

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

    def table(self, engine: DuckEngine, first_day: int | None, last_day: int) -> Any:
        """Its events from one UTC day to another as an Ibis table that `engine` can run."""
        import ibis  # a third of a second: not before it is needed

        from mapping.daily import EVENT_COLUMNS, KIND, PROPERTY

        name = f"events {self.name} {first_day} {last_day}"
        first = None if first_day is None else day_date(first_day)
        register_events(
            engine, name, self.lake.files(self.name, first, day_date(last_day)), self.entry.keep
        )
        kept = {
            column: kind
            for kept_name in self.entry.keep
            for column, kind in ((PROPERTY + kept_name, "string"), (KIND + kept_name, "uint8"))
        }
        return ibis.table({**EVENT_COLUMNS, **kept}, name=name)
