"""Records of an object as events, by the month in which they were made, spooled as JSON lines.

One request tells how many records each month has and when one of them was last touched, so that
only months in which something changed are read again: a record that was deleted is one fewer, one
that a merge gave to another account was touched. A past year is one part, and so is what fits into
one page of an answer.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Self

from config.errors import RetryLater, StopCycle
from connectors import http
from connectors.base import Body, Part
from connectors.salesforce.client import Client
from connectors.salesforce.describe import Described, Objects, plain_columns
from connectors.salesforce.query import count, read, whole
from connectors.salesforce.soql import Where
from connectors.salesforce.stamps import STAMPS, settled, stamp

_MADE = "CreatedDate"
_PAGE = 2000

_Month = dict[str, Any]
"""y, m, n records that were made in it, s the newest stamp of them"""


@dataclass(frozen=True, slots=True)
class _Span:
    """Records that were made from `first` on and before `end`; both None: all of them."""

    name: str = ""
    first: datetime | None = None
    end: datetime | None = None

    @classmethod
    def of(cls, year: int, month: int) -> Self:
        """A month, or with 0 a year."""
        first = datetime(year, month or 1, 1, tzinfo=UTC)
        following = (year, month + 1) if 0 < month < 12 else (year + 1, 1)
        name = f"{year}-{month:02}" if month else f"{year}"
        return cls(name, first, datetime(*following, 1, tzinfo=UTC))

    @property
    def where(self) -> tuple[Where, ...]:
        if self.first is None or self.end is None:
            return ()
        return (Where(_MADE, ">=", self.first), Where(_MADE, "<", self.end))


class SalesforceRecords:
    """A formula of a child record, or a parent's field, changes without a trace: an entry that
    names one is read anew each time."""

    def __init__(
        self, client: Client, objects: Objects, object_name: str, *, bulk_from: int
    ) -> None:
        self._client = client
        self._objects = objects
        self._object = object_name
        self._bulk_from = bulk_from
        self._selected: list[str] | None = None
        self._parts: dict[str, tuple[Part, _Span]] | None = None

    def select(self, names: Sequence[str]) -> None:
        """Read only these. StopCycle for a field that is not there."""
        described = self._objects.of(self._object)
        for name in names:
            described.readable(name)
        self._selected = list(dict.fromkeys(["Id", *names]))

    def parts(self) -> Sequence[Part]:
        """As of the first time of asking: records change all the time, and what changed since then
        is found by the next run."""
        return [part for part, _ in self._known().values()]

    def fetch(self, part: Part, spool: Path) -> Body:
        described = self._objects.of(self._object)
        _, span = self._known().get(part.name, (None, None))
        if span is None:
            raise StopCycle(f"{self._client.connection} has no part {part.name}")
        columns = self._columns(described)
        query, everything = whole(described.name, columns)
        query = replace(query, where=(*query.where, *span.where))
        path = spool / f"{part.name}.jsonl"
        rows = read(
            self._client, described, query, everything=everything, bulk_from=self._bulk_from
        )
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for row in rows:
                file.write(json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False))
                file.write("\n")
        return Body(path, "jsonl")

    def digest(self, part: Part) -> str:
        return ""

    def warnings(self) -> Sequence[str]:
        return self._client.login.news()

    def _columns(self, described: Described) -> list[str]:
        return list(dict.fromkeys(["Id", *(self._selected or plain_columns(described))]))

    def _known(self) -> dict[str, tuple[Part, _Span]]:
        if self._parts is None:
            described = self._objects.of(self._object)
            found = self._asked(described)
            self._parts = {part.name: (part, span) for part, span in found}
        return self._parts

    def _asked(self, described: Described) -> list[tuple[Part, _Span]]:
        months = self._by_month(described)
        if sum(int(row["n"]) for row in months) <= _PAGE:  # as cheap as the smallest part of it
            found = _said(self._client, months) if months else stamp(self._client, described)
            return [(self._part(described, described.name, found), _Span())]
        parts: list[tuple[Part, _Span]] = []
        for year, rows in groupby(months, key=lambda row: int(row["y"])):
            for span, some in self._spans(year, list(rows)):
                parts.append((self._part(described, span.name, _said(self._client, some)), span))
        return parts

    def _spans(self, year: int, rows: list[_Month]) -> Iterator[tuple[_Span, list[_Month]]]:
        if year < self._client.now().year or sum(int(row["n"]) for row in rows) <= _PAGE:
            yield _Span.of(year, 0), rows
            return
        for row in rows:
            yield _Span.of(year, int(row["m"])), [row]

    def _by_month(self, described: Described) -> list[_Month]:
        """Year, month, number of records and newest stamp, ordered; none where there are no records
        or the object cannot be asked so. RetryLater where an empty answer is none: it would take
        the months away."""
        touched = next((one for one in STAMPS if one in described.fields), None)
        if touched is None or _MADE not in described.fields:
            return []
        query, everything = whole(described.name, ["Id"])

        def ask() -> list[_Month]:
            found: Any = self._client.query(
                query.by_month(_MADE, touched), include_deleted=everything
            )
            if not found["records"] and count(self._client, query, everything=everything):
                raise RetryLater(
                    f"{self._client.connection}: {described.name} was said to be empty, and is not"
                )
            return sorted(found["records"], key=lambda one: (one["y"], one["m"]))

        return http.retrying(self._client.sleep, attempts=3)(ask)

    def _part(self, described: Described, name: str, found: str) -> Part:
        silent = self._selected is not None and any(map(described.silent, self._selected))
        months = tuple(f"{name}-{month:02}" for month in range(1, 13)) if name.isdigit() else ()
        # Just changed: a fingerprint of its own, so that the next run looks again.
        fingerprint = f"as of {self._client.clock()}" if silent or not found else found
        return Part(name, fingerprint, replaces=(described.name, *months))


def _said(client: Client, months: Sequence[_Month]) -> str:
    """What the months' figures say, "" where one of them changed just now."""
    each = [settled(client, row["n"], row["s"]) for row in months]
    return "" if "" in each else "; ".join(each)
