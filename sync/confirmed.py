"""What every field of every record was last confirmed to hold by our hand.

The ledger says it, but in millions of rows. So a snapshot is kept: for each field the accounts, the
values and the rows of the ledger that say so, up to one row; the few rows after it are read from
the ledger itself. Losing the snapshot loses nothing but time.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.base import Value
from sync.diff import Change
from sync.ledger import entry_of, unsettled
from sync.plain import from_jsonable, jsonable
from sync.state import State

_SAVE = """
REPLACE INTO last_confirmed (object, field, up_to, accounts, "values", writes)
VALUES (?, ?, ?, ?, ?, ?)
"""
_TAIL = """
SELECT id, account_id, changes FROM writes WHERE id > ? AND object = ? AND state = 'confirmed'
ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class Written:
    """The last value that a field of a record was confirmed to hold by our hand."""

    value: Value
    run_id: int
    at: str
    why: str


Known = dict[str, tuple[Any, int]]
"""By account id the value, as `jsonable` has it, and the row of the ledger that wrote it."""


@dataclass(slots=True)
class LastConfirmed:
    """The last confirmed values of an object's records."""

    object: str
    fields: dict[str, Known] = field(default_factory=dict)
    up_to: int = 0
    """the last row of the ledger that is in it"""
    _changed: set[str] = field(default_factory=set)

    @classmethod
    def load(cls, state: State, object_name: str) -> "LastConfirmed":
        """As the ledger has it now."""
        found = cls(object_name)
        rows = state.rows(
            'SELECT field, up_to, accounts, "values", writes FROM last_confirmed WHERE object = ?',
            (object_name,),
        )
        for name, up_to, *columns in rows:
            accounts, values, writes = (json.loads(str(column)) for column in columns)
            pairs = zip(values, writes, strict=True)
            found.fields[str(name)] = dict(zip(accounts, pairs, strict=True))
            found.up_to = int(up_to or 0)
        for row, account, changes in state.rows(_TAIL, (found.up_to, object_name)):
            for one in json.loads(str(changes)):
                found._note(str(account), one["field"], one["to"], int(row or 0))
        return found

    def of(self, account_id: str, name: str) -> tuple[Value, int] | None:
        """The value of one field of one record, and the row of the ledger that wrote it."""
        known = self.fields.get(name, {}).get(account_id)
        return None if known is None else (from_jsonable(known[0]), known[1])

    def take_in(self, records: Iterable[Sequence[Change]], rows: Iterable[int]) -> None:
        """Take in what was confirmed since, each record with its row of the ledger."""
        for changes, row in zip(records, rows, strict=True):
            for one in changes:
                self._note(one.account_id, one.field, jsonable(one.to), row)

    def _note(self, account_id: str, name: str, value: Any, row: int) -> None:
        self.fields.setdefault(name, {})[account_id] = value, row
        self._changed.add(name)

    def save(self, state: State) -> None:
        """Keep it as the snapshot that the next `load` begins with. Safe to repeat."""
        last = int(state.value("SELECT max(last_id) FROM write_batches") or 0)
        # A row that is open may be confirmed after those that follow it: they are read again then.
        first_open = next((entry.id for entry in unsettled(state)), last + 1)
        self.up_to = min(last, first_open - 1)
        with state.transaction() as connection:
            connection.execute(
                "UPDATE last_confirmed SET up_to = ? WHERE object = ?", (self.up_to, self.object)
            )
            for name in sorted(self._changed):
                known = self.fields[name]
                columns = (list(known), *zip(*known.values(), strict=True))
                texts = (json.dumps(column, ensure_ascii=True) for column in columns)
                connection.execute(_SAVE, (self.object, name, self.up_to, *texts))
        self._changed.clear()


def last_written(state: State, object_name: str, account_id: str) -> dict[str, Written]:
    """Per field of a record, the last value of ours that was confirmed, and why it was written."""
    found: dict[str, Written] = {}
    known = LastConfirmed.load(state, object_name)
    for name in known.fields:
        place = known.of(account_id, name)
        entry = entry_of(state, place[1]) if place else None
        if entry is None:
            continue
        for one in entry.changes:
            if one.field == name:
                found[name] = Written(one.to, entry.run_id, str(entry.settled_at), one.why)
    return found
