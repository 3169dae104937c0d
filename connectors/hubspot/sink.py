"""Computed values into HubSpot: batches of a hundred, each record's fate read from the answer.

Records are found by HubSpot's own id; where the mapping knows them by another property, that must
be a unique one, and the ids are looked up first.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from config.errors import GatepostError, RecordRejected, StopCycle
from config.problem import quoted
from connectors.base import Record, RecordWrite, WriteResult
from connectors.hubspot.records import all_records, some_records
from connectors.hubspot.refusals import Refusals
from connectors.hubspot.schema import RECORD_ID, Schema
from connectors.hubspot.writing import Texts, Writing

if TYPE_CHECKING:
    from connectors.hubspot.connector import HubSpotConnector


class HubSpotSink:
    """FieldSink of one account. One writer at a time: the cycle's lock sees to it."""

    def __init__(self, connector: "HubSpotConnector") -> None:
        self._connector = connector
        self.batch_size = connector.options.batch_size
        self._refusals = Refusals()
        self._record_ids: dict[str, str] = {}  # by value of the id property

    def read(self, object_name: str, id_field: str, fields: Sequence[str]) -> Iterator[Record]:
        found = all_records(self._connector, object_name, [id_field, *fields])
        for record_id, row in found:
            if row[id_field] is not None:
                self._record_ids[str(row[id_field])] = record_id
                yield Record(str(row[id_field]), {name: row[name] for name in fields})

    def read_some(
        self, object_name: str, id_field: str, fields: Sequence[str], ids: Sequence[str]
    ) -> Iterator[Record]:
        by = "" if id_field == RECORD_ID else id_field
        asked = {one for one in ids if by or one.isdigit()}
        columns = [id_field, *fields]
        if by:
            self._need_unique(self._connector.schema(object_name), by)
        found = some_records(self._connector, object_name, columns, sorted(asked), by)
        for record_id, row in found:
            if not by and record_id not in asked:
                continue  # the id was merged away: HubSpot answers with the record that it became
            self._record_ids[str(row[id_field])] = record_id
            yield Record(str(row[id_field]), {name: row[name] for name in fields})

    def write(
        self, object_name: str, id_field: str, writes: Sequence[RecordWrite]
    ) -> list[WriteResult]:
        """As the protocol says. StopCycle if a field is not there or cannot be written."""
        if not writes:
            return []
        self._connector.need_portal()
        schema = self._connector.schema(object_name)
        schema.need_writable(list(dict.fromkeys(name for one in writes for name in one.values)))
        results: dict[str, WriteResult] = {}
        wanted = _texts(schema, writes, results)
        record_ids = self._found(schema, id_field, wanted, results)
        texts = {record_ids[one]: wanted[one] for one in wanted if one in record_ids}
        names = {record_ids[one]: one for one in record_ids}
        writing = Writing(self._connector, schema, self._refusals)
        try:
            writing.run(texts)
        except GatepostError as error:
            if not writing.touched:
                raise
            for record_id in texts.keys() - writing.results.keys():
                said = f"it was not settled: {error}"
                writing.results[record_id] = WriteResult(record_id, "unknown", said)
        for record_id, result in writing.results.items():
            one = names[record_id]
            results[one] = WriteResult(one, result.outcome, result.reason, result.code)
        return [results[one.id] for one in writes]

    def _found(
        self, schema: Schema, id_field: str, wanted: Texts, results: dict[str, WriteResult]
    ) -> dict[str, str]:
        """The mapping's id → HubSpot's, of those that are there."""
        if id_field == RECORD_ID:
            found = {one: one for one in wanted if one.isdigit()}
        else:
            self._need_unique(schema, id_field)
            unknown = [one for one in wanted if one not in self._record_ids]
            for _ in self.read_some(schema.object_name, id_field, [], unknown):
                pass  # which notes the ids
            found = {one: self._record_ids[one] for one in wanted if one in self._record_ids}
            if len({*found.values()}) < len(found):  # a value went from one record to another
                for one in wanted:
                    self._record_ids.pop(one, None)
                return self._found(schema, id_field, wanted, results)
        for one in wanted.keys() - found.keys():
            said = f"HubSpot has no record with {id_field} {quoted(one)}"
            results[one] = WriteResult(one, "rejected", said, "OBJECT_NOT_FOUND")
        return found

    def _need_unique(self, schema: Schema, id_field: str) -> None:
        schema.need([id_field])
        if not schema.properties[id_field].unique:
            raise StopCycle(
                f"{quoted(id_field)} of HubSpot's {schema.object_name} is not unique",
                f"use {RECORD_ID} as the id in mapping.yaml, or a property with unique values",
            )


def _texts(
    schema: Schema, writes: Sequence[RecordWrite], results: dict[str, WriteResult]
) -> dict[str, dict[str, str]]:
    """Id → property → text, later writes of an id on top; what cannot be sent is a result."""
    texts: dict[str, dict[str, str]] = {}
    for write in writes:
        cells = texts.setdefault(write.id, {})
        for name, value in write.values.items():
            try:
                cells[name] = schema.text(name, value)
            except RecordRejected as error:
                said = f"{name}: {error}"
                results[write.id] = WriteResult(write.id, "rejected", said, "INVALID_VALUE")
    for one in texts.keys() - results.keys():
        if not texts[one]:
            results[one] = WriteResult(one, "written")
    return {one: cells for one, cells in texts.items() if one not in results}
