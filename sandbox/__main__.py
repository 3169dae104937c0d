"""python -m sandbox --port N [--seed S --accounts A --days D --end DATE --now INSTANT]."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from datetime import date
from pathlib import Path

from sandbox.core.clock import parse_instant


def run() -> int:
    """Read the options and serve; returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 picks one")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--accounts", type=int, default=300)
    parser.add_argument("--days", type=int, default=180, help="of history, 60 at least")
    parser.add_argument(
        "--end", type=date.fromisoformat, help="the world's last day; default today"
    )
    parser.add_argument("--now", type=parse_instant, help="where the clock starts, ISO, UTC")
    parser.add_argument("--state", type=Path, help="a file that keeps what programs wrote")
    parser.add_argument("--until-eof", action="store_true", help="end when stdin does")
    options = parser.parse_args()
    if options.until_eof:
        _end_with_stdin()
    del options.until_eof
    if options.accounts < 1 or options.days < 60:
        parser.error("a world needs at least one account and 60 days")
    from sandbox.server import main  # heavy: --help must not wait for it

    try:
        return main(**vars(options))
    except OSError as taken:
        print(f"cannot listen on port {options.port}: {taken}", file=sys.stderr)
        return 1
    except ValueError as wrong:
        print(wrong, file=sys.stderr)
        return 1


def _end_with_stdin() -> None:
    """Whoever started this holds the other end: when it is gone, however it ended, so are we."""

    def wait() -> None:
        while sys.stdin.buffer.read(1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    sys.exit(run())
