"""Columns added to a CSV file: at the end of each row, with everything else as it was."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from config.errors import GatepostError
from connectors.facts import Done, FieldWish, Progress, Todo
from connectors.files_csv import Table, reading
from connectors.files_sink import as_cell, replace_file

if TYPE_CHECKING:
    from connectors.files import FilesConnector


class FilesProvisioner:
    """Provisioner of one folder. The sink writes into columns that are there; this makes them."""

    def __init__(self, connector: "FilesConnector") -> None:
        self._connector = connector

    def name_problem(self, name: str) -> tuple[str, str] | None:
        if "\n" in name or "\r" in name:
            return "a column's name with a line break in it is read by few programs", ""
        return None

    def made_of(self, wish: FieldWish) -> str:
        return "column"

    def by_hand(self, object_name: str, todo: Todo) -> str:
        return f"add the column {todo.wish.name} to {object_name}.csv"

    def carry_out(self, object_name: str, todos: Sequence[Todo], tick: Progress) -> list[Done]:
        """All columns at once; a reader sees the old file or the new one. RetryLater if somebody
        else changed the file meanwhile."""
        try:
            path = self._connector.object_path(object_name).resolve()
            with reading(path):
                before = path.stat()
            columns = self._connector.accounts().columns(object_name)
            names = [one.wish.name for one in todos if one.wish.name not in columns]
            if names:
                replace_file(path, before, _widened(path, names))
        except GatepostError as error:
            return [Done(done=False, reason=str(error), by_hand=error.hint) for _ in todos]
        return [Done(done=True) for _ in todos]


def _widened(path: Path, names: Sequence[str]) -> Iterator[str]:
    """The text of the new file, in pieces. Rows that cannot be read get their cells as well, so
    that none of them begins to fit by accident."""
    with Table(path) as table, reading(path):
        mark = table.delimiter
        header = "".join(mark + as_cell(name, mark) for name in names)
        yield table.bom + _lengthened(table.header_raw, header)
        for row in table:
            yield row.raw if not row.raw.strip("\r\n") else _lengthened(row.raw, mark * len(names))


def _lengthened(raw: str, more: str) -> str:
    text = raw.rstrip("\r\n")
    return text + more + raw[len(text) :]
