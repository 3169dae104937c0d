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
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from sandbox.world_project import write_connected

if TYPE_CHECKING:
    from collections.abc import Iterator

DAYS = 60
TOKEN = "a-token-for-this-soak-alone"  # noqa: S105 (it guards a daemon that lives for the soak)
_START_SECONDS, _RUN_SECONDS = 300.0, 1800.0
_OBJECTS = {"salesforce": "Account", "hubspot": "companies"}
_ENDED = ("done", "partly", "failed", "stopped", "interrupted")


class SoakError(Exception):
    """The soak itself could not go on; the message says why."""


# ------------------------------------------------------------------------------------- trouble


def troubles(crm: str, fields: list[str]) -> list[dict[str, Any]]:
    """Every kind of trouble that the sandbox knows for this CRM and for Mixpanel."""
    read, write = {
        "salesforce": ("salesforce.query*", "salesforce.collections_update"),
        "hubspot": ("hubspot.*", "hubspot.batch_update"),
    }[crm]
    object_name, export = _OBJECTS[crm], "mixpanel.export"
    cuts = ("short_length", "between_chunks", "inside_chunk", "gzip", "clean", "reset")
    found: list[dict[str, Any]] = [
        {"kind": "status", "route": read, "status": 503, "count": 2},
        {"kind": "status", "route": f"{crm}.*", "status": 500, "probability": 0.2},
        {"kind": "status", "route": export, "status": 429, "count": 2},
        {"kind": "status_after", "route": write, "status": 500, "count": 1},
        {"kind": "html", "route": f"{crm}.*", "status": 502, "count": 2},
        {"kind": "reset", "route": "*", "probability": 0.1},
        {"kind": "reset_after", "route": write, "count": 1},
        {"kind": "slow", "route": "*", "seconds": 1, "probability": 0.1},
        {"kind": "slow_body", "route": export, "seconds": 2, "count": 1},
        *({"kind": "cut", "route": export, "how": how, "at": 0.5, "count": 1} for how in cuts),
        {"kind": "cut", "route": read, "how": "between_chunks", "at": 0.5, "count": 1},
        {"kind": "terminated_early", "route": export, "how": "line", "at": 0.5, "count": 1},
        {"kind": "odd_rows", "route": export, "count": 1},
        {"kind": "load_shed", "route": export, "count": 2},
        {"kind": "expired", "route": f"{crm}.*", "count": 1},
        {"kind": "empty", "route": write, "count": 1},
        {"kind": "partial", "route": write, "share": 0.3, "count": 2},
        {"kind": "locked", "route": write, "share": 0.5, "count": 1},
        {"kind": "hide_field", "route": f"{crm}.*", "object": object_name, "field": fields[0],
         "mode": "gone"},
        {"kind": "hide_field", "route": f"{crm}.*", "object": object_name, "field": fields[0],
         "mode": "read_only"},
        {"kind": "workflow", "route": f"{crm}.*", "object": object_name, "field": fields[0],
         "to": "red"},
        {"kind": "same_millisecond", "route": f"{crm}.*", "object": object_name, "records": 20},
    ]  # fmt: skip
    if crm == "hubspot":
        return [*found, {"kind": "search_lag", "route": "hubspot.*", "object": object_name,
                         "seconds": 30}]  # fmt: skip
    return [
        *found,
        {"kind": "validation_rule", "route": "salesforce.*", "object": object_name,
         "field": fields[0], "value": "yellow", "message": "not today"},
        {"kind": "record_type", "route": "salesforce.*", "object": object_name,
         "field": fields[0], "offers": ["red"]},
        {"kind": "governor", "route": write, "over": 50},
        {"kind": "bulk_failed", "route": "salesforce.*", "after_rows": 5},
        {"kind": "dead_locator", "route": "salesforce.*", "count": 1},
    ]  # fmt: skip


def spread(kinds: list[dict[str, Any]], hours: int, dice: random.Random) -> list[list[int]]:
    """For each hour the numbers of one to four kinds; each kind at least once if there is room."""
    left = dice.sample(range(len(kinds)), len(kinds))
    plan: list[list[int]] = []
    for hour in range(hours):
        wanted = max(dice.randint(1, 4), -(-len(left) // (hours - hour)))
        chosen, left = left[:wanted], left[wanted:]
        while len(chosen) < wanted:
            chosen.append(dice.randrange(len(kinds)))
        plan.append(sorted(set(chosen)))
    return plan


# ----------------------------------------------------------------------------------- processes


@contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", *command],
            env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=said, text=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            assert process.stdout is not None
            process.stdout.close()
            said.seek(0)
            if "Traceback" in (text := said.read()):
                print(text, file=sys.stderr)


def ask(url: str, method: str = "GET", body: Any = None, token: str = "") -> tuple[int, Any]:
    """Status and body of an answer; JSON as plain values, else text."""
    headers = {"Content-Type": "application/json"} | (
        {"Authorization": f"Bearer {token}"} if token else {}
    )
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 (loopback)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            asked, timeout=60
        ) as answer:
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode()
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text


def _free_port() -> int:
    import socket

    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


# -------------------------------------------------------------------------------------- a day


@dataclass
class Hour:
    """One sync. `trouble`: what was switched on; `fired`: how often in all."""

    trouble: list[str]
    fired: int
    state: str
    error: str
    written: int
    left: int
    """records that were to be written and were not, of which nobody knows, or in quarantine"""
    seconds: float
    peak_mb: float
    daemon_mb: float


@dataclass
class Day:
    """What a company came to. `shown`: record → the fields that Gatepost writes."""

    hours: list[Hour] = field(default_factory=list)
    shown: dict[str, dict[str, Any]] = field(default_factory=dict)
    last_wrote: int = -1
    """records written by one more sync after the last; 0 is right"""


class Company:
    """A sandbox, a project that speaks to it, and a daemon that syncs it when it is asked."""

    def __init__(
        self, stack: ExitStack, folder: Path, accounts: int, seed: int, crm: str, today: date
    ) -> None:
        self.crm, self.home = crm, folder / ".gatepost"
        begin = datetime.combine(today, datetime.min.time(), UTC) + timedelta(minutes=30)
        sandbox = stack.enter_context(_process(
            ["sandbox", "--seed", str(seed), "--accounts", str(accounts), "--days", str(DAYS),
             "--end", today.isoformat(), "--now", begin.isoformat()],
            {},
        ))  # fmt: skip
        assert sandbox.stdout is not None
        line = sandbox.stdout.readline()
        if not line:
            raise SoakError("the sandbox did not start")
        ready = json.loads(line)
        self.control = ready["control"]
        ask(f"{self.control}/clock", "POST", {"frozen": True})
        write_connected(folder, crm, ready, today)
        self._adjust(folder, today)
        self.address = f"http://127.0.0.1:{_free_port()}"
        self.fields = _written_fields(folder)
        self.daemon = stack.enter_context(_process(
            ["gatepost", "run", "--project", str(folder), "--listen", self.address[7:]],
            {"GATEPOST_TOKEN": TOKEN, "GATEPOST_SECRETS_DIR": str(folder / "secrets"),
             "GATEPOST_HOME": str(self.home)},
        ))  # fmt: skip
        self._wait_for_daemon()

    def _adjust(self, folder: Path, today: date) -> None:
        """No schedule but ours, quick to give up, and no more history than the world has."""
        first = (today - timedelta(days=DAYS - 1)).isoformat()
        for path in (folder / "gatepost.yaml", *(folder / "journeys").iterdir()):
            text = re.sub(
                r"since: \S+?(?=[,}\s])", f"since: {first}", path.read_text(encoding="utf-8")
            )
            if path.name == "gatepost.yaml":
                text = re.sub(r"(?m)^schedule:.*\n", "", text)
                text = re.sub(
                    r"(type: (?:mixpanel|salesforce|hubspot),)",
                    r"\1 api_budget: 1, timeout_seconds: 10, retries: 3,", text,
                )  # fmt: skip
                text += "schedule: {sync: never, full: never, jitter: 0s}\n"
            path.write_text(text, encoding="utf-8")

    def _wait_for_daemon(self) -> None:
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            try:
                if ask(f"{self.address}/healthz")[0] == 200:
                    return
            except OSError:
                if self.daemon.poll() is not None:
                    break
            time.sleep(0.1)
        raise SoakError(f"the daemon did not start ({self.daemon.poll()})")

    def switch(self, faults: list[dict[str, Any]]) -> None:
        """These are the faults from now on, and no other."""
        ask(f"{self.control}/faults", "DELETE")
        if faults:
            status, said = ask(f"{self.control}/faults", "POST", faults)
            if status >= 400:
                raise SoakError(f"the sandbox knows no such fault: {said}")

    def fired(self) -> int:
        """How often faults fired since they were switched on."""
        _, said = ask(f"{self.control}/faults")
        listed = said if isinstance(said, list) else said.get("faults", [])
        return sum(one["fired"] for one in listed)

    def later(self, hours: int) -> None:
        """Let the sandbox's time pass, and as much for records that wait to be tried again."""
        ask(f"{self.control}/clock", "POST", {"advance_seconds": 3600 * hours})
        self.wait_in_quarantine(hours)

    def wait_in_quarantine(self, hours: int) -> None:
        """Our own clock goes with the real one, and these waits are hours of it."""
        with sqlite3.connect(self.home / "state.sqlite3", timeout=30) as state:
            state.execute(
                "UPDATE quarantine SET next_at = strftime('%Y-%m-%dT%H:%M:%SZ', next_at, ?)",
                (f"-{hours} hours",),
            )

    def meddle(self, hour: int, hours: int) -> None:
        """People overwrite a field that is ours, in other records each hour: half of them by the
        end of the day, and none twice."""
        records, field = self.shown(), self.fields[0]
        ours = sorted(one for one in records if records[one][field])
        for one in ours[hour :: max(2 * hours, 10)]:
            other = "red" if records[one][field] == "green" else "green"
            place = f"{self.control}/records/{self.crm}/{_OBJECTS[self.crm]}/{one}"
            status, said = ask(place, "PATCH", {field: other})
            if status >= 400:
                raise SoakError(f"nobody can edit {one}: {said}")

    def sync(self, trouble: list[str]) -> Hour:
        """One sync by the daemon, to its end."""
        until = time.monotonic() + _RUN_SECONDS
        while True:
            status, said = ask(f"{self.address}/sync", "POST", token=TOKEN)
            if status == 202:
                break
            if time.monotonic() > until:
                raise SoakError(f"no sync begins: {said}")
            time.sleep(0.1)
        while time.monotonic() < until:
            found = self._run(said["run"])
            if found is not None:
                return self._hour(found, trouble)
            time.sleep(0.1)
        raise SoakError(f"run {said['run']} does not end")

    def _run(self, number: int) -> tuple[Any, ...] | None:
        """State, error and summary of a run that has ended and that the daemon has noted."""
        with sqlite3.connect(self.home / "state.sqlite3", timeout=30) as state:
            row = state.execute(
                "SELECT state, coalesce(error, ''), summary FROM runs WHERE id = ?"
                " AND summary LIKE '%wall_seconds%'", (number,),
            ).fetchone()  # fmt: skip
        return None if row is None or row[0] not in _ENDED else tuple(row)

    def _hour(self, row: tuple[Any, ...], trouble: list[str]) -> Hour:
        summary = json.loads(row[2])
        left = sum(summary.get(one, 0) for one in ("failed", "unknown", "unsent", "quarantined"))
        status = Path(f"/proc/{self.daemon.pid}/status").read_text(encoding="ascii")
        resident = int(status.partition("VmRSS:")[2].split()[0]) / 1000
        return Hour(
            trouble, self.fired(), row[0], row[1], summary.get("confirmed", 0), left,
            summary["wall_seconds"], summary["peak_mb"], round(resident, 1),
        )  # fmt: skip

    def shown(self) -> dict[str, dict[str, Any]]:
        """What the CRM shows in the fields that are written, by record."""
        _, said = ask(f"{self.control}/records/{self.crm}/{_OBJECTS[self.crm]}")
        rows = said if isinstance(said, list) else said["records"]
        found = {}
        for row in rows:
            values = {**row, **row.get("properties", {})}
            key = str(values.get("Id") or values.get("id"))
            found[key] = {name: values.get(name) or None for name in self.fields}
        return found


def _written_fields(folder: Path) -> list[str]:
    """The CRM's names of what mapping.yaml writes, a band of health first."""
    from config.load import load_project

    project, problems = load_project(folder)
    if problems or project is None:
        raise SoakError(f"the project has problems: {problems[0]}")
    fields = {
        name: spec.output for entry in project.mapping.write for name, spec in entry.fields.items()
    }
    return sorted(fields, key=lambda name: fields[name] != "health_band")


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
    parser.add_argument("--crm", choices=sorted(_OBJECTS), default="salesforce")
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
