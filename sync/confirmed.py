"""What every field of every record was last confirmed to hold by our hand.

The ledger says it, but in millions of rows. So a snapshot is kept: for each field the accounts, the
values and the rows of the ledger that say so, up to one row; the few rows after it are read from
the ledger itself. Losing the snapshot loses nothing but time.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from connectors.base import Value
from sync.diff import Change
from sync.ledger import entry_of, unsettled
from sync.plain import from_jsonable, jsonable
from sync.state import Cell, State

_ROWS = "<i8"  # the same in a copy of the home on any other machine
_SAVE_ACCOUNTS = "REPLACE INTO confirmed_accounts (object, up_to, accounts) VALUES (?, ?, ?)"
_SAVE_UP_TO = "UPDATE confirmed_accounts SET up_to = ? WHERE object = ?"
_SAVE_COLUMN = 'REPLACE INTO last_confirmed (object, field, "values", writes) VALUES (?, ?, ?, ?)'
_ACCOUNTS = "SELECT up_to, accounts FROM confirmed_accounts WHERE object = ?"
_COLUMNS = 'SELECT field, "values", writes FROM last_confirmed WHERE object = ?'
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


NEVER = 0
"""In the place of a row: this field of this record was never confirmed."""


@dataclass(slots=True)
class Column:
    """One field: per account its value, as `jsonable` has it, and the row of the ledger that wrote
    it. Accounts that came later may be missing at the end."""

    values: list[Any] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)

    def put(self, place: int, value: Any, row: int) -> None:
        """Note a value at a place, wherever that is."""
        if (missing := place + 1 - len(self.values)) > 0:
            self.values += [None] * missing
            self.rows += [NEVER] * missing
        self.values[place], self.rows[place] = value, row


@dataclass(slots=True)
class LastConfirmed:
    """The last confirmed values of an object's records."""

    object: str
    places: dict[str, int] = field(default_factory=dict)
    """account id to its place in every column"""
    columns: dict[str, Column] = field(default_factory=dict)
    up_to: int = 0
    """the last row of the ledger that is in it"""
    _changed: set[str] = field(default_factory=set)
    _saved: int = 0  # how many accounts the snapshot has

    @classmethod
    def load(cls, state: State, object_name: str) -> "LastConfirmed":
        """As the ledger has it now."""
        found = cls(object_name)
        for up_to, accounts in state.rows(_ACCOUNTS, (object_name,)):
            found.up_to, ids = int(up_to or 0), json.loads(str(accounts))
            found.places, found._saved = dict(zip(ids, range(len(ids)), strict=True)), len(ids)
        for name, values, rows in state.rows(_COLUMNS, (object_name,)):
            found.columns[str(name)] = Column(json.loads(str(values)), _numbers(rows))
        for row, account, changes in state.rows(_TAIL, (found.up_to, object_name)):
            for one in json.loads(str(changes)):
                found._note(str(account), one["field"], one["to"], int(row or 0))
        return found

    def of(self, account_id: str, name: str) -> tuple[Value, int] | None:
        """The value of one field of one record, and the row of the ledger that wrote it."""
        place, column = self.places.get(account_id), self.columns.get(name)
        if place is None or column is None or place >= len(column.rows):
            return None
        row = column.rows[place]
        return None if row == NEVER else (from_jsonable(column.values[place]), row)

    def take_in(self, records: Iterable[Sequence[Change]], rows: Iterable[int]) -> None:
        """Take in what was confirmed since, each record with its row of the ledger."""
        for changes, row in zip(records, rows, strict=True):
            for one in changes:
                self._note(one.account_id, one.field, jsonable(one.to), row)

    def _note(self, account_id: str, name: str, value: Any, row: int) -> None:
        place = self.places.setdefault(account_id, len(self.places))
        if name not in self.columns:
            self.columns[name] = Column()
        self.columns[name].put(place, value, row)
        self._changed.add(name)

    def save(self, state: State) -> None:
        """Keep it as the snapshot that the next `load` begins with. Safe to repeat."""
        last = int(state.value("SELECT max(last_id) FROM write_batches") or 0)
        # A row that is open may be confirmed after those that follow it: they are read again then.
        first_open = next((entry.id for entry in unsettled(state)), last + 1)
        self.up_to = min(last, first_open - 1)
        with state.transaction() as connection:
            if self._saved == len(self.places):
                connection.execute(_SAVE_UP_TO, (self.up_to, self.object))
            else:
                accounts = json.dumps(list(self.places))
                connection.execute(_SAVE_ACCOUNTS, (self.object, self.up_to, accounts))
            for name in sorted(self._changed):
                column = self.columns[name]
                saved = json.dumps(column.values), np.array(column.rows, _ROWS).tobytes()
                connection.execute(_SAVE_COLUMN, (self.object, name, *saved))
        self._changed.clear()
        self._saved = len(self.places)


def _numbers(cell: Cell) -> list[int]:
    """The rows of a column. Older snapshots have them as JSON."""
    if isinstance(cell, bytes):
        return np.frombuffer(cell, _ROWS).tolist()  # type: ignore[no-any-return]
    return json.loads(str(cell))  # type: ignore[no-any-return]


def last_written(state: State, object_name: str, account_id: str) -> dict[str, Written]:
    """Per field of a record, the last value of ours that was confirmed, and why it was written."""
    found: dict[str, Written] = {}
    known = LastConfirmed.load(state, object_name)
    for name in known.columns:
        place = known.of(account_id, name)
        entry = entry_of(state, place[1]) if place else None
        if entry is None:
            continue
        for one in entry.changes:
            if one.field == name:
                found[name] = Written(one.to, entry.run_id, str(entry.settled_at), one.why)
    return found
