"""A project folder → a Project, with every problem of every file at once."""

import os
from collections.abc import Callable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.check_journey import check_journey
from config.check_mapping import Around, check_mapping
from config.check_project import check_guards, check_project
from config.connection_types import CONNECTION_TYPES
from config.folder import ProjectFiles, read_folder
from config.home import home_of
from config.journey import Journey
from config.key_maps import check_key_maps
from config.known import Known, kept_names, keys_of, texts_of
from config.mapping_file import Mapping
from config.problem import Problem, quoted
from config.project_file import Connection, Gatepost
from config.reading import Finding, Findings, Reading, read_model
from config.yaml_nodes import Path as YamlPath
from config.yaml_reader import YamlFile

CONFIG_VARIABLE = "GATEPOST_CONFIG"
"""A folder whose files are read in place of the project's own: what the daemon found right."""

# What takes the place of a needed value that is missing or wrong, so that the rest can be checked.
_JOURNEY_STAND_INS: MappingOf[YamlPath, Any] = {("journey",): "?", ("since",): "2025-01-01"}
_MAPPING_STAND_INS: MappingOf[YamlPath, Any] = {
    ("accounts",): {"from": "?", "object": "x", "id": "?"},
    ("accounts", "from"): "?",
    ("accounts", "object"): "x",
    ("accounts", "id"): "?",
}


@dataclass(frozen=True, slots=True)
class Project:
    """A project as it was when it was read. Journeys stand in the order of their files' names."""

    folder: Path
    home: Path
    """where the lake and the state are: GATEPOST_HOME, or .gatepost in the folder"""
    gatepost: Gatepost
    mapping: Mapping
    journeys: tuple[Journey, ...]
    files: MappingOf[str, YamlFile] = field(repr=False, compare=False)
    """file → its text with places"""
    journey_files: MappingOf[str, str] = field(repr=False, compare=False)
    """journey → file"""

    def journey_file(self, name: str) -> str:
        """The file of a journey, relative to the folder."""
        return self.journey_files[name]


ExpressionCheck = Callable[[Mapping, Journey | None, frozenset[str]], Findings]
"""What is wrong with the expressions of a journey (None: of the mapping itself). The names in the
last argument exist in the files too, but what they are could not be read."""


OptionCheck = Callable[[str, Connection], Findings]
"""What is wrong with the options of a connection, which is named."""


def load_project(
    folder: Path,
    expressions: ExpressionCheck | None = None,
    options: OptionCheck | None = None,
) -> tuple[Project | None, list[Problem]]:
    """Read a project folder. Never raises for bad content, missing files or unreadable ones.

    `expressions` is asked about whatever can be read of each file, so that one wrong key hides no
    wrong name in an expression (the meaning of expressions is not this package's). `options` is
    asked about every connection.
    The problems are sorted by file and line. With problems there may still be a Project, if every
    file by itself is right: it is good for further checks, and for nothing else.
    """
    files, problems = read_folder(Path(os.environ.get(CONFIG_VARIABLE) or folder))
    gatepost = read_model(files.gatepost, Gatepost, {}) if files.gatepost else None
    mapping = read_model(files.mapping, Mapping, _MAPPING_STAND_INS) if files.mapping else None
    journeys = [read_model(file, Journey, _JOURNEY_STAND_INS) for file in files.journeys]
    _check(gatepost, mapping, journeys)
    if options is not None and gatepost and gatepost.sound:
        for name, connection in gatepost.sound.connections.items():
            if connection.type in CONNECTION_TYPES:
                gatepost.place(options(name, connection))
    if mapping and mapping.sound:
        mapping.place(check_key_maps(mapping.sound, folder))
    if expressions is not None and mapping and mapping.sound:
        _check_expressions(expressions, mapping, mapping.sound, journeys)
    for reading in (gatepost, mapping, *journeys):
        problems += reading.problems if reading else []
    project = _project(folder, files, gatepost, mapping, journeys)
    return project, sorted(set(problems))


def _project(
    folder: Path,
    files: ProjectFiles,
    gatepost: Reading[Gatepost] | None,
    mapping: Reading[Mapping] | None,
    journeys: list[Reading[Journey]],
) -> Project | None:
    models = [reading.model for reading in journeys if reading.model]
    if not gatepost or not mapping or not gatepost.model or not mapping.model:
        return None
    if not models or len(models) < len(journeys):
        return None
    named = {model.name: reading.file.name for model, reading in zip(models, journeys, strict=True)}
    return Project(
        folder=folder,
        home=home_of(folder),
        gatepost=gatepost.model,
        mapping=_with_journeys(mapping.model, models),
        journeys=tuple(models),
        files={file.name: file for file in files.all()},
        journey_files=named,
    )


def _with_journeys(mapping: Mapping, journeys: list[Journey]) -> Mapping:
    """The mapping with the one journey filled in where an entry names none."""
    if len(journeys) > 1:
        return mapping
    entries = [
        entry if entry.journey else entry.model_copy(update={"journey": journeys[0].name})
        for entry in mapping.write
    ]
    return mapping.model_copy(update={"write": tuple(entries)})


def _check(
    gatepost: Reading[Gatepost] | None,
    mapping: Reading[Mapping] | None,
    journeys: list[Reading[Journey]],
) -> None:
    """Add what only shows when several places are looked at together."""
    if gatepost and gatepost.sound:
        gatepost.place(check_project(gatepost.sound))
        if mapping and mapping.values is not None:
            gatepost.place(check_guards(gatepost.sound.guards, keys_of(mapping.values, "fields")))
    if mapping and mapping.sound:
        fields = keys_of(mapping.values, "fields")
        mapping.place(check_mapping(mapping.sound, fields, _around(gatepost, journeys)))
    first: dict[str, str] = {}
    for reading in journeys:
        journey = reading.sound
        if journey is None:
            continue
        reading.place(check_journey(journey, _known(mapping, reading)))
        other = first.setdefault(journey.name, reading.file.name)
        if other != reading.file.name:
            message = f"the name {quoted(journey.name)} is taken by {other}"
            reading.place(iter([Finding(("journey",), message)]))


def _check_expressions(
    expressions: ExpressionCheck,
    mapping: Reading[Mapping],
    sound: Mapping,
    journeys: list[Reading[Journey]],
) -> None:
    unread = keys_of(mapping.values, "fields") - set(sound.fields)
    mapping.place(expressions(sound, None, unread))
    kept = {name for entry in sound.events for name in entry.keep}
    unread |= kept_names(mapping.values) - kept
    for reading in journeys:
        if reading.sound is not None:
            lost = keys_of(reading.values, "signals") - set(reading.sound.signals)
            reading.place(expressions(sound, reading.sound, unread | lost))


def _around(gatepost: Reading[Gatepost] | None, journeys: list[Reading[Journey]]) -> Around:
    connections = None
    if gatepost and gatepost.values is not None:
        connections = dict.fromkeys(keys_of(gatepost.values, "connections"), "")
        if gatepost.sound:
            connections |= {
                name: connection.type for name, connection in gatepost.sound.connections.items()
            }
    by_name: dict[str, Journey | None] = {}
    outputs: dict[str, frozenset[str]] = {}
    for reading in journeys:
        if reading.sound and ("journey",) not in reading.cut:
            by_name[reading.sound.name] = reading.sound
            moments = texts_of(reading.values, "moments", "moment")
            outputs[reading.sound.name] = keys_of(reading.values, "signals") | {
                f"moment.{moment}{end}" for moment in moments for end in ("", ".since")
            }
    return Around(connections, by_name, outputs, complete=0 < len(by_name) == len(journeys))


def _known(mapping: Reading[Mapping] | None, journey: Reading[Journey]) -> Known:
    fields: dict[str, str | None] | None = None
    entries = None
    if mapping and isinstance(mapping.values, dict):
        fields = dict.fromkeys(keys_of(mapping.values, "fields"))
        if mapping.sound:
            doubtful = _cut_within(mapping, "fields")
            fields |= {
                name: spec.type
                for name, spec in mapping.sound.fields.items()
                if name not in doubtful
            }
            unread = any(path[:1] == ("events",) for path in mapping.cut)
            entries = None if unread else mapping.sound.events
    return Known(
        fields=fields,
        entries=entries,
        signals=keys_of(journey.values, "signals"),
        features=keys_of(journey.values, "features"),
        stages=texts_of(journey.values, "stages", "stage"),
        doubtful=_cut_within(journey, "signals"),
    )


def _cut_within(reading: Reading[Any], key: str) -> frozenset[str]:
    """The entries under `key` of which something was cut out."""
    return frozenset(str(path[1]) for path in reading.cut if path[:1] == (key,) and len(path) > 1)
