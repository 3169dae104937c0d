"""The sandbox as a process: Salesforce, HubSpot and Mixpanel on one port of this machine."""

from __future__ import annotations

import json
import signal
import socket
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import uvicorn

from sandbox.core.app import Application
from sandbox.core.clock import Clock
from sandbox.core.control import Control
from sandbox.core.faults import Faults
from sandbox.core.log import RequestLog
from sandbox.core.schedule import Schedule
from sandbox.core.wire import Protocol
from sandbox.hubspot.vendor import HubSpot
from sandbox.keeping import read_state, restore, world_in, write_state
from sandbox.mixpanel.vendor import Mixpanel
from sandbox.salesforce.vendor import Salesforce
from sandbox.seed import Seed
from sandbox.world import simulate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sandbox.core.faults import Fault
    from sandbox.core.http import JsonDict
    from sandbox.world_shapes import World

LOOPBACK = "127.0.0.1"
_MOST_HEADER_BYTES = 1 << 17  # long SOQL must reach us, so that we can refuse it as the vendor does


class Sandbox:
    """Three vendors, one clock, one world."""

    def __init__(self, world: World, now: datetime) -> None:
        self.clock = Clock(now)
        self.faults = Faults()
        self.log = RequestLog()
        schedule = Schedule()
        self.salesforce = Salesforce(self.clock, self.faults)
        self.hubspot = HubSpot(self.clock, self.faults)
        self.mixpanel = Mixpanel(self.clock, self.faults)
        self.seed = Seed(world, self.salesforce, self.hubspot, self.mixpanel, schedule)
        self.seed.play()
        schedule.run_until(now)
        self.app = Application(
            [self.salesforce, self.hubspot, self.mixpanel],
            self.clock, self.faults, self.log, schedule,
        )  # fmt: skip
        self.base_url = ""
        self.app.control = Control(self.app, self.ready, self.seed.truth)

    def switch_on(self, asked: JsonDict) -> Fault:
        """Switch a bad day on, as POST /_sandbox/faults does. Raises UnknownFault."""
        fault = self.faults.add(asked)
        for name, vendor in self.app.vendors.items():
            if fault.route == "*" or fault.route.startswith(name):
                vendor.switched_on(fault)
        return fault

    def ready(self) -> JsonDict:
        """Addresses and credentials, as the first line of output has them."""
        vendors = {n: v.credentials(self.base_url) for n, v in self.app.vendors.items()}
        return {
            "control": f"{self.base_url}/_sandbox",
            "now": self.clock.now().isoformat(),
            **vendors,
        }


class Server(uvicorn.Server):
    """uvicorn that prints the line once it answers, and ends on SIGTERM with status 0."""

    def __init__(self, sandbox: Sandbox, *, quiet: bool) -> None:
        config = uvicorn.Config(
            sandbox.app,
            http=Protocol,
            ws="none",
            lifespan="off",
            access_log=False,
            server_header=False,  # the vendors have their own
            date_header=False,  # and their own time
            log_config=None,
            log_level="critical",  # a connection that a fault cut is no news
            h11_max_incomplete_event_size=_MOST_HEADER_BYTES,
            timeout_graceful_shutdown=2,
        )
        super().__init__(config)
        self._sandbox = sandbox
        self._quiet = quiet

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self._quiet:
            print(json.dumps(self._sandbox.ready()), flush=True)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        def stop(*_: Any) -> None:
            self.should_exit = True

        kept = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)


def listen(port: int) -> socket.socket:
    """A socket on loopback; port 0 picks one. Raises OSError where the port is taken."""
    # Named TCP, or asyncio leaves Nagle's algorithm on and every answer waits 40 ms.
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((LOOPBACK, port))
        opened.listen()
    except OSError:
        opened.close()
        raise
    return opened


@lru_cache(maxsize=4)
def world_of(seed: int, accounts: int, days: int, end: date) -> World:
    """A world, kept: tests start many sandboxes on one."""
    return simulate(seed, accounts, days, end)


def build(
    seed: int, accounts: int, days: int, end: date | None = None, now: datetime | None = None
) -> Sandbox:
    """Without `end` the world's last day is today, and the clock goes with the real one; with it
    the clock starts in the morning after. `now` starts it elsewhere: what is later in the world
    happens as the clock gets there."""
    if end is None:
        now = now or datetime.now(UTC)
        end = max(now.date(), datetime.now(UTC).date())
    return Sandbox(
        world_of(seed, accounts, days, end),
        now or datetime.combine(end + timedelta(days=1), time(6), UTC),
    )


def main(
    port: int = 0,
    seed: int = 7,
    accounts: int = 300,
    days: int = 180,
    end: date | None = None,
    now: datetime | None = None,
    *,
    bad_days: Sequence[JsonDict] = (),
    state: Path | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT; print one JSON line once it answers. Returns 0.

    `bad_days` are switched on from the start. `state` is a file in which what programs wrote is
    kept at the end; if it is there, its world counts and not the figures given here. With it the
    clock is the real one. Raises OSError where the port is taken, ValueError where a world cannot
    be made, the file is not ours, or a bad day is none (UnknownFault).
    """
    kept = read_state(state) if state is not None else None
    real = datetime.now(UTC)
    last = end or max((now or real).date(), real.date())
    world: JsonDict = {"seed": seed, "accounts": accounts, "days": days, "end": last}
    if kept is not None:
        world = world_in(kept)
    with closing(listen(port)) as opened:
        sandbox = build(**world, now=now if end and state is None else now or real)
        if kept is not None:
            restore(sandbox, kept)
        for one in bad_days:
            sandbox.switch_on(one)
        sandbox.base_url = f"http://{LOOPBACK}:{opened.getsockname()[1]}"
        try:
            Server(sandbox, quiet=False).run(sockets=[opened])
        finally:
            if state is not None:
                write_state(state, sandbox, world)
    return 0
