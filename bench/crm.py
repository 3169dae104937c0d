"""A Salesforce in the sandbox and a project over it, whose accounts change their stage every day.

What drives the stages are product events in plain files, so that each day is a day of the project
however fast the days go by.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FIRST_DAY = date(2026, 1, 5)
PHASES = ("Adoption", "Renewal")
FIELDS = ("Lifecycle_Stage__c", "Stage_Entered__c", "TTV_Days__c")
GATEPOST = """
connections:
  crm: {{type: salesforce, url: "{url}", client_id: "{client_id}", batch_size: {batch}}}
  product: {{type: files, path: product}}
guards: {{max_changed: never, max_mix: never, min_volume: never{guards}}}
"""
MAPPING = """
accounts: {from: crm, object: Account, id: Id, name: Name}
events:
  - from: product
    account: {property: company, equals: id}
    keep: [phase]
write:
  - fields:
      Lifecycle_Stage__c: stage
      Stage_Entered__c: stage_entered_on
      TTV_Days__c: goes
"""
JOURNEY = """
journey: Care
timezone: UTC
since: 2026-01-01
signals:
  phase: {last: Go, property: phase}
  goes: {count: Go}
stages:
  - {stage: Onboarding, enter: phase is not null, exit: "phase = 'never'", then: Adoption}
  - {stage: Adoption, from: any, enter: "phase = 'Adoption'", exit: "phase <> 'Adoption'",
     then: Onboarding}
  - {stage: Renewal, from: any, enter: "phase = 'Renewal'", exit: "phase <> 'Renewal'",
     then: Onboarding}
"""


class Crm:
    """The sandbox as a process of its own, and the project's folder. A context manager."""

    def __init__(self, folder: Path, accounts: int = 12, batch: int = 4, guards: str = "") -> None:
        self.folder, self.day, self._options = folder, 0, (accounts, batch, guards)

    def __enter__(self) -> Self:
        accounts, batch, guards = self._options
        words = [
            sys.executable, "-m", "sandbox", "--port", "0", "--accounts", str(accounts),
            "--days", "60",
        ]  # fmt: skip
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        ready = json.loads(self.process.stdout.readline())
        self.control: str = ready["control"]
        self.known: dict[str, str] = ready["salesforce"]
        self._gatepost = GATEPOST.format(
            url=self.known["url"], client_id=self.known["client_id"], batch=batch, guards=guards
        )
        self.lay_out(self.folder)
        self.environment = {"GATEPOST_CRM_CLIENT_SECRET": self.known["client_secret"]}
        self.ids = sorted(one["Id"] for one in self.records())
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def lay_out(self, folder: Path) -> None:
        """Go on in another folder, with a project that has not seen anything yet."""
        self.folder, self.day = folder, 0
        (folder / "gatepost.yaml").write_text(self._gatepost)
        (folder / "mapping.yaml").write_text(MAPPING)
        (folder / "journeys").mkdir()
        (folder / "journeys" / "care.yaml").write_text(JOURNEY)
        (folder / "product" / "events").mkdir(parents=True)

    @property
    def as_of(self) -> date:
        """The project's day."""
        return FIRST_DAY + timedelta(days=self.day)

    @property
    def phase(self) -> str:
        """The stage that every account has got to on this day."""
        return PHASES[self.day % 2]

    def next_day(self) -> None:
        """A day goes by, and every account moves on to the other stage."""
        self.day += 1
        self.go(dict.fromkeys(self.ids, self.phase))

    def go(self, phases: Mapping[str, str]) -> None:
        """What happened on this day: which account got to which stage."""
        at = datetime(self.as_of.year, self.as_of.month, self.as_of.day, 9, tzinfo=UTC).isoformat()
        rows = [
            {"event": "Go", "time": at, "company": one, "phase": phase}
            for one, phase in phases.items()
        ]
        path = self.folder / "product" / "events" / f"{self.as_of}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def ask(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """One of the sandbox's own routes."""
        request = urllib.request.Request(  # noqa: S310 - loopback, over http on purpose
            f"{self.control}/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            text = answer.read()
        return json.loads(text) if text else None

    def records(self, kind: str = "Account") -> list[dict[str, Any]]:
        """All records as they are now."""
        found: list[dict[str, Any]] = self.ask(f"records/salesforce/{kind}")
        return found

    def edit(self, record: str, **values: Any) -> None:
        """A person types into the CRM."""
        self.ask(f"records/salesforce/Account/{record}", values, "PATCH")

    def fault(self, kind: str, route: str = "*", **settings: Any) -> None:
        """Switch a bad day on."""
        self.ask("faults", {"kind": kind, "route": route, **settings}, "POST")

    def good_days(self) -> None:
        """Switch every bad day off."""
        self.ask("faults", method="DELETE")

    def stages(self) -> dict[str, str | None]:
        """What each account's stage is in the CRM."""
        return {one["Id"]: one["Lifecycle_Stage__c"] for one in self.records()}

    def moves(self, entered: str) -> list[str]:
        """The accounts whose history says that they came into this stage, one for each time."""
        return [
            row["AccountId"]
            for row in self.records("AccountHistory")
            if row["Field"] == "Lifecycle_Stage__c" and row["NewValue"] == entered
        ]

    def program(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """The program itself, on this project and its day."""
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "gatepost", *words, "--project", str(self.folder)],
            env={**os.environ, **self.environment}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
        )  # fmt: skip
