"""Fields written into records: FieldSink. Collections for some, a bulk job for many."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from config.errors import RecordRejected, StopCycle
from connectors.base import AccountSource, Record, RecordWrite, WriteResult
from connectors.salesforce import bulk_write
from connectors.salesforce.bearing import Bearing
from connectors.salesforce.client import Client
from connectors.salesforce.collections import Collections, retrieved
from connectors.salesforce.describe import Described, Objects, from_record
from connectors.salesforce.options import Options
from connectors.salesforce.outcomes import SCHEMA, rejected
from connectors.salesforce.values import Json, long_id, prepared, writable

_TOGETHER = 10_000


class SalesforceSink:
    """Writes by Id. `bearings`: by object, what its automation was found to bear."""

    batch_size = _TOGETHER
    """Records to be given at once: what Salesforce takes for one batch of a bulk job."""

    def __init__(
        self,
        client: Client,
        objects: Objects,
        accounts: AccountSource,
        bearings: dict[str, Bearing],
        options: Options,
    ) -> None:
        self._client = client
        self._objects = objects
        self._accounts = accounts
        self._bearings = bearings
        self._options = options

    def batch_for(self, records: int) -> int:
        """Collections one by one; all together only where a bulk job is worth it."""
        few = records <= self._options.bulk_from
        return self._options.batch_size if few else self.batch_size

    def read(self, object_name: str, id_field: str, fields: Sequence[str]) -> Iterator[Record]:
        for row in self._accounts.read(object_name, [id_field, *fields]):
            one = row[id_field]
            if one is not None:
                yield Record(str(one), {field: row[field] for field in fields})

    def read_some(
        self, object_name: str, id_field: str, fields: Sequence[str], ids: Sequence[str]
    ) -> Iterator[Record]:
        """As `read`, of those of `ids` that are there: 2,000 a request, all where that is less."""
        described = self._objects.of(object_name)
        for name in fields:
            described.readable(name)
        known = {_long_or_nothing(one) if id_field == "Id" else one: one for one in ids}
        plain = id_field == "Id" and not any("." in name for name in fields)
        if not plain or len(known) >= self._options.bulk_read_from:
            for record in self.read(object_name, id_field, fields):
                if record.id in known:
                    yield Record(known[record.id], record.values)
            return
        wanted = [one for one in known if one]
        for found in retrieved(self._client, described.name, wanted, fields):
            kinds = {name: described.field(name).type for name in fields}
            values = {name: from_record(found, name, kinds[name]) for name in fields}
            yield Record(known[found["Id"]], values)

    def write(
        self, object_name: str, id_field: str, writes: Sequence[RecordWrite]
    ) -> list[WriteResult]:
        """As the protocol says. What a budget or a lost login keeps from being sent after others
        were is `unknown`, with the code NOT_SENT."""
        if id_field != "Id":
            raise StopCycle(
                f"records of {self._client.connection} are written by Id, not by {id_field}",
                "set accounts.id to Id in mapping.yaml",
            )
        described = self._objects.of(object_name)
        for name in dict.fromkeys(name for one in writes for name in one.values):
            writable(described, name)
        records, ids, refused = _records(described, writes)
        settled = refused | self._settled(described, records)
        if any(one.code in SCHEMA for one in settled.values()):
            self._objects.forget(described.name)  # the next write sees what has gone
        return [_answer(one.id, settled.get(ids.get(one.id, one.id))) for one in writes]

    def _settled(
        self, described: Described, records: dict[str, dict[str, Json]]
    ) -> dict[str, WriteResult]:
        bearing = self._bearings.setdefault(described.name, Bearing())
        each = Collections(
            self._client, described, records, bearing, batch_size=self._options.batch_size
        )
        few: list[str] = []
        for group in _groups(records):
            if len(group) <= self._options.bulk_from:
                few += group
                continue
            bulk_write.write(self._client, described, records, group, each)
        each.write(few)
        return each.settled


def _records(
    described: Described, writes: Sequence[RecordWrite]
) -> tuple[dict[str, dict[str, Json]], dict[str, str], dict[str, WriteResult]]:
    """What is to be sent by long id, later writes of a record on top; given id → long id; and what
    was refused here."""
    records: dict[str, dict[str, Json]] = {}
    ids: dict[str, str] = {}
    refused: dict[str, WriteResult] = {}
    for write in writes:
        one = write.id
        try:
            one = ids[write.id] = long_id(write.id)
            records.setdefault(one, {}).update(prepared(described, write.values))
        except RecordRejected as error:
            refused[one] = rejected(one, str(error))
    for one in refused:
        records.pop(one, None)
    return {one: values for one, values in records.items() if values}, ids, refused


def _groups(records: dict[str, dict[str, Json]]) -> Iterator[list[str]]:
    """Ids that change the same fields, those that no bulk job can carry apart."""

    def columns(one: str) -> tuple[bool, list[str]]:
        return not bulk_write.fits(records[one]), sorted(records[one])

    for (odd, _), ids in groupby(sorted(records, key=columns), key=columns):
        together = list(ids)
        if not odd:
            yield together
            continue
        for one in together:
            yield [one]


def _long_or_nothing(one: str) -> str:
    try:
        return long_id(one)
    except RecordRejected:
        return ""  # no id, so of no record


def _answer(given: str, result: WriteResult | None) -> WriteResult:
    if result is None:  # nothing was asked of this record
        return WriteResult(given, "written")
    return WriteResult(given, result.outcome, result.reason, result.code)
