"""What every field of every record was last confirmed to hold by our hand.

The ledger says it, but in millions of rows. So a snapshot is kept: for each field the accounts, the
values and the rows of the ledger that say so, up to one row; the few rows after it are read from
the ledger itself. Losing the snapshot loses nothing but time.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from connectors.base import Value
from sync.ledger import entry_of, unsettled, value_text
from sync.plain import from_jsonable
from sync.state import State

_SAVE = """
REPLACE INTO last_confirmed (object, field, up_to, accounts, "values", writes)
VALUES (?, ?, ?, ?, ?, ?)
"""
_TAIL = """
SELECT id, account_id, changes FROM writes WHERE id > ? AND object = ? AND state = 'confirmed'
ORDER BY id
"""


class Confirmed(NamedTuple):
    """One field of one record: the value as JSON, and the row of the ledger that wrote it."""

    text: str
    row: int

    @property
    def value(self) -> Value:
        """The value with its type."""
        return from_jsonable(json.loads(self.text))


@dataclass(frozen=True, slots=True)
class Written:
    """The last value that a field of a record was confirmed to hold by our hand."""

    value: Value
    run_id: int
    at: str
    why: str


@dataclass(slots=True)
class LastConfirmed:
    """The last confirmed values of an object's records: field, then account id."""

    object: str
    up_to: int = 0
    """the last row of the ledger that is in it"""
    fields: dict[str, dict[str, Confirmed]] = field(default_factory=dict)

    @classmethod
    def load(cls, state: State, object_name: str) -> "LastConfirmed":
        """As the ledger has it now."""
        found = cls(object_name)
        rows = state.rows(
            'SELECT field, up_to, accounts, "values", writes FROM last_confirmed WHERE object = ?',
            (object_name,),
        )
        for name, up_to, accounts, values, writes in rows:
            pairs = map(Confirmed, json.loads(str(values)), json.loads(str(writes)))
            found.fields[str(name)] = dict(zip(json.loads(str(accounts)), pairs, strict=True))
            found.up_to = int(up_to or 0)
        found.catch_up(state)
        return found

    def catch_up(self, state: State) -> None:
        """Take in what was confirmed since."""
        last = self.up_to
        for row, account, name, text in _tail(state, self.up_to, self.object):
            self.fields.setdefault(name, {})[account] = Confirmed(text, row)
            last = row
        # A row that is open may be confirmed after those that follow it: they are read again then.
        first_open = next((entry.id for entry in unsettled(state)), None)
        self.up_to = last if first_open is None else min(last, first_open - 1)

    def save(self, state: State) -> None:
        """Keep it as the snapshot that the next `load` begins with. Safe to repeat."""
        with state.transaction() as connection:
            for name, known in self.fields.items():
                columns = (list(known), *zip(*known.values(), strict=True))
                texts = (json.dumps(column, ensure_ascii=True) for column in columns)
                connection.execute(_SAVE, (self.object, name, self.up_to, *texts))


def _tail(state: State, up_to: int, object_name: str) -> Iterator[tuple[int, str, str, str]]:
    for row, account, changes in state.rows(_TAIL, (up_to, object_name)):
        for one in json.loads(str(changes)):
            to = value_text(from_jsonable(one["to"]))
            yield int(row or 0), str(account), one["field"], to


def last_written(state: State, object_name: str, account_id: str) -> dict[str, Written]:
    """Per field of a record, the last value of ours that was confirmed, and why it was written."""
    found: dict[str, Written] = {}
    for name, known in LastConfirmed.load(state, object_name).fields.items():
        entry = entry_of(state, known[account_id].row) if account_id in known else None
        if entry is None:
            continue
        for one in entry.changes:
            if one.field == name:
                found[name] = Written(one.to, entry.run_id, str(entry.settled_at), one.why)
    return found
