"""One body, or a piece of one → rows of a table of the engine. Reads what there is, judges each
record by itself, and knows nothing of the others.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from config.errors import StopCycle
from connectors.base import Body, Rejected
from connectors.rejected import KEPT_ASIDE, KEPT_CHARACTERS
from sync.engine import EngineError, Session
from sync.lake import COLUMNS, kept_columns
from sync.lake_days import RUN
from sync.pull_formats import BATCH_TABLE, Way, way
from sync.pull_reading import GOOD, Reading, judged_sql, rows_sql
from sync.quoting import quoted

SAMPLE = "pulled_sample"
_CAREFUL = "pulled_carefully"  # the records of a batch, bad ones included


@dataclass(slots=True)
class Count:
    """What came of a body's records."""

    rows: int = 0
    """records that are events, before lists are spread"""
    rejected: int = 0
    examples: list[Rejected] = field(default_factory=list)
    """of each piece the first thousand"""

    def add(self, other: "Count") -> None:
        """Count another piece as well."""
        self.rows += other.rows
        self.rejected += other.rejected
        self.examples += other.examples


class Reader:
    """Puts records into `table`. Several sessions may read at once."""

    def __init__(
        self,
        table: str,
        reading: Reading,
        *,
        strict: bool,
        take_out: Callable[[str], Sequence[str]],
    ) -> None:
        """`strict`: a CSV must have every column that is looked at. `take_out` gives statements
        that take whoever was forgotten out of a table."""
        self._table, self._reading, self._strict = table, reading, strict
        self._take_out = take_out
        self.columns = {**COLUMNS, **kept_columns(reading.columns), "keys": "VARCHAR"}
        """name → type; `keys` is that of `rows_sql`. The table has RUN as well."""

    def read(self, session: Session, body: Body, run: str) -> Count:
        """Read a body. `run`: the number of a row's run, if rows are laid out by it, else "".
        StopCycle with a sentence if it is damaged; rows that are bad are only counted."""
        try:
            found = way(session, body, self._reading, strict=self._strict)
            return self._fast(session, found, run) or self._careful(session, body, found, run)
        except EngineError as error:
            raise StopCycle(f"{body.path} cannot be read: {error}") from error

    def sample(self, session: Session, body: Body, rows: int) -> None:
        """Have `account_key` and `ts` of the first rows in the table SAMPLE; of none if they cannot
        be had at once."""
        found = way(session, body, self._reading, strict=self._strict)
        first = f"SELECT account_key, ts FROM ({rows_sql(self._reading, found.fast)}) LIMIT {rows}"
        with suppress(EngineError):
            session.execute(
                f"CREATE OR REPLACE TEMP TABLE {SAMPLE} AS FROM ({first})"
                " WHERE account_key IS NOT NULL AND ts IS NOT NULL"
            )
            return
        session.execute(
            f"CREATE OR REPLACE TEMP TABLE {SAMPLE} (account_key VARCHAR, ts TIMESTAMP)"
        )

    def insert_sql(self, rows: str, run: str) -> str:
        """Puts rows that have `columns` into the table."""
        columns = ", ".join(map(quoted, self.columns))
        chosen = f"SELECT {columns}, {run or 'NULL'} AS {RUN} FROM {rows}"
        return f"INSERT INTO {self._table} {chosen}" + (f" ORDER BY {RUN}" if run else "")

    def _fast(self, session: Session, found: Way, run: str) -> Count | None:
        """None if there is a bad row, or whatever else the engine cannot read."""
        rows = rows_sql(self._reading, found.fast)
        # The first bad row ends the statement, and nothing of it stays.
        checked = f"(SELECT * REPLACE (IF({GOOD}, event, error('bad')) AS event) FROM ({rows}))"
        try:
            [(count,)] = session.rows(self.insert_sql(checked, run))
        except EngineError:
            return None
        return Count(count)

    def _careful(self, session: Session, body: Body, found: Way, run: str) -> Count:
        # Text is kept of bad rows alone: a body of gigabytes must not lie in the engine twice.
        records = (
            f"CREATE OR REPLACE TEMP TABLE {_CAREFUL} AS"
            " SELECT * REPLACE (IF(reason IS NULL, NULL, raw) AS raw)"
            f" FROM ({judged_sql(self._reading, found.slow)})"
        )
        before = (body.first_line or 1) - 1
        count = Count()
        for batch in found.batches() if found.batches is not None else (None,):
            if batch is not None:
                session.register(BATCH_TABLE, batch)
            session.execute(records)
            for statement in self._take_out(_CAREFUL):
                session.execute(statement)
            count.add(self._sorted_out(session, run, before, KEPT_ASIDE - len(count.examples)))
        return count

    def _sorted_out(self, session: Session, run: str, before: int, most: int) -> Count:
        """The good of a batch go into the table; of the bad so many are shown at most. `before`:
        lines of the body that came before."""
        [(rows,)] = session.rows(self.insert_sql(f"{_CAREFUL} WHERE reason IS NULL", run))
        [(rejected,)] = session.rows(f"SELECT count(reason) FROM {_CAREFUL}")
        if not rejected:
            return Count(rows)
        bad = session.rows(
            f"SELECT line, reason, left(raw, {KEPT_CHARACTERS}) FROM {_CAREFUL}"
            f" WHERE reason IS NOT NULL ORDER BY line LIMIT {most}"
        )
        examples = [
            Rejected(line + before if line else 0, why, raw or "") for line, why, raw in bad
        ]
        return Count(rows, rejected, examples)
