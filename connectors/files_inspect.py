"""What a folder of CSV files says of itself: its files, their columns, whether they may change."""

import os
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from config.errors import StopCycle
from connectors.facts import Access, Estimate, FieldFacts, Lack, ObjectFacts, Takes

if TYPE_CHECKING:
    from connectors.files import FilesConnector

_ANYTHING: frozenset[Takes] = frozenset({"text", "number", "date", "boolean", "list"})


class FilesInspector:
    """Inspector of one folder. Values have no types, so every column takes everything."""

    def __init__(self, connector: "FilesConnector") -> None:
        self._connector = connector

    def access(self, reads: Sequence[str], writes: Sequence[str]) -> Access:
        root = self._connector.root
        if not root.is_dir():
            raise StopCycle(f"{root} is not there: it is the folder of {self._connector.name}")
        lacks: list[Lack] = []
        if not os.access(root, os.R_OK | os.X_OK):
            lacks.append(Lack(f"{root} may not be read by this user"))
        if writes and not os.access(root, os.W_OK):
            said = f"{root} may not be written by this user"
            lacks.append(
                Lack(said, "a file is rewritten beside itself, so the folder must allow it")
            )
        return Access(f"the folder {root}", tuple(lacks))

    def describe(self, object_name: str, names: Sequence[str] = ()) -> ObjectFacts:
        columns = self._connector.accounts().columns(object_name)
        fields: dict[str, FieldFacts] = {}
        for name in columns:
            refusal = "two columns have this name" if name in fields else ""
            fields[name] = FieldFacts(name, "column", "any", _ANYTHING, refusal=refusal)
        return ObjectFacts(object_name, fields)

    def last_day(self, object_name: str, at: str) -> date | None:
        last: date | None = None
        for row in self._connector.accounts().read(object_name, [at]):
            try:
                day = datetime.fromisoformat(str(row[at])).date()
            except ValueError:
                continue
            last = day if last is None else max(last, day)
        return last

    def estimate(
        self, accounts: str | None, events: Sequence[str], *, writes: bool
    ) -> Estimate | None:
        return None
