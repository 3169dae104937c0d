"""`gatepost demo`: a simulated company, and everything that Gatepost does, on it."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatepost.options import HOME_KEY, Ask, Command

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = "demo-company"
CRMS = ("salesforce", "hubspot", "files")
PORT = 8118
EXAMPLES = (
    ("Mixpanel to Salesforce; a second run finds nothing to write", "gatepost demo"),
    ("Mixpanel to HubSpot", "gatepost demo --crm hubspot"),
    ("Plain files instead of vendors, elsewhere", "gatepost demo --crm files --into try-out"),
)
Calls = dict[str, dict[str, int]]


@click.command("demo", cls=Command, examples=EXAMPLES)
@click.option(
    "--crm", type=click.Choice(CRMS), default=CRMS[0], show_default=True, metavar="CRM",
    help=f"Which CRM is written: {', '.join(CRMS)}.",
)  # fmt: skip
@click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), default=Path(), metavar="DIR",
    help=f"Where to make the folder {FOLDER}; here if not given.",
)  # fmt: skip
@click.option(
    "--no-progress", "progress", is_flag=True, flag_value=False, default=True,
    help="Show no progress bar.",
)  # fmt: skip
@click.pass_context
def command(ctx: click.Context, crm: str, into: Path, progress: bool) -> None:  # noqa: FBT001 (click)
    """Simulate a company and run everything on it.

    Starts the sandbox, which plays Mixpanel and the CRM over HTTP on this machine, for 300 accounts
    and half a year of usage; makes a project folder demo-company/CRM for them; plans, applies, and
    prints what changed, the stage funnel, who is stuck, why one account is where it is, and how
    many calls were made. Nothing leaves this machine. Delete the folder to start over.
    """
    folder = into / FOLDER / crm
    ctx.meta[HOME_KEY] = folder / ".gatepost"
    with _own_environment(folder), _company(folder, crm) as (as_of, calls):
        _run(folder, crm, as_of, calls, progress=progress)


def _run(
    folder: Path, crm: str, as_of: date, calls: "Callable[[], Calls] | None", *, progress: bool
) -> None:
    from gatepost import tour
    from gatepost.finishing import raise_if_left
    from gatepost.funnel import standings, stuck
    from gatepost.opening import opened
    from sync.explain import explain_account

    with opened(Ask(folder, as_of, progress=progress), writes=True) as cycle:
        plan = cycle.plan()
        applied = cycle.apply(plan)
        journey = cycle.project.journeys[0]
        accounts = standings(cycle.compute(journey=journey.name)[0])
        # whose key is shared has no events of its own, which is said elsewhere
        judged = [one for one in accounts if one.account not in cycle.summary.doubled]
        late = stuck(journey, judged, as_of)
        chosen = tour.interesting(late)
        explained = explain_account(cycle, chosen) if chosen else []
        project = cycle.project
    for lines in (
        tour.company(folder, crm, len(accounts), as_of),
        tour.changes(project, plan, applied),
        tour.to_look_at(cycle.summary),
        tour.funnel_lines(journey, accounts),
        tour.stuck_lines(journey, late),
        tour.one_account(explained, journey),
        tour.calls_lines(calls()) if calls else (),
        tour.next_steps(folder, crm, chosen, as_of, _program()),
    ):
        if text := "\n".join(lines):
            click.echo(text, color=False if os.environ.get("NO_COLOR") else None)
    raise_if_left(applied)


def _program() -> str:
    """How to call this program from here: by its path, where its name alone is not found."""
    return "gatepost" if shutil.which("gatepost") else sys.argv[0]


@contextmanager
def _own_environment(folder: Path) -> Iterator[None]:
    """Neither the home nor the secrets of a real project must reach a simulated company, and no
    proxy knows this machine by its loopback address."""
    before = dict(os.environ)
    for name in before:
        if name.startswith("GATEPOST_"):
            del os.environ[name]
    os.environ["GATEPOST_SECRETS_DIR"] = str(folder / "secrets")
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _company(folder: Path, crm: str) -> "Iterator[tuple[date, Callable[[], Calls] | None]]":
    """The company's project, and the sandbox behind it where there is one: its last day, and what
    says how many calls were made. GatepostError if it can't be made."""
    from config.errors import GatepostError

    try:
        if crm == "files":
            from sandbox.world import DEMO_END, ensure_demo

            ensure_demo(folder)
            yield DEMO_END, None
        else:
            with _connected(folder, crm) as company:
                yield company
    except OSError as error:
        raise GatepostError(f"{folder} cannot be made: {error.strerror}") from error


@contextmanager
def _connected(folder: Path, crm: str) -> "Iterator[tuple[date, Callable[[], Calls]]]":
    from config.errors import GatepostError
    from gatepost.rehearsal import calls_made, sandbox_process
    from sandbox.keeping import read_state, world_in
    from sandbox.world import DEMO_ACCOUNTS, DEMO_DAYS, DEMO_SEED
    from sandbox.world_project import last_day, port_in, write_connected

    folder.mkdir(parents=True, exist_ok=True)
    state = folder / "sandbox.json"
    try:
        kept = read_state(state)
    except ValueError as wrong:
        raise GatepostError(str(wrong), f"delete {folder} to start over") from wrong
    end = world_in(kept)["end"] if kept else last_day()
    world = {"seed": DEMO_SEED, "accounts": DEMO_ACCOUNTS, "days": DEMO_DAYS, "end": end}
    with sandbox_process(port_in(folder) or PORT, state, **world) as ready:
        write_connected(folder, crm, ready, end)
        yield end, lambda: calls_made(ready)
