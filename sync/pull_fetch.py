"""The bodies of parts, one after the other, while the next ones are on their way already.

Only a source that says so is asked for several parts at once, or for a body in pieces that are read
while the rest comes. Bodies come out in the order of the parts, however they came in; besides the
one that is being read no more than `at_once` of them lie on the disk.
"""

import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Self

from connectors.base import Body, EventSource, Parallel, Part, Piecemeal


class End:
    """What comes last: the body is whole."""


class Fetches:
    """Of one pull. Use as a context manager: what is still on its way at its end is given up."""

    def __init__(self, source: EventSource, parts: Iterable[Part], folder: Path) -> None:
        """`folder` is where bodies lie; it is made when needed, and removed at the end."""
        self._source, self._folder = source, folder
        self._ahead = source.at_once if isinstance(source, Parallel) else 0
        self._left = iter(parts)
        self._coming: deque[tuple[Part, _Coming]] = deque()
        self._read: _Coming | None = None
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        half_read = self._read is not None and not self._read.over
        if (self._coming or half_read) and isinstance(self._source, Parallel):
            self._source.give_up()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __iter__(self) -> Iterator[tuple[Part, Callable[[], "Pieces"]]]:
        """Each part, and how to wait for the first piece of its body; that raises what `fetch`
        raised. What is left of the body is removed when the next part is asked for. After `stop`
        only those that are on their way."""
        while True:
            self.begin()
            if not self._coming:
                return
            part, self._read = self._coming.popleft()
            yield part, partial(self._waited, self._read)
            shutil.rmtree(self._read.spool, ignore_errors=True)

    def _waited(self, coming: "_Coming") -> "Pieces":
        return Pieces(coming, self._follow)

    def _follow(self) -> None:
        self._begin(self._ahead)

    def begin(self) -> None:
        """Have parts on their way, as many as the source bears."""
        self._begin(max(1, self._ahead))

    def stop(self) -> None:
        """Begin no further part."""
        self._left = iter(())

    def _begin(self, many: int) -> None:
        while len(self._coming) < many and (part := next(self._left, None)) is not None:
            self._count += 1
            spool = self._folder / str(self._count)
            spool.mkdir(parents=True)
            coming = _Coming(self._source, part, spool)
            if self._ahead:
                coming.begin()
            self._coming.append((part, coming))


class Pieces:
    """A body, or its pieces in order, as they come; iterate it once. None: what came until then was
    of a body that broke off, and is worth nothing. Raises what `fetch` raised."""

    def __init__(self, coming: "_Coming", follow: Callable[[], None]) -> None:
        """Waits for the first one. `follow` is called when all has come: not earlier, or there
        would be one part too many on its way."""
        self._coming, self._follow = coming, follow
        self._first = coming.next()

    def __iter__(self) -> Iterator[Body | None]:
        piece = self._first
        while not isinstance(piece, End):
            if self._coming.over:
                self._follow()
            yield piece
            piece = self._coming.next()
        self._follow()

    def left(self) -> int | None:
        """How many pieces are there besides those that were had. None: more may come."""
        return self._coming.left()


class _Coming:
    """A body on its way."""

    def __init__(self, source: EventSource, part: Part, spool: Path) -> None:
        self.spool = spool
        self.over = False
        """whether all has come"""
        self._source, self._part = source, part
        self._pieces: SimpleQueue[Body | BaseException | End | None] = SimpleQueue()
        self._fetching = False

    def begin(self) -> None:
        """Fetch it in a thread."""
        self._fetching = True
        # Not one of a pool's threads: the process would wait for those before it ends.
        Thread(target=self._fetch, name="gatepost fetch", daemon=True).start()

    def next(self) -> Body | End | None:
        """Waits for it. Raises what `fetch` raised."""
        if not self._fetching and not self.over:
            self._fetch()
        piece = self._pieces.get()
        if isinstance(piece, BaseException):
            raise piece
        return piece

    def left(self) -> int | None:
        """See `Pieces`."""
        return max(0, self._pieces.qsize() - 1) if self.over else None

    def _fetch(self) -> None:
        put = self._pieces.put
        try:
            if self._fetching and isinstance(self._source, Piecemeal):
                self._source.fetch_pieces(self._part, self.spool, put, partial(put, None))
                self.over = True
            else:
                body = self._source.fetch(self._part, self.spool)
                self.over = True
                put(body)
            put(End())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self.over = True
            put(error)
