"""What is going to happen in the world, once the clock gets there."""

from __future__ import annotations

import heapq
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


class Schedule:
    """Actions in order of their instants; each runs once."""

    def __init__(self) -> None:
        self._numbers = count()
        self._waiting: list[tuple[datetime, int, Callable[[], None]]] = []

    def add(self, at: datetime, action: Callable[[], None]) -> None:
        heapq.heappush(self._waiting, (at, next(self._numbers), action))

    def run_until(self, now: datetime) -> None:
        while self._waiting and self._waiting[0][0] <= now:
            heapq.heappop(self._waiting)[2]()
