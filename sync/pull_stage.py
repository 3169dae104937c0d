"""The pieces of a body → a table of the engine that holds its events as the lake wants them.

Nothing here walks over events in Python, unless a body has rows that cannot be read: then the piece
of it that has them is gone through once more, to tell which.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import NamedTuple

import numpy as np

from connectors.base import Body, Rejected
from connectors.rejected import KEPT_ASIDE
from sync.engine import Begin, Column, DuckEngine, Session
from sync.lake_days import RUN, days_of, number_sql, runs_of
from sync.lake_write import ID_HASH
from sync.pull_fetch import Pieces
from sync.pull_piece import SAMPLE, Count, Reader
from sync.pull_reading import NESTED, Reading
from sync.quoting import quoted

PULLED = "pulled"
"""The table that a stage fills: the lake's columns, RUN and some more, not sorted."""

MANY = 4
"""Pieces from which on rows are laid out by run: so many would not lie in memory together with what
sorting takes, and each run of them would have to look at all."""

_RUNS = 20
_SEEN = 4_000  # rows, by which runs are made
_HASHES_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True)
class Staged:
    """What a body held."""

    rows: int
    """events times account keys, as the lake will have them"""
    rejected: int
    examples: Sequence[Rejected]
    """the first thousand, by line"""
    duplicates: int
    """rows left out because another of the body has their id"""
    no_key: dict[str, int]
    """events without an account key, by event name"""
    has_ids: bool
    day: date | None
    """the day of all rows, if there are any and they are of one"""
    laid_out: bool
    """whether rows of PULLED lie by RUN"""
    keeps: bool
    """`Meaning.keeps` of the body"""


class _There(NamedTuple):
    """What is in PULLED."""

    rows: int
    lists: int
    keys: int
    ids: int
    first: date | None
    last: date | None


class Stage:
    """Reads one body into PULLED. What another stage left there goes."""

    def __init__(
        self,
        engine: DuckEngine,
        reading: Reading,
        *,
        strict: bool,
        take_out: Callable[[str], Sequence[str]],
    ) -> None:
        """The engine has MACROS. For `strict` and `take_out` see `Reader`."""
        self._engine, self._take_out = engine, take_out
        self._reader = Reader(PULLED, reading, strict=strict, take_out=take_out)
        self._columns = ", ".join(map(quoted, self._reader.columns))
        self._keeps = False
        self._running = deque[Future[Count]]()
        self._begin_anew()

    def read(self, pieces: Pieces) -> None:
        """Read a body as it comes. Pieces are read several at once, each by a thread of its own,
        and deleted. Raises as `pieces` does, and StopCycle with a sentence if a body is damaged;
        rows that are bad are only counted."""
        with ExitStack() as stack:
            begin: Begin | None = None
            for body in pieces:
                if body is None:
                    self._begin_anew()
                    continue
                self._keeps = body.meaning is not None and body.meaning.keeps
                if body.first_line is None:
                    self._count.add(self._reader.read(self._engine, body, ""))
                    continue
                if not self._running:
                    self._lay_out(body, pieces.left())
                begin = begin or stack.enter_context(self._engine.crew())
                self._wait(self._engine.threads)
                self._running.append(begin(partial(self._read_piece, body, self._run)))
            self._wait(0)

    def finish(self) -> Staged:
        """Make events of what was read: one for each account, none twice."""
        there = self._look()
        taken_out = self._take_out(PULLED)
        if there.lists:
            self._spread_lists()
        for statement in taken_out:
            self._engine.execute(statement)
        if there.lists or taken_out:
            there = self._look()
        no_key = self._drop_keyless() if there.keys < there.rows else {}
        duplicates = self._drop_duplicates(there.ids) if there.ids else 0
        rows = there.rows - sum(no_key.values()) - duplicates
        examples = sorted(self._count.examples, key=lambda row: row.line)[:KEPT_ASIDE]
        return Staged(
            rows,
            self._count.rejected,
            examples,
            duplicates,
            no_key,
            has_ids=there.ids > 0,
            day=there.first if rows and there.first == there.last else None,
            laid_out=bool(self._run),
            keeps=self._keeps,
        )

    def drop(self) -> None:
        """Give the memory of PULLED back."""
        self._engine.execute(f"DROP TABLE {PULLED}")

    def _read_piece(self, body: Body, run: str, session: Session) -> Count:
        try:
            return self._reader.read(session, body, run)
        finally:
            body.path.unlink(missing_ok=True)

    def _wait(self, most: int) -> None:
        """Wait until so many pieces at most are being read."""
        while len(self._running) > most:
            self._count.add(self._running.popleft().result())

    def _begin_anew(self) -> None:
        """Forget what was read. What may have gone wrong with it does not matter."""
        for one in self._running:
            one.exception()
        columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in self._reader.columns.items())
        self._engine.execute(f"CREATE OR REPLACE TABLE {PULLED} ({columns}, {RUN} USMALLINT)")
        self._run = ""  # the number of a row's run, if rows are laid out by it
        self._running = deque[Future[Count]]()
        self._count = Count()

    def _lay_out(self, first: Body, left: int | None) -> None:
        """Have the rows of a body lie by run, unless it is known to have but a few pieces. How, the
        first rows tell."""
        if left is not None and left < MANY:
            return
        self._reader.sample(self._engine, first, _SEEN)
        days = days_of(self._engine, SAMPLE)
        rows_a_run = -(-sum(count for _, count in days) // _RUNS)
        runs = runs_of(self._engine, SAMPLE, days, rows_a_run)
        self._run = number_sql(runs) if runs else ""

    def _look(self) -> _There:
        [found] = self._engine.rows(
            "SELECT count(*), count(keys), count(account_key), count(insert_id),"
            f" min(ts)::DATE, max(ts)::DATE FROM {PULLED}"
        )
        return _There(*found)

    def _spread_lists(self) -> None:
        """An event of several accounts becomes a row for each; an empty list leaves it without."""
        self._engine.execute(
            f"""CREATE OR REPLACE TEMP TABLE listed AS
                SELECT {self._columns} FROM {PULLED} WHERE keys IS NOT NULL;
            DELETE FROM {PULLED} WHERE keys IS NOT NULL"""
        )
        spread = f"""(SELECT listed.* REPLACE (each.key AS account_key)
            FROM listed LEFT JOIN (
                SELECT DISTINCT number, key FROM (
                    SELECT rowid AS number, unnest(json_extract_string(keys, '$[*]')) AS key,
                        gp_kind(unnest(json_extract(keys, '$[*]'))::VARCHAR) AS kind FROM listed
                ) WHERE key <> '' AND kind <> {NESTED}
            ) each ON each.number = listed.rowid)"""
        self._engine.execute(self._reader.insert_sql(spread, self._run))
        self._engine.execute("DROP TABLE listed")

    def _drop_keyless(self) -> dict[str, int]:
        """Events of nobody go; gives how many, by event name."""
        no_key = self._engine.rows(
            f"SELECT event, count(*) FROM {PULLED} WHERE account_key IS NULL"
            " GROUP BY event ORDER BY event"
        )
        self._engine.execute(f"DELETE FROM {PULLED} WHERE account_key IS NULL")
        return dict(no_key)

    def _drop_duplicates(self, ids: int) -> int:
        """Of the rows of one account with one id the first stays: by time, then event, user (none
        comes first), then whatever else tells them apart. Gives how many went. `ids`: rows that
        have one."""
        hashes = self._doubled(ids)
        if not hashes.size:
            return 0
        self._engine.register("doubled", {"id_hash": hashes})
        # Found first by what they are told by: the rest is read of a few rows then.
        self._engine.execute(
            "CREATE OR REPLACE TEMP TABLE suspects AS"
            f" SELECT rowid AS number FROM {PULLED} WHERE {ID_HASH} IN (FROM doubled)"
        )
        order = ", ".join(
            f"{quoted(name)} NULLS FIRST" for name in ["ts", "event", "user", *self._reader.columns]
        )
        [(gone,)] = self._engine.rows(
            f"""DELETE FROM {PULLED} WHERE rowid IN (
                SELECT number FROM (
                    SELECT rowid AS number, row_number() OVER (
                        PARTITION BY account_key, insert_id ORDER BY {order}) AS place
                    FROM {PULLED} WHERE rowid IN (FROM suspects))
                WHERE place > 1)"""
        )
        return int(gone)

    def _doubled(self, ids: int) -> Column:
        """The hashes of ids that may be there twice. Sorted here: the engine would group them, at
        many times the price."""
        parts = -(-ids // _HASHES_AT_ONCE)
        found: list[Column] = [np.empty(0, np.uint64)]
        for part in range(parts):
            hashes = self._engine.sql(
                f"SELECT id_hash FROM (SELECT {ID_HASH} AS id_hash FROM {PULLED})"
                f" WHERE id_hash IS NOT NULL AND id_hash % {parts} = {part}"
            )["id_hash"]
            hashes.sort()
            found.append(np.unique(hashes[1:][hashes[1:] == hashes[:-1]]))
        return np.concatenate(found)
