"""Compute: what the lake and the fields say, replayed through one journey as of a day.

Accounts that nothing early has happened to go on from the checkpoint; the others (new ones, those
with a late event, those whose key or start changed) are replayed from the first day. Both give the
same. Accounts go through in chunks, so that memory stays flat however many there are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import chain
from typing import Any, Protocol

import ibis
import numpy as np

from mapping.accounts import BEGINNING, AccountTable
from mapping.clock import EPOCH, day_number, offsets
from mapping.compiled import CompiledJourney
from mapping.daily import EventTable, Question, account_days, last_values, matched_events, user_days
from mapping.log import HistoryLog
from mapping.missing import missing_column
from mapping.outputs import HistoryRow, Outputs, Value, output_names
from mapping.replay import Checkpoint, Days, Outcome, Replay
from mapping.signals import Measured
from mapping.vector import Array
from sync.account_tables import Keys
from sync.checkpoint import StoredCheckpoint, join, select
from sync.engine import Columns, DuckEngine, compile_expression
from sync.meanwhile import Meanwhile

CELLS_A_CHUNK = 48_000_000  # days x accounts x measures held at once: about 0.4 GB
SETTLING_DAYS = 3
"""How far a checkpoint stays behind the last day: late rows of these days cost no replay, and a
local day that reaches into the next UTC day is whole by then."""

Tick = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


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

    def table(self, engine: DuckEngine, first_day: int | None, last_day: int) -> Any:
        """Its events as an Ibis table that `engine` can run; UTC days, inclusive, may be more."""
        ...


@dataclass(frozen=True)
class Inputs:
    """Everything that a computation looks at; `keys` follows `sources` and speaks of `accounts`."""

    compiled: CompiledJourney
    accounts: AccountTable
    sources: Sequence[Source]
    keys: Sequence[Keys]
    as_of: date
    complete: bool
    """Whether the last day is over: health and moments are judged on complete days."""


@dataclass
class Computed:
    """A journey's outputs for all its accounts, in the order of their ids."""

    compiled: CompiledJourney
    accounts: AccountTable
    parts: list[tuple[Outputs, Array]] = field(default_factory=list)
    checkpoint: Checkpoint | None = None
    evidence: Mapping[str, Array] = field(default_factory=dict)
    replayed: int = 0

    def names(self) -> list[str]:
        """The outputs' names but the signals', in the order in which they are shown."""
        return [*output_names(self.compiled), "missing"]

    def column(self, name: str) -> list[Value]:
        """One output or signal for every account. Raises KeyError for a name that is none."""
        values: list[Value] = [None] * self.accounts.size
        for outputs, rows in self.parts:
            found = missing_column(outputs) if name == "missing" else outputs.column(name)
            for row, value in zip(rows.tolist(), found, strict=True):
                values[row] = value
        return values

    def history(self) -> Iterator[HistoryRow]:
        """All history rows, by account, first day, kind, then as they happened."""
        rows = chain.from_iterable(outputs.history() for outputs, _ in self.parts)
        return iter(sorted(rows, key=lambda row: row.account))


def compute(
    inputs: Inputs, engine: DuckEngine, *, stored: StoredCheckpoint | None = None,
    late: Mapping[int, int] | None = None, history: bool = False,
    tick: Tick,
) -> Computed:  # fmt: skip
    """Replay a journey for all its accounts.

    `stored`: the checkpoint to go on from; `late`: per account number the first UTC day on which
    the lake has changed since. `history` keeps what happened on the way, which needs all days.
    """
    work = _Work(inputs, engine, tick, history=history)
    return work.run(None if history else stored, late or {})


class _Work:
    """One computation on its way."""

    def __init__(self, inputs: Inputs, engine: DuckEngine, tick: Tick, *, history: bool) -> None:
        self.inputs, self.engine, self.tick, self.history = inputs, engine, tick, history
        self.last = day_number(inputs.as_of)
        self.judged = self.last if inputs.complete else self.last - 1
        self.since = min(day_number(inputs.compiled.journey.since), self.last)
        self.result = Computed(inputs.compiled, inputs.accounts)
        self.checkpoints: list[tuple[Checkpoint, Array]] = []
        self.done, self.total = 0, 0
        zone, begun = inputs.compiled.journey.timezone, [s.first_day() for s in inputs.sources]
        earliest = min((day for day in begun if day is not None), default=inputs.as_of)
        self.zone = offsets(zone, earliest, inputs.as_of)
        self.whole_zone = offsets(zone, EPOCH, inputs.as_of)

    def run(self, stored: StoredCheckpoint | None, late: Mapping[int, int]) -> Computed:
        size = self.inputs.accounts.size
        usable = stored is not None and self.since <= stored.checkpoint.day < self.last
        target = max(self.last - SETTLING_DAYS, self.since)
        plans: list[tuple[Array, Checkpoint | None]] = []
        fresh = np.ones(size, np.bool_)
        if stored is not None and usable:
            target = max(target, stored.checkpoint.day)
            rows = self._settled(stored, late)
            going_on = np.flatnonzero(rows >= 0)
            fresh[going_on] = False
            days = self.last - stored.checkpoint.day
            plans += [(some, select(stored, rows[some])) for some in self._chunks(going_on, days)]
        anew = self._chunks(np.flatnonzero(fresh), self.last - self.since + 1)
        plans += [(some, None) for some in anew]
        self.result.replayed = int(fresh.sum())
        self.total = sum(self.last - (c.day if c else self.since - 1) for _, c in plans)
        for chunk, since in plans:
            self._replay(chunk, since, target)
        if len(self.checkpoints) == len(plans) and plans and target <= self.judged:
            self.result.checkpoint = join(self.checkpoints, size)
            self.result.evidence = self._evidence(target)
        return self.result

    def _settled(self, stored: StoredCheckpoint, late: Mapping[int, int]) -> Array:
        """Each account's row in the checkpoint, -1 where it does not count for it any more."""
        accounts, day = self.inputs.accounts, stored.checkpoint.day
        place = {account: row for row, account in enumerate(stored.ids.tolist())}
        rows = np.array([place.get(account, -1) for account in accounts.ids.tolist()], np.int64)
        found = rows >= 0
        now = self._evidence(day)
        for name, before in stored.evidence.items():
            same = name in now
            found[found] &= (before[rows[found]] == now[name][found]) if same else False
        for account, first_day in late.items():
            # A UTC day reaches into the local day before it.
            if first_day <= day + 1:
                found[account] = False
        return np.where(found, rows, -1)

    def _evidence(self, day: int) -> dict[str, Array]:
        """What a checkpoint of `day` rests on besides the lake, account by account."""
        accounts, start = self.inputs.accounts, self.inputs.compiled.journey.start
        evidence = {
            f"key:{source.name}": keys.by_account(accounts.size)
            for source, keys in zip(self.inputs.sources, self.inputs.keys, strict=True)
        }
        steps = np.zeros(accounts.size, np.int64)
        for field_steps in accounts.fields.values():
            steps += np.bincount(
                field_steps.account_no[field_steps.day <= day], minlength=accounts.size
            )
        evidence["steps"] = steps
        if start is not None:
            begun = accounts.fields[start].on(self.last, accounts.size)
            evidence["start"] = np.where(begun.known, begun.values, BEGINNING)
        return evidence

    def _chunks(self, accounts: Array, days: int) -> Iterator[Array]:
        """Accounts in portions that fit into memory, neighbours in the lake together."""
        if not len(accounts):
            return
        measures = self.inputs.compiled.measures
        columns = len(measures.counted) + len(measures.by_user) + 5 * len(measures.figures) + 4
        number = max(1, -(-len(accounts) * days * columns // CELLS_A_CHUNK))
        if number == 1 or not self.inputs.keys:
            yield accounts
            return
        keys = self.inputs.keys[0].by_account(self.inputs.accounts.size)[accounts]
        for portion in np.array_split(accounts[np.argsort(keys, kind="stable")], number):
            yield np.sort(portion)

    def _replay(self, chunk: Array, since: Checkpoint | None, target: int) -> None:
        accounts = self.inputs.accounts.take(chunk)
        first = self.since if since is None else since.day + 1
        days = Days(first, self.last, self.judged, target if target >= first else None)
        compiled = self.inputs.compiled
        log = None
        if self.history:
            slots = max([0, *(len(plan.touchpoints) for plan in compiled.stages)])
            log = HistoryLog(accounts.size, len(compiled.moments), slots)
        with self._measured(chunk, since) as measured:
            replay = Replay(compiled, accounts, measured, days, since=since, log=log)
        outcome = replay.run(self._tick)
        self._keep(outcome, chunk, since, target)

    def _keep(self, outcome: Outcome, chunk: Array, since: Checkpoint | None, target: int) -> None:
        self.result.parts.append((Outputs(outcome), chunk))
        checkpoint = outcome.checkpoint
        if checkpoint is None and since is not None and since.day == target:
            checkpoint = since
        if checkpoint is not None:
            self.checkpoints.append((checkpoint, chunk))

    def _tick(self, day: int) -> None:
        self.done += 1
        self.tick("replaying days", self.done, self.total)

    @contextmanager
    def _measured(self, chunk: Array, since: Checkpoint | None) -> Iterator[Measured]:
        """What the engine says of some accounts: everything, or of the days after a checkpoint,
        which has what windows look back to.

        What can be done here is done while the engine is at work: the second question is put into
        its words during the first, and what users did comes while signals without users are made.
        """
        compiled = self.inputs.compiled
        ask = self._question(None if since is None else since.day + 1)
        tables = self._tables(chunk, ask.first_day)
        if not tables:
            yield _nothing(compiled)
            return
        events = matched_events(tables, ask)
        users = self._users(chunk, since) if compiled.measures.by_user else None
        halt = self.engine.interrupt
        with Meanwhile(partial(self._run, account_days(events, ask)), halt=halt) as answer:
            query = None if users is None else compile_expression(users)
        by_account = answer.result()
        if since is not None:
            before = since.reach.account_days
            by_account = {name: np.r_[before[name], by_account[name]] for name in by_account}
        lasts = tuple(
            self.engine.run(last_values(events, figure, ask)) for figure in compiled.measures.lasts
        )
        if query is None:
            yield Measured(by_account, dict, lasts)
            return
        with Meanwhile(partial(self._ask, query), halt=halt) as answer:
            yield Measured(by_account, answer.result, lasts)

    def _users(self, chunk: Array, since: Checkpoint | None) -> Any:
        """On which days which users did what, as an Ibis expression."""
        compiled = self.inputs.compiled
        name, first = None, None
        if since is not None:
            name, first = "users before", since.day + 1
            self.engine.register(name, since.reach.user_days)
        elif all(plan.window is not None for plan in compiled.users_plans()):
            first = self.since - compiled.longest_users_window() + 1
        ask = self._question(first)
        return user_days(matched_events(self._tables(chunk, first), ask), ask, before=name)

    def _question(self, first_day: int | None) -> Question:
        compiled = self.inputs.compiled
        return Question(
            compiled.measures,
            compiled.properties,
            self.zone,
            self.whole_zone,
            compiled.product_events,
            first_day,
            self.last,
        )

    def _tables(self, chunk: Array, first_day: int | None) -> list[EventTable]:
        position = np.full(self.inputs.accounts.size, -1, np.int32)
        position[chunk] = np.arange(len(chunk), dtype=np.int32)
        tables = []
        for number, (source, keys) in enumerate(
            zip(self.inputs.sources, self.inputs.keys, strict=True)
        ):
            moved = position[keys.account_no]
            here = moved >= 0
            name = f"keys_{number}"
            self.engine.register(
                name, {"account_key": keys.account_key[here], "account_no": moved[here]}
            )
            reach = None if first_day is None else first_day - 1
            tables.append(
                EventTable(
                    source.table(self.engine, reach, self.last + 1),
                    ibis.table({"account_key": "string", "account_no": "int32"}, name=name),
                    source.product,
                    source.properties,
                )
            )
        return tables

    def _run(self, expression: Any) -> Columns:
        return self._ask(compile_expression(expression))

    def _ask(self, query: str) -> Columns:
        return {
            name: np.ma.getdata(array) if name in ("account_no", "day", "who") else _filled(array)
            for name, array in self.engine.sql(query).items()
        }


def _filled(array: Array) -> Array:
    """Sums over no value are NULL in the engine and 0 here; their number says there are none."""
    return np.ma.filled(array, 0) if isinstance(array, np.ma.MaskedArray) else array


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
