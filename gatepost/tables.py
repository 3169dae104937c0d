"""Rows as a table, as CSV, as JSON lines or as Markdown."""

import csv
import io
import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click

from gatepost.cells import one_line, plain

_GAP = "  "
_TEXT = 24
"""Characters that a column of text should have at least."""


def emit(lines: Iterable[str]) -> None:
    """Print lines to stdout. BrokenPipeError if nobody reads them any more."""
    write = sys.stdout.write
    for line in lines:
        write(line + "\n")


def json_lines(rows: Iterable[Any]) -> Iterator[str]:
    """One JSON object a line, in the keys' own order."""
    for row in rows:
        yield json.dumps(plain(row), ensure_ascii=False)


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """CSV with its header, also when there are no rows."""
    for cells in (header, *rows):
        text = io.StringIO()
        # The writer's own line end is "\r\n" so that it quotes cells that hold either of them.
        csv.writer(text, lineterminator="\r\n").writerow(cells)
        yield text.getvalue().removesuffix("\r\n")


def markdown_lines(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table for a pull request or a wiki."""
    yield "| " + " | ".join(header) + " |"
    yield "|" + " --- |" * len(header)
    for cells in rows:
        yield "| " + " | ".join(_escaped(cell) for cell in cells) + " |"


def _escaped(cell: str) -> str:
    text = one_line(cell).replace("\\", "\\\\").replace("|", "\\|")
    return text.replace("<", "&lt;").replace("`", "\\`").replace("*", "\\*").replace("_", "\\_")


@dataclass(frozen=True)
class Shape:
    """What a table's columns are, by title."""

    figures: frozenset[str] = frozenset()
    """flush right"""
    texts: frozenset[str] = frozenset()
    """may be broken over lines where a terminal is narrow; others stay whole"""
    spare: tuple[str, ...] = ()
    """left out, in this order, where a terminal is too narrow for them"""


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], shape: Shape) -> None:
    """A table on stdout. On a terminal it is fitted to the width. Elsewhere nothing is cut,
    wrapped, left out or coloured."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_fitted(header, cells, shape)
    else:
        emit(table_lines(header, cells, shape))


def table_lines(header: Sequence[str], rows: Sequence[Sequence[str]], shape: Shape) -> list[str]:
    """The table as lines of whatever width it needs."""
    from rich.cells import cell_len  # wide characters take two columns

    widths = [cell_len(title) for title in header]
    for row in rows:
        widths = [max(width, cell_len(cell)) for width, cell in zip(widths, row, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = (
            " " * (width - cell_len(cell)) + cell
            if title in shape.figures
            else cell + " " * (width - cell_len(cell))
            for title, width, cell in zip(header, widths, cells, strict=True)
        )
        return _GAP.join(padded).rstrip()

    return [line(header), line(["-" * width for width in widths]), *(line(row) for row in rows)]


def _print_fitted(header: Sequence[str], rows: Sequence[Sequence[str]], shape: Shape) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False)
    chosen = fitting(header, rows, shape, console.width)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in (header[number] for number in chosen):
        table.add_column(
            title, justify="right" if title in shape.figures else "left", overflow="fold",
            no_wrap=title not in shape.texts,
        )  # fmt: skip
    for row in rows:
        table.add_row(*(Text(row[number]) for number in chosen))
    console.print(table)


def fitting(
    header: Sequence[str], rows: Sequence[Sequence[str]], shape: Shape, room: int
) -> list[int]:
    """The numbers of the columns to show in `room` characters; texts need not be whole."""
    from rich.cells import cell_len

    needs = {
        number: min(max(map(cell_len, column)), _TEXT if title in shape.texts else room)
        for number, (title, column) in enumerate(
            zip(header, zip(header, *rows, strict=True), strict=True)
        )
    }
    for title in shape.spare:
        if sum(needs.values()) + len(_GAP) * len(needs) <= room:
            break
        if title in header:
            needs.pop(header.index(title))
    return list(needs)


def width() -> int:
    """How wide text may be: the terminal's width within reason, a readable measure elsewhere."""
    if not sys.stdout.isatty():
        return 100
    return min(max(shutil.get_terminal_size((100, 24)).columns, 40), 120)


def styled(text: str, **how: Any) -> str:
    """Text in bold or colour; click takes it out again where stdout is no terminal."""
    return click.style(text, **how)
