"""Small projects for tests in which all of the input can be seen: a journey, accounts, events."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from tests.oracle import reference
from tests.oracle.project import Sighting

FIELDS = {
    "signed_on": "date",
    "contract_end": "date",
    "renewed_on": "date",
    "kickoff_on": "date",
    "seats": "number",
    "champion": "text",
    "segment": "text",
}
MAPPING = """
accounts: {from: crm, object: Account, id: Id}
fields:
FIELDS
events:
  - from: product
    account: {property: workspace, equals: id}
    user: user
    keep: [amount, plan, beta]
"""
PROJECT = """
connections:
  crm: {type: files, path: crm}
  product: {type: files, path: product}
"""


def day(text: str) -> date:
    """`03-01` is 1 March 2024."""
    return date.fromisoformat(text if len(text) > len("mm-dd") else f"2024-{text}")


class Small:
    """A project of one journey whose accounts are called a, b, c …; every date is in 2024."""

    def __init__(
        self,
        folder: Path,
        journey: str,
        events: str = "",
        accounts: str = "a:",
        sightings: Sequence[Sighting] | None = None,
        mapping: str = MAPPING,
    ) -> None:
        self.folder = folder
        self.sightings = sightings
        fields = "\n".join(f"  {n}: {{field: {n}, type: {t}}}" for n, t in FIELDS.items())
        write(folder / "gatepost.yaml", PROJECT)
        write(folder / "mapping.yaml", mapping.replace("FIELDS", fields))
        head = "journey: J\n" + ("" if "timezone:" in journey else "timezone: UTC\n")
        since = "" if "since:" in journey else "since: 2024-01-01\n"
        write(folder / "journeys" / "j.yaml", head + since + journey)
        self.write_accounts(accounts)
        lines = [json.dumps(read_event(line)) for line in events.strip().splitlines()]
        write(folder / "product" / "events" / "e.jsonl", "\n".join(lines) + "\n")

    def write_accounts(self, accounts: str) -> None:
        """One account a line: `a: signed_on=2024-03-01 seats=5`."""
        path = self.folder / "crm" / "Account.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.DictWriter(file, ["Id", *FIELDS], restval="")
            rows.writeheader()
            for line in accounts.strip().splitlines():
                name, _, cells = line.strip().partition(":")
                rows.writerow({"Id": name, **dict(cell.split("=") for cell in cells.split())})

    def row(self, as_of: str, account: str = "a", *, complete: bool = True) -> dict[str, Any]:
        """What `evaluate` says about one account on a day."""
        return {row["account"]: row for row in self.rows(as_of, complete=complete)}[account]

    def rows(self, as_of: str, *, complete: bool = True) -> list[dict[str, Any]]:
        """What `evaluate` says on a day."""
        return reference.evaluate(self.folder, day(as_of), self.sightings, complete=complete)

    def signals(self, as_of: str, account: str = "a") -> dict[str, Any]:
        """The signals of one account on a day."""
        return dict(self.row(as_of, account)["signals"])

    def told(self, as_of: str, kind: str = "stage", *, complete: bool = True) -> list[str]:
        """The history of one kind, a line each: `Onboarding 03-01 completed 03-02 to 03-02`."""
        rows = reference.history(self.folder, day(as_of), self.sightings, complete=complete)
        lines = []
        for row in rows:
            if row["kind"] == kind:
                words = [row["name"], row["from"][5:]]
                words += ["completed", row["completed"][5:]] if row.get("completed") else []
                words += ["to", row["to"][5:]] if row["to"] else []
                lines.append(" ".join(words))
        return lines


def read_event(line: str) -> dict[str, Any]:
    """`03-01T10:00 Shared ann amount=3`: time, name, user (`-` for none), properties as JSON.

    The event belongs to account a, unless `workspace="b"` says otherwise.
    """
    time, name, user, *cells = line.split()
    found: dict[str, Any] = {"event": name, "workspace": "a"}
    found["time"] = f"2024-{time}" if re.match(r"\d\d-\d\d", time) else json.loads(time)
    if user != "-":
        found["user"] = user
    for cell in cells:
        key, _, value = cell.partition("=")
        found[key] = json.loads(value)
    return found


def write(path: Path, text: str) -> None:
    """A text file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
