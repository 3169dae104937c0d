"""The end of a run that wrote: its result on stdout, its notes on stderr, its exit code."""

from typing import TYPE_CHECKING

from config.errors import GatepostError, PartlyDone
from gatepost.cells import counted
from gatepost.options import Ask
from gatepost.summary import applied_lines, applied_object, notes, travelling
from gatepost.tables import emit, json_lines

if TYPE_CHECKING:
    from sync.push import PushReport
    from sync.summary import RunSummary


def finish(ask: Ask, report: "PushReport", summary: "RunSummary", style: str) -> None:
    """Print what became of the run; then raise as `raise_if_left` does."""
    if style == "json":
        emit(json_lines([applied_object(report, summary)]))
    else:
        emit(applied_lines(report))
    for line in (*travelling(summary), *notes(summary)):
        ask.note(line)
    raise_if_left(report)


def raise_if_left(report: "PushReport") -> None:
    """PartlyDone if a record was not written; what stopped the run if none was."""
    if report.all_done:
        return
    if report.error is not None and not report.confirmed:
        raise GatepostError(f"nothing was written: {report.error}", report.error.hint)
    left = report.records - report.confirmed
    raise PartlyDone(
        f"{counted(left, 'record')} of {report.records:,} could not be written",
        "run it again: what was written stays, and only the rest is tried",
    )
