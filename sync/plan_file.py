"""A plan as a file: one change a line, so that two of them can be compared with any tool."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any, get_args

from config.errors import UsageError
from sync.brakes import Facts, JourneyFacts, SourceFacts
from sync.diff import Change, Skipped
from sync.plain import from_jsonable, json_text, jsonable
from sync.plan import Plan
from sync.policy import Kind, Note

VERSION = 3


def to_json(plan: Plan) -> str:
    """The plan as a file: one change a line. Same plan, same text."""
    body = _body(plan)
    head = f'{{\n"gatepost_plan": {VERSION},\n"digest": {json_text(_digest(body))},\n'
    return f"{head}{body}\n}}\n"


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def _body(plan: Plan) -> str:
    head = {
        "made_at": plan.made_at,
        "as_of": plan.as_of.isoformat(),
        "config_hash": plan.config_hash,
        "read_hash": plan.read_hash,
    }
    lines = [f"{json_text(key)}: {json_text(value)}," for key, value in head.items()]
    changes = [json_text(_change_object(one)) for one in plan.changes]
    notes = [json_text(_note_object(one)) for one in plan.notes]
    skipped = [json_text({"id": one.account_id, "reason": one.reason}) for one in plan.skipped]
    lines.append(f'"facts": {json_text(asdict(plan.facts))},')
    lines.append(f'"segments": {json_text(dict(sorted(plan.segments.items())))},')
    lines.append(f'"changes": {_listed(changes)},')
    lines.append(f'"notes": {_listed(notes)},')
    lines.append(f'"skipped": {_listed(skipped)}')
    return "\n".join(lines)


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


def _note_object(one: Note) -> dict[str, Any]:
    since = one.since.isoformat() if one.since else None
    return {**_change_object(one.change), "kind": one.kind, "note": one.why, "since": since}


def from_json(text: str, file: str = "the plan") -> Plan:
    """Read a saved plan. `file` is what messages call it. Raises UsageError with a sentence for
    anything that `to_json` did not write."""
    if not text.strip():
        raise UsageError(f"{file} is empty", "save a plan with plan --out")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        place = f": {error}" if isinstance(error, json.JSONDecodeError) else ""
        raise UsageError(f"{file} is no JSON{place}", "save a plan with plan --out") from error
    version = found.get("gatepost_plan") if isinstance(found, dict) else None
    if version is None:
        raise UsageError(f"{file} is no plan of Gatepost", "save one with plan --out")
    if version != VERSION:
        raise UsageError(
            f"{file} is a plan of version {version}, this Gatepost reads version {VERSION}",
            "make a new plan",
        )
    try:
        plan, digest = _plan(found), _text(found, "digest")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{file} is damaged: it is no whole plan", "make a new plan") from error
    if _digest(_body(plan)) != digest:
        raise UsageError(
            f"{file} was edited: it does not say any more what was planned", "make a new plan"
        )
    return plan


def _plan(found: dict[str, Any]) -> Plan:
    segments = found["segments"]
    if not all(isinstance(one, str) for one in (*segments, *segments.values())):
        raise TypeError("segments are no texts")
    made_at, as_of, config_hash = (_text(found, key) for key in ("made_at", "as_of", "config_hash"))
    return Plan(
        made_at,
        date.fromisoformat(as_of),
        config_hash,
        changes=tuple(_change(one) for one in found["changes"]),
        skipped=tuple(Skipped(_text(one, "id"), _text(one, "reason")) for one in found["skipped"]),
        notes=tuple(_note(one) for one in found["notes"]),
        facts=_facts(found["facts"]),
        segments=segments,
    )


def _change(one: dict[str, Any]) -> Change:
    return Change(
        object=_text(one, "object"),
        account_id=_text(one, "id"),
        name=_text(one, "name"),
        field=_text(one, "field"),
        from_=from_jsonable(one["from"]),
        to=from_jsonable(one["to"]),
        why=_text(one, "why"),
    )


def _note(one: dict[str, Any]) -> Note:
    kind = _text(one, "kind")
    if kind not in get_args(Kind):
        raise ValueError(f"{kind!r} is no kind of note")
    since = None if one["since"] is None else date.fromisoformat(_text(one, "since"))
    return Note(_change(one), kind, _text(one, "note"), since)  # type: ignore[arg-type]


def _facts(found: Mapping[str, Any]) -> Facts:
    """What `asdict` made, with its tuples back."""
    return Facts(
        tuple(JourneyFacts(**_tupled(one)) for one in found["journeys"]),
        tuple(SourceFacts(**_tupled(one)) for one in found["sources"]),
        _text(dict(found), "organisation"),
        _text(dict(found), "organisation_before"),
    )


def _tupled(found: Mapping[str, Any]) -> dict[str, Any]:
    def frozen(value: Any) -> Any:
        return tuple(frozen(one) for one in value) if isinstance(value, list) else value

    return {key: frozen(value) for key, value in found.items()}


def _text(found: dict[str, Any], key: str) -> str:
    text = found[key]
    if not isinstance(text, str):
        raise TypeError(f"{key} is no text")
    return text
