"""What must fit together in mapping.yaml, and between it, gatepost.yaml and the journeys."""

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass

from config.account_key import ID, repeated, where
from config.connection_types import CONNECTION_TYPES, ConnectionType
from config.journey import Journey
from config.mapping_file import EventsEntry, Mapping, WriteEntry, WriteField
from config.names import HEALTH_OUTPUTS, SQL_WORDS, outputs_of, why_not
from config.problem import known, nearest, quoted
from config.reading import Finding, Findings
from config.yaml_nodes import Path


@dataclass(frozen=True, slots=True)
class Around:
    """What mapping.yaml refers to in the other files."""

    connections: MappingOf[str, str] | None
    """connection → type; None: gatepost.yaml cannot be read"""
    journeys: MappingOf[str, Journey | None]
    """every journey's name → what could be read of it"""
    outputs: MappingOf[str, frozenset[str]]
    """journey → names of its signals and moments, wrong ones included"""
    complete: bool
    """whether every journey's name is known"""


def check_mapping(mapping: Mapping, fields: frozenset[str], around: Around) -> Findings:
    """Everything that is wrong in mapping.yaml beyond its shape.

    `fields` are all names that stand under `fields`, wrong ones included.
    """
    accounts = mapping.accounts
    yield from _connection(accounts.from_, around.connections, ("accounts", "from"))
    yield from _takes_values(mapping, around.connections)
    yield from _field_names(mapping)
    for index, entry in enumerate(mapping.events):
        yield from _entry(entry, fields, around.connections, ("events", index))
    yield from _written_once(mapping)
    yield from _kept_by_the_system(mapping, around.connections)
    for index, target in enumerate(mapping.write):
        yield from _target(target, around, ("write", index))


def _connection(name: str, connections: MappingOf[str, str] | None, path: Path) -> Findings:
    if connections is not None and name not in connections:
        hint = nearest(name, connections)
        yield Finding(path, f"no connection named {quoted(name)} in gatepost.yaml", hint)


def _kind(name: str, connections: MappingOf[str, str] | None) -> ConnectionType | None:
    return CONNECTION_TYPES.get((connections or {}).get(name, ""))


def _takes_values(mapping: Mapping, connections: MappingOf[str, str] | None) -> Findings:
    name = mapping.accounts.from_
    kind = _kind(name, connections)
    if kind and not kind.is_crm and mapping.write and connections:
        yield Finding(
            ("accounts", "from"),
            f"nothing can be written to the connection {quoted(name)} ({connections[name]})",
            "take accounts from the CRM that `write` means",
        )


def _keeps(entry: EventsEntry, connections: MappingOf[str, str] | None, path: Path) -> Findings:
    """Whether the connection has what the entry reads."""
    kind = _kind(entry.from_, connections)
    if kind is None or connections is None:
        return
    whose = f"the connection {quoted(entry.from_)} ({connections[entry.from_]})"
    if entry.object is not None and not kind.is_crm:
        yield Finding(path, f"{whose} has no records that could be read as events")
    if entry.object is None and not kind.has_events:
        yield Finding(path, f"{whose} has no product events", "name an `object`")


def _field_names(mapping: Mapping) -> Findings:
    folded: dict[str, str] = {}
    for name, spec in mapping.fields.items():
        path: Path = ("fields", name)
        other = folded.setdefault(name.lower(), name)
        taken = why_not(name)
        if not taken and other != name:
            taken = f"differs from {quoted(other)} only by the case of its letters"
        if taken:
            yield Finding(path, f"the name {quoted(name)} {taken}", at_key=True)
        shown = mapping.accounts.name
        if name == "name" and shown is not None and spec.field != shown:
            yield Finding(
                path,
                f"the field 'name' is {quoted(spec.field)} here and {quoted(shown)} in accounts",
                "call this one otherwise",
            )


def _entry(
    entry: EventsEntry,
    fields: frozenset[str],
    connections: MappingOf[str, str] | None,
    path: Path,
) -> Findings:
    objects = entry.object is not None
    yield from _connection(entry.from_, connections, (*path, "from"))
    yield from _keeps(entry, connections, (*path, "from"))
    for key, value in (("event", entry.event), ("at", entry.at)):
        if objects and value is None:
            meaning = {"event": "what its records are called", "at": "when they happened"}[key]
            yield Finding(
                path, f"{quoted(key)} is missing: an object's records need it ({meaning})"
            )
        if not objects and value is not None:
            yield Finding(
                (*path, key),
                f"{quoted(key)} belongs to an object's records, and no object is named",
                "product events bring their own name and time",
                at_key=True,
            )
    if entry.event == "any":
        yield Finding((*path, "event"), "the name 'any' is built in")
    yield from _ways(entry, fields, path)
    yield from _kept_names(entry, (*path, "keep"))


def _ways(entry: EventsEntry, fields: frozenset[str], path: Path) -> Findings:
    for index, way in enumerate(entry.ways):
        equals, place = way.equals, (*path, *where(index, entry.ways))
        if equals is not None and equals != ID and equals not in fields:
            yield Finding(
                (*place, "equals"),
                f"{quoted(equals)} is neither id nor a name under `fields`",
                nearest(equals, (*fields, ID)),
            )
    again = repeated(entry.ways)
    if again is not None:
        yield Finding((*path, "account", again), "is tried already: a way is named once")


def _kept_names(entry: EventsEntry, path: Path) -> Findings:
    folded: dict[str, str] = {}
    for name in entry.keep:
        taken = "is built in" if name.lower() in ("event", "user") else ""
        if not taken and name.lower() in SQL_WORDS:
            taken = "is a word of SQL"
        other = folded.setdefault(name.lower(), name)
        if not taken and other != name:
            taken = f"differs from {quoted(other)} only by the case of its letters"
        if taken:
            yield Finding(
                (*path, name),
                f"the name {quoted(name)} {taken}",
                f"call it otherwise: {{its_{name.lower()}: {name}}}",
                at_key=True,
            )


def _written_once(mapping: Mapping) -> Findings:
    # A CRM does not tell field names apart by case.
    written = {mapping.accounts.id.casefold(): "the accounts' id"}
    for index, target in enumerate(mapping.write):
        for field, spec in target.fields.items():
            place: Path = ("write", index, "fields", field)
            named = [(field, place, True)]
            if spec.to is not None:
                named.append((spec.to, (*place, "to"), False))
            for name, path, at_key in named:
                folded = name.casefold()
                if folded in written:
                    message = f"{quoted(name)} is {written[folded]} already"
                    yield Finding(path, message, at_key=at_key)
                written.setdefault(folded, "written")
            yield from _suggestion(spec, place)


def _kept_by_the_system(mapping: Mapping, connections: MappingOf[str, str] | None) -> Findings:
    system = (connections or {}).get(mapping.accounts.from_, "")
    kind = CONNECTION_TYPES.get(system)
    for index, target in enumerate(mapping.write):
        for field, spec in target.fields.items():
            place: Path = ("write", index, "fields", field)
            name, path = (field, place) if spec.to is None else (spec.to, (*place, "to"))
            is_id = name.casefold() == mapping.accounts.id.casefold()  # which is told above
            if kind is not None and kind.keeps(name) and not is_id:
                message = f"{quoted(name)} is kept by {system} itself and cannot be written"
                yield Finding(path, message, "name a field of your own", at_key=spec.to is None)


def _suggestion(spec: WriteField, place: Path) -> Findings:
    if spec.write == "suggest" and spec.to is None:
        yield Finding(place, "'to' is missing: a suggestion needs a field of its own")
    if spec.write != "suggest" and spec.to is not None:
        message = "'to' belongs to `write: suggest`"
        yield Finding((*place, "to"), message, "write to that field itself", at_key=True)


def _target(target: WriteEntry, around: Around, path: Path) -> Findings:
    name = target.journey
    if name is None and len(around.journeys) == 1:
        name = next(iter(around.journeys))
    elif name is None and around.journeys:
        hint = known(around.journeys)
        message = "'journey' is missing: there are several journeys"
        yield Finding(path, message, hint, about=("journey",))
    elif name is not None and name not in around.journeys and around.complete:
        hint = nearest(name, around.journeys)
        yield Finding((*path, "journey"), f"no journey named {quoted(name)}", hint)
    journey = around.journeys.get(name) if name is not None else None
    if journey and around.complete:
        yield from _outputs(target, journey, around.outputs[journey.name], path)


def _outputs(entry: WriteEntry, journey: Journey, more: frozenset[str], path: Path) -> Findings:
    known = {*outputs_of(journey), *more}
    for field, spec in entry.fields.items():
        place = (*path, "fields", field)
        # In the long form the output has a key of its own; a path that is not there is shortened.
        if spec.output not in known:
            hint = nearest(spec.output, known)
            message = f"{quoted(journey.name)} has no output {quoted(spec.output)}"
            yield Finding((*place, "output"), message, hint)
        elif spec.output in HEALTH_OUTPUTS and journey.health is None:
            message = f"{quoted(journey.name)} computes no health, so there is no {spec.output}"
            yield Finding((*place, "output"), message, "add `health`, or leave the field out")
