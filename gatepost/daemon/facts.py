"""What the state file says about the job, for alerts, metrics and readiness. Writes nothing."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from gatepost.daemon.conditions import USUAL
from gatepost.daemon.jobs import SYNCS
from sync.state import FILE_NAME, State

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Facts:
    """Times are aware; what never happened is not in the maps."""

    begun: dict[str, datetime] = field(default_factory=dict)
    """job → when it began for the last time; a full sync is a sync as well"""
    ended: dict[str, datetime] = field(default_factory=dict)
    """job → when one ended, however it did"""
    succeeded: dict[str, datetime] = field(default_factory=dict)
    failures: int = 0
    """syncs that failed since the last that did not"""
    lags: dict[str, float] = field(default_factory=dict)
    """source → seconds since the end of the UTC day of its newest event, 0 if that is today"""
    shares: dict[str, list[float]] = field(default_factory=dict)
    """source → share of events that found their account, of the last pulls, newest first"""
    quarantine: int = 0


def read_facts(home: Path, now: datetime) -> Facts:
    """Empty where there is no state yet. StateError if it cannot be read."""
    if not (home / FILE_NAME).exists():
        return Facts()
    with State(home, wait_seconds=5.0) as state:
        return Facts(
            begun=_times(state, "max(started_at)", ""),
            ended=_times(state, "max(finished_at)", ""),
            succeeded=_times(state, "max(finished_at)", "AND state = 'done'"),
            failures=_failures(state),
            lags=_lags(state, now),
            shares=_shares(state),
            quarantine=int(state.value("SELECT count(*) FROM quarantine") or 0),
        )


def _times(state: State, what: str, where: str) -> dict[str, datetime]:
    rows = state.rows(f"SELECT command, {what} FROM runs WHERE 1 {where} GROUP BY command")  # noqa: S608 (our own words)
    found = {str(job): datetime.fromisoformat(str(at)) for job, at in rows if at is not None}
    syncs = [found[job] for job in SYNCS if job in found]
    return found | {"sync": max(syncs)} if syncs else found


def _failures(state: State) -> int:
    rows = state.rows(
        "SELECT state FROM runs WHERE command IN ('sync', 'full')"
        " AND state IN ('done', 'partly', 'failed', 'stopped') ORDER BY id DESC LIMIT 50"
    )
    failed = [ended == "failed" for (ended,) in rows]
    return failed.index(False) if False in failed else len(failed)


def _lags(state: State, now: datetime) -> dict[str, float]:
    rows = state.rows("SELECT source, max(last_day) FROM lake_parts GROUP BY source")
    return {
        str(source): lag_seconds(date.fromisoformat(str(day)), now)
        for source, day in rows
        if day is not None
    }


def lag_seconds(newest: date, now: datetime) -> float:
    """How long nothing came, for certain: an event of a day may be one of its last second."""
    end = datetime.combine(newest, time(), UTC) + _DAY
    return max(0.0, (now - end).total_seconds())


def _shares(state: State) -> dict[str, list[float]]:
    rows = state.rows(
        "SELECT source, CAST(sum(matched) AS REAL) / sum(events) FROM match_counts"
        " GROUP BY source, run_id HAVING sum(events) > 0 ORDER BY source, run_id DESC"
    )
    found: dict[str, list[float]] = {}
    for source, share in rows:
        shares = found.setdefault(str(source), [])
        if len(shares) <= USUAL:
            shares.append(float(share or 0))
    return found
