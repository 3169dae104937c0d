"""Random projects: the oracle can read each of them, and what it says hangs together."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from tests.oracle.projects import RandomProject, projects
from tests.oracle.reference import evaluate, history

QUICK = settings(
    max_examples=25,
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
                stays = [one for one in mine if one["kind"] == "stage"]
                assert [stay["to"] for stay in stays[:-1]] == [stay["from"] for stay in stays[1:]]
                assert row["stage"] == (stays[-1]["name"] if stays else None)
                open_now = {one["name"] for one in mine if one["to"] is None} - {row["stage"]}
                assert set(row["alerts"] or []) == open_now


@QUICK
@given(projects())
def test_an_unfinished_day_judges_like_the_day_before(project: RandomProject):
    """Health as it was yesterday, unless the journey has ended since."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project.write(folder)
        today = project.as_of[0]
        now = evaluate(folder, today, project.sightings(), complete=False)
        full = evaluate(folder, today, project.sightings())
        for row, night in zip(now, full, strict=True):
            assert row["stage"] == night["stage"]
            assert row["signals"] == night["signals"]
            assert row["computed_on"] in (None, today.isoformat())
        assert today - timedelta(days=1) < today
