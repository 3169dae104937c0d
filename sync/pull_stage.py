"""One raw body → a table of the engine that holds its events as the lake wants them.

Nothing here walks over events in Python, unless a body has rows that cannot be read: then it is
gone through once more, to tell which.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from config.errors import StopCycle
from connectors.base import Body, Rejected
from connectors.rejected import KEPT_ASIDE, KEPT_CHARACTERS
from sync.engine import DuckEngine, EngineError
from sync.lake import COLUMNS, kept_columns
from sync.pull_formats import BATCH_TABLE, Way, way
from sync.pull_reading import MACROS, NESTED, Reading, rows_sql
from sync.quoting import quoted

PULLED = "pulled"
"""The table that `stage` leaves: the lake's columns, not sorted. The next call replaces it."""

ALL = "pulled_all"
"""The table that rows pass through on their way, bad ones included."""


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


def stage(
    engine: DuckEngine, reading: Reading, body: Body, *, strict: bool, take_out: Sequence[str] = ()
) -> Staged:
    """Read a body into PULLED. `strict`: a CSV must have every column that is looked at.
    `take_out`: statements that take out of ALL whoever was forgotten.

    StopCycle with a sentence if the body is damaged; rows that are bad are only counted.
    """
    for macro in MACROS:
        engine.execute(macro)
    try:
        _read(engine, reading, way(engine, body, reading, strict=strict))
    except EngineError as error:
        raise StopCycle(f"{body.path} cannot be read: {error}") from error
    _spread_lists(engine)
    for statement in take_out:
        engine.execute(statement)
    rejected, examples = _rejected(engine)
    no_key = engine.rows(
        f"SELECT event, count(*) FROM {ALL} WHERE reason IS NULL AND account_key IS NULL"
        " GROUP BY event ORDER BY event"
    )
    engine.execute(f"DELETE FROM {ALL} WHERE reason IS NOT NULL OR account_key IS NULL")
    columns = [quoted(name) for name in {**COLUMNS, **kept_columns(reading.columns)}]
    duplicates = _drop_duplicates(engine, columns)
    engine.execute(
        f"CREATE OR REPLACE TEMP VIEW {PULLED} AS SELECT {', '.join(columns)} FROM {ALL}"
    )
    [(rows, ids)] = engine.rows(f"SELECT count(*), count(insert_id) FROM {PULLED}")
    return Staged(rows, rejected, examples, duplicates, dict(no_key), ids > 0)


def _read(engine: DuckEngine, reading: Reading, found: Way) -> None:
    try:
        engine.execute(f"CREATE OR REPLACE TEMP TABLE {ALL} AS {rows_sql(reading, found.fast)}")
        [(bad,)] = engine.rows(f"SELECT count(reason) FROM {ALL}")
        if not bad:
            return
    except EngineError:
        if found.batches is None:
            raise
    # Text is kept of bad rows alone: a body of gigabytes must not lie in the engine twice.
    slow = (
        "SELECT * REPLACE (IF(reason IS NULL, NULL, raw) AS raw)"
        f" FROM ({rows_sql(reading, found.slow)})"
    )
    if found.batches is None:
        engine.execute(f"CREATE OR REPLACE TEMP TABLE {ALL} AS {slow}")
        return
    for number, batch in enumerate(found.batches()):
        engine.register(BATCH_TABLE, batch)
        into = f"INSERT INTO {ALL}" if number else f"CREATE OR REPLACE TEMP TABLE {ALL} AS"
        engine.execute(f"{into} {slow}")


def _spread_lists(engine: DuckEngine) -> None:
    """An event of several accounts becomes a row for each; an empty list stays without a key."""
    [(lists,)] = engine.rows(f"SELECT count(keys) FROM {ALL} WHERE reason IS NULL")
    if not lists:
        return
    engine.execute(
        f"""CREATE OR REPLACE TEMP TABLE listed AS SELECT * FROM {ALL}
            WHERE keys IS NOT NULL AND reason IS NULL;
        DELETE FROM {ALL} WHERE keys IS NOT NULL AND reason IS NULL;
        INSERT INTO {ALL} SELECT listed.* REPLACE (each.key AS account_key)
        FROM listed LEFT JOIN (
            SELECT DISTINCT number, key FROM (
                SELECT rowid AS number, unnest(json_extract_string(keys, '$[*]')) AS key,
                    gp_kind(unnest(json_extract(keys, '$[*]'))::VARCHAR) AS kind FROM listed
            ) WHERE key <> '' AND kind <> {NESTED}
        ) each ON each.number = listed.rowid;
        DROP TABLE listed"""
    )


def _rejected(engine: DuckEngine) -> tuple[int, list[Rejected]]:
    rows = engine.rows(
        f"SELECT line, reason, left(raw, {KEPT_CHARACTERS}) FROM {ALL} WHERE reason IS NOT NULL"
        f" ORDER BY line LIMIT {KEPT_ASIDE}"
    )
    [(count,)] = engine.rows(f"SELECT count(reason) FROM {ALL}")
    return count, [Rejected(line or 0, reason, raw or "") for line, reason, raw in rows]


def _drop_duplicates(engine: DuckEngine, columns: Sequence[str]) -> int:
    """Of the rows of one account with one id the first stays: by time, then event, user (none comes
    first), then whatever else tells them apart. Gives how many went."""
    engine.execute(
        f"""CREATE OR REPLACE TEMP TABLE doubled AS SELECT account_key, insert_id FROM {ALL}
        WHERE insert_id IS NOT NULL GROUP BY ALL HAVING count(*) > 1"""
    )
    [(doubled,)] = engine.rows("SELECT count(*) FROM doubled")
    if not doubled:
        return 0
    order = ", ".join(f"{name} NULLS FIRST" for name in ["ts", "event", '"user"', *columns])
    [(gone,)] = engine.rows(
        f"""DELETE FROM {ALL} WHERE rowid IN (
            SELECT number FROM (
                SELECT rowid AS number, row_number() OVER (
                    PARTITION BY account_key, insert_id ORDER BY {order}) AS place
                FROM {ALL} SEMI JOIN doubled USING (account_key, insert_id))
            WHERE place > 1)"""
    )
    return int(gone)
