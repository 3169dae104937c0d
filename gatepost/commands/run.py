"""`gatepost run`: the daemon."""

import gc
import signal
import sys

import click

from gatepost.options import Ask, Command, asks

EXAMPLES = (
    ("By the schedule in gatepost.yaml, until it is told to end", "gatepost run --project acme"),
    ("In a container, with the token in a file of the secrets folder",
     "gatepost run --listen 0.0.0.0:8787 --log-format json"),
)  # fmt: skip


@click.command("run", cls=Command, examples=EXAMPLES)
@asks(day=False)
@click.option(
    "--listen", metavar="ADDRESS",
    help="Where to answer, in place of what gatepost.yaml says: address:port, or none.",
)  # fmt: skip
@click.option(
    "--log-format", "style", type=click.Choice(["json", "console"]), metavar="FORMAT",
    help="How to write logs: json, console; console on a terminal, else json.",
)  # fmt: skip
@click.option("--show-emails", "e_mails", is_flag=True, help="Leave e-mail addresses in the logs.")
def command(ask: Ask, listen: str | None, style: str | None, e_mails: bool) -> None:  # noqa: FBT001 (click)
    """Sync by a schedule until told to end.

    Each run is a process of its own, one at a time. SIGTERM ends it within ten seconds, SIGHUP
    reads the project's files anew. Logs go to stderr; figures for Prometheus and the state of
    health are told at 127.0.0.1:8787.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is somebody to hear it
    gc.enable()  # see cli.main
    from gatepost.daemon.logs import Logs
    from gatepost.daemon.service import Daemon

    shown = style or ("console" if sys.stderr.isatty() else "json")
    logs = Logs("json" if shown == "json" else "console", e_mails=e_mails, quiet=ask.quiet)
    Daemon(ask.folder, listen, logs).run()
