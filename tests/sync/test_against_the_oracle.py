"""The product and a brute-force reading of the specification tell the same of random projects.

The oracle (tests/oracle/) walks every day of every account in plain Python; the product counts in
the engine, walks with arrays, and goes on from a checkpoint when a project grows by a step: new
days, late events, changed fields, keys that move.
"""

import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, Phase, given, settings

from config.load import load_project
from mapping.check import expression_findings
from sync.cycle import Cycle
from tests.oracle.projects import RandomProject, projects
from tests.oracle.reference import evaluate, history

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


RANDOM = settings(
    max_examples=40,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking such projects takes minutes
)


@RANDOM
@given(projects(steps=3))
def test_random_projects_are_told_as_the_specification_says(project: RandomProject):
    """Values and history of every day asked about, first from nothing, then from a checkpoint."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for step, as_of in enumerate(project.as_of, start=1):
            project.write(folder, step)
            sightings = project.sightings(step)
            told, happened = product(folder, now=NOW, as_of=as_of)
            assert told == list(map(comparable, evaluate(folder, as_of, sightings)))
            assert happened == in_order(map(comparable, history(folder, as_of, sightings)))


@settings(RANDOM, max_examples=15)
@given(projects(steps=2))
def test_a_day_that_is_not_over_moves_stages_only(project: RandomProject):
    """Without an as-of day health and moments stand as they were judged yesterday."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for step, today in enumerate(project.as_of, start=1):
            project.write(folder, step)
            sightings = project.sightings(step)
            noon = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)
            told, happened = product(folder, now=noon, as_of=None)
            # At noon in UTC it is another day already, or still, where the day begins far away.
            here = {
                str(one["journey"])
                for one in project.journeys
                if noon.astimezone(ZoneInfo(str(one.get("timezone", "UTC")))).date() == today
            }
            rows = map(comparable, evaluate(folder, today, sightings, complete=False))
            assert of(here, told) == of(here, rows)
            went = in_order(map(comparable, history(folder, today, sightings, complete=False)))
            assert of(here, happened) == of(here, went)


def of(journeys: set[str], rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of some journeys."""
    return [row for row in rows if row["journey"] in journeys]


def product(
    folder: Path, *, now: datetime, as_of: date | None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What the product says: rows as `evaluate` and `history` print them, made comparable."""
    loaded, problems = load_project(folder, expression_findings)
    assert loaded is not None, problems
    assert not problems
    with Cycle(loaded, now=now, as_of=as_of, exclusive=True) as cycle:
        rows = [row for computed in cycle.compute() for row in rows_of(computed)]
    with Cycle(loaded, now=now, as_of=as_of, pull=False) as cycle:
        happened = [
            history_row(row)
            for computed in cycle.compute(history=True)
            for row in computed.history()
        ]
    rows.sort(key=lambda row: row["account"])
    return list(map(comparable, rows)), in_order(map(comparable, happened))


def in_order(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each journey's history keeps its order; how several mix is nobody's matter."""
    return sorted(rows, key=lambda row: (row["account"], row["journey"]))


def rows_of(computed: Any) -> Iterator[dict[str, Any]]:
    """The rows of one journey, in the oracle's shape."""
    columns = {name: computed.column(name) for name in computed.names()}
    signals = {plan.name: computed.column(plan.name) for plan in computed.compiled.signals}
    for row, account in enumerate(computed.accounts.ids.tolist()):
        yield {
            "account": account,
            "journey": computed.compiled.journey.name,
            **{name: column[row] for name, column in columns.items()},
            "signals": {name: column[row] for name, column in signals.items()},
        }


def history_row(row: Any) -> dict[str, Any]:
    """One line of history, in the oracle's shape."""
    found = {
        "account": row.account, "journey": row.journey, "kind": row.kind, "name": row.name,
        "from": row.begin, "to": row.end,
    }  # fmt: skip
    return found | ({"completed": row.completed} if row.kind == "stage" else {})


def comparable(row: dict[str, Any]) -> dict[str, Any]:
    """A row with dates as text, tuples as lists, numbers as rounded floats, free text left out."""
    return {key: _plain(value) for key, value in row.items() if key != "missing"}


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case bool() | None | str():
            return value
        case date():
            return value.isoformat()
        case _:
            return round(float(value), 6) + 0.0
