"""A journey's first run goes out as a canary, and what was written is read again.

The canary: one record, then ten, then the rest. After each step what was written is read and
compared; a difference ends the run, since what happens to one record may happen to all.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from config.errors import GatepostError, PartlyDone
from sync.applied import Applied
from sync.diff import Change, Observed
from sync.plan import Plan
from sync.push import PushReport
from sync.readback import ReadBack, chosen, compared, note_read_back

if TYPE_CHECKING:
    from sync.cycle import Cycle

STEPS = (1, 10)
SHOWN = 10
SAMPLE = "sample 100"
CANARY_HINT = (
    "see what changes or refuses the value in the CRM (an automation, a rule, a right); the next "
    "run begins with one record again. --override REASON goes on nevertheless"
)

Read = Callable[[list[str], Sequence[str]], dict[str, Observed]]
"""Fields and ids in, what the CRM shows out."""


class Careful:
    """How carefully one run writes. `bold`: differences are told, and do not end the run."""

    def __init__(self, cycle: "Cycle", applied: Applied, read: Read, *, bold: bool) -> None:
        self._cycle, self._applied, self._read = cycle, applied, read
        self._guards = cycle.project.gatepost.guards
        journeys = applied.plan.facts.journeys
        self._new = {name for one in journeys if not one.ran_before for name in one.fields}
        first = any(change.field in self._new for change in applied.plan.changes)
        self._canary = self._guards.canary and first
        self.sizes = STEPS if self._canary and not bold else ()
        self._checked = 0

    def ordered(self) -> Plan:
        """The plan with the records first in which a journey writes that never wrote before."""
        plan = self._applied.plan
        if not self.sizes:
            return plan
        new = {one.account_id for one in plan.changes if one.field in self._new}
        first = sorted(plan.changes, key=lambda one: one.account_id not in new)
        return replace(plan, changes=tuple(first))

    def check(self, report: PushReport) -> Sequence[str]:
        """After a step of the canary: what is not as it was written. Never raises."""
        tried = len(report.written) + len(report.failed) + len(report.unknown)
        if tried == sum(STEPS) and len(report.failed) == tried < report.records:
            return [f"the CRM refused all of the first {tried} records: {report.failed[0].message}"]
        try:
            found = self._compare(report.written[self._checked :])
        except PartlyDone as error:  # no more for now: says nothing against what was written
            report.error = error
            return []
        except GatepostError as error:
            return [f"what was written could not be read again: {error}"]
        self._checked = len(report.written)
        return [str(one) for one in found]

    def read_back(self, *, whole: bool) -> None:
        """Read again what was written and not checked yet, as guards say; tell what differs.

        `whole`: the sink puts everything in place at once, or nothing, so nothing is read by
        itself.
        """
        asked = self._guards.read_back or ("none" if whole else SAMPLE)
        if self._canary and self._guards.read_back is None:
            asked = "all"
        written = self._applied.report.written[self._checked :]
        if self._applied.report.differences:
            return
        try:
            self._compare(chosen(written, asked, self._applied.run_id))
        except GatepostError as error:
            said = f"what was written could not be read again: {error}"
            self._cycle.summary.warnings.append(said)
        found = self._applied.found
        warnings = [str(one) for one in found[:SHOWN]]
        if len(found) > SHOWN:
            warnings.append(f"and {len(found) - SHOWN:,} more fields: see the table read_backs")
        self._cycle.summary.warnings += warnings

    def _compare(self, records: Sequence[tuple[Change, ...]]) -> list[ReadBack]:
        if not records:
            return []
        fields = sorted({change.field for record in records for change in record})
        ids = [record[0].account_id for record in records]
        found = compared(records, self._read(fields, ids))
        note_read_back(self._cycle.state, self._applied.run_id, found)
        self._applied.read_back += len(records)
        self._applied.found += found
        return found


def canary_sentence(report: PushReport) -> str:
    """Why a canary ended a run."""
    records = "1 record was" if report.confirmed == 1 else f"{report.confirmed:,} records were"
    more = len(report.differences) - SHOWN
    left = report.records - report.confirmed
    said = f"canary: {records} written, and {left:,} more were not, since the CRM differs:"
    lines = [
        said,
        *(f"  {one}" for one in report.differences[:SHOWN]),
    ]
    return "\n".join(lines + ([f"  and {more:,} more"] if more > 0 else []))
