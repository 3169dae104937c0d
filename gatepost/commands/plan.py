"""`gatepost plan`: what would be written, and why; nothing is written."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatepost.options import Ask, Command, asks, format_option

if TYPE_CHECKING:
    from sync.plan import Plan

EXAMPLES = (
    ("What would change in the CRM, and why", "gatepost plan --project acme"),
    ("Save it, look at it, carry out exactly that",
     "gatepost plan --out plan.json"),
    ("For a comment on a pull request that changes a journey",
     "gatepost plan --format markdown > comment.md"),
)  # fmt: skip


@click.command("plan", cls=Command, examples=EXAMPLES)
@asks(pull=True)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Save the plan, for `gatepost apply FILE`.",
)  # fmt: skip
@format_option("table", "json", "csv", "markdown")
def command(ask: Ask, out: Path | None, style: str) -> None:
    """Show what would be written, and write nothing.

    Each line is one field of one record: what it says, what it would say, and why, by segment and
    stage move. Only fields that differ are listed. Then come conflicts with values that somebody
    changed, and the brakes that would stop it.
    """
    from gatepost.changes import brake_lines
    from gatepost.opening import opened
    from gatepost.summary import note_lines, notes
    from sync.making import brakes_of
    from sync.plan_file import to_json

    with opened(ask) as cycle:
        plan = cycle.plan()
        pulled = brakes_of(cycle, plan)
        summary = notes(cycle.summary)
    if out is not None:
        from gatepost.saving import save_text

        save_text(out, to_json(plan))
    _print(plan, style)
    for line in summary:
        ask.note(line)
    for line in (*note_lines(plan), *brake_lines(pulled)):
        ask.note(line)
    ask.note(_counts(plan))
    if out is not None:
        ask.note(f"Saved as {out}; `gatepost apply {out}` carries out exactly this.")


def _print(plan: "Plan", style: str) -> None:
    from gatepost import tables
    from sync.plan import COLUMNS, json_rows, text_rows

    if style == "json":
        tables.emit(tables.json_lines(json_rows(plan)))
    elif style == "csv":
        tables.emit(tables.csv_lines(COLUMNS, text_rows(plan)))
    elif style == "markdown":
        from gatepost.changes import markdown

        tables.emit(markdown(plan))
    elif plan.changes:
        from gatepost.changes import told

        click.echo("\n".join(told(plan, tables.width() if sys.stdout.isatty() else None)))


def _counts(plan: "Plan") -> str:
    from gatepost.changes import plan_sentence

    return plan_sentence(plan)
