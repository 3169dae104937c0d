"""A journey computed for a cycle: from its checkpoint where there is one, and a new one kept."""

from typing import TYPE_CHECKING

import numpy as np

from mapping.clock import day_date
from mapping.compiled import CompiledJourney
from sync.accounts import JourneyAccounts, narrowed
from sync.checkpoint import StoredCheckpoint, journey_key, load, save
from sync.compute import Computed, Inputs, compute
from sync.identity import numbers_by_key
from sync.lake_changes import Changes
from sync.lake_source import LakeSource

if TYPE_CHECKING:
    from sync.cycle import Cycle


def compute_one(
    cycle: "Cycle", journey: CompiledJourney, found: JourneyAccounts, account: str, *, history: bool
) -> Computed:
    """The journey of the account with this CRM id, from its first day; nobody's, if it does not
    travel it."""
    only = narrowed(found, np.flatnonzero(found.accounts.ids == account))
    return compute(_inputs(cycle, journey, only), cycle.engine, history=history, tick=cycle.tick)


def compute_all(
    cycle: "Cycle", journey: CompiledJourney, found: JourneyAccounts, *, history: bool, keep: bool
) -> Computed:
    """The journey of all its accounts; `keep` notes where they stand for the next time."""
    state, home = cycle.state, cycle.project.home
    name, key = journey.journey.name, journey_key(journey.journey, cycle.project.mapping)
    lake_seq = Changes(cycle.lake).last_seq()  # before any event is read
    stored = load(state, home, name, key)
    late = _late(cycle, found, stored) if stored else {}
    if late is None:
        stored, late = None, {}
    result = compute(
        _inputs(cycle, journey, found), cycle.engine, stored=stored, late=late, history=history,
        tick=cycle.tick,
    )  # fmt: skip
    cycle.summary.replayed[name] = result.replayed
    if result.checkpoint is not None and keep:
        day = day_date(result.checkpoint.day).isoformat()
        ids = result.accounts.ids.astype(np.str_)
        kept = StoredCheckpoint(result.checkpoint, ids, result.evidence, lake_seq, result.words)
        save(state, home, name, key, day, kept)
    return result


def _inputs(cycle: "Cycle", journey: CompiledJourney, found: JourneyAccounts) -> Inputs:
    sources = [LakeSource(entry, cycle.lake) for entry in cycle.project.mapping.events]
    complete = cycle.as_of is not None
    return Inputs(journey, found.accounts, sources, found.keys, cycle.day(journey), complete)


def _late(
    cycle: "Cycle", found: JourneyAccounts, stored: StoredCheckpoint
) -> dict[int, int] | None:
    """Per account the first UTC day on which its events are not those of the checkpoint; None
    if that is not known any more. Days too late to matter are left out."""
    changes = Changes(cycle.lake).changed_accounts(cycle.engine, stored.lake_seq)
    if changes is None:
        return None
    day = changes.first_day.astype("M8[D]").astype(np.int64)
    early = day <= stored.checkpoint.day + 1  # a UTC day reaches into the local one before it
    late: dict[int, int] = {}
    for entry, keys in zip(cycle.project.mapping.events, found.keys, strict=True):
        rows = np.flatnonzero(early & (changes.source == entry.name))
        changed = changes.account_key[rows].tolist()
        numbers = numbers_by_key(keys.account_key, keys.account_no, set(changed))
        for key, first_day in zip(changed, day[rows].tolist(), strict=True):
            for number in numbers.get(key, ()):
                late[number] = min(first_day, late.get(number, first_day))
    return late
