"""Connections of type `files`: a folder in which OBJECT.csv is an object and events/ holds events.

Nothing is copied: the engine reads the files where they lie. A file's fingerprint is what the file
system says of it, so that nothing new costs no reading; the hash of its content tells a file that
was only touched from one that changed.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from config.errors import RetryLater, StopCycle
from config.problem import nearest, quoted
from config.project_file import Connection
from connectors.base import AccountSource, Body, EventSource, FieldSink, Part, Raw, Rejected
from connectors.files_csv import Table, reading, shown, stat_fingerprint
from connectors.rejected import KEPT_ASIDE, KEPT_CHARACTERS, check_share, max_rejected

if TYPE_CHECKING:
    from connectors.files_inspect import FilesInspector
    from connectors.files_provision import FilesProvisioner

_EVENTS = re.compile(r".+\.(?:(jsonl|csv)(\.gz)?|(parquet))\Z", re.IGNORECASE | re.DOTALL)
_NAMED = 5


class FilesConnector:
    """A folder. `options`: `path`, relative to the project's folder, and `max_rejected`."""

    def __init__(self, name: str, connection: Connection, folder: Path) -> None:
        self.name = name
        self.root = folder / str(connection.options["path"])
        self.max_rejected = max_rejected(name, connection)

    def events(self, object_name: str | None) -> EventSource:
        if object_name is None:
            return FilesEvents(self.root / "events")
        return FilesRecords(self, object_name)

    def accounts(self) -> AccountSource:
        return FilesAccounts(self)

    def sink(self) -> FieldSink:
        from connectors.files_sink import FilesSink  # not needed to read

        return FilesSink(self)

    def inspector(self) -> "FilesInspector":
        from connectors.files_inspect import FilesInspector  # not needed to sync

        return FilesInspector(self)

    def provisioner(self) -> "FilesProvisioner":
        from connectors.files_provision import FilesProvisioner

        return FilesProvisioner(self)

    def object_path(self, object_name: str) -> Path:
        """The file of an object. StopCycle if there is none."""
        path = self.root / f"{object_name}.csv"
        if path.is_file():
            return path
        if not self.root.is_dir():
            raise StopCycle(f"{self.root} is not there: it is the folder of {self.name}")
        stems = [one.stem for one in self.root.glob("*.csv")]
        raise StopCycle(
            f"{self.name} has no {path.name} in {self.root}", nearest(object_name, stems)
        )


class FilesEvents:
    """Product events: every file of events/ is a part."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ignored: list[str] = []

    def parts(self) -> Sequence[Part]:
        self._ignored = []
        found: list[Part] = []
        try:
            entries = sorted(os.scandir(self._folder), key=lambda entry: entry.name)
        except OSError as error:
            raise StopCycle(
                f"{self._folder} cannot be read: {error.strerror}",
                "events are expected there, as *.jsonl, *.csv (each also .gz) or *.parquet",
            ) from error
        for entry in entries:
            if entry.name.startswith((".", "~")):  # what editors and desktops leave behind
                continue
            if _EVENTS.match(entry.name) and _is_utf8(entry.name) and _is_file(entry):
                found.append(_part(Path(entry.path)))
            else:
                self._ignored.append(entry.name)
        return found

    def fetch(self, part: Part, spool: Path) -> Body:
        return _body(self._folder / part.name)

    def digest(self, part: Part) -> str:
        return _digest(self._folder / part.name, part)

    def warnings(self) -> Sequence[str]:
        if not self._ignored:
            return []
        names = ", ".join(quoted(name) for name in self._ignored[:_NAMED])
        more = len(self._ignored) - _NAMED
        return [
            f"{self._folder} holds what is no event file, and was left out: {names}"
            + (f" and {more} more" if more > 0 else "")
        ]


class FilesRecords:
    """Records of an object, read as events: OBJECT.csv is the one part."""

    def __init__(self, connector: FilesConnector, object_name: str) -> None:
        self._connector = connector
        self._object = object_name

    def parts(self) -> Sequence[Part]:
        return [_part(self._connector.object_path(self._object))]

    def fetch(self, part: Part, spool: Path) -> Body:
        return _body(self._connector.object_path(self._object))

    def digest(self, part: Part) -> str:
        return _digest(self._connector.object_path(self._object), part)

    def warnings(self) -> Sequence[str]:
        return []


class FilesAccounts:
    """Records of OBJECT.csv. Values are text; an empty cell is None. Bad rows are kept aside."""

    def __init__(self, connector: FilesConnector) -> None:
        self._connector = connector
        self._rejected: dict[str, tuple[int, list[Rejected]]] = {}

    def columns(self, object_name: str) -> Sequence[str]:
        with _table(self._connector, object_name) as table:
            return table.columns

    def fingerprint(self, object_name: str) -> str:
        return _part(self._connector.object_path(object_name)).fingerprint

    def rejected(self, object_name: str) -> tuple[int, Sequence[Rejected]]:
        return self._rejected.get(object_name, (0, ()))

    def read(self, object_name: str, columns: Sequence[str]) -> Iterator[dict[str, Raw]]:
        good, bad = 0, 0
        aside: list[Rejected] = []
        with _table(self._connector, object_name) as table, reading(table.path):
            places = [(column, table.position(column)) for column in columns]
            for row in table:
                if row.reason:
                    bad += 1
                    if bad <= KEPT_ASIDE:
                        text = shown(row.raw)[:KEPT_CHARACTERS]
                        aside.append(Rejected(row.line, row.reason, text))
                elif row.cells:
                    good += 1
                    yield {column: row.cells[place] or None for column, place in places}
            self._rejected[object_name] = (bad, aside)
        check_share(table.path.name, good, bad, aside, self._connector.max_rejected)


def _table(connector: FilesConnector, object_name: str) -> Table:
    table = Table(connector.object_path(object_name))
    if table.columns:
        return table
    table.close()
    raise StopCycle(f"{table.path} is empty: its first line must name the columns")


def _is_utf8(name: str) -> bool:
    # The engine takes paths as text, so it could not open a file with another name.
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return stat.S_ISREG(entry.stat().st_mode)  # a named pipe would block for ever
    except OSError:  # a link that leads nowhere
        return False


def _part(path: Path) -> Part:
    with reading(path):
        seen = path.stat()
    return Part(path.name, stat_fingerprint(seen), seen.st_size)


def _body(path: Path) -> Body:
    kind = _EVENTS.match(path.name)
    assert kind is not None, path
    with reading(path), path.open("rb"):
        pass  # a file that this user may not read is said here, by name
    name = (kind[1] or kind[3]).lower()
    formats: dict[str, Literal["jsonl", "csv", "parquet"]] = {
        "jsonl": "jsonl",
        "csv": "csv",
        "parquet": "parquet",
    }
    return Body(path, formats[name], gzip=kind[2] is not None)


def _digest(path: Path, part: Part) -> str:
    with reading(path), path.open("rb") as file:
        found = hashlib.file_digest(file, "blake2b").hexdigest()[:32]
    if _part(path).fingerprint != part.fingerprint:
        raise RetryLater(f"{path} is being written")
    return found
