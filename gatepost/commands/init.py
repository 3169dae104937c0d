"""`gatepost init`: a small project to start from."""

from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

import click

from gatepost.options import Command

EXAMPLES = (
    ("A project in a new folder", "gatepost init acme"),
    ("In the current one", "gatepost init"),
    (
        "For Salesforce and Mixpanel, to put your own fields in",
        "gatepost init acme --crm salesforce",
    ),
)
CRMS = ("files", "salesforce", "hubspot")


@click.command("init", cls=Command, examples=EXAMPLES)
@click.argument(
    "folder", required=False, default=".", metavar="[DIR]",
    type=click.Path(path_type=Path, file_okay=False),
)  # fmt: skip
@click.option(
    "--crm", type=click.Choice(CRMS), default=CRMS[0], show_default=True, metavar="CRM",
    help=f"Which CRM it is for: {', '.join(CRMS)}. Those that are no files go with Mixpanel.",
)  # fmt: skip
def command(folder: Path, crm: str) -> None:
    """Write a small project to start from.

    Three commented files of configuration, three accounts in a CSV and some weeks of usage: enough
    for `gatepost plan` to say something at once. For salesforce and hubspot the configuration
    alone, to put your own fields in. No file that is there already is touched; if one is in the
    way, nothing is written.
    """
    from config.errors import GatepostError, UsageError
    from gatepost.starter import starter_files

    files = starter_files(datetime.now(UTC).date(), crm)
    taken = [name for name in files if (folder / name).exists() and name != ".gitignore"]
    if taken:
        raise UsageError(
            f"nothing was written: {folder} has {', '.join(taken)} already",
            "name a folder that has no project yet, such as `gatepost init acme`",
        )
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise GatepostError(f"{error.filename} cannot be written: {error.strerror}") from error
    for name in files:
        click.echo(folder / name)
    at = "" if folder == Path() else f" --project {quote(str(folder))}"
    journey = folder / "journeys" / "customer.yaml"
    if crm == "files":
        then = f"`gatepost check{at}`, then `gatepost plan{at}`; then edit {journey} and plan again"
    else:
        then = f"`gatepost check --live{at}`, with your own names in gatepost.yaml and mapping.yaml"
    click.echo(f"\nTry {then}.", err=True)
