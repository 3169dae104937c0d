"""`gatepost history`: how accounts went through their journeys."""

import click

from gatepost.cells import csv_cell
from gatepost.options import Ask, Command, account_option, asks, format_option, journey_option

EXAMPLES = (
    ("How one account went", "gatepost history --account Acme"),
    ("All of it, for a notebook", "gatepost history --format json > history.jsonl"),
    ("As it would have looked at the end of June", "gatepost history --as-of 2026-06-30"),
)


@click.command("history", cls=Command, examples=EXAMPLES)
@asks(pull=True)
@journey_option
@account_option
@format_option("table", "json", "csv")
def command(ask: Ask, journey: str | None, account: str | None, style: str) -> None:
    """Show stays, moments and breaches, dated.

    One line for each stay in a stage, opening of a moment and breach of a touchpoint; without an
    end it lasts. History is told anew from the events each time: change the journey, and the past
    has the dates that it would have had.
    """
    from gatepost import results, tables
    from gatepost.opening import known_journey, only, opened
    from gatepost.summary import notes

    with opened(ask) as cycle:
        known_journey(cycle.project, journey)
        computed = cycle.compute(journey=journey, account=only(cycle, account), history=True)
        rows = [row for one in computed for row in one.history()]
        rows.sort(key=results.history_order)  # several journeys of one account belong together
        last = max(cycle.day(one.compiled) for one in computed)
        summary = notes(cycle.summary)
    names = {
        account_id: name
        for one in computed
        for account_id, name in zip(
            one.accounts.ids.tolist(), one.accounts.names.tolist(), strict=True
        )
    }
    objects = [results.history_object(row) for row in rows]
    if style == "json":
        tables.emit(tables.json_lines(objects))
    elif style == "csv":
        cells = ([csv_cell(one.get(key)) for key in results.HISTORY_COLUMNS] for one in objects)
        tables.emit(tables.csv_lines(results.HISTORY_COLUMNS, cells))
    elif objects:
        tables.print_table(*results.told_history(rows, names, last), results.HISTORY)
    if not objects:
        ask.note("Nothing has happened yet: no account has entered a stage.")
    for line in summary:
        ask.note(line)
