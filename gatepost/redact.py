"""Secrets out of what is printed or logged, whatever put them there."""

import os
from collections.abc import Iterator
from pathlib import Path

MASK = "***"
_KINDS = ("SECRET", "TOKEN", "PASSWORD", "KEY")
_SHORTEST = 6
"""What is shorter is no secret worth the name, and would mask parts of words."""


def redacted(text: str) -> str:
    """`text` without the secrets that the environment and the secrets folder hold now."""
    found = {spelled for secret in _secrets() for spelled in _spellings(secret)}
    for spelled in sorted(found, key=len, reverse=True):
        text = text.replace(spelled, MASK)
    return text


def _secrets() -> Iterator[str]:
    for name, value in os.environ.items():
        if name.upper().startswith("GATEPOST_") and name.upper().endswith(_KINDS):
            yield value
    folder = os.environ.get("GATEPOST_SECRETS_DIR")
    for path in Path(folder).glob("*") if folder else ():
        if path.name.upper().endswith(_KINDS):
            try:
                yield path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                continue  # what cannot be read has not been used either


def _spellings(secret: str) -> Iterator[str]:
    """As it is, and as Python quotes it; the lines of a key one by one, as they may be wrapped."""
    for text in (secret.strip(), *(line.strip() for line in secret.splitlines())):
        if len(text) >= _SHORTEST:
            yield text
            yield repr(text)[1:-1]
