"""A folder of event files, its lake, and what a plain reading says should be in it."""

import csv
import gzip
import io
import json
import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from config.mapping_file import EventsEntry
from config.project_file import Connection, Gatepost
from connectors.registry import connect
from sync.engine import DuckEngine
from sync.lake import Lake, events_sql
from sync.lake_changes import Changes
from sync.pull_events import pull_events
from sync.state import State

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (the lake's instants are UTC without saying so)
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class World:
    """One `files` connection called product, in a folder; pulled into a home beside it."""

    def __init__(self, folder, *, engine=None, options=None, **entry):
        self.folder = folder
        self.events = folder / "product" / "events"
        self.events.mkdir(parents=True, exist_ok=True)
        said = {"from": "product", "account": {"property": "acc", "equals": "id"}, **entry}
        self.entry = EventsEntry.model_validate(said)
        connection = Connection(type="files", options={"path": "product", **(options or {})})
        self.project: Any = SimpleNamespace(
            folder=folder,
            home=folder / "home",
            gatepost=Gatepost(connections={"product": connection}),
        )
        self.engine = engine or DuckEngine(folder / "scratch")
        self.lake = Lake(self.project.home)
        self.changes = Changes(self.lake)

    @property
    def keep(self):
        return sorted(self.entry.keep)

    def source(self):
        connector = connect("product", self.project.gatepost.connections["product"], self.folder)
        return connector.events(self.entry.object)

    def put(self, name, data):
        (self.events / name).write_bytes(data)

    def remove(self, name):
        (self.events / name).unlink()

    def pull(self, source=None):
        with State(self.project.home) as state:
            return pull_events(
                self.project, self.entry, source or self.source(), self.lake, state,
                engine=self.engine,
            )  # fmt: skip

    def register(self):
        """What the state file says: part → (rows, rejected, duplicates, no_key)."""
        with State(self.project.home) as state:
            rows = state.rows("SELECT part, rows, rejected, duplicates, no_key FROM lake_parts")
            return {part: tuple(figures) for part, *figures in rows}

    def rows(self):
        """The lake's rows, in an order of their own."""
        query = events_sql(self.lake.files(self.entry.name), self.keep)
        return sorted(self.engine.rows(query), key=repr)

    def accounts_since(self, seq):
        found = self.changes.changed_accounts(self.engine, seq)
        if found is None:
            return None
        return dict(zip(found.account_key.tolist(), found.first_day.tolist(), strict=True))

    def plain_rows(self):
        """What `rows` should be, by the rules of docs/lake.md read one by one."""
        best = {}
        rows = []
        for path in sorted(self.events.iterdir()):
            for row in plain_part(path, self.entry, self.keep):
                key, _, _, _, _, insert_id, *_ = row
                if insert_id is None:
                    rows.append(row)
                    continue
                # what else tells rows of one part apart: none before any, column by column
                rest = tuple((value is not None, value) for value in row[4:])
                rank = (row[3], row[2], row[1] or "", path.name, rest)
                if (key, insert_id) not in best or rank < best[key, insert_id][0]:
                    best[key, insert_id] = (rank, row)
        return sorted([*rows, *(row for _, row in best.values())], key=repr)


def plain_part(path, entry, keep):
    """The rows of one file, ids that come twice included."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    text = data.decode("utf-8-sig")
    if ".csv" in path.name:
        table = csv.reader(io.StringIO(text, newline=""))
        header = next(table, [])
        records = [
            {name: cell for name, cell in zip(header, cells, strict=True) if cell}
            for cells in table
            if cells
        ]
    else:
        records = [json.loads(line) for line in text.split("\n") if line.strip()]
    for record in records:
        yield from plain_record(record, entry, keep)


def plain_record(record, entry, keep):
    def find(name):
        nested = record.get("properties")
        for place in (record, nested if isinstance(nested, dict) else {}):
            if place.get(name) is not None:
                return place[name]
        return None

    instant = plain_time(find(entry.at or "time"))
    event = text_of(find("event")) if not isinstance(find("event"), list | dict) else None
    if not event or instant is None:
        return
    key = find(entry.account.property)
    keys = {text_of(one) for one in (key if isinstance(key, list) else [key])
            if not isinstance(one, list | dict)}  # fmt: skip
    kept = [find(entry.keep[name].field) for name in keep]
    pairs = [cell for value in kept for cell in (text_of(value, empty=""), kind_of(value))]
    for one in keys - {None}:
        user, insert_id = (
            text_of(find(entry.user or "user")),
            text_of(find(entry.id or "$insert_id")),
        )
        yield (one, user, event, *instant, insert_id, *pairs)


def plain_time(value):
    """(instant, whether it was only a date), None if it cannot be read."""
    if value is None or isinstance(value, bool | list | dict):
        return None
    text = text_of(value).strip() if text_of(value) else ""
    if isinstance(value, int | float) or NUMBER.fullmatch(text):
        number = float(text)
        number = number / 1000 if abs(number) >= 1e11 else number
        found, only_date = EPOCH + timedelta(microseconds=round(number * 1e6)), False
    elif DAY.fullmatch(text):
        try:
            found, only_date = datetime.combine(date.fromisoformat(text), datetime.min.time()), True
        except ValueError:
            return None
    else:
        try:
            aware = datetime.fromisoformat(text)
        except ValueError:
            return None
        found = aware if aware.tzinfo is None else aware.astimezone(UTC).replace(tzinfo=None)
        only_date = False
    return (found, only_date) if 1900 <= found.year <= 9999 else None


def text_of(value, *, empty=None):
    if value is None:
        return None
    if isinstance(value, str):
        return value or empty
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def kind_of(value):
    match value:
        case None:
            return None
        case bool():
            return 2
        case int() | float():
            return 1
        case list() | dict():
            return 3
        case _:
            return 0


def differences(before, after):
    """Account key → the first day on which its rows are other than before."""
    days = {}
    for row in ((Counter(before) - Counter(after)) + (Counter(after) - Counter(before))).elements():
        day = row[3].date()
        days[row[0]] = min(day, days.get(row[0], day))
    return days
