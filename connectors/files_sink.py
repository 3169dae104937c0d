"""Writing into OBJECT.csv: the file is rewritten whole, beside itself, and put in place at once.

Whoever is killed half-way leaves the old file; a reader sees the old or the new one. Rows that are
not written to are copied byte for byte, and in a row that is, only the changed cells change.
"""

import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from math import isfinite
from pathlib import Path
from stat import S_IMODE
from typing import TYPE_CHECKING

from config.errors import RecordRejected, RetryLater, StopCycle
from connectors.base import Record, RecordWrite, Value, WriteResult
from connectors.files_csv import MAX_LINE, Row, Table, reading, stat_fingerprint

if TYPE_CHECKING:
    from connectors.files import FilesConnector

Cells = Mapping[int, str]
"""Position of a column → the text that it shall hold."""


class FilesSink:
    """FieldSink of a folder of CSV files. One writer at a time: the cycle's lock sees to it."""

    def __init__(self, connector: "FilesConnector") -> None:
        self._connector = connector
        self.rewritten: list[tuple[str, str, str]] = []
        """Object and its fingerprints, of what was read and of what was put in its place. The
        second was taken before anybody else could open the new file."""

    def read(self, object_name: str, id_field: str, fields: Sequence[str]) -> Iterator[Record]:
        for row in self._connector.accounts().read(object_name, [id_field, *fields]):
            found = row[id_field]
            if id_field not in fields:
                del row[id_field]
            if found is not None:
                yield Record(str(found), row)

    def write(
        self, object_name: str, id_field: str, writes: Sequence[RecordWrite]
    ) -> list[WriteResult]:
        """As the protocol says; RetryLater if somebody else changed the file meanwhile. A file in
        which everything is as it shall be is not touched."""
        # A link is followed: what is replaced is the file, not the link to it.
        path = self._connector.object_path(object_name).resolve()
        with reading(path):
            before = path.stat()
        texts, refused = _texts(writes)
        with Table(path) as table, reading(path):
            id_place = table.position(id_field)
            names = dict.fromkeys(column for cells in texts.values() for column in cells)
            places = {column: table.position(column) for column in names}
            wanted = {
                one: {places[column]: text for column, text in cells.items()}
                for one, cells in texts.items()
            }
            seen, changes = _look(table, id_place, wanted)
        for one in wanted:
            if seen[one] != 1:
                refused[one] = (
                    f"{seen[one]} rows of {path.name} have this id"
                    if seen[one]
                    else f"{path.name} has no readable row with this id"
                )
        clear = {one: cells for one, cells in wanted.items() if one not in refused}
        if changes & clear.keys():
            made = replace_file(path, before, _rewritten(path, id_place, clear))
            self.rewritten.append((object_name, stat_fingerprint(before), stat_fingerprint(made)))
        return [_result(write.id, refused) for write in writes]


def _texts(writes: Sequence[RecordWrite]) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Id → column → text, later writes of an id on top; and id → why it cannot be written."""
    texts: dict[str, dict[str, str]] = {}
    refused: dict[str, str] = {}
    for write in writes:
        cells = texts.setdefault(write.id, {})
        for column, value in write.values.items():
            try:
                cells[column] = cell_text(value)
            except RecordRejected as error:
                refused[write.id] = f"{column}: {error}"
    return texts, refused


def cell_text(value: Value) -> str:
    """How a value stands in a CSV. RecordRejected if it cannot."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case date():
            return value.isoformat()
        case tuple():
            return ";".join(value)
        case str():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise RecordRejected("the text holds half a character (a lone surrogate)") from None
            return value
        case float() if not isfinite(value):
            raise RecordRejected(f"{value} is no number that a file can hold")
        case float() if value.is_integer() and abs(value) < 1e16:
            return str(int(value))
        case _:
            return str(value)


def _result(one: str, refused: Mapping[str, str]) -> WriteResult:
    if one in refused:
        return WriteResult(one, "rejected", refused[one])
    return WriteResult(one, "written")


def _look(
    table: Table, id_place: int, wanted: Mapping[str, Cells]
) -> tuple[Counter[str], set[str]]:
    """How many rows each wanted id has, and which ids have a cell that is not yet as it shall."""
    found: list[str] = []
    changes: set[str] = set()
    for row in table:
        if len(row.raw) == MAX_LINE:
            _refuse_endless(table.path, row)
        cells = row.cells
        if cells and (goal := wanted.get(cells[id_place])) is not None:
            found.append(cells[id_place])
            for place, text in goal.items():
                if cells[place] != text:
                    changes.add(cells[id_place])
                    break
    return Counter(found), changes


def _refuse_endless(path: Path, row: Row) -> None:
    if row.raw[-1] not in "\r\n":
        raise StopCycle(
            f"line {row.line} of {path} is longer than {MAX_LINE:,} characters: such a file is "
            "read, but not rewritten"
        )


def _rewritten(path: Path, id_place: int, wanted: Mapping[str, Cells]) -> Iterator[str]:
    """The text of the new file, in pieces."""
    with Table(path) as table:
        yield table.bom + table.header_raw
        for row in table:
            cells = wanted.get(row.cells[id_place]) if row.cells else None
            yield row.raw if cells is None else _edited(row, cells, table.delimiter)


def _edited(row: Row, cells: Cells, delimiter: str) -> str:
    """The row's raw text with some cells replaced, quoted if they must be or if the row's are."""
    if '"' not in row.raw:  # the common kind: the cells stand there as they are
        return _edited_plain(row, cells, delimiter)
    pieces = _pieces(row.raw, delimiter)
    ending = row.raw[sum(map(len, pieces)) + len(pieces) - 1 :]
    filled = [piece for piece in pieces if piece]
    all_quoted = bool(filled) and all(piece.startswith('"') for piece in filled)
    for place, text in cells.items():
        if row.cells[place] != text:
            was_quoted = pieces[place].startswith('"') or (all_quoted and not pieces[place])
            pieces[place] = _in_quotes(text) if was_quoted else as_cell(text, delimiter)
    return delimiter.join(pieces) + ending


def _edited_plain(row: Row, cells: Cells, delimiter: str) -> str:
    """`_edited` for a row in which nothing is quoted, in a third of the time."""
    pieces = list(row.cells)
    for place, text in cells.items():
        if pieces[place] != text:
            pieces[place] = as_cell(text, delimiter)
    return delimiter.join(pieces) + row.raw[len(row.raw.rstrip("\r\n")) :]


def as_cell(text: str, delimiter: str) -> str:
    """Quoted only where it must be."""
    must = delimiter in text or '"' in text or "\r" in text or "\n" in text
    return _in_quotes(text) if must else text


def _in_quotes(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _pieces(raw: str, delimiter: str) -> list[str]:
    """The cells as they stand, quotes included. The row is known to be well formed."""
    cell = re.compile(rf'"(?:[^"]|"")*"|[^{re.escape(delimiter)}\r\n]*')
    pieces: list[str] = []
    at = 0
    while (found := cell.match(raw, at)) is not None:
        pieces.append(found[0])
        at = found.end() + 1
        if raw[found.end() : at] != delimiter:
            break
    return pieces


def replace_file(path: Path, before: os.stat_result, text: Iterator[str]) -> os.stat_result:
    """Put a new content in place of a file that must still be the one that `before` describes;
    what the file system says of the new one."""
    try:
        for leftover in path.parent.glob(f".{_plain(path.name)}.gatepost-*"):
            leftover.unlink(missing_ok=True)  # of a run that was killed
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.gatepost-", dir=path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    made = Path(name)
    try:
        with os.fdopen(
            descriptor, "w", encoding="utf-8", errors="surrogateescape", newline=""
        ) as file:
            file.writelines(text)
            file.flush()
            _inherit(descriptor, path, before)
            os.fsync(descriptor)
            new = os.fstat(descriptor)
        if not _is_same(path, before):
            raise RetryLater(f"{path} was changed by somebody else while it was being written")
        made.replace(path)
        _settle(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        made.unlink(missing_ok=True)  # there only if something went wrong
    return new


def _plain(name: str) -> str:
    """A file's name as a pattern that means just this name."""
    return re.sub(r"([\[*?])", r"[\1]", name)


def _inherit(descriptor: int, path: Path, before: os.stat_result) -> None:
    """Give the new file the old one's owner, rights and attributes, as far as we may."""
    with suppress(PermissionError):
        os.fchown(descriptor, before.st_uid, before.st_gid)
    os.fchmod(descriptor, S_IMODE(before.st_mode))
    with suppress(OSError):  # not every file system has attributes, and not all may be set
        for attribute in os.listxattr(path):
            os.setxattr(descriptor, attribute, os.getxattr(path, attribute))


def _is_same(path: Path, before: os.stat_result) -> bool:
    try:
        now = path.stat()
    except FileNotFoundError:
        return False
    return (now.st_size, now.st_mtime_ns, now.st_ino) == (
        before.st_size,
        before.st_mtime_ns,
        before.st_ino,
    )


def _settle(folder: Path) -> None:
    """Make the renaming survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritable(path: Path, error: OSError) -> StopCycle:
    return StopCycle(
        f"{path} cannot be written: {error.strerror or error}; it is as it was",
        "its folder must allow new files, and have room for a second copy",
    )
