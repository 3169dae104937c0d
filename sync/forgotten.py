"""Whom to leave out of every pull: hashes of what `gatepost forget` removed, and no name.

A person who was removed here is still in the CRM and in the product analytics. Without this list
the next pull would bring them back.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sync.quoting import literal, quoted
from sync.state import State, instant_text

ACCOUNT, USER = "account", "user"
SALT = "forget_salt"
"""The setting that holds it, so that nobody can look a name up in somebody else's table."""

# Addresses within a longer text, as people write them: "Ann <ann@acme.example>".
_ADDRESS = r"""[^\s<>,;:"'()\[\]{}]+@[^\s<>,;:"'()\[\]{}]+"""


def key_kind(source: str) -> str:
    """The kind of an account key of a source of events."""
    return f"key {source}"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The list, by kind. Asking it costs a hash, so ask only if it is not empty."""

    salt: str
    hashes: Mapping[str, frozenset[str]]

    def __bool__(self) -> bool:
        return bool(self.hashes)

    def knows(self, kind: str, text: str) -> bool:
        """Whether this was forgotten."""
        return kind in self.hashes and hashed(self.salt, kind, text) in self.hashes[kind]

    def names_someone(self, value: object) -> bool:
        """Whether a field's value is a forgotten user, or holds one's address."""
        if not isinstance(value, str) or USER not in self.hashes:
            return False
        words = re.findall(_ADDRESS, value) if "@" in value else []
        return any(self.knows(USER, word) for word in (value, *words))

    def take_out(self, table: str, source: str, properties: Iterable[str]) -> list[str]:
        """Statements of the engine that take all of them out of a table of pulled events: rows that
        are theirs go, and kept properties (`p.N`, `k.N`) that name them become NULL."""
        statements = [
            f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM (SELECT DISTINCT {column}"
            f" AS value FROM {table}) WHERE {self._among(kind, 'value')})"
            for kind, column in ((key_kind(source), "account_key"), (USER, '"user"'))
            if kind in self.hashes
        ]
        if USER in self.hashes:
            for name in properties:
                text, kind = quoted(f"p.{name}"), quoted(f"k.{name}")
                words = f"list_append(regexp_extract_all({text}, {literal(_ADDRESS)}), {text})"
                found = f"list_filter({words}, lambda word: {self._among(USER, 'word')})"
                statements.append(
                    f"UPDATE {table} SET {text} = NULL, {kind} = NULL"
                    f" WHERE {text} IS NOT NULL AND len({found}) > 0"
                )
        return statements

    def _among(self, kind: str, text: str) -> str:
        listed = ", ".join(map(literal, sorted(self.hashes[kind])))
        salted = f"concat({literal(self.salt)}, chr(10), {literal(kind)}, chr(10), {text})"
        # concat passes over NULL, and nobody is called that
        return f"({text} IS NOT NULL AND sha256({salted}) IN ({listed}))"


NOBODY = Forgotten("", {})


def hashed(salt: str, kind: str, text: str) -> str:
    """SHA-256 as hexadecimal digits; the engine's own gives the same."""
    return hashlib.sha256(f"{salt}\n{kind}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()


def load_forgotten(state: State) -> Forgotten:
    """The list as it is now."""
    found: dict[str, set[str]] = {}
    for kind, digest in state.rows("SELECT kind, hash FROM forgotten"):
        found.setdefault(str(kind), set()).add(str(digest))
    if not found:
        return NOBODY
    return Forgotten(state.setting(SALT) or "", {k: frozenset(v) for k, v in found.items()})


def remember_forgotten(state: State, what: Mapping[str, Iterable[str]], now: datetime) -> None:
    """Put texts on the list, by kind. Safe to repeat."""
    with state.transaction() as connection:
        salt = state.setting(SALT)
        if salt is None:
            salt = secrets.token_hex(16)
            state.set_setting(SALT, salt)
        connection.executemany(
            "INSERT OR IGNORE INTO forgotten (kind, hash, forgotten_at) VALUES (?, ?, ?)",
            [
                (kind, hashed(salt, kind, text), instant_text(now))
                for kind, texts in what.items()
                for text in texts
            ],
        )
