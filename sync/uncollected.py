"""Without Python's search for circular garbage, while hundreds of thousands of objects are made."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """A cycle makes hundreds of thousands of small objects that all stay, and the search would look
    through them again and again. Around what holds them, so that they are gone when it goes on."""
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()
