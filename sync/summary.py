"""What a run came to, in figures: for the screen, for `runs`, and for whoever watches."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sync.fields import Unreadable
from sync.identity import MatchReport


@dataclass
class SourceSummary:
    """One source of events in this run: what was pulled anew, and what of it found its account."""

    name: str
    pulled: int = 0
    rejected: int = 0
    duplicates: int = 0
    no_key: int = 0
    match: MatchReport | None = None


@dataclass
class RunSummary:
    """Filled in as the steps of a run are taken."""

    accounts: int = 0
    accounts_changed: int = 0
    accounts_gone: int = 0
    sources: list[SourceSummary] = field(default_factory=list)
    doubled: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, Unreadable] = field(default_factory=dict)
    travelling: dict[str, int] = field(default_factory=dict)
    replayed: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    brakes: list[str] = field(default_factory=list)
    """the brakes that were pulled, overridden ones included"""
    counting: Callable[[], dict[str, dict[str, int | None]]] = dict
    """asked for `requests`: connection → how many were `sent` by this run, and are `left`"""

    def to_json(self) -> dict[str, Any]:
        """As JSON-ready data, account ids and keys left out: it is kept for long."""
        plain = asdict(replace(self, counting=dict))
        del plain["counting"]
        plain["requests"] = self.counting()
        plain["doubled"] = len(self.doubled)
        plain["unreadable"] = {name: found.accounts for name, found in self.unreadable.items()}
        plain["sources"] = [
            {
                "name": one.name, "pulled": one.pulled, "rejected": one.rejected,
                "duplicates": one.duplicates, "no_key": one.no_key,
                "matched_share": one.match.share if one.match else None,
            }
            for one in self.sources
        ]  # fmt: skip
        return plain
