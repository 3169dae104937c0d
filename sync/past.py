"""What fields were before the first pull, where the CRM kept it: read once for each field.

A CRM's own history says since when a field has the value that the first pull found, and what it was
before. That becomes sightings of these days, put before the account's rows that know the field, so
that a replay sees the past as it was. A field that is mapped later has its own turn.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from operator import itemgetter

from connectors.base import PastChange, Raw, ReadsHistory
from sync.sightings import encoded
from sync.state import State, instant_text
from sync.typed import read_instant

_GATHER = """
CREATE TEMP TABLE IF NOT EXISTS past_changes
    (account_id TEXT, field TEXT, at TEXT, before TEXT, after TEXT)
"""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Row:
    """A sighting: when, as it is noted and as an instant, and what was seen (None: gone)."""

    seen: str
    at: datetime
    data: dict[str, Raw] | None


@dataclass(frozen=True, slots=True)
class _Step:
    at: datetime
    before: Raw
    after: Raw


def read_past(
    state: State,
    source: ReadsHistory,
    object_name: str,
    columns: Mapping[str, str],
    seen: str,
    *,
    tick: Callable[[int], None] = lambda _: None,
) -> int:
    """Note what `columns` (our name → the CRM's field) were before they were first seen; returns
    how many rows that made. Fields whose history was read before are passed over. `tick` is called
    with the number of changes read so far. Raises what the source raises, with nothing noted. Safe
    to repeat.
    """
    known = {
        str(field)
        for (field,) in state.rows(
            "SELECT field FROM history_read WHERE object = ?", (object_name,)
        )
    }
    new = {name: column for name, column in columns.items() if _key(name, column) not in known}
    if not new:
        return 0
    names: dict[str, list[str]] = {}
    for name, column in new.items():
        names.setdefault(column, []).append(name)
    with state.transaction() as connection:  # a temporary table: no lock is held after this
        connection.execute(_GATHER)
        connection.execute("DELETE FROM past_changes")
    state.db.conn.executemany(
        "INSERT INTO past_changes VALUES (?, ?, ?, ?, ?)",
        _gathered(source.history(object_name, list(names)), names, tick),
    )
    made = 0
    with state.transaction() as connection:
        for account_id, steps in _by_account(state):
            rows = _rows(state, object_name, account_id)
            past = _past(rows, steps)
            made += len(past)
            if past:
                _replace(state, object_name, account_id, _merged(rows, past))
        connection.execute("DELETE FROM past_changes")
        connection.executemany(
            "INSERT INTO history_read VALUES (?, ?, ?)",
            [(object_name, _key(name, column), seen) for name, column in new.items()],
        )
    return made


def _key(name: str, column: str) -> str:
    return f"{name}: {column}"


def _gathered(
    changes: Iterable[PastChange], names: Mapping[str, Sequence[str]], tick: Callable[[int], None]
) -> Iterator[tuple[str, ...]]:
    for number, change in enumerate(changes, 1):
        if number % 1000 == 0:
            tick(number)
        at = change.at.astimezone(UTC).isoformat()
        for name in names[change.field]:
            yield change.id, name, at, json.dumps(change.before), json.dumps(change.after)


def _by_account(state: State) -> Iterator[tuple[str, dict[str, list[_Step]]]]:
    query = "SELECT account_id, field, at, before, after FROM past_changes ORDER BY 1, 2, 3, rowid"
    for account_id, rows in groupby(state.rows(query), key=itemgetter(0)):
        steps: dict[str, list[_Step]] = {}
        for _, field, at, before, after in rows:
            step = _Step(read_instant(str(at)), json.loads(str(before)), json.loads(str(after)))
            steps.setdefault(str(field), []).append(step)
        yield str(account_id), {field: _chained(one) for field, one in steps.items()}


def _chained(steps: Sequence[_Step]) -> list[_Step]:
    """In order of time; within one instant, where the order is not known, each after the one that
    left the value which it changed."""
    ordered: list[_Step] = []
    for _, together in groupby(steps, key=lambda one: one.at):
        rest = list(together)
        if not ordered and len(rest) > 1:  # the first is the one whose value none of them made
            made = [one.after for one in rest]
            rest.sort(key=lambda one: one.before in made)
        while rest:
            last = ordered[-1].after if ordered else rest[0].before
            following = next((one for one in rest if one.before == last), rest[0])
            rest.remove(following)
            ordered.append(following)
    return [one for one in ordered if one.before != one.after]


def _rows(state: State, object_name: str, account_id: str) -> list[_Row]:
    """The account's sightings as they were noted. None counts for a later day than those after it
    do: that is how clocks that were set back are read."""
    found = list(
        state.rows(
            "SELECT seen, data FROM sightings WHERE object = ? AND account_id = ? ORDER BY number",
            (object_name, account_id),
        )
    )
    rows: list[_Row] = []
    earliest = datetime.max.replace(tzinfo=UTC)
    for seen, data in reversed(found):
        earliest = min(earliest, _end(str(seen)))
        rows.append(_Row(str(seen), earliest, None if data is None else json.loads(str(data))))
    return rows[::-1]


def _end(seen: str) -> datetime:
    """An instant, or the end of a bare date: what changed on that day was there to be seen."""
    if "T" in seen:
        return read_instant(seen)
    return datetime.combine(date.fromisoformat(seen) + _DAY, time(), UTC)


def _past(rows: Sequence[_Row], steps: Mapping[str, Sequence[_Step]]) -> list[_Row]:
    """New rows, ordered. The first of each field says what it was before it ever changed; it is of
    the day before, and holds since ever as every first sighting does."""
    found: dict[datetime, dict[str, Raw]] = {}
    for field, changes in steps.items():
        first = next((row.at for row in rows if row.data is not None and field in row.data), None)
        earlier = [one for one in changes if first is not None and one.at < first]
        if not earlier:
            continue
        found.setdefault(earlier[0].at - _DAY, {})[field] = earlier[0].before
        for one in earlier:
            found.setdefault(one.at, {})[field] = one.after
    return [_Row(instant_text(at), at, data) for at, data in sorted(found.items())]


def _merged(rows: Sequence[_Row], past: Sequence[_Row]) -> list[_Row]:
    # Stable: of the same instant, the one that was noted by a pull comes later.
    return sorted([*past, *rows], key=lambda row: row.at)


def _replace(state: State, object_name: str, account_id: str, rows: Sequence[_Row]) -> None:
    def cells(number: int, row: _Row) -> tuple[object, ...]:
        data = None if row.data is None else encoded(row.data)
        return (object_name, account_id, number, row.seen, data)

    state.db.conn.execute(
        "DELETE FROM sightings WHERE object = ? AND account_id = ?", (object_name, account_id)
    )
    state.db.conn.executemany(
        "INSERT INTO sightings (object, account_id, number, seen, data) VALUES (?, ?, ?, ?, ?)",
        [cells(number, row) for number, row in enumerate(rows, 1)],
    )
