"""A body on this machine's disk, in pieces of whole lines that can be read while the rest comes."""

from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple


class Mark(NamedTuple):
    """How far a body had come."""

    pieces: int
    size: int  # of the last of them, in bytes
    lines: int


class Pieces:
    """The body of one part. Each piece is handed on as soon as it is complete; once something had
    to be taken back, or after `hold`, only when the whole body is there."""

    def __init__(
        self,
        folder: Path,
        name: str,
        largest: int,
        hand_on: Callable[[Path, int | None], None],
        take_back: Callable[[], None],
    ) -> None:
        """`largest`: bytes of a piece, but for its last line. `hand_on` gets a piece's path and the
        number of its first line, None if it is the whole body; the file is the other side's then.
        `take_back` says that all that was handed on is worth nothing."""
        self._folder, self._name, self._largest = folder, name, largest
        self._hand_on, self._take_back = hand_on, take_back
        self._waiting: list[tuple[Path, int]] = []  # not handed on; the last may be open
        self._file: IO[bytes] | None = None
        self._begun = self._handed = self._size = self._lines = 0
        self._held = False

    def write(self, data: bytes, whole: int, lines: int) -> None:
        """Append `data`, in which so many lines end, the last of them behind `whole` bytes."""
        ends = bool(whole) and self._size + whole >= self._largest
        self._append(data[:whole] if ends else data)
        self._lines += lines
        if ends:
            self._close()
            if whole < len(data):
                self._append(data[whole:])

    def mark(self) -> Mark:
        """Where the body is now."""
        return Mark(len(self._waiting), self._size, self._lines)

    def hold(self) -> None:
        """Hand on nothing more before the end."""
        self._held = True

    def back_to(self, mark: Mark) -> None:
        """Forget what came since. Once something was handed on, only the beginning can be meant."""
        if self._handed:
            self._take_back()
            self._handed = 0
            self._held = True
        self._end()
        for path, _ in self._waiting[mark.pieces :]:
            path.unlink(missing_ok=True)
        del self._waiting[mark.pieces :]
        self._size, self._lines = mark.size, mark.lines
        if self._waiting:
            self._file = self._waiting[-1][0].open("r+b")
            self._file.truncate(self._size)
            self._file.seek(self._size)

    def finish(self) -> None:
        """Hand on what was not yet. A body has at least one piece, which may be empty."""
        if not self._begun:
            self._begin()
        if not self._handed and len(self._waiting) == 1:
            self._end()
            self._hand_on(self._waiting[0][0], None)
        else:
            self._held = False
            self._close()

    def drop(self) -> None:
        """Remove what was not handed on."""
        self._held = True
        self._end()
        for path, _ in self._waiting:
            path.unlink(missing_ok=True)

    def _begin(self) -> None:
        self._begun += 1
        path = self._folder / f"{self._name}.{self._begun}.jsonl"
        self._file = path.open("wb")
        self._waiting.append((path, self._lines + 1))
        self._size = 0

    def _append(self, data: bytes) -> None:
        if self._file is None:
            self._begin()
            assert self._file is not None
        self._file.write(data)
        self._size += len(data)

    def _close(self) -> None:
        self._end()
        if not self._held:
            for path, first_line in self._waiting:
                self._hand_on(path, first_line)
            self._handed += len(self._waiting)
            self._waiting = []
            self._size = 0

    def _end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
