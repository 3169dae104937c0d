"""`gatepost sandbox`: Salesforce, HubSpot and Mixpanel on this machine, to rehearse with."""

import gc
import json
from datetime import date
from pathlib import Path
from typing import Any

import click

from gatepost.options import Command, Day, format_option

PORT = 8018
EXAMPLES = (
    ("Until Ctrl-C; the line that is printed says where and with which credentials",
     "gatepost sandbox --port 8018 > sandbox.json"),
    ("A bigger company, with what was written kept for the next time",
     "gatepost sandbox --accounts 1000 --days 365 --state sandbox.state"),
    ("A bad day: HubSpot refuses two batches",
     'gatepost sandbox --bad-day "status@hubspot.batch_update,status=429,count=2"'),
    ("What really happened to each account, for a test",
     "gatepost sandbox --accounts 50 --truth > truth.jsonl"),
    ("What the sandbox that runs there was asked", "gatepost sandbox --port 8018 --requests"),
)  # fmt: skip


class BadDay(click.ParamType[dict[str, Any]]):
    """`KIND@ROUTE,KEY=VALUE,…`, or the JSON object that the sandbox's control takes."""

    name = "SPEC"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        if value.lstrip().startswith("{"):
            try:
                return dict(json.loads(value))
            except ValueError as error:
                self.fail(f"{value!r} is no JSON: {error}", param, ctx)
        what, *pairs = value.split(",")
        kind, _, route = what.strip().partition("@")
        asked: dict[str, Any] = {"kind": kind, "route": route or "*"}
        for pair in pairs:
            key, equals, text = pair.partition("=")
            if not equals:
                self.fail(f"{pair!r} is no KEY=VALUE, such as count=2", param, ctx)
            asked[key.strip()] = _plain(text.strip())
        return asked


def _plain(text: str) -> Any:
    """A number or a truth value as such, all else as text."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(found, dict | list | None) else found


@click.command("sandbox", cls=Command, examples=EXAMPLES)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    metavar="N",
    help="Where to listen, on this machine only; 0 picks a free port.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=7,
    show_default=True,
    metavar="S",
    help="The same seed gives the same company.",
)
@click.option(
    "--accounts",
    type=click.IntRange(1),
    default=300,
    show_default=True,
    metavar="A",
    help="How many accounts it has.",
)
@click.option(
    "--days",
    type=click.IntRange(60),
    default=180,
    show_default=True,
    metavar="D",
    help="How many days of history, at least 60.",
)
@click.option(
    "--end",
    type=Day(),
    metavar="DATE",
    help="The last day of it; the clock then starts on the morning after. Without it the"
    " company goes up to today, and the clock with the real one.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Keep what programs write, and go on from it the next time.",
)
@click.option(
    "--bad-day",
    "bad_days",
    type=BadDay(),
    multiple=True,
    metavar="SPEC",
    help="Switch trouble on: KIND@ROUTE,KEY=VALUE,... May be given several times;"
    " docs/sandbox.md lists the kinds.",
)
@click.option(
    "--truth",
    is_flag=True,
    help="Print what really happened to each account, one JSON object a line, and end.",
)
@click.option(
    "--requests",
    is_flag=True,
    help="Print what the sandbox at --port was asked until now, and end.",
)
@format_option("table", "json")
@click.pass_context
def command(
    ctx: click.Context, port: int, seed: int, accounts: int, days: int, end: date | None,
    state: Path | None, bad_days: tuple[dict[str, Any], ...], truth: bool, requests: bool,  # noqa: FBT001 (click)
    style: str,
) -> None:  # fmt: skip
    """Play Salesforce, HubSpot and Mixpanel on this machine.

    The three vendors over HTTP on one port of this machine, with their limits and errors, over a
    simulated company. One JSON line is printed once it answers: url and credentials of each.
    Nothing leaves this machine, and nothing in it is secret. Ctrl-C ends it.
    """
    if requests:
        _print_requests(port, style)
    elif truth:
        _print_truth(seed, accounts, days, end)
    else:
        ctx.exit(_serve(port, seed, accounts, days, end, bad_days, state))


def _serve(
    port: int, seed: int, accounts: int, days: int, end: date | None,
    bad_days: tuple[dict[str, Any], ...], state: Path | None,
) -> int:  # fmt: skip
    from config.errors import GatepostError, UsageError
    from sandbox.core.faults import Faults, UnknownFault
    from sandbox.server import main

    gc.enable()  # see cli.main
    try:
        for one in bad_days:
            Faults().add(one)
    except (UnknownFault, ValueError, TypeError) as wrong:
        raise UsageError(f"--bad-day: {wrong}", "see docs/sandbox.md") from wrong
    try:
        return main(port, seed, accounts, days, end, bad_days=bad_days, state=state)
    except UnknownFault as wrong:  # what it is called on, which only a sandbox knows
        raise UsageError(f"--bad-day: {wrong}", "see docs/sandbox.md") from wrong
    except ValueError as wrong:
        raise GatepostError(str(wrong), "delete the file to start over") from wrong
    except OSError as error:
        if error.filename:
            raise GatepostError(f"{error.filename} cannot be used: {error.strerror}") from error
        raise GatepostError(
            f"port {port} of this machine cannot be used: {error.strerror}",
            "name another one with --port; 0 picks a free one",
        ) from error


def _print_truth(seed: int, accounts: int, days: int, end: date | None) -> None:
    from gatepost.tables import emit, json_lines
    from sandbox.server import build

    emit(json_lines(build(seed, accounts, days, end).seed.truth()))


def _print_requests(port: int, style: str) -> None:
    from config.errors import GatepostError
    from gatepost import tables
    from gatepost.loopback import asked_of

    try:
        log = asked_of(f"http://127.0.0.1:{port}/_sandbox/requests?limit=20000")
    except OSError as error:
        raise GatepostError(
            f"no sandbox answers on port {port}", "start one with `gatepost sandbox`"
        ) from error
    if style == "json":
        tables.emit(tables.json_lines(log["requests"]))
        return
    rows = [
        [vendor, route, f"{calls:,}"]
        for vendor, routes in log["counts"].items()
        for route, calls in routes.items()
    ]
    shape = tables.Shape(figures=frozenset({"calls"}))
    tables.print_table(["vendor", "route", "calls"], rows, shape)
