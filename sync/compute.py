"""Compute: what the lake and the fields say, replayed through one journey as of a day.

Accounts that nothing early has happened to go on from the checkpoint; the others (new ones, those
with a late event, those whose key or start changed) are replayed from the first day. Both give the
same. Accounts go through in chunks, so that memory stays flat however many there are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import chain

import numpy as np

from mapping.accounts import BEGINNING, AccountTable
from mapping.clock import day_number
from mapping.compiled import CompiledJourney
from mapping.log import HistoryLog
from mapping.missing import missing_column
from mapping.outputs import HistoryRow, Outputs, Value, output_names
from mapping.replay import Checkpoint, Days, Outcome, Replay
from mapping.vector import Array
from sync.account_tables import Keys
from sync.checkpoint import StoredCheckpoint, join, select
from sync.engine import DuckEngine
from sync.measuring import Measuring, Source
from sync.words import Words

CELLS_A_CHUNK = 48_000_000  # days x accounts x measures held at once: about 0.4 GB
SETTLING_DAYS = 3
"""How far a checkpoint stays behind the last day: late rows of these days cost no replay, and a
local day that reaches into the next UTC day is whole by then."""

Tick = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


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
    words: Words | None = None
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
    measuring = Measuring(
        inputs.compiled, inputs.sources, inputs.keys, inputs.accounts.size, inputs.as_of, engine,
        stored.words if stored else None,
    )  # fmt: skip
    work = _Work(inputs, measuring, tick, history=history)
    return work.run(None if history else stored, late or {})


class _Work:
    """One computation on its way."""

    def __init__(self, inputs: Inputs, measuring: Measuring, tick: Tick, *, history: bool) -> None:
        self.inputs, self.measuring, self.tick, self.history = inputs, measuring, tick, history
        self.last = day_number(inputs.as_of)
        self.judged = self.last if inputs.complete else self.last - 1
        self.since = min(day_number(inputs.compiled.journey.since), self.last)
        self.result = Computed(inputs.compiled, inputs.accounts)
        self.checkpoints: list[tuple[Checkpoint, Array]] = []
        self.done, self.total = 0, 0

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
            self.result.words = self.measuring.words if self.inputs.sources else None
        return self.result

    def _settled(self, stored: StoredCheckpoint, late: Mapping[int, int]) -> Array:
        """Each account's row in the checkpoint, -1 where it does not count for it any more."""
        accounts, day = self.inputs.accounts, stored.checkpoint.day
        ids, before_ids = accounts.ids.tolist(), stored.ids.tolist()
        rows = np.arange(len(ids))
        if ids != before_ids:
            place = {account: row for row, account in enumerate(before_ids)}
            rows = np.array([place.get(account, -1) for account in ids], np.int64)
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
        evidence = dict(self._keys)
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

    @cached_property
    def _keys(self) -> dict[str, Array]:
        return {
            f"key:{source.name}": keys.by_account(self.inputs.accounts.size)
            for source, keys in zip(self.inputs.sources, self.inputs.keys, strict=True)
        }

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
        with self.measuring.measured(chunk, first, since) as measured:
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
