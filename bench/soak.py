"""A day of the sandbox's time with every fault switched on at random, and a daemon that syncs.

Two companies of the same seed, in which people overwrite what was written here and there: one is
left in peace, the other has between one and four kinds of trouble each hour, every kind at least
once. At the end both CRMs must show the same, every run that did not do its work must have said so,
and memory must be flat.

    python -m bench.soak [--accounts 5000] [--syncs 24] [--crm salesforce] [--json]
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from typing import Any

from bench.soak_company import Company, Hour, SoakError
from bench.soak_trouble import OBJECTS, spread, troubles


@dataclass
class Day:
    """What a company came to. `shown`: record → the fields that Gatepost writes."""

    hours: list[Hour] = field(default_factory=list)
    shown: dict[str, dict[str, Any]] = field(default_factory=dict)
    last_wrote: int = -1
    """records written by one more sync after the last; 0 is right"""


def live(folder: Path, options: argparse.Namespace, *, wild: bool, today: date) -> Day:
    """A company's day: one sync to begin with, then one an hour, then two in peace."""
    day, dice = Day(), random.Random(options.seed)  # noqa: S311 (the same trouble every time)
    with ExitStack() as stack:
        company = Company(stack, folder, options.accounts, options.seed, options.crm, today)
        day.hours.append(_told(company.sync([])))
        kinds = troubles(options.crm, company.fields)
        hours = spread(kinds, options.syncs, dice)
        for number, chosen in enumerate(hours):
            if datetime.now(UTC).date() != today:
                raise SoakError("the day ended meanwhile (UTC): begin earlier")
            company.later(_hour_of(number + 1, options.syncs) - _hour_of(number, options.syncs))
            company.meddle(number, options.syncs)
            faults = [kinds[one] | {"seed": number} for one in chosen] if wild else []
            company.switch(faults)
            names = [f"{one['kind']}@{one['route']}" for one in faults]
            day.hours.append(_told(company.sync(names)))
        company.switch([])
        for _ in range(3):  # who waits longest for another try waits for a day
            company.wait_in_quarantine(24)
            day.hours.append(_told(company.sync([])))
            if day.hours[-1].state == "done":
                break
        day.shown = company.shown()
        day.last_wrote = company.sync([]).written
    return day


def _hour_of(number: int, syncs: int) -> int:
    """The hour of the day at which a sync begins; the last one a little before midnight."""
    return 23 * number // syncs


def _told(hour: Hour) -> Hour:
    what = ", ".join(hour.trouble) or "in peace"
    print(
        f"{datetime.now(UTC):%H:%M:%S} {hour.state:<11} written {hour.written:>5},"
        f" left {hour.left:>4}, {hour.seconds:6.1f} s, {hour.peak_mb:5.0f} MB"
        f" (daemon {hour.daemon_mb:.0f}), fired {hour.fired:>3}: {what}"
        + (f": {hour.error[:100]}" if hour.error else ""),
        file=sys.stderr, flush=True,
    )  # fmt: skip
    return hour


# ------------------------------------------------------------------------------------- verdict


def verdict(calm: Day, wild: Day) -> list[str]:
    """What is wrong; empty if the promise was kept."""
    found = []
    differ = [one for one in calm.shown if wild.shown.get(one) != calm.shown[one]]
    if differ or calm.shown.keys() != wild.shown.keys():
        first = differ[0] if differ else "?"
        found.append(
            f"{len(differ)} of {len(calm.shown)} records differ from the undisturbed company, such "
            f"as {first}: {wild.shown.get(first)} instead of {calm.shown.get(first)}"
        )
    if any(hour.state != "done" for hour in calm.hours):
        found.append("the undisturbed company had runs that were not done")
    if wild.hours[-1].state != "done":
        found.append(
            f"the last run in peace ended as {wild.hours[-1].state}: {wild.hours[-1].error}"
        )
    if calm.last_wrote or wild.last_wrote:
        found.append("one more sync wrote again")
    silent = [hour for hour in wild.hours if hour.state == "done" and hour.left]
    silent += [
        hour for hour in wild.hours if hour.state != "done" and not hour.error and not hour.left
    ]
    if silent:
        found.append(f"{len(silent)} runs failed without a word")
    return found


def figures(calm: Day, wild: Day) -> dict[str, Any]:
    """What is worth reading besides."""
    third = max(1, len(wild.hours) // 3)
    later = wild.hours[1:]
    states = [hour.state for hour in wild.hours]
    return {
        "syncs": len(wild.hours),
        "accounts": len(wild.shown),
        "faults fired": sum(hour.fired for hour in wild.hours),
        "runs": {state: states.count(state) for state in sorted(set(states))},
        "child MB, first third": round(median(hour.peak_mb for hour in later[:third]), 1),
        "child MB, last third": round(median(hour.peak_mb for hour in later[-third:]), 1),
        "child MB, most": max(hour.peak_mb for hour in wild.hours),
        "daemon MB, first": wild.hours[0].daemon_mb,
        "daemon MB, last": wild.hours[-1].daemon_mb,
        "seconds a sync, in peace": round(median(hour.seconds for hour in calm.hours[1:]), 1),
        "seconds a sync, in trouble": round(median(hour.seconds for hour in wild.hours[1:]), 1),
    }


def main() -> int:
    """Live both days and judge them. Exit code 1 if the promise was not kept."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--accounts", type=int, default=5000)
    parser.add_argument("--syncs", type=int, default=24, help="spread over the day")
    parser.add_argument("--crm", choices=sorted(OBJECTS), default="salesforce")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    today = datetime.now(UTC).date()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and what was started ends too
    try:
        with tempfile.TemporaryDirectory() as folder:
            calm = live(Path(folder) / "calm", options, wild=False, today=today)
            wild = live(Path(folder) / "wild", options, wild=True, today=today)
    except SoakError as error:
        print(error, file=sys.stderr)
        return 1
    wrong, told = verdict(calm, wild), figures(calm, wild)
    if options.json:
        hours = [asdict(hour) for hour in wild.hours]
        print(json.dumps({"wrong": wrong, "figures": told, "hours": hours}))
    else:
        print("\n".join(f"{name:<28}{value}" for name, value in told.items()))
        print("\n".join(wrong) or "ended right, and every failure was told")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
