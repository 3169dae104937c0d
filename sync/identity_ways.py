"""Which account each key of a source means, where events find their accounts in several ways.

The lake keeps for each event all that its entry's properties say (pull_reading). Here every
distinct such key is looked up once, way after way; the first way that gives an account wins. So the
engine joins by one table as ever, and another CRM value or map file needs no new pull.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from config.account_key import ID, AccountKey
from config.key_maps import read_key_map
from config.mapping_file import EventsEntry
from sync.domains import as_domain, domains_of_sites, is_free_mail, with_parents
from sync.fields import FieldTable
from sync.identity import AccountKeys, Doubled, account_keys, key_texts
from sync.pull_reading import candidates

_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


@dataclass(frozen=True, slots=True)
class WayKeys:
    """What one way knows: each key's account (position in FieldTable.accounts)."""

    way: AccountKey
    owners: Mapping[str, int]
    doubled: Mapping[str, tuple[str, ...]]  # keys that several accounts share, with their ids

    def find(self, texts: Iterable[str]) -> set[int]:
        """The accounts that an event means by this way; `texts` is all that it says."""
        found = (self._one(text) for text in texts)
        return {account for account in found if account is not None}

    def shared(self, texts: Iterable[str]) -> set[str]:
        """The doubled keys among what an event says: but for them it might mean an account."""
        if not self.way.email:
            return {text for text in texts if text in self.doubled}
        return {one for text in texts for one in self._telling(text) if one in self.doubled}

    def _one(self, text: str) -> int | None:
        if not self.way.email:
            return self.owners.get(text)
        for domain in self._telling(text):
            if domain in self.doubled:
                return None
            if domain in self.owners:
                return self.owners[domain]
        return None

    def _telling(self, text: str) -> Iterator[str]:
        """The domain and its parents as far as they tell something."""
        for domain in with_parents(as_domain(text)):
            if _tells_nothing(domain, self.way):
                return
            yield domain


def entry_keys(
    table: FieldTable,
    entry: EventsEntry,
    selected: Iterable[int] | None,
    folder: Path,
    distinct: Callable[[], Sequence[str]],
) -> AccountKeys:
    """The keys of an entry's source as of the table's day. `selected`: as in `account_keys`.

    `folder` is the project's, for map files; `distinct` gives the keys that the lake has of the
    source, and is asked only where an entry has several ways. FixConfig if a map file is bad.
    """
    one = entry.account
    several = len(entry.ways) > 1 or one.email is not None
    if not several and one.equals is not None and not (one.equals == ID and entry.object is None):
        return account_keys(table, one.equals, selected)
    ways = ways_of(table, entry, selected, folder)
    if several:
        return _resolved(table, entry, ways, distinct())
    owners = ways[0].owners
    return AccountKeys(
        np.fromiter(owners.values(), np.int32, len(owners)),
        np.array(list(owners), dtype=object),
        _doubled(ways),
    )


def ways_of(
    table: FieldTable, entry: EventsEntry, selected: Iterable[int] | None, folder: Path
) -> list[WayKeys]:
    """What each way of an entry knows, in their order."""
    chosen = range(len(table.accounts)) if selected is None else sorted(map(int, selected))
    return [_way_keys(table, way, chosen, folder, entry) for way in entry.ways]


def _way_keys(
    table: FieldTable, way: AccountKey, chosen: Sequence[int], folder: Path, entry: EventsEntry
) -> WayKeys:
    owners: dict[str, set[int]] = {}
    for key, account_no in _pairs(table, way, chosen, folder):
        owners.setdefault(key, set()).add(account_no)
    if way.equals == ID and entry.object is None:
        for key, account_no in _other_lengths(owners):
            owners.setdefault(key, {account_no})
    return WayKeys(
        way,
        {key: min(accounts) for key, accounts in owners.items() if len(accounts) == 1},
        {
            key: tuple(table.accounts[account_no] for account_no in sorted(accounts))
            for key, accounts in owners.items()
            if len(accounts) > 1
        },
    )


def _pairs(
    table: FieldTable, way: AccountKey, chosen: Sequence[int], folder: Path
) -> Iterator[tuple[str, int]]:
    """Keys and the accounts that have them."""
    if way.map is not None:
        by_id = _by_id(table, chosen)
        by_id = {key: {number} for key, number in _other_lengths(by_id)} | by_id
        for text, account in read_key_map(folder, way.map):
            for key in domains_of_sites(text) if way.email else [text]:
                if account in by_id and not _tells_nothing(key, way):
                    yield key, min(by_id[account])
        return
    texts = key_texts(table, str(way.equals))
    for account_no in chosen:
        text = texts[account_no] or ""
        for key in domains_of_sites(text) if way.email else [text]:
            if key and not _tells_nothing(key, way):
                yield key, account_no
    if way.equals == ID:  # what happened to an account that was merged into another is the other's
        for key, numbers in _by_id(table, chosen).items():
            if key in table.merged:
                yield key, min(numbers)


def _by_id(table: FieldTable, chosen: Sequence[int]) -> dict[str, set[int]]:
    """Accounts by id, and by the ids of those that were merged into them."""
    found = {table.accounts[account_no]: {account_no} for account_no in chosen}
    for one, master in table.merged.items():
        if master in found:
            found.setdefault(one, found[master])
    return found


def _tells_nothing(domain: str, way: AccountKey) -> bool:
    return way.email is not None and (is_free_mail(domain) or domain in way.except_)


def _other_lengths(owners: Mapping[str, set[int]]) -> Iterator[tuple[str, int]]:
    """Salesforce's ids of 18 characters as those of 15, and the other way round."""
    for key, accounts in list(owners.items()):
        if len(accounts) == 1 and len(key) in (15, 18) and key.isascii() and key.isalnum():
            long = key[:15] + _check(key[:15])
            if len(key) == 15 or key == long:
                yield (long if len(key) == 15 else key[:15]), min(accounts)


def _check(short: str) -> str:
    """The three characters that tell ids apart where case does not count."""
    return "".join(
        _SUFFIX[sum(short[start + bit].isupper() << bit for bit in range(5))]
        for start in (0, 5, 10)
    )


def places_of(entry: EventsEntry) -> list[int]:
    """For each way the place of what it looks at within a key of several ways."""
    places = candidates(entry)
    return [places.index((way.property, way.email is not None)) for way in entry.ways]


def said(key: str, properties: int) -> list[list[str]]:
    """What a key of several ways holds: the texts of each property, [] where it has none. A key
    from before the entry had several ways says nothing."""
    try:
        lists: Any = json.loads(key)
    except ValueError:
        lists = None
    if not isinstance(lists, list) or len(lists) != properties:
        return [[] for _ in range(properties)]
    return [one if isinstance(one, list) else [] for one in lists]


def _resolved(
    table: FieldTable, entry: EventsEntry, ways: Sequence[WayKeys], keys: Iterable[str]
) -> AccountKeys:
    places, at = len(candidates(entry)), places_of(entry)
    numbers: list[int] = []
    texts: list[str] = []
    by_way: list[int] = []
    shared: list[str] = []
    for key in sorted(keys):
        lists = said(key, places)
        for number, way in enumerate(ways):
            found = way.find(lists[at[number]])
            if found:
                numbers += sorted(found)
                texts += [key] * len(found)
                by_way += [number] * len(found)
                break
        else:
            if any(way.shared(lists[at[number]]) for number, way in enumerate(ways)):
                shared.append(key)
    reached = {number for way in ways for number in way.owners.values()}
    return AccountKeys(
        np.array(numbers, dtype=np.int32),
        np.array(texts, dtype=object),
        _doubled(ways),
        way=np.array(by_way, dtype=np.uint8),
        shared=tuple(shared),
        reached=frozenset(table.accounts[number] for number in reached),
    )


def _doubled(ways: Sequence[WayKeys]) -> tuple[Doubled, ...]:
    return tuple(
        Doubled(key, accounts, way.way.text())
        for way in ways
        for key, accounts in sorted(way.doubled.items())
    )
