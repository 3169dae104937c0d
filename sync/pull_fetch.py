"""The bodies of parts, one after the other, while the next ones are on their way already.

Only a source that says so is asked for several parts at once. Bodies come out in the order of the
parts, however they came in; besides the one that is being read no more than `at_once` of them lie
on the disk.
"""

import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Self

from connectors.base import Body, EventSource, Parallel, Part

Wait = Callable[[], Body]
"""Waits for a body; raises what `fetch` raised."""


class Fetches:
    """Of one pull. Use as a context manager: what is still on its way at its end is given up."""

    def __init__(self, source: EventSource, parts: Iterable[Part], folder: Path) -> None:
        """`folder` is where bodies lie; it is made when needed, and removed at the end."""
        self._source, self._folder = source, folder
        self._ahead = source.at_once if isinstance(source, Parallel) else 0
        self._left = iter(parts)
        self._coming: deque[tuple[Part, Path, Wait]] = deque()
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._coming and isinstance(self._source, Parallel):
            self._source.give_up()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __iter__(self) -> Iterator[tuple[Part, Wait]]:
        """Each part, and how to wait for its body, which is removed when the next one is asked for.
        After `stop` only those that are on their way."""
        while True:
            self._begin(max(1, self._ahead))
            if not self._coming:
                return
            part, spool, wait = self._coming.popleft()
            yield part, partial(self._waited, wait)
            shutil.rmtree(spool, ignore_errors=True)

    def _waited(self, wait: Wait) -> Body:
        body = wait()
        self._begin(self._ahead)  # not earlier, or there would be one too many at once
        return body

    def stop(self) -> None:
        """Begin no further part."""
        self._left = iter(())

    def _begin(self, many: int) -> None:
        while len(self._coming) < many and (part := next(self._left, None)) is not None:
            self._count += 1
            spool = self._folder / str(self._count)
            spool.mkdir(parents=True)
            fetch = partial(self._source.fetch, part, spool)
            self._coming.append((part, spool, _in_a_thread(fetch) if self._ahead else fetch))


def _in_a_thread(fetch: Wait) -> Wait:
    # Not one of a pool's threads: the process would wait for those before it ends.
    coming: Future[Body] = Future()

    def run() -> None:
        try:
            coming.set_result(fetch())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            coming.set_exception(error)

    Thread(target=run, name="gatepost fetch", daemon=True).start()
    return coming.result
