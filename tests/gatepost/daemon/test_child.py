"""A child process: its words, its end, its memory, and being told to stop."""

import os
import signal
import sys
import threading
import time

import pytest

from gatepost.daemon.child import Child
from gatepost.daemon.jobs import JOBS, command_line, level_of, result_of


def run(code, *, stop=None, environment=None):
    lines = []
    child = Child([sys.executable, "-c", code], environment or os.environ, lines.append)
    if stop is not None:
        threading.Timer(stop, child.stop).start()
    return child.run(), lines


def test_result_lines_and_code_come_back():
    ended, lines = run(
        "import sys; print('{\"a\": 1}'); print('one\\ntwo', file=sys.stderr); sys.exit(3)"
    )
    assert (ended.code, ended.result, lines) == (3, b'{"a": 1}\n', ["one", "two"])
    assert ended.killed_by == ""
    assert ended.seconds > 0


def test_its_memory_is_measured():
    large, _ = run("a = b'x' * 500_000_000")
    assert 500 < large.peak_mb < 5000


def test_much_on_both_pipes_blocks_nobody():
    ended, lines = run(
        "import sys\nfor n in range(20000): print('o' * 50); print('e' * 50, file=sys.stderr)"
    )
    assert len(ended.result) == 20000 * 51
    assert len(lines) == 20000


def test_it_is_stopped_by_a_signal_and_says_which():
    begun = time.monotonic()
    ended, _ = run("import time; time.sleep(60)", stop=0.3)
    assert ended.killed_by == "SIGTERM"
    assert time.monotonic() - begun < 10


def test_one_that_was_stopped_before_it_began_never_runs():
    child = Child([sys.executable, "-c", "raise SystemExit(9)"], os.environ, print)
    child.stop()
    assert child.run().killed_by == "SIGTERM"


def test_a_signal_after_its_end_reaches_nobody():
    child = Child([sys.executable, "-c", "pass"], os.environ, print)
    child.run()
    child.stop(signal.SIGKILL)


@pytest.mark.parametrize(
    ("code", "outcome", "error"),
    [
        ("import sys; sys.exit(0)", "done", ""),
        ("import sys; sys.exit('gatepost: no')", "failed", "no"),
        ("import sys; sys.exit(2)", "failed", "it ended with 2 and said nothing"),
        (
            "import sys; print('gatepost: 1 of 2\\nhint: x', file=sys.stderr); sys.exit(3)",
            "partly",
            "1 of 2",
        ),
        ("import sys; print('gatepost: brake', file=sys.stderr); sys.exit(4)", "stopped", "brake"),
        ("import sys; print('gatepost: at work', file=sys.stderr); sys.exit(5)", "busy", "at work"),
        (
            "import os; os.kill(os.getpid(), 9)",
            "failed",
            "its process was ended by SIGKILL, as the system does where memory runs out",
        ),
    ],
)
def test_how_it_ended_is_told(code, outcome, error):
    ended, lines = run(code)
    result = result_of("sync", ended, lines, stopped=False)
    assert (result.outcome, result.error) == (outcome, error)


def test_one_that_we_stopped_has_not_failed():
    ended, lines = run("import time; time.sleep(60)", stop=0.2)
    assert result_of("sync", ended, lines, stopped=True).outcome == "interrupted"


def test_what_it_printed_is_read_or_left():
    ended, lines = run("print('{\"nothing_new\": true}')")
    assert result_of("sync", ended, lines, stopped=False).nothing_new
    for broken in ("{\\'a\\'", "[1]", "12", ""):
        ended, lines = run(f"print('{broken}')")
        assert not result_of("sync", ended, lines, stopped=False).nothing_new


def test_lines_are_as_loud_as_they_are_meant():
    assert [level_of(one) for one in ("gatepost: x", "warning: x", "hint: x", "x")] == [
        "error", "warning", "info", "info",
    ]  # fmt: skip


def test_every_job_is_a_command_of_this_interpreter():
    for job in JOBS:
        words = command_line(job, "/p")
        assert words[:4] == [sys.executable, "-P", "-m", "gatepost"]
        assert words[5:7] == ["--project", "/p"]
