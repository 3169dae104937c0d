"""`gatepost check`: every mistake in a project's files at once, and in what they mean outside."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from gatepost.cells import counted
from gatepost.options import Ask, Command, asks, format_option

if TYPE_CHECKING:
    from config.journey import Journey
    from config.load import Project
    from config.problem import Problem

EXAMPLES = (
    ("The project in the current folder", "gatepost check"),
    ("The CRM and the product as well: fields, rights, events, calls", "gatepost check --live"),
    ("Another one, for an editor or a pipeline", "gatepost check --project acme --format json"),
)
COLUMNS = ("file", "line", "column", "where", "message", "hint")


@click.command("check", cls=Command, examples=EXAMPLES)
@asks(day=False, progress=True)
@click.option(
    "--live", is_flag=True,
    help="Ask the connections too: is every field there, does what is written fit, and so on.",
)  # fmt: skip
@format_option("table", "json", "csv")
@click.pass_context
def command(ctx: click.Context, ask: Ask, live: bool, style: str) -> None:  # noqa: FBT001 (click)
    """Find every mistake in a project's files.

    Shapes, names, options and expressions are checked, and each problem is printed with file, line
    and column. No source is asked anything, unless with --live: then every connection is tried,
    with all that the project means of it. Nothing is written. Leaves with 2 if there is a problem.
    """
    from gatepost import tables
    from gatepost.opening import no_project, problems_of

    project, problems = problems_of(ask)
    if problems or project is None:
        _print(problems, style)
        files = len({problem.file for problem in problems})
        ask.note(f"{counted(len(problems), 'problem')} in {counted(files, 'file')}.")
        if hint := no_project(ask.folder):
            ask.note(f"{hint}.")
        ctx.exit(2)
    if live:
        from gatepost.live import check

        check(ctx, ask, project, style)
    else:
        _print(problems, style)
    if style == "table":
        tables.emit(_about(project))


def _print(problems: "Iterable[Problem]", style: str) -> None:
    from gatepost import tables

    rows = [asdict(problem) for problem in problems]
    if style == "json":
        tables.emit(tables.json_lines(rows))
    elif style == "csv":
        tables.emit(
            tables.csv_lines(COLUMNS, ([str(row[name]) for name in COLUMNS] for row in rows))
        )
    else:
        tables.emit(str(problem) for problem in problems)


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
        key = ", then ".join(way.text() for way in entry.ways)
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
