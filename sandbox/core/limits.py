"""Counters of calls in a moving window, as the vendors keep them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass
class Window:
    """At most `limit` units in any `seconds`. Times are `Clock.elapsed()` readings."""

    limit: int
    seconds: float
    _taken: deque[float] = field(default_factory=deque)

    def used(self, elapsed: float) -> int:
        while self._taken and self._taken[0] <= elapsed - self.seconds:
            self._taken.popleft()
        return len(self._taken)

    def take(self, elapsed: float) -> bool:
        """Count one call. False, and not counted, where the window is full."""
        if self.used(elapsed) >= self.limit:
            return False
        self._taken.append(elapsed)
        return True

    def remaining(self, elapsed: float) -> int:
        return max(self.limit - self.used(elapsed), 0)

    def wait(self, elapsed: float) -> float:
        """Seconds until one more call is allowed; 0 if one is."""
        if self.used(elapsed) < self.limit or not self._taken:
            return 0.0
        return self._taken[len(self._taken) - self.limit] + self.seconds - elapsed

    def spend(self, elapsed: float, units: int) -> None:
        """Count calls that somebody else made; tests use it to start near a limit."""
        self._taken.extend([elapsed] * units)

    def clear(self) -> None:
        self._taken.clear()
