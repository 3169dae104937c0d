"""CSV as people's tools write it, read row by row so that the raw text of every row is kept.

UTF-8, with or without a byte order mark; `,`, `;`, tab or `|` between cells, whichever the header
uses; quotes doubled inside quotes; any line ending, also within quotes. A row that does not fit the
header or breaks the quoting rules is given with its reason, and reading goes on at the next line:
a quote that is never closed costs one row, not the rest of the file.
"""

import csv
import gzip
import os
import re
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import IO, NamedTuple, Self

from config.errors import StopCycle
from config.problem import nearest, quoted

MAX_LINE = 16 * 1024 * 1024  # characters; a longer line is no record but a wrong or damaged file
MAX_LINES_IN_QUOTES = 1_000
READ_FAILURES = (OSError, EOFError, zlib.error)
"""What a damaged or vanished file raises while it is read, gzip or not."""

_BOM = "\ufeff"
_NOT_UTF8 = re.compile("[\ud800-\udfff]")
_IN_QUOTES = re.compile('"[^"]*"')
_DELIMITERS = ",;\t|"
_BLOCK = 64 * 1024  # characters that are read at once


class Row(NamedTuple):  # a tuple, since a file has many: it is made in half the time of a class
    """One record after the header. `raw` holds its bytes, line ending included (surrogate escapes
    stand for what is not UTF-8). `cells` is empty for a blank line and for a bad row, which has a
    `reason`; else it has as many cells as the header."""

    line: int
    raw: str
    cells: Sequence[str] = ()
    reason: str = ""


class Table:
    """An open CSV file; use as a context manager. Iterate it once for the rows, in order.

    Opening raises StopCycle if there is no such file. Reading raises READ_FAILURES as they come.
    """

    def __init__(self, path: Path, *, zipped: bool = False) -> None:
        self.path = path
        csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE))  # the module's own is 128 kB
        try:
            self._file = open_text(path, zipped=zipped, newline="")
        except OSError as error:
            raise unreadable(path, error) from error
        self._lines = _Lines(self._file)
        self.bom = ""
        self.delimiter = ","
        self.header_raw = ""
        self.columns: tuple[str, ...] = ()
        """names as the header has them; none if the file is empty"""
        try:
            self._read_header()
        except READ_FAILURES as error:
            self.close()
            raise unreadable(path, error) from error
        except BaseException:  # whatever it was, the file must not stay open
            self.close()
            raise

    def _read_header(self) -> None:
        skipped = ""
        first = self._lines.next()
        while first is not None and not first.strip("\r\n"):
            skipped += first
            first = self._lines.next()
        if first is None:
            self.header_raw = skipped
            return
        if not skipped and first.startswith(_BOM):
            self.bom, first = _BOM, first.removeprefix(_BOM)
        outside = _IN_QUOTES.sub("", first)
        self.delimiter = max(_DELIMITERS, key=outside.count)  # the first of equals, so the comma
        row = self._record(first, 0)
        if row.reason:
            raise StopCycle(f"{self.path.name} has a header that cannot be read: {row.reason}")
        self.header_raw = skipped + row.raw
        self.columns = tuple(row.cells)

    def position(self, column: str) -> int:
        """Where a column stands. StopCycle if the header lacks it or has it twice."""
        found = [place for place, name in enumerate(self.columns) if name == column]
        if len(found) == 1:
            return found[0]
        if found:
            raise StopCycle(f"{self.path.name} has {len(found)} columns named {quoted(column)}")
        raise StopCycle(
            f"{self.path.name} has no column {quoted(column)}", nearest(column, self.columns)
        )

    def __iter__(self) -> Iterator[Row]:
        width, delimiter, lines = len(self.columns), self.delimiter, self._lines
        while True:
            for line in lines.plain():  # the common kind, in a fraction of the time
                text = line.rstrip("\r\n")
                cells = text.split(delimiter)
                if len(cells) == width and text:
                    yield Row(lines.number, line, cells)
                else:
                    yield self._record(line, width)
            if (odd := lines.next()) is None:
                return
            yield self._record(odd, width)

    def _record(self, text: str, width: int) -> Row:
        """The record that begins with the physical line `text`."""
        number = self._lines.number
        if not text.strip("\r\n"):
            return Row(number, text)
        if self._lines.too_long:
            return Row(number, text, reason=f"it is longer than {MAX_LINE:,} characters")
        cells, raw, reason = self._parse(text)
        if reason:  # where it ends is not known either: it costs its first line
            self._lines.rewind()
        elif width and len(cells) != width:
            reason = f"it has {len(cells)} cells where the header has {width}"
        elif not is_utf8(raw):
            reason = "it is not UTF-8 text"
        return Row(number, raw, () if reason else cells, reason)

    def _parse(self, text: str) -> tuple[list[str], str, str]:
        raw = text
        for _ in range(MAX_LINES_IN_QUOTES):
            try:
                return next(csv.reader([raw], delimiter=self.delimiter, strict=True)), raw, ""
            except csv.Error as error:
                if raw.count('"') % 2 == 0:
                    return [], text, f"it is no CSV ({error})"
            if len(raw) > MAX_LINE or (more := self._lines.until_quote()) is None:
                break
            raw += more
        return [], text, "a quote is not closed"

    def close(self) -> None:
        """Safe to repeat."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Lines:
    """Physical lines with their numbers, and a way back to those that were looked at ahead."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._ahead: deque[str] = deque()
        self._plain = False  # whether all that is ahead is as `plain` promises
        self._taken: list[str] = []  # since the last `next`, for `rewind`
        self.number = 0  # of the line that `next` gave last, 1-based
        self.too_long = False

    def next(self) -> str | None:
        if self._taken:
            self.number += len(self._taken)
            self._taken.clear()
        self.number += 1
        line = self._pop()
        # Only the first piece of an endless line is kept, so that memory stays flat.
        self.too_long = len(line) == MAX_LINE and line[-1] not in "\r\n"
        if self.too_long:
            while (piece := self._pop()) and piece[-1] not in "\r\n":
                pass
        return line or None

    def plain(self) -> Iterator[str]:
        """The next lines as `next` would give them, as long as that is quickly told: none of them
        has a quote, is too long, or holds what is not UTF-8."""
        while self._plain and self._ahead and not self._taken:
            self.number += 1
            self.too_long = False
            yield self._ahead.popleft()
            if not self._ahead:
                self._look_ahead()

    def until_quote(self) -> str | None:
        """What follows up to and including the next line with a quote in it; None at the end."""
        text: list[str] = []
        while len(self._taken) < MAX_LINES_IN_QUOTES:
            line = self._pop()
            if not line:
                return None
            self._taken.append(line)
            text.append(line)
            if '"' in line:
                return "".join(text)
        return None

    def _pop(self) -> str:
        """The next line, or MAX_LINE characters of it; "" at the end."""
        if not self._ahead:
            self._look_ahead()
        return self._ahead.popleft() if self._ahead else ""

    def _look_ahead(self) -> None:
        """Read some more lines, when none is ahead."""
        text = self._file.read(min(_BLOCK, MAX_LINE))
        while text.endswith("\r") and (more := self._file.read(1)):  # it may belong to a "\n"
            text += more
        if not text:
            return
        # Not splitlines(), which knows many more line ends than a CSV does.
        self._ahead.extend(StringIO(text, newline=""))
        last = self._ahead[-1]
        if last[-1] not in "\r\n":
            rest = self._file.readline(MAX_LINE - len(last))
            self._ahead[-1] += rest
            text += rest
        self._plain = '"' not in text and is_utf8(text) and len(self._ahead[-1]) < MAX_LINE

    def rewind(self) -> None:
        """As if nothing had been looked at since the last `next`."""
        self._ahead.extendleft(reversed(self._taken))
        self._plain = False  # of these lines nobody knows any more
        self._taken.clear()


def open_text(path: Path, *, zipped: bool, newline: str) -> IO[str]:
    """A file as text of which nothing is lost: bytes that are not UTF-8 become surrogates."""
    if zipped:
        return gzip.open(path, "rt", encoding="utf-8", errors="surrogateescape", newline=newline)
    return path.open(encoding="utf-8", errors="surrogateescape", newline=newline)


def is_utf8(raw: str) -> bool:
    """Whether text from `open_text` was UTF-8 in the file."""
    return raw.isascii() or _NOT_UTF8.search(raw) is None


def shown(raw: str) -> str:
    """Raw text as it may be kept and printed: valid, without the line ending."""
    plain = raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return plain.rstrip("\r\n").removeprefix(_BOM)


def stat_fingerprint(seen: os.stat_result) -> str:
    """What differs whenever a file's content may differ."""
    return f"{seen.st_size}-{seen.st_mtime_ns}-{seen.st_ino}"


def unreadable(path: Path, error: BaseException) -> StopCycle:
    """The sentence for a file that cannot be read."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return StopCycle(f"{path} cannot be read: {reason}")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns what goes wrong while a file is read into a sentence."""
    try:
        yield
    except READ_FAILURES as error:
        raise unreadable(path, error) from error
