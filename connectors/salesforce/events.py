"""Records of an object as events: all of them, spooled as JSON lines that the engine reads."""

import json
from collections.abc import Sequence
from pathlib import Path

from config.errors import StopCycle
from connectors.base import Body, Part
from connectors.salesforce.accounts import stamp
from connectors.salesforce.client import Client
from connectors.salesforce.describe import Objects, plain_columns
from connectors.salesforce.query import read_all


class SalesforceRecords:
    """One part, the object. A formula of a child record is as it was when the record, or one of
    its object, last changed."""

    def __init__(
        self, client: Client, objects: Objects, object_name: str, *, bulk_from: int
    ) -> None:
        self._client = client
        self._objects = objects
        self._object = object_name
        self._bulk_from = bulk_from
        self._parts: list[Part] | None = None

    def parts(self) -> Sequence[Part]:
        """As of the first time of asking: records change all the time, and what changed since then
        is found by the next run."""
        if self._parts is None:
            described = self._objects.of(self._object)
            found = stamp(self._client, described)
            # Just changed: a fingerprint of its own, so that the next run looks again.
            self._parts = [Part(described.name, found or f"as of {self._client.clock()}")]
        return list(self._parts)

    def fetch(self, part: Part, spool: Path) -> Body:
        described = self._objects.of(self._object)
        if part.name != described.name:
            raise StopCycle(f"{self._client.connection} has no part {part.name}")
        columns = plain_columns(described)
        path = spool / f"{part.name}.jsonl"
        rows = read_all(self._client, described, columns, bulk_from=self._bulk_from)
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for row in rows:
                file.write(json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False))
                file.write("\n")
        return Body(path, "jsonl")

    def digest(self, part: Part) -> str:
        return ""

    def warnings(self) -> Sequence[str]:
        return self._client.login.news()
