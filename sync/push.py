"""Carry out a plan: record by record into the CRM, with the ledger before and after each batch.

Whenever the process dies, the ledger says of every record that it was not sent, may have been
sent, or what became of it; the next run settles the second kind by reading. A batch is what the
sink is given at once; for files it is everything, since the file is rewritten whole.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

from config.errors import GatepostError
from config.redact import Redactor, redacted
from connectors.base import FieldSink, RecordWrite, WriteResult
from sync.diff import Change
from sync.ledger import Ledger, Settled
from sync.plan import Plan
from sync.stopping import StoppedError

STEPS = ("intended", "sent", "written", "settled")
"""What `on_step` is told: everything is in the ledger; a batch may leave; the sink has answered;
its answer is in the ledger."""

OUTCOMES: dict[str, Literal["confirmed", "failed", "unknown"]] = {
    "written": "confirmed",
    "rejected": "failed",
    "unknown": "unknown",
}

Records = Sequence[tuple[Change, ...]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A record that was not written as planned, or of which nobody knows."""

    object: str
    account_id: str
    name: str
    code: str
    message: str


@dataclass(slots=True)
class PushReport:
    """What became of a plan's records."""

    records: int = 0
    confirmed: int = 0
    confirmed_fields: int = 0
    failed: tuple[Outcome, ...] = ()
    unknown: tuple[Outcome, ...] = ()
    unsent: int = 0  # left for the next run: stopped, or the sink gave up
    written: list[tuple[Change, ...]] = field(default_factory=list)  # the confirmed records
    rows: list[int] = field(default_factory=list)  # their rows of the ledger, parallel
    differences: tuple[str, ...] = ()  # what a check of the first batches found; it ended the push
    error: GatepostError | None = None  # why the sink gave up; nothing of that batch was written

    @property
    def all_done(self) -> bool:
        """Whether every record shows what was planned."""
        return self.confirmed == self.records


def push(
    plan: Plan,
    sink: FieldSink,
    ledger: Ledger,
    run_id: int,
    *,
    id_field: str,
    batch_size: int | None = None,
    first: Sequence[int] = (),
    check: Callable[[PushReport], Sequence[str]] = lambda _: (),
    stop: Callable[[], bool] = lambda: False,
    on_step: Callable[[str], None] = lambda _: None,
) -> PushReport:
    """Write every record of the plan; one outcome for each.

    `batch_size`: records the sink is given at once, None for all. `first`: sizes of the first
    batches; after each of them `check` looks at what is written so far, and what it has to say ends
    the push. `stop` is asked before each batch; once true, the rest is left for the next run. A
    GatepostError of the sink ends the push
    and is in the report; anything else is raised, and what it left open is settled by the next
    run.
    """
    records = list(plan.records())
    report = PushReport(records=len(records))
    if not records:
        return report
    size = batch_size or len(records)
    steps = [min(size, step - done) for step in first for done in range(0, step, size)]
    batches = list(_batches(records, size, steps))
    ids = ledger.intend(run_id, batches)
    on_step("intended")
    done = 0
    for batch, rows in zip(batches, ids, strict=True):
        if stop():
            break
        ledger.mark_sent(rows)
        on_step("sent")
        try:
            results = sink.write(batch[0][0].object, id_field, [_write(one) for one in batch])
        except GatepostError as error:  # the sink's word that nothing of this batch was written
            report.error = error
            break
        except StoppedError:  # out of patience: the next run reads what came of it
            results = [_unheard(one) for one in batch]
        on_step("written")
        settled = [_settled(*one) for one in zip(rows, _checked(batch, results), strict=True)]
        ledger.settle(settled)
        on_step("settled")
        done += 1
        _count(report, batch, settled)
        if done <= len(steps):
            report.differences = tuple(check(report))
            if report.differences or report.error:
                break
    _leave(ledger, ids[done:], report)
    return report


def _batches(records: Records, size: int, first: Sequence[int]) -> Iterator[Records]:
    """Up to `size` records of one object at a time, in order; the first batches as `first` says."""
    sizes = iter(first)
    for _, of_object in groupby(records, key=lambda one: one[0].object):
        together = list(of_object)
        start = 0
        while start < len(together):
            end = start + next(sizes, size)
            yield together[start:end]
            start = end


def _write(changes: tuple[Change, ...]) -> RecordWrite:
    return RecordWrite(changes[0].account_id, {one.field: one.to for one in changes})


def _unheard(changes: tuple[Change, ...]) -> WriteResult:
    return WriteResult(changes[0].account_id, "unknown", "stopped before the CRM answered")


def _checked(batch: Records, results: Sequence[WriteResult]) -> Sequence[WriteResult]:
    """The sink's answers, record by record, without secrets in their words; `unknown` where an
    answer is not that record's."""
    if len(results) != len(batch):
        said = f"{len(results)} answers came for {len(batch)} records"
        return [WriteResult(one[0].account_id, "unknown", said) for one in batch]
    if any(one.reason for one in results):
        hide = Redactor()
        results = [one._replace(reason=hide(one.reason)) for one in results]
    return [
        result
        if result.id == one[0].account_id
        else WriteResult(one[0].account_id, "unknown", f"the answer is that of {result.id}")
        for one, result in zip(batch, results, strict=True)
    ]


def _settled(row: int, result: WriteResult) -> Settled:
    return Settled(row, OUTCOMES[result.outcome], result.code, result.reason)


def _count(report: PushReport, batch: Records, settled: Sequence[Settled]) -> None:
    failed: list[Outcome] = []
    unknown: list[Outcome] = []
    for changes, one in zip(batch, settled, strict=True):
        if one.state == "confirmed":
            report.confirmed += 1
            report.confirmed_fields += len(changes)
            report.written.append(changes)
            report.rows.append(one.id)
            continue
        first = changes[0]
        (failed if one.state == "failed" else unknown).append(
            Outcome(first.object, first.account_id, first.name, one.code, one.message)
        )
    report.failed += tuple(failed)
    report.unknown += tuple(unknown)


def _leave(ledger: Ledger, batches: Sequence[range], report: PushReport) -> None:
    """Note that the rows of these batches were not written; the next run's diff decides about them
    anew."""
    said = "not sent: the run was stopped"
    if report.error:
        said = redacted(f"not written: {report.error}")
    ledger.settle(Settled(row, "forgotten", "", said) for rows in batches for row in rows)
    report.unsent = sum(map(len, batches))
