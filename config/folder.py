"""The files of a project folder, found and read as YAML."""

import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from config.problem import Problem, printable
from config.yaml_reader import MOST_BYTES, YamlFile, read_yaml

PROJECT = "gatepost.yaml"
MAPPING = "mapping.yaml"
JOURNEYS = "journeys"


@dataclass(slots=True)
class ProjectFiles:
    """What was found. None where a file is missing or cannot be opened."""

    gatepost: YamlFile | None = None
    mapping: YamlFile | None = None
    journeys: list[YamlFile] = field(default_factory=list)

    def all(self) -> Iterator[YamlFile]:
        """Every file that was read."""
        yield from (file for file in (self.gatepost, self.mapping) if file)
        yield from self.journeys


def read_folder(folder: Path) -> tuple[ProjectFiles, list[Problem]]:
    """Read every file of a project; the problems are those of finding and opening them."""
    files = ProjectFiles()
    problems: list[Problem] = []
    if message := _no_folder(folder):
        shown = printable(str(folder))
        return files, [Problem(shown, 0, 0, "", message, "name it with --project DIR")]
    files.gatepost = _read(folder, PROJECT, problems)
    files.mapping = _read(folder, MAPPING, problems)
    for name in _journey_names(folder, problems):
        # One that cannot be opened still counts as a journey, of which nothing is known.
        files.journeys.append(_read(folder, name, problems) or YamlFile(name, ""))
    return files, problems


def _no_folder(folder: Path) -> str:
    try:
        if folder.is_dir():
            return ""
        return "is not a folder" if folder.exists() else "there is no such folder"
    except OSError as error:
        return f"cannot be opened: {error.strerror}"


def _journey_names(folder: Path, problems: list[Problem]) -> list[str]:
    inside = folder / JOURNEYS
    try:
        # Editors leave hidden copies beside what they edit.
        found = sorted(path.name for path in inside.iterdir() if not path.name.startswith("."))
    except OSError as error:
        problems.append(_cannot_read(f"{JOURNEYS}/", error))
        return []
    for name in found:
        if name.endswith((".yml", ".YAML", ".YML")):
            message = "is not read, because its name does not end in .yaml"
            problems.append(Problem(f"{JOURNEYS}/{name}", 0, 0, "", message, "rename it"))
        if not name.isprintable():
            message = "has a name that cannot be shown"
            shown = f"{JOURNEYS}/{printable(name)}"
            problems.append(Problem(shown, 0, 0, "", message, "rename it"))
    names = [
        f"{JOURNEYS}/{name}" for name in found if name.endswith(".yaml") and name.isprintable()
    ]
    if not names:
        message = "holds no journey"
        problems.append(Problem(f"{JOURNEYS}/", 0, 0, "", message, "write one, named *.yaml"))
    return names


def _read(folder: Path, name: str, problems: list[Problem]) -> YamlFile | None:
    try:
        if _is_strange(folder / name):
            problems.append(Problem(name, 0, 0, "", "is no plain file"))
            return None
        with (folder / name).open("rb") as stream:
            # One byte more than may be shows that it is too many, whatever the file's size says.
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        problem = _cannot_read(name, error)
        other = name.removesuffix("aml") + "ml"
        if isinstance(error, FileNotFoundError) and (folder / other).is_file():
            problem = Problem(name, 0, 0, "", problem.message, f"rename {other}")
        problems.append(problem)
        return None
    return read_yaml(name, content)


def _is_strange(path: Path) -> bool:
    """A pipe or a device, which might never end, or never begin."""
    kind = path.stat().st_mode
    return not (stat.S_ISREG(kind) or stat.S_ISDIR(kind))


def _cannot_read(name: str, error: OSError) -> Problem:
    what = {
        FileNotFoundError: "is missing",
        NotADirectoryError: "is not a folder",
        IsADirectoryError: "is a folder, not a file",
        PermissionError: "may not be read by this user",
    }.get(type(error), f"cannot be read: {error.strerror}")
    return Problem(name, 0, 0, "", what)
