"""What a project means of its systems, each with its place in the files. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from config.folder import MAPPING
from config.journey import ANY, Features, Journey
from config.load import Project
from config.mapping_file import FieldType, WriteField
from config.problem import Problem
from config.yaml_nodes import Path
from mapping.compiled import CompiledJourney
from mapping.output_types import OutputType, output_type

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold. `check` names the kind of look that found it, for programs."""

    severity: Severity
    check: str
    problem: Problem


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a file, or its key."""

    file: str
    path: Path
    at_key: bool = False

    def finding(
        self, project: Project, severity: Severity, check: str, message: str, hint: str = ""
    ) -> Finding:
        """What is wrong here."""
        file = project.files[self.file]
        return Finding(severity, check, file.problem(self.path, message, hint, at_key=self.at_key))


@dataclass(frozen=True, slots=True)
class Writing:
    """What is written into a field."""

    journey: str
    spec: WriteField
    type: OutputType


@dataclass(frozen=True, slots=True)
class FieldUse:
    """A field of an object that the mapping names. `read_as`: None where any type does."""

    connection: str
    object: str
    name: str
    place: Place
    read_as: FieldType | None = None
    writing: Writing | None = None


@dataclass(frozen=True, slots=True)
class EventUse:
    """The name of an event that a journey uses."""

    name: str
    place: Place


def field_uses(project: Project, journeys: list[CompiledJourney]) -> list[FieldUse]:
    """Every field that is read or written, in the order of mapping.yaml."""
    return [*_read_fields(project), *written_fields(project, journeys)]


def written_fields(project: Project, journeys: list[CompiledJourney]) -> list[FieldUse]:
    """Those that `write` names, with what they are to hold."""
    accounts = project.mapping.accounts
    compiled = {one.journey.name: one for one in journeys}
    found: list[FieldUse] = []
    for index, entry in enumerate(project.mapping.write):
        assert entry.journey is not None, "filled in when the project was read"
        for name, spec in entry.fields.items():
            place = Place(MAPPING, ("write", index, "fields", name), at_key=True)
            writing = Writing(
                entry.journey, spec, output_type(compiled[entry.journey], spec.output)
            )
            found.append(FieldUse(accounts.from_, accounts.object, name, place, writing=writing))
    return found


def _read_fields(project: Project) -> Iterator[FieldUse]:
    mapping = project.mapping
    accounts = mapping.accounts

    def account_field(name: str, *path: str, read_as: FieldType | None = None) -> FieldUse:
        return FieldUse(accounts.from_, accounts.object, name, Place(MAPPING, path), read_as)

    yield account_field(accounts.id, "accounts", "id")
    if accounts.name is not None:
        yield account_field(accounts.name, "accounts", "name")
    for name, spec in mapping.fields.items():
        yield account_field(spec.field, "fields", name, "field", read_as=spec.type)
    for index, entry in enumerate(mapping.events):
        if entry.object is None:
            continue  # what a product's events carry is nowhere described
        key = "property" if "property" in _keys(project, index) else "field"
        named = [(entry.at, ("at",)), (entry.account.property, ("account", key)),
                 (entry.user, ("user",)), (entry.id, ("id",))]  # fmt: skip
        for column, path in named:
            if column is not None:
                place = Place(MAPPING, ("events", index, *path))
                yield FieldUse(entry.from_, entry.object, column, place)
        for name, kept in entry.keep.items():
            place = Place(MAPPING, ("events", index, "keep", name, "field"))
            yield FieldUse(entry.from_, entry.object, kept.field, place, kept.type)


def _keys(project: Project, index: int) -> frozenset[str]:
    """The keys that stand under `account` of an entry of events."""
    from config.yaml_nodes import Entries, node_at

    root = project.files[MAPPING].root
    assert root is not None, "a project that was read has a mapping"
    node = node_at(root, ("events", index, "account"))
    return frozenset(node.entries) if isinstance(node, Entries) else frozenset()


def event_uses(project: Project) -> list[EventUse]:
    """Every event that a journey names, once for each place."""
    return [use for journey in project.journeys for use in _events_of(project, journey)]


def _events_of(project: Project, journey: Journey) -> Iterator[EventUse]:
    file = project.journey_file(journey.name)
    for feature, names in journey.features.items():
        for index, name in enumerate(names):
            yield EventUse(name, Place(file, ("features", feature, index)))
    for signal_name, signal in journey.signals.items():
        key = "of" if signal.kind == "nth" else signal.kind
        if isinstance(signal, Features):
            continue  # its features stand above
        for index, name in enumerate(getattr(signal, "events", ())):
            if name != ANY and name not in journey.features:
                yield EventUse(name, Place(file, ("signals", signal_name, key, index)))
