"""Records that the CRM refused: why, since when, and when each is tried again.

A record is tried again at once when a value that it shall have is another one. Else the wait grows
with each refusal: an hour, four, sixteen, then a day.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sync.diff import Change
from sync.ledger import value_text
from sync.policy import Refusal
from sync.push import Outcome
from sync.state import State, instant_text

FIRST_WAIT_HOURS, GROWTH, LONGEST_WAIT_HOURS = 1, 4, 24

_NOTE = """
REPLACE INTO quarantine
    (object, account_id, code, message, wanted, tries, first_at, last_at, next_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record in quarantine, as people are shown it. Instants are UTC text."""

    object: str
    account_id: str
    code: str
    message: str
    fields: tuple[str, ...]
    tries: int
    first_at: str
    last_at: str
    next_at: str


def in_quarantine(state: State) -> list[Quarantined]:
    """Every record in quarantine, the longest first."""
    rows = state.rows(
        "SELECT object, account_id, coalesce(code, ''), coalesce(message, ''), wanted, tries,"
        " first_at, last_at, next_at FROM quarantine ORDER BY first_at, object, account_id"
    )
    return [
        Quarantined(
            str(object_name), str(account), str(code), str(message),
            tuple(json.loads(str(wanted))), int(tries or 0), str(first), str(last), str(next_),
        )
        for object_name, account, code, message, wanted, tries, first, last, next_ in rows
    ]  # fmt: skip


def refused(state: State, object_name: str) -> dict[str, Refusal]:
    """What sync.policy needs to know, by account id."""
    return {
        str(account): Refusal(json.loads(str(wanted)), str(next_at), str(message or ""))
        for account, wanted, next_at, message in state.rows(
            "SELECT account_id, wanted, next_at, message FROM quarantine WHERE object = ?",
            (object_name,),
        )
    }


def note_refused(
    state: State, now: datetime, failed: Iterable[Outcome],
    records: Mapping[str, Sequence[Change]],
) -> None:  # fmt: skip
    """Put records into quarantine, or leave them there for longer. `records`: account id → what was
    to be written."""
    at = instant_text(now)
    with state.transaction() as connection:
        for one in failed:
            wanted = {each.field: value_text(each.to) for each in records[one.account_id]}
            before = connection.execute(
                "SELECT wanted, tries, first_at FROM quarantine"
                " WHERE object = ? AND account_id = ?",
                (one.object, one.account_id),
            ).fetchone()
            again = before is not None and json.loads(before[0]) == wanted
            tries = before[1] + 1 if again else 1
            first_at = before[2] if before else at
            hours = min(FIRST_WAIT_HOURS * GROWTH ** (tries - 1), LONGEST_WAIT_HOURS)
            next_at = instant_text(now + timedelta(hours=hours))
            connection.execute(
                _NOTE,
                (one.object, one.account_id, one.code or None, one.message or None,
                 json.dumps(wanted), tries, first_at, at, next_at),
            )  # fmt: skip


def release(state: State, object_name: str, accounts: Collection[str]) -> None:
    """Take records out of quarantine: they were written, or nothing is to be written to them."""
    with state.transaction() as connection:
        connection.executemany(
            "DELETE FROM quarantine WHERE object = ? AND account_id = ?",
            [(object_name, one) for one in accounts],
        )
