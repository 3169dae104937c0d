"""`gatepost forget`: an account or a person goes, and a search shows that nothing is left."""

import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from gatepost.cells import counted
from gatepost.options import Ask, Command, asks, format_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sync.forget import Erased, Subject

EXAMPLES = (
    ("An account, by its id in the CRM or by its whole name", "gatepost forget 0015f00000XyZ"),
    ("A person: every id and address that stands for them",
     "gatepost forget ann@acme.example 48213"),
    ("In a script, with the proof for the file", "gatepost forget --yes 48213 --format json"),
)  # fmt: skip


@click.command("forget", cls=Command, examples=EXAMPLES)
@click.argument("who", nargs=-1, required=True, metavar="WHO...")
@asks(day=False)
@click.option("--yes", is_flag=True, help="Remove without asking. Needed in a script.")
@format_option("table", "json")
@click.pass_context
def command(ctx: click.Context, ask: Ask, who: tuple[str, ...], yes: bool, style: str) -> None:  # noqa: FBT001 (click)
    """Remove an account or a person, and prove it.

    WHO is an account's id or whole name, or a user as events or fields name them; several names
    are of one person or account. Events, fields, writes and reports go, later pulls leave them out,
    and then every file of the project's home is searched. Leaves with 1 if anything is left.
    The CRM, the product's own records and backups are not touched.
    """
    from gatepost import tables
    from gatepost.opening import bar_for, sound_project
    from sync.engine import DuckEngine
    from sync.forget import Forgetting
    from sync.runs import run_lock
    from sync.state import State

    project = sound_project(ask)
    limits = project.gatepost.engine
    with ExitStack() as stack:
        stack.enter_context(run_lock(project.home))
        state = stack.enter_context(State(project.home))
        engine = stack.enter_context(
            DuckEngine(project.home / "scratch", threads=limits.threads, memory=limits.memory)
        )
        forgetting = Forgetting(project, state, engine)
        subject = forgetting.find(who)
        if not yes:
            _confirm(subject, forgetting.events_of(subject))
        with bar_for(ask) as bar:
            erased = forgetting.remove(subject, datetime.now(UTC), bar.tick)
    if style == "json":
        tables.emit(tables.json_lines([erased.to_json()]))
    else:
        tables.emit(_told(erased))
    for text in sorted(erased.doubtful):
        ask.note(f"{text!r} says other things as well: it was looked for only where it names them.")
    for key in erased.shared:
        ask.note(f"The key {key!r} is another account's as well: its events were kept.")
    if erased.searched.left:
        ask.note("Run it again when nothing else reads the home; then see to these files yourself.")
        ctx.exit(1)


def _confirm(subject: "Subject", events: int) -> None:
    """Say what will go, and ask. GatepostError unless the answer is yes."""
    from config.errors import GatepostError, UsageError

    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("this cannot be undone, and nobody is here to be asked", "say --yes")
    what = [
        *(f"the account {one}" for one in sorted(subject.accounts)),
        *(f"the user {one}" for one in sorted(subject.users)),
    ]
    click.echo(f"This removes {', '.join(what)} with {counted(events, 'event')}.", err=True)
    if not click.confirm("It cannot be undone. Go on?", err=True):
        raise GatepostError("nothing was removed, as you wished")


def _told(erased: "Erased") -> "Iterator[str]":
    rows = ", ".join(f"{count:,} in {table}" for table, count in sorted(erased.rows.items()))
    yield f"Removed     {counted(erased.events, 'event')}; rows: {rows or 'none'}"
    yield f"            {counted(erased.files, 'other file')}"
    found = erased.searched
    yield (
        f"Searched    {counted(found.files, 'file')} with {found.bytes:,} bytes, "
        f"{counted(found.cells, 'cell')} of the state file"
    )
    if not found.left:
        yield "Left        nothing"
    for one in found.left:
        yield f"Left        {one.file}: {one.where} ({one.found:,})"
