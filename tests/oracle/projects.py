"""Random project folders, in steps: what a first sync finds, and what comes to be known later."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from tests.oracle.project import Sighting
from tests.oracle.random_events import (
    RandomAccount,
    RandomEvent,
    account_lists,
    child_events,
    event_times,
    product_events,
    single_times,
    without_ambiguous_twins,
)
from tests.oracle.random_expressions import Scope, chance, criteria, pick
from tests.oracle.random_journeys import FIELDS, Kept, journeys

FILES = ("a.jsonl", "b.csv", "c.jsonl.gz", "d.csv.gz")
# Days on which some clock is changed, the leap day, the turn of a year; projects lie around them.
ANCHORS = (
    date(2024, 2, 29),
    date(2024, 3, 10),
    date(2024, 3, 31),
    date(2024, 4, 7),
    date(2024, 4, 26),
    date(2024, 9, 8),
    date(2024, 10, 27),
    date(2024, 11, 3),
    date(2024, 12, 31),
)
CASES = {
    "from": "crm",
    "object": "Case",
    "event": "Case Opened",
    "at": "CreatedDate",
    "account": {"field": "AccountId", "equals": "id"},
}
SURVEYS = {
    "from": "crm",
    "object": "Survey__c",
    "event": "Survey Answered",
    "at": "Answered_At__c",
    "account": {"field": "Workspace__c", "equals": "workspace"},
    "user": "Contact",
}


@dataclass
class RandomProject:
    """A project and what happens to it. Step 1 is a first sync as of `as_of[0]`, and so on."""

    mapping: dict[str, Any]
    journeys: list[dict[str, Any]]
    accounts: list[RandomAccount]
    events: list[RandomEvent]
    files: Sequence[str]
    as_of: tuple[date, ...]

    def write(self, folder: Path, step: int = 1) -> None:
        """The folder as it is at a step; what stands there from an earlier step is replaced."""
        connections = {
            "crm": {"type": "files", "path": "crm"},
            "product": {"type": "files", "path": "product"},
        }
        write_yaml(folder / "gatepost.yaml", {"connections": connections})
        write_yaml(folder / "mapping.yaml", self.mapping)
        for number, journey in enumerate(self.journeys):
            write_yaml(folder / "journeys" / f"j{number}.yaml", journey)
        self.write_accounts(folder / "crm" / "Account.csv", step)
        (folder / "product" / "events").mkdir(parents=True, exist_ok=True)
        for number, name in enumerate(self.files):
            path = folder / "product" / "events" / name
            events = [e for e in self.rows_of(0, step) if e.file == number]
            if events or path.exists():
                write_events(path, events)
        for source, entry in enumerate(self.mapping["events"]):
            if source > 0:
                columns = [entry["at"], entry["account"]["field"], *entry_columns(entry), "Contact"]
                rows = [
                    {"Id": number, **event.row}
                    for number, event in enumerate(self.events)
                    if event.source == source and event.step <= step
                ]
                text = csv_text(["Id", *columns], rows)
                write_bytes(folder / "crm" / f"{entry['object']}.csv", text.encode())

    def sightings(self, step: int = 1) -> list[Sighting]:
        """What the syncs up to a step saw in the CRM: each saw every field of every account."""
        return [
            (self.as_of[earlier - 1], account.id, account.values[earlier])
            for earlier in range(1, step + 1)
            for account in self.accounts
            if account.first_step <= earlier
        ]

    def rows_of(self, source: int, step: int) -> list[RandomEvent]:
        """The events of a source that its files hold at a step."""
        return [event for event in self.events if event.source == source and event.step <= step]

    def write_accounts(self, path: Path, step: int) -> None:
        """The CRM's file of accounts."""
        written = [f for entry in self.mapping["write"] for f in entry["fields"]]
        columns = {name: spec["field"] for name, spec in self.mapping["fields"].items()}
        rows = [
            {
                "Id": account.id,
                "Name": f"Account {account.id}",
                **{columns[name]: value for name, value in account.values[step].items()},
            }
            for account in self.accounts
            if account.first_step <= step
        ]
        text = csv_text(["Id", "Name", *columns.values(), *written], rows)
        write_bytes(path, text.encode())


# --- files ----------------------------------------------------------------------------------------


def write_yaml(path: Path, content: object) -> None:
    """A YAML file."""
    write_bytes(path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True).encode())


def write_bytes(path: Path, content: bytes) -> None:
    """A file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def write_events(path: Path, events: Sequence[RandomEvent]) -> None:
    """A file of events, by what its name says of its form."""
    if ".csv" in path.name:
        rows = [{k: as_cell(v) for k, v in event.row.items()} for event in events]
        columns = ["event", "time", "company", "user"]
        extra = sorted({key for row in rows for key in row} - set(columns))
        text = csv_text([*columns, *extra], rows)
    else:
        text = "".join(json.dumps(json_row(event)) + "\n" for event in events)
    content = text.encode()
    write_bytes(path, gzip.compress(content, mtime=0) if path.name.endswith(".gz") else content)


def json_row(event: RandomEvent) -> dict[str, Any]:
    """The event as an object: its properties at the top level, or under `properties`."""
    if not event.nested:
        return event.row
    top = ("event", "time", "user")
    return {
        **{key: value for key, value in event.row.items() if key in top},
        "properties": {key: value for key, value in event.row.items() if key not in top},
    }


def as_cell(value: object) -> str:
    """A value as a CSV has it."""
    if isinstance(value, list):
        return str(value[0])
    return "" if value is None else str(value)


def csv_text(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> str:
    """A CSV with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(columns)), restval="", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


# --- strategies -----------------------------------------------------------------------------------


def entry_columns(entry: dict[str, Any]) -> list[str]:
    """The columns of the properties that an entry keeps."""
    keep = entry.get("keep", [])
    if isinstance(keep, list):
        return list(keep)
    return [spec["field"] if isinstance(spec, dict) else spec for spec in keep.values()]


def entry_types(entry: dict[str, Any]) -> dict[str, str]:
    """The types of the properties that an entry keeps; `untyped` where it gives none."""
    keep = entry.get("keep", [])
    if isinstance(keep, list):
        return dict.fromkeys(keep, "untyped")
    return {
        name: spec.get("type", "untyped") if isinstance(spec, dict) else "untyped"
        for name, spec in keep.items()
    }


@st.composite
def product_entries(draw) -> dict[str, Any]:
    """How product events are read: the account's key, what is kept and with what type."""
    entry: dict[str, Any] = {
        "from": "product",
        "account": {"property": "company", "equals": pick(draw, ("id", "workspace"))},
        "user": "user",
    }
    names = draw(st.lists(st.sampled_from(["plan", "amount", "beta", "due"]), unique=True))
    if chance(draw, 50):
        entry["keep"] = names
        return entry
    entry["keep"] = {}
    for name in names:
        types = ("date", None) if name == "due" else ("text", "number", "boolean", None)
        kind = pick(draw, types)
        entry["keep"][name] = {"field": name, "type": kind} if kind else name
    return entry


@st.composite
def child_entries(draw) -> list[dict[str, Any]]:
    """No, one or two child objects that are read as events."""
    cases = {**CASES, "keep": {"priority": "Priority"}}
    if chance(draw, 50):
        cases["keep"] = {"priority": {"field": "Priority", "type": "number"}}
    if chance(draw, 30):
        cases["id"] = "Id"
    if chance(draw, 20):
        cases["event"] = "Made"
    score = {"field": "Score__c", "type": "number"} if chance(draw, 50) else "Score__c"
    surveys = {**SURVEYS, "keep": {"score": score}}
    return [cases, surveys][: draw(st.integers(0, 2))]


@st.composite
def projects(
    draw,
    steps: int = 1,
    most_events: int = 60,
    bad_percent: int = 0,
) -> RandomProject:
    """A project with `steps` syncs; of a hundred product events `bad_percent` have no time that can
    be read. Example of use:

    project.write(folder, step=1)
    rows = evaluate(folder, project.as_of[0], project.sightings(1))
    """
    entry = draw(product_entries())
    entries = [entry, *draw(child_entries())]
    kept = Kept(entry_types(entry), {one["event"]: entry_types(one) for one in entries[1:]})
    anchor = pick(draw, ANCHORS)
    since = anchor - timedelta(days=draw(st.integers(-2, 25)))
    ends = [since + timedelta(days=draw(st.integers(8, 44) if steps == 1 else st.integers(2, 20)))]
    for _ in range(steps - 1):
        ends.append(ends[-1] + timedelta(days=draw(st.integers(0, 12))))
    count = 2 if chance(draw, 12) else 1
    told = [draw(journeys(f"J{n}", kept, since, anchor)) for n in range(count)]
    zones = [journey["timezone"] for journey in told]
    accounts = draw(account_lists(sorted(FIELDS), steps, since, ends[-1]))
    files = draw(st.lists(st.sampled_from(FILES), min_size=1, max_size=3, unique=True))
    columns = entry_columns(entry)
    common = draw(st.lists(single_times(zones, since, ends[-1]), max_size=3))
    times = event_times(zones, since, ends[-1], common)
    one = product_events(entry, columns, accounts, times, files, steps, bad_percent)
    many = st.lists(one, min_size=most_events // 3, max_size=most_events)
    events = draw(many if chance(draw, 75) else st.lists(one, max_size=6))
    for number, child in enumerate(entries[1:], start=1):
        columns = entry_columns(child)
        one = child_events(number, child, columns, accounts, times, steps)
        events += draw(st.lists(one, max_size=8))
    mapping = draw(mappings(entries, told, anchor))
    return RandomProject(
        mapping,
        told,
        accounts,
        without_ambiguous_twins(events),
        files,
        tuple(ends),
    )


@st.composite
def mappings(draw, entries, told, anchor: date) -> dict[str, Any]:
    """mapping.yaml."""
    accounts: dict[str, Any] = {"from": "crm", "object": "Account", "id": "Id", "name": "Name"}
    if chance(draw, 15):
        simple = st.sampled_from(["segment <> 'pro'", "vip or seats > 1", "seats is not null"])
        accounts["where"] = draw(simple | criteria(Scope(FIELDS, anchor), 1))
    return {
        "accounts": accounts,
        "fields": {name: {"field": f"{name}__c", "type": kind} for name, kind in FIELDS.items()},
        "events": entries,
        "write": [
            {"journey": journey["journey"], "fields": {f"Stage_{n}__c": "stage"}}
            for n, journey in enumerate(told)
        ],
    }
