"""The end of a run that wrote: its result on stdout, its notes on stderr, its exit code."""

from typing import TYPE_CHECKING

from config.errors import GatepostError, PartlyDone
from gatepost.cells import counted
from gatepost.options import Ask
from gatepost.summary import applied_lines, applied_object, notes, read_back_lines, travelling
from gatepost.tables import emit, json_lines

if TYPE_CHECKING:
    from sync.applied import Applied
    from sync.summary import RunSummary


_kept: list[object] = []
"""What need not be taken apart before the process ends: the last run's changes."""


def finish(
    ask: Ask, applied: "Applied", summary: "RunSummary", style: str, stopped: str = ""
) -> None:
    """Print what became of the run; then raise as `raise_if_left` does. `stopped`: the signal that
    told it to stop."""
    _kept[:] = [applied]
    if style == "json":
        emit(json_lines([applied_object(applied, summary)]))
    else:
        emit(applied_lines(applied))
    for line in (*read_back_lines(applied), *travelling(summary), *notes(summary)):
        ask.note(line)
    raise_if_left(applied, stopped)


def raise_if_left(applied: "Applied", stopped: str = "") -> None:
    """PartlyDone if a record was not written, now or before; what stopped the run if none was."""
    report = applied.report
    if applied.all_done:
        return
    if report.error is not None and not report.confirmed:
        kind = PartlyDone if isinstance(report.error, PartlyDone) else GatepostError
        raise kind(f"nothing was written: {report.error}", report.error.hint)
    if stopped and report.unsent:
        raise PartlyDone(
            f"stopped by {stopped}: {report.confirmed:,} of {counted(report.records, 'record')} "
            f"were written, and {report.unsent:,} are left for the next run",
            "run it again: what was written stays, and only the rest is tried",
        )
    left = report.records - report.confirmed
    if left:
        raise PartlyDone(
            f"{counted(left, 'record')} of {report.records:,} could not be written",
            "run it again: what was written stays, and only the rest is tried",
        )
    raise PartlyDone(
        f"{counted(applied.quarantined, 'record')} in quarantine: refused by the CRM, and not due "
        "to be tried again",
        "`gatepost runs` says why; they are tried at once when their values change",
    )
