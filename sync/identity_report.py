"""What finds what: events without an account, accounts without events, keys that are doubled.

Answered from the lake and the state alone. All of the lake counts, whatever its day; fields and
keys are those of the day that the cycle looks at.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from config.mapping_file import EventsEntry
from mapping.vector import Array
from sync.accounts import customers_of
from sync.cycle import Cycle
from sync.fields import FieldTable
from sync.identity import told
from sync.identity_ways import WayKeys, entry_keys, places_of, said, ways_of
from sync.lake import register_events
from sync.quoting import literal

EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class WayCount:
    """One way: how many keys of accounts it knows, and the events that it found an account for."""

    way: str
    keys: int
    events: int


@dataclass(frozen=True, slots=True)
class EventCount:
    """One event's rows: all that carry a key, those that found an account, those without a key."""

    event: str
    events: int
    matched: int
    no_key: int


@dataclass(frozen=True, slots=True)
class Stranger:
    """A key that no account has, and what there is that is like it, in words."""

    key: str
    events: int
    hint: str


@dataclass(frozen=True, slots=True)
class SharedKey:
    """A key that several accounts have, so that it means none of them."""

    key: str
    way: str
    accounts: tuple[str, ...]
    events: int
    """that carry it and found no account"""


@dataclass(frozen=True, slots=True)
class Silent:
    """An account that no event of the source means, and the first key that would."""

    account: str
    name: str
    key: str | None


@dataclass(frozen=True, slots=True)
class SourceIdentity:
    """One entry of `events`. Examples are at most EXAMPLES, the most important first."""

    source: str
    product: bool
    accounts: int
    """that `accounts.where` lets through"""
    ways: tuple[WayCount, ...]
    by_event: tuple[EventCount, ...]
    strangers: tuple[Stranger, ...]
    stranger_keys: int
    stranger_events: int
    silent: tuple[Silent, ...]
    silent_accounts: int
    doubled: tuple[SharedKey, ...]
    """all of them, the most events first"""

    def total(self, of: Callable[[EventCount], int]) -> int:
        """A figure summed over all event names."""
        return sum(of(one) for one in self.by_event)


def identity(cycle: Cycle) -> list[SourceIdentity]:
    """Every source of the project, in the mapping's order. Pulls as the cycle is told to."""
    cycle.pull()
    journey = cycle.journeys[0]
    table, _, customers = customers_of(
        cycle.project, cycle.state, journey.journey.timezone, cycle.day(journey)
    )
    return [
        _Source(cycle, table, customers, entry).report() for entry in cycle.project.mapping.events
    ]


class _Source:
    """One entry on its way to a report."""

    def __init__(
        self, cycle: Cycle, table: FieldTable, customers: Array, entry: EventsEntry
    ) -> None:
        self._cycle, self._table, self._entry = cycle, table, entry
        self._customers: list[int] = customers.tolist()
        folder, self._rows = cycle.project.folder, cycle.engine.rows
        register_events(cycle.engine, "source_events", cycle.lake.files(entry.name), ())
        self._ways = ways_of(table, entry, self._customers, folder)
        self._keys = entry_keys(table, entry, self._customers, folder, self._distinct)
        self._several, self._places = self._keys.way is not None, places_of(entry)
        cycle.engine.register("source_keys", self._keys.columns())
        cycle.engine.register("source_known", self._keys.known_columns())

    def _distinct(self) -> list[str]:
        rows = self._rows("SELECT DISTINCT account_key FROM source_events")
        return [str(key) for (key,) in rows]

    def report(self) -> SourceIdentity:
        strangers, keys, events = self._strangers()
        silent = self._silent()
        return SourceIdentity(
            self._entry.name, self._entry.object is None, len(self._customers),
            tuple(self._by_way()), tuple(self._by_event()), strangers, keys, events,
            tuple(silent[:EXAMPLES]), len(silent), tuple(self._doubled()),
        )  # fmt: skip

    def _by_event(self) -> Iterator[EventCount]:
        no_key: Counter[str] = Counter()
        for (text,) in self._cycle.state.rows(
            "SELECT no_key_events FROM lake_parts WHERE source = ?", (self._entry.name,)
        ):
            no_key.update(json.loads(str(text)) if text else {})
        rows = self._rows(
            "SELECT event, count(*), count(account_no) FROM source_events"
            " LEFT JOIN source_keys USING (account_key) GROUP BY event"
        )
        found = {event: (events, matched) for event, events, matched in rows}
        for event in sorted({*found, *no_key}):
            yield EventCount(event, *found.get(event, (0, 0)), no_key[event])

    def _by_way(self) -> Iterator[WayCount]:
        counts, found = self._found, Counter[int]()
        if self._keys.way is not None:
            number = dict(
                zip(self._keys.account_key.tolist(), self._keys.way.tolist(), strict=True)
            )
            for key, way in number.items():
                found[way] += counts.get(key, 0)
        else:
            found[0] = sum(counts.values())
        for place, way in enumerate(self._ways):
            yield WayCount(way.way.text(), len(way.owners), found[place])

    @cached_property
    def _found(self) -> Mapping[str, int]:
        """Events of each key that some account has."""
        return dict(
            self._rows(
                "SELECT account_key, count(*) FROM source_events"
                " SEMI JOIN source_keys USING (account_key) GROUP BY account_key"
            )
        )

    def _strangers(self) -> tuple[tuple[Stranger, ...], int, int]:
        grouped = (
            "SELECT account_key, count(*) AS events FROM source_events"
            " ANTI JOIN source_known USING (account_key) GROUP BY account_key"
        )
        [(keys, events)] = self._rows(f"SELECT count(*), sum(events) FROM ({grouped})")
        rows = self._rows(f"{grouped} ORDER BY events DESC, account_key LIMIT {EXAMPLES}")
        hints = self._hints() if rows else []
        shown = tuple(
            Stranger(told(key) if self._several else key, count, self._hint(key, hints))
            for key, count in rows
        )
        return shown, keys, events or 0

    def _hints(self) -> list[tuple[str, Mapping[str, int]]]:
        """What a key may be like: a sentence about a record, and records by folded text. The
        likeliest first."""
        customers, folder = set(self._customers), self._cycle.project.folder
        others = [one for one in range(len(self._table.accounts)) if one not in customers]
        left_out = ways_of(self._table, self._entry, others, folder)
        return [
            ("is left out by accounts.where", _owners(left_out)),
            ("has it written in another way", _owners(self._ways)),
            (
                "is called so",
                {_folded(self._table.names[one] or ""): one for one in self._customers},
            ),
        ]

    def _hint(self, key: str, hints: Iterable[tuple[str, Mapping[str, int]]]) -> str:
        texts = [_folded(text) for one in self._texts(key) for text in one]
        for sentence, numbers in hints:
            for text in texts:
                if text in numbers:
                    account, name = (
                        of[numbers[text]] for of in (self._table.accounts, self._table.names)
                    )
                    return f"{name} ({account}) {sentence}" if name else f"{account} {sentence}"
        return ""

    def _texts(self, key: str) -> list[list[str]]:
        """What a key says, property by property."""
        return said(key, max(self._places) + 1) if self._several else [[key]]

    def _silent(self) -> list[Silent]:
        counts = self._found
        pairs = zip(self._keys.account_no.tolist(), self._keys.account_key.tolist(), strict=True)
        heard = {number for number, key in pairs if counts.get(key)}
        first: dict[int, str] = {}
        for way in self._ways:
            for key, number in way.owners.items():
                first.setdefault(number, key)
        accounts, names = self._table.accounts, self._table.names
        return [
            Silent(accounts[number], names[number] or "", first.get(number))
            for number in self._customers
            if number not in heard
        ]

    def _doubled(self) -> list[SharedKey]:
        counts = self._shared_events()
        shared = [
            SharedKey(key, way.way.text(), accounts, counts[number, key])
            for number, way in enumerate(self._ways)
            for key, accounts in way.doubled.items()
        ]
        return sorted(shared, key=lambda one: (-one.events, one.way, one.key))

    def _shared_events(self) -> Counter[tuple[int, str]]:
        """Events without an account by each way's doubled keys."""
        keys = self._keys.shared if self._several else tuple(self._ways[0].doubled)
        found: Counter[tuple[int, str]] = Counter()
        if not keys:
            return found
        listed = ", ".join(literal(key) for key in keys)
        for key, events in self._rows(
            "SELECT account_key, count(*) FROM source_events"
            f" WHERE account_key IN ({listed}) GROUP BY account_key"
        ):
            lists = self._texts(key)
            for number, way in enumerate(self._ways):
                for one in way.shared(lists[self._places[number]]):
                    found[number, one] += events
        return found


def _owners(ways: Iterable[WayKeys]) -> dict[str, int]:
    return {_folded(key): number for way in ways for key, number in way.owners.items()}


def _folded(text: str) -> str:
    """What is left of a text when case, spaces and signs are not looked at; never nothing."""
    return "".join(char for char in text.casefold() if char.isalnum()) or text
