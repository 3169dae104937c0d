"""A plan in figures: how much of what would change, and which stages accounts move between."""

import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from gatepost.cells import Value, counted, one_line
from gatepost.page_parts import aligned
from gatepost.tables import styled

if TYPE_CHECKING:
    from sync.brakes import Pulled
    from sync.diff import Change
    from sync.plan import Group, Plan

_BELOW = " " * 8


def plan_sentence(plan: "Plan") -> str:
    """`12 records would change in 30 fields, as of 2026-06-30.`"""
    if not plan.changes:
        sentence = "Nothing needs writing: every record shows what was computed"
    else:
        records = counted(len({(one.object, one.account_id) for one in plan.changes}), "record")
        sentence = f"{records} would change in {counted(len(plan.changes), 'field')}"
    skipped = f"; {counted(len(plan.skipped), 'record')} left alone" if plan.skipped else ""
    return f"{sentence}, as of {plan.as_of}{skipped}."


def by_field(plan: "Plan") -> list[tuple[str, int]]:
    """Fields and how many records they would change in, in the order of the plan."""
    return list(Counter(change.field for change in plan.changes).items())


def moves(plan: "Plan", field: str) -> list[tuple[Value, Value, int]]:
    """From what to what the values of one field go, and how often; the most frequent first."""
    found = Counter((change.from_, change.to) for change in plan.changes if change.field == field)
    order = sorted(found.items(), key=lambda one: (-one[1], str(one[0])))
    return [(before, after, count) for (before, after), count in order]


def told(plan: "Plan", width: int | None) -> Iterator[str]:
    """The plan for people: by segment and stage move, record by record, a line a field. `width`
    None: nothing is wrapped."""
    from sync.plan import groups

    found = groups(plan)
    for number, group in enumerate(found):
        if number:
            yield ""
        if len(found) > 1 or group.segment:
            yield styled(group_title(group), bold=True)
            yield ""
        for place, changes in enumerate(group.records):
            if place:
                yield ""
            yield _who(changes)
            yield from _fields(changes, width)


def group_title(group: "Group") -> str:
    """`Enterprise · Onboarding → Adoption · 12 records`."""
    parts = [one_line(group.segment), one_line(group.move), counted(len(group.records), "record")]
    return " · ".join(part for part in parts if part)


def markdown(plan: "Plan") -> Iterator[str]:
    """The plan for a pull request: counts, what stands in its way, and a table for each group."""
    from gatepost.summary import note_lines
    from gatepost.tables import markdown_lines
    from sync.plain import value_text
    from sync.plan import groups

    yield plan_sentence(plan)
    for group in groups(plan):
        yield ""
        yield f"### {_escaped(group_title(group))}"
        yield ""
        rows = [
            (one.object, one.account_id, one.name, one.field, value_text(one.from_),
             value_text(one.to), one.why)
            for record in group.records
            for one in record
        ]  # fmt: skip
        yield from markdown_lines(("object", "id", "name", "field", "from", "to", "why"), rows)
    notes = list(note_lines(plan))
    if notes:
        yield ""
        yield "### Conflicts and what is held back"
        yield ""
        yield from (f"- {_escaped(line.strip())}" for line in notes)


def brake_lines(pulled: "Sequence[Pulled]") -> list[str]:
    """What would stop `apply`, for people."""
    if not pulled:
        return []
    lines = [one_line(line) if n else line for one in pulled for n, line in enumerate(one.lines())]
    said = f"warning: {counted(len(pulled), 'brake')} would stop apply and sync:"
    return [said, *(f"  {line}" for line in lines)]


def _escaped(text: str) -> str:
    # what a CRM holds must not become a link or a tag in somebody's pull request
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", one_line(text))


def sample(plan: "Plan", records: int, width: int) -> Iterator[str]:
    """The records with most changes, as `told` has them."""
    for changes in sorted(plan.records(), key=lambda one: (-len(one), one[0].account_id))[:records]:
        yield _who(changes)
        yield from _fields(changes, width)


def _who(changes: "Sequence[Change]") -> str:
    first = changes[0]
    name = one_line(first.name)
    title = f"{styled(name, bold=True)}  {first.account_id}" if name else first.account_id
    return f"{title}  {first.object}"


def _fields(changes: "Sequence[Change]", width: int | None) -> Iterator[str]:
    from sync.plain import value_text

    cells = [
        [
            change.field, one_line(value_text(change.from_)) or "empty", "→",
            one_line(value_text(change.to)) or "empty",
        ]
        for change in changes
    ]  # fmt: skip
    said = ""
    for line, change in zip(aligned(cells, right={1}), changes, strict=True):
        why = "" if change.why == said else one_line(change.why)  # a stage and its day share one
        yield from _wrapped(f"  {line}", why, width)
        said = change.why


def _wrapped(line: str, why: str, width: int | None) -> list[str]:
    """The reason behind the change where there is room, else on lines of its own."""
    if width is None or len(line) + 3 + len(why) <= width:
        return [f"{line}   {why}".rstrip()]
    return [line, *textwrap.wrap(why, width, initial_indent=_BELOW, subsequent_indent=_BELOW)]
