"""What names exist in a project, wrong entries included: one mistake should not look like two."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from config.mapping_file import EventsEntry
from config.problem import nearest, quoted
from config.reading import Finding, Findings
from config.yaml_nodes import Path


@dataclass(frozen=True, slots=True)
class Known:
    """The names that one journey's file may refer to."""

    fields: Mapping[str, str | None] | None
    """field → its type, None where that could not be read; None: mapping.yaml is unreadable"""
    entries: tuple[EventsEntry, ...] | None
    """None: mapping.yaml's events are not known in full, so nothing is said to be absent"""
    signals: frozenset[str]
    features: frozenset[str]
    stages: frozenset[str]
    doubtful: frozenset[str] = frozenset()
    """signals that could only be read in part, so nothing is said about what they lack"""

    def has_field(self, name: str) -> bool:
        """Whether mapping.yaml gives this name to a field."""
        return self.fields is not None and name in self.fields

    @property
    def child_events(self) -> frozenset[str]:
        """Names of events that are made of child records."""
        return frozenset(entry.event for entry in self.entries or () if entry.event)

    def kept_for(self, events: Iterable[str]) -> frozenset[str] | None:
        """Names of the properties that are kept of any of these events. None if that is unknown."""
        if self.entries is None:
            return None
        wanted = set(events)
        relevant = [entry for entry in self.entries if entry.event in wanted]
        if not wanted <= {entry.event for entry in relevant}:
            relevant += [entry for entry in self.entries if entry.object is None]
        return frozenset(name for entry in relevant for name in entry.keep)

    def unknown_stages(self, names: Iterable[str], path: Path) -> Findings:
        """A finding for each name that is no stage's."""
        for index, name in enumerate(names):
            if name not in self.stages:
                hint = nearest(name, self.stages)
                yield Finding((*path, index), f"no stage named {quoted(name)}", hint)


def keys_of(values: Any, key: str) -> frozenset[str]:
    """The keys of the map under `key` of a file's plain values; none if there is no such map."""
    found = values.get(key) if isinstance(values, dict) else None
    return frozenset(found) if isinstance(found, dict) else frozenset()


def texts_of(values: Any, key: str, name: str) -> frozenset[str]:
    """The texts under `name` in the items of the list under `key`."""
    found = values.get(key) if isinstance(values, dict) else None
    items = [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
    return frozenset(str(item[name]) for item in items if item.get(name) is not None)


def kept_names(values: Any) -> frozenset[str]:
    """Every name under `keep` of every entry of `events` in a file's plain values."""
    entries = values.get("events") if isinstance(values, dict) else None
    found: set[str] = set()
    for entry in entries if isinstance(entries, list) else ():
        keep = entry.get("keep") if isinstance(entry, dict) else None
        if isinstance(keep, dict | list):
            found.update(name for name in keep if isinstance(name, str))
    return frozenset(found)
