"""Secrets out of what is printed or logged, whatever put them there."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

MASK = "***"
_KINDS = ("SECRET", "TOKEN", "PASSWORD", "KEY", "WEBHOOK")
_SHORTEST = 6
"""What is shorter is no secret worth the name, and would mask parts of words."""


# What looks like a secret although we know of none: somebody else's, or one that was renewed.
_SHAPES = tuple(
    re.compile(shape)
    for shape in (
        r"(?i)(?<=\bbearer )[A-Za-z0-9+/=._!~-]{8,}",
        r"(?<=\b(?i:basic) )(?=\S*[A-Z0-9=])[A-Za-z0-9+/=]{8,}",
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?",  # a signed token (JWT)
        r"\b00D[A-Za-z0-9]{12,15}![A-Za-z0-9._]{8,}",  # a Salesforce session
        r"\bpat-[a-z]{2}\d-[0-9a-f-]{20,}",  # a HubSpot private app
        r"(?<=://hooks\.slack\.com/)[A-Za-z0-9/_-]+",
        r"(?<=://)[^/\s@]{1,200}:[^/\s@]{1,200}(?=@)",
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
        r"(?i)(?<=token=)[^&\s\"',;\\]{4,}",
        r"(?i)(?<=secret=)[^&\s\"',;\\]{4,}",
        r"(?i)(?<=password=)[^&\s\"',;\\]{4,}",
        r"(?i)(?<=assertion=)[^&\s\"',;\\]{4,}",
        r"(?i)(?<=\bsid=)[^&\s\"',;\\]{4,}",
    )
)
_E_MAIL = re.compile(r"[A-Za-z0-9._%+'-]+@(?=[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")


def redacted(text: str) -> str:
    """`text` without the secrets that the environment and the secrets folder hold now, and without
    what looks like one."""
    return Redactor()(text)


def redacted_values(value: Any) -> Any:
    """The same for every text in plain values: lists, and maps with their keys as they are."""
    hide = Redactor()

    def within(one: Any) -> Any:
        match one:
            case str():
                return hide(one)
            case dict():
                return {key: within(item) for key, item in one.items()}
            case list() | tuple():
                return [within(item) for item in one]
            case _:
                return one

    return within(value)


class Redactor:
    """Takes out what was secret when it was made, and what looks like a secret at any time.

    For whoever prints often: the secrets folder is read once. `e_mails` False: of an address only
    what follows the @ is left.
    """

    def __init__(self, *, e_mails: bool = True) -> None:
        found = {spelled for secret in _secrets() for spelled in _spellings(secret)}
        self._known = sorted(found, key=len, reverse=True)
        self._e_mails = e_mails

    def __call__(self, text: str) -> str:
        for spelled in self._known:
            text = text.replace(spelled, MASK)
        for shape in _SHAPES:
            text = shape.sub(MASK, text)
        return text if self._e_mails else _E_MAIL.sub(f"{MASK}@", text)


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
            yield json.dumps(text)[1:-1]
            yield quote(text, safe="")
