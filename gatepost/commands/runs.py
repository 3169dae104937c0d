"""`gatepost runs`: what was done when, what became of it, and what the CRM refuses."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from config.home import home_of
from gatepost.options import Ask, Command, asks, format_option

if TYPE_CHECKING:
    from sync.ledger import Entry
    from sync.run_history import Run

EXAMPLES = (
    ("The last twenty, the newest first", "gatepost runs"),
    ("One of them: what it wrote, what it did not, its calls", "gatepost runs 12"),
    ("Every field that a run wrote, for a spreadsheet", "gatepost runs 12 --format csv > run.csv"),
    ("Records that the CRM refuses, and when each is tried again", "gatepost runs --quarantine"),
)
_SHOWN = 20
_MOST = 2**63 - 1  # that the state file can count
RUN_COLUMNS = (
    "id", "command", "state", "started_at", "finished_at", "seconds", "started_by", "as_of",
    "records", "written", "fields", "failed", "unknown", "unsent", "requests", "peak_mb", "error",
)  # fmt: skip
WRITE_COLUMNS = ("object", "id", "field", "from", "to", "state", "code", "message", "why")
CONFLICT_COLUMNS = ("object", "id", "field", "kind", "ours", "theirs", "why")
READ_BACK_COLUMNS = ("object", "id", "field", "verdict", "ours", "shown")
QUARANTINE_COLUMNS = (
    "object", "id", "code", "message", "fields", "tries", "first_at", "last_at", "next_at",
)  # fmt: skip


@click.command("runs", cls=Command, examples=EXAMPLES)
@click.argument("run", required=False, metavar="[RUN]", type=click.IntRange(1, _MOST))
@asks(day=False)
@click.option(
    "--last", type=click.IntRange(1, _MOST), default=20, metavar="NUMBER", show_default=True,
    help="How many runs to list.",
)  # fmt: skip
@click.option("--quarantine", is_flag=True, help="List records in quarantine instead.")
@format_option("table", "json", "csv")
def command(ask: Ask, run: int | None, last: int, quarantine: bool, style: str) -> None:  # noqa: FBT001 (click)
    """Show past runs, or one with its writes.

    Without RUN, the last runs, also those of the daemon and of other people. With the number of
    one: how it ended, what it counted, the calls that each connection made, and every record that
    was to be written, those first that were not.
    """
    from gatepost.cells import counted
    from sync.quarantine import in_quarantine
    from sync.run_history import last_runs
    from sync.state import FILE_NAME, State

    home = home_of(ask.folder)
    if not (home / FILE_NAME).exists():
        if run is not None:
            raise _unknown(run)
        _print_rows([], RUN_COLUMNS, style)
        ask.note(f"No run yet: there is no {home / FILE_NAME}.")
        return
    with State(home, reads=True) as state:
        if run is not None:
            _show_one(state, run, style)
            return
        waiting = [_quarantine_object(one) for one in in_quarantine(state)]
        found = [] if quarantine else [run_object(one) for one in last_runs(state, last)]
    if quarantine:
        _print_rows(waiting, QUARANTINE_COLUMNS, style)
        if not waiting:
            ask.note("No record is in quarantine.")
        return
    _print_rows(found, RUN_COLUMNS, style)
    if not found:
        ask.note("No run yet: `gatepost sync` and `gatepost apply` are runs.")
    if waiting:
        are = "is" if len(waiting) == 1 else "are"
        ask.note(
            f"{counted(len(waiting), 'record')} {are} in quarantine: gatepost runs --quarantine"
        )


def _unknown(run: int) -> Exception:
    from config.errors import UsageError

    return UsageError(f"there is no run {run} here", "`gatepost runs` lists those that there are")


def run_object(run: "Run") -> dict[str, Any]:
    """A run by the keys of RUN_COLUMNS; what nobody noted is null."""
    return {
        "id": run.id, "command": run.command, "state": run.state, "started_at": run.started_at,
        "finished_at": run.finished_at or None, "seconds": run.seconds,
        "started_by": run.started_by or None, "as_of": run.as_of or None,
        "records": run.count("records"), "written": run.count("confirmed"),
        "fields": run.count("confirmed_fields"), "failed": run.count("failed"),
        "unknown": run.count("unknown"), "unsent": run.count("unsent"),
        "requests": run.requests, "peak_mb": run.summary.get("peak_mb"),
        "error": run.error or None,
    }  # fmt: skip


def _quarantine_object(one: Any) -> dict[str, Any]:
    return {
        "object": one.object, "id": one.account_id, "code": one.code or None,
        "message": one.message or None, "fields": list(one.fields), "tries": one.tries,
        "first_at": one.first_at, "last_at": one.last_at, "next_at": one.next_at,
    }  # fmt: skip


def _print_rows(rows: list[dict[str, Any]], columns: tuple[str, ...], style: str) -> None:
    from gatepost import tables

    if style == "json":
        tables.emit(tables.json_lines(rows))
    elif style == "csv":
        cells = ([_cell(row[name]) for name in columns] for row in rows)
        tables.emit(tables.csv_lines(columns, cells))
    elif rows:
        cells_shown = [[_cell(row[name]) for name in columns] for row in rows]
        # what is empty everywhere, or for programs, is left out
        kept = [
            number
            for number, name in enumerate(columns)
            if any(cells[number] not in ("", "0") for cells in cells_shown)
            and name != "finished_at"
        ]
        shape = tables.Shape(
            figures=frozenset({"id", "seconds", "records", "written", "fields", "failed", "unknown",
                               "unsent", "peak_mb", "tries"}),
            texts=frozenset({"error", "message", "why", "requests", "from", "to", "ours", "theirs",
                             "shown"}),
            spare=("peak_mb", "as_of", "started_by", "fields", "requests"),
        )  # fmt: skip
        header = [columns[number] for number in kept]
        tables.print_table(header, [[cells[n] for n in kept] for cells in cells_shown], shape)


def _cell(value: Any) -> str:
    from gatepost.cells import csv_cell

    if isinstance(value, dict):
        return ", ".join(f"{name} {count:,}" for name, count in value.items())
    return csv_cell(tuple(value) if isinstance(value, list) else value)


# ------------------------------------------------------------------------------------ one run


def _show_one(state: Any, number: int, style: str) -> None:
    from gatepost import tables
    from sync.ledger import entries_of_run
    from sync.outcome import conflicts_of, read_backs_of
    from sync.run_history import one_run

    run = one_run(state, number)
    if run is None:
        raise _unknown(number)
    writes = [row for entry in entries_of_run(state, number) for row in _written(entry)]
    conflicts, differ = conflicts_of(state, number), read_backs_of(state, number)
    if style == "json":
        told = {**run_object(run), "override_reason": run.override_reason or None}
        told |= {"conflicts": conflicts, "read_backs": differ}
        tables.emit(tables.json_lines([{**told, "summary": run.summary, "writes": writes}]))
    elif style == "csv":
        _print_rows(writes, WRITE_COLUMNS, style)
    else:
        click.echo("\n".join(_page(run)), color=False if os.environ.get("NO_COLOR") else None)
        writes.sort(key=lambda row: row["state"] == "confirmed")
        _print_rows(writes[:_SHOWN], WRITE_COLUMNS, style)
        if len(writes) > _SHOWN:
            more = f"and {len(writes) - _SHOWN:,} more: gatepost runs {number} --format csv"
            tables.emit([more])
        for title, rows, columns in (
            ("Conflicts and what was held back", conflicts, CONFLICT_COLUMNS),
            ("Not as it was written", differ, READ_BACK_COLUMNS),
        ):
            if rows:
                tables.emit(["", f"{title}:"])
                _print_rows(rows[:_SHOWN], columns, style)


def _written(entry: "Entry") -> Iterator[dict[str, Any]]:
    from sync.plain import plain

    for change in entry.changes:
        yield {
            "object": entry.object, "id": entry.account_id, "field": change.field,
            "from": plain(change.from_), "to": plain(change.to), "state": entry.state,
            "code": entry.code or None, "message": entry.message or None, "why": change.why,
        }  # fmt: skip


def _page(run: "Run") -> Iterator[str]:
    """What is known of a run, line by line."""
    from gatepost.cells import counted, one_line
    from gatepost.page_parts import aligned, heading

    yield heading(f"Run {run.id}: {run.command}, {run.state}")
    took = "" if run.seconds is None else f", took {run.seconds:,.1f} s"
    facts = [
        ["began", f"{run.started_at}{took}"],
        ["asked for by", run.started_by],
        ["as of", run.as_of],
        ["override", one_line(run.override_reason)],
        ["error", one_line(run.error)],
        ["brakes", ", ".join(run.summary.get("brakes") or ())],
        ["memory", f"{run.summary['peak_mb']:,.0f} MB" if "peak_mb" in run.summary else ""],
    ]
    facts += [
        [f"source {one['name']}", f"{counted(one['pulled'], 'event')} pulled"]
        for one in run.summary.get("sources") or ()
    ]
    facts += [["calls to " + name, f"{count:,}"] for name, count in run.requests.items()]
    steps = run.summary.get("seconds") or {}
    facts.append(["steps", ", ".join(f"{name} {took:,.1f} s" for name, took in steps.items())])
    outcomes = ("records", "confirmed", "failed", "unknown", "unsent", "quarantined")
    counts = {name: run.count(name) for name in outcomes}
    facts.append(["writes", ", ".join(f"{name} {n:,}" for name, n in counts.items() if n)])
    yield from (f"  {line}" for line in aligned([fact for fact in facts if fact[1]]))
    yield from (f"  warning: {one_line(text)}" for text in run.summary.get("warnings") or ())
    yield ""
