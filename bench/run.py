"""Measure what the product promises about speed and memory, as ratios taken side by side.

F is the time that DuckDB takes, with the same two threads, to count the distinct (account, user,
event, day) of the same lake. Each figure is a process of its own, its peak memory as the kernel
counted it. Ratios travel from machine to machine; seconds do not.

    python -m bench.run [--scale 0.01] [--folder DIR] [--json]
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Nothing heavy may be imported here: Linux counts a parent's memory at the moment of the fork as
# the child's peak.
BIN = Path(sys.executable).parent
DAYS = 180
FIRST_DAY = date(2026, 1, 1)
REFERENCE = """
import sys, time, duckdb
con = duckdb.connect(config={"threads": 2, "memory_limit": "2GB"})
con.execute("SET enable_progress_bar = false")
started = time.perf_counter()
con.execute(f'''
    SELECT count(*) FROM (
        SELECT DISTINCT account_key, "user", event, day
        FROM read_parquet('{sys.argv[1]}/**/*.parquet', hive_partitioning = true)
    )
''').fetchall()
print(time.perf_counter() - started)
"""


class BenchError(Exception):
    """A measured command failed; the message holds what it said."""


@dataclass(frozen=True, slots=True)
class Run:
    """One process: seconds of wall time, peak resident memory in MB (10**6 bytes), its output."""

    seconds: float
    peak_mb: float
    output: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value, and the most it may be (None where nothing is promised)."""

    name: str
    value: float
    unit: str
    limit: float | None = None


def measure(command: Sequence[str]) -> Run:
    """Run a command to its end. Raises BenchError if it fails."""
    started = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        message = f"{' '.join(command)} ended with {process.returncode}:\n{output}"
        raise BenchError(message)
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return Run(seconds, usage.ru_maxrss * unit / 1e6, output)


def fastest(command: Sequence[str], times: int) -> Run:
    """Run a command several times; keep the fastest, as the one least disturbed."""
    return _quickest([measure(command) for _ in range(times)])


def _quickest(runs: Sequence[Run]) -> Run:
    return min(runs, key=lambda run: run.seconds)


class Bench:
    """One project folder, and the commands that are measured on it."""

    def __init__(self, folder: Path, scale: float) -> None:
        self.folder = folder
        self.scale = scale
        self.days = DAYS

    def generate(self, *options: str) -> None:
        """Make the project, or take it back to where it began, in a process of its own."""
        out = ("--out", str(self.folder), "--scale", str(self.scale))
        measure([sys.executable, "-m", "bench.generate", *out, *options])

    def add_day(self) -> None:
        """Let one more day of events arrive."""
        self.generate("--add-day", str(self.days))
        self.days += 1

    def sync(self, times: int = 1) -> Run:
        """Synchronise as of the last day that has events."""
        last = date.fromordinal(FIRST_DAY.toordinal() + self.days - 1)
        command = (str(BIN / "gatepost"), "sync", "--project", str(self.folder))
        return fastest([*command, "--as-of", last.isoformat()], times)

    def replay(self, version: int, windows: tuple[int, int] = (7, 28)) -> Run:
        """Synchronise after the journey changed, so that the whole past is told anew."""
        short, long = (str(days) for days in windows)
        self.generate("--journey", str(version), "--short", short, "--long", long)
        return self.sync()

    def reference(self) -> float:
        """Return F in seconds: the fastest of three."""
        lake = str(self.folder / ".gatepost" / "lake" / "events")
        command = (sys.executable, "-c", REFERENCE, lake)
        return min(float(measure(command).output) for _ in range(3))


def run(folder: Path, scale: float) -> list[Figure]:
    """Measure everything; about half an hour at full scale."""
    bench = Bench(folder, scale)
    _say("generating the project")
    bench.generate()
    _say("first sync: pull, replay, write")
    first = bench.sync()
    _say("F")
    reference = bench.reference()
    replays, longer = [], []
    # In turns, so that a busy minute of the machine does not fall on one of the two alone; and each
    # time the values of the other are there, so that both write as much.
    for version in (1, 3):
        _say("full replay of 180 days, windows twice as long")
        longer.append(bench.replay(version, windows=(14, 56)))
        _say("the same with the usual windows")
        replays.append(bench.replay(version + 1))
    replay, doubled = _quickest(replays), _quickest(longer)
    days = []
    for _ in range(2):
        _say("one more day")
        bench.add_day()
        days.append(bench.sync())
    day = _quickest(days)
    _say("nothing new")
    idle = bench.sync(times=3)
    _say("help")
    python = fastest([sys.executable, "-c", "pass"], 7)
    told = fastest([str(BIN / "gatepost"), "--help"], 7)
    return [
        Figure("F: count distinct (account, user, event, day)", reference, "s"),
        Figure("first sync (pull, replay, write)", first.seconds / reference, "F"),
        Figure("first sync, peak memory", first.peak_mb, "MB"),
        Figure("full replay of 180 days", replay.seconds / reference, "F", 25),
        Figure("full replay, peak memory", max(r.peak_mb for r in replays), "MB", 4000),
        Figure("windows twice as long", 100 * (doubled.seconds / replay.seconds - 1), "%", 20),
        Figure("sync after one more day", day.seconds / reference, "F", 1.5),
        Figure("sync after one more day, peak memory", max(d.peak_mb for d in days), "MB", 1500),
        Figure("sync with nothing new", idle.seconds / reference, "F", 0.2),
        Figure("sync with nothing new, peak memory", idle.peak_mb, "MB"),
        Figure("gatepost --help beyond bare Python", told.seconds - python.seconds, "s", 0.3),
    ]


def _say(step: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {step} ...", file=sys.stderr, flush=True)


def _machine() -> dict[str, str]:
    names = ("gatepost", "duckdb", "ibis-framework", "numpy")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in names},
    }


def _table(figures: Sequence[Figure]) -> str:
    lines = []
    for figure in figures:
        promise = ""
        if figure.limit is not None:
            promise = f"at most {figure.limit:g} {figure.unit}"
            promise += "" if figure.value <= figure.limit else "  MISSED"
        value = f"{figure.value:.0f}" if figure.unit in {"MB", "%"} else f"{figure.value:.2f}"
        lines.append(f"{figure.name:<46}{value:>10} {figure.unit:<3} {promise}".rstrip())
    return "\n".join(lines)


def main() -> int:
    """Measure and print. Exit code 1 where a command failed, whether or not limits were kept."""
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("bench/data/company"))
    parser.add_argument("--scale", type=float, default=1.0, help="0.01 only tries the machinery")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    options = parser.parse_args()
    try:
        figures = run(options.folder, options.scale)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        measured = [asdict(figure) for figure in figures]
        print(json.dumps({**_machine(), "scale": options.scale, "figures": measured}))
    else:
        print(", ".join(f"{name} {value}" for name, value in _machine().items()))
        print(f"scale {options.scale:g}; seconds differ between machines, ratios less so\n")
        print(_table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
