"""What a project means of its systems, each with its place in the files. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from config.account_key import where
from config.folder import MAPPING
from config.journey import ANY, Features, Journey
from config.load import Project
from config.mapping_file import FieldType, WriteField
from config.problem import Problem
from config.yaml_nodes import Entries, Path, node_at
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
            path: Path = ("write", index, "fields", name)
            place = Place(MAPPING, path, at_key=True)
            if spec.to is not None:  # a suggestion: the field itself is only looked at
                place = Place(MAPPING, (*path, "to"))
            writing = Writing(
                entry.journey, spec, output_type(compiled[entry.journey], spec.output)
            )
            target = spec.to or name
            found.append(FieldUse(accounts.from_, accounts.object, target, place, writing=writing))
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
    yield from _suggested(project)
    for index, entry in enumerate(mapping.events):
        if entry.object is None:
            continue  # what a product's events carry is nowhere described
        named: list[tuple[str | None, Path]] = [
            (entry.at, ("at",)), (entry.user, ("user",)), (entry.id, ("id",)),
            *((way.property, _way(project, index, number)) for number, way in enumerate(entry.ways))
        ]  # fmt: skip
        for column, path in named:
            if column is not None:
                place = Place(MAPPING, ("events", index, *path))
                yield FieldUse(entry.from_, entry.object, column, place)
        for name, kept in entry.keep.items():
            place = Place(MAPPING, ("events", index, "keep", name, "field"))
            yield FieldUse(entry.from_, entry.object, kept.field, place, kept.type)


def _suggested(project: Project) -> Iterator[FieldUse]:
    """Fields of which only a suggestion is written, elsewhere: they must be there."""
    accounts = project.mapping.accounts
    for index, target in enumerate(project.mapping.write):
        for name, spec in target.fields.items():
            if spec.to is not None:
                place = Place(MAPPING, ("write", index, "fields", name), at_key=True)
                yield FieldUse(accounts.from_, accounts.object, name, place)


def _way(project: Project, index: int, number: int) -> Path:
    """Where an entry of events names what leads to its account: the words differ."""
    root = project.files[MAPPING].root
    assert root is not None, "a project that was read has a mapping"
    path = where(number, project.mapping.events[index].ways)
    node = node_at(root, ("events", index, *path))
    keys = node.entries if isinstance(node, Entries) else ()
    return (*path, next((one for one in ("property", "field", "email") if one in keys), ""))


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
