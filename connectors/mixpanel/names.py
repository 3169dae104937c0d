"""Which events a project knows, and when each was last seen."""

import json
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from config.errors import GatepostError
from connectors.mixpanel.client import NoPlan
from connectors.mixpanel.pieces import Pieces

if TYPE_CHECKING:
    from connectors.mixpanel.connector import MixpanelConnector

_MOST_LINES = 100_000  # an export gives no more where a limit is asked for
_MOST_EXPORTS = 5
_FIRST = date(1970, 1, 1)
_HOT = "$hotshard_events"


def event_names(
    connector: "MixpanelConnector", wanted: Collection[str], since: date, today: date
) -> Mapping[str, date | None]:
    """As `ListsEvents.event_names`. Two queries, or up to five exports where the project's plan has
    no Query API."""
    asked = sorted(set(wanted))
    try:
        found: dict[str, date | None] = dict.fromkeys(connector.queries.names())
        seen: Mapping[str, date | None] = (
            connector.queries.last_days(asked, since, today) if asked else {}
        )
    except NoPlan:
        found = {}
        with suppress(GatepostError):  # they serve for suggestions alone
            found = dict.fromkeys(connector.queries.described())
        found = {name: None for name in found if name not in asked}
        seen = _exported(connector, asked, since, today)
    return {**found, **seen}


def _exported(
    connector: "MixpanelConnector", names: list[str], since: date, today: date
) -> dict[str, date | None]:
    """Asks for the events themselves, in the end for rare ones only. None: nobody can say."""
    seen: dict[str, date] = {}
    missing = names
    for _ in range(_MOST_EXPORTS):
        lines = 0
        for name, day in _sample(connector, missing, since, today) if missing else ():
            lines += 1
            seen[name] = max(day, seen.get(name, day))
        missing = [name for name in names if name not in seen]
        if lines < _MOST_LINES:
            return {name: seen[name] for name in names if name in seen}
    return {name: seen.get(name) for name in names}


def _sample(
    connector: "MixpanelConnector", names: list[str], since: date, today: date
) -> Iterator[tuple[str, date]]:
    """Names and days of at most so many of these events. Days are those of the numbers, which is
    what a project's calendar means by them, whether it writes UTC or its own wall clock."""
    with TemporaryDirectory(prefix="gatepost-") as folder:
        made: list[Path] = []
        pieces = Pieces(
            Path(folder), "sample", sys.maxsize, lambda path, _: made.append(path), made.clear
        )
        more = {"event": json.dumps([*names, _HOT]), "limit": str(_MOST_LINES)}
        connector.export(since, today, pieces, more)
        pieces.finish()
        with made[0].open("rb") as file:
            for line in file:
                event = json.loads(line.decode("utf-8", "replace"))
                said = event["properties"]
                if not isinstance(time := said.get("time"), int | float):
                    continue
                name = said.get("mp_original_event_name") if event["event"] == _HOT else None
                yield str(name or event["event"]), _FIRST + timedelta(milliseconds=time)
