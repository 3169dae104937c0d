"""Which accounts a pull gave other events, so that only they are computed anew.

HOME/lake/changes/NUMBER.parquet: source, account_key, first_day (DATE, the earliest UTC day on
which its events differ from before). One file per commit of a pull, written by the engine that
found them, so that no account passes through Python. Numbers rise with time, even if somebody
deletes the lake, so a checkpoint's number is never met by another lake's.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sync.lake import Lake
from sync.quoting import path_list

if TYPE_CHECKING:
    from sync.engine import Column, DuckEngine

_BEGINNING = "from"  # holds the number from which on nothing is missing


@dataclass(frozen=True, slots=True)
class ChangedAccounts:
    """Parallel arrays, one entry per source and account key, in no order."""

    source: "Column"  # str objects
    account_key: "Column"  # str objects
    first_day: "Column"  # datetime64[D], UTC


class Changes:
    """The change files of a lake. Read by anyone; written by the one pull that runs."""

    def __init__(self, lake: Lake) -> None:
        self.folder = lake.folder / "changes"

    def last_seq(self) -> int:
        """The number of the latest change, 0 before the first. A checkpoint notes it *before* it
        reads events."""
        return max([self._kept_from() - 1, *self._numbers()], default=0)

    def files_since(self, since_seq: int) -> list[Path] | None:
        """The change files after `since_seq`; none if nothing happened. None if what happened is
        not known any more (pruned, or another lake): everything has to be computed anew."""
        kept_from = self._kept_from()
        if since_seq < kept_from - 1 or since_seq > self.last_seq():
            return None
        return [self._file(number) for number in sorted(self._numbers()) if number > since_seq]

    def changed_accounts(self, engine: "DuckEngine", since_seq: int) -> ChangedAccounts | None:
        """Account keys whose events changed after `since_seq`, each with its earliest day. None
        as for `files_since`."""
        files = self.files_since(since_seq)
        if files is None:
            return None
        found = engine.sql(changes_sql(files))
        return ChangedAccounts(found["source"], found["account_key"], found["first_day"])

    def next_file(self) -> Path:
        """Where the next change is to be put, under a temporary name first."""
        self.folder.mkdir(parents=True, exist_ok=True)
        number = max(self.last_seq() + 1, int(time.time() * 1000))
        beginning = self.folder / _BEGINNING
        if not beginning.exists():
            _write_number(beginning, number)
        return self._file(number)

    def prune(self, needed_seq: int) -> None:
        """Forget changes up to `needed_seq`, the number of the oldest checkpoint that is left."""
        if needed_seq < self._kept_from() or needed_seq > self.last_seq():
            return
        _write_number(self.folder / _BEGINNING, needed_seq + 1)
        for number in self._numbers():
            if number <= needed_seq:
                self._file(number).unlink(missing_ok=True)

    def forget(self) -> None:
        """Forget all changes: no checkpoint is of use then, and everything is computed anew."""
        _write_number(self.folder / _BEGINNING, self.last_seq() + 2)
        for number in self._numbers():
            self._file(number).unlink(missing_ok=True)

    def _kept_from(self) -> int:
        try:
            return int((self.folder / _BEGINNING).read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return 1

    def _numbers(self) -> list[int]:
        try:
            names = [entry.name for entry in os.scandir(self.folder)]
        except FileNotFoundError:
            return []
        stems = [name.removesuffix(".parquet") for name in names if name.endswith(".parquet")]
        return [int(stem) for stem in stems if stem.isdecimal()]

    def _file(self, number: int) -> Path:
        return self.folder / f"{number:015d}.parquet"


def changes_sql(files: Sequence[Path]) -> str:
    """A query of `source, account_key, first_day` over change files, one row per account."""
    if not files:
        return (
            "SELECT CAST(NULL AS VARCHAR) AS source, CAST(NULL AS VARCHAR) AS account_key,"
            " CAST(NULL AS DATE) AS first_day WHERE false"
        )
    return (
        "SELECT source, account_key, min(first_day) AS first_day"
        f" FROM read_parquet({path_list(files)}) GROUP BY ALL"
    )


def _write_number(path: Path, number: int) -> None:
    made = path.with_name(f".{path.name}")
    with made.open("w", encoding="ascii") as file:
        file.write(str(number))
        file.flush()
        os.fsync(file.fileno())
    made.replace(path)
