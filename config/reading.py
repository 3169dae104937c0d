"""A file's plain values → a model, with all problems; and what of it holds if some of it does not.

A model with problems is of no use, but the checks that look at several places at once should not
wait until each place is right. So what is wrong is cut out, and the rest is read again, for those
checks only.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from config.problem import Problem
from config.shape import Shape
from config.signal import TAG
from config.yaml_nodes import Entries, Path, Scalar, existing, node_at
from config.yaml_reader import YamlFile
from config.yaml_values import TooMuchError, plain_values

MOST_ROUNDS = 50
M = TypeVar("M", bound=Shape)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a check found wrong, at a path of the model (in the file's own words)."""

    path: Path
    message: str
    hint: str = ""
    at_key: bool = False
    about: tuple[str, ...] = ()
    """where something is missing: the keys that would put it right"""
    offset: int | None = None
    """the character of the value at which it stands, from 0"""


Findings = Iterator[Finding]


@dataclass(slots=True)
class Reading(Generic[M]):
    """What became of one file."""

    file: YamlFile
    values: Any = None
    """plain values; None if there are none"""
    model: M | None = None
    """None unless everything is right"""
    sound: M | None = None
    """the model, or what is left of it without its wrong parts; None if nothing is"""
    problems: list[Problem] = field(default_factory=list)
    cut: list[Path] = field(default_factory=list)
    """paths in the file of what was cut out"""
    kept: dict[Path, list[int]] = field(default_factory=dict)
    """for lists that lost items: the original index of each that is left, by original path"""

    def place(self, findings: Findings) -> None:
        """Add what checks found, except where it only follows from what was cut out."""
        for found in findings:
            path = self.original(found.path)
            if not any(_follows(found, path, cut) for cut in self.cut):
                self.problems.append(
                    self.file.problem(
                        path, found.message, found.hint, offset=found.offset, at_key=found.at_key
                    )
                )

    def original(self, path: Path) -> Path:
        """A path of the sound model as a path of the file."""
        steps: Path = ()
        for step in path:
            indices = self.kept.get(steps)
            known = isinstance(step, int) and indices is not None and step < len(indices)
            steps = (*steps, indices[step] if known and indices else step)  # type: ignore[index]
        return steps


def read_model(file: YamlFile, model: type[M], stand_ins: Mapping[Path, Any]) -> Reading[M]:
    """Read a file as `model`. Never raises for bad content.

    `stand_ins` are values that keep the rest readable when a needed one is missing or wrong.
    """
    reading: Reading[M] = Reading(file, problems=list(file.problems))
    if file.root is None:
        return reading
    try:
        reading.values = plain_values(file.root)
    except TooMuchError as error:
        reading.problems.append(Problem(file.name, *error.place, "", str(error)))
        return reading
    _validate(reading, model, stand_ins)
    return reading


def _validate(reading: Reading[M], model: type[M], stand_ins: Mapping[Path, Any]) -> None:
    values = reading.values
    for turn in range(MOST_ROUNDS):
        try:
            reading.sound = model.model_validate(values, by_alias=True, by_name=False)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_input=False)
        else:
            break
        if turn == 0:
            reading.problems += _problems(reading.file, errors)
        if not isinstance(values, dict):
            return
        wrong = {_to_cut(reading, one, stand_ins) for one in errors} - set(reading.cut)
        if not wrong or () in wrong:
            return
        reading.cut += sorted(wrong, key=str)
        values = _without(reading, reading.values, stand_ins)
    if not reading.cut and not reading.problems:
        reading.model = reading.sound


def _problems(file: YamlFile, errors: Any) -> Iterator[Problem]:
    taken = {(problem.line, problem.column) for problem in file.problems}
    for error in errors:
        what, path = error["ctx"]["what"], _untagged(error["loc"])
        hint = error["ctx"]["hint"]
        if what == "unknown" and _comma_split(file, path):
            hint = "inside { } a comma ends a value: put an expression that holds commas in quotes"
        named = path[:-1] if what == "missing" else path
        at_key = what == "unknown" or path[-1:] == ("[key]",)
        problem = file.problem(named, error["ctx"]["message"], hint, at_key=at_key)
        # What the reader said about this very value comes first: `no` is no boolean by accident.
        if (problem.line, problem.column) not in taken:
            yield problem


def _untagged(path: tuple[str | int, ...]) -> Path:
    return tuple(step for step in path if not (isinstance(step, str) and step.startswith(TAG)))


def _written(file: YamlFile, path: Path) -> Path:
    """As much of a path as the file has."""
    if file.root is None:
        return path
    return existing(file.root, path)


def _comma_split(file: YamlFile, path: Path) -> bool:
    """Whether an unknown key looks like the second half of an expression with a comma."""
    if file.root is None:
        return False
    value = node_at(file.root, path)
    parent = node_at(file.root, existing(file.root, path)[:-1])
    valueless = isinstance(value, Scalar) and value.plain and not value.text
    return isinstance(parent, Entries) and parent.flow and valueless


def _to_cut(reading: Reading[M], error: Any, stand_ins: Mapping[Path, Any]) -> Path:
    """The path in the file of what must go for this error to go; () if that is everything."""
    path = reading.original(_untagged(error["loc"]))
    if error["ctx"]["what"] == "missing" and path not in stand_ins:
        return _written(reading.file, path[:-1])
    return path if path in stand_ins else _written(reading.file, path)


def _without(reading: Reading[M], values: Any, stand_ins: Mapping[Path, Any]) -> Any:
    """The values without everything that is to be cut. Notes which list items are left."""
    cut = set(reading.cut)
    reading.kept = {}

    def copy(value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            left = {k: copy(v, (*path, k)) for k, v in value.items() if (*path, k) not in cut}
            for place, stand_in in stand_ins.items():
                if place[:-1] == path and place in cut:
                    left[str(place[-1])] = stand_in
            return left
        if isinstance(value, list):
            indices = [index for index in range(len(value)) if (*path, index) not in cut]
            reading.kept[path] = indices
            return [copy(value[index], (*path, index)) for index in indices]
        return value

    return copy(values, ())


def _follows(found: Finding, path: Path, cut: Path) -> bool:
    """Whether a finding may only be there because something else was cut out."""
    if found.about and len(cut) > len(path):
        return cut[: len(path)] == path and cut[len(path)] in found.about
    length = min(len(path), len(cut))
    return path[:length] == cut[:length]
