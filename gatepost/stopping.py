"""What a writing command is told: by its options, and by signals while it runs."""

from contextlib import contextmanager
from typing import TYPE_CHECKING

from config.errors import PartlyDone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sync.orders import Orders


@contextmanager
def told_to(override: str | None) -> "Iterator[Orders]":
    """Orders for a run. SIGTERM and SIGINT are heard until the block ends: a run that has not begun
    to write ends at once, one that writes at its next batch; both with PartlyDone (3)."""
    from sync.orders import Orders
    from sync.stopping import StoppedError, listening

    with listening() as stop:
        try:
            yield Orders(stop, override)
        except StoppedError:  # before the run was noted, or after it ended
            raise PartlyDone(
                f"stopped by {stop.signal} before anything was written", "run it again"
            ) from None
