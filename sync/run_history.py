"""What the state file remembers of runs, for people and programs. Reads only."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sync.state import Cell, State

_SELECT = """
SELECT id, command, state, as_of, started_at, finished_at, started_by, override_reason, summary,
       error
FROM runs
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One row of `runs`. Instants are UTC text, "" where unknown; `summary` as it was noted."""

    id: int
    command: str
    state: str
    as_of: str
    started_at: str
    finished_at: str
    started_by: str
    override_reason: str
    summary: Mapping[str, Any]
    error: str

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs, or if nobody noted its end."""
        if "wall_seconds" in self.summary:
            return float(self.summary["wall_seconds"])
        if not self.finished_at:
            return None
        begun = datetime.fromisoformat(self.started_at)
        return (datetime.fromisoformat(self.finished_at) - begun).total_seconds()

    def count(self, key: str) -> int:
        """A figure of its summary; 0 where it has none, the length where it is a list."""
        found = self.summary.get(key, 0)
        return len(found) if isinstance(found, list) else int(found or 0)

    @property
    def requests(self) -> dict[str, int]:
        """Connection → requests that it sent in this run, of those that count them."""
        found = self.summary.get("requests") or {}
        return {name: int(one.get("sent") or 0) for name, one in found.items()}


def last_runs(state: State, most: int) -> list[Run]:
    """The newest first."""
    return list(_runs(state, "ORDER BY id DESC LIMIT ?", most))


def one_run(state: State, number: int) -> Run | None:
    """The run with this id; None if there is none, or it was pruned."""
    return next(_runs(state, "WHERE id = ?", number), None)


def _runs(state: State, how: str, value: int) -> Iterator[Run]:
    for row in state.rows(_SELECT + how, (value,)):
        command, ended, as_of, begun, finished, who, why = map(_text, row[1:8])
        summary = json.loads(str(row[8]))
        number = int(row[0] or 0)
        yield Run(
            number, command, ended, as_of, begun, finished, who, why, summary, _text(row[9])
        )  # fmt: skip


def _text(cell: Cell) -> str:
    return "" if cell is None else str(cell)
