"""A company for a soak: a sandbox, a project that speaks to it, and a daemon that syncs it."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.soak_trouble import OBJECTS
from sandbox.world_project import write_connected

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack

DAYS = 60
TOKEN = "a-token-for-this-soak-alone"  # noqa: S105 (it guards a daemon that lives for the soak)
_START_SECONDS, _RUN_SECONDS = 300.0, 1800.0
_ENDED = ("done", "partly", "failed", "stopped", "interrupted")


class SoakError(Exception):
    """The soak itself could not go on; the message says why."""


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
        """Let the sandbox's time pass, and as much for what counts by our own clock, which goes
        with the real one: records that wait to be tried again, and the exports of an hour."""
        ask(f"{self.control}/clock", "POST", {"advance_seconds": 3600 * hours})
        self.wait_in_quarantine(hours)
        (self.home / "requests" / "product.json").unlink(missing_ok=True)

    def wait_in_quarantine(self, hours: int) -> None:
        """Bring the next try of each record nearer."""
        with sqlite3.connect(self.home / "state.sqlite3", timeout=30) as state:
            state.execute(
                "UPDATE quarantine SET next_at = strftime('%Y-%m-%dT%H:%M:%SZ', next_at, ?)",
                (f"-{hours} hours",),
            )

    def meddle(self, hour: int, hours: int) -> None:
        """People overwrite a field that is ours, in other records each hour, and in none twice. So
        few that an hour or two without a sync pull no brake."""
        records, field = self.shown(), self.fields[0]
        ours = sorted(one for one in records if records[one][field])
        for one in ours[hour :: max(2 * hours, 30)]:
            other = "red" if records[one][field] == "green" else "green"
            place = f"{self.control}/records/{self.crm}/{OBJECTS[self.crm]}/{one}"
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
        _, said = ask(f"{self.control}/records/{self.crm}/{OBJECTS[self.crm]}")
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
