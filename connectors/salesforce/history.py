"""What fields of a record were before, from the history that Salesforce keeps of tracked fields.

Eighteen months of it, and up to twenty-four by queryAll. Which fields are tracked nobody tells: the
others simply have no rows. Of long texts and multi-selects Salesforce notes that they changed, not
from what; of lookups it writes two rows, with ids and with names.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from config.errors import RecordRejected
from connectors.base import PastChange, Raw
from connectors.salesforce.client import Client
from connectors.salesforce.describe import Described, Objects, from_text
from connectors.salesforce.query import read
from connectors.salesforce.soql import Query, Where
from connectors.salesforce.values import long_id

_WITHOUT_VALUES = frozenset({"multipicklist", "textarea"})


@dataclass(frozen=True, slots=True)
class _Kept:
    """Where the history of an object is kept."""

    entity: str
    parent: str

    @classmethod
    def of(cls, entity: str) -> "_Kept":
        if entity.endswith("__c"):
            return cls(f"{entity.removesuffix('__c')}__History", "ParentId")
        if entity == "Opportunity":  # OpportunityHistory is about something else
            return cls("OpportunityFieldHistory", "OpportunityId")
        return cls(f"{entity}History", f"{entity}Id")


def history(
    client: Client,
    objects: Objects,
    described: Described,
    columns: Sequence[str],
    *,
    bulk_from: int,
) -> Iterator[PastChange]:
    """Changes of those of `columns` whose values are kept. One request and the pages of the rows;
    one where the object has no history or this user may not see it."""
    kept = _Kept.of(described.name)
    found = objects.find(kept.entity)
    fields = _fields(described, columns)
    if found is None or not fields:
        return
    asked = ["Id", kept.parent, "Field", "OldValue", "NewValue", "CreatedDate"]
    query = Query(asked, found.name, (Where("Field", "IN", tuple(sorted(fields))),))
    for row in read(client, found, query, everything=True, bulk_from=bulk_from):
        _, one, named, before, after, at = row
        column = fields[str(named)]
        kind = described.fields[column].type
        values = _values(before, after, kind)
        if values is not None and one is not None:
            yield PastChange(str(one), column, datetime.fromisoformat(str(at)), *values)


def _fields(described: Described, columns: Sequence[str]) -> Mapping[str, str]:
    """What history calls each field → the field. Lookups go by the name of their relationship."""
    found: dict[str, str] = {}
    for column in columns:
        field = described.fields.get(column)
        if field is None or field.calculated or field.type in _WITHOUT_VALUES:
            continue
        found[column] = column
        if field.type == "reference" and field.relationship:
            found[field.relationship] = column
    return found


def _values(before: Raw, after: Raw, kind: str) -> tuple[Raw, Raw] | None:
    """Both values as the field's own; None of a row that says nothing about them."""
    if before is None and after is None:
        return None
    if kind == "reference":
        try:
            ids = [None if one is None else long_id(str(one)) for one in (before, after)]
        except RecordRejected:
            return None  # the row with the names
        return ids[0], ids[1]
    return from_text(before, kind), from_text(after, kind)
