"""The bodies of parts, one after the other, while the next ones are on their way already.

Only a source that says so is asked for several parts at once, or for a body in pieces that are read
while the rest comes. Bodies come out in the order of the parts, however they came in; besides the
one that is being read no more than `at_once` of them lie on the disk.
"""

import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Self

from connectors.base import Body, EventSource, Parallel, Part, Piecemeal

Pieces = Iterator[Body | None]
"""A body, or its pieces in order, as they come. None: what came until then was of a body that broke
off, and is worth nothing. Raises what `fetch` raised."""

Wait = Callable[[], Pieces]
"""Waits for the first piece of a body; raises as `Pieces`."""


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

    def __iter__(self) -> Iterator[tuple[Part, Wait]]:
        """Each part, and how to wait for its body, which is removed when the next one is asked for.
        After `stop` only those that are on their way."""
        while True:
            self._begin(max(1, self._ahead))
            if not self._coming:
                return
            part, self._read = self._coming.popleft()
            yield part, partial(self._waited, self._read)
            shutil.rmtree(self._read.spool, ignore_errors=True)

    def _waited(self, coming: "_Coming") -> Pieces:
        pieces = self._pieces(coming)
        return chain([next(pieces)], pieces)

    def _pieces(self, coming: "_Coming") -> Pieces:
        for piece in coming:
            if coming.over:  # not earlier, or there would be one too many at once
                self._begin(self._ahead)
            yield piece
        self._begin(self._ahead)

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


class _Coming:
    """A body on its way. Iterate it once."""

    def __init__(self, source: EventSource, part: Part, spool: Path) -> None:
        self.spool = spool
        self.over = False
        """whether nothing more is to come"""
        self._source, self._part = source, part
        self._pieces: SimpleQueue[Body | BaseException | _End | None] = SimpleQueue()
        self._fetching = False

    def begin(self) -> None:
        """Fetch it in a thread."""
        self._fetching = True
        # Not one of a pool's threads: the process would wait for those before it ends.
        Thread(target=self._fetch, name="gatepost fetch", daemon=True).start()

    def __iter__(self) -> Pieces:
        if not self._fetching:
            self._fetch()
        while not isinstance(piece := self._pieces.get(), _End):
            if isinstance(piece, BaseException):
                raise piece
            yield piece

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
            put(_End())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self.over = True
            put(error)


class _End:
    """What comes last: the body is whole."""
