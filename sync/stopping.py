"""Stopping a run from outside: at the next batch boundary, with everything settled.

Before the first write there is nothing to finish, so the run ends at once. While it writes, the
batch that is under way is finished and settled; should the CRM not answer for too long, its records
are noted as unknown, and the next run reads them before it repeats anything.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE_SECONDS = 8.0
"""How long a batch may still take: whoever stops a container waits for ten seconds."""


SAME_SECONDS = 1.0
"""A second signal so soon is the same wish: a terminal tells the whole group, and so does whoever
started us."""


class StoppedError(BaseException):
    """Leave now. No Exception: nothing may take it for a failed request and try again."""


class Stop:
    """Whether a run was told to stop. Call it to ask."""

    def __init__(self) -> None:
        self.signal = ""
        """what told it to: `SIGTERM`; "" while nothing did"""
        self._heard_at = 0.0
        self._finishing = False
        self._left = False

    def __call__(self) -> bool:
        return bool(self.signal)

    @contextmanager
    def finishing(self) -> Iterator[None]:
        """Within it a stop is a wish: whoever asks `stop()` ends when it is safe to."""
        self._finishing = True
        try:
            yield
        finally:
            self._finishing = False
            if self.signal:
                signal.setitimer(signal.ITIMER_REAL, 0)

    def heard(self, name: str) -> None:
        """A signal came. Raises StoppedError where nothing has to be finished, and at the second.
        Never twice: the way out is not disturbed."""
        if self._left:
            return
        now = time.monotonic()
        again = bool(self.signal) and now - self._heard_at > SAME_SECONDS
        if not self._finishing or again:
            self.signal = self.signal or name
            self._left = True
            raise StoppedError
        if not self.signal:
            self.signal, self._heard_at = name, now
            signal.setitimer(signal.ITIMER_REAL, PATIENCE_SECONDS)


@contextmanager
def listening() -> Iterator[Stop]:
    """A Stop that hears SIGTERM and SIGINT until the block ends. Only the main thread hears
    signals: anywhere else nothing is heard."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def hear(number: int, _: FrameType | None) -> None:
        # the alarm is the second signal, sent by ourselves
        stop.heard(signal.Signals(number).name)

    heard = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)
    before = [signal.signal(one, hear) for one in heard]
    try:
        yield stop
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for one, handler in zip(heard, before, strict=True):
            signal.signal(one, handler)
