"""Reading all records of a query: page by page over REST, or as a bulk query where it is large.

Never less than all: the records are counted against what Salesforce says there are. Where the way
breaks (a query's cursor has expired, pages came up short) reading goes on after the last Id.
"""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from config.errors import RetryLater
from connectors import http
from connectors.base import Raw
from connectors.salesforce import bulk_query
from connectors.salesforce.answers import Refused
from connectors.salesforce.client import Client
from connectors.salesforce.describe import Described, from_record, kinds_of
from connectors.salesforce.soql import Query, Where

_LONGEST_ADDRESS = 12_000  # 16,384 bytes hold the address and all headers
_RESUMES = 5
_ARCHIVED = frozenset({"Task", "Event"})
_PAGE = {"Sforce-Query-Options": "batchSize=2000"}

Row = tuple[Raw, ...]


def read_all(
    client: Client, described: Described, columns: Sequence[str], *, bulk_from: int
) -> Iterator[Row]:
    """Values of `columns` of every record that is not deleted, ordered as it comes.

    RetryLater if the records could not all be read. `bulk_from`: number of records from which a
    bulk query is used.
    """
    asked = list(dict.fromkeys(["Id", *columns]))
    query, everything = whole(described.name, asked)
    places = [asked.index(one) for one in columns]
    for row in read(client, described, query, everything=everything, bulk_from=bulk_from):
        yield tuple(row[place] for place in places)


def read(
    client: Client, described: Described, query: Query, *, everything: bool, bulk_from: int
) -> Iterator[Row]:
    """As `read_all`, of the records that a query finds; its first column is Id. `everything`: also
    those that are deleted or archived."""
    if len(quote(str(query))) > _LONGEST_ADDRESS:
        yield from _long(client, described, query, everything=everything)
    else:
        yield from _rest(client, described, query, everything=everything, bulk_from=bulk_from)


def _long(client: Client, described: Described, query: Query, *, everything: bool) -> Iterator[Row]:
    """A query that no address holds. That it finds nothing is believed once it was counted."""
    rows = bulk_query.read(client, described, query, everything=everything)
    first = next(rows, None)
    if first is not None:
        yield first
        yield from rows
    elif count(client, query, everything=everything):
        raise RetryLater(f"{client.connection}: {query.entity} was said to be empty, and is not")


def whole(entity: str, columns: Sequence[str]) -> tuple[Query, bool]:
    """The query for all records that are not deleted, and whether it is one for queryAll: tasks and
    events are archived after a year, and only queryAll sees them."""
    if entity in _ARCHIVED:
        return Query(columns, entity, (Where("IsDeleted", "=", value=False),)), True
    return Query(columns, entity), False


def _rest(
    client: Client, described: Described, query: Query, *, everything: bool, bulk_from: int
) -> Iterator[Row]:
    kinds = kinds_of(described, query.columns)
    pairs = list(zip(query.columns, kinds, strict=True))
    page = _first(client, query, everything=everything)
    if page["totalSize"] >= bulk_from:
        try:
            found = bulk_query.read(client, described, query, everything=everything)
        except Refused:  # not served for this object, or used up for today: pages do as well
            pass
        else:
            yield from found
            return
    last, left = "", int(page["totalSize"])
    resumed = 0
    while True:
        for record in page["records"]:
            row = tuple(from_record(record, path, kind) for path, kind in pairs)
            last, left = str(row[0]), left - 1
            yield row
        following = None if page["done"] else _more(client, page["nextRecordsUrl"])
        if following is None:
            if left <= 0:
                return
            # The cursor has gone, or a page said it was the last and was not.
            resumed += 1
            following = _first(client, query.after(last) if last else query, everything=everything)
            if resumed > _RESUMES or not following["totalSize"]:
                raise RetryLater(
                    f"{client.connection}: {left:,} records of {query.entity} did not come"
                )
            left = int(following["totalSize"])
        page = following


def _first(client: Client, query: Query, *, everything: bool) -> Any:
    """The first page. What is said to be empty is counted as well: it costs a call, and an empty
    answer taken for true would end every account."""

    def ask() -> Any:
        page: Any = client.query(str(query), include_deleted=everything, headers=_PAGE)
        if page["totalSize"] == 0 and count(client, query, everything=everything):
            raise RetryLater(
                f"{client.connection}: {query.entity} was said to be empty, and is not"
            )
        return page

    return http.retrying(client.sleep, attempts=3)(ask)


def count(client: Client, query: Query, *, everything: bool) -> int:
    """How many records a query finds."""
    found: Any = client.query(query.counted, include_deleted=everything)
    return int(found["totalSize"])


def _more(client: Client, address: str) -> Any:
    """The next page, None if the cursor has gone."""
    try:
        return client.query_more(address, identifier_is_url=True, headers=_PAGE)
    except Refused as refused:
        if refused.code != "INVALID_QUERY_LOCATOR":
            raise
        return None
