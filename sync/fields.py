"""Fields as step functions over days: what each account's field was on every day, as pulled.

A value holds from the day on which it was first seen until another is seen; the first one holds
since ever. Several sightings on one local day are one: the last. A row that a later pull's clock
overtook (a machine whose clock was set back) counts for that earlier day, so that the latest pull
always says what holds now.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from config.mapping_file import FieldSpec, FieldType
from connectors.base import Raw
from sync.state import State
from sync.typed import (
    day_number,
    is_empty,
    local_day,
    read_boolean,
    read_date,
    read_instant,
    read_number,
    read_text,
)

BEGINNING = day_number(date.min)  # the day from which a first value holds
NAME = "name"  # what a sighting calls the name that people see

Array = np.ndarray[Any, Any]

_EXAMPLES = 3
_NOT_SEEN: Any = object()
_CHUNK = 5000  # rows of the state file that are decoded at once
_EMPTY: dict[FieldType, tuple[Any, str]] = {  # what stands where a value is NULL, and the dtype
    "text": (None, "object"),
    "number": (np.nan, "float64"),
    "date": (0, "int32"),
    "boolean": (False, "bool"),
}


@dataclass(frozen=True, slots=True)
class FieldSteps:
    """One field of all accounts, as parallel arrays sorted by account and then day.

    Two steps that follow each other differ. An account may have no step: the field was never seen,
    so it is NULL. `value` holds str or None (objects), float64, int32 days since 1970-01-01, or
    bool; where `valid` is false it is NULL, whatever stands there.
    """

    type: FieldType
    account: Array  # int32, position in FieldTable.accounts
    day: Array  # int32, days since 1970-01-01; BEGINNING for an account's first step
    value: Array
    valid: Array  # bool

    def last(self, accounts: int) -> tuple[Array, Array]:
        """Value and validity on the last day, for each of `accounts` accounts."""
        return self.on(np.iinfo(np.int32).max, accounts)

    def on(self, day: int, accounts: int) -> tuple[Array, Array]:
        """Value and validity on `day`, for each of `accounts` accounts."""
        empty, kind = _EMPTY[self.type]
        value = np.full(accounts, empty, dtype=kind)
        valid = np.zeros(accounts, dtype=bool)
        until = np.flatnonzero(self.day <= day)  # ascending: an account's latest step comes last
        value[self.account[until]] = self.value[until]
        valid[self.account[until]] = self.valid[until]
        return value, valid


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Values of the last day that are not of their field's type, and so NULL."""

    accounts: int
    examples: tuple[tuple[str, str], ...]  # (account id, what stands there), at most 3


@dataclass(frozen=True, slots=True)
class FieldTable:
    """All fields of all accounts that are there on the last day."""

    object: str
    accounts: tuple[str, ...]  # the CRM's ids, sorted
    names: tuple[str | None, ...]  # as of the last day, parallel to `accounts`
    steps: Mapping[str, FieldSteps]  # by the names of mapping.yaml
    unreadable: Mapping[str, Unreadable]  # only fields that have any
    gone: tuple[str, ...]  # ids that were pulled once and are no longer there, sorted
    merged: Mapping[str, str] = field(default_factory=dict)  # of these, id → what it is now part of


@dataclass(slots=True)
class _Sightings:
    """Rows of the table `sightings` as columns, in its order: account, then as noted."""

    accounts: list[str]
    account: Array  # per row
    day: Array  # per row; never later than that of a later row of the account
    data: list[dict[str, Raw] | None]  # None: gone


def load_fields(
    state: State,
    object_name: str,
    fields: Mapping[str, FieldSpec],
    timezone: str,
    as_of: date,
) -> FieldTable:
    """Every field in `fields` for every account, as of the end of the local day `as_of`.

    Nothing seen after that day shows, but for a first sighting: it holds since ever. Accounts that
    were gone by then are left out and named.
    """
    zone = ZoneInfo(timezone)
    rows = _drop_later(_read(state, object_name, zone), day_number(as_of))
    rows, gone = _drop_gone(rows)
    readers = _readers(zone)
    steps: dict[str, FieldSteps] = {}
    unreadable: dict[str, Unreadable] = {}
    for name, spec in fields.items():
        steps[name], bad = _steps(rows, name, spec.type, readers[spec.type])
        if bad is not None:
            unreadable[name] = bad
    names, _ = _steps(rows, NAME, "text", read_text)
    shown, _ = names.last(len(rows.accounts))
    return FieldTable(
        object_name, tuple(rows.accounts), tuple(shown.tolist()), steps, unreadable, gone
    )


def _readers(zone: ZoneInfo) -> dict[FieldType, Callable[[Raw], Any]]:
    return {
        "text": read_text,
        "number": read_number,
        "date": partial(read_date, zone=zone),
        "boolean": read_boolean,
    }


def _read(state: State, object_name: str, zone: ZoneInfo) -> _Sightings:
    """Every sighting of the object. The few distinct instants are turned into days once."""
    query = (
        "SELECT account_id, seen, data FROM sightings WHERE object = ? ORDER BY account_id, number"
    )
    accounts: list[str] = []
    number: list[int] = []
    day: list[int] = []
    data: list[dict[str, Raw] | None] = []
    days: dict[str, int] = {}
    rows = state.rows(query, (object_name,))
    while chunk := list(islice(rows, _CHUNK)):
        ids, seen, texts = zip(*chunk, strict=True)
        days |= {one: _seen_day(str(one), zone) for one in set(seen) - days.keys()}
        day += [days[one] for one in seen]
        for account_id in ids:
            if not accounts or accounts[-1] != account_id:
                accounts.append(str(account_id))
            number.append(len(accounts) - 1)
        # One array is decoded in half the time that its items take one by one.
        data += json.loads("[" + ",".join([text or "null" for text in texts]) + "]")
    account = np.array(number, dtype=np.int32)
    return _Sightings(accounts, account, _not_after_later_rows(account, day), data)


def _seen_day(seen: str, zone: ZoneInfo) -> int:
    """A bare date is that calendar day everywhere; an instant is the day it falls on in `zone`."""
    if "T" in seen:
        return local_day(read_instant(seen), zone)
    return day_number(date.fromisoformat(seen))


def _not_after_later_rows(account: Array, day: list[int]) -> Array:
    """Each row's day, or the earliest of the same account's later rows, if that is before it."""
    # Accounts ascend, so in (account, day) packed into one number the minimum of all later rows
    # never comes from another account.
    packed = (account.astype(np.int64) << 32) + (np.array(day, dtype=np.int64) + 2**31)
    earliest = np.minimum.accumulate(packed[::-1])[::-1]
    return ((earliest & 0xFFFFFFFF) - 2**31).astype(np.int32)


def _drop_later(rows: _Sightings, as_of: int) -> _Sightings:
    """Without what was seen after `as_of`, except the first sighting of an account or a field."""
    if rows.day.max(initial=as_of) <= as_of:
        return rows
    kept: list[int] = []
    first: dict[str, Raw] = {}  # the account's first row
    since: dict[str, int] = {}  # the day on which it had each field first
    for at, (day, noted) in enumerate(zip(rows.day.tolist(), rows.data, strict=True)):
        values = {} if noted is None else noted
        if at == 0 or rows.account[at] != rows.account[at - 1]:
            first, since = values, dict.fromkeys(values, day)
            kept.append(at)
            continue
        if day <= as_of:
            kept.append(at)
        for name, raw in values.items():
            if since.setdefault(name, day) == day > as_of:
                first[name] = raw  # the first sighting, though late: it holds since ever
    at_kept = np.array(kept, dtype=np.int64)
    data = [rows.data[at] for at in kept]
    return _Sightings(rows.accounts, rows.account[at_kept], rows.day[at_kept], data)


def _drop_gone(rows: _Sightings) -> tuple[_Sightings, tuple[str, ...]]:
    """Without the accounts whose last row says that they are gone, and those accounts' ids."""
    last = np.flatnonzero(np.diff(rows.account, append=len(rows.accounts)))
    here = np.array([rows.data[at] is not None for at in last.tolist()], dtype=bool)
    if here.all():
        return rows, ()
    new_number = np.cumsum(here, dtype=np.int32) - 1
    stays = here[rows.account]
    data = [values for values, kept in zip(rows.data, stays.tolist(), strict=True) if kept]
    accounts = [name for name, kept in zip(rows.accounts, here.tolist(), strict=True) if kept]
    gone = tuple(name for name, kept in zip(rows.accounts, here.tolist(), strict=True) if not kept)
    return _Sightings(accounts, new_number[rows.account[stays]], rows.day[stays], data), gone


def _steps(
    rows: _Sightings, name: str, kind: FieldType, read: Callable[[Raw], Any]
) -> tuple[FieldSteps, Unreadable | None]:
    """The field's steps, and what of its last day could not be read."""
    raws = [values.get(name, _NOT_SEEN) if values else _NOT_SEEN for values in rows.data]
    account, day = rows.account, rows.day
    if _NOT_SEEN in raws:
        having = [i for i, raw in enumerate(raws) if raw is not _NOT_SEEN]
        account, day, raws = account[having], day[having], [raws[i] for i in having]
    last_of_day = np.flatnonzero(_differs(account) | _differs(day))
    if len(last_of_day) < len(raws):
        account, day = account[last_of_day], day[last_of_day]
        raws = [raws[i] for i in last_of_day.tolist()]
    empty, dtype = _EMPTY[kind]
    values = _read_all(raws, kind, read)
    valid = np.ones(len(values), dtype=bool)
    if None in values:
        valid = np.array([value is not None for value in values], dtype=bool)
        values = [empty if value is None else value for value in values]
    value = np.array(values, dtype=dtype)
    bad = _unreadable(rows.accounts, account, raws, valid)
    first = np.ones(len(raws), dtype=bool)
    first[1:] = account[1:] != account[:-1]
    changed = first.copy()
    changed[1:] |= (valid[1:] != valid[:-1]) | (valid[1:] & (value[1:] != value[:-1]))
    day = np.where(first, np.int32(BEGINNING), day).astype(np.int32)
    return FieldSteps(kind, account[changed], day[changed], value[changed], valid[changed]), bad


def _read_all(raws: list[Raw], kind: FieldType, read: Callable[[Raw], Any]) -> list[Any]:
    """`read` of each; the same text is read only once."""
    if kind == "text":  # mostly all different, and read at once
        return [read(raw) for raw in raws]
    # Text alone: 1, 1.0 and true are one key to a dict.
    known = {text: read(text) for text in {raw for raw in raws if isinstance(raw, str)}}
    return [known[raw] if isinstance(raw, str) else read(raw) for raw in raws]


def _differs(column: Array) -> Array:
    """Per row: whether the next row differs, or there is none."""
    different = np.ones(len(column), dtype=bool)
    different[:-1] = column[1:] != column[:-1]
    return different


def _unreadable(
    accounts: list[str], account: Array, raws: list[Raw], valid: Array
) -> Unreadable | None:
    """Not every odd value that ever was: a CRM that was put right needs no reminder."""
    suspects = np.flatnonzero(_differs(account) & ~valid).tolist()
    bad = [(accounts[account[i]], str(raws[i])) for i in suspects if not is_empty(raws[i])]
    return Unreadable(len(bad), tuple(bad[:_EXAMPLES])) if bad else None
