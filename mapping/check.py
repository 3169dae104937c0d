"""The check of every expression of a project: names, types, functions, each with its place."""

from config.journey import Journey
from config.load import Project
from config.mapping_file import Mapping
from config.reading import Finding, Findings
from mapping.compiled import (
    CompiledJourney,
    Path,
    compile_accounts_filter,
    compile_journey,
)
from mapping.operators import ExpressionError


def expression_findings(
    mapping: Mapping, journey: Journey | None, unread: frozenset[str]
) -> Findings:
    """What is wrong with a journey's expressions, or with the mapping's own (journey None).

    Names in `unread` are taken to exist, whatever they are. For `config.load.load_project`. Pure.
    """
    found: list[Finding] = []

    def report(path: Path, problem: ExpressionError) -> None:
        found.append(Finding(path, problem.message, problem.hint, offset=problem.offset))

    if journey is None:
        compile_accounts_filter(mapping, report, unread)
    else:
        compile_journey(journey, mapping, report, unread)
    return iter(found)


def compiled(project: Project) -> list[CompiledJourney]:
    """The project's journeys, ready to run. Only for a project that has no problems."""
    return [compile_journey(journey, project.mapping, refuse) for journey in project.journeys]


def refuse(path: Path, problem: ExpressionError) -> None:
    """A report for what has been checked already: nothing can be wrong."""
    raise ValueError((path, problem.message))
