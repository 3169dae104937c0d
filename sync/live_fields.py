"""Whether a field is good for what the mapping means by it. Pure: facts in, sentences out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from config.mapping_file import FieldType
from config.problem import nearest, quoted
from connectors.facts import FieldFacts, ObjectFacts
from mapping.output_types import OutputType
from sync.live_uses import FieldUse, Severity, Writing

_KINDS: Mapping[str, str] = {
    "text": "text", "number": "a number", "date": "a day", "boolean": "true or false",
    "list": "several names at once",
}  # fmt: skip
_FEW = 6
PROVISION = "`gatepost provision`"

Naming = Callable[[str], tuple[str, str] | None]
"""Why no field can be made that is called so, and what would do; None if one can."""


class Said(NamedTuple):
    """One thing that does not hold."""

    severity: Severity
    check: str
    message: str
    hint: str = ""


def judge(use: FieldUse, facts: ObjectFacts, naming: Naming | None) -> Iterator[Said]:
    """Everything that is wrong with one field. `naming` None: fields cannot be made there."""
    found = facts.fields.get(use.name)
    if found is None:
        yield _missing(use, facts, naming)
    elif use.writing is not None:
        yield from judge_field(use.writing, found, facts)
    else:
        yield from _read(use.read_as, found, f"{facts.name}.{use.name}")


def _missing(use: FieldUse, facts: ObjectFacts, naming: Naming | None) -> Said:
    makeable = use.writing is not None and naming is not None
    if use.name in facts.hidden:
        hint = f"{PROVISION} grants it" if makeable else "an administrator grants read access"
        return Said("error", "hidden", f"{facts.name}.{use.name}: {facts.hidden[use.name]}", hint)
    unseen = ", or this user may not see it" if facts.invisible else ""
    message = f"{facts.name} has no field {quoted(use.name)}{unseen}"
    ways = [_nearest(use.name, facts)]
    if naming is not None and use.writing is not None:
        wrong = naming(use.name)
        ways.append(f"none can be made: {wrong[0]}" if wrong else f"{PROVISION} makes it")
    return Said("error", "field", message, "; or ".join(way for way in ways if way))


def _nearest(name: str, facts: ObjectFacts) -> str:
    """The field that was probably meant: people know labels better than names."""
    for one in facts.fields.values():
        if one.label.casefold() == name.casefold():
            return f"{quoted(one.name)} is the field with this label"
    near = nearest(name, facts.fields)
    return near if near.startswith("nearest") else ""


# -- read


def _read(read_as: FieldType | None, found: FieldFacts, name: str) -> Iterator[Said]:
    what = f"{name} is {_typed(found)}"
    if found.kind == "none":
        yield Said("error", "type", f"{what}, which is no single value", "name a part of it")
        return
    if found.kind in ("any", read_as) or read_as in ("text", None):
        return
    if found.kind == "text":
        said = f"{what}, read as {_KINDS[read_as]}: what does not look like one is unknown"
        yield Said("warning", "type", said)
        return
    yield Said(
        "error", "type", f"{what}, which is never {_KINDS[read_as]}: it would always be unknown",
        f"say `type: {found.kind}`",
    )  # fmt: skip


# -- written


def judge_field(writing: Writing, found: FieldFacts, facts: ObjectFacts) -> Iterator[Said]:
    """What is wrong with a field that is there, for what is written into it."""
    name = f"{facts.name}.{found.name}"
    output, kind = writing.spec.output, writing.type
    if found.refusal:
        yield Said("error", "read-only", f"{name} cannot be written: {found.refusal}", found.remedy)
        return
    if kind.kind not in found.takes:
        said = f"{name} is {_typed(found)}, and {output} is {_KINDS[kind.kind]}"
        yield Said("error", "type", said, "a type is never changed: name another field")
        return
    if writing.spec.null == "clear" and not found.can_be_empty:
        said = f"{name} cannot be empty, and `null: clear` would empty it where {output} is unknown"
        yield Said("error", "empty", said, "leave `null: clear` out")
    yield from _options(output, kind, found, name)
    if kind.kind == "number":
        yield from _figures(output, kind, found, name)
    elif kind.longest is not None and found.length and len(kind.longest) > found.length:
        said = f"{name} holds {found.length:,} characters, and {output} can have"
        yield Said(
            "error", "length", f"{said} {len(kind.longest):,}, such as {quoted(kind.longest)}"
        )


def missing_options(kind: OutputType, found: FieldFacts) -> tuple[str, ...]:
    """Values that the output can have and the field's list lacks, in the journey's order."""
    if found.options is None:
        return ()
    values = ("true", "false") if kind.kind == "boolean" else kind.values or ()
    known = {*found.options}
    return tuple(one for one in values if one not in known)


def _options(output: str, kind: OutputType, found: FieldFacts, name: str) -> Iterator[Said]:
    if found.options is None:
        return
    if kind.kind == "list" and (split := [one for one in kind.values or () if ";" in one]):
        said = f"{quoted(split[0])} of {output} holds a semicolon, which stands between values"
        yield Said("error", "options", f"{name}: {said}", "call it otherwise in the journey")
    if kind.values is None and kind.kind != "boolean":
        if found.restricted:
            said = f"{name} takes its own values only, and nobody knows those of {output} before"
            yield Said("warning", "options", said)
        return
    lacking = missing_options(kind, found)
    if not lacking:
        return
    said = f"the list of {name} lacks {listed(lacking)}, which {output} can be"
    near = nearest(lacking[0], found.options) if len(lacking) == 1 else ""
    hint = f"{PROVISION} adds {'it' if len(lacking) == 1 else 'them'}"
    if found.can_extend:
        hint = f"{found.can_extend}: name another field"
    if near.startswith("nearest"):
        hint = f"{near}; or {hint}"
    severity: Severity = "error" if found.restricted else "warning"
    more = "" if found.restricted else "; other values are taken, and lists do not show them"
    yield Said(severity, "options", said + more, hint)


def _figures(output: str, kind: OutputType, found: FieldFacts, name: str) -> Iterator[Said]:
    if found.digits is not None and kind.most is not None and 10**found.digits <= kind.most:
        said = f"{name} has room for {found.digits} digits before the point"
        yield Said("error", "length", f"{said}, and {output} goes up to {kind.most}")
    if found.decimals is not None and found.decimals < kind.decimals:
        kept = f"keeps {found.decimals} decimals" if found.decimals else "keeps whole numbers"
        said = f"{name} {kept}, and {output} has {kind.decimals}: the rest is cut off"
        yield Said("warning", "length", f"{said}, and each sync would write it again",
                   "give the field more decimals")  # fmt: skip


def _typed(found: FieldFacts) -> str:
    return f"of the type {found.type}"


def listed(values: Sequence[str]) -> str:
    """A few values in quotes, and how many more there are."""
    shown = ", ".join(quoted(one) for one in values[:_FEW])
    more = len(values) - _FEW
    return f"{shown} and {more} more" if more > 0 else shown
