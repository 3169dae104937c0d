"""CSV as Bulk 2.0 reads and writes it."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DELIMITERS = {
    "COMMA": ",", "TAB": "\t", "SEMICOLON": ";", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`",
}  # fmt: skip
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
_MOST_HEADER = 32_000
_MOST_RECORD = 400_000
_MOST_FIELD = 32_000


class BadCsv(ValueError):
    """Fails the whole job; the text is the job's errorMessage."""


def read(body: bytes, delimiter: str, line_ending: str) -> tuple[list[str], list[list[str]]]:
    """Header and rows. Raises BadCsv for what the vendor does not take."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadCsv("ClientInputError : Invalid character encoding, UTF-8 is expected") from None
    outside = re.sub(r'"(?:[^"]|"")*"', '""', text)
    if ("\r\n" in outside) != (line_ending == "CRLF") and "\n" in outside:
        raise BadCsv(
            "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is "
            f"{line_ending}"
        )
    mark = re.escape(DELIMITERS[delimiter])
    if re.search(rf'{mark} +"', outside) or re.search(rf'" +{mark}', outside):
        raise BadCsv("ClientInputError : Failed to parse CSV header or row: space beside a quote")
    try:
        lines = list(
            csv.reader(io.StringIO(text, newline=""), delimiter=DELIMITERS[delimiter], strict=True)
        )
    except csv.Error as wrong:
        raise BadCsv(f"ClientInputError : Failed to parse CSV: {wrong}") from None
    if not lines:
        raise BadCsv("InvalidBatch : Records not found")
    header = lines[0]
    if len(",".join(header)) > _MOST_HEADER:
        raise BadCsv("InvalidBatch : The header row is too long")
    for line in lines[1:]:
        if line and (len(line) != len(header) or sum(map(len, line)) > _MOST_RECORD):
            raise BadCsv(
                f"ClientInputError : The number of columns differs from the header: {line[:3]}"
            )
        if any(len(cell) > _MOST_FIELD for cell in line):
            raise BadCsv("ClientInputError : A field has more than 32,000 characters")
    return header, [line for line in lines[1:] if line]


def write(
    header: Sequence[str], rows: Iterable[Sequence[str]], delimiter: str = "COMMA",
    line_ending: str = "LF",
) -> bytes:  # fmt: skip
    """Every value in quotes, as the vendor's results have them."""
    out = io.StringIO()
    writer = csv.writer(
        out, delimiter=DELIMITERS[delimiter], lineterminator=LINE_ENDINGS[line_ending],
        quoting=csv.QUOTE_ALL,
    )  # fmt: skip
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()
