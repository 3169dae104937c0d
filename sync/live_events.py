"""Whether the events that a journey names happen at all, and by which names.

A product that can list its events is asked; of child records the newest one tells. What files hold
is in the lake; a name that is not there is looked for in the files themselves, since the lake may
be older than they are.
"""

import json
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from config.load import Project
from config.mapping_file import EventsEntry
from config.problem import nearest, quoted
from connectors.base import Connector
from sync.engine import DuckEngine
from sync.lake import Lake
from sync.live_fields import Said
from sync.live_uses import EventUse
from sync.pull_events import pull_events
from sync.quoting import path_list
from sync.state import FILE_NAME, State

DAYS = 90
"""How long an event may not have been seen."""


def since(today: date) -> date:
    """The first day that still counts."""
    return today - timedelta(days=DAYS)


Seen = Mapping[str, date | None]
"""Event → the last day on which it was seen; None where that is not known."""


def judge(uses: Sequence[EventUse], seen: Seen, today: date) -> Iterator[tuple[EventUse, Said]]:
    """Events that were not seen in the last 90 days. Pure."""
    for use in uses:
        last = seen.get(use.name)
        if use.name not in seen:
            near = nearest(use.name, seen)
            message = f"no event named {quoted(use.name)} was seen in the last {DAYS} days"
            yield use, Said("error", "event", message, near)
        elif last is not None and last < since(today):
            message = f"{quoted(use.name)} was last seen on {last}, over {DAYS} days ago"
            yield use, Said("warning", "event", message)


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen. `partial`: others may have happened since the last pull."""

    seen: Seen
    partial: bool = False


def of_product(
    project: Project, entry: EventsEntry, connector: Connector, wanted: Collection[str], today: date
) -> Look:
    """What is in the lake, and if that leaves a question, in the source itself where that is on
    this machine. Raises as a pull does. Writes nothing that lasts."""
    with tempfile.TemporaryDirectory(prefix="gatepost-check-") as name:
        folder, limits = Path(name), project.gatepost.engine
        with DuckEngine(folder / "scratch", threads=limits.threads, memory=limits.memory) as engine:
            known = _in_lake(project, entry.name, engine)
            if all(one in known and (known[one] or today) >= since(today) for one in wanted):
                return Look(known)
            if project.gatepost.connections[entry.from_].type != "files":
                # To read it whole is for a pull to do; how old the lake is nobody knows.
                return Look(dict.fromkeys(known), partial=True)
            return Look({**known, **_in_source(project, entry, connector, engine, folder)})


def _in_source(
    project: Project, entry: EventsEntry, connector: Connector, engine: DuckEngine, folder: Path
) -> Seen:
    """Read it whole into a lake that nobody keeps, by the very way of a pull."""
    lake = Lake(folder)
    with State(folder) as state:
        source = connector.events(entry.object)
        report = pull_events(project, entry, source, lake, state, engine=engine)
    return {**dict.fromkeys(report.no_key), **_last_days(engine, lake.files(entry.name))}


def _in_lake(project: Project, source: str, engine: DuckEngine) -> Seen:
    files = Lake(project.home).files(source)
    if not files or not (project.home / FILE_NAME).exists():
        return {}
    with State(project.home, reads=True) as state:
        rows = state.rows("SELECT no_key_events FROM lake_parts WHERE source = ?", (source,))
        without_key = [name for (text,) in rows for name in json.loads(str(text))]
    return {**dict.fromkeys(without_key), **_last_days(engine, files)}


def _last_days(engine: DuckEngine, files: Sequence[Path]) -> dict[str, date]:
    if not files:
        return {}
    rows = engine.rows(
        "SELECT event, max(ts)::DATE FROM read_parquet("
        f"{path_list(files)}, union_by_name = true, hive_partitioning = false) GROUP BY event"
    )
    return {str(name): last for name, last in rows}
