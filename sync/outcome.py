"""What a run came to know, noted for the next: conflicts, quarantine, journeys that have run."""

import json
from datetime import datetime
from typing import TYPE_CHECKING

from sync.applied import Applied
from sync.facts import note_passed
from sync.knowledge import note_fights, note_yielded
from sync.ledger import value_text
from sync.plain import from_jsonable, plain
from sync.policy import WRITTEN, Note
from sync.quarantine import in_quarantine, note_refused, refused, release
from sync.state import State

if TYPE_CHECKING:
    from sync.cycle import Cycle

_LEFT_OVER = """
SELECT account_id, changes FROM writes
WHERE run_id = (SELECT max(run_id) FROM write_batches) AND state = 'forgotten' AND object = ?
"""


def note_outcome(cycle: "Cycle", applied: Applied, now: datetime) -> None:
    """After the push, whatever came of it. Safe to repeat but for the count of fights."""
    state, plan, report = cycle.state, applied.plan, applied.report
    object_name = cycle.project.mapping.accounts.object
    confirmed = {(one.account_id, one.field) for record in report.written for one in record}
    note_fights(state, object_name, plan.notes, confirmed, plan.as_of)
    note_yielded(state, object_name, plan.notes, confirmed)
    note_conflicts(state, applied.run_id, plan.notes)
    _note_quarantine(state, object_name, applied, now)
    if plan.changes:
        unfinished = report.unsent or report.differences
        written = {field for _, field in confirmed}
        finished = [
            journey.journey
            for journey in plan.facts.journeys
            if not unfinished and written & set(journey.fields)
        ]
        note_passed(cycle, plan.facts, applied.run_id, finished)
        last = cycle.last_confirmed()
        last.take_in(report.written, report.rows)
        last.save(state)


def _note_quarantine(state: State, object_name: str, applied: Applied, now: datetime) -> None:
    plan, report = applied.plan, applied.report
    waiting = refused(state, object_name).keys()
    if waiting:
        wanted = {one.account_id for one in plan.changes}
        wanted |= {one.change.account_id for one in plan.notes}
        written = {record[0].account_id for record in report.written}
        release(state, object_name, [one for one in waiting if one in written or one not in wanted])
    if report.failed:
        ids = {one.account_id for one in report.failed}
        records = {one[0].account_id: one for one in plan.records() if one[0].account_id in ids}
        note_refused(state, now, report.failed, records)
    applied.quarantined = len(in_quarantine(state))


def note_conflicts(state: State, run_id: int, notes: "tuple[Note, ...]") -> None:
    """List each with the run. What is left or held back again and again is listed once: with the
    last run that found it so."""
    with state.transaction() as connection:
        over = ", ".join(f"'{kind}'" for kind in sorted(WRITTEN))
        connection.execute(f"DELETE FROM conflicts WHERE kind NOT IN ({over})")
        connection.executemany(
            "REPLACE INTO conflicts (run_id, object, account_id, field, kind, ours, theirs, why)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (run_id, one.change.object, one.change.account_id, one.change.field, one.kind,
                 value_text(one.change.to), value_text(one.change.from_), one.why)
                for one in notes
            ],
        )  # fmt: skip


def left_over(state: State, object_name: str) -> frozenset[tuple[str, str, str]]:
    """What the last run that wrote was allowed to write and did not get to: account id, field and
    value as JSON."""
    return frozenset(
        (str(account), one["field"], value_text(from_jsonable(one["to"])))
        for account, changes in state.rows(_LEFT_OVER, (object_name,))
        for one in json.loads(str(changes))
    )


def conflicts_of(state: State, run_id: int) -> list[dict[str, object]]:
    """The conflicts of a run, as `conflicts` in docs/state.md has them; values as people read
    them."""
    rows = state.rows(
        "SELECT object, account_id, field, kind, ours, theirs, why FROM conflicts"
        " WHERE run_id = ? ORDER BY object, account_id, field",
        (run_id,),
    )
    return [
        {
            "object": object_name, "id": account, "field": field, "kind": kind,
            "ours": plain(from_jsonable(json.loads(str(ours)))),
            "theirs": plain(from_jsonable(json.loads(str(theirs)))), "why": why,
        }
        for object_name, account, field, kind, ours, theirs, why in rows
    ]  # fmt: skip


def read_backs_of(state: State, run_id: int) -> list[dict[str, object]]:
    """The fields of a run that did not show what was written."""
    rows = state.rows(
        "SELECT object, account_id, field, verdict, ours, shown FROM read_backs"
        " WHERE run_id = ? ORDER BY object, account_id, field",
        (run_id,),
    )
    return [
        {
            "object": object_name, "id": account, "field": field, "verdict": verdict,
            "ours": plain(from_jsonable(json.loads(str(ours)))),
            "shown": plain(from_jsonable(json.loads(str(shown)))),
        }
        for object_name, account, field, verdict, ours, shown in rows
    ]  # fmt: skip
