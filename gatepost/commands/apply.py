"""`gatepost apply`: write what a plan says."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.errors import GatepostError, UsageError
from gatepost.options import Ask, Command, asks, format_option, override_option

if TYPE_CHECKING:
    from sync.plan import Plan

EXAMPLES = (
    ("Carry out a plan that was saved and looked at", "gatepost apply plan.json"),
    ("Plan, show the counts, ask, write", "gatepost apply --project acme"),
    ("The same without being asked", "gatepost apply --yes"),
    ("Carry it out although a brake was pulled",
     'gatepost apply plan.json --override "the new journey moves half of them on purpose"'),
    ("Write once more what somebody changed back in three runs",
     "gatepost apply --retry-contested"),
)  # fmt: skip


@click.command("apply", cls=Command, examples=EXAMPLES)
@click.argument(
    "plan_file", required=False, metavar="[PLAN]", type=click.Path(path_type=Path, dir_okay=False)
)
@asks()
@click.option("--yes", is_flag=True, help="Write without asking. Nobody is asked in a script.")
@override_option
@click.option(
    "--retry-contested",
    "retry",
    is_flag=True,
    help="Write fields again that were given up since somebody changed them back in three runs.",
)
@format_option("table", "json")
def command(
    ask: Ask, plan_file: Path | None, yes: bool, override: str | None, retry: bool, style: str,  # noqa: FBT001 (click)
) -> None:  # fmt: skip
    """Write what a plan says.

    PLAN is what `gatepost plan --out` saved: exactly that is written, or nothing if a record has
    changed since or the plan is older than a day. Without it a plan is made, its counts are shown,
    and on a terminal you are asked before anything is written. Where a limit of `guards` is passed
    nothing is written. Records are updated, never created or deleted.
    """
    from gatepost.changes import plan_sentence
    from gatepost.finishing import finish
    from gatepost.opening import bar_for, opened
    from gatepost.stopping import told_to

    if retry and plan_file is not None:
        raise UsageError("a saved plan was made without those fields", "leave the plan out")
    saved = None if plan_file is None else _read(plan_file, ask)
    bar = bar_for(ask)
    with (
        told_to(override) as orders,
        opened(ask, writes=True, bar=bar) as cycle,
    ):
        plan = saved
        if plan is None:
            if retry:
                cycle.retry_contested()
            plan = cycle.plan()
            bar.close()
            if plan.changes:
                ask.note(plan_sentence(plan))
            if plan.changes and not yes and at_a_terminal():
                _confirm()
        applied = cycle.apply(plan, orders=orders)
    finish(ask, applied, cycle.summary, style, orders.stop.signal)


def at_a_terminal() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin is not None and sys.stdin.isatty()


def _confirm() -> None:
    """Ask on stderr; GatepostError unless the answer is yes."""
    if not click.confirm("Write this to the CRM?", err=True):
        raise GatepostError("nothing was written, as you wished")


def _read(path: Path, ask: Ask) -> "Plan":
    from gatepost.saving import read_text
    from sync.plan_file import from_json

    if ask.as_of is not None:
        raise UsageError("a saved plan has its day in it", "leave --as-of or the plan out")
    return from_json(read_text(path), str(path))
