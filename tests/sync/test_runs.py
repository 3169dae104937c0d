"""One run at a time, and what each came to."""

import json
import signal
import subprocess
import sys

import pytest

from config.errors import StopCycle
from sync.runs import (
    LOCK_NAME,
    RUN_VARIABLE,
    announce_run,
    at_work,
    begin_run,
    close_run,
    finish_run,
    run_lock,
)
from sync.state import State
from tests.sync.fake_sink import NOON

HOLD = """
import sys, time, pathlib, sync.runs
with sync.runs.run_lock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_run_in_the_same_home_is_refused_with_the_first_one_s_process(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(StopCycle, match=rf"\(process {holder.pid}\) is at work"),
            run_lock(tmp_path),
        ):
            pass
        assert at_work(tmp_path) == str(holder.pid)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with run_lock(tmp_path):
            pass


def test_the_lock_is_free_after_the_block_and_the_file_stays(tmp_path):
    assert at_work(tmp_path / "home") is None
    for _ in range(2):
        with run_lock(tmp_path / "home"):
            pass
    assert (tmp_path / "home" / LOCK_NAME).exists()
    assert at_work(tmp_path / "home") is None


def test_a_home_that_cannot_be_made_gets_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StopCycle, match="cannot be made"), run_lock(tmp_path / "file"):
        pass


def test_runs_note_how_they_ended(tmp_path):
    with State(tmp_path) as state:
        first = begin_run(state, lambda: NOON, "sync", as_of=NOON.date(), started_by="ada")
        second = begin_run(state, lambda: NOON, "apply", override_reason="merger")
        finish_run(
            state, lambda: NOON, second, "partly", summary={"written": 3}, error="one failed"
        )
        rows = list(
            state.rows("SELECT id, command, state, as_of, summary, error, finished_at FROM runs")
        )
    assert rows[0] == (first, "sync", "interrupted", "2026-05-02", "{}", None, None)
    assert rows[1][:4] == (second, "apply", "partly", None)
    assert json.loads(str(rows[1][4])) == {"written": 3}
    assert rows[1][5:] == ("one failed", "2026-05-02T12:00:00Z")


def test_a_run_that_was_announced_is_taken_over_by_the_process_that_carries_it_out(
    tmp_path, monkeypatch
):
    with State(tmp_path) as state:
        noted = announce_run(state, lambda: NOON, "full", "schedule")
        monkeypatch.setenv(RUN_VARIABLE, str(noted))
        assert begin_run(state, lambda: NOON, "sync", started_by="ada", config_hash="c") == noted
        finish_run(state, lambda: NOON, noted, "partly", summary={"written": 3}, error="one")
        close_run(state, lambda: NOON, noted, "failed", "killed", {"peak_mb": 120})
        rows = list(
            state.rows("SELECT command, started_by, config_hash, state, error, summary FROM runs")
        )
        again = begin_run(state, lambda: NOON, "sync")
    assert rows == [
        ("full", "schedule", "c", "partly", "one", '{"written":3,"peak_mb":120}'),
    ]
    assert again != noted


def test_a_run_whose_process_said_nothing_gets_its_end_from_who_announced_it(tmp_path):
    with State(tmp_path) as state:
        noted = announce_run(state, lambda: NOON, "sync", "schedule")
        close_run(state, lambda: NOON, noted, "failed", "it was killed", {})
        row = next(state.rows("SELECT state, error, finished_at, summary FROM runs"))
    assert row == ("failed", "it was killed", "2026-05-02T12:00:00Z", "{}")
