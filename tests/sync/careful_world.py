"""A project of plain files in which a CRM's column decides each account's stage, run by run."""

import csv
from datetime import UTC, date, datetime, timedelta

from config.load import load_project
from sync.cycle import Cycle
from sync.orders import Orders

FIRST_DAY = date(2026, 6, 1)
COLUMNS = ("Id", "Name", "Segment", "Signed", "Phase", "Stage", "Since", "Done", "Hint")
GATEPOST = "connections:\n  crm: {type: files, path: crm}\nguards: {%s}\n"
MAPPING = """
accounts: {from: crm, object: Account, id: Id, name: Name}
fields:
  segment: Segment
  signed: {field: Signed, type: date}
  phase: Phase
write:
  - fields:
      Stage: {output: stage%s}
      Since: stage_entered_on
"""
JOURNEY = """
journey: Care
timezone: UTC
since: 2026-01-01
start: signed
stages:
  - {stage: One, enter: signed <= day, exit: "phase in ('%s')", then: Two}
  - {stage: Two, exit: "phase = 'never'"}
  - {stage: Side, from: any, enter: "phase = 'side'", exit: "phase <> 'side'", then: Two}
"""


class World:
    """The project's folder, the day it is, and what the CRM shows."""

    def __init__(self, folder, accounts=30, guards="", policy="", phases="two"):
        self.folder, self.day, self.hours = folder, FIRST_DAY, 0
        self.configure(guards, policy, phases)
        (folder / "crm").mkdir()
        self.rows = {
            f"{n:03}": {"Id": f"{n:03}", "Name": f"Account {n}", "Signed": "2026-05-01",
                        "Segment": "Big" if n % 3 == 0 else "Small"}
            for n in range(accounts)
        }  # fmt: skip
        self.save()

    def configure(self, guards="", policy="", phases="two"):
        (self.folder / "gatepost.yaml").write_text(GATEPOST % guards)
        (self.folder / "mapping.yaml").write_text(MAPPING % policy)
        (self.folder / "journeys").mkdir(exist_ok=True)
        (self.folder / "journeys" / "care.yaml").write_text(JOURNEY % phases)
        found, problems = load_project(self.folder)
        assert [str(one) for one in problems] == []
        assert found is not None
        self.project = found

    def save(self):
        with (self.folder / "crm" / "Account.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows.values())

    def read(self):
        with (self.folder / "crm" / "Account.csv").open(newline="") as file:
            self.rows = {row["Id"]: row for row in csv.DictReader(file)}
        return self.rows

    def edit(self, ids, **values):
        """Somebody types into the CRM."""
        self.read()
        for one in ids:
            self.rows[one].update(values)
        self.save()

    def stages(self):
        return {one: row["Stage"] for one, row in self.read().items()}

    @property
    def now(self):
        return datetime(self.day.year, self.day.month, self.day.day, 12, tzinfo=UTC) + timedelta(
            hours=self.hours
        )

    def cycle(self, *, exclusive=True):
        return Cycle(self.project, now=self.now, as_of=self.day, exclusive=exclusive)

    def plan(self):
        with self.cycle(exclusive=False) as cycle:
            return cycle.plan()

    def sync(self, override=None):
        """One sync; the cycle's summary is kept."""
        with self.cycle() as cycle:
            self.summary = cycle.summary
            return cycle.sync(Orders(override=override))

    def next_day(self, days=1):
        self.day += timedelta(days=days)

    def ids(self, count, first=0):
        return [f"{n:03}" for n in range(first, first + count)]
