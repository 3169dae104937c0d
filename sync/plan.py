"""A plan: what would be written, to what, from what, and why, as plain data.

`plan` shows it and `apply` carries out that very object, from memory or from a file. It remembers
what was read, so that it can tell whether the CRM has moved since.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Any

from config.errors import GatepostError, StopCycle
from connectors.base import Value
from sync.diff import Change, Diff, Observed, Skipped, same
from sync.typed import scalar_text

VERSION = 1
COLUMNS = ("object", "id", "name", "field", "from", "to", "why")

_SHOWN = 10

_encode = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes by object and account id, each account's in the order of the mapping."""

    made_at: str  # UTC instant, as state.instant_text writes it
    as_of: date
    config_hash: str
    read_hash: str  # of what the CRM showed in every field that is to change
    changes: tuple[Change, ...]
    skipped: tuple[Skipped, ...]

    def records(self) -> Iterator[tuple[Change, ...]]:
        """The changes, one tuple for each record."""
        for _, changes in groupby(self.changes, key=lambda one: (one.object, one.account_id)):
            yield tuple(changes)


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
    changes.sort(key=lambda one: (one.object, one.account_id))  # stable: fields keep their order
    return Plan(
        made_at, as_of, config_hash, _read_hash(changes), tuple(changes), tuple(sorted(skipped))
    )


def _read_hash(changes: Iterable[Change]) -> str:
    digest = hashlib.sha256()
    for one in changes:
        read = [one.object, one.account_id, one.field, jsonable(one.from_)]
        digest.update(json_text(read).encode("utf-8") + b"\n")
    return digest.hexdigest()


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
    """What `gatepost plan --format json` prints, one object a change: dates as ISO text, a list
    joined by `;`, NULL as null."""
    for one in plan.changes:
        yield {
            "object": one.object,
            "id": one.account_id,
            "field": one.field,
            "from": _plain(one.from_),
            "to": _plain(one.to),
            "why": one.why,
        }


def text_rows(plan: Plan) -> Iterator[tuple[str, ...]]:
    """The cells of a table or a CSV, under COLUMNS; NULL is empty."""
    for one in plan.changes:
        was, shall = value_text(one.from_), value_text(one.to)
        yield one.object, one.account_id, one.name, one.field, was, shall, one.why


def value_text(value: Value) -> str:
    """A value as people read it."""
    shown = _plain(value)
    if shown is None:
        return ""
    return shown if isinstance(shown, str) else scalar_text(shown)


def _plain(value: Value) -> str | float | int | bool | None:
    if isinstance(value, date):
        return value.isoformat()
    return ";".join(value) if isinstance(value, tuple) else value


# --------------------------------------------------------------------------------- for files


def jsonable(value: Value) -> Any:
    """A value in JSON that comes back as the same type: a day is `{"date": "2026-05-01"}`."""
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no such number; it can only be something that a CRM showed
    return list(value) if isinstance(value, tuple) else value


def from_jsonable(found: Any) -> Value:
    """The inverse of `jsonable`. Raises ValueError, KeyError or TypeError for anything else."""
    match found:
        case None | bool() | int() | float() | str():
            return found
        case {"date": str(text)} if len(found) == 1:
            return date.fromisoformat(text)
        case [*items] if all(isinstance(item, str) for item in items):
            return tuple(items)
        case _:
            raise ValueError(f"{found!r} is no value")


def json_text(value: Any) -> str:
    """JSON on one line that any UTF-8 file can hold."""
    # A CSV that is no UTF-8 gives halves of surrogate pairs: as escapes they survive the way.
    text = _encode(value)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def to_json(plan: Plan) -> str:
    """The plan as a file: one change a line. Same plan, same text."""
    head = {
        "gatepost_plan": VERSION,
        "made_at": plan.made_at,
        "as_of": plan.as_of.isoformat(),
        "config_hash": plan.config_hash,
        "read_hash": plan.read_hash,
    }
    lines = [f"{json_text(key)}: {json_text(value)}," for key, value in head.items()]
    changes = [json_text(_change_object(one)) for one in plan.changes]
    skipped = [json_text({"id": one.account_id, "reason": one.reason}) for one in plan.skipped]
    lines.append(f'"changes": {_listed(changes)},')
    lines.append(f'"skipped": {_listed(skipped)}')
    return "{\n" + "\n".join(lines) + "\n}\n"


def _listed(lines: list[str]) -> str:
    return "[\n" + ",\n".join(lines) + "\n]" if lines else "[]"


def _change_object(one: Change) -> dict[str, Any]:
    return {
        "object": one.object,
        "id": one.account_id,
        "name": one.name,
        "field": one.field,
        "from": jsonable(one.from_),
        "to": jsonable(one.to),
        "why": one.why,
    }


def from_json(text: str, file: str = "the plan") -> Plan:
    """Read a saved plan. `file` is what messages call it. Raises GatepostError with a sentence for
    anything that `to_json` did not write."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GatepostError(f"{file} is no JSON: {error}", "save one with plan --out") from error
    version = found.get("gatepost_plan") if isinstance(found, dict) else None
    if version is None:
        raise GatepostError(f"{file} is no plan of Gatepost", "save one with plan --out")
    if version != VERSION:
        raise GatepostError(
            f"{file} is a plan of version {version}, this Gatepost reads version {VERSION}",
            "make a new plan",
        )
    try:
        plan = _plan(found)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise GatepostError(f"{file} is damaged ({error})", "make a new plan") from error
    if _read_hash(plan.changes) != plan.read_hash:
        raise GatepostError(f"{file} was edited: what was read is not what it says any more")
    return plan


def _plan(found: dict[str, Any]) -> Plan:
    changes = tuple(
        Change(
            object=_text(one, "object"),
            account_id=_text(one, "id"),
            name=_text(one, "name"),
            field=_text(one, "field"),
            from_=from_jsonable(one["from"]),
            to=from_jsonable(one["to"]),
            why=_text(one, "why"),
        )
        for one in found["changes"]
    )
    skipped = tuple(Skipped(_text(one, "id"), _text(one, "reason")) for one in found["skipped"])
    head = (_text(found, key) for key in ("made_at", "as_of", "config_hash", "read_hash"))
    made_at, as_of, config_hash, read_hash = head
    return Plan(made_at, date.fromisoformat(as_of), config_hash, read_hash, changes, skipped)


def _text(found: dict[str, Any], key: str) -> str:
    text = found[key]
    if not isinstance(text, str):
        raise TypeError(f"{key} is no text")
    return text
