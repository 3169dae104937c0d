"""A few of the points that `python -m bench.kill` takes 200 of."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_sync_that_is_killed_over_http_is_ended_by_the_next_one():
    # A process of its own: it forks, and must have no threads when it does.
    done = subprocess.run(
        [sys.executable, "-m", "bench.kill", "--points", "4", "--seed", "7"],
        cwd=ROOT, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if " " in line)
    assert lines["killed"].strip() == "4"
    assert lines["wrong"].strip() == "0"
