"""The check of every expression of a project: names, types, functions, each with its place."""

from collections.abc import Callable

from config.load import Project
from config.problem import Problem
from mapping.compiled import (
    CompiledJourney,
    Path,
    Report,
    compile_accounts_filter,
    compile_journey,
)
from mapping.expression import ExpressionError

MAPPING_FILE = "mapping.yaml"


def check(project: Project) -> list[Problem]:
    """Everything that is wrong with the project's expressions, by file and line. Pure."""
    problems: list[Problem] = []
    compile_accounts_filter(project.mapping, _report(project, MAPPING_FILE, problems.append))
    for journey in project.journeys:
        file = project.journey_file(journey.name)
        compile_journey(journey, project.mapping, _report(project, file, problems.append))
    return sorted(problems)


def compiled(project: Project) -> list[CompiledJourney]:
    """The project's journeys, ready to run. Only for a project that `check` finds nothing in."""

    def refuse(path: Path, problem: ExpressionError) -> None:
        raise ValueError((path, problem.message))

    return [compile_journey(journey, project.mapping, refuse) for journey in project.journeys]


def _report(project: Project, file: str, add: Callable[[Problem], None]) -> Report:
    def report(path: Path, problem: ExpressionError) -> None:
        add(project.problem_at(file, path, problem.message, problem.hint, problem.offset))

    return report
