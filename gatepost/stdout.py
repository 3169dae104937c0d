"""Stdout that tells its own failures from those of other files."""

import io
from typing import Any, TextIO


class ResultLostError(OSError):
    """What was to be printed cannot be written: a full disk behind `>`, and the like."""


class _Raw(io.FileIO):
    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:  # whoever read it has left, which is no failure
            raise
        except OSError as error:
            raise ResultLostError(error.errno, error.strerror) from error


def telling(stream: TextIO) -> TextIO:
    """The same stream, whose writes raise ResultLostError where they fail. Characters that it can't
    show become escapes: a name in a CRM may hold any, and an escape is better than an end."""
    if not isinstance(stream, io.TextIOWrapper):  # as tests have it
        return stream
    raw = _Raw(stream.fileno(), "w", closefd=False)
    # `python -u` means that nothing waits
    buffer: Any = raw if stream.write_through else io.BufferedWriter(raw)
    return io.TextIOWrapper(
        buffer, stream.encoding, "backslashreplace",
        line_buffering=stream.line_buffering, write_through=stream.write_through,
    )  # fmt: skip
