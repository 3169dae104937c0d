"""How many of the events that a run pulled found their account."""

from collections.abc import Sequence
from pathlib import Path

from sync.engine import DuckEngine
from sync.identity import AccountKeys, MatchReport, events_by_name, match_report, unmatched_keys
from sync.lake import register_events


def matched(
    engine: DuckEngine, source: str, files: Sequence[Path], keys: AccountKeys
) -> MatchReport:
    """The report on the events in `files` of the lake, by the keys of all customers."""
    import ibis  # not before it is needed

    from mapping.daily import EVENT_COLUMNS

    register_events(engine, "pulled events", files, ())
    engine.register("single keys", keys.columns())
    engine.register("known keys", keys.known_columns())
    events = ibis.table(EVENT_COLUMNS, name="pulled events")
    columns = {"account_no": "int32", "account_key": "string"}
    by_name = events_by_name(events, ibis.table(columns, name="single keys"))
    strangers = unmatched_keys(events, ibis.table({"account_key": "string"}, name="known keys"))
    return match_report(source, keys, engine.run(by_name), engine.run(strangers))
