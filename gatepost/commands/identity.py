"""`gatepost identity`: which events found which accounts, and what did not fit."""

from dataclasses import replace

import click

from gatepost.options import Ask, Command, asks, format_option

EXAMPLES = (
    ("What matches and what does not, from what was pulled before", "gatepost identity"),
    ("After a fresh pull", "gatepost identity --pull"),
    ("One source's findings for a spreadsheet",
     "gatepost identity --source product --format csv > identity.csv"),
)  # fmt: skip


@click.command("identity", cls=Command, examples=EXAMPLES)
@asks()
@click.option("--pull", "fresh", is_flag=True, help="Pull events and fields first.")
@click.option("--source", metavar="NAME", help="Only this source of events, such as product.")
@format_option("table", "json", "csv")
def command(ask: Ask, fresh: bool, source: str | None, style: str) -> None:  # noqa: FBT001 (click)
    """Show which events find their account.

    For each source of events: how many found an account, by name and by way; keys that no account
    has; accounts without any event; keys that several accounts share. Answered from what was
    pulled before, unless --pull is given or nothing ever was.
    """
    from config.errors import UsageError
    from config.problem import nearest
    from gatepost import identity_page, tables
    from gatepost.opening import opened
    from sync.identity_report import identity

    with opened(replace(ask, pull=fresh)) as cycle:
        names = [entry.name for entry in cycle.project.mapping.events]
        if source is not None and source not in names:
            raise UsageError(f"the mapping has no source {source!r}", nearest(source, names))
        found = [one for one in identity(cycle) if source in (None, one.source)]
        warnings = list(cycle.summary.warnings)
    if style == "json":
        tables.emit(tables.json_lines(map(identity_page.plain, found)))
    elif style == "csv":
        tables.emit(tables.csv_lines(identity_page.COLUMNS, identity_page.cells(found)))
    else:
        for one in found:
            click.echo("\n".join(identity_page.page(one)) + "\n", nl=True)
    if not found:
        ask.note("The mapping names no events, so there is nothing to match.")
    for line in warnings:
        ask.note(f"warning: {line}")
