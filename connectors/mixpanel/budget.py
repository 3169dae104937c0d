"""How many exports may be asked for: a project has 60 an hour and 3 a second, all tools together.

What was asked for is kept in a file, since a run is shorter than the hour that counts.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

from config.errors import PartlyDone
from connectors.base import BudgetLeft

_APART_SECONDS = 0.45  # three a second, and a margin for what is held up on the way
_HOUR = timedelta(hours=1)


class Budget:
    """`most` requests in any hour, and never more than three a second."""

    def __init__(
        self,
        name: str,
        most: int,
        path: Path,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        """`name` is the connection's; `path` the file, made when it is first needed."""
        self._name, self._most, self._path = name, most, path
        self._clock, self._sleep = clock, sleep
        self._alone = Lock()

    def spend(self) -> None:
        """Count one request, waiting a moment if need be. PartlyDone where the hour's are used.
        Several threads may call."""
        with self._alone:
            self._spend()

    def left(self) -> BudgetLeft:
        """How many were asked for within the hour, and how many may still be. Sends nothing."""
        used = len(self._recent(self._clock()))
        return BudgetLeft(used, self._most, max(0, self._most - used), _HOUR)

    def _recent(self, now: datetime) -> list[datetime]:
        # A clock that was set back must not leave requests in the future for ever.
        return [one for one in self._spent() if now - _HOUR < one <= now]

    def _spend(self) -> None:
        now = self._clock()
        spent = self._recent(now)
        if len(spent) >= self._most:
            again = spent[-self._most] + _HOUR
            raise PartlyDone(
                f"{self._name}: all {self._most} exports of this hour that api_budget allows are"
                f" used; the next is possible at {again:%H:%M} UTC",
                "what was pulled is kept and the next run goes on from there; api_budget is the"
                " share of the project's exports that may be used, 0.25 unsaid and 1 at most",
            )
        wait = _APART_SECONDS - (now - spent[-1]).total_seconds() if spent else 0.0
        if wait > 0:
            self._sleep(wait)
        self._keep([*spent, self._clock()])

    def _spent(self) -> list[datetime]:
        try:
            said = json.loads(self._path.read_text(encoding="utf-8"))
            return [datetime.fromisoformat(one) for one in said]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError):  # half a file, after a power cut: an hour heals it
            return []

    def _keep(self, spent: list[datetime]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        made = self._path.with_suffix(".new")
        made.write_text(json.dumps([one.isoformat() for one in spent]), encoding="utf-8")
        made.replace(self._path)
