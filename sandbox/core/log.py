"""What was asked of the sandbox, for tests that count and people who look."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

_KEPT_ENTRIES = 20_000
_KEPT_BODY_BYTES = 65_536


@dataclass
class Entry:
    """One request. `body` is text, cut at 64 KiB; forms of the token endpoints are left out."""

    number: int
    at: str  # the sandbox's clock, ISO
    vendor: str
    route: str
    method: str
    path: str
    query: dict[str, list[str]]
    status: int
    request_bytes: int
    fault: str
    notes: dict[str, Any]
    body: str


class RequestLog:
    """The last 20,000 requests whole, and counts of all of them."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._entries: deque[Entry] = deque(maxlen=_KEPT_ENTRIES)
        self._counts: Counter[tuple[str, str]] = Counter()

    def next_number(self) -> int:
        return next(self._numbers)

    def add(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._counts[entry.vendor, entry.route] += 1

    def clear(self) -> None:
        self._entries.clear()
        self._counts.clear()

    def counts(self) -> dict[str, dict[str, int]]:
        """Calls by vendor and route, refused ones included."""
        found: dict[str, dict[str, int]] = {}
        for (vendor, route), number in sorted(self._counts.items()):
            found.setdefault(vendor, {})[route] = number
        return found

    def entries(self, vendor: str = "", route: str = "", limit: int = 1000) -> list[dict[str, Any]]:
        """The last `limit` entries, oldest first."""
        chosen = [
            entry
            for entry in self._entries
            if (not vendor or entry.vendor == vendor) and (not route or entry.route == route)
        ]
        return [asdict(entry) for entry in chosen[-limit:]]


def body_text(body: bytes) -> str:
    """A request's body for the log, cut at 64 KiB."""
    return body[:_KEPT_BODY_BYTES].decode("utf-8", "replace")
