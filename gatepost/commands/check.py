"""`gatepost check`: every mistake in a project's files at once."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from gatepost.cells import counted
from gatepost.options import Ask, Command, asks, format_option

if TYPE_CHECKING:
    from config.journey import Journey
    from config.load import Project

EXAMPLES = (
    ("The project in the current folder", "gatepost check"),
    ("Another one, for an editor or a pipeline", "gatepost check --project acme --format json"),
)


@click.command("check", cls=Command, examples=EXAMPLES)
@asks(day=False)
@format_option("table", "json")
@click.pass_context
def command(ctx: click.Context, ask: Ask, style: str) -> None:
    """Find every mistake in a project's files.

    Shapes, names and expressions are checked, and each problem is printed with file, line and
    column. No source is asked anything. Leaves with 2 if there is a problem.
    """
    from gatepost import tables
    from gatepost.opening import problems_of

    project, problems = problems_of(ask)
    if style == "json":
        tables.emit(tables.json_lines(asdict(problem) for problem in problems))
    else:
        tables.emit(str(problem) for problem in problems)
    if problems or project is None:
        files = len({problem.file for problem in problems})
        ask.note(f"{counted(len(problems), 'problem')} in {counted(files, 'file')}.")
        if not (ask.folder / "gatepost.yaml").exists():
            ask.note("`gatepost init DIR` writes a project to start from.")
        ctx.exit(2)
    if style != "json":
        tables.emit(_about(project))


def _about(project: "Project") -> Iterator[str]:
    """What the project does, on one screen."""
    mapping = project.mapping
    connections = project.gatepost.connections
    accounts = mapping.accounts
    yield "No problems."
    kind = connections[accounts.from_].type
    where = f", where {accounts.where}" if accounts.where else ""
    yield f"  accounts   {accounts.object} of {accounts.from_} ({kind}){where}"
    yield f"  fields     {', '.join(mapping.fields) or 'none'}"
    for entry in mapping.events:
        key = f"{entry.account.property} = {entry.account.equals}"
        yield f"  events     {entry.name} ({connections[entry.from_].type}), by {key}"
    for journey in project.journeys:
        yield f"  journey    {journey.name}: {_numbers(journey)}"
    for written in mapping.write:
        yield f"  writes     {', '.join(written.fields)} from {written.journey}"
    if not mapping.write:
        yield "  writes     nothing: mapping.yaml has no `write`"


def _numbers(journey: "Journey") -> str:
    health = len(journey.health.components) if journey.health else 0
    return ", ".join(
        [
            counted(len(journey.stages), "stage"),
            counted(len(journey.signals), "signal"),
            counted(health, "health component"),
            counted(len(journey.moments), "moment"),
            f"since {journey.since}",
        ]
    )
