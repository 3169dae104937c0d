"""Large reads as a job of Bulk 2.0: made, waited for, fetched in pages that are counted.

A page is on disk and whole before its first row is passed on, so a broken transfer costs that page
and nothing is passed on twice.
"""

import csv
import io
import tempfile
from collections.abc import Iterator
from typing import IO

from requests import RequestException

from config.errors import RetryLater, StopCycle
from connectors import http
from connectors.base import Raw
from connectors.salesforce.client import Client
from connectors.salesforce.describe import Described, from_cell
from connectors.salesforce.jobs import wait_for
from connectors.salesforce.soql import Query

PAGE = 50_000
_IN_MEMORY = 4_000_000

Row = tuple[Raw, ...]

csv.field_size_limit(max(csv.field_size_limit(), 1 << 20))  # long texts exceed the default


def read(client: Client, described: Described, query: Query, *, everything: bool) -> Iterator[Row]:
    """Every row of a query. The job is made at once, so that Refused comes before the first row;
    RetryLater, perhaps late, if the rows did not all come."""
    body = {"operation": "queryAll" if everything else "query", "query": query.unordered}
    what = f"bulk query of {query.entity}"
    job = client.json("POST", "jobs/query", what=what, json=body, repeat=True)["id"]
    return _rows(client, described, query, job)


def _rows(client: Client, described: Described, query: Query, job: str) -> Iterator[Row]:
    what = f"bulk query of {query.entity}"
    said = wait_for(client, f"jobs/query/{job}", what)
    if said["state"] != "JobComplete":
        raise RetryLater(
            f"{client.connection}: the {what} ended as {said['state']}: {said.get('errorMessage')}"
        )
    kinds = [described.kind(one) for one in query.columns]
    locator, rows = "", 0
    while locator != "null":
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as page:
            locator, number = _fetched(client, job, locator, query, page)
            rows += number
            for cells in _cells(page):
                yield tuple(map(from_cell, cells, kinds))
    if rows != int(said["numberRecordsProcessed"]):
        raise RetryLater(
            f"{client.connection}: {rows:,} of {said['numberRecordsProcessed']:,} rows of the "
            f"{what} came"
        )


def _fetched(
    client: Client, job: str, locator: str, query: Query, page: IO[bytes]
) -> tuple[str, int]:
    """Put a page into a file; returns the next page's locator and the number of rows."""

    def fetch() -> tuple[str, int]:
        page.seek(0)
        page.truncate()
        asked = {"maxRecords": PAGE} | ({"locator": locator} if locator else {})
        with client.call(
            "GET", f"jobs/query/{job}/results", what=f"bulk query of {query.entity}",
            params=asked, stream=True,
        ) as response:  # fmt: skip
            try:
                for piece in response.iter_content(1 << 16):
                    page.write(piece)
            except RequestException as error:
                raise http.no_answer(error, response.url, client.login.hide) from None
            following = response.headers.get("Sforce-Locator", "null")
            number = int(response.headers.get("Sforce-NumberOfRecords", "-1"))
        header, came = _header(page), sum(1 for _ in _cells(page))
        if came != number:
            raise RetryLater(
                f"{client.connection}: a page of {query.entity} has {came:,} rows of {number:,}"
            )
        if came and [one.lower() for one in header] != [one.lower() for one in query.columns]:
            raise StopCycle(f"{client.connection}: a page of {query.entity} has other columns")
        return following, number

    return http.retrying(client.sleep, attempts=client.attempts)(fetch)


def _header(page: IO[bytes]) -> list[str]:
    page.seek(0)
    return next(csv.reader(io.StringIO(page.readline().decode("utf-8-sig"), newline="")), [])


def _cells(page: IO[bytes]) -> Iterator[list[str]]:
    page.seek(0)
    text = io.TextIOWrapper(page, encoding="utf-8-sig", newline="")
    try:
        rows = csv.reader(text)
        next(rows, None)
        yield from rows
    finally:
        text.detach()  # the file outlives its reader
