"""What the demo says: what changed, where accounts are, who is stuck, and why. Pure text."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from gatepost.cells import Value, counted, days
from gatepost.changes import by_field, moves, sample
from gatepost.funnel import Standing, Stuck, funnel, funnel_cells
from gatepost.page import page
from gatepost.page_parts import aligned, heading
from gatepost.summary import applied_lines, attention
from gatepost.tables import width
from sandbox.world_project import port_in

if TYPE_CHECKING:
    from config.journey import Journey
    from config.load import Project
    from mapping.explain import Explanation
    from sync.applied import Applied
    from sync.plan import Plan
    from sync.summary import RunSummary

_RECORDS, _STUCK, _MOVES = 2, 3, 10
_LONGEST = 110
_VENDORS = {"hubspot": "HubSpot", "mixpanel": "Mixpanel", "salesforce": "Salesforce"}


def company(folder: Path, crm: str, accounts: int, as_of: date) -> list[str]:
    """What is looked at."""
    many = counted(accounts, "account")
    where = {
        "files": "in a CRM of plain files, half a year of usage",
        "salesforce": "in Salesforce, half a year of usage in Mixpanel",
        "hubspot": "in HubSpot, half a year of usage in Mixpanel",
    }[crm]
    played = (
        [] if crm == "files" else ["  Both are played by the sandbox, over HTTP on this machine."]
    )
    return [
        heading("A simulated company"),
        f"  {many} {where}, as of {as_of}.",
        *played,
        f"  The project folder is {folder}; its journey is in {folder / 'journeys'}.",
    ]


def changes(project: "Project", plan: "Plan", applied: "Applied") -> Iterator[str]:
    """What was written: figures by field, moves between stages, a few records in full."""
    yield f"\n{heading('What changed in the CRM')}"
    yield from (f"  {line}" for line in applied_lines(applied))
    if not plan.changes:
        return
    yield ""
    yield from _indented(
        aligned([[name, f"{count:,}"] for name, count in by_field(plan)], right={1})
    )
    for field in _stage_fields(project):
        found = moves(plan, field)
        cells = [
            [_named(old), "→", _named(new), f"{count:,}"] for old, new, count in found[:_MOVES]
        ]
        if cells:
            yield f"\n  Moves between stages ({field}):"
            yield from _indented(aligned(cells, right={3}), 4)
    yield "\n  For example:"
    yield from _indented(list(sample(plan, _RECORDS, width() - 4)), 4)


def funnel_lines(journey: "Journey", accounts: Sequence[Standing]) -> Iterator[str]:
    """Where accounts are."""
    yield f"\n{heading('The stage funnel')}"
    header = ["", "accounts", "share", "median days", "waiting", "overdue"]
    steps = funnel([stage.name for stage in journey.stages], accounts)
    yield from _indented(aligned([header, *funnel_cells(steps)], right={1, 2, 3, 4, 5}))


def stuck_lines(journey: "Journey", late: Sequence[Stuck]) -> Iterator[str]:
    """Who is past the time that the stage should take: the longest of each stage."""
    title = f"Who is stuck: {counted(len(late), 'account')}, longest first"
    yield f"\n{heading(title)}"
    for stage in journey.stages:
        here = [one for one in late if one.who.stage == stage.name]
        if here:
            yield f"  {stage.name}: {counted(len(here), 'account')}"
        for one in here[:_STUCK]:
            state = "waiting" if one.who.waiting else "over target"
            yield f"    {one.who.name} ({one.who.account}), {days(one.days)} {state}"
            if one.who.missing:
                yield f"      {_cut(one.who.missing)}"


def interesting(late: Sequence[Stuck]) -> str | None:
    """The id of an account whose explanation shows much: what it lacks is known, in figures, and
    something is amiss besides."""

    def story(one: Stuck) -> tuple[bool, bool, int]:
        missing = one.who.missing
        return "unknown" in missing or not missing, "needs" not in missing, -len(one.who.alerts)

    return min(late, key=story).who.account if late else None


def one_account(explained: "Sequence[Explanation]", journey: "Journey") -> Iterator[str]:
    """The page of one account."""
    for one in explained:
        yield f"\n{heading('One account explained')}"
        yield from _indented(page(one, journey, width() - 2).rstrip().splitlines())


def to_look_at(summary: "RunSummary") -> Iterator[str]:
    """What a person should look at in the data."""
    found = list(attention(summary))
    if found:
        yield f"\n{heading('What to look at in the data')}"
    for line in found:
        yield f"  {line.removeprefix('warning: ')}"


def calls_lines(calls: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """How many calls each vendor got, and for what."""
    yield f"\n{heading('Calls made')}"
    rows = [
        [
            _VENDORS.get(vendor, vendor),
            f"{sum(routes.values()):,}",
            ", ".join(f"{count} {route}" for route, count in sorted(routes.items())),
        ]
        for vendor, routes in sorted(calls.items())
    ]
    yield from _indented(aligned(rows, right={1}))


def next_steps(folder: Path, crm: str, chosen: str | None, as_of: date, program: str) -> list[str]:
    """What to try now. `program`: how this one is called."""
    program, here = quote(program), quote(str(folder))
    of = f"--project {here} --as-of {as_of}"
    if crm == "files":
        lines = [
            f"{program} evaluate {of}",
            f"{program} explain {chosen or 'ACCOUNT'} --project {here} --as-of 2026-05-31",
            f"{program} plan {of}   # after an edit of the journey",
        ]
    else:
        into = folder.parent.parent  # the folder is INTO/demo-company/CRM
        again = "" if into == Path() else f" --into {quote(str(into))}"
        port, state = port_in(folder), quote(str(folder / "sandbox.json"))
        lines = [
            f"{program} demo --crm {crm}{again}   # after an edit of the journey",
            f"{program} explain {chosen or 'ACCOUNT'} {of} --no-pull",
            f"{program} identity {of}",
            f"{program} sandbox --port {port} --state {state} &   # both vendors, to go on with:",
            f"GATEPOST_SECRETS_DIR={quote(str(folder / 'secrets'))} {program} plan {of}",
        ]
    return [f"\n{heading('Try next')}", *(f"  {line}" for line in lines)]


def _stage_fields(project: "Project") -> Iterator[str]:
    for entry in project.mapping.write:
        for name, spec in entry.fields.items():
            if spec.output == "stage":
                yield name


def _named(value: Value) -> str:
    return str(value) if value else "(empty)"


def _indented(lines: Sequence[str], by: int = 2) -> Iterator[str]:
    return (" " * by + line if line else "" for line in lines)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
