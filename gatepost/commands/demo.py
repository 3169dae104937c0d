"""`gatepost demo`: a simulated company, and everything that Gatepost does, on it."""

import os
import shutil
import sys
from pathlib import Path

import click

from gatepost.options import HOME_KEY, Ask, Command

FOLDER = "demo-company"
EXAMPLES = (
    ("In the current folder; a second run finds nothing to write", "gatepost demo"),
    ("Elsewhere", "gatepost demo --into try-out"),
)


@click.command("demo", cls=Command, examples=EXAMPLES)
@click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), default=Path(), metavar="DIR",
    help=f"Where to make the folder {FOLDER}; here if not given.",
)  # fmt: skip
@click.option(
    "--no-progress", "progress", is_flag=True, flag_value=False, default=True,
    help="Show no progress bar.",
)  # fmt: skip
@click.pass_context
def command(ctx: click.Context, into: Path, progress: bool) -> None:  # noqa: FBT001 (click)
    """Simulate a company and run everything on it.

    Makes a project folder demo-company with 300 accounts and half a year of usage in plain files,
    plans, applies, and prints what changed, the stage funnel, who is stuck, and why one account is
    where it is. Nothing leaves this machine. Delete the folder to start over.
    """
    from gatepost import tour
    from gatepost.finishing import raise_if_left
    from gatepost.funnel import standings, stuck
    from gatepost.opening import opened
    from sandbox.world import DEMO_END
    from sync.explain import explain_account

    # A real project's home must not become that of a simulated company.
    os.environ.pop("GATEPOST_HOME", None)
    folder = into / FOLDER
    ctx.meta[HOME_KEY] = folder / ".gatepost"
    _make(folder)
    with opened(Ask(folder, DEMO_END, progress=progress), writes=True) as cycle:
        plan = cycle.plan()
        applied = cycle.apply(plan)
        journey = cycle.project.journeys[0]
        accounts = standings(cycle.compute(journey=journey.name)[0])
        # whose key is shared has no events of its own, which is said elsewhere
        judged = [one for one in accounts if one.account not in cycle.summary.doubled]
        late = stuck(journey, judged, DEMO_END)
        chosen = tour.interesting(late)
        explained = explain_account(cycle, chosen) if chosen else []
        project = cycle.project
    for lines in (
        tour.company(folder, len(accounts), DEMO_END),
        tour.changes(project, plan, applied),
        tour.to_look_at(cycle.summary),
        tour.funnel_lines(journey, accounts),
        tour.stuck_lines(journey, late),
        tour.one_account(explained, journey),
        tour.next_steps(folder, chosen, _program()),
    ):
        click.echo("\n".join(lines), color=False if os.environ.get("NO_COLOR") else None)
    raise_if_left(applied)


def _program() -> str:
    """How to call this program from here: by its path, where its name alone is not found."""
    return "gatepost" if shutil.which("gatepost") else sys.argv[0]


def _make(folder: Path) -> None:
    """The company's files, made once. GatepostError if they can't be."""
    from config.errors import GatepostError
    from sandbox.world import ensure_demo

    try:
        ensure_demo(folder)
    except OSError as error:
        raise GatepostError(f"{folder} cannot be made: {error.strerror}") from error
