"""What to look for when somebody is to be forgotten, and where it would be somebody else's.

An id, an address or a name is looked for as a word: not within a longer one, in any case, also as
JSON spells it. A word that says more than one thing (a name that stands in another account's
fields or in the project's files, something very short) counts only where it names this one.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

SHORTEST, SHORTEST_NUMBER = 5, 8
"""characters; what is shorter stands everywhere by chance"""

NAMING = frozenset({"account", "account_id", "account_key", "id", "name", "user", "key"})
"""JSON keys and columns whose whole value names an account or a person."""

_WORD = r"0-9A-Za-z_\x80-\xff"


@dataclass(frozen=True)
class Terms:
    """`plain` are looked for everywhere, `doubtful` only where they are a name's whole value."""

    plain: frozenset[str]
    doubtful: frozenset[str] = field(default_factory=frozenset)

    @property
    def all(self) -> frozenset[str]:
        """Both kinds."""
        return self.plain | self.doubtful

    @cached_property
    def pattern(self) -> re.Pattern[bytes] | None:
        """Finds plain terms in bytes; None if there are none."""
        spelled = sorted({form for term in self.plain for form in spellings(term)}, key=len)
        if not spelled:
            return None
        either = b"|".join(re.escape(form) for form in reversed(spelled))
        boundary = _WORD.encode("latin-1")
        # nor what stands behind a decimal point
        before, after = b"(?<![" + boundary + b"])(?<![0-9]\\.)(?:", b")(?![" + boundary + b"])"
        return re.compile(before + either + after, re.IGNORECASE)

    def within(self, text: str) -> bool:
        """Whether a text holds a plain term."""
        data = text.encode("utf-8", "surrogatepass")
        return self.pattern is not None and self.pattern.search(data) is not None

    def named_by(self, value: Any, key: str = "") -> bool:
        """Whether JSON data (or a cell, under its column's name) holds a plain term anywhere or a
        doubtful one where it names something."""
        if isinstance(value, dict):
            return any(self.within(k) or self.named_by(v, k) for k, v in value.items())
        if isinstance(value, list):
            return any(self.named_by(one, key) for one in value)
        if value is None or isinstance(value, bool):
            return False
        text = str(value)
        return (key in NAMING and text in self.doubtful) or self.within(text)

    def in_cell(self, column: str, cell: object) -> bool:
        """The same for a cell of the state file, which may hold JSON."""
        if isinstance(cell, bytes):
            return self.pattern is not None and self.pattern.search(cell) is not None
        if isinstance(cell, str) and cell[:1] in ("{", "["):
            try:
                return self.named_by(json.loads(cell), column)
            except ValueError:
                pass
        return self.named_by(cell, column)

    def scrubbed(self, text: str, instead: str = "(forgotten)") -> str:
        """A text without plain terms."""
        if self.pattern is None:
            return text
        data = text.encode("utf-8", "surrogatepass")
        return self.pattern.sub(instead.encode(), data).decode("utf-8", "surrogatepass")

    def regex(self) -> str | None:
        """The pattern for the engine, whose words are those of Unicode; None if there is none."""
        if not self.plain:
            return None
        either = "|".join(sorted((_escaped(term) for term in self.plain), key=len, reverse=True))
        return rf"(?i)(^|[^\pL\pN_])({either})($|[^\pL\pN_])"


def spellings(term: str) -> set[bytes]:
    """As UTF-8, as JSON with and without escapes, and as arrays of characters have it."""
    return {
        term.encode("utf-8", "surrogatepass"),
        json.dumps(term)[1:-1].encode(),
        json.dumps(term, ensure_ascii=False)[1:-1].encode("utf-8", "surrogatepass"),
        term.encode("utf-16-le", "surrogatepass"),
        term.encode("utf-32-le", "surrogatepass"),
    }


def told_apart(terms: Iterable[str], others: Iterable[str], files: Iterable[str]) -> Terms:
    """Sort terms into plain and doubtful ones. `files`: texts of the project. `others`: the data of
    other accounts, where an address is still that of the one person."""
    wanted = frozenset(term for term in terms if term)
    plain = {
        term for term in wanted if len(term) >= (SHORTEST_NUMBER if term.isdigit() else SHORTEST)
    }
    for text in files:
        plain = {term for term in plain if not Terms(frozenset({term})).within(text)}
    own = {term: Terms(frozenset({term})) for term in plain if "@" not in term}
    for text in others:
        for term in [term for term, one in own.items() if one.within(text)]:
            plain.discard(term)
            del own[term]
    return Terms(frozenset(plain), wanted - plain)


def _escaped(term: str) -> str:
    """For the engine's regular expressions."""
    return "".join(sign if sign.isalnum() else f"\\x{{{ord(sign):x}}}" for sign in term)
