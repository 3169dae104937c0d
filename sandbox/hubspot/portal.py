"""The portal: objects of each type with their history, associations, owners."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.core.versions import Versions
from sandbox.hubspot.errors import ApiError
from sandbox.hubspot.properties import Property, iso

if TYPE_CHECKING:
    from sandbox.core.clock import Clock
    from sandbox.core.faults import Fault, Faults
    from sandbox.core.http import JsonDict

PORTAL_ID = 4711
MERGED = "hs_merged_object_ids"


@dataclass
class Settings:
    """Limits of a Professional portal with a private app; seconds are `Clock.elapsed()` ones."""

    burst: int = 190
    oauth_burst: int = 110
    daily: int = 650_000
    search_per_second: int = 5
    search_lag_seconds: float = 10.0
    search_shuffled: bool = False
    missing_scopes: tuple[str, ...] = ()
    time_zone: str = "UTC"
    date_version_207: bool = False  # nobody has confirmed what 2026-09 does on the wire
    token_seconds: float = 1800
    revisions_kept: int = 20
    merged_id_resolves: bool = True  # nobody has confirmed whether an old id leads to the winner
    records_limit: int = 15_000_000
    properties_limit: int = 1000


@dataclass
class Record:
    """One object. Values of all versions hold the id, `createdate` and the modified stamp."""

    id: str
    created_at: datetime
    versions: Versions
    history: dict[str, list[JsonDict]] = field(default_factory=dict)  # newest first
    archived_at: datetime | None = None

    @property
    def now(self) -> dict[str, Any]:
        return self.versions.now


@dataclass
class ObjectType:
    """`modified` is the property that holds the stamp of the last change."""

    name: str
    singular: str
    type_id: str
    modified: str
    defaults: tuple[str, ...]
    properties: dict[str, Property]
    groups: dict[str, str]
    records: dict[str, Record] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)  # id that is no more -> the one it became
    scope: str = ""
    next_id: int = 0


class Portal:
    """Everything that HubSpot keeps for one customer."""

    def __init__(self, clock: Clock, faults: Faults, types: list[ObjectType]) -> None:
        self.clock = clock
        self.faults = faults
        self.types = {one.name: one for one in types}
        # (from type, to type) -> id -> ids
        self.links: dict[tuple[str, str], dict[str, list[str]]] = {}
        self.owners: list[JsonDict] = []
        self.workflow_runs = 0

    def type_of(self, name: str) -> ObjectType:
        """By plural, singular or type id. Raises ApiError."""
        lowered = name.lower()
        for one in self.types.values():
            if lowered in (one.name, one.singular, one.type_id, f"p{PORTAL_ID}_{one.name}"):
                return one
        raise ApiError(400, "VALIDATION_ERROR", f"Unable to infer object type from: {name}")

    def properties(self, kind: ObjectType) -> dict[str, Property]:
        """The properties as they stand today, without those that a bad day took away. Not to be
        changed by the caller."""
        faults = self.faults.standing("hide_field", "hubspot")
        if not faults:
            return kind.properties
        seen = dict(kind.properties)
        for fault in faults:
            name = str(fault.get("field"))
            if fault.get("object") in (None, kind.name) and name in seen:
                if fault.get("mode", "gone") == "read_only":
                    seen[name] = replace(seen[name], read_only=True)
                else:
                    del seen[name]
        return seen

    # -- records

    def add(
        self, kind: ObjectType, values: dict[str, str | None], at: datetime, record_id: str = ""
    ) -> Record:
        """A new record, without checks."""
        kind.next_id += 1
        made = record_id or str(
            20_000_000_000 + int(kind.type_id.split("-")[1]) * 10**8 + kind.next_id * 37
        )
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)
        system = {"hs_object_id": made, "createdate": iso(at), kind.modified: iso(at)}
        record = Record(made, at, Versions([(at, {**values, **system})]))
        for name, value in values.items():
            if value is not None:
                record.history[name] = [_revision(value, at, "IMPORT", "seed")]
        kind.records[made] = record
        return record

    def change(
        self,
        kind: ObjectType,
        record: Record,
        values: dict[str, str],
        source: str = "INTEGRATION",
        at: datetime | None = None,
    ) -> bool:
        """Write values that differ; equal ones are not written. True where anything was."""
        before = record.now
        news = {k: v for k, v in values.items() if (before.get(k) or "") != v}
        if not news:
            return False
        when = at or self.now()
        record.versions.put(when, {**before, **news, kind.modified: iso(when)})
        for name, value in news.items():
            record.history.setdefault(name, []).insert(
                0, _revision(value, when, source, "gatepost")
            )
        return True

    def touch(self, kind: ObjectType, record: Record, at: datetime) -> None:
        """Move the modified stamp alone."""
        record.versions.put(at, {**record.now, kind.modified: iso(at)})

    def archive(self, record: Record) -> None:
        record.archived_at = self.now()

    def merge(self, kind: ObjectType, winner: Record, loser: Record) -> None:
        """One record of two: the winner's values, the loser's where it has none. The loser's id is
        listed and found nowhere any more, but kept in `hs_merged_object_ids`."""
        older = [i for i in str(loser.now.get(MERGED) or "").split(";") if i]
        ids = [*filter(None, str(winner.now.get(MERGED) or "").split(";")), *older, loser.id]
        filled = {
            name: value
            for name, value in loser.now.items()
            if value not in (None, "") and winner.now.get(name) in (None, "")
        }
        self.change(kind, winner, {**filled, MERGED: ";".join(ids)}, "MERGE_COMPANIES")
        del kind.records[loser.id]
        kind.merged |= dict.fromkeys([*older, loser.id], winner.id)
        for (one, _), linked in self.links.items():
            if one == kind.name:
                mine, theirs = linked.get(winner.id, []), linked.pop(loser.id, [])
                linked[winner.id] = list(dict.fromkeys([*mine, *theirs]))
        for (_, other), linked in self.links.items():
            if other == kind.name:
                for one_id, ids_there in linked.items():
                    moved = [winner.id if i == loser.id else i for i in ids_there]
                    linked[one_id] = list(dict.fromkeys(moved))

    def now(self) -> datetime:
        """The clock, to the millisecond as HubSpot shows it."""
        instant = self.clock.now()
        return instant.replace(microsecond=instant.microsecond // 1000 * 1000)

    def horizon(self, lag_seconds: float) -> datetime | None:
        return self.clock.now() - timedelta(seconds=lag_seconds) if lag_seconds else None

    def value(self, prop: Property, values: dict[str, Any]) -> Any:
        """A stored value, or a calculated one as of today."""
        if prop.compute is not None:
            return prop.compute(values, self.clock.today())
        return values.get(prop.name)

    # -- associations

    def link(self, one: tuple[str, str], other: tuple[str, str]) -> None:
        """Associate two records, given as (type, id), in both directions."""
        for here, there in ((one, other), (other, one)):
            self.links.setdefault((here[0], there[0]), {}).setdefault(here[1], []).append(there[1])

    def linked(self, kind: ObjectType, record_id: str, other: ObjectType) -> list[str]:
        return self.links.get((kind.name, other.name), {}).get(record_id, [])

    def standing(self, kind: str, object_name: str) -> list[Fault]:
        return [
            f
            for f in self.faults.standing(kind, "hubspot")
            if f.get("object") in (None, object_name)
        ]


def _revision(value: str, at: datetime, source: str, source_id: str) -> JsonDict:
    return {
        "value": value,
        "timestamp": iso(at),
        "sourceType": source,
        "sourceId": source_id,
    }
