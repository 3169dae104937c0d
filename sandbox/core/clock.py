"""The sandbox's time: what the vendors believe it is, moved by tests."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta


class Clock:
    """Two readings. `now()` is the date and time that vendors stamp and compare with; it may be
    frozen or set. `elapsed()` is seconds that have passed, for limits and expiry: real seconds plus
    every step forward, so that a client that sleeps is served again even while `now()` is frozen.
    """

    def __init__(self, now: datetime | None = None) -> None:
        self._anchor = now or datetime.now(UTC)
        self._since = time.monotonic()
        self._frozen = False
        self._jumped_seconds = 0.0

    def now(self) -> datetime:
        """UTC, to the microsecond."""
        if self._frozen:
            return self._anchor
        return self._anchor + timedelta(seconds=time.monotonic() - self._since)

    def today(self) -> date:
        return self.now().date()

    def milliseconds(self) -> int:
        return to_milliseconds(self.now())

    def elapsed(self) -> float:
        """Seconds on a scale that never runs backwards."""
        return time.monotonic() + self._jumped_seconds

    def set(self, now: datetime) -> None:
        """A step back moves the dates but gives no spent limit back."""
        step = (now - self.now()).total_seconds()
        self._jumped_seconds += max(step, 0.0)
        self._anchor, self._since = now, time.monotonic()

    def advance(self, seconds: float) -> None:
        self.set(self.now() + timedelta(seconds=seconds))

    def freeze(self, frozen: bool) -> None:  # noqa: FBT001 - reads well at its callers
        self._anchor, self._since = self.now(), time.monotonic()
        self._frozen = frozen

    @property
    def frozen(self) -> bool:
        return self._frozen


def to_milliseconds(instant: datetime) -> int:
    """Whole milliseconds since 1970, rounded down."""
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def from_milliseconds(milliseconds: float) -> datetime:
    """The instant, in UTC, so many milliseconds after 1970 began."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def parse_instant(text: str) -> datetime:
    """An ISO date and time; without a zone it is UTC. Raises ValueError."""
    instant = datetime.fromisoformat(text)
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
