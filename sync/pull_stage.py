"""One raw body → a table of the engine that holds its events as the lake wants them.

Nothing here walks over events in Python, unless a body has rows that cannot be read: then the piece
of it that has them is gone through once more, to tell which.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from config.errors import StopCycle
from connectors.base import Body, Rejected
from connectors.rejected import KEPT_ASIDE, KEPT_CHARACTERS
from sync.engine import DuckEngine, EngineError
from sync.lake import COLUMNS, kept_columns
from sync.lake_days import RUN, days_of, number_sql, runs_of
from sync.lake_write import ID_HASH
from sync.pull_formats import BATCH_TABLE, Way, way
from sync.pull_reading import MACROS, NESTED, Reading, rows_sql
from sync.quoting import quoted

PULLED = "pulled"
"""The table that a stage fills: the lake's columns and RUN if it is clustered."""

LARGE = 500_000
"""Rows from which on they are laid out by run: more would not lie in memory together with what
sorting takes, and every run of them would have to look at all."""

_CAREFUL = "pulled_carefully"  # the records of a batch, bad ones included
_CLUSTERS = 32
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
    clustered: bool
    """whether PULLED has the column RUN, and lies in its order"""


def _nobody(table: str) -> Sequence[str]:
    """Takes nobody out."""
    del table
    return ()


class Stage:
    """Reads a body into PULLED, piece by piece. What another stage left there goes."""

    def __init__(
        self,
        engine: DuckEngine,
        reading: Reading,
        *,
        strict: bool,
        take_out: Callable[[str], Sequence[str]] = _nobody,
    ) -> None:
        """`strict`: a CSV must have every column that is looked at. `take_out` gives statements
        that take whoever was forgotten out of a table."""
        self._engine, self._reading, self._strict = engine, reading, strict
        self._take_out = take_out
        self._columns = [quoted(name) for name in {**COLUMNS, **kept_columns(reading.columns)}]
        self._begun = False
        self._run = ""  # the number of a row's run, once the table is clustered
        self._rejected = 0
        self._examples: list[Rejected] = []
        for macro in MACROS:
            engine.execute(macro)

    def add(self, body: Body) -> None:
        """Read a body, or the next piece of it. StopCycle with a sentence if it is damaged; rows
        that are bad are only counted."""
        try:
            self._read(body, way(self._engine, body, self._reading, strict=self._strict))
        except EngineError as error:
            raise StopCycle(f"{body.path} cannot be read: {error}") from error
        if not self._run:
            self._cluster()

    def finish(self) -> Staged:
        """Make events of what was read: one for each account, none twice."""
        self._spread_lists()
        for statement in self._take_out(PULLED):
            self._engine.execute(statement)
        no_key = self._drop_keyless()
        hashes_seen, duplicates = self._drop_duplicates()
        [(rows,)] = self._engine.rows(f"SELECT count(*) FROM {PULLED}")
        return Staged(
            rows, self._rejected, self._examples, duplicates, no_key, hashes_seen, bool(self._run)
        )

    def drop(self) -> None:
        """Give the memory of PULLED back."""
        self._engine.execute(f"DROP TABLE {PULLED}")

    def _read(self, body: Body, found: Way) -> None:
        # The first bad row ends the fast way, and nothing of it stays.
        good = (
            f"({rows_sql(self._reading, found.fast)}) WHERE IF(reason IS NULL, true, error(reason))"
        )
        try:
            self._take(good)
        except EngineError:
            self._read_carefully(body, found)

    def _read_carefully(self, body: Body, found: Way) -> None:
        # Text is kept of bad rows alone: a body of gigabytes must not lie in the engine twice.
        slow = (
            f"CREATE OR REPLACE TEMP TABLE {_CAREFUL} AS"
            " SELECT * REPLACE (IF(reason IS NULL, NULL, raw) AS raw)"
            f" FROM ({rows_sql(self._reading, found.slow)})"
        )
        if found.batches is None:
            self._take_some(slow, body.first_line)
            return
        for batch in found.batches():
            self._engine.register(BATCH_TABLE, batch)
            self._take_some(slow, body.first_line)

    def _take_some(self, slow: str, first_line: int) -> None:
        """The good records of a batch; bad ones are counted, and the first are kept aside."""
        self._engine.execute(slow)
        for statement in self._take_out(_CAREFUL):
            self._engine.execute(statement)
        self._take(f"{_CAREFUL} WHERE reason IS NULL")
        [(bad,)] = self._engine.rows(f"SELECT count(reason) FROM {_CAREFUL}")
        self._rejected += bad
        room = KEPT_ASIDE - len(self._examples)
        if bad and room:
            self._examples += [
                Rejected(line + first_line - 1 if line else 0, reason, raw or "")
                for line, reason, raw in self._engine.rows(
                    f"SELECT line, reason, left(raw, {KEPT_CHARACTERS}) FROM {_CAREFUL}"
                    f" WHERE reason IS NOT NULL ORDER BY line LIMIT {room}"
                )
            ]

    def _take(self, rows: str) -> None:
        """Put good rows into the table."""
        columns = ", ".join([*self._columns, "keys"])
        into = f"INSERT INTO {PULLED}" if self._begun else f"CREATE OR REPLACE TABLE {PULLED} AS"
        if self._run:
            clustered = f"SELECT {columns}, {self._run} AS {RUN} FROM {rows} ORDER BY {RUN}"
            self._engine.execute(f"{into} {clustered}")
        else:
            self._engine.execute(f"{into} SELECT {columns} FROM {rows}")
        self._begun = True

    def _cluster(self) -> None:
        """Lay the rows out by run if there are many, and all that come after."""
        [(rows,)] = self._engine.rows(f"SELECT count(*) FROM {PULLED}")
        if rows <= LARGE:
            return
        days = days_of(self._engine, PULLED)
        self._run = number_sql(runs_of(self._engine, PULLED, days, -(-rows // _CLUSTERS)))
        self._engine.execute(
            f"CREATE OR REPLACE TABLE {PULLED} AS"
            f" SELECT *, {self._run} AS {RUN} FROM {PULLED} ORDER BY {RUN}"
        )

    def _spread_lists(self) -> None:
        """An event of several accounts becomes a row for each; an empty list leaves it without."""
        [(lists,)] = self._engine.rows(f"SELECT count(keys) FROM {PULLED}")
        if not lists:
            return
        columns = ", ".join([*self._columns, "keys"])
        self._engine.execute(
            f"""CREATE OR REPLACE TEMP TABLE listed AS
                SELECT {columns} FROM {PULLED} WHERE keys IS NOT NULL;
            DELETE FROM {PULLED} WHERE keys IS NOT NULL"""
        )
        self._take(
            f"""(SELECT listed.* REPLACE (each.key AS account_key)
            FROM listed LEFT JOIN (
                SELECT DISTINCT number, key FROM (
                    SELECT rowid AS number, unnest(json_extract_string(keys, '$[*]')) AS key,
                        gp_kind(unnest(json_extract(keys, '$[*]'))::VARCHAR) AS kind FROM listed
                ) WHERE key <> '' AND kind <> {NESTED}
            ) each ON each.number = listed.rowid)"""
        )
        self._engine.execute("DROP TABLE listed")

    def _drop_keyless(self) -> dict[str, int]:
        """Events of nobody go; gives how many, by event name."""
        no_key = self._engine.rows(
            f"SELECT event, count(*) FROM {PULLED} WHERE account_key IS NULL"
            " GROUP BY event ORDER BY event"
        )
        if no_key:
            self._engine.execute(f"DELETE FROM {PULLED} WHERE account_key IS NULL")
        return dict(no_key)

    def _drop_duplicates(self) -> tuple[bool, int]:
        """Of the rows of one account with one id the first stays: by time, then event, user (none
        comes first), then whatever else tells them apart. Gives whether any row has an id, and how
        many went."""
        seen, hashes = self._doubled()
        if not hashes.size:
            return seen, 0
        self._engine.register("doubled", {"id_hash": hashes})
        order = ", ".join(
            f"{name} NULLS FIRST" for name in ["ts", "event", '"user"', *self._columns]
        )
        [(gone,)] = self._engine.rows(
            f"""DELETE FROM {PULLED} WHERE rowid IN (
                SELECT number FROM (
                    SELECT rowid AS number, row_number() OVER (
                        PARTITION BY account_key, insert_id ORDER BY {order}) AS place
                    FROM {PULLED} WHERE {ID_HASH} IN (FROM doubled))
                WHERE place > 1)"""
        )
        return seen, int(gone)

    def _doubled(self) -> tuple[bool, np.ndarray]:
        """Whether there are ids, and the hashes of those that may be there twice. Sorted here: the
        engine would group them, at many times the price."""
        [(ids,)] = self._engine.rows(f"SELECT count(insert_id) FROM {PULLED}")
        parts = -(-ids // _HASHES_AT_ONCE)
        found = [np.empty(0, np.uint64)]
        for part in range(parts):
            hashes = self._engine.sql(
                f"SELECT id_hash FROM (SELECT {ID_HASH} AS id_hash FROM {PULLED})"
                f" WHERE id_hash IS NOT NULL AND id_hash % {parts} = {part}"
            )["id_hash"]
            hashes.sort()
            found.append(np.unique(hashes[1:][hashes[1:] == hashes[:-1]]))
        return ids > 0, np.concatenate(found)
