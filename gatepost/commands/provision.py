"""`gatepost provision`: the CRM fields that are written, made."""

from typing import TYPE_CHECKING, Any

import click

from gatepost import tables
from gatepost.cells import counted
from gatepost.options import Ask, Command, asks, format_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.load import Project
    from connectors.base import Connector
    from sync.provision import Result, Step

EXAMPLES = (
    ("Show what is missing in the CRM, ask, and make it", "gatepost provision --project acme"),
    ("Only show it", "gatepost provision --dry-run"),
    (
        "A list for an administrator, with what to click",
        "gatepost provision --dry-run --format csv",
    ),
    ("Without being asked", "gatepost provision --yes"),
)
COLUMNS = ("object", "field", "output", "action", "what", "outcome", "reason", "by_hand")
_ACTIONS = {"create": "create", "options": "add", "grant": "grant", "leave": "leave as it is"}
_DONE = {"create": "made", "options": "added", "grant": "granted"}


@click.command("provision", cls=Command, examples=EXAMPLES)
@asks(day=False, progress=True)
@click.option("--yes", is_flag=True, help="Make the fields without asking.")
@click.option("--dry-run", is_flag=True, help="Show what would be made, and make nothing.")
@format_option("table", "json", "csv")
def command(ask: Ask, yes: bool, dry_run: bool, style: str) -> None:  # noqa: FBT001 (click)
    """Make the CRM fields that mapping.yaml writes.

    Fields that are missing are made with the type that fits, values that a list lacks are added,
    and the API user gets access to them. A type is never changed and nothing is removed: a field
    that cannot hold what is written is told and left. Shows first, then asks.
    """
    from gatepost.opening import bar_for, sound_project
    from sync.provision import carry_out, planned, survey

    project = sound_project(ask)
    if not project.mapping.write:
        ask.note("mapping.yaml has no `write`, so no field is needed.")
        return
    connector = _connector(project)
    with bar_for(ask) as bar:
        steps, provisioner = survey(project, connector)
        bar.close()
        todo = [one for one in steps if one.todo is not None]
        results = planned(steps)
        if todo and not dry_run and (yes or _agreed(steps)):
            from sync.runs import run_lock

            with run_lock(project.home):
                results = carry_out(project, connector, steps, provisioner, bar.tick)
    if style == "table":
        _tell(results)
    else:
        _print(results, style)
    _finish(ask, results)


def _connector(project: "Project") -> "Connector":
    from connectors.registry import connect

    name = project.mapping.accounts.from_
    return connect(name, project.gatepost.connections[name], project.folder)


def _agreed(steps: "Sequence[Step]") -> bool:
    """Show and ask. UsageError where nobody can be asked, GatepostError after a no."""
    from config.errors import GatepostError, UsageError
    from gatepost.commands.apply import at_a_terminal

    for line in _lines(steps):
        click.echo(line, err=True)
    if not at_a_terminal():
        raise UsageError(
            "nobody is there to be asked whether this shall be made",
            "--yes makes it, --dry-run only shows it",
        )
    if not click.confirm("Make this in the CRM?", err=True):
        raise GatepostError("nothing was made, as you wished")
    return True


def _lines(steps: "Sequence[Step]") -> list[str]:
    rows = [
        [f"{one.object}.{one.field}", one.output, _ACTIONS[one.action], one.what]
        for one in steps
        if one.action != "nothing"
    ]
    header = ("field", "output", "to do", "what")
    return tables.table_lines(header, rows, tables.Shape(texts=frozenset({"what"})))


def _tell(results: "Sequence[Result]") -> None:
    """What became of everything that was not as it should be."""
    rows = [
        [f"{one.step.object}.{one.step.field}", one.step.output, _outcome(one), one.step.what]
        for one in results
        if one.outcome != "there"
    ]
    if rows:
        header = ("field", "output", "result", "what")
        tables.print_table(header, rows, tables.Shape(texts=frozenset({"what"})))
    for one in results:
        if one.outcome == "failed":
            tables.emit(["", f"{one.step.object}.{one.step.field}: {one.reason}"])
            tables.emit([f"  by hand: {one.by_hand}"])


def _outcome(result: "Result") -> str:
    action = result.step.action
    match result.outcome:
        case "planned":
            return f"to {_ACTIONS[action]}"
        case "done":
            return _DONE[action]
        case "left":
            return "left as it is"
        case other:
            return other


def _row(result: "Result") -> dict[str, Any]:
    step = result.step
    return {
        "object": step.object, "field": step.field, "output": step.output, "action": step.action,
        "what": step.what, "outcome": result.outcome, "reason": result.reason,
        "by_hand": result.by_hand,
    }  # fmt: skip


def _print(results: "Sequence[Result]", style: str) -> None:
    rows = [_row(one) for one in results]
    if style == "json":
        tables.emit(tables.json_lines(rows))
    else:
        tables.emit(tables.csv_lines(COLUMNS, ([row[name] for name in COLUMNS] for row in rows)))


def _finish(ask: Ask, results: "Sequence[Result]") -> None:
    """The last word, and the exit code: 3 where something was done and something was not."""
    from config.errors import GatepostError, PartlyDone

    by = {kind: [one for one in results if one.outcome == kind] for kind in _KINDS}
    if by["planned"]:
        ask.note(f"{counted(len(by['planned']), 'thing')} to do; nothing was made.")
    elif by["done"]:
        ask.note(f"{counted(len(by['done']), 'thing')} done.")
    elif not by["failed"] and not by["left"]:
        ask.note(f"Nothing is to be done: all {len(results)} fields are there.")
    said = []
    if by["failed"]:
        said.append(f"{counted(len(by['failed']), 'thing')} could not be done")
    if by["left"]:
        named = ", ".join(one.step.field for one in by["left"])
        said.append(f"{named}: not what is needed, and left, since a type is never changed")
    if said:
        error = PartlyDone if by["done"] else GatepostError
        hint = "run it again when that is mended: what was made stays" if by["failed"] else ""
        raise error("; ".join(said), hint)


_KINDS = ("planned", "done", "failed", "left", "there")
