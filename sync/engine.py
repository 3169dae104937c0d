"""The engine of computations: DuckDB in this process, over Parquet that belongs to the lake.

Ibis is the compiler only. An Ibis connection would pull in pandas and pyarrow, and several of its
methods fail with DuckDB 2; the compiled text runs on a plain connection. Nothing is ever fetched
from the network, and the memory limit holds because what does not fit is spilled to `scratch`.
"""

import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar
from uuid import uuid4

import duckdb
import numpy as np

from config.errors import StopCycle
from sync.quoting import quoted

if TYPE_CHECKING:
    import ibis.expr.types as ir

Column = np.ndarray[Any, Any]
"""One column of a result; a `np.ma.MaskedArray` exactly where it holds NULLs."""

Columns = dict[str, Column]

Done = TypeVar("Done")


# What the engine says of a file that it cannot write, in its own words or in JSON within them.
_DISK = re.compile(
    r"""ile \\?"(?P<file>[^"\\]+)\\?": """
    r"(?P<why>No space left|Disk quota exceeded|Read-only file system|File too large)"
)

_LEFT_BEHIND_SECONDS = 24 * 3600


class EngineError(StopCycle):
    """The engine could not do it: out of memory or disk, a file that is no Parquet, a bug of ours.
    The message is the engine's own first line."""


class Session:
    """A connection to an engine that is open, with tables of its own; for one thread."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, threads: int) -> None:
        """`threads`: what the engine uses unless told otherwise."""
        self._connection, self._threads = connection, threads
        # An event's instant must not depend on the machine's zone. Not in `config`: the option is
        # that of an extension, which a connection that is being opened does not have yet.
        connection.execute("SET TimeZone = 'UTC'")
        # Where it takes the session for an interactive one it draws a bar into our results.
        connection.execute("SET enable_progress_bar = false")

    def sql(self, query: str, values: Sequence[object] = ()) -> Columns:
        """Run one statement and give its result as one array per column, in the query's order.

        DATE comes as datetime64[D], TIMESTAMP as datetime64[us], text as objects. An array is
        masked if and only if it holds a NULL. Raises EngineError.
        """
        with _told():
            cursor = self._connection.execute(query, values)
            kinds = {name: str(kind) for name, kind, *_ in cursor.description or ()}
            arrays: Columns = cursor.fetchnumpy()
        return {name: _plain(array, kinds[name]) for name, array in arrays.items()}

    def execute(self, statement: str, values: Sequence[object] = ()) -> None:
        """Run a statement for its effect (a view, a table, a COPY). Raises as `sql` does."""
        with _told():
            self._connection.execute(statement, values)

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of a small result, as Python values. Raises as `sql` does."""
        with _told():
            return self._connection.execute(query, values).fetchall()

    def register(self, name: str, columns: Mapping[str, Column]) -> None:
        """Make arrays of equal length a table called `name`; replaces one of that name.

        Nothing is copied, so the arrays must not change while the table is in use. NULLs: masked
        entries, None, NaT, and NaN. datetime64[D] becomes DATE.
        """
        dates = [key for key, array in columns.items() if array.dtype == np.dtype("M8[D]")]
        raw = f"{name}__arrays"
        self._connection.register(raw, {key: _readable(array) for key, array in columns.items()})
        chosen = ", ".join(
            f"CAST({quoted(key)} AS DATE) AS {quoted(key)}" if key in dates else quoted(key)
            for key in columns
        )
        self.execute(
            f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS SELECT {chosen} FROM {quoted(raw)}"
        )

    @contextmanager
    def one_thread(self) -> Iterator[None]:
        """Within it rows keep their order where several threads would mix them."""
        self.execute("SET threads = 1")
        try:
            yield
        finally:
            self.execute(f"SET threads = {self._threads}")

    def interrupt(self) -> None:
        """End the statement that another thread has under way; it raises EngineError there."""
        self._connection.interrupt()


class Begin(Protocol):
    """Begins work in a thread; see `DuckEngine.crew`."""

    def __call__(self, work: Callable[[Session], Done]) -> "Future[Done]":
        """Give what will be done, or raised."""
        ...


class DuckEngine(Session):
    """An engine with its own memory limit, and a session of it; use as a context manager."""

    def __init__(self, scratch: Path, *, threads: int = 2, memory: str = "2GB") -> None:
        """`scratch`: a folder for what does not fit into `memory`; several engines may share it."""
        self._spill = scratch / uuid4().hex
        _sweep(scratch)
        connection = duckdb.connect(
            config={
                "threads": threads,
                "memory_limit": memory,
                "temp_directory": str(self._spill),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        super().__init__(connection, threads)
        # Tables lie in memory: checkpoints after every few inserts would save them from nothing.
        connection.execute("SET checkpoint_threshold = '1TB'")

    @property
    def threads(self) -> int:
        """How many it uses, and so how many statements can run at once."""
        return self._threads

    @contextmanager
    def beside(self) -> Iterator[Session]:
        """Another session, for another thread."""
        with self._connection.cursor() as connection:
            yield Session(connection, self._threads)

    @contextmanager
    def crew(self) -> Iterator["Begin"]:
        """Work that goes on at once: as many threads as the engine has, each with a session of its
        own. They see no temporary tables, views or macros. A statement has no thread but the one
        that runs it, so that rows keep their order. At the end all is done, or what had begun if an
        error is on its way."""
        with self.one_thread(), ThreadPoolExecutor(self._threads) as pool:

            def begin(work: Callable[[Session], Done]) -> "Future[Done]":
                return pool.submit(self._beside, work)

            try:
                yield begin
            except BaseException:  # Ctrl-C too: what has not begun never does
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _beside(self, work: Callable[[Session], Done]) -> Done:
        with self.beside() as session:
            return work(session)

    def close(self) -> None:
        """Free memory and scratch files. Safe to repeat."""
        self._connection.close()
        shutil.rmtree(self._spill, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def _told() -> Iterator[None]:
    """The engine's errors as ours, and what it makes of Ctrl-C as what that is."""
    try:
        yield
    except duckdb.Error as error:
        raise EngineError(first_line(error)) from error
    except RuntimeError as error:
        if str(error) == "Query interrupted":
            raise KeyboardInterrupt from error
        raise


def compile_expression(expr: "ir.Expr") -> str:
    """The DuckDB text of an Ibis expression; tables in it are those registered by name."""
    from ibis.backends.sql.compilers import DuckDBCompiler

    return str(DuckDBCompiler().to_sqlglot(expr.as_table()).sql(dialect="duckdb"))


def _sweep(scratch: Path) -> None:
    """Make the folder, without what killed engines left: folders long untouched."""
    with suppress(OSError):  # somebody else is sweeping; or it is read-only, and nothing may spill
        scratch.mkdir(parents=True, exist_ok=True)
        for folder in scratch.iterdir():
            if time.time() - folder.stat().st_mtime > _LEFT_BEHIND_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def first_line(error: BaseException) -> str:
    """The first line of an engine's message; the rest is SQL that no user wrote. Where the disk is
    the reason, a sentence about that."""
    text = str(error).partition("\n")[0]
    if found := _DISK.search(text):
        said = (
            "no room is left on the disk" if found["why"].startswith("No space") else found["why"]
        )
        return f"{found['file']} cannot be written: {said}"
    return text


def _plain(array: Column, kind: str) -> Column:
    if kind == "DATE":
        return array.astype("M8[D]")
    return array


def _readable(array: Column) -> Column:
    """The same values in a type that the engine takes as what it is."""
    if array.dtype.kind == "U":  # would become an ENUM, whose comparisons are another thing
        return array.astype(object)
    if array.dtype == np.dtype("M8[D]"):
        return array.astype("M8[s]")
    return array
