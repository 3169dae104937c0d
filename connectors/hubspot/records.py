"""Records of an object: all of them page by page, or some by their ids.

The list is in order of id and knows the latest state, unlike search, so it is what is read.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from config.errors import StopCycle
from connectors.base import Raw, Rejected
from connectors.hubspot.errors import Json
from connectors.hubspot.schema import RECORD_ID, Schema
from connectors.hubspot.wire import MOST, MOST_LINKED

if TYPE_CHECKING:
    from connectors.hubspot.connector import HubSpotConnector

LINKS = "associations."
"""`associations.companies` is no property, but the ids of the companies that a record has."""

_LONGEST = 4_000  # characters of an address; ceilings of 5 to 15 thousand are reported


class HubSpotAccounts:
    """Records of any object. Values are text, or None; times are ISO."""

    def __init__(self, connector: "HubSpotConnector") -> None:
        self._connector = connector

    def columns(self, object_name: str) -> Sequence[str]:
        return list(self._connector.schema(object_name).properties)

    def fingerprint(self, object_name: str) -> str:
        """Nothing cheap: calculated properties change without moving any stamp."""
        return ""

    def rejected(self, object_name: str) -> tuple[int, Sequence[Rejected]]:
        return 0, []

    def read(self, object_name: str, columns: Sequence[str]) -> Iterator[dict[str, Raw]]:
        for _, row in all_records(self._connector, object_name, columns):
            yield row


def all_records(
    connector: "HubSpotConnector", object_name: str, columns: Sequence[str]
) -> Iterator[tuple[str, dict[str, Raw]]]:
    """Record id and values of all records that are not archived, in order of id."""
    schema = connector.schema(object_name)
    schema.need(columns)
    for page in pages(connector, object_name, columns):
        for one in page:
            yield str(one["id"]), _row(connector, schema, one, columns)


def some_records(
    connector: "HubSpotConnector",
    object_name: str,
    columns: Sequence[str],
    ids: Sequence[str],
    id_property: str = "",
) -> Iterator[tuple[str, dict[str, Raw]]]:
    """The same for those of `ids` that are there, a hundred to a call."""
    schema = connector.schema(object_name)
    schema.need(columns)
    for some in chunks(list(dict.fromkeys(ids)), MOST):
        for one in connector.wire.read(object_name, some, columns, id_property):
            yield str(one["id"]), _row(connector, schema, one, columns)


def pages(
    connector: "HubSpotConnector",
    object_name: str,
    columns: Sequence[str],
    associations: Sequence[str] = (),
) -> Iterator[list[Json]]:
    """Pages of records as HubSpot gives them, to the last. StopCycle where it leads in circles."""
    wire = connector.wire
    long = sum(len("&properties=") + len(name) for name in columns) > _LONGEST
    after, seen = None, set[str]()
    while True:
        body = wire.page(object_name, [] if long else columns, after, associations)
        page = [one for one in body.get("results") or [] if isinstance(one, dict)]
        if long:
            whole = {str(one["id"]): one for one in page}
            for one in wire.read(object_name, list(whole), columns):
                whole[str(one["id"])]["properties"] = one.get("properties")
            page = list(whole.values())
        yield page
        after = str(((body.get("paging") or {}).get("next") or {}).get("after") or "")
        if not after:
            return
        if after in seen:
            raise StopCycle(f"HubSpot's list of {object_name} goes in circles at {after}")
        seen.add(after)


def links(connector: "HubSpotConnector", object_name: str, other: str, one: Json) -> list[str]:
    """Ids of the `other` records that a listed record is associated with, each once, in order."""
    found = next(
        (of for name, of in (one.get("associations") or {}).items() if _is(name, other)), None
    )
    if found is None:
        return []
    ids = [str(link["id"]) for link in found.get("results") or []]
    after = ((found.get("paging") or {}).get("next") or {}).get("after")
    while after:  # only some came with the record
        asked = [{"id": str(one["id"]), "after": str(after)}]
        [*answers] = connector.wire.linked(object_name, other, asked[:MOST_LINKED])
        ids += [str(link["toObjectId"]) for of in answers for link in of.get("to") or []]
        more = (((of.get("paging") or {}).get("next") or {}).get("after") for of in answers)
        after = next(filter(None, more), None)
    return list(dict.fromkeys(ids))


def _is(name: str, other: str) -> bool:
    # Asked for by one name of an object, associations may come under another.
    return name.lower() == other.lower() or not other.isalpha()


def chunks(of: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Pieces of up to `size`."""
    for start in range(0, len(of), size):
        yield of[start : start + size]


def _row(
    connector: "HubSpotConnector", schema: Schema, one: Json, columns: Sequence[str]
) -> dict[str, Raw]:
    values = one.get("properties") or {}
    row: dict[str, Raw] = {}
    for name in columns:
        if name not in values and name != RECORD_ID:
            # Unknown names are left out without a word: it may have been removed meanwhile.
            connector.still_there(schema.object_name, name)
        held = one["id"] if name == RECORD_ID else values.get(name)
        row[name] = schema.shown(name, held)
    return row
