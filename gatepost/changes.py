"""A plan in figures: how much of what would change, and which stages accounts move between."""

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from gatepost.cells import Value, counted, one_line
from gatepost.page_parts import aligned
from gatepost.tables import styled

if TYPE_CHECKING:
    from sync.diff import Change
    from sync.plan import Plan

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
    """The plan for people: record by record, a line a field. `width` None: nothing is wrapped."""
    for number, changes in enumerate(plan.records()):
        if number:
            yield ""
        yield _who(changes)
        yield from _fields(changes, width)


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
    from sync.plan import value_text

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
