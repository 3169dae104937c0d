"""Which of a plan's changes are held back, and for which of them somebody else's value goes.

Pure: the changes of a diff and what earlier runs know in, the changes that are written and notes on
the others out. It costs only per change. A change is held back for one of these reasons:

- quarantine: the CRM refused this record, its values are the same, and the next try is not due;
- person: somebody changed the value that we wrote, and the field's `conflict` is `theirs`;
- contested: somebody changed the value back in three runs;
- dwell: the value went out to the record before, less than `dwell` ago.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Literal

from config.guards import Guards
from config.mapping_file import WriteEntry, WriteField
from connectors.base import Raw, Value
from sync.diff import Change, same
from sync.ledger import value_text

FIGHTS = 3
"""In how many runs a value of ours may be changed back before it is given up."""

DWELLS = ("stage", "alerts", "moment.")
"""Outputs that `dwell` of guards speaks of: what workflows begin with."""

Kind = Literal["restored", "replaced", "left", "contested", "quarantine", "dwell"]
WRITTEN: frozenset[Kind] = frozenset(("restored", "replaced"))
"""Notes on changes that are written: a person's value goes, ours is the same as ever, or new."""

Place = tuple[str, str]
"""Account id and field."""


@dataclass(frozen=True, slots=True)
class Note:
    """A change that met somebody else's value or a limit, and what becomes of it."""

    change: Change
    kind: Kind
    why: str
    since: date | None = None
    """with `theirs for`: the day on which their value was first met"""

    @property
    def place(self) -> Place:
        """Which field of which record."""
        return self.change.account_id, self.change.field


@dataclass(frozen=True, slots=True)
class Yielded:
    """A person's value that we leave: as JSON, and the day on which it was first met."""

    theirs: str
    since: date


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record in quarantine: what the CRM refused, field to JSON, and when it is tried next."""

    wanted: Mapping[str, str]
    next_at: str
    message: str


@dataclass(frozen=True)
class Knowledge:
    """What earlier runs know of the records that would change. `confirmed`: what we wrote last,
    of places that may show something else now. `out`: the day on which an item of a field last went
    out to a record."""

    confirmed: Mapping[Place, Value] = field(default_factory=dict)
    fights: Mapping[Place, int] = field(default_factory=dict)
    yielded: Mapping[Place, Yielded] = field(default_factory=dict)
    refused: Mapping[str, Refusal] = field(default_factory=dict)
    out: Mapping[tuple[str, str, str], date] = field(default_factory=dict)


@dataclass
class Judged:
    """What is written, and notes on what is not and on what meets somebody else's value."""

    changes: list[Change] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


def written(entry: WriteEntry) -> WriteEntry:
    """The entry as it is carried out: a suggestion is an ordinary write to the field `to`."""
    if all(spec.to is None for spec in entry.fields.values()):
        return entry
    plain = {"write": "always", "to": None}
    fields = {
        name: spec.model_copy(update=plain) if spec.to else spec
        for name, spec in entry.targets().items()
    }
    return entry.model_copy(update={"fields": fields})


def dwell_of(spec: WriteField, guards: Guards) -> int:
    """Days before a value of this field goes out a second time; 0: at once."""
    if spec.dwell is not None:
        return spec.dwell
    return guards.dwell if spec.output == "stage" or spec.output.startswith(DWELLS[1:]) else 0


def items(change: Change) -> tuple[str, ...]:
    """What goes out anew with a change: a text, or of a list what is not there yet. A day and a
    number go out as what they are; `false` and nothing start no workflow."""
    if isinstance(change.to, tuple):
        there = change.from_.split(";") if isinstance(change.from_, str) else change.from_ or ()
        known = {str(one).strip() for one in there} if isinstance(there, list | tuple) else set()
        return tuple(one for one in change.to if one not in known)
    return () if change.to is None or change.to is False else (value_text(change.to),)


def judge(
    changes: Sequence[Change], fields: Mapping[str, WriteField], guards: Guards, known: Knowledge,
    *, today: date, now: str,
) -> Judged:  # fmt: skip
    """Hold back what is to be held back. `changes` lie record by record; `today` is the plan's day,
    `now` the present instant as text."""
    result = Judged()
    dwells = {name: dwell_of(spec, guards) for name, spec in fields.items()}
    for account, record in groupby(changes, key=attrgetter("account_id")):
        together = list(record)
        refusal = known.refused.get(account)
        if refusal and now < refusal.next_at and _as_refused(together, refusal):
            why = f"in quarantine until {refusal.next_at}: {refusal.message}"
            result.notes += [Note(change, "quarantine", why) for change in together]
            continue
        for change in together:
            dwell, suspect = dwells[change.field], (account, change.field) in known.confirmed
            if not dwell and not suspect:  # nearly all
                result.changes.append(change)
                continue
            note = _note(change, fields[change.field], dwell, known, today)
            if note is not None:
                result.notes.append(note)
            if note is None or note.kind in WRITTEN:
                result.changes.append(change)
    return result


def _shown(change: Change) -> Raw | date:
    """What the CRM shows: never a list of ours."""
    return ";".join(change.from_) if isinstance(change.from_, tuple) else change.from_


def _as_refused(record: Iterable[Change], refusal: Refusal) -> bool:
    return {one.field: value_text(one.to) for one in record} == refusal.wanted


def _note(
    change: Change, spec: WriteField, dwell: int, known: Knowledge, today: date
) -> Note | None:
    place = (change.account_id, change.field)
    wrote = place in known.confirmed
    ours = known.confirmed.get(place)
    if wrote and not same(ours, _shown(change)):
        if value_text(ours) == value_text(change.to):
            return _conflict(change, spec, known, today)
        why = "somebody changed the value that we wrote, and ours has changed since"
        return Note(change, "replaced", why)
    return _dwelling(change, dwell, known, today) if dwell else None


def _conflict(change: Change, spec: WriteField, known: Knowledge, today: date) -> Note:
    """Somebody changed the value that we wrote, and ours is still what it was."""
    place = (change.account_id, change.field)
    if spec.conflict == "ours":
        if known.fights.get(place, 0) >= FIGHTS - 1:
            why = (
                f"changed back in {FIGHTS} runs: not written any more until our value changes, "
                "or with `gatepost apply --retry-contested`"
            )
            return Note(change, "contested", why)
        return Note(change, "restored", "somebody changed the value that we wrote")
    if spec.theirs_days is None:
        return Note(change, "left", "somebody changed it: left until our value changes")
    met = known.yielded.get(place)
    # Another value of theirs begins the time anew; so does a clock that was set back.
    again = met is not None and met.theirs == value_text(change.from_) and met.since <= today
    since = met.since if met is not None and again else today
    until = since + timedelta(days=spec.theirs_days)
    if today >= until:
        why = f"somebody changed the value that we wrote, and {spec.theirs_days} days are over"
        return Note(change, "restored", why, since)
    return Note(change, "left", f"somebody changed it: left until {until}", since)


def _dwelling(change: Change, dwell: int, known: Knowledge, today: date) -> Note | None:
    place = (change.account_id, change.field)
    days = [known.out[*place, one] for one in items(change) if (*place, one) in known.out]
    last = max(days, default=None)
    # A last day that is yet to come is no reason to wait: it is a rehearsal, or a clock was wrong.
    if last is None or not last <= today < last + timedelta(days=dwell):
        return None
    until = last + timedelta(days=dwell)
    return Note(change, "dwell", f"it went out on {last} already: held back until {until}")
