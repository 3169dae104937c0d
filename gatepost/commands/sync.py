"""`gatepost sync`: the whole way at once."""

from datetime import UTC, datetime

import click

from config.home import home_of
from gatepost import __version__
from gatepost.options import Ask, Command, asks, format_option, override_option

EXAMPLES = (
    ("Bring the CRM up to date", "gatepost sync --project acme"),
    ("In a crontab: silent unless something is wrong",
     "gatepost sync --project acme --quiet > sync.log"),
    ("What was done, for a program", "gatepost sync --format json"),
    ("Read every account anew, for what a CRM does not tell by itself", "gatepost sync --full"),
    ("Go on although a brake was pulled, once the plan was looked at",
     'gatepost sync --override "the new journey moves half of them on purpose"'),
)  # fmt: skip


@click.command("sync", cls=Command, examples=EXAMPLES)
@asks()
@override_option
@click.option(
    "--full", is_flag=True,
    help="Read every account anew, and look whether the lake is whole.",
)  # fmt: skip
@format_option("table", "json")
def command(ask: Ask, override: str | None, full: bool, style: str) -> None:  # noqa: FBT001 (click)
    """Pull, compute and write what changed.

    The same as `gatepost apply` without a plan, and without a question. If nothing has changed
    since the last sync it is over at once. Records are updated, never created or deleted. Where a
    limit of `guards` is passed it writes nothing and leaves with 4. SIGTERM and Ctrl-C end it at
    the next batch, with everything settled.
    """
    from sync.quick import nothing_new

    now, home = datetime.now(UTC), home_of(ask.folder)
    if not full and nothing_new(home, ask.folder, __version__, ask.as_of, now):
        _say_nothing_new(style)
        return
    from gatepost.finishing import finish
    from gatepost.opening import opened
    from gatepost.stopping import told_to

    with told_to(override) as orders, opened(ask, writes=True) as cycle:
        if full:
            cycle.read_all()
        applied = cycle.sync(orders)
    finish(ask, applied, cycle.summary, style, orders.stop.signal)


def _say_nothing_new(style: str) -> None:
    from gatepost.tables import emit, json_lines

    if style == "json":
        nothing = {
            "records": 0,
            "written": 0,
            "fields": 0,
            "failed": [],
            "unknown": [],
            "unsent": 0,
            "overridden": [],
            "notes": [],
            "read_back": {"records": 0, "differ": []},
            "quarantined": 0,
        }
        emit(json_lines([{"nothing_new": True, **nothing, "summary": None}]))
    else:
        emit(["Nothing new: the sources are as the last sync left them, and nothing was written."])
