"""`check --live` on the way to the screen: what was found, what was looked at, the exit code."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from gatepost import tables
from gatepost.cells import counted
from gatepost.options import Ask

if TYPE_CHECKING:
    from config.load import Project
    from connectors.base import BudgetLeft, Connector
    from sync.live_report import LiveReport, Looked
    from sync.live_uses import Finding

COLUMNS = ("severity", "check", "file", "line", "column", "where", "message", "hint")


def check(ctx: click.Context, ask: Ask, project: "Project", style: str) -> None:
    """Look, print; leave with 2 if something is wrong, with 1 if somebody just did not answer."""
    from connectors.registry import connect
    from gatepost.opening import bar_for
    from sync.live import check_live

    def connected(name: str) -> "Connector":
        return connect(name, project.gatepost.connections[name], project.folder)

    with bar_for(ask) as bar:
        report = check_live(project, connected, datetime.now(UTC), bar.tick)
    _print(report, style)
    if report.findings:
        ask.note(_counts(report))
    if report.errors:
        ctx.exit(1 if report.only_away else 2)


def _print(report: "LiveReport", style: str) -> None:
    if style == "json":
        tables.emit(tables.json_lines(map(_row, report.findings)))
    elif style == "csv":
        rows = ([str(row[name]) for name in COLUMNS] for row in map(_row, report.findings))
        tables.emit(tables.csv_lines(COLUMNS, rows))
    else:
        tables.emit(str(one.problem) for one in report.errors)
        warnings = [one for one in report.findings if one.severity == "warning"]
        if warnings:
            tables.emit(["", "Warnings:"] if report.errors else ["Warnings:"])
            tables.emit(f"  {one.problem}" for one in warnings)
        tables.emit(["", "Connections:"] if report.findings else ["Connections:"])
        tables.emit(f"  {line}" for one in report.looked for line in _about(one))


def _row(finding: "Finding") -> dict[str, Any]:
    problem = finding.problem
    return {
        "severity": finding.severity, "check": finding.check, "file": problem.file,
        "line": problem.line, "column": problem.column, "where": problem.where,
        "message": problem.message, "hint": problem.hint,
    }  # fmt: skip


def _counts(report: "LiveReport") -> str:
    errors = len(report.errors)
    warnings = len(report.findings) - errors
    said = counted(errors, "problem") if errors else "No problems"
    return f"{said}, {counted(warnings, 'warning')}." if warnings else f"{said}."


def _about(looked: "Looked") -> Iterator[str]:
    """What was looked at, in a line or two."""
    seen = []
    if looked.fields:
        seen.append(counted(looked.fields, "field"))
    if looked.events:
        seen.append(f"{counted(looked.events, 'event')} by name")
    if looked.note:
        seen.append(looked.note)
    known = f": {looked.who}" if looked.who else ""
    yield f"{looked.name} ({looked.type}){known}" + (f"; {', '.join(seen)}" if seen else "")
    if (need := looked.estimate) is not None:
        told = [f"{number:,} {name}" for name, number in need.records.items()]
        calls = f"at most {need.quiet:,} calls a sync"
        if need.full > need.quiet:
            calls += f", {need.full:,} for one that {need.meaning}"
        left = looked.left
        if left is not None and left.left is not None:
            calls += f"; {left.left:,} may be made now"
            if left.allowed is not None:
                calls += f", of {left.allowed:,} in {_period(left)}"
        yield "  " + "; ".join([", ".join(told), calls] if told else [calls])


def _period(left: "BudgetLeft") -> str:
    hours = left.period.total_seconds() / 3600
    return "an hour" if hours == 1 else f"{hours:g} hours"
