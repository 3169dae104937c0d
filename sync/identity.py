"""How events find their accounts: keys compared as text, and what came of it.

A key is an account's id or one of its fields, as of the last day. An empty key matches nothing. A
key that several accounts share matches none of them, and none of them is ever written: whose
events they are, nobody can say.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sync.fields import Array, FieldTable
from sync.quoting import quoted
from sync.state import State
from sync.typed import day_text, scalar_text

ID = "id"  # `equals: id` speaks of the record's own id
UNMATCHED_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Doubled:
    """A key that several accounts share, and their ids, sorted."""

    key: str
    accounts: tuple[str, ...]
    way: str = ""
    """which of several ways compares it, as its text has it"""


@dataclass(frozen=True, slots=True)
class AccountKeys:
    """Which account a key means: two parallel arrays.

    Where events find their account in one way, by account, and a key and an account come once.
    Where there are several ways (`way` is given), by key: an account has as many as events say,
    and a key that lists several accounts comes once for each of them.
    """

    account_no: Array  # int32, position in FieldTable.accounts
    account_key: Array  # text, never empty
    doubled: tuple[Doubled, ...]  # by way and key; none of these is in the arrays
    way: Array | None = None  # uint8, parallel: the number of the way that found the account
    shared: tuple[str, ...] = ()  # keys that find nobody, since what they say is doubled
    reached: frozenset[str] = frozenset()  # ids that a key which is not doubled leads to

    def columns(self) -> dict[str, Array]:
        """As a table for the engine, each key once: `account_no`, `account_key`."""
        if self.way is None:
            return {"account_no": self.account_no, "account_key": self.account_key}
        first = np.flatnonzero(np.append(True, self.account_key[1:] != self.account_key[:-1]))
        first = first[: len(self.account_key)]
        return {"account_no": self.account_no[first], "account_key": self.account_key[first]}

    def known_columns(self) -> dict[str, Array]:
        """As a table for the engine: `account_key`, every key that some account has, doubled ones
        included."""
        more = [one.key for one in self.doubled] if self.way is None else self.shared
        return {"account_key": np.concatenate([self.account_key, np.array(more, dtype=object)])}


@dataclass(frozen=True, slots=True)
class EventMatch:
    """How many of one event's rows carry a key, and how many found their account by it."""

    event: str
    events: int
    matched: int


@dataclass(frozen=True, slots=True)
class MatchReport:
    """What became of one source's events."""

    source: str
    by_event: tuple[EventMatch, ...]  # sorted by name
    unmatched: tuple[tuple[str, int], ...]  # key and events, most events first, at most 20
    unmatched_keys: int  # how many keys there are that matched nothing
    doubled: tuple[Doubled, ...]

    @property
    def events(self) -> int:
        """Events with a key."""
        return sum(one.events for one in self.by_event)

    @property
    def matched(self) -> int:
        """Events that found their account."""
        return sum(one.matched for one in self.by_event)

    @property
    def share(self) -> float | None:
        """Matched events among those with a key, 0 to 1; None without any."""
        return self.matched / self.events if self.events else None


def account_keys(
    table: FieldTable, equals: str, selected: Iterable[int] | None = None
) -> AccountKeys:
    """The keys of the accounts in `selected` (positions after `accounts.where`; None: all)."""
    chosen = range(len(table.accounts)) if selected is None else sorted(map(int, selected))
    text = key_texts(table, equals)
    owners: dict[str, list[int]] = {}
    for account_no in chosen:
        key = text[account_no]
        if key:
            owners.setdefault(key, []).append(account_no)
    single = [(accounts[0], key) for key, accounts in owners.items() if len(accounts) == 1]
    doubled = [
        Doubled(key, tuple(table.accounts[account_no] for account_no in accounts))
        for key, accounts in owners.items()
        if len(accounts) > 1
    ]
    return AccountKeys(
        np.array([account_no for account_no, _ in single], dtype=np.int32),
        np.array([key for _, key in single], dtype=object),
        tuple(sorted(doubled, key=lambda one: one.key)),
    )


def never_written(keys: Iterable[AccountKeys]) -> dict[str, str]:
    """Account ids that share a key, each with the sentence that says with whom. Not those that
    another of several ways leads to."""
    reasons: dict[str, str] = {}
    for reached, doubled in ((each.reached, one) for each in keys for one in each.doubled):
        for account_id in doubled.accounts:
            if account_id in reached:
                continue
            others = [other for other in doubled.accounts if other != account_id]
            more = f" and {len(others) - 3} more" if len(others) > 3 else ""
            reasons.setdefault(
                account_id,
                f"its key {doubled.key!r} is also that of {', '.join(others[:3])}{more}",
            )
    return reasons


def key_texts(table: FieldTable, equals: str) -> Sequence[str | None]:
    """Every account's key as text; a number without point where it is whole, a date as ISO."""
    if equals == ID:
        return table.accounts
    steps = table.steps[equals]
    value, valid = steps.last(len(table.accounts))
    say: Callable[[Any], str] = str
    if steps.type == "date":
        say = day_text
    elif steps.type != "text":
        say = scalar_text
    return [
        say(one) if known else None
        for one, known in zip(value.tolist(), valid.tolist(), strict=True)
    ]


def events_by_name(events: str, keys: str) -> str:
    """The query for `match_report`: columns event, events, matched. `events` names a table with
    `account_key` and `event`, `keys` is `AccountKeys.columns` as a table."""
    return f"""SELECT event, count(*) AS events, count(account_no) AS matched
        FROM {quoted(events)} LEFT JOIN {quoted(keys)} USING (account_key) GROUP BY event"""


def unmatched_keys(events: str, known: str) -> str:
    """The query for `match_report`: the 20 keys with the most events that no account has, as
    columns account_key, events, keys (how many such keys there are). `known` is
    `AccountKeys.known_columns` as a table."""
    return f"""SELECT account_key, count(*) AS events, count(*) OVER () AS keys
        FROM {quoted(events)} AS e ANTI JOIN {quoted(known)} AS k ON e.account_key = k.account_key
        GROUP BY account_key ORDER BY events DESC, account_key LIMIT {UNMATCHED_SHOWN}"""


def match_report(
    source: str, keys: AccountKeys, by_name: Mapping[str, Array], strangers: Mapping[str, Array]
) -> MatchReport:
    """The results of the two queries as a report. Doubled keys are listed as such alone."""
    events = zip(*(by_name[name].tolist() for name in ("event", "events", "matched")), strict=True)
    shown = [key if keys.way is None else told(key) for key in strangers["account_key"].tolist()]
    unmatched = zip(shown, strangers["events"].tolist(), strict=True)
    return MatchReport(
        source,
        tuple(EventMatch(*one) for one in sorted(events)),
        tuple(unmatched),
        int(strangers["keys"].max(initial=0)),
        keys.doubled,
    )


def told(key: str) -> str:
    """A key of several ways for people: `w-17, acme.example`. Any other as it is."""
    try:
        lists = json.loads(key)
    except ValueError:
        return key
    if not isinstance(lists, list):
        return key
    return ", ".join(str(one) for each in lists for one in (each if isinstance(each, list) else ()))


def numbers_by_key(
    keys: Array, numbers: Array, wanted: Collection[str]
) -> Mapping[str, Sequence[int]]:
    """The accounts of each wanted key that has any; `keys` and `numbers` are parallel."""
    found: dict[str, list[int]] = {}
    if wanted:
        for key, number in zip(keys.tolist(), numbers.tolist(), strict=True):
            if key in wanted:
                found.setdefault(key, []).append(number)
    return found


def one_text_each(account_no: Array, account_key: Array, accounts: int) -> Array:
    """For each account one text that differs whenever its keys do; "" without any, and where there
    is one key that key. Texts stay short, however many keys there are."""
    texts = np.full(accounts, "", np.object_)
    texts[account_no] = account_key
    if len(account_no) and np.bincount(account_no).max() > 1:
        order = np.lexsort((account_key.astype(np.str_), account_no))
        starts = np.flatnonzero(np.append(True, np.diff(account_no[order]) != 0))
        for rows in np.split(order, starts[1:]):
            if len(rows) > 1:
                some = account_key[rows].tolist()
                digest = hashlib.blake2b(json.dumps(some).encode(), digest_size=8).hexdigest()
                texts[account_no[rows[0]]] = f"{some[0][:60]} {digest}"
    return texts.astype(np.str_) if accounts else np.zeros(0, "U1")


def note_matches(state: State, run_id: int, reports: Iterable[MatchReport]) -> None:
    """Keep the counts with the run, so that a later one can tell whether the match rate fell.
    Replaces what the run noted before."""
    with state.transaction() as connection:
        connection.execute("DELETE FROM match_counts WHERE run_id = ?", (run_id,))
        connection.executemany(
            "INSERT INTO match_counts (run_id, source, event, events, matched)"
            " VALUES (?, ?, ?, ?, ?)",
            [
                (run_id, report.source, one.event, one.events, one.matched)
                for report in reports
                for one in report.by_event
            ],
        )


def last_share(state: State, source: str, before_run: int) -> float | None:
    """The share of events that the latest run before `before_run` matched; None if there is
    none."""
    found = state.value(
        "SELECT sum(matched) * 1.0 / sum(events) FROM match_counts WHERE source = ? AND run_id ="
        " (SELECT max(run_id) FROM match_counts WHERE source = ? AND run_id < ?)",
        (source, source, before_run),
    )
    return None if found is None else float(found)
