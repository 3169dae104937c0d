"""The ledger: what is about to be written, on disk before it is sent, and what became of it.

One row for each record and run, its fields as JSON in the row: the CRM answers by record, so there
is one outcome to settle, and three fields cost one row instead of three. Rows go intended → sent →
confirmed, failed or unknown. Whatever a run leaves unsettled (it was killed, or nobody answered)
is settled by `settle_earlier` before anything is planned again; nothing is ever sent twice
blindly.

What is sent together is noted together: a batch has the state of all its rows but those that came
to something else. The view `writes` puts both together, and is what is read.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, groupby, islice
from json.encoder import encode_basestring
from math import isfinite
from typing import Literal, NamedTuple

from connectors.base import Value
from sync.diff import Change, Observed, same
from sync.plain import from_jsonable, json_text, jsonable
from sync.runs import Clock
from sync.state import Cell, State, instant_text

WriteState = Literal["intended", "sent", "confirmed", "failed", "unknown", "forgotten"]

_INSERT_BATCH = """
INSERT INTO write_batches (first_id, last_id, run_id, state, intended_at)
VALUES (?, ?, ?, 'intended', ?)
"""
_INSERT = "INSERT INTO write_records (id, batch, object, account_id, changes) VALUES "
_ROW = "(?, ?, ?, ?, ?)"
_ROWS_A_STATEMENT = 50  # each statement notes the last id once: so it takes half the time
_SETTLE_BATCH = """
UPDATE write_batches SET state = ?, code = ?, message = ?, settled_at = ? WHERE first_id = ?
"""
_AS_ITS_BATCH = """
UPDATE write_records SET state = NULL, code = NULL, message = NULL, settled_at = NULL
WHERE id >= ? AND id <= ? AND state IS NOT NULL
"""
_SETTLE = """
UPDATE write_records SET state = ?, code = ?, message = ?, settled_at = ? WHERE id >= ? AND id <= ?
"""
_SELECT = """
SELECT id, run_id, object, account_id, changes, state, code, message, intended_at, sent_at,
       settled_at
FROM writes
"""
_OPEN = """
SELECT r.id FROM write_records r WHERE r.state IN ('intended', 'sent', 'unknown')
UNION ALL
SELECT r.id FROM write_batches b JOIN write_records r ON r.id BETWEEN b.first_id AND b.last_id
WHERE b.state IN ('intended', 'sent', 'unknown') AND r.state IS NULL
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the ledger."""

    id: int
    run_id: int
    object: str
    account_id: str
    changes: tuple[Change, ...]  # `name` is not kept: ""
    state: WriteState
    code: str
    message: str
    intended_at: str
    sent_at: str | None
    settled_at: str | None


class Settled(NamedTuple):
    """What became of one row. `code` and `message` are the CRM's, where it gave any."""

    id: int
    state: Literal["confirmed", "failed", "unknown", "forgotten"]
    code: str = ""
    message: str = ""


Records = Sequence[Sequence[Change]]
"""The changes of each record."""


class Ledger:
    """The writes in the state file. `now` is asked for each time that is noted."""

    def __init__(self, state: State, now: Clock) -> None:
        self._state = state
        self._now = now

    def intend(self, run_id: int, batches: Iterable[Records]) -> list[range]:
        """Put down what is to be written, each record's changes as one row; for each batch the ids
        of its rows, in the order of its records. On disk when this returns."""
        at = instant_text(self._now())
        noted: list[range] = []
        with self._state.transaction() as connection:
            # ids are ours to give: we hold the write lock, and none is ever used twice
            last = self._state.value("SELECT seq FROM sqlite_sequence WHERE name = 'write_records'")
            first = int(last or 0) + 1
            for batch in batches:
                ids = range(first, first + len(batch))
                connection.execute(_INSERT_BATCH, (first, ids.stop - 1, run_id, at))
                rows = (
                    (number, first, one[0].object, one[0].account_id, _changes_text(one))
                    for number, one in zip(ids, batch, strict=True)
                )
                while some := list(islice(rows, _ROWS_A_STATEMENT)):
                    places = ", ".join([_ROW] * len(some))
                    connection.execute(_INSERT + places, list(chain.from_iterable(some)))
                noted.append(ids)
                first = ids.stop
        return noted

    def mark_sent(self, ids: range) -> None:
        """Note that the request for this batch may leave from now on. On disk when this returns."""
        with self._state.transaction() as connection:
            connection.execute(
                "UPDATE write_batches SET state = 'sent', sent_at = ?"
                " WHERE first_id = ? AND state = 'intended'",
                (instant_text(self._now()), ids.start),
            )

    def settle(self, outcomes: Iterable[Settled]) -> None:
        """Note what became of rows; all of them or, if this process dies, none. Safe to repeat."""
        at = instant_text(self._now())
        told = {one.id: one for one in sorted(outcomes)}
        if not told:
            return
        with self._state.transaction() as connection:
            batches = connection.execute(
                "SELECT first_id, last_id FROM write_batches WHERE last_id >= ? AND first_id <= ?",
                (min(told), max(told)),
            ).fetchall()
            for first, last in batches:
                ours = [told[row] for row in range(first, last + 1) if row in told]
                if len(ours) == last - first + 1:
                    common = Counter(one[1:] for one in ours).most_common(1)[0][0]
                    connection.execute(_AS_ITS_BATCH, (first, last))
                    connection.execute(_SETTLE_BATCH, (*_cells(common), at, first))
                    ours = [one for one in ours if one[1:] != common]
                connection.executemany(
                    _SETTLE,
                    ((*_cells(one[1:]), at, one.id, until) for one, until in _together(ours)),
                )

    def settle_earlier(
        self, object_name: str, observed: Mapping[str, Observed], fields: Collection[str]
    ) -> tuple[Settled, ...]:
        """Settle whatever earlier runs left open, by what `object_name` shows now in `fields`.

        What was sent is confirmed if every field shows our value, else forgotten, and the next diff
        decides; so is what was never sent, and what belongs to an object or a field that nothing is
        written to any more. The caller holds the run lock: an open row is nobody's at work.
        """
        outcomes = tuple(
            Settled(entry.id, *_judged(entry, object_name, observed, fields))
            for entry in unsettled(self._state)
        )
        if outcomes:
            self.settle(outcomes)
        return outcomes


def _cells(outcome: tuple[str, str, str]) -> tuple[str, str | None, str | None]:
    state, code, message = outcome
    return state, code or None, message or None


def _together(outcomes: Iterable[Settled]) -> Iterator[tuple[Settled, int]]:
    """Outcomes that are alike, of rows that follow each other, as one: the first, and the last
    id."""
    counted = enumerate(outcomes)
    for _, run in groupby(counted, key=lambda each: (each[1][1:], each[1].id - each[0])):
        alike = list(run)
        yield alike[0][1], alike[-1][1].id


def _judged(
    entry: Entry, object_name: str, observed: Mapping[str, Observed], fields: Collection[str]
) -> tuple[Literal["confirmed", "forgotten"], str, str]:
    """What a row that was left open came to: state, code, message."""
    if entry.state == "intended":
        return "forgotten", "", "never sent"
    record = observed.get(entry.account_id)
    if entry.object != object_name or not {one.field for one in entry.changes} <= set(fields):
        return "forgotten", "", "nothing is written there any more"
    if record is None:
        return "forgotten", "", "read back: the record is gone"
    missing = [one.field for one in entry.changes if not same(one.to, record.get(one.field))]
    if missing:
        return "forgotten", "", f"read back: {', '.join(missing)} does not show our value"
    return "confirmed", "", "read back"


# ----------------------------------------------------------------------------------- reading it


def unsettled(state: State) -> Iterator[Entry]:
    """Rows that are intended, sent or unknown, oldest first."""
    return (_entry(row) for row in state.rows(f"{_SELECT} WHERE id IN ({_OPEN}) ORDER BY id"))


def entries_of_run(state: State, run_id: int) -> Iterator[Entry]:
    """What one run was to write, in its order, streamed."""
    query = f"{_SELECT} WHERE run_id = ? ORDER BY id"
    return (_entry(row) for row in state.rows(query, (run_id,)))


def entry_of(state: State, row: int) -> Entry | None:
    """The row with this id, None if it was pruned."""
    found = next(state.rows(f"{_SELECT} WHERE id = ?", (row,)), None)
    return None if found is None else _entry(found)


def _entry(row: tuple[Cell, ...]) -> Entry:
    number, run_id, object_name, account_id, text, state, code, message, *times = row
    intended_at, sent_at, settled_at = times
    return Entry(
        id=int(number or 0),
        run_id=int(run_id or 0),
        object=str(object_name),
        account_id=str(account_id),
        changes=_changes(str(object_name), str(account_id), str(text)),
        state=_state(state),
        code=str(code or ""),
        message=str(message or ""),
        intended_at=str(intended_at),
        sent_at=None if sent_at is None else str(sent_at),
        settled_at=None if settled_at is None else str(settled_at),
    )


def _state(cell: Cell) -> WriteState:
    # the table's CHECK lets no other word in
    return cell  # type: ignore[return-value]


def _changes_text(changes: Sequence[Change]) -> str:
    """The JSON of a list of objects. Put together by hand: the encoder's own way takes four times
    as long for such small ones."""
    parts = [
        f'{{"field": {encode_basestring(one.field)}, "from": {value_text(one.from_)},'
        f' "to": {value_text(one.to)}, "why": {encode_basestring(one.why)}}}'
        for one in changes
    ]
    text = f"[{', '.join(parts)}]"
    # as json_text does
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def value_text(value: Value) -> str:
    """The JSON of a value, as `jsonable` has it, on one line."""
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, float):  # not kept: 0.0 and -0.0 are one key to a dict
        return float.__repr__(value) if isfinite(value) else json_text(jsonable(value))
    return _known_text(value)


@lru_cache(maxsize=10_000, typed=True)  # a few days, numbers and lists come again and again
def _known_text(value: Value) -> str:
    return json_text(jsonable(value))


def _changes(object_name: str, account_id: str, text: str) -> tuple[Change, ...]:
    return tuple(
        Change(
            object_name,
            account_id,
            "",
            one["field"],
            from_jsonable(one["from"]),
            from_jsonable(one["to"]),
            one["why"],
        )
        for one in json.loads(text)
    )
