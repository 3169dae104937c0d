"""By which keys the events of one account found it, for `explain`."""

from datetime import timedelta

import numpy as np

from config.mapping_file import EventsEntry
from mapping.explain import Matched
from mapping.vector import Array
from sync.cycle import Cycle
from sync.identity import AccountKeys, told
from sync.lake import register_events
from sync.quoting import literal

_SHOWN = 3


def matched_by(cycle: Cycle, journey: str, account: str) -> tuple[Matched, ...]:
    """The ways that led some event up to the last day to the account, source by source; where none
    did, the ways that would. The account travels the journey."""
    compiled = next(one for one in cycle.journeys if one.journey.name == journey)
    found = cycle.accounts(compiled)
    number = int(np.flatnonzero(found.accounts.ids == account)[0])
    # A UTC day reaches into the local one after it.
    last = cycle.day(compiled) + timedelta(days=1)
    matched: list[Matched] = []
    for entry, keys, known in zip(
        cycle.project.mapping.events, found.keys, found.found, strict=True
    ):
        own = keys.account_key[keys.account_no == number]
        register_events(cycle.engine, "one account", cycle.lake.files(entry.name, None, last), ())
        matched += _of_source(cycle, entry, own, known)
    return tuple(matched)


def _of_source(cycle: Cycle, entry: EventsEntry, own: Array, known: AccountKeys) -> list[Matched]:
    if not len(own):
        return [Matched(entry.name, way.text(), "", 0, None) for way in entry.ways]
    listed = ", ".join(literal(str(key)) for key in own.tolist())
    rows = cycle.engine.rows(
        'SELECT account_key, count(*), max(ts)::DATE FROM "one account"'
        f" WHERE account_key IN ({listed}) GROUP BY account_key ORDER BY 2 DESC, 1"
    )
    several = known.way is not None
    way_of: dict[str, int] = {}
    if known.way is not None:
        way_of = dict(zip(known.account_key.tolist(), known.way.tolist(), strict=True))
    found = []
    for number, way in enumerate(entry.ways):
        here = [row for row in rows if way_of.get(row[0], 0) == number]
        if here:
            texts = [told(key) if several else key for key, *_ in here]
            more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
            shown = "; ".join(texts[:_SHOWN]) + more
            events, last = sum(row[1] for row in here), max(row[2] for row in here)
            found.append(Matched(entry.name, way.text(), shown, events, last))
    if not found and not several:
        found = [Matched(entry.name, entry.account.text(), str(own[0]), 0, None)]
    return found
