"""Something that is done while something else is."""

import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

from sync.stopping import StoppedError

T = TypeVar("T")
_SWITCH_SECONDS = 0.0005  # what is done in arrays, or by the engine, waits ten times as long else


class Meanwhile(Generic[T]):
    """A context manager: `act` runs in a thread of its own, and `result()` waits for it.

    The block's end waits for it too, unless the run was told to stop: nobody waits then for a CRM
    that does not answer, and the thread ends with the process. What can be made to end has a
    `halt`, which is called when the block ends by an error, and is waited for in any case.
    """

    def __init__(self, act: Callable[[], T], *, halt: Callable[[], None] | None = None) -> None:
        self._act, self._halt = act, halt
        self._found: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self._found.append(self._act())
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            self._error = error

    def result(self) -> T:
        """What `act` gave, once it is there; raises what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._found[0]

    def __enter__(self) -> Self:
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and self._halt is not None:
            self._halt()
        if self._halt is not None or not isinstance(error, StoppedError):
            self._thread.join()
