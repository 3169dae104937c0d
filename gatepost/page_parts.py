"""Pieces of a page: headings, marks, columns, and the clauses of a criterion."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from gatepost.cells import figure, one_line
from gatepost.tables import styled

if TYPE_CHECKING:
    from mapping.explain import Clause

GOOD, BAD, UNSURE, OPEN = "✓", "✗", "?", "·"
_STEP = "    "
_COLOURS = {GOOD: "green", BAD: "red", UNSURE: "yellow"}


def heading(text: str) -> str:
    """A section's title."""
    return styled(text, bold=True)


def mark(line: str) -> str:
    """The line with its tick, cross or question mark in colour."""
    rest = line.lstrip()
    colour = _COLOURS.get(rest[:1])
    if colour is None or rest[1:2] != " ":
        return line
    indent = line[: len(line) - len(rest)]
    return f"{indent}{styled(rest[0], fg=colour)}{rest[1:]}"


def aligned(rows: Sequence[Sequence[str]], right: Iterable[int] = ()) -> list[str]:
    """Cells in columns, those numbered in `right` flush right. The last one may be empty."""
    if not rows:
        return []
    figures = frozenset(right)
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if number in figures else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def criterion_lines(found: "Clause") -> Iterator[str]:
    """A criterion clause by clause: mark, text, what it lacks, what it looked at."""
    if not found.parts:
        yield from _clause_lines(found, "")
    elif _all_of(found):
        for part in found.parts:
            yield from _clause_lines(part, "")
    else:
        yield "Any of these:"
        for part in found.parts:
            yield from _clause_lines(part, _STEP)


def _clause_lines(found: "Clause", indent: str) -> Iterator[str]:
    if not found.parts:
        yield f"{indent}{_sign(found)} {found.text}"
        yield from _details(found, indent + _STEP)
        return
    yield f"{indent}{_sign(found)} {'all' if _all_of(found) else 'any'} of:"
    for part in found.parts:
        yield from _clause_lines(part, indent + _STEP)


def _sign(found: "Clause") -> str:
    if found.holds is None:
        return UNSURE
    return GOOD if found.holds else BAD


def _all_of(found: "Clause") -> bool:
    """Whether the parts are joined by `and`; a joined part may stand in parentheses."""
    texts = [part.text for part in found.parts]
    grouped = [f"({part.text})" if part.parts else part.text for part in found.parts]
    return found.text in (" and ".join(texts), " and ".join(grouped))


def _details(found: "Clause", indent: str) -> Iterator[str]:
    """What it lacks, then what it looked at: each value with where it comes from."""
    lacking = "" if found.holds else found.lacking
    if lacking:
        yield f"{indent}{one_line(lacking)}"
    for one in found.evidence:
        source = f"({one.source})"
        # A value that has just been said is not said again.
        said = lacking.startswith((f"{one.name} is ", f"{one.name} has "))
        value = figure(one.value) if one.value is not None else "unknown"
        yield f"{indent}{source if said else f'{one.name} is {one_line(value)} {source}'}"
