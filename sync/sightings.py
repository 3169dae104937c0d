"""Fields as they were seen: one row per account and change, written by every pull.

The rows of a pull are compared with each account's latest row as they stream by, so memory holds
the account ids and one chunk. What changed is gathered beside the tables and moved in at the end,
in one short transaction: a pull that breaks off leaves no trace, and the write lock is not held
while a CRM takes its time.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice

from connectors.base import Raw
from sync.forgotten import ACCOUNT, Forgotten, load_forgotten
from sync.state import Cell, State, instant_text

CHUNK = 1000
_REPEATED_SHOWN = 20

# Sorted keys make equal values equal text, which is all that the comparison looks at.
_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode

_LATEST = """
SELECT account_id, max(number), seen, data FROM sightings
WHERE object = ? AND account_id IN (SELECT value FROM json_each(?)) GROUP BY account_id
"""
_ALL_LATEST = """
SELECT account_id, max(number), seen, data IS NULL FROM sightings WHERE object = ?
GROUP BY account_id
"""
_LAST_ACCOUNTS = "SELECT accounts FROM pulls WHERE object = ? ORDER BY id DESC LIMIT 1"
_GATHER = """
CREATE TEMP TABLE IF NOT EXISTS pulled_changes (account_id TEXT, number INTEGER, data TEXT)
"""


@dataclass(slots=True)
class Sighted:
    """What a pull of an object's fields changed. `repeated` names ids that came more than once in
    one pull (at most 20 of them); their first row counts."""

    accounts: int = 0
    known: int = 0  # of these, those that the last pull had as well
    changed: int = 0  # accounts with a new row, new ones included
    gone: int = 0
    came_back: int = 0
    past: int = 0  # rows that the CRM's own history gave for days before the first pull
    without_id: int = 0  # rows that are nobody's
    repeated_rows: int = 0
    repeated: list[str] = field(default_factory=list)


def seen_now(state: State, as_of: date | None, now: datetime) -> str:
    """The `seen` that a pull notes: the bare day of an explicit `--as-of`, unless something was
    pulled for a later day already; then, and without as-of, the instant `now`."""
    if as_of is not None:
        later = state.value(
            "SELECT 1 FROM pulls WHERE substr(seen, 1, 10) > ? LIMIT 1", (as_of.isoformat(),)
        )
        if later is None:
            return as_of.isoformat()
    return instant_text(now)


def record_sightings(
    state: State,
    object_name: str,
    rows: Iterable[tuple[str, Mapping[str, Raw] | None]],
    seen: str,
    *,
    fingerprint: str | None = None,
    whole: bool = True,
    watermark: Callable[[], str] | None = None,
    merged: Mapping[str, str] | None = None,
    also: Callable[[], None] = lambda: None,
) -> Sighted:
    """Note every account whose values differ from its latest row, and those that are no longer
    there.

    `rows` are all accounts of the object, or if not `whole` those that may have changed; values of
    None say that one has gone. `seen` is a UTC instant or a bare ISO date; a second pull with the
    same bare date replaces what that day's first one noted. `watermark` and `merged` (id → the id
    that it was merged into) are looked at when `rows` was read, and kept together with what it
    said; so is what `also` keeps, which is called then. Raises what `rows` raises, with nothing
    noted. Safe to repeat.
    """
    sighted = Sighted()
    rows = _not_forgotten(rows, load_forgotten(state))
    ids: set[str] = set()
    gone: set[str] = set()
    with state.transaction() as connection:  # temporary tables only: no lock is held after this
        connection.execute(_GATHER)
        connection.execute("DELETE FROM pulled_changes")
    for chunk in _chunks(_here(rows, gone), ids, sighted):
        changed = _changed(state, object_name, chunk, seen, sighted)
        state.db.conn.executemany("INSERT INTO pulled_changes VALUES (?, ?, ?)", changed)
    with state.transaction() as connection:
        if whole:
            vanished = _vanished(state, object_name, ids, seen, sighted.known)
            sighted.accounts = len(ids)
        else:
            vanished = _said_gone(state, object_name, gone - ids, seen)
            before = int(state.value(_LAST_ACCOUNTS, (object_name,)) or 0)
            sighted.accounts = before + len(ids) - sighted.known - len(vanished)
        sighted.gone = len(vanished)
        connection.executemany("INSERT INTO pulled_changes VALUES (?, ?, NULL)", vanished)
        connection.execute(
            "REPLACE INTO sightings (object, account_id, number, seen, data)"
            " SELECT ?, account_id, number, ?, data FROM pulled_changes",
            (object_name, seen),
        )
        connection.execute("DELETE FROM pulled_changes")
        connection.executemany(
            "REPLACE INTO merged (object, account_id, into_id, seen) VALUES (?, ?, ?, ?)",
            [(object_name, one, master, seen) for one, master in (merged or {}).items()],
        )
        also()
        mark = watermark() if watermark else None
        _note_pull(connection, object_name, seen, fingerprint, mark, sighted)
    return sighted


def merged_into(state: State, object_name: str) -> dict[str, str]:
    """Ids of accounts that were merged away, each with the id of the one that it is part of now,
    also where that one was merged into another since."""
    rows = state.rows("SELECT account_id, into_id FROM merged WHERE object = ?", (object_name,))
    into = {str(one): str(master) for one, master in rows}
    return {one: _last(one, into) for one in into}


def _last(one: str, into: Mapping[str, str]) -> str:
    passed = {one}
    while one in into and into[one] not in passed:
        one = into[one]
        passed.add(one)
    return one


def _here(
    rows: Iterable[tuple[str, Mapping[str, Raw] | None]], gone: set[str]
) -> Iterator[tuple[str, Mapping[str, Raw]]]:
    """The accounts that are there; `gone` gathers the others."""
    for account_id, values in rows:
        if values is None:
            gone.add(account_id)
        else:
            yield account_id, values


def _chunks(
    rows: Iterable[tuple[str, Mapping[str, Raw]]], ids: set[str], sighted: Sighted
) -> Iterator[dict[str, str]]:
    """Accounts and their values as text, a thousand at a time; `ids` gathers them all."""
    remaining = iter(rows)
    while some := list(islice(remaining, CHUNK)):
        chunk: dict[str, str] = {}
        for account_id, values in some:
            if account_id in ids:
                sighted.repeated_rows += 1
                if len(sighted.repeated) < _REPEATED_SHOWN and account_id not in sighted.repeated:
                    sighted.repeated.append(account_id)
                continue
            ids.add(account_id)
            chunk[account_id] = _storable(_encode(values))
        yield chunk


def _not_forgotten(
    rows: Iterable[tuple[str, Mapping[str, Raw] | None]], forgotten: Forgotten
) -> Iterable[tuple[str, Mapping[str, Raw] | None]]:
    """Without accounts that were forgotten, and without values that name a forgotten user."""
    if not forgotten:
        return rows
    return (
        (
            account_id,
            values
            and {
                name: None if forgotten.names_someone(value) else value
                for name, value in values.items()
            },
        )
        for account_id, values in rows
        if not forgotten.knows(ACCOUNT, account_id)
    )


def encoded(values: Mapping[str, Raw]) -> str:
    """An account's values as a sighting has them."""
    return _storable(_encode(values))


def _storable(text: str) -> str:
    # A vendor's JSON may hold half a surrogate pair, which no UTF-8 file can.
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _changed(
    state: State, object_name: str, chunk: dict[str, str], seen: str, sighted: Sighted
) -> Iterator[tuple[str, int, str]]:
    """The rows to note: accounts whose text differs from their latest one, or that have none."""
    latest = {
        str(account_id): (number, last_seen, data)
        for account_id, number, last_seen, data in state.rows(
            _LATEST, (object_name, json.dumps(list(chunk)))
        )
    }
    for account_id, text in chunk.items():
        number, last_seen, data = latest.get(account_id, (0, None, None))
        sighted.known += data is not None
        if data == text:
            continue
        sighted.changed += 1
        sighted.came_back += data is None and bool(number)
        yield account_id, _next_number(number, last_seen, seen), text


def _vanished(
    state: State, object_name: str, ids: set[str], seen: str, known: int
) -> list[tuple[str, int]]:
    """Accounts that were there at the last pull and are not among `ids`."""
    if state.value(_LAST_ACCOUNTS, (object_name,)) in (known, None):
        return []  # all of them are still there: no need to look at every account again
    return [
        (str(account_id), _next_number(number, last_seen, seen))
        for account_id, number, last_seen, gone in state.rows(_ALL_LATEST, (object_name,))
        if not gone and account_id not in ids
    ]


def _said_gone(state: State, object_name: str, gone: set[str], seen: str) -> list[tuple[str, int]]:
    """Of the accounts that are said to have gone, those that were there until now."""
    return [
        (str(account_id), _next_number(number, last_seen, seen))
        for account_id, number, last_seen, data in state.rows(
            _LATEST, (object_name, json.dumps(sorted(gone)))
        )
        if data is not None
    ]


def _next_number(number: Cell, last_seen: Cell, seen: str) -> int:
    """The latest row's number where this pull replaces it (the same bare date), else the next."""
    same_day = last_seen == seen and "T" not in seen
    return int(number or 0) + (0 if same_day else 1)


def _note_pull(
    connection: sqlite3.Connection,
    object_name: str,
    seen: str,
    fingerprint: str | None,
    watermark: str | None,
    sighted: Sighted,
) -> None:
    connection.execute(
        "INSERT INTO pulls"
        " (object, seen, fingerprint, watermark, accounts, changed, gone, came_back)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            object_name,
            seen,
            fingerprint,
            watermark,
            sighted.accounts,
            sighted.changed,
            sighted.gone,
            sighted.came_back,
        ),
    )
