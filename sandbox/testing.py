"""A sandbox in a thread, for tests."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sandbox.server import LOOPBACK, Sandbox, Server, build, listen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.core.faults import Fault
    from sandbox.core.http import JsonDict

_START_SECONDS = 10.0
LAST_DAY = date(2026, 6, 30)


@dataclass
class Running:
    """A sandbox that answers at `url`. `ready` is what the process would print."""

    url: str
    sandbox: Sandbox
    ready: JsonDict

    def fault(self, kind: str, route: str = "*", **settings: Any) -> Fault:
        """Switch a bad day on, as POST /_sandbox/faults does."""
        return self.sandbox.switch_on({"kind": kind, "route": route, **settings})

    def calls(self, vendor: str) -> dict[str, int]:
        """Calls by route since the start, or since the log was cleared."""
        return self.sandbox.log.counts().get(vendor, {})


@contextmanager
def running(
    seed: int = 7,
    accounts: int = 30,
    days: int = 60,
    end: date | None = LAST_DAY,
    now: datetime | None = None,
) -> Iterator[Running]:
    """Serve on a free port until the block ends. Everything outside HTTP is at hand as
    `Running.sandbox`; it is touched from the test's thread, so not while a request runs."""
    sandbox = build(seed, accounts, days, end, now)
    opened = listen(0)
    sandbox.base_url = f"http://{LOOPBACK}:{opened.getsockname()[1]}"
    server = _Threaded(sandbox, quiet=True)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + _START_SECONDS
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise RuntimeError("the sandbox did not start")
        time.sleep(0.005)
    try:
        yield Running(sandbox.base_url, sandbox, sandbox.ready())
    finally:
        server.should_exit = True
        thread.join(_START_SECONDS)
        opened.close()


class _Threaded(Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the main thread, and so to pytest."""
        yield

    async def main_loop(self) -> None:
        """As uvicorn's, but looking more often whether to end: hundreds of tests wait for it."""
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            await asyncio.sleep(0.01)
