"""Writing into OBJECT.csv: the file is rewritten whole, beside itself, and put in place at once.

Whoever is killed half-way leaves the old file; a reader sees the old or the new one. Rows that are
not written to are copied byte for byte, and in a row that is, only the changed cells change.
"""

import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from stat import S_IMODE
from typing import TYPE_CHECKING

from config.errors import RecordRejected, RetryLater, StopCycle
from connectors.base import Record, RecordWrite, WriteResult
from connectors.files_csv import MAX_LINE, Row, Table, reading, stat_fingerprint
from connectors.plain import plain_text

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
        wanted = {one: cells for one, cells in texts.items() if one not in refused}
        edit = _Edit(path, id_field, wanted)
        made = replace_file(path, before, edit.text(), edit.needed)
        for one in wanted:
            if edit.seen[one] != 1:
                refused[one] = (
                    f"{edit.seen[one]} rows of {path.name} have this id"
                    if edit.seen[one]
                    else f"{path.name} has no readable row with this id"
                )
        if edit.doubled:  # some of their rows were written to before that was seen
            single = {one: cells for one, cells in wanted.items() if one not in refused}
            edit = _Edit(path, id_field, single)
            made = replace_file(path, before, edit.text(), edit.needed)
        if made is not None:
            self.rewritten.append((object_name, stat_fingerprint(before), stat_fingerprint(made)))
        return [_result(write.id, refused) for write in writes]


class _Edit:
    """A new content of a file, made in one pass; what was seen on the way is known after it."""

    def __init__(self, path: Path, id_field: str, texts: Mapping[str, Mapping[str, str]]) -> None:
        """`texts`: id to column to what shall stand there. StopCycle if a column is not there."""
        self._path = path
        with Table(path) as table:
            self._id_place = table.position(id_field)
            columns = dict.fromkeys(column for cells in texts.values() for column in cells)
            places = {column: table.position(column) for column in columns}
        self._wanted = {
            one: {places[column]: text for column, text in cells.items()}
            for one, cells in texts.items()
        }
        self.seen: Counter[str] = Counter()
        self._changed = False

    @property
    def doubled(self) -> bool:
        """Whether some id has several rows, so that this content must not be used."""
        return len(self.seen) < self.seen.total()

    def needed(self) -> bool:
        """Whether anything differs from what is there, and may."""
        return self._changed and not self.doubled

    def text(self) -> Iterator[str]:
        """The text of the new file, in pieces."""
        wanted, id_place, seen = self._wanted, self._id_place, self.seen
        with Table(self._path) as table, reading(self._path):
            yield table.bom + table.header_raw
            for row in table:
                if len(row.raw) == MAX_LINE:
                    _refuse_endless(self._path, row)
                cells = wanted.get(row.cells[id_place]) if row.cells else None
                if cells is None:
                    yield row.raw
                    continue
                seen[row.cells[id_place]] += 1
                for place, text in cells.items():
                    if row.cells[place] != text:
                        self._changed = True
                        yield _edited(row, cells, table.delimiter)
                        break
                else:
                    yield row.raw


def _texts(writes: Sequence[RecordWrite]) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Id → column → text, later writes of an id on top; and id → why it cannot be written."""
    texts: dict[str, dict[str, str]] = {}
    refused: dict[str, str] = {}
    for write in writes:
        cells = texts.setdefault(write.id, {})
        for column, value in write.values.items():
            try:
                cells[column] = plain_text(value)
            except RecordRejected as error:
                refused[write.id] = f"{column}: {error}"
    return texts, refused


def _result(one: str, refused: Mapping[str, str]) -> WriteResult:
    if one in refused:
        return WriteResult(one, "rejected", refused[one])
    return WriteResult(one, "written")


def _refuse_endless(path: Path, row: Row) -> None:
    if row.raw[-1] not in "\r\n":
        raise StopCycle(
            f"line {row.line} of {path} is longer than {MAX_LINE:,} characters: such a file is "
            "read, but not rewritten"
        )


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


def replace_file(
    path: Path,
    before: os.stat_result,
    text: Iterator[str],
    needed: Callable[[], bool] = lambda: True,
) -> os.stat_result | None:
    """Put a new content in place of a file that must still be the one that `before` describes;
    what the file system says of the new one. `needed` is asked at the end of the text: if it is
    not, None, and nothing is touched."""
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
            if not needed():
                return None
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
