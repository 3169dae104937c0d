"""Files that people ask for: whole or not at all."""

import contextlib
import os
from pathlib import Path

from config.errors import GatepostError, UsageError


def save_text(path: Path, text: str) -> None:
    """Write `text` to `path`, replacing what is there, and where it is a link, what that leads to.
    What is no file (a device, a pipe) is written into. GatepostError, in words, if it can't."""
    try:
        target = Path(os.path.realpath(path))
        if target.exists() and not target.is_file():
            target.write_text(text, encoding="utf-8")
            return
        partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(target)
        except OSError:
            with contextlib.suppress(OSError):
                partial.unlink()
            raise
    except OSError as error:
        raise GatepostError(f"{path} cannot be written: {error.strerror}") from error


def read_text(path: Path) -> str:
    """The text of a file that someone named. UsageError with a sentence if it can't be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no text file") from error
