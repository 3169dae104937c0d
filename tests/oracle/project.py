"""A project folder, read with the standard library: the configuration, the accounts and their
events."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from tests.oracle.expressions import Names, holds
from tests.oracle.readings import (
    Scalar,
    Value,
    day_starts,
    read_as,
    read_event_time,
    scalar,
)

Config = Mapping[str, Any]
Sighting = tuple[date, str, Mapping[str, Any]]


@dataclass(frozen=True)
class Event:
    """Something that happened to an account, as one journey sees it."""

    day: date
    instant: datetime
    name: str
    user: str | None
    is_product: bool
    properties: Mapping[str, Value]


@dataclass
class Account:
    """A record of the CRM: every field with the days on which a value was seen, oldest first."""

    id: str
    seen: dict[str, list[tuple[date, Any]]]
    events: list[Event] = field(default_factory=list)

    def raw(self, name: str, day: date) -> object:
        """The last value seen on or before `day`; before the first sighting, the first one
        holds."""
        sightings = self.seen[name]
        value = sightings[0][1]
        for seen_on, seen_value in sightings:
            if seen_on <= day:
                value = seen_value
        return value


@dataclass(frozen=True)
class RawEvent:
    """An event as a file tells it, before any journey looks at it."""

    key: str
    time: date | datetime
    name: str
    user: str | None
    id: str | None
    properties: Mapping[str, Scalar | None]


class Project:
    """What the folder holds. Nothing in it depends on an as-of day or a journey's time zone."""

    def __init__(self, folder: Path, sightings: Sequence[Sighting] | None) -> None:
        self.folder = folder
        self.connections: Config = load(folder / "gatepost.yaml")["connections"]
        self.mapping: Config = load(folder / "mapping.yaml")
        self.journeys: list[Config] = [
            load(f) for f in sorted((folder / "journeys").glob("*.yaml"))
        ]
        self.fields = {
            name: spec if isinstance(spec, dict) else {"field": spec, "type": "text"}
            for name, spec in (self.mapping.get("fields") or {}).items()
        }
        self.accounts = self.read_accounts(sightings)
        self.entries: list[Config] = list(self.mapping.get("events") or [])
        self.raw_events = [self.read_entry(entry) for entry in self.entries]

    # --- what the CRM says ----------------------------------------------------------------------

    def read_accounts(self, sightings: Sequence[Sighting] | None) -> list[Account]:
        """The accounts of the CRM's file, with the sightings given, or with what the file says
        now."""
        spec = self.mapping["accounts"]
        accounts = {}
        for row in self.csv_rows(spec["from"], spec["object"]):
            seen = {
                name: [(date.min, row.get(field_spec["field"]) or None)]
                for name, field_spec in self.fields.items()
            }
            accounts[row[spec["id"]]] = Account(row[spec["id"]], seen)
        told: dict[tuple[str, str], list[tuple[date, Any]]] = {}
        for day, account_id, values in sightings or []:
            for name, value in values.items():
                told.setdefault((account_id, name), []).append(
                    (day, None if value == "" else value)
                )
        for (account_id, name), values_by_day in told.items():
            if account_id in accounts and name in self.fields:
                # What was seen twice on one day is what was seen last on it.
                accounts[account_id].seen[name] = sorted(dict(values_by_day).items())
        return sorted(accounts.values(), key=lambda account: account.id)

    def csv_rows(self, connection: str, object_name: str) -> Iterator[dict[str, str]]:
        """The rows of OBJECT.csv."""
        path = self.folder / self.connections[connection]["path"] / f"{object_name}.csv"
        with path.open(encoding="utf-8", newline="") as lines:
            yield from csv.DictReader(lines)

    def field(self, account: Account, name: str, day: date, zone: ZoneInfo) -> Value:
        """A field's value on a day, read as its type; NULL where it is empty or cannot be read
        so."""
        kind = self.fields[name].get("type", "text")
        return read_as(scalar(account.raw(name, day)), kind, zone)

    def field_names(self, account: Account, day: date, zone: ZoneInfo) -> Names:
        """All fields of an account on a day."""
        values = {name: self.field(account, name, day, zone) for name in self.fields}
        return Names(values, self.field_types(), zone)

    def field_types(self) -> dict[str, str]:
        """The type of every field; text unless mapping says otherwise."""
        return {name: spec.get("type", "text") for name, spec in self.fields.items()}

    # --- what happened --------------------------------------------------------------------------

    def read_entry(self, entry: Config) -> list[RawEvent]:
        """The events of one entry of `events`, each id once for each account key."""
        if entry.get("object"):
            rows: Iterator[Mapping[str, Any]] = self.csv_rows(entry["from"], entry["object"])
        else:
            rows = self.event_rows(entry["from"])
        found = [event for row in rows for event in read_row(entry, row)]
        kept: dict[tuple[str, str], RawEvent] = {}
        without_id = []
        for event in found:
            if event.id is None:
                without_id.append(event)
                continue
            other = kept.get((event.key, event.id))
            if other is None or order_of_twins(event) < order_of_twins(other):
                kept[event.key, event.id] = event
        return without_id + list(kept.values())

    def event_rows(self, connection: str) -> Iterator[Mapping[str, Any]]:
        """The rows of every file under `events/`, files by name."""
        folder = self.folder / self.connections[connection]["path"] / "events"
        for path in sorted(folder.iterdir()):
            name = path.name.removesuffix(".gz")
            opened = gzip.open if path.name.endswith(".gz") else open
            if not name.endswith((".csv", ".jsonl")):
                continue
            with opened(path, "rt", encoding="utf-8", newline="") as lines:
                if name.endswith(".csv"):
                    yield from csv.DictReader(lines)
                else:
                    yield from json_rows(lines)

    def property_types(self) -> dict[str, str]:
        """The type that `keep` gives a property, else `untyped`."""
        types = {}
        for entry in self.entries:
            for name, (_, kind) in kept_properties(entry).items():
                types[name] = kind
        return types

    def event_filter_names(self, event: Event, zone: ZoneInfo) -> Names:
        """What a `where` over events may name."""
        types = {"event": "text", "user": "text", **self.property_types()}
        values: dict[str, Value] = dict.fromkeys(types)
        values.update(event.properties)
        values.update(event=event.name, user=event.user)
        return Names(values, types, zone)

    # --- one journey ----------------------------------------------------------------------------

    def travellers(self, journey: Config, as_of: date) -> list[Account]:
        """The accounts of a journey, each with its events up to `as_of`, oldest first.

        Filters and keys are taken as of the last day. Events with no account are nowhere.
        """
        zone = ZoneInfo(journey["timezone"])
        where = self.mapping["accounts"].get("where")
        customers = [
            account
            for account in self.accounts
            if where is None or holds(where, self.field_names(account, as_of, zone))
        ]
        for account in customers:
            account.events = []
        for entry, raw_events in zip(self.entries, self.raw_events, strict=True):
            by_key = self.accounts_by_key(entry, customers, as_of)
            for raw in raw_events:
                account_of = by_key.get(raw.key)
                event = self.as_seen_by(journey, entry, raw, zone)
                if account_of is not None and event is not None and event.day <= as_of:
                    account_of.events.append(event)
        for account in customers:
            account.events.sort(key=lambda event: event.instant)
        chosen = journey.get("accounts")
        return [
            account
            for account in customers
            if chosen is None or holds(chosen, self.field_names(account, as_of, zone))
        ]

    def accounts_by_key(
        self,
        entry: Config,
        customers: Sequence[Account],
        as_of: date,
    ) -> dict[str, Account]:
        """Which account a key means. Empty keys mean none, and so do those that two accounts
        share."""
        equals = entry["account"]["equals"]
        by_key: dict[str, list[Account]] = {}
        for account in customers:
            value = account.id if equals == "id" else account.raw(equals, as_of)
            key = scalar(value)
            if key is not None and key.text != "":
                by_key.setdefault(key.text, []).append(account)
        return {key: sharing[0] for key, sharing in by_key.items() if len(sharing) == 1}

    def as_seen_by(
        self,
        journey: Config,
        entry: Config,
        raw: RawEvent,
        zone: ZoneInfo,
    ) -> Event | None:
        """The event on its local day, its properties typed; None if the journey's filter drops
        it."""
        if isinstance(raw.time, datetime):
            day, instant = raw.time.astimezone(zone).date(), raw.time
        else:
            day, instant = raw.time, day_starts(raw.time, zone)
        properties: dict[str, Value] = {}
        for name, (_, kind) in kept_properties(entry).items():
            value = raw.properties[name]
            properties[name] = value if kind == "untyped" else read_as(value, kind, zone)
        is_product = not entry.get("object")
        event = Event(day, instant, raw.name, raw.user, is_product, properties)
        chosen = journey.get("events")
        if is_product and chosen and not holds(chosen, self.event_filter_names(event, zone)):
            return None
        return event


def load(path: Path) -> Any:
    """A YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def json_rows(lines: Iterator[str]) -> Iterator[Mapping[str, Any]]:
    """One object a line; what is none is no event. Numbers keep the text that they have in the
    file."""
    for line in lines:
        try:
            row = json.loads(line, parse_int=number_text, parse_float=number_text)
        except ValueError:
            continue
        if isinstance(row, dict):
            yield row


def number_text(text: str) -> Scalar:
    """A JSON number by its text."""
    return Scalar("number", text)


def look_up(row: Mapping[str, Any], name: str) -> object:
    """A property at the top level, or under `properties`. An empty cell of a CSV is nothing."""
    value = row.get(name)
    inner = row.get("properties")
    if value is None and isinstance(inner, dict):
        value = inner.get(name)
    return value


def read_row(entry: Config, row: Mapping[str, Any]) -> list[RawEvent]:
    """The event of a row, once for each account key that it has; none without a name, time or
    key."""
    name = scalar(entry.get("event") or look_up(row, "event"))
    happened = read_event_time(look_up(row, entry.get("at") or "time"))
    if name is None or name.text == "" or happened is None:
        return []
    keys = look_up(row, entry["account"].get("property") or entry["account"]["field"])
    user_column = entry.get("user") or ("" if entry.get("object") else "user")
    id_column = entry.get("id") or "$insert_id"
    properties = {
        kept: scalar(look_up(row, column) if look_up(row, column) != "" else None)
        for kept, (column, _) in kept_properties(entry).items()
    }
    found = []
    for key in dict.fromkeys(text_of(one) for one in (keys if isinstance(keys, list) else [keys])):
        if key is not None:
            user, event_id = text_of(look_up(row, user_column)), text_of(look_up(row, id_column))
            found.append(RawEvent(key, happened, name.text, user, event_id, properties))
    return found


def text_of(raw: object) -> str | None:
    """A key, a user or an id as text; empty ones are none."""
    found = scalar(raw)
    return None if found is None or found.text == "" else found.text


def kept_properties(entry: Config) -> dict[str, tuple[str, str]]:
    """Of an entry: property -> (its column, its type or `untyped`)."""
    keep = entry.get("keep") or {}
    if isinstance(keep, list):
        keep = {name: name for name in keep}
    return {
        name: (spec["field"], spec.get("type", "untyped"))
        if isinstance(spec, dict)
        else (spec, "untyped")
        for name, spec in keep.items()
    }


def order_of_twins(event: RawEvent) -> tuple[datetime, str, str]:
    """Of two events with one id the earliest is the one; a date without time counts from midnight
    UTC.
    """
    at = event.time
    if not isinstance(at, datetime):
        at = datetime.combine(at, time(0), tzinfo=UTC)
    return (at, event.name, event.user or "")
