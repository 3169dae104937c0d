"""What the engine is asked about events, put into its words.

Ibis does that, and takes longer to load than the engine for a day's answers. So the words are kept
with a journey's checkpoint: they hold as long as `key` is the same, and the checkpoint counts.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mapping.clock import Offsets
from mapping.compiled import CompiledJourney


class Asked(Protocol):
    """What words say of a source of events."""

    @property
    def product(self) -> bool: ...

    @property
    def properties(self) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True)
class Words:
    """Queries of mapping/daily.py's relations, on all days and in no order, over the tables that
    `events_table` and `keys_table` name."""

    key: str
    account_days: str
    user_days: str
    """"" where no signal looks at users"""
    lasts: tuple[str, ...]


def events_table(source: int) -> str:
    """The events of the source of that number."""
    return f"events {source}"


def keys_table(source: int) -> str:
    """Which of its keys is which account: `account_key`, `account_no`."""
    return f"keys {source}"


def words_key(zone: Offsets, whole_zone: Offsets) -> str:
    """What words depend on besides the journey, the mapping and the engine."""
    return hashlib.sha256(repr((zone, whole_zone)).encode()).hexdigest()


def put_into_words(
    compiled: CompiledJourney, sources: Sequence[Asked], zone: Offsets, whole_zone: Offsets
) -> Words:
    """Everything that the journey has to ask; `sources` are one at least. `zone`: the offsets over
    all its events, `whole_zone`: over all times that a property may hold."""
    import ibis  # a third of a second: not before it is needed

    from mapping.daily import (
        EVENT_COLUMNS,
        KIND,
        PROPERTY,
        EventTable,
        Question,
        account_days,
        last_values,
        matched_events,
        user_days,
    )
    from sync.engine import compile_expression

    measures = compiled.measures
    ask = Question(measures, compiled.properties, zone, whole_zone, compiled.product_events)
    tables = []
    for number, source in enumerate(sources):
        kept = {f"{PROPERTY}{name}": "string" for name in source.properties}
        kept |= {f"{KIND}{name}": "uint8" for name in source.properties}
        events = ibis.table({**EVENT_COLUMNS, **kept}, name=events_table(number))
        columns = {"account_key": "string", "account_no": "int32"}
        keys = ibis.table(columns, name=keys_table(number))
        tables.append(EventTable(events, keys, source.product, source.properties))
    events = matched_events(tables, ask)
    return Words(
        words_key(zone, whole_zone),
        compile_expression(account_days(events, ask)),
        compile_expression(user_days(events, ask)) if measures.by_user else "",
        tuple(compile_expression(last_values(events, one, ask)) for one in measures.lasts),
    )
