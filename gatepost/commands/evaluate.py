"""`gatepost evaluate`: what is computed for each account, nothing written."""

import click

from gatepost.options import Ask, Command, account_option, asks, format_option, journey_option

EXAMPLES = (
    ("Who is where, and what they lack", "gatepost evaluate --project acme"),
    ("Every output and signal as of a day, for a script",
     "gatepost evaluate --as-of 2026-06-30 --format json > evaluated.jsonl"),
    ("One journey for a spreadsheet",
     "gatepost evaluate --journey Onboarding --format csv > accounts.csv"),
    ("One account, from what was pulled before", "gatepost evaluate --account Acme --no-pull"),
)  # fmt: skip


@click.command("evaluate", cls=Command, examples=EXAMPLES)
@asks(pull=True)
@journey_option
@account_option
@format_option("table", "json", "csv")
def command(ask: Ask, journey: str | None, account: str | None, style: str) -> None:
    """Show what is computed for each account.

    Events and fields are pulled, every account is walked through its journeys up to the day asked
    for, and its outputs are printed. Nothing is written to the CRM.
    """
    from gatepost import results, tables  # with the engines behind them
    from gatepost.opening import known_journey, only, opened
    from gatepost.summary import notes

    with opened(ask) as cycle:
        known_journey(cycle.project, journey)
        computed = cycle.compute(journey=journey, account=only(cycle, account))
        summary = notes(cycle.summary)
    if style == "json":
        for one in computed:
            tables.emit(tables.json_lines(results.evaluated(one)))
    elif style == "csv":
        tables.emit(tables.csv_lines(*results.evaluated_cells(computed)))
    elif any(one.accounts.size for one in computed):
        tables.print_table(*results.overview(computed), results.OVERVIEW)
    if not any(one.accounts.size for one in computed):
        ask.note(
            "No account travels a journey here: see `accounts` in mapping.yaml and the journey."
        )
    for line in summary:
        ask.note(line)
