"""Records of an object: all of them page by page, or some by their ids.

The list is in order of id and knows the latest state, unlike search, so it is what is read.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from config.errors import StopCycle
from connectors.base import Changed, PastChange, Raw, Rejected
from connectors.hubspot.errors import Json
from connectors.hubspot.schema import RECORD_ID, Schema
from connectors.hubspot.wire import MOST

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

    def read_changed(
        self, object_name: str, id_field: str, columns: Sequence[str], since: str | None
    ) -> Changed:
        from connectors.hubspot.changed import ChangedRecords  # which reads by way of this module

        return ChangedRecords(self._connector, object_name, columns).read(id_field, since)

    def history(self, object_name: str, columns: Sequence[str]) -> Iterator[PastChange]:
        from connectors.hubspot.history import history  # once for each mapped field

        return history(self._connector, object_name, columns)

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
            yield str(one["id"]), _row(schema, one, columns)


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
    missing = set[str]()
    for some in chunks(list(dict.fromkeys(ids)), MOST):
        found = connector.wire.read(object_name, some, columns, id_property)
        missing.update(_missing(found, columns))
        for one in found:
            yield str(one["id"]), _row(schema, one, columns)
    connector.need_still(object_name, missing)


def pages(
    connector: "HubSpotConnector",
    object_name: str,
    columns: Sequence[str],
    associations: Sequence[str] = (),
) -> Iterator[list[Json]]:
    """Pages of records as HubSpot gives them, to the last. StopCycle where it leads in circles, or
    at the end if a property was removed meanwhile."""
    wire = connector.wire
    long = sum(len("&properties=") + len(name) for name in columns) > _LONGEST
    after, seen, missing = None, set[str](), set[str]()
    while True:
        body = wire.page(object_name, [] if long else columns, after, associations)
        page = [one for one in body.get("results") or [] if isinstance(one, dict)]
        if long:
            # Who was archived or merged away since it was listed is not there any more.
            read = wire.read(object_name, [str(one["id"]) for one in page], columns)
            now = {str(one["id"]): one.get("properties") for one in read}
            page = [one | {"properties": now[i]} for one in page if (i := str(one["id"])) in now]
        missing.update(_missing(page, columns))
        yield page
        after = next_page(body)
        if not after:
            connector.need_still(object_name, missing)
            return
        if after in seen:
            raise StopCycle(f"HubSpot's list of {object_name} goes in circles at {after}")
        seen.add(after)


def links(
    connector: "HubSpotConnector", object_name: str, others: Sequence[str], one: Json
) -> dict[str, list[str]]:
    """By other object, the ids that a listed record is associated with, each once, in order."""
    found = dict(one.get("associations") or {})
    by = {other: found.pop(other) for other in others if other in found}
    unnamed = [other for other in others if other not in by]
    if len(unnamed) == len(found) == 1:
        # Asked for by another of its names (company, 0-2), it comes under that of HubSpot.
        by[unnamed[0]] = found.popitem()[1]
    elif unnamed and found:
        said = f"HubSpot answers with {', '.join(found)} where {', '.join(unnamed)} were asked for"
        raise StopCycle(f"associations of {object_name}: {said}", "use HubSpot's own names")
    return {other: _ids(connector, object_name, other, one, by.get(other)) for other in others}


def _ids(
    connector: "HubSpotConnector", object_name: str, other: str, one: Json, came: Json | None
) -> list[str]:
    if came is None:
        return []
    ids = [str(link["id"]) for link in came.get("results") or []]
    if not next_page(came):
        return list(dict.fromkeys(ids))
    after = ""  # only some came with the record: they are asked for anew, from the first
    while True:
        asked = {"id": str(one["id"])} | ({"after": after} if after else {})
        found = connector.wire.linked(object_name, other, [asked])
        ids += [str(link["toObjectId"]) for of in found for link in of.get("to") or []]
        before, after = after, next(filter(None, map(next_page, found)), "")
        if not after:
            return list(dict.fromkeys(ids))
        if after == before:
            raise StopCycle(f"HubSpot's associations of {object_name} go in circles at {after}")


def next_page(body: Json) -> str:
    """Where the next page begins, "" on the last."""
    return str(((body.get("paging") or {}).get("next") or {}).get("after") or "")


def chunks(of: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Pieces of up to `size`."""
    for start in range(0, len(of), size):
        yield of[start : start + size]


def _missing(page: Sequence[Json], columns: Sequence[str]) -> Iterator[str]:
    """Columns that a record lacks: names that HubSpot does not know are left out without a word."""
    for one in page:
        held = one.get("properties") or {}
        yield from (name for name in columns if name not in held)


def _row(schema: Schema, one: Json, columns: Sequence[str]) -> dict[str, Raw]:
    values = {**(one.get("properties") or {}), RECORD_ID: str(one["id"])}
    return {name: schema.shown(name, values.get(name)) for name in columns}
