"""Records that remember what they were, for indexes and replicas that lag behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

_KEPT = 50
Values = dict[str, Any]


@dataclass
class Versions:
    """The values of one record, newest last. Values are replaced, never changed in place, so that
    a page of a running query keeps what it saw."""

    stages: list[tuple[datetime, Values]] = field(default_factory=list)

    @property
    def now(self) -> Values:
        return self.stages[-1][1]

    @property
    def changed_at(self) -> datetime:
        return self.stages[-1][0]

    def put(self, at: datetime, values: Values) -> None:
        self.stages.append((at, values))
        del self.stages[:-_KEPT]

    def as_of(self, horizon: datetime | None) -> Values | None:
        """What a reader sees that knows nothing after `horizon`; None if it was not there yet."""
        if horizon is None:
            return self.stages[-1][1]
        for at, values in reversed(self.stages):
            if at <= horizon:
                return values
        return None
