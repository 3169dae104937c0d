"""Record ids: 15 characters that mind their case, 18 that do not."""

from __future__ import annotations

import re

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHAPE = re.compile(r"[0-9A-Za-z]{15}(?:[A-Z0-5]{3})?")
_POD = "Gp0"


def make_id(prefix: str, number: int) -> str:
    """The 18-character id of the n-th record of the object that `prefix` stands for."""
    tail = ""
    while number or not tail:
        number, digit = divmod(number, len(_DIGITS))
        tail = _DIGITS[digit] + tail
    return to_18(prefix + _POD + tail.rjust(9, "0"))


def to_18(short: str) -> str:
    """Each of three characters says which of five are capital letters."""
    checks = ""
    for start in (0, 5, 10):
        group = short[start : start + 5]
        checks += _CHECKS[sum(1 << i for i, c in enumerate(group) if "A" <= c <= "Z")]
    return short + checks


def normal(text: object) -> str | None:
    """The 18-character form, or None for what is no id. A wrong case in 18 is not repaired."""
    if not isinstance(text, str) or not _SHAPE.fullmatch(text):
        return None
    return to_18(text[:15])
