"""A CRM in memory that can have bad moments: the sink of the ledger's and the push's tests."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from connectors.base import Record, RecordWrite, WriteResult
from sync.diff import diff
from sync.ledger import Entry, Ledger, entry_of
from sync.plan import Plan, make_plan
from sync.push import PushReport, push
from sync.runs import begin_run, finish_run
from sync.state import State

ALWAYS = SimpleNamespace(write="always", null="keep")
FIELDS = ("stage", "score")
POLICIES = dict.fromkeys(FIELDS, ALWAYS)
NOON = datetime(2026, 5, 2, 12, 0, tzinfo=UTC)


class DiedError(BaseException):
    """The process is gone: nothing of ours may catch this."""


class FakeSink:
    """Records by id. `faults`: id → what happens to its next write, once each:

    reject (refused), lost (done, but nobody hears of it), dropped (not done, and nobody hears of
    it). `before` and `after` are called around the whole write and may raise.
    """

    def __init__(self, records: dict[str, dict[str, Any]]) -> None:
        self.records = records
        self.faults: dict[str, str] = {}
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None
        self.calls: list[list[str]] = []

    def read(self, object_name: str, id_field: str, fields: Sequence[str]) -> Iterator[Record]:
        for one, values in self.records.items():
            yield Record(one, {name: values.get(name) for name in fields})

    def write(
        self, object_name: str, id_field: str, writes: Sequence[RecordWrite]
    ) -> list[WriteResult]:
        self.before()
        self.calls.append([one.id for one in writes])
        results = [self._write(one) for one in writes]
        self.after()
        return results

    def _write(self, one: RecordWrite) -> WriteResult:
        fault = self.faults.pop(one.id, "")
        if fault == "reject" or one.id not in self.records:
            return WriteResult(one.id, "rejected", "no such value", "BAD_VALUE")
        if fault != "dropped":
            self.records[one.id].update(one.values)
        if fault:
            return WriteResult(one.id, "unknown", "timed out")
        return WriteResult(one.id, "written")


def observe(sink) -> dict[str, dict[str, Any]]:
    return {one.id: dict(one.values) for one in sink.read("Account", "Id", FIELDS)}


def plan_for(sink, desired) -> Plan:
    found = diff("Account", desired, observe(sink), POLICIES, names={"1": "Acme"})
    return make_plan([found], as_of=NOON.date(), made_at="", config_hash="")


def run_once(state: State, sink, desired, **options) -> PushReport:
    """One run as the cycle does it: settle what is open, diff against a fresh read, push."""
    ledger = Ledger(state, lambda: NOON)
    run_id = begin_run(state, lambda: NOON, "sync")
    ledger.settle_earlier("Account", observe(sink), FIELDS)
    report = push(plan_for(sink, desired), sink, ledger, run_id, id_field="Id", **options)
    finish_run(state, lambda: NOON, run_id, "done" if report.all_done else "partly")
    return report


def raising(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def entries_of(state: State, account_id: str) -> list[Entry]:
    """What was written to one record, the newest first."""
    rows = state.rows("SELECT id FROM writes WHERE account_id = ? ORDER BY id DESC", (account_id,))
    found = [entry_of(state, int(row or 0)) for (row,) in list(rows)]
    return [one for one in found if one is not None]
