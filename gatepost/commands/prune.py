"""`gatepost prune`: what is old enough goes."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from gatepost.options import Ask, Command, asks, format_option

if TYPE_CHECKING:
    from sync.retention import Pruned

EXAMPLES = (
    ("What would go, and how much room it would give back", "gatepost prune --dry-run"),
    ("Carry out what gatepost.yaml says under `retention`", "gatepost prune --project acme"),
    ("For a program", "gatepost prune --format json"),
)
COLUMNS = ("what", "before", "removed", "bytes")


@click.command("prune", cls=Command, examples=EXAMPLES)
@asks(day=False)
@click.option("--dry-run", "dry", is_flag=True, help="Say what would go, and change nothing.")
@format_option("table", "json", "csv")
def command(ask: Ask, dry: bool, style: str) -> None:  # noqa: FBT001 (click)
    """Prune what is older than `retention` says.

    How long things are kept stands in gatepost.yaml. Older days of the lake keep what the journeys
    look at and nothing else, so that all history is told as before. Old runs and settled writes go,
    but never the last confirmed value of a field.
    """
    from gatepost import tables
    from gatepost.opening import bar_for, sound_project
    from sync.retention import prune

    project = sound_project(ask)
    with bar_for(ask) as bar:
        pruned = prune(project, datetime.now(UTC), dry=dry, tick=bar.tick)
    rows = _rows(pruned)
    if style == "json":
        tables.emit(tables.json_lines({**row, "dry_run": dry} for row in rows))
    elif style == "csv":
        tables.emit(tables.csv_lines(COLUMNS, ([str(row[c]) for c in COLUMNS] for row in rows)))
    elif rows:
        cells = [[f"{v:,}" if isinstance(v, int) else v for v in row.values()] for row in rows]
        shape = tables.Shape(figures=frozenset({"removed", "bytes"}))
        tables.print_table(COLUMNS, cells, shape)
    if not pruned.asked:
        ask.note("Everything is kept: gatepost.yaml says nothing under `retention`.")
    elif dry:
        ask.note("This is what would go; nothing was changed.")


def _rows(pruned: "Pruned") -> list[dict[str, Any]]:
    """One object for each kind that gatepost.yaml limits; `bytes` is what the disk has back."""
    rows: list[dict[str, Any]] = [
        {
            "what": f"events of {one.source}", "before": pruned.events_before,
            "removed": one.events, "bytes": one.bytes_before - one.bytes_after,
        }
        for one in pruned.events
    ]  # fmt: skip
    for what, before, count in (
        ("writes", pruned.writes_before, pruned.writes),
        ("runs", pruned.runs_before, pruned.runs),
        ("files", pruned.runs_before or pruned.events_before, pruned.files),
    ):
        if before is not None:
            rows.append({"what": what, "before": before, "removed": count, "bytes": 0})
    return rows
