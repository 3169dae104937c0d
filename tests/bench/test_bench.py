"""The benchmark's own machinery, at a thousandth of its size."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from bench.generate import FIRST_DAY, add_day, generate, write_journey
from bench.run import BenchError, Figure, _table, measure

SCALE = 0.001
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench") / "company"
    generate(folder, SCALE)
    return folder


def ask(folder, question):
    events = f"read_parquet('{folder}/product/events/*.parquet', filename = true)"
    with duckdb.connect() as connection:
        return connection.execute(question.format(events=events)).fetchone()


def test_the_project_has_the_promised_size_and_one_file_a_day(company):
    rows, files, accounts = ask(
        company,
        "SELECT count(*), count(DISTINCT filename), count(DISTINCT company_id) FROM {events}",
    )
    assert rows == pytest.approx(20_000, rel=0.01)
    assert files == 180
    assert accounts == 50


def test_sizes_are_skewed_and_ids_are_unique(company):
    biggest, median, rows, ids = ask(
        company,
        """
        SELECT max(n), median(n), sum(n), sum(i) FROM (
            SELECT count(*) n, count(DISTINCT "$insert_id") i FROM {events} GROUP BY company_id
        )
        """,
    )
    assert biggest > 10 * median
    assert rows == ids


def test_columns_that_are_drawn_do_not_follow_each_other(company):
    """An account has many users and nearly every event, so no two columns share a source."""
    users, kinds = ask(
        company,
        """
        SELECT max(u), median(k) FROM (
            SELECT count(DISTINCT "user") u, count(DISTINCT event) k FROM {events}
            GROUP BY company_id
        )
        """,
    )
    assert users > 50
    assert kinds >= 18


def test_generating_again_takes_back_later_days_and_state(company):
    before = ask(company, "SELECT count(*), sum(time) FROM {events}")
    add_day(company, 180, SCALE)
    write_journey(company, version=5)
    (company / ".gatepost").mkdir()
    assert ask(company, "SELECT count(DISTINCT filename) FROM {events}") == (181,)

    generate(company, SCALE)

    assert ask(company, "SELECT count(*), sum(time) FROM {events}") == before
    assert not (company / ".gatepost").exists()
    journey = (company / "journeys" / "lifecycle.yaml").read_text(encoding="utf-8")
    assert "target: 30d" in journey
    assert f"since: {FIRST_DAY}" in journey


WEIGH = """
import sys
from bench.run import measure
for size in (0, 150_000_000):
    run = measure([sys.executable, "-c", f"x = b'x' * {size}; print(len(x))"])
    assert run.output == f"{size}\\n"
    print(run.peak_mb)
"""


def test_peak_memory_is_that_of_the_measured_process():
    """Weighed from a process as small as the benchmark's own, not from this one full of pytest."""
    told = subprocess.run(
        [sys.executable, "-c", WEIGH], cwd=ROOT, capture_output=True, text=True, check=True
    )
    small, large = map(float, told.stdout.split())
    assert small < 40
    assert 140 < large - small < 160


def test_a_command_that_fails_stops_the_measurement_and_is_quoted():
    with pytest.raises(BenchError, match="ended with 3:\nbecause"):
        measure([sys.executable, "-c", "print('because'); raise SystemExit(3)"])


def test_a_limit_that_is_missed_says_so():
    kept, missed = _table([Figure("a", 1.2, "F", 1.5), Figure("b", 2.0, "F", 1.5)]).splitlines()
    assert kept.endswith("at most 1.5 F")
    assert missed.endswith("MISSED")
