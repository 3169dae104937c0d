"""`kill -9` in the middle of a sync over HTTP, again and again: what is lost, what happens twice?

Each time every account moves on to another stage, a sync is killed (half the times at a step of the
ledger, half at a random moment), and the next one has to end it. Then the CRM is looked at: every
account shows its stage, the CRM's own field history says that it came there once, the ledger has
nothing open, and one more sync writes nothing.

    python -m bench.kill [--points 200] [--seed 1]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sync.writing
from bench.crm import Crm
from config.load import load_project
from sync.cycle import Cycle
from sync.ledger import unsettled
from sync.push import STEPS, push
from sync.state import State

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNTS, BATCH = 12, 4
MOST_STEPS = 1 + 3 * (ACCOUNTS // BATCH)
"""intended; and for each batch sent, written and settled"""


@dataclass
class Tally:
    """What was seen over all points."""

    points: int = 0
    killed: int = 0
    at: dict[str, int] = field(default_factory=dict)
    settled: int = 0
    faults: list[str] = field(default_factory=list)


def in_a_child(act: Callable[[], Any], kill_after: float | None = None) -> tuple[int, Any, float]:
    """Fork, act, perhaps kill: the exit code (negative for a signal), what `act` gave, seconds."""
    began = time.monotonic()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            os.write(writing, json.dumps(act()).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    answer = json.loads(said) if said else None
    return os.waitstatus_to_exitcode(status), answer, time.monotonic() - began


def sync_once(crm: Crm, die_at: int | None = None) -> dict[str, int]:
    """One sync of the project's day; kills itself at the `die_at`-th step of the ledger."""
    os.environ.update(crm.environment)
    project, problems = load_project(crm.folder)
    assert project is not None, problems
    passed = 0

    def on_step(_: str) -> None:
        nonlocal passed
        passed += 1
        if passed == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    sync.writing.push = partial(push, on_step=on_step)  # type: ignore[attr-defined]
    now = datetime.now(UTC) + timedelta(days=1)
    with Cycle(project, now=now, as_of=crm.as_of, exclusive=True) as cycle:
        applied = cycle.sync()
    report = applied.report
    return {"records": report.records, "confirmed": report.confirmed, "settled": applied.settled}


def at_one_point(crm: Crm, chance: random.Random, seconds: float, tally: Tally) -> None:
    """Kill one sync, end it with another, and look at what became of it."""
    crm.next_day()
    entered = crm.phase
    before = sorted(crm.moves(entered))
    step = chance.randint(1, MOST_STEPS) if chance.random() < 0.5 else None
    moment = None if step else chance.uniform(0, seconds)
    code, _, _ = in_a_child(lambda: sync_once(crm, step), moment)
    tally.points += 1
    tally.killed += code == -signal.SIGKILL
    where = "moment" if step is None else ("intended" if step == 1 else STEPS[1:][(step - 2) % 3])
    tally.at[where] = tally.at.get(where, 0) + 1
    code, ended, _ = in_a_child(lambda: sync_once(crm))
    point = f"point {tally.points} ({where}, step {step}, moment {moment})"
    if code != 0 or ended["confirmed"] != ended["records"]:
        tally.faults.append(f"{point}: the next sync did not end it: {code} {ended}")
        return
    tally.settled += ended["settled"]
    tally.faults += [f"{point}: {one}" for one in wrong(crm, entered, before)]


def wrong(crm: Crm, entered: str, before: list[str]) -> list[str]:
    """What is not as it should be once a killed sync was ended by another."""
    found = []
    lost = [one for one, stage in crm.stages().items() if stage != entered]
    if lost:
        found.append(f"lost: {lost}")
    moves = crm.moves(entered)
    twice = [one for one in crm.ids if moves.count(one) != before.count(one) + 1]
    if twice:
        found.append(f"not exactly one effect: {twice}")
    with State(crm.folder / ".gatepost") as state:
        left = list(unsettled(state))
    if left:
        found.append(f"not settled: {left}")
    code, again, _ = in_a_child(lambda: sync_once(crm))
    if code != 0 or again["records"]:
        found.append(f"one more sync: {code} {again}")
    return found


def measure(points: int, seed: int, say: Callable[[str], None] = lambda _: None) -> Tally:
    """Kill so many times. A moment may come too late to kill anything: then it is no point."""
    chance, tally = random.Random(seed), Tally()  # noqa: S311 - it chooses points, no secrets
    with (
        tempfile.TemporaryDirectory() as folder,
        Crm(Path(folder), ACCOUNTS, BATCH, ", read_back: none") as crm,
    ):
        for _ in range(2):  # the first run goes out as a canary, and takes longer
            crm.next_day()
            code, _, seconds = in_a_child(lambda: sync_once(crm))
            assert code == 0
        while tally.killed < points and tally.points < 3 * points:
            at_one_point(crm, chance, seconds, tally)
            if tally.points % 20 == 0:
                say(f"{tally.points} points, {tally.killed} killed, {len(tally.faults)} wrong")
    return tally


def main() -> int:
    """Measure and print; 1 if anything was lost, came twice or was left open."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    tally = measure(options.points, options.seed, lambda line: print(line, file=sys.stderr))
    print(f"points               {tally.points}")
    print(f"killed               {tally.killed}")
    print(f"at                   {dict(sorted(tally.at.items()))}")
    print(f"settled by reading   {tally.settled}")
    print(f"wrong                {len(tally.faults)}")
    for one in tally.faults:
        print(f"  {one}")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
