"""Files that people ask for: whole or not at all."""

import os
from pathlib import Path

from config.errors import GatepostError, UsageError


def save_text(path: Path, text: str) -> None:
    """Write `text` to `path`, replacing what is there. GatepostError, in words, if it can't."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise GatepostError(f"{path} cannot be written: {error.strerror}") from error


def read_text(path: Path) -> str:
    """The text of a file that someone named. UsageError with a sentence if it can't be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no text file") from error
