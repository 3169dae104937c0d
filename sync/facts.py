"""What the brakes look at: found out once a plan's changes are known, and noted when a run passed.

The figures of a source come from what the lake's files say of themselves; no event is read but
those of the last day.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from config.journey import Journey
from config.mapping_file import EventsEntry, WriteEntry
from connectors.base import KnowsOrganisation
from mapping.clock import day_number
from sync.brakes import Facts, JourneyFacts, SourceFacts
from sync.diff import Change
from sync.identity import MatchReport, last_share
from sync.plain import value_text
from sync.quoting import path_list
from sync.state import State

if TYPE_CHECKING:
    from sync.compute import Computed
    from sync.cycle import Cycle

FIGURES = frozenset((
    "days_in_stage", "ttv_running_days", "computed_on", "health_score", "health_trend",
    "stage_metric",
))  # fmt: skip
"""Outputs that move by themselves from day to day, as signals do: they tell no story."""

SETTLING = timedelta(hours=6)
"""How long after its end a day's events may still be coming in."""

WEEKS, FEWEST_WEEKS = 6, 3
MOST_DAYS = 14  # that are judged at once, after a long pause
STEADY_DAYS, STEADY_OF = 20, 28
_SEGMENT = "segment"


def journey_facts(
    cycle: "Cycle", pairs: Iterable[tuple[WriteEntry, "Computed"]], changes: Sequence[Change]
) -> tuple[tuple[JourneyFacts, ...], dict[str, str]]:
    """The journeys that write, and the segment of each account that changes."""
    spec = cycle.project.mapping.accounts
    rows = cycle.state.rows(
        "SELECT journey FROM journeys_run WHERE connection = ? AND object = ?",
        (spec.from_, spec.object),
    )
    before = {str(name) for (name,) in rows}
    changed = {one.account_id for one in changes}
    facts: list[JourneyFacts] = []
    segments: dict[str, str] = {}
    for entry, computed in pairs:
        journey = computed.compiled.journey
        known = _segments(cycle, computed)
        ids = computed.accounts.ids.tolist()
        pairs_of = zip(ids, known, strict=True) if known else ()
        segments |= {one: segment for one, segment in pairs_of if one in changed and segment}
        facts.append(
            replace(
                _of_journey(journey, entry), accounts=computed.accounts.size,
                ran_before=journey.name in before,
                segments=dict(sorted(Counter(known or [""] * len(ids)).items())),
            )
        )  # fmt: skip
    return tuple(facts), segments


def _of_journey(journey: Journey, entry: WriteEntry) -> JourneyFacts:
    moving = {*FIGURES, *journey.signals}
    stages = [stage.name for stage in journey.stages]
    onward = [
        (was.name, to.name)
        for was in journey.stages
        for to in journey.stages
        # said by the journey: `then`, the way out of an end, and taking over from the side
        if was.then == to.name or was.ends or to.from_
    ]
    return JourneyFacts(
        journey.name, 0, ran_before=False,
        fields=tuple(entry.fields),
        figures=tuple(name for name, spec in entry.fields.items() if spec.output in moving),
        stage_field=next((n for n, spec in entry.fields.items() if spec.output == "stage"), ""),
        stages=tuple(stages), onward=tuple(onward),
    )  # fmt: skip


def _segments(cycle: "Cycle", computed: "Computed") -> list[str]:
    """The segment of every account of a journey, "" where it has none; none at all without a field
    that says it."""
    name = cycle.project.gatepost.guards.segment or _SEGMENT
    steps = computed.accounts.fields.get(name)
    if steps is None:
        return []
    day = day_number(cycle.day(computed.compiled))
    vector = steps.on(day, computed.accounts.size)
    return [
        value_text(value) if known else ""
        for value, known in zip(vector.values.tolist(), vector.known.tolist(), strict=True)
    ]


# ------------------------------------------------------------------------------------- sources


def source_facts(cycle: "Cycle", before_run: int) -> tuple[SourceFacts, ...]:
    """Every source of events. `before_run`: the run to come, for the match rate of the last one."""
    return tuple(_of_source(cycle, entry, before_run) for entry in cycle.project.mapping.events)


def _of_source(cycle: "Cycle", entry: EventsEntry, before_run: int) -> SourceFacts:
    facts = _matched(cycle, entry.name, before_run)
    days = cycle.lake.days(entry.name) if entry.object is None else []
    if not days:  # child records come when they come
        return facts
    now = _now(cycle)
    known = [day for day in days if day <= now.date()]
    seen = json.loads(cycle.state.setting(_key(entry.name)) or "{}")
    last = _last_event(cycle, entry, known)
    late = {day for day in known if known[-1] - day < timedelta(days=STEADY_OF)}
    return replace(
        facts, last_event=last.isoformat(sep=" ", timespec="minutes") if last else "",
        age_days=max((now - last) / timedelta(days=1), 0.0) if last else None,
        steady=len(late) >= STEADY_DAYS, stale_before=bool(seen.get("stale", True)),
        days=_volumes(cycle, entry.name, days[0], seen.get("volume")),
    )  # fmt: skip


def _matched(cycle: "Cycle", source: str, before_run: int) -> SourceFacts:
    """What the last pull of events matched, by whichever command: a plan may have pulled them, or a
    run that was stopped."""
    found = json.loads(cycle.state.setting(_match_key(source)) or "{}")
    before = found.get("passed")
    if before is None:
        before = last_share(cycle.state, source, before_run)
    match = next((one.match for one in cycle.summary.sources if one.name == source), None)
    strangers = match.unmatched if match else ()  # not kept: a key may be somebody's address
    return SourceFacts(
        source,
        matched=found.get("share"),
        matched_before=before,
        events=found.get("events", 0),
        strangers=tuple(f"{key}: {count:,} events" for key, count in strangers),
    )


def note_matched(state: State, report: MatchReport) -> None:
    """Keep what a pull matched, for the run that will write by it."""
    if report.share is None:
        return
    found = json.loads(state.setting(_match_key(report.source)) or "{}")
    found |= {"share": report.share, "events": report.events}
    state.set_setting(_match_key(report.source), json.dumps(found))


def _match_key(source: str) -> str:
    return f"matched:{source}"


def _key(source: str) -> str:
    return f"source:{source}"


def _now(cycle: "Cycle") -> datetime:
    """The instant up to which events are looked at, in UTC without an offset."""
    now = cycle.now.astimezone(UTC).replace(tzinfo=None)
    if cycle.as_of is None:
        return now
    return min(now, datetime.combine(cycle.as_of, time()) + timedelta(days=1))


def _last_event(cycle: "Cycle", entry: EventsEntry, days: Sequence[date]) -> datetime | None:
    if not days:
        return None
    files = cycle.lake.files(entry.name, days[-1], days[-1])
    if not files:
        return None
    found: Any = cycle.engine.rows(f"SELECT max(ts) FROM read_parquet({path_list(files)})")[0][0]
    return found if isinstance(found, datetime) else None


def last_complete_day(cycle: "Cycle") -> date:
    """The last UTC day whose events should all be there."""
    last = (cycle.now.astimezone(UTC) - SETTLING).date() - timedelta(days=1)
    return last if cycle.as_of is None else min(last, cycle.as_of)


def _volumes(
    cycle: "Cycle", source: str, first: date, judged: str | None
) -> tuple[tuple[str, int, float], ...]:
    """Days that no run that wrote has looked at, their events, and the usual of that weekday."""
    last = last_complete_day(cycle)
    begin = date.fromisoformat(judged) + timedelta(days=1) if judged else last
    begin = max(begin, last - timedelta(days=MOST_DAYS - 1))
    days = [begin + timedelta(days=n) for n in range((last - begin).days + 1)]
    weeks = {day: [day - timedelta(weeks=n) for n in range(1, WEEKS + 1)] for day in days}
    wanted = {*days, *(one for before in weeks.values() for one in before)}
    counts = _counts(cycle, source, wanted)
    found = []
    for day, before in weeks.items():
        usual = [counts.get(one, 0) for one in before if one >= first]
        if len(usual) >= FEWEST_WEEKS:
            found.append((day.isoformat(), counts.get(day, 0), float(median(usual))))
    return tuple(found)


def _counts(cycle: "Cycle", source: str, days: Iterable[date]) -> dict[date, int]:
    """Events by UTC day, as the files' footers say."""
    by_path = {path: day for day in sorted(days) for path in cycle.lake.files(source, day, day)}
    if not by_path:
        return {}
    query = f"SELECT file_name, num_rows FROM parquet_file_metadata({path_list(list(by_path))})"
    counts: Counter[date] = Counter()
    for path, rows in cycle.engine.rows(query):
        counts[by_path[Path(path)]] += int(rows)
    return dict(counts)


# ---------------------------------------------------------------------------------- the CRM


def _organisation_key(connection: str) -> str:
    return f"organisation:{connection}"


def with_organisation(cycle: "Cycle", facts: Facts) -> Facts:
    """Ask the CRM which organisation it is, where it can say so."""
    name = cycle.project.mapping.accounts.from_
    connector = cycle.connector(name)
    if not isinstance(connector, KnowsOrganisation):
        return facts
    before = cycle.state.setting(_organisation_key(name)) or ""
    return replace(facts, organisation=connector.organisation(), organisation_before=before)


# ---------------------------------------------------------------------------------- afterwards


def note_passed(cycle: "Cycle", facts: Facts, run_id: int, finished: Iterable[str]) -> None:
    """Note that a run wrote: what it saw is what the next one is compared with. `finished`: the
    journeys of which nothing was left to be sent."""
    spec = cycle.project.mapping.accounts
    limit = cycle.project.gatepost.guards.max_stale
    if facts.organisation:
        cycle.state.set_setting(_organisation_key(spec.from_), facts.organisation)
    for source in facts.sources:
        if source.matched is not None:
            found = json.loads(cycle.state.setting(_match_key(source.name)) or "{}")
            found["passed"] = source.matched
            cycle.state.set_setting(_match_key(source.name), json.dumps(found))
        if source.age_days is not None:
            stale = limit is not None and source.age_days > limit
            seen: Mapping[str, Any] = {
                "stale": stale, "volume": last_complete_day(cycle).isoformat(),
            }  # fmt: skip
            cycle.state.set_setting(_key(source.name), json.dumps(seen))
    with cycle.state.transaction() as connection:
        connection.executemany(
            "INSERT INTO journeys_run (connection, object, journey, first_run, last_run)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET last_run = excluded.last_run",
            [(spec.from_, spec.object, name, run_id, run_id) for name in finished],
        )
