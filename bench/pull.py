"""Measure pulling Mixpanel's raw export, side by side with what others do with the same bodies.

Three things in turns, each in processes of their own: Gatepost, from the export to a lake that is
deduplicated and sorted; `gzip -dc | wc -l` on the same bodies; and mixpanel-utils' `query_export`,
on the first of them, as it holds everything in memory. The least of each counts. Then all three
once more on one body that is as large as an export of some days (BIG). Beside them, without a
limit: `bare` of bench.pull_once, the least that the same libraries need for sorted Parquet.

    python -m bench.pull [--events 10000000] [--days 30] [--times 3] [--folder DIR] [--json]
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from bench.run import BenchError, Figure, Run, _machine, _quickest, _say, _table, measure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


BIG = 0.2
"""Of all events, how many lie in the body that both pulls have for themselves: `query_export` takes
6 GB for a million, so more would not fit everywhere."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the bodies of a folder, and give the address."""
    command = (sys.executable, "-m", "bench.pull_bodies", str(folder))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def run(folder: Path, events: int, days: int, times: int) -> list[Figure]:
    """Measure everything; about seven minutes at full size."""
    _say("writing the bodies")
    bodies = _write(folder / f"{events}-{days}", events, days)
    few = events // days
    ours: list[Run] = []
    counted: list[Run] = []
    theirs: list[Run] = []
    bare: list[Run] = []
    with served(bodies[0].parent) as url:
        for _ in range(times):
            _say("gatepost")
            ours.append(_pull("gatepost", url, bodies, folder / "home"))
            _say("bare")
            bare.append(_pull("bare", url, bodies, folder / "home"))
            _say("gzip -dc | wc -l")
            counted.append(_counted(bodies))
            _say("mixpanel-utils")
            theirs.append(_pull("mixpanel-utils", url, bodies[:1], folder / "home"))
    _same(ours, int(counted[0].output), events)
    _all(bare, events)
    big = _big(folder, round(BIG * events), min(times, 2))
    pull, reference = _quickest(ours).seconds, _quickest(counted).seconds
    theirs_each, ours_each = _quickest(theirs).seconds / few, pull / events
    return [
        Figure("gzip -dc | wc -l", reference, "s"),
        Figure("pull of the same bodies, of gzip's time", pull / reference, "x", 1.5),
        Figure("pull, a million events", 1e6 * ours_each, "s"),
        Figure("query_export, a million events", 1e6 * theirs_each, "s"),
        Figure("pull, of query_export's time", 100 * ours_each / theirs_each, "%", 12.5),
        Figure("pull, of a bare program's time", pull / _quickest(bare).seconds, "x"),
        Figure("pull, peak memory", max(one.peak_mb for one in ours), "MB", 400),
        *big,
    ]


def _big(folder: Path, events: int, times: int) -> list[Figure]:
    """All three on one and the same body; the quickest of each."""
    bodies = _write(folder / f"{events}-1", events, 1)
    ours, bare, counted, theirs = [], [], [], []
    with served(bodies[0].parent) as url:
        for _ in range(times):
            _say("gatepost, one large body")
            ours.append(_pull("gatepost", url, bodies, folder / "home"))
            _say("bare, the same body")
            bare.append(_pull("bare", url, bodies, folder / "home"))
            _say("gzip -dc | wc -l, the same body")
            counted.append(_counted(bodies))
            _say("mixpanel-utils, the same body")
            theirs.append(_pull("mixpanel-utils", url, bodies, folder / "home"))
    _same(ours, int(counted[0].output), events)
    _all(bare, events)
    pull, reference = _quickest(ours), _quickest(counted).seconds
    other = _quickest(theirs).seconds
    return [
        Figure("one large body: gzip -dc | wc -l", reference, "s"),
        Figure("one large body: pull", pull.seconds, "s"),
        Figure("one large body: query_export", other, "s"),
        Figure("one large body: pull, of gzip's time", pull.seconds / reference, "x", 1.5),
        Figure(
            "one large body: pull, of query_export's time", 100 * pull.seconds / other, "%", 12.5
        ),
        Figure(
            "one large body: pull, of a bare program's time",
            pull.seconds / _quickest(bare).seconds,
            "x",
        ),
        Figure("one large body: pull, peak memory", max(one.peak_mb for one in ours), "MB", 400),
    ]


def _counted(bodies: Sequence[Path]) -> Run:
    return measure(["sh", "-c", 'gzip -dc "$@" | wc -l', "sh", *map(str, bodies)])


def _write(folder: Path, events: int, days: int) -> list[Path]:
    # In another process: Linux counts a parent's memory at the fork as the child's peak.
    code = "import sys; from pathlib import Path; from bench.pull_bodies import write_bodies; "
    code += "print(*write_bodies(Path(sys.argv[1]), *map(int, sys.argv[2:])), sep='\\n')"
    made = measure([sys.executable, "-c", code, str(folder), str(events), str(days)])
    return [Path(line) for line in made.output.splitlines()]


def _pull(who: str, url: str, bodies: Sequence[Path], home: Path) -> Run:
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    days = [path.name.removesuffix(".jsonl.gz") for path in (bodies[0], bodies[-1])]
    # The server asks for no secret; NumPy has one thread in the program too.
    given = ["GATEPOST_PRODUCT_SECRET=bench", "OPENBLAS_NUM_THREADS=1"]
    command = ["env", *given, sys.executable, "-m", "bench.pull_once", who, url, *days, str(home)]
    try:
        return measure(command)
    finally:
        shutil.rmtree(home)


def _same(ours: Sequence[Run], lines: int, events: int) -> None:
    """A figure of a pull that lost something is none: one line in a hundred is there twice."""
    expected = lines - events // 100
    if lines != events or any(abs(int(one.output) - expected) > 1 for one in ours):
        found = [int(one.output) for one in ours]
        message = f"{lines} lines were counted, and {found} rows pulled where {expected} are right"
        raise BenchError(message)


def _all(bare: Sequence[Run], events: int) -> None:
    """What is done barely keeps duplicates."""
    if wrong := [one.output for one in bare if int(one.output) != events]:
        raise BenchError(f"{wrong} rows were written barely where {events} are right")


def main() -> int:
    """Measure and print. Exit code 1 where a command failed, whether or not limits were kept."""
    parser = argparse.ArgumentParser(prog="python -m bench.pull", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("bench/data/pull"))
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    options = parser.parse_args()
    try:
        figures = run(options.folder, options.events, options.days, options.times)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        measured = [asdict(figure) for figure in figures]
        print(json.dumps({**_machine(), "events": options.events, "figures": measured}))
    else:
        print(", ".join(f"{name} {value}" for name, value in _machine().items()))
        print(f"{options.events:,} events in {options.days} days\n")
        print(_table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
