"""What the engine says of a journey's accounts: account-days, user-days and last values."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cached_property, partial
from typing import Protocol

import numpy as np

from mapping.clock import EPOCH, offsets
from mapping.compiled import CompiledJourney
from mapping.replay import Checkpoint
from mapping.signals import Measured
from mapping.vector import Array
from sync.account_tables import Keys
from sync.engine import Columns, DuckEngine
from sync.meanwhile import Meanwhile
from sync.words import Words, events_table, keys_table, put_into_words, words_key

_BEFORE = "users before"


class Source(Protocol):
    """One source of events, as the lake has it."""

    @property
    def name(self) -> str: ...

    @property
    def product(self) -> bool: ...

    @property
    def properties(self) -> frozenset[str]: ...

    def first_day(self) -> date | None:
        """The UTC day of its earliest event, None without any."""
        ...

    def register(
        self, engine: DuckEngine, table: str, first_day: int | None, last_day: int
    ) -> None:
        """Make `table` a view of its events; UTC days, inclusive, may be more."""
        ...


class Measuring:
    """The questions of one computation. For one thread."""

    def __init__(
        self, compiled: CompiledJourney, sources: Sequence[Source], keys: Sequence[Keys],
        accounts: int, as_of: date, engine: DuckEngine, known: Words | None,
    ) -> None:  # fmt: skip
        """`keys` follows `sources` and speaks of so many `accounts`. `known`: words of before."""
        self._compiled, self._sources, self._keys = compiled, sources, keys
        self._accounts, self._engine, self._known = accounts, engine, known
        self._last = (as_of - EPOCH).days
        zone, begun = compiled.journey.timezone, [source.first_day() for source in sources]
        earliest = min((day for day in begun if day is not None), default=as_of)
        self._zone, self._whole_zone = offsets(zone, earliest, as_of), offsets(zone, EPOCH, as_of)

    @cached_property
    def words(self) -> Words:
        """The questions in the engine's words."""
        if self._known and self._known.key == words_key(self._zone, self._whole_zone):
            return self._known
        return put_into_words(self._compiled, self._sources, self._zone, self._whole_zone)

    @contextmanager
    def measured(self, chunk: Array, walked: int, since: Checkpoint | None) -> Iterator[Measured]:
        """What is needed of some accounts to walk from the day `walked` on: everything, or what
        happened after a checkpoint, which has what windows look back to.

        What users did comes while signals without users are made.
        """
        if not self._sources:
            yield _nothing(self._compiled)
            return
        first = None if since is None else walked
        self._register(chunk, first)
        by_account = _filled(self._ask(self.words.account_days, first, "account_no, day"))
        if since is not None:
            before = since.reach.account_days
            by_account = {name: np.r_[before[name], by_account[name]] for name in by_account}
        lasts = tuple(self._ask(text, first, "account_no, day") for text in self.words.lasts)
        if not self.words.user_days:
            yield Measured(by_account, dict, lasts)
            return
        more = ""
        if since is not None:
            self._engine.register(_BEFORE, since.reach.user_days)
            more = f' UNION ALL BY NAME SELECT * FROM "{_BEFORE}"'
        elif all(plan.window is not None for plan in self._compiled.users_plans()):
            first = walked - self._compiled.longest_users_window() + 1
            self._register(chunk, first)
        by_user = partial(self._ask, self.words.user_days, first, "account_no, who, day", more)
        with Meanwhile(by_user, halt=self._engine.interrupt) as answer:
            yield Measured(by_account, answer.result, lasts)

    def _register(self, chunk: Array, first: int | None) -> None:
        """The tables that the words speak of, with the events of local days from `first` on."""
        position = np.full(self._accounts, -1, np.int32)
        position[chunk] = np.arange(len(chunk), dtype=np.int32)
        reach = None if first is None else first - 1  # a local day reaches into the UTC days beside
        for number, (source, keys) in enumerate(zip(self._sources, self._keys, strict=True)):
            moved = position[keys.account_no]
            here = moved >= 0
            columns = {"account_key": keys.account_key[here], "account_no": moved[here]}
            self._engine.register(keys_table(number), columns)
            source.register(self._engine, events_table(number), reach, self._last + 1)

    def _ask(self, words: str, first: int | None, order: str, more: str = "") -> Columns:
        """The rows of the days from `first` to the last, and `more`, in order."""
        days = f"day <= {self._last}" + ("" if first is None else f" AND day >= {first}")
        query = f"SELECT * FROM ({words}) AS told WHERE {days}{more} ORDER BY {order}"
        return self._engine.sql(query)


def _filled(columns: Columns) -> Columns:
    """Sums over no value are NULL in the engine and 0 here; their number says there are none."""
    return {
        name: np.ma.filled(array, 0) if isinstance(array, np.ma.MaskedArray) else array
        for name, array in columns.items()
    }


def _nothing(compiled: CompiledJourney) -> Measured:
    """No event at all: a journey without sources."""
    measures, empty = compiled.measures, np.zeros(0, np.int64)
    columns: dict[str, Array] = {"account_no": empty, "day": empty}
    columns |= {f"n{i}": empty for i in measures.counted}
    for j in range(len(measures.figures)):
        columns |= {f"{part}{j}": empty for part in "wbclg"}
    users: dict[str, Array] = {"account_no": empty, "who": empty, "day": empty}
    users |= {f"m{at}": empty for at in range(len(measures.by_user) // 60 + 1)}
    objects = np.zeros(0, np.object_)
    last: dict[str, Array] = {"account_no": empty, "day": empty, "value": objects, "kind": empty}
    return Measured(columns, lambda: users, tuple(last for _ in measures.lasts))
