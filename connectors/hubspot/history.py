"""What properties of a record were before, as far back as HubSpot keeps it.

Of each property some twenty values are kept, newest first, with the instants at which they came.
What a record had from the beginning it has always had; of a value whose forerunner is not kept any
more nothing is said.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from config.errors import StopCycle
from connectors.base import PastChange, Raw
from connectors.hubspot.errors import Json
from connectors.hubspot.records import next_page
from connectors.hubspot.schema import RECORD_ID, Schema

if TYPE_CHECKING:
    from connectors.hubspot.connector import HubSpotConnector

KEPT = 20
"""Values of a property that HubSpot keeps, by what is said; where there are as many, the oldest is
not the first."""

_LONGEST = 4_000  # characters of an address
_MADE = timedelta(minutes=1)


def history(
    connector: "HubSpotConnector", object_name: str, columns: Sequence[str]
) -> Iterator[PastChange]:
    """Changes of these columns of all records: a call for fifty of them."""
    schema = connector.schema(object_name)
    schema.need(columns)
    for some in _fitting([one for one in columns if one != RECORD_ID]):
        after, seen = None, set[str]()
        while True:
            body = connector.wire.page(object_name, [RECORD_ID], after, histories=some)
            for one in body.get("results") or []:
                yield from _changes(schema, one)
            after = next_page(body)
            if not after:
                break
            if after in seen:
                raise StopCycle(f"HubSpot's list of {object_name} goes in circles at {after}")
            seen.add(after)


def _fitting(columns: Sequence[str]) -> Iterator[list[str]]:
    """The columns in pieces that fit into an address."""
    piece: list[str] = []
    for one in columns:
        if (
            piece
            and sum(len(f"&propertiesWithHistory={name}") for name in [*piece, one]) > _LONGEST
        ):
            yield piece
            piece = []
        piece.append(one)
    if piece:
        yield piece


def _changes(schema: Schema, record: Json) -> Iterator[PastChange]:
    made = _instant(record.get("createdAt"))
    for name, kept in (record.get("propertiesWithHistory") or {}).items():
        revisions = [one for one in kept if _instant(one.get("timestamp")) is not None]
        values = [schema.shown(name, one.get("value")) for one in revisions]
        for place, one in enumerate(revisions):
            at = _instant(one.get("timestamp"))
            assert at is not None
            if place + 1 < len(values):
                before: Raw = values[place + 1]
            elif len(values) >= KEPT or (made is not None and at < made + _MADE):
                continue
            else:
                before = None
            yield PastChange(str(record["id"]), name, at, before, values[place])


def _instant(text: Any) -> datetime | None:
    try:
        read = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
