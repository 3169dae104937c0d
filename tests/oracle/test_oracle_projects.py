"""Random projects: the oracle can read each of them, and what it says hangs together."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings

from tests.oracle.projects import RandomProject, projects
from tests.oracle.random_events import UNREADABLE
from tests.oracle.reference import evaluate, history

QUICK = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@QUICK
@given(projects(steps=2))
def test_what_the_oracle_says_hangs_together(project: RandomProject):
    """The history ends where the evaluation stands, and stays follow each other without a gap."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for step, as_of in enumerate(project.as_of, start=1):
            project.write(folder, step)
            rows = evaluate(folder, as_of, project.sightings(step))
            told = history(folder, as_of, project.sightings(step))
            for row in rows:
                mine = [
                    one
                    for one in told
                    if (one["account"], one["journey"]) == (row["account"], row["journey"])
                ]
                stays = kind(mine, "stage")
                assert [stay["to"] for stay in stays[:-1]] == [stay["from"] for stay in stays[1:]]
                assert row["stage"] == (stays[-1]["name"] if stays else None)
                open_now = {one["name"] for one in mine if one["to"] is None} - {row["stage"]}
                assert set(row["alerts"] or []) == open_now


@QUICK
@given(projects())
def test_an_unfinished_day_moves_stages_and_opens_no_moment(project: RandomProject):
    """Stages, touchpoints and signals as at night; no moment that only this day would open."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project.write(folder)
        today = project.as_of[0]
        now = history(folder, today, project.sightings(), complete=False)
        night = history(folder, today, project.sightings())
        assert kind(now, "stage") == kind(night, "stage")
        assert today.isoformat() not in {row["from"] for row in kind(now, "moment")}
        rows = evaluate(folder, today, project.sightings(), complete=False)
        assert [row["signals"] for row in rows] == [
            row["signals"] for row in evaluate(folder, today, project.sightings())
        ]


@QUICK
@given(projects(bad_percent=10))
def test_an_event_without_a_time_is_no_event(project: RandomProject):
    """Dropping the rows that cannot be read changes nothing."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project.write(folder)
        told = evaluate(folder, project.as_of[0])
        project.events = [e for e in project.events if e.row.get("time") not in UNREADABLE]
        project.write(folder)
        assert evaluate(folder, project.as_of[0]) == told


def kind(rows: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """The rows of one kind."""
    return [row for row in rows if row["kind"] == name]
