"""`gatepost doctor`: can it start?"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from config.home import home_of
from gatepost.cells import counted
from gatepost.options import Ask, Command, asks, format_option

if TYPE_CHECKING:
    from gatepost.doctor.checks import Said

EXAMPLES = (
    ("Before the first run, and when something is odd", "gatepost doctor --project acme"),
    ("Without asking any connection for the time", "gatepost doctor --offline"),
    ("For a program; leaves with 1 if there is a problem", "gatepost doctor --format json"),
)
COLUMNS = ("check", "state", "said", "do")


@click.command("doctor", cls=Command, examples=EXAMPLES)
@asks(day=False)
@click.option("--offline", is_flag=True, help="Ask no connection for the time.")
@format_option("table", "json", "csv")
def command(ask: Ask, offline: bool, style: str) -> None:  # noqa: FBT001 (click)
    """Find what would keep a run from working.

    Files and rights, disk, other processes, the state file and the lake, clocks and zones,
    strangers with our packages' names, versions. Nothing is changed, and no secret is needed. The
    connections themselves are tried by `gatepost check --live`.
    """
    from config.errors import GatepostError
    from gatepost import tables

    found = [
        {"check": one.check, "state": one.state, "said": one.said, "do": one.do or None}
        for one in _examined(ask, offline=offline)
    ]
    if style == "json":
        tables.emit(tables.json_lines(found))
    else:
        cells = [[str(row[name] or "") for name in COLUMNS] for row in found]
        if style == "csv":
            tables.emit(tables.csv_lines(COLUMNS, cells))
        else:
            tables.print_table(COLUMNS, cells, tables.Shape(texts=frozenset({"said", "do"})))
    problems = sum(row["state"] == "problem" for row in found)
    if problems:
        raise GatepostError(f"{counted(problems, 'problem')} in the way of a run")
    ask.note("Nothing stands in the way.")


def _examined(ask: Ask, *, offline: bool) -> Iterator["Said"]:
    from gatepost.doctor import kept, machine, places
    from gatepost.doctor.checks import Check, Patient, Said
    from gatepost.opening import problems_of
    from gatepost.redact import redacted

    yield from machine.packages()
    project, problems = problems_of(ask)
    if problems:
        said = f"{counted(len(problems), 'problem')}, the first: {problems[0]}"
        yield Said("project", "problem", redacted(said), "see `gatepost check`")
    else:
        yield Said("project", "ok", "its files are right")
    sound = None if problems else project
    home = home_of(ask.folder)
    patient = Patient(ask.folder, home, sound, datetime.now(UTC), ask_others=not offline)
    checks: tuple[Check, ...] = (
        places.rights, places.secrets, places.disk, places.file_system, places.others,
        kept.state, kept.lake, machine.zones, machine.skew, machine.versions, machine.server,
    )  # fmt: skip
    for check in checks:
        try:
            yield from check(patient)
        except OSError as error:  # of which the others have nothing to fear
            said = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            what = check.__name__.replace("_", " ")
            yield Said(what, "problem", f"nothing can be said: {said}", "see folder and home above")
