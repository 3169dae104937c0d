"""One SQLite file, HOME/state.sqlite3: fields with their history, runs, the ledger of writes.

Events are not in it (they are Parquet, see lake.py). People may open it while Gatepost runs: it is
in WAL mode and every table is described in docs/state.md. Instants in it are UTC text such as
`2026-05-01T12:00:00Z`, days are ISO dates.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from config.errors import ANOTHER_HOME, GatepostError
from sync.state_reading import LOG_BESIDE, in_memory, may_be_written

FILE_NAME = "state.sqlite3"
RUN_KEY = "run_key"  # the setting that lets a sync with nothing new end at once

Cell = str | int | float | bytes | None


class StateError(GatepostError):
    """The state file cannot be read or written; the message says which file and what to do."""


class State:
    """The open state file. One connection, for one thread; use as a context manager or `close()`.

    `db` is the sqlite-utils database for whoever needs its comforts. Statements outside
    `transaction()` commit by themselves.
    """

    def __init__(self, home: Path, *, wait_seconds: float = 15.0, reads: bool = False) -> None:
        """Open, create or upgrade HOME/state.sqlite3.

        `reads`: for those who only ask. Where the file may not be written they get a copy of it
        in memory, `is_copy`; what is put into that is gone when it is closed.
        Waits up to `wait_seconds` for another process's write. Raises StateError with a sentence
        for a file that is damaged, locked, read-only or from a newer Gatepost.
        """
        # sqlite-utils costs 0.2 s to import: whoever only asks for the run key never pays it.
        import sqlite_utils

        self.path = home / FILE_NAME
        with _said(self.path):
            self.is_copy = reads and self.path.exists() and not may_be_written(self.path)
            if self.is_copy:
                connection = in_memory(self.path, wait_seconds)
            else:
                home.mkdir(parents=True, exist_ok=True)
                # isolation_level None: no transaction but those that are begun by name
                connection = sqlite3.connect(self.path, timeout=wait_seconds, isolation_level=None)
        self.db = sqlite_utils.Database(connection)
        try:
            with _said(self.path):
                self._prepare()
        except BaseException:  # whatever it was, no lock may outlive it
            self.db.close()
            raise

    def _prepare(self) -> None:
        connection = self.db.conn
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        connection.execute("PRAGMA journal_mode = WAL")
        # FULL: an intention must outlive a power cut too, or we would not know of a write
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        from sync.migrations.steps import NAMES, migrate

        if version > len(NAMES):
            raise StateError(
                f"{self.path} was written by a newer Gatepost (its tables are at step {version}, "
                f"this version knows {len(NAMES)})",
                hint="use that newer version, or another GATEPOST_HOME",
            )
        if version < len(NAMES):
            with self.transaction():
                migrate(self.db)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, and on disk when the block ends. Takes the write lock at once, so that a
        read inside it cannot be overtaken; within another transaction it simply belongs to it."""
        connection = self.db.conn
        with _said(self.path):
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:  # Ctrl-C too: what is half done must not be kept
                # a full disk or a damaged page ends the transaction by itself
                if self.db.conn.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def rows(self, sql: str, values: Sequence[Cell] = ()) -> Iterator[tuple[Cell, ...]]:
        """The rows of a query, streamed; nothing may be written before the last one is read."""
        with _said(self.path):
            yield from self.db.conn.execute(sql, values)

    def value(self, sql: str, values: Sequence[Cell] = ()) -> Cell:
        """The first cell of a query's first row; None where there is no row."""
        with _said(self.path):
            row = self.db.conn.execute(sql, values).fetchone()
        return None if row is None else row[0]

    def setting(self, key: str) -> str | None:
        """A remembered text, None if it was never set."""
        found = self.value("SELECT value FROM settings WHERE key = ?", (key,))
        return None if found is None else str(found)

    def set_setting(self, key: str, value: str | None) -> None:
        """Remember a text; None forgets it."""
        with self.transaction() as connection:
            if value is None:
                connection.execute("DELETE FROM settings WHERE key = ?", (key,))
            else:
                connection.execute("REPLACE INTO settings (key, value) VALUES (?, ?)", (key, value))

    def close(self) -> None:
        """Close the file; what was committed stays. Safe to repeat."""
        self.db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def read_run_key(home: Path) -> str | None:
    """The key of the last finished sync, read with nothing but the standard library.

    None where there is no file, no key or the file cannot be read now: the caller then takes the
    long way, which says what is wrong. Never creates or changes anything.
    """
    path = home / FILE_NAME
    if not path.is_file():
        return None
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=1.0)
        try:
            query = "SELECT value FROM settings WHERE key = ?"
            found = connection.execute(query, (RUN_KEY,)).fetchone()
        finally:
            connection.close()
    except sqlite3.Error:
        return None
    return None if found is None else str(found[0])


def instant_text(instant: datetime) -> str:
    """An aware instant as this file keeps it: UTC, whole seconds, `2026-05-01T12:00:00Z`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system answer into a sentence with a way out."""
    try:
        yield
    except sqlite3.Error as error:
        message, hint = _sentence(path, str(error))
        raise StateError(message, hint=hint) from error
    except OSError as error:
        if not _about(error, path):
            raise
        reason = error.strerror or str(error)
        raise StateError(f"{path} cannot be opened: {reason}", hint=ANOTHER_HOME) from error


def _about(error: OSError, path: Path) -> bool:
    """Whether the error speaks of the state file or its folder, not of what ran meanwhile."""
    return error.filename is not None and Path(error.filename) in (path, *path.parents)


def _sentence(path: Path, said: str) -> tuple[str, str]:
    lower = said.lower()
    if "locked" in lower or "busy" in lower:
        return f"{path} is being written by another process", "try again when it has finished"
    if "not a database" in lower or "malformed" in lower or "encrypted" in lower:
        hint = (
            "restore it from a backup, or move it away: the events stay, the history of fields and "
            "the record of what was written begin anew"
        )
        return f"{path} is damaged or is no SQLite file ({said})", hint
    if said == LOG_BESIDE:
        hint = "let somebody who may write there run `gatepost runs` once, which puts it in"
        return f"{path} cannot be read by whom may not write there: {said}", hint
    if "readonly" in lower or "read-only" in lower:
        return f"{path} is read-only", "give this user the right to write it and its folder"
    if "unable to open" in lower:
        return f"{path} cannot be opened", "see whether the folder exists and may be written"
    if "full" in lower:
        return f"no room is left on the disk of {path}", "free some space and run again"
    if "i/o error" in lower:
        return f"{path} cannot be read or written: {said}", "is the disk full, or failing?"
    return f"{path}: SQLite says: {said}", ""
