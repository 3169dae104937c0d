"""The slow way through a body that the engine alone could not read, or of which it read bad rows.

Records go to the engine in batches, each with its line number and text, so that a bad one can be
kept aside and said, and the others are read as if it was not there.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from connectors.base import Body
from connectors.files_csv import MAX_LINE, Table, is_utf8, open_text, reading, shown

BATCH = 20_000
"""Records that are held at once. Few, since one may have megabytes."""

Batch = dict[str, np.ndarray[Any, Any]]


def json_batches(body: Body) -> Iterator[Batch]:
    """`line, raw, broken` of the lines of a JSONL body that are not blank; at least one batch.

    Only a line feed ends a line. StopCycle if the body is cut short or cannot be read.
    """
    with reading(body.path), open_text(body.path, zipped=body.gzip, newline="\n") as file:
        lines = _json_lines(iter(lambda: file.readline(MAX_LINE), ""))
        yield from _batches(("line", "raw", "broken"), lines)


def _json_lines(pieces: Iterator[str]) -> Iterator[tuple[object, ...]]:
    for number, piece in enumerate(_first_pieces(pieces), 1):
        text = shown(piece) if number == 1 or not piece.isascii() else piece.rstrip("\r\n")
        if not text.strip():
            continue
        if len(piece) == MAX_LINE and piece[-1] != "\n":
            yield number, text, f"it is longer than {MAX_LINE:,} characters"
        elif not is_utf8(piece):
            yield number, text, "it is not UTF-8 text"
        else:
            yield number, text, None


def _first_pieces(pieces: Iterator[str]) -> Iterator[str]:
    """Of lines that come in several pieces the first, which says enough about them."""
    begun = False
    for piece in pieces:
        if not begun:
            yield piece
        begun = piece[-1] != "\n"


def csv_batches(body: Body, places: Sequence[int | None]) -> Iterator[Batch]:
    """`line, raw, broken, c0, c1, …` of the rows of a CSV body, c being the cells at `places`
    (None where the header has no such column). Errors as for `json_batches`."""
    names = ("line", "raw", "broken", *(f"c{number}" for number in range(len(places))))
    with Table(body.path, zipped=body.gzip) as table, reading(body.path):
        rows = (
            (
                row.line,
                shown(row.raw),
                row.reason or None,
                *(None if row.reason or at is None else row.cells[at] for at in places),
            )
            for row in table
            if row.cells or row.reason
        )
        yield from _batches(names, rows)


def _batches(names: Sequence[str], rows: Iterator[tuple[object, ...]]) -> Iterator[Batch]:
    some = list(islice(rows, BATCH))
    while True:
        yield {
            name: np.array([row[place] for row in some], dtype=np.int64 if place == 0 else object)
            for place, name in enumerate(names)
        }
        some = list(islice(rows, BATCH))
        if not some:
            return
