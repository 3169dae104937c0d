"""Records of an object as events: tickets, deals, tasks, surveys.

The account's key is a property of the record, or `associations.companies`: the ids of the companies
that it belongs to. All records are read whenever one may have changed, and spooled as JSON lines.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.base import Body, Part
from connectors.hubspot.records import LINKS, links, pages
from connectors.hubspot.schema import RECORD_ID

if TYPE_CHECKING:
    from connectors.hubspot.connector import HubSpotConnector

_SETTLED = timedelta(hours=1)  # the search index may be that late


class HubSpotRecords:
    """EventSource over the records of one object, for one pull: it looks once for changes."""

    def __init__(self, connector: "HubSpotConnector", object_name: str) -> None:
        self._connector = connector
        self._object = object_name
        self._names: Sequence[str] | None = None
        self._part: Part | None = None

    def select(self, names: Sequence[str]) -> None:
        self._names = names

    def parts(self) -> Sequence[Part]:
        """One part. Its fingerprint is what search says, one call: how many there are, and when the
        last was changed. Search is late, so a change of the last hour makes every fingerprint
        another; and associations and calculated properties move no stamp, so every day does."""
        if self._part is None:
            schema = self._connector.schema(self._object)
            schema.need(self._properties())
            found = self._connector.wire.newest(self._object, schema.modified)
            now = self._connector.wire.now()
            total, newest = found or (-1, now.isoformat())
            settled = not newest or datetime.fromisoformat(newest) < now - _SETTLED
            until = now.date() if settled else now.isoformat()
            self._part = Part(self._object, f"{total} {newest} {until}")
        return [self._part]

    def digest(self, part: Part) -> str:
        """Unknown: it would take all that `fetch` takes."""
        return ""

    def fetch(self, part: Part, spool: Path) -> Body:
        path = spool / "records.jsonl"
        schema = self._connector.schema(self._object)
        properties, others = self._properties(), self._others()
        with path.open("w", encoding="utf-8") as file:
            for page in pages(self._connector, self._object, properties, others):
                for one in page:
                    held = one.get("properties") or {}
                    row: dict[str, object] = {
                        name: schema.shown(name, held.get(name)) for name in properties
                    }
                    row[RECORD_ID] = str(one["id"])
                    if others:
                        linked = links(self._connector, self._object, others, one)
                        row |= {LINKS + other: ids for other, ids in linked.items()}
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
        return Body(path, "jsonl")

    def warnings(self) -> Sequence[str]:
        return []

    def _properties(self) -> list[str]:
        if self._names is None:
            return list(self._connector.schema(self._object).properties)
        return [name for name in self._names if not name.startswith(LINKS)]

    def _others(self) -> list[str]:
        named = self._names or ()
        return [name.removeprefix(LINKS) for name in named if name.startswith(LINKS)]
