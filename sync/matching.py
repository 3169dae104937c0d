"""How many of the events that a run pulled found their account."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sync.engine import Session
from sync.identity import AccountKeys, MatchReport, events_by_name, match_report, unmatched_keys
from sync.lake import register_events

if TYPE_CHECKING:
    from sync.accounts import JourneyAccounts
    from sync.cycle import Cycle

_EVENTS, _SINGLE, _KNOWN = "pulled events", "single keys", "known keys"


def matched(engine: Session, source: str, files: Sequence[Path], keys: AccountKeys) -> MatchReport:
    """The report on the events in `files` of the lake, by the keys of all customers."""
    register_events(engine, _EVENTS, files, ())
    engine.register(_SINGLE, keys.columns())
    engine.register(_KNOWN, keys.known_columns())
    by_name = engine.sql(events_by_name(_EVENTS, _SINGLE))
    strangers = engine.sql(unmatched_keys(_EVENTS, _KNOWN))
    return match_report(source, keys, by_name, strangers)


def matches_of(
    cycle: "Cycle", found: "JourneyAccounts", pulled: Mapping[str, Sequence[str]]
) -> list[MatchReport]:
    """The reports on the parts that were pulled of each source; none once they are known. In a
    session of its own: the cycle's may be at work."""
    reports: list[MatchReport] = []
    if any(source.match for source in cycle.summary.sources):
        return reports
    with cycle.engine.beside() as engine:
        for entry, keys in zip(cycle.project.mapping.events, found.found, strict=True):
            if parts := pulled.get(entry.name):
                files = cycle.lake.files(entry.name, parts=parts)
                reports.append(matched(engine, entry.name, files, keys))
    return reports


def note_matches_of(cycle: "Cycle", reports: Sequence[MatchReport]) -> None:
    """Keep them for people and for the brakes of the run that will write by them."""
    from sync.facts import note_matched  # not needed by those who pulled nothing

    for report in reports:
        note_matched(cycle.state, report)
        for source in cycle.summary.sources:
            if source.name == report.source:
                source.match = report
