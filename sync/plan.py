"""A plan: what would be written, to what, from what, and why, as plain data.

`plan` shows it and `apply` carries out that very object, from memory or from a file. It remembers
what was read, so that it can tell whether the CRM has moved since.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import Any

from config.errors import StopCycle
from connectors.base import Value
from sync.brakes import Facts
from sync.diff import Change, Diff, Observed, Skipped, same
from sync.plain import json_text, jsonable, plain, value_text
from sync.policy import Note

COLUMNS = ("object", "id", "name", "field", "from", "to", "why", "segment", "move")
NO_MOVE = "same stage"

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes by object and account id, each account's in the order of the mapping."""

    made_at: str  # UTC instant, as state.instant_text writes it
    as_of: date
    config_hash: str
    changes: tuple[Change, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[Note, ...] = ()  # on changes that meet somebody else's value, or are held back
    facts: Facts = field(default_factory=Facts)  # what its brakes judge it by
    segments: Mapping[str, str] = field(default_factory=dict)  # of the accounts that change

    @property
    def read_hash(self) -> str:
        """A hash of what the CRM showed in every field that is to change."""
        digest = hashlib.sha256()
        for one in self.changes:
            read = [one.object, one.account_id, one.field, jsonable(one.from_)]
            digest.update(json_text(read).encode("utf-8") + b"\n")
        return digest.hexdigest()

    def records(self) -> Iterator[tuple[Change, ...]]:
        """The changes, one tuple for each record."""
        for _, changes in groupby(self.changes, key=attrgetter("object", "account_id")):
            yield tuple(changes)


@dataclass(frozen=True, slots=True)
class Group:
    """Records of one segment that make the same move: `Onboarding → Adoption`, or NO_MOVE."""

    segment: str  # "" where accounts have none
    move: str
    records: tuple[tuple[Change, ...], ...]


def groups(plan: Plan) -> list[Group]:
    """The records by segment and stage move: segments by name, in each the most frequent move
    first, records that keep their stage at the end."""
    stages = {journey.stage_field for journey in plan.facts.journeys}
    found: dict[tuple[str, str], list[tuple[Change, ...]]] = {}
    for record in plan.records():
        key = (plan.segments.get(record[0].account_id, ""), _move(record, stages))
        found.setdefault(key, []).append(record)
    order = sorted(found, key=lambda one: (one[0], one[1] == NO_MOVE, -len(found[one]), one[1]))
    return [Group(*key, tuple(found[key])) for key in order]


def _move(record: tuple[Change, ...], stages: set[str]) -> str:
    moves = [
        f"{value_text(one.from_) or 'empty'} → {value_text(one.to) or 'empty'}"
        for one in record
        if one.field in stages
    ]
    return ", ".join(moves) or NO_MOVE


def kinds(plan: Plan) -> Mapping[str, int]:
    """How many notes of each kind the plan has."""
    return Counter(one.kind for one in plan.notes)


@dataclass(frozen=True, slots=True)
class Moved:
    """A field that no longer shows what the plan was made from."""

    change: Change
    now: Value
    gone: bool  # the record itself is not there any more

    def __str__(self) -> str:
        """`Acme (001) stage: was Onboarding, is Renewal now`."""
        change = self.change
        who = f"{change.name} ({change.account_id})" if change.name else change.account_id
        if self.gone:
            return f"{who}: the record is gone"
        was, now = (value_text(value) or "empty" for value in (change.from_, self.now))
        return f"{who} {change.field}: was {was}, is {now} now"


def make_plan(diffs: Iterable[Diff], *, as_of: date, made_at: str, config_hash: str) -> Plan:
    """One plan of the diffs of all journeys and objects. Same diffs, same plan."""
    changes: list[Change] = []
    skipped: set[Skipped] = set()
    for each in diffs:
        changes.extend(each.changes)
        skipped.update(each.skipped)
    changes.sort(key=attrgetter("object", "account_id"))  # stable: fields keep their order
    return Plan(made_at, as_of, config_hash, tuple(changes), tuple(sorted(skipped)))


def recheck(plan: Plan, observed: Mapping[str, Observed]) -> Plan:
    """The part of the plan that is still to be done, now that the CRM shows `observed`.

    Fields that show the planned value already are left out, so a plan whose apply was cut short can
    be applied again. StopCycle, naming them, if any other field has changed since it was read.
    """
    left: list[Change] = []
    moved: list[Moved] = []
    for change in plan.changes:
        record = observed.get(change.account_id)
        now = None if record is None else record.get(change.field)
        if record is None:
            moved.append(Moved(change, None, gone=True))
        elif same(change.to, now):
            continue
        elif same(change.from_, now):
            left.append(change)
        else:
            moved.append(Moved(change, now, gone=False))
    if moved:
        raise StopCycle(_refusal(moved), "make a new plan; nothing was written")
    return replace(plan, changes=tuple(left))


def _refusal(moved: list[Moved]) -> str:
    records = len({one.change.account_id for one in moved})
    what = "1 record has" if records == 1 else f"{records} records have"
    lines = [f"{what} changed since the plan was made:"]
    lines += [f"  {one}" for one in moved[:_SHOWN]]
    if len(moved) > _SHOWN:
        lines.append(f"  and {len(moved) - _SHOWN} more fields")
    return "\n".join(lines)


# --------------------------------------------------------------------------------- for people


def json_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    """What `gatepost plan --format json` prints, one object a change, group by group: dates as ISO
    text, a list joined by `;`, NULL as null."""
    for one, group in _grouped(plan):
        yield {
            "object": one.object,
            "id": one.account_id,
            "field": one.field,
            "from": plain(one.from_),
            "to": plain(one.to),
            "why": one.why,
            "segment": group.segment or None,
            "move": None if group.move == NO_MOVE else group.move,
        }


def text_rows(plan: Plan) -> Iterator[tuple[str, ...]]:
    """The cells of a table or a CSV, under COLUMNS; NULL is empty."""
    for one, group in _grouped(plan):
        was, shall = value_text(one.from_), value_text(one.to)
        move = "" if group.move == NO_MOVE else group.move
        yield (one.object, one.account_id, one.name, one.field, was, shall, one.why,
               group.segment, move)  # fmt: skip


def _grouped(plan: Plan) -> Iterator[tuple[Change, Group]]:
    for group in groups(plan):
        for record in group.records:
            for one in record:
                yield one, group
