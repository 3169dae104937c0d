"""`gatepost explain`: why an account is where it is."""

import os

import click

from gatepost.options import Ask, Command, asks, format_option, journey_option

EXAMPLES = (
    ("By name, or a part of it that no other account has", "gatepost explain Acme"),
    ("By id, as of a day", "gatepost explain 0015f00000XyZ --as-of 2026-06-30"),
    ("For a program", "gatepost explain Acme --format json"),
)


@click.command("explain", cls=Command, examples=EXAMPLES)
@click.argument("account", metavar="ACCOUNT")
@asks(pull=True)
@journey_option
@format_option("page", "json")
def command(ask: Ask, account: str, journey: str | None, style: str) -> None:
    """Say why an account is where it is.

    ACCOUNT is its id in the CRM, its name, or a part of its name that no other account has. For
    each journey: the stage and since when, every clause of the exit criterion with what it saw and
    what it lacks, the stages so far, health by component, open moments, touchpoints, and what was
    last written to the CRM.
    """
    from gatepost import tables
    from gatepost.opening import known_journey, opened
    from gatepost.page import page
    from sync.explain import explain_account

    with opened(ask) as cycle:
        known_journey(cycle.project, journey)
        found = explain_account(cycle, account, journey=journey)
        warnings = [f"warning: {text}" for text in cycle.summary.warnings]
        journeys = {one.name: one for one in cycle.project.journeys}
        never = cycle.summary.doubled
    if style == "json":
        tables.emit(tables.json_lines(one.to_json() for one in found))
    else:
        colour = False if os.environ.get("NO_COLOR") else None
        width = tables.width()
        pages = [
            page(one, journeys[one.journey], width, never.get(one.account, "")) for one in found
        ]
        click.echo("\n".join(pages), color=colour)
    if not found:
        ask.note(f"{account} does not travel this journey.")
    for line in warnings:
        ask.note(line)
