"""Taking somebody out of the state file: their rows go, and other rows no longer name them."""

import json
from typing import Any

from sync.quoting import literal, quoted
from sync.search_home import tables_of
from sync.sightings import encoded
from sync.state import RUN_KEY, State
from sync.terms import Terms

_IDENTIFYING = ("account_id", "account")
_OWN = ("forgotten", "_sqlite_migrations")  # hold hashes and numbers


def forget_in_state(
    state: State, object_name: str, accounts: frozenset[str], terms: Terms
) -> dict[str, int]:
    """Remove the rows of `accounts` from every table that has rows by account, and `terms` from all
    others; how many rows went or changed, by table. All or nothing. Safe to repeat."""
    connection = state.db.conn
    connection.create_function("gp_names", 2, lambda c, v: int(terms.in_cell(c, v)))
    connection.create_function("gp_without", 2, lambda table, v: _without(terms, table, v))
    touched: dict[str, int] = {}
    with state.transaction():
        connection.execute("PRAGMA defer_foreign_keys = ON")
        for table, columns in tables_of(connection):
            if table in _OWN or table.startswith("sqlite_"):
                continue
            count = _drop(state, table, columns, object_name, accounts)
            count += _scrub(state, table, columns) if terms.plain else 0
            if count:
                touched[table] = count
        # Made anew: where walks stood, each field's last confirmed value, what the CRM shows.
        connection.execute("DELETE FROM checkpoints")
        connection.execute("DELETE FROM last_confirmed")
        connection.execute("DELETE FROM confirmed_accounts")
        connection.execute("DELETE FROM shown")
        connection.execute("DELETE FROM settings WHERE key = ?", (RUN_KEY,))
    return touched


def _drop(
    state: State, table: str, columns: list[str], object_name: str, accounts: frozenset[str]
) -> int:
    column = next((one for one in _IDENTIFYING if one in columns), None)
    if column is None or not accounts:
        return 0
    listed = ", ".join(map(literal, sorted(accounts)))
    of_object = f" AND object = {literal(object_name)}" if "object" in columns else ""
    statement = f"DELETE FROM {quoted(table)} WHERE {column} IN ({listed}){of_object}"
    return max(state.db.conn.execute(statement).rowcount, 0)


def _scrub(state: State, table: str, columns: list[str]) -> int:
    """Cells that name them are written without."""
    if table in ("checkpoints", "last_confirmed", "confirmed_accounts", "shown"):
        return 0  # emptied
    count = 0
    for column in columns:
        count += state.db.conn.execute(
            f"UPDATE OR REPLACE {quoted(table)} SET {quoted(column)} ="
            f" gp_without({literal(table)}, {quoted(column)})"
            f" WHERE typeof({quoted(column)}) = 'text'"
            f" AND gp_names({literal(column)}, {quoted(column)})"
        ).rowcount
    return count


def _without(terms: Terms, table: str, cell: str) -> str:
    try:
        said = json.loads(cell) if cell[:1] in ("{", "[") else None
    except ValueError:
        said = None
    if said is None:
        return terms.scrubbed(cell)
    if table != "sightings":
        return json.dumps(_scrubbed(terms, said), ensure_ascii=False)
    # As the next pull will note it, so that no field seems to have changed.
    return encoded(
        {
            name: None if isinstance(value, str) and terms.within(value) else value
            for name, value in said.items()
        }
    )


def _scrubbed(terms: Terms, value: Any) -> Any:
    """JSON data without them, still JSON."""
    match value:
        case dict():
            return {terms.scrubbed(key): _scrubbed(terms, one) for key, one in value.items()}
        case list():
            return [_scrubbed(terms, one) for one in value]
        case str():
            return terms.scrubbed(value)
        case _:
            return None if terms.within(json.dumps(value)) else value


def wipe_freed(state: State) -> None:
    """Write the file anew, so that no freed page and no log holds what was removed."""
    connection = state.db.conn
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("VACUUM")
    connection.execute("PRAGMA busy_timeout = 3000")  # a reader keeps the log: then it is told
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
