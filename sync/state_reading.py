"""The state file for those who may read it and not write: auditors, read-only volumes.

SQLite reads a file in WAL mode only beside its log and the log's index, and makes these two where
they are not there. Where it may not, and there is no log, the file alone is all there is: then it
is read as one that does not change, and looked at afterwards whether that was so.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

_TRIES, _WAIT_SECONDS = 3, 0.1
LOG_BESIDE = "its log lies beside it"


class UnsteadyError(sqlite3.OperationalError):
    """Somebody writes the file, or stopped in the midst of it."""


def may_be_written(path: Path) -> bool:
    """Whether this process may write the state file and what SQLite puts beside it."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK | os.X_OK)


@contextmanager
def opened_to_read(path: Path, wait_seconds: float) -> Iterator[sqlite3.Connection]:
    """The file at `path`, to be read and nothing else. Raises sqlite3.Error; UnsteadyError also
    afterwards, if what was read cannot be relied upon."""
    with closing(_connected(path, "mode=ro", wait_seconds)) as connection:
        if _answers(connection):
            yield connection
            return
    before = _seen(path)
    with closing(_connected(path, "mode=ro&immutable=1", wait_seconds)) as connection:
        yield connection
    if _seen(path) != before:
        raise UnsteadyError("the database is busy: it changed while it was read")


def in_memory(path: Path, wait_seconds: float) -> sqlite3.Connection:
    """A copy of the file, which belongs to the caller; raises as `opened_to_read`."""
    for left in reversed(range(_TRIES)):
        copy = sqlite3.connect(":memory:", isolation_level=None)
        try:
            with opened_to_read(path, wait_seconds) as connection:
                connection.backup(copy)
        except UnsteadyError:
            copy.close()
            if not left:
                raise
            time.sleep(_WAIT_SECONDS)
        except BaseException:  # whatever it was, nobody else closes the copy
            copy.close()
            raise
        else:
            return copy
    raise AssertionError("the last try returns or raises")


def _connected(path: Path, how: str, wait_seconds: float) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?{how}"
    return sqlite3.connect(uri, uri=True, timeout=wait_seconds, isolation_level=None)


def _answers(connection: sqlite3.Connection) -> bool:
    """False where the log and its index are needed, and neither are there nor may be made."""
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            return False
        raise
    return True


def _seen(path: Path) -> tuple[int, int, int]:
    """What tells whether somebody wrote the file. UnsteadyError if it is not whole by itself."""
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        raise UnsteadyError(LOG_BESIDE)
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
