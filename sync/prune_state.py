"""Old runs and settled writes, taken out of the state file a few thousand at a time.

What anything still rests on stays, however old: writes that are not settled, the last confirmed
value of every field of every record, whatever another table points to, and the latest runs.
"""

from collections.abc import Iterator

from sync.quoting import quoted
from sync.state import State

RUNS_KEPT = 30
"""The latest runs stay, however old: usual figures are taken from them."""

_CHUNK = 5000

_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table'"
_SETTLED_WRITES = """
SELECT id FROM writes
WHERE state IN ('confirmed', 'failed', 'forgotten')
  AND coalesce(settled_at, intended_at) < :before
  AND id NOT IN (
    SELECT max(w.id) FROM writes w, json_each(w.changes) c
    WHERE w.state = 'confirmed' GROUP BY w.object, w.account_id, c.value ->> 'field')
"""


def prune_writes(state: State, before: str, *, dry: bool) -> int:
    """Forget settled writes from before an instant; gives how many."""
    with state.transaction() as connection:
        connection.execute("CREATE TEMP TABLE IF NOT EXISTS prunable (id INTEGER PRIMARY KEY)")
        connection.execute("DELETE FROM prunable")
    # What is to go is found without the write lock: the ledger may have millions of rows.
    found = f"INSERT INTO prunable {_SETTLED_WRITES} {_not_pointed_at(state, 'write_records')}"
    count = state.db.conn.execute(found, {"before": before}).rowcount
    if dry:
        return count
    for first, last in _chunks(state):
        with state.transaction() as connection:
            span = (first, last)
            connection.execute(
                "DELETE FROM write_records WHERE id IN"
                " (SELECT id FROM prunable WHERE id BETWEEN ? AND ?)", span
            )  # fmt: skip
    with state.transaction() as connection:
        connection.execute(
            "DELETE FROM write_batches WHERE settled_at < ? AND NOT EXISTS"
            " (SELECT 1 FROM write_records r WHERE r.id BETWEEN first_id AND last_id)",
            (before,),
        )
    return count


def prune_runs(state: State, before: str, *, dry: bool) -> int:
    """Forget runs that ended before an instant and to which nothing points; gives how many. Pulls
    of that age go with them, but each object's latest."""
    latest = f"SELECT id FROM runs ORDER BY id DESC LIMIT {RUNS_KEPT}"
    which = f"finished_at < :before AND id NOT IN ({latest}) {_not_pointed_at(state, 'runs')}"
    old = {"before": before}
    if dry:
        count = state.db.conn.execute(f"SELECT count(*) FROM runs WHERE {which}", old)
        return int(count.fetchone()[0])
    with state.transaction() as connection:
        connection.execute(
            "DELETE FROM pulls WHERE seen < :before"
            " AND id NOT IN (SELECT max(id) FROM pulls GROUP BY object)", old
        )  # fmt: skip
        return int(connection.execute(f"DELETE FROM runs WHERE {which}", old).rowcount)


def _chunks(state: State) -> Iterator[tuple[int, int]]:
    rows = state.rows(
        "SELECT min(id), max(id) FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) / ? AS n"
        " FROM prunable) GROUP BY n ORDER BY n",
        (_CHUNK,),
    )
    return iter([(int(first or 0), int(last or 0)) for first, last in rows])


def _not_pointed_at(state: State, table: str) -> str:
    """Conditions that keep what a row of another table points to, unless it would go along."""
    tables = [str(name) for (name,) in state.rows(_TABLES)]
    return " ".join(
        f"AND id NOT IN (SELECT {quoted(str(column))} FROM {quoted(other)}"
        f" WHERE {quoted(str(column))} IS NOT NULL)"
        for other in tables
        for _, _, target, column, _, _, gone, *_ in state.rows(
            f"PRAGMA foreign_key_list({quoted(other)})"
        )
        if target == table and gone != "CASCADE"
    )


def shrink(state: State) -> None:
    """Give what was freed back to the disk, where it is worth it. Needs as much room again."""
    pages = int(state.value("PRAGMA page_count") or 0)
    free = int(state.value("PRAGMA freelist_count") or 0)
    if free * 4 > pages:
        with state.transaction():
            pass  # the write lock can be had, or a sentence says that it cannot
        state.db.conn.execute("VACUUM")
        state.db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
