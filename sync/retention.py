"""What only grows, kept within bounds: `retention` in gatepost.yaml, carried out."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from config.load import Project
from mapping.check import compiled
from sync.needed import needed
from sync.prune_lake import LakePruner, Reduced
from sync.prune_state import prune_runs, prune_writes, shrink
from sync.runs import run_lock
from sync.state import State, instant_text

Tick = Callable[[str, int, int], None]


@dataclass(slots=True)
class Pruned:
    """What was too old, or with `dry` what would be; None where nothing is said of how long it is
    kept. `files`: crash reports, and rows that could not be read."""

    events_before: str | None = None
    events: list[Reduced] = field(default_factory=list)
    runs_before: str | None = None
    runs: int = 0
    writes_before: str | None = None
    writes: int = 0
    files: int = 0

    @property
    def asked(self) -> bool:
        """Whether gatepost.yaml says how long anything is kept."""
        return any((self.events_before, self.runs_before, self.writes_before))

    def to_json(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return asdict(self)


def prune(
    project: Project, now: datetime, *, dry: bool = False,
    tick: Tick = lambda _what, _done, _of: None,
) -> Pruned:  # fmt: skip
    """Carry out `retention`. `now`: aware. `dry`: only work out what would go.

    StopCycle if a run is at work. Safe to repeat, also after a kill at any moment.
    """
    limits, pruned = project.gatepost.retention, Pruned()
    with run_lock(project.home), State(project.home) as state:
        if limits.events is not None:
            _prune_events(project, state, now, limits.events, pruned, tick, dry=dry)
        # Writes point to their runs: they go first.
        if limits.writes is not None:
            before = instant_text(now - timedelta(days=limits.writes))
            pruned.writes_before = before[:10]
            pruned.writes = prune_writes(state, before, dry=dry)
        if limits.runs is not None:
            before = instant_text(now - timedelta(days=limits.runs))
            pruned.runs_before = before[:10]
            pruned.runs = prune_runs(state, before, dry=dry)
            crashes = project.home.glob("crash-*.log")
            pruned.files += _drop_files(list(crashes), now, limits.runs, dry=dry)
        if not dry and (pruned.runs or pruned.writes):
            shrink(state)
    return pruned


def _prune_events(
    project: Project, state: State, now: datetime, days: int, pruned: Pruned, tick: Tick, *,
    dry: bool,
) -> None:  # fmt: skip
    from sync.engine import DuckEngine
    from sync.lake import Lake

    before = (now - timedelta(days=days)).date()
    pruned.events_before = before.isoformat()
    lake, journeys, limits = Lake(project.home), compiled(project), project.gatepost.engine
    scratch = project.home / "scratch"
    with DuckEngine(scratch, threads=limits.threads, memory=limits.memory) as engine:
        pruner = LakePruner(engine, lake, state, before, dry=dry)
        for entry in project.mapping.events:
            last = Reduced(entry.name)
            for last in pruner.prune(entry.name, needed(entry, journeys)):
                tick(f"pruning {entry.name}", last.days, 0)
            pruned.events.append(last)
            rejected = lake.rejected_folder(entry.name)
            pruned.files += _drop_files(list(rejected.glob("*.jsonl")), now, days, dry=dry)


def _drop_files(paths: list[Path], now: datetime, days: int, *, dry: bool) -> int:
    limit = (now - timedelta(days=days)).timestamp()
    old = [path for path in paths if path.stat().st_mtime < limit]
    for path in old if not dry else ():
        path.unlink(missing_ok=True)
    return len(old)
