"""How many of the events that a run pulled found their account."""

from collections.abc import Sequence
from pathlib import Path

from sync.engine import Session
from sync.identity import AccountKeys, MatchReport, events_by_name, match_report, unmatched_keys
from sync.lake import register_events

_EVENTS, _SINGLE, _KNOWN = "pulled events", "single keys", "known keys"


def matched(engine: Session, source: str, files: Sequence[Path], keys: AccountKeys) -> MatchReport:
    """The report on the events in `files` of the lake, by the keys of all customers."""
    register_events(engine, _EVENTS, files, ())
    engine.register(_SINGLE, keys.columns())
    engine.register(_KNOWN, keys.known_columns())
    by_name = engine.sql(events_by_name(_EVENTS, _SINGLE))
    strangers = engine.sql(unmatched_keys(_EVENTS, _KNOWN))
    return match_report(source, keys, by_name, strangers)
