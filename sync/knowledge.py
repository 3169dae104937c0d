"""What earlier runs know of the records that a plan would change, and what a run adds to it.

Each table is asked once, for all records together. docs/state.md says what the tables hold.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, timedelta

from config.guards import Guards
from config.mapping_file import WriteField
from connectors.base import Value
from sync.confirmed import LastConfirmed
from sync.diff import Change, unlike
from sync.ledger import value_text
from sync.plain import from_jsonable
from sync.policy import Knowledge, Note, Place, Yielded, dwell_of, items
from sync.quarantine import refused
from sync.state import State

_FIGHT_DAYS = 30
"""A value that was changed back so long ago belongs to another quarrel."""

_OUT = """
SELECT w.account_id, w.changes, coalesce(r.as_of, substr(r.started_at, 1, 10))
FROM writes w JOIN runs r ON r.id = w.run_id
WHERE w.state = 'confirmed' AND w.object = ? AND r.started_at >= ?
"""


def knowledge(
    state: State, last: LastConfirmed, changes: Sequence[Change], fields: Mapping[str, WriteField],
    guards: Guards, today: date,
) -> Knowledge:  # fmt: skip
    """Everything that sync.policy asks for about `changes`. Changes nothing."""
    if not changes:
        return Knowledge()
    object_name = last.object
    return Knowledge(
        _overwritten(last, changes),
        _fights(state, object_name, today),
        _yielded(state, object_name),
        refused(state, object_name),
        _out(state, object_name, changes, fields, guards, today),
    )


def _overwritten(last: LastConfirmed, changes: Sequence[Change]) -> dict[Place, Value]:
    """What we wrote, of the changes that do not show it any more letter by letter: the few of which
    it is worth asking whether it still means the same."""
    written = [last.of(one.account_id, one.field) for one in changes]
    ours = [known[0] if known else None for known in written]
    rows = unlike(ours, [one.from_ for one in changes])
    return {
        (changes[row].account_id, changes[row].field): ours[row] for row in rows if written[row]
    }


def _fights(state: State, object_name: str, today: date) -> dict[Place, int]:
    since = (today - timedelta(days=_FIGHT_DAYS)).isoformat()
    query = "SELECT account_id, field, times FROM fights WHERE object = ? AND day >= ?"
    return {
        (str(account), str(name)): int(times or 0)
        for account, name, times in state.rows(query, (object_name, since))
    }


def _yielded(state: State, object_name: str) -> dict[Place, Yielded]:
    query = "SELECT account_id, field, theirs, since FROM yielded WHERE object = ?"
    return {
        (str(account), str(name)): Yielded(str(theirs), date.fromisoformat(str(since)))
        for account, name, theirs, since in state.rows(query, (object_name,))
    }


def _out(
    state: State, object_name: str, changes: Iterable[Change], fields: Mapping[str, WriteField],
    guards: Guards, today: date,
) -> dict[tuple[str, str, str], date]:  # fmt: skip
    """When each item of a field that has a dwell last went out; runs before that are not read."""
    dwells = {name: days for name, spec in fields.items() if (days := dwell_of(spec, guards))}
    accounts = {one.account_id for one in changes if one.field in dwells}
    if not accounts:
        return {}
    found: dict[tuple[str, str, str], date] = {}
    # A run's day and the instant at which it ran may differ: a rehearsal runs through a year in an
    # hour. So what bounds the search is the day on which a run was made, with a day to spare.
    since = (today - timedelta(days=max(dwells.values()) + 1)).isoformat()
    for account, text, day in state.rows(_OUT, (object_name, since)):
        if str(account) not in accounts:
            continue
        for one in json.loads(str(text)):
            if one["field"] not in dwells:
                continue
            to, was = from_jsonable(one["to"]), from_jsonable(one["from"])
            change = Change(object_name, str(account), "", one["field"], was, to, "")
            for item in items(change):
                place = (str(account), one["field"], item)
                found[place] = max(date.fromisoformat(str(day)), found.get(place, date.min))
    return found


# -------------------------------------------------------------------------------------- after it


def note_fights(
    state: State,
    object_name: str,
    notes: Iterable[Note],
    confirmed: AbstractSet[Place],
    today: date,
) -> None:
    """Count the fields in which we put our value back, and forget those in which it is another."""
    restored = {one.place for one in notes if one.kind == "restored"} & confirmed
    with state.transaction() as connection:
        known = connection.execute(
            "SELECT account_id, field FROM fights WHERE object = ?", (object_name,)
        ).fetchall()
        over = [(object_name, *place) for place in known if place in confirmed - restored]
        connection.executemany(
            "DELETE FROM fights WHERE object = ? AND account_id = ? AND field = ?", over
        )
        connection.executemany(
            "INSERT INTO fights (object, account_id, field, times, day) VALUES (?, ?, ?, 1, ?)"
            " ON CONFLICT DO UPDATE SET times = times + 1, day = excluded.day",
            [(object_name, *place, today.isoformat()) for place in sorted(restored)],
        )


def forget_fights(state: State) -> None:
    """Write what was contested again, as if nobody had ever changed it back."""
    with state.transaction() as connection:
        connection.execute("DELETE FROM fights")


def note_yielded(
    state: State, object_name: str, notes: Iterable[Note], confirmed: AbstractSet[Place]
) -> None:
    """Keep since when a person's value is left; values that are left no more are forgotten."""
    left = [one for one in notes if one.since is not None and one.place not in confirmed]
    with state.transaction() as connection:
        connection.execute("DELETE FROM yielded WHERE object = ?", (object_name,))
        connection.executemany(
            "INSERT INTO yielded (object, account_id, field, theirs, since) VALUES (?, ?, ?, ?, ?)",
            [
                (object_name, *one.place, value_text(one.change.from_), str(one.since))
                for one in left
            ],
        )
