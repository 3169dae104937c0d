"""What a run that writes came to."""

from dataclasses import dataclass, field

from sync.brakes import Pulled
from sync.plan import Plan
from sync.push import PushReport
from sync.readback import ReadBack


@dataclass
class Applied:
    """What a run that writes came to: the plan that was carried out, and each record's fate."""

    run_id: int
    plan: Plan
    report: PushReport = field(default_factory=PushReport)
    settled: int = 0
    """writes that an earlier run left open, and that were settled by reading first"""
    overridden: tuple[Pulled, ...] = ()
    """brakes that would have stopped it, had it not been told to go on"""
    found: list[ReadBack] = field(default_factory=list)
    """fields that did not show our value when they were read again"""
    read_back: int = 0
    """records that were read again"""
    quarantined: int = 0
    """records that the CRM refused, now or before, and that are not written yet"""

    @property
    def all_done(self) -> bool:
        """Whether every record shows what was planned, and none waits in quarantine."""
        return self.report.all_done and not self.quarantined
