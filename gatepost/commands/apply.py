"""`gatepost apply`: write what a plan says."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatepost.options import Ask, Command, asks, format_option

if TYPE_CHECKING:
    from config.load import Project
    from sync.plan import Plan

EXAMPLES = (
    ("Carry out a plan that was saved and looked at", "gatepost apply plan.json"),
    ("Plan, show the counts, ask, write", "gatepost apply --project acme"),
    ("The same without being asked", "gatepost apply --yes"),
)


@click.command("apply", cls=Command, examples=EXAMPLES)
@click.argument(
    "plan_file", required=False, metavar="[PLAN]", type=click.Path(path_type=Path, dir_okay=False)
)
@asks()
@click.option("--yes", is_flag=True, help="Write without asking. Nobody is asked in a script.")
@format_option("table", "json")
def command(ask: Ask, plan_file: Path | None, yes: bool, style: str) -> None:  # noqa: FBT001 (click)
    """Write what a plan says.

    PLAN is what `gatepost plan --out` saved: exactly that is written, or nothing if a record has
    changed since. Without it a plan is made, its counts are shown, and on a terminal you are asked
    before anything is written. Records are updated, never created or deleted.
    """
    from gatepost.changes import plan_sentence
    from gatepost.finishing import finish
    from gatepost.opening import bar_for, opened

    saved = None if plan_file is None else _read(plan_file, ask)
    bar = bar_for(ask)
    with opened(ask, writes=True, bar=bar) as cycle:
        if saved is None:
            plan = cycle.plan()
            bar.close()
            if plan.changes:
                ask.note(plan_sentence(plan))
            if plan.changes and not yes and at_a_terminal():
                _confirm()
        else:
            plan = saved
            _same_project(cycle.project, plan)
        applied = cycle.apply(plan)
    finish(ask, applied.report, cycle.summary, style)


def at_a_terminal() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin is not None and sys.stdin.isatty()


def _confirm() -> None:
    """Ask on stderr; GatepostError unless the answer is yes."""
    from config.errors import GatepostError

    if not click.confirm("Write this to the CRM?", err=True):
        raise GatepostError("nothing was written, as you wished")


def _read(path: Path, ask: Ask) -> "Plan":
    from config.errors import UsageError
    from gatepost.saving import read_text
    from sync.plan import from_json

    if ask.as_of is not None:
        raise UsageError("a saved plan has its day in it", "leave --as-of or the plan out")
    return from_json(read_text(path), str(path))


def _same_project(project: "Project", plan: "Plan") -> None:
    """StopCycle if the plan was made for other files than the project has now."""
    from config.errors import StopCycle
    from sync.writing import config_hash

    if plan.config_hash != config_hash(project):
        raise StopCycle(
            "the plan was made for another mapping or another journey than this project has now",
            "make a new plan; nothing was written",
        )
