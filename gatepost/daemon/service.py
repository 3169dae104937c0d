"""The daemon: a schedule, pages, signals, and what it looks at between runs."""

import os
import queue
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from config.errors import Busy, GatepostError
from config.project_file import NEVER
from gatepost.crash import crash_sentence
from gatepost.daemon.conditions import Finding, of_config, of_outcome
from gatepost.daemon.deliver import channels_of
from gatepost.daemon.facts import Facts, read_facts
from gatepost.daemon.inforce import is_loopback, read, said
from gatepost.daemon.jobs import Result, known_jobs
from gatepost.daemon.logs import Logs
from gatepost.daemon.metrics import Metrics
from gatepost.daemon.pages import PageServer, application, listening
from gatepost.daemon.runner import KILL_AFTER_SECONDS, Runner
from gatepost.daemon.standing import standing
from gatepost.daemon.triggers import CronTrigger, missed
from gatepost.daemon.watch import Watch
from sync.runs import run_lock

LOCK_NAME = "daemon.lock"
LOOK_SECONDS = 60
"""how often is looked whether something is stale or silent"""
MOST_FAILURES = 3
"""syncs in a row that may fail before the daemon says that it is not ready"""
_STUCK_SECONDS = 30.0
_FACTS_SECONDS = 5.0
_LAST_WORDS_SECONDS = 0.5


class Daemon:
    """One project's. `run` returns when it was told to end."""

    def __init__(self, folder: Path, listen: str | None, logs: Logs) -> None:
        """FixConfig, UsageError or StopCycle if it cannot start."""
        self._folder, self._listen, self._logs = folder.absolute(), listen, logs
        self._config = read(self._folder, listen)
        self._metrics = Metrics()
        self._metrics.configured(good=True, at=_now())
        self._good = True
        self._address = ""
        self._server: PageServer | None = None
        self._begun = _now()
        self._beat = time.monotonic()
        self._facts: tuple[float, Facts] = (-_FACTS_SECONDS, Facts())
        self._signals: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._found: queue.SimpleQueue[list[Finding] | None] = queue.SimpleQueue()
        self._runner = Runner(lambda: self._config, logs, self._metrics, self._ended)
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(8)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )

    def run(self) -> None:
        """Until SIGTERM or SIGINT. Busy if another daemon is at work in this home; StopCycle if
        the address is taken."""
        with ExitStack() as stack:
            stack.enter_context(_only_one(self._config.home))
            self._watch = Watch(self._config.home, self._folder.name, self._logs, self._metrics)
            stack.enter_context(self._looking())
            stack.enter_context(self._serving())
            stack.enter_context(self._hearing())
            self._schedule()
            self._scheduler.start()
            stack.callback(self._scheduler.shutdown, wait=False)
            self._logs.log.info("is ready", project=str(self._folder), address=self._address)
            self._loop()
        self._logs.log.info("has ended")

    # ---------------------------------------------------------------------------------- signals

    @contextmanager
    def _hearing(self) -> Iterator[None]:
        heard = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        before = [signal.signal(one, lambda number, _: self._signals.put(number)) for one in heard]
        try:
            yield
        finally:
            for one, handler in zip(heard, before, strict=True):
                signal.signal(one, handler)

    def _loop(self) -> None:
        while True:
            self._beat = time.monotonic()
            try:
                number = self._signals.get(timeout=1.0)
            except queue.Empty:
                continue
            if number == signal.SIGHUP:
                self._reload()
            else:
                self._end(number)
                return

    def _end(self, number: int) -> None:
        """Let what is running come to its end; by force if it takes too long, or if we are told
        again. The next run settles what is left."""
        self._logs.log.info("was told to end", signal=signal.Signals(number).name)
        self._scheduler.pause()
        self._runner.stop()
        if self._server is not None:  # it needs a second to end: while the run does
            self._server.close()
        until = time.monotonic() + KILL_AFTER_SECONDS
        while not self._runner.drain(0.1):
            if time.monotonic() > until or not self._signals.empty():
                self._logs.log.warning("the run did not end in time: its process is killed")
                self._runner.stop(signal.SIGKILL)
                self._runner.drain(2.0)
                return

    def _reload(self) -> None:
        self._logs.renew()
        try:
            new = read(self._folder, self._listen)
        except GatepostError as error:
            count, first = said(error)
            self._good = False
            self._metrics.configured(good=False)
            self._logs.log.error(
                "the configuration stays as it was: the new one has problems",
                problems=count, first=first,
            )  # fmt: skip
            self._found.put([of_config(count, first)])
            return
        if (new.listen, new.home) != (self._config.listen, self._config.home):
            self._logs.log.warning("another address, or another home, needs a restart")
        self._config, self._good = new, True
        self._metrics.configured(good=True, at=_now())
        self._schedule()
        self._logs.log.info("the new configuration is in force")
        self._found.put([of_config(0, "")])

    # --------------------------------------------------------------------------------- schedule

    def _schedule(self) -> None:
        """Put every job on the schedule anew; what was missed while nobody ran begins now."""
        schedule, now = self._config.project.gatepost.schedule, _now()
        begun = self._known_facts(fresh=True).begun
        for job in ("sync", "full", "retention", "backup"):
            line = str(getattr(schedule, job))
            if self._scheduler.get_job(job):
                self._scheduler.remove_job(job)
            if line == NEVER:
                continue
            if job not in known_jobs():
                self._logs.log.error("this version has no such command", job=job)
                continue
            trigger = CronTrigger(line, schedule.timezone, schedule.jitter)
            # what never ran begins with its first time, but for the sync
            last = begun.get(job) or (None if job == "sync" else now)
            due = {"next_run_time": now} if missed(line, schedule.timezone, last, now) else {}
            asked = (job, "schedule")
            self._scheduler.add_job(self._runner.run, trigger, asked, id=job, name=job, **due)

    # -------------------------------------------------------------------------------- alerts

    def _ended(self, result: Result) -> None:
        self._found.put(list(of_outcome(result.job, result.outcome, result.error)))

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """Look at what was found, and every minute at what is stale or silent, in a thread of its
        own: a channel that does not answer holds up no run. What could not be told before the end
        is told after the next start."""
        thread = threading.Thread(target=self._look_often, name="alerts", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._found.put(None)
            thread.join(timeout=_LAST_WORDS_SECONDS)

    def _look_often(self) -> None:
        while True:
            try:
                found = self._found.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                found = []
            if found is None:
                return
            try:
                self._look(found)
            except Exception as error:  # noqa: BLE001 (no traceback in a log: it goes to a file)
                self._logs.log.error(crash_sentence(error, self._config.home))

    def _look(self, findings: Iterable[Finding]) -> None:
        """Take in findings, add what the state file says, and tell what is to be told."""
        facts = self._known_facts(fresh=True)
        found = standing(self._config.project, facts, self._watch.alert, self._begun, _now())
        self._watch.look([*findings, *found], channels_of(self._config.secrets))

    def _known_facts(self, *, fresh: bool = False) -> Facts:
        """What the state file says, at most some seconds old; the last that is known where it
        cannot be read now."""
        at, facts = self._facts
        if fresh or time.monotonic() - at > _FACTS_SECONDS:
            try:
                facts = read_facts(self._config.home, _now())
            except GatepostError as error:
                self._logs.log.error("the state could not be read", error=str(error))
            self._facts = (time.monotonic(), facts)
            self._metrics.facts(facts)
        return facts

    # --------------------------------------------------------------------------------- pages

    @contextmanager
    def _serving(self) -> Iterator[None]:
        if self._config.listen is None:
            yield
            return
        opened = listening(*self._config.listen)
        host, port = opened.getsockname()[:2]
        self._address = f"{host}:{port}"
        app = application(
            self, lambda: self._config.secrets.get("token"), self._logs,
            open_to_all=is_loopback(self._config.listen[0]),
        )  # fmt: skip
        self._server = PageServer(app, opened)
        self._server.start()
        try:
            yield
        finally:
            self._server.stop()

    def alive(self) -> bool:
        """Whether the loop that hears signals turns, and the schedule with it."""
        return time.monotonic() - self._beat < _STUCK_SECONDS and bool(self._scheduler.running)

    def checks(self) -> dict[str, bool]:
        """What readiness is made of."""
        home = self._config.home
        return {
            "configuration": self._good,
            "home": os.access(home, os.R_OK | os.W_OK | os.X_OK),
            "runs": self._known_facts().failures < MOST_FAILURES,
            "schedule": bool(self._scheduler.running) and not self._runner.stopping.is_set(),
        }

    def figures(self) -> bytes:
        """The metrics, with what the state file says now."""
        self._known_facts()
        jobs: list[Any] = self._scheduler.get_jobs()
        self._metrics.planned({job.id: job.next_run_time for job in jobs})
        return self._metrics.text()

    def sync(self, by: str) -> int:
        """Begin a sync now; see Runner.start."""
        return self._runner.start("sync", by)


@contextmanager
def _only_one(home: Path) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(run_lock(home, LOCK_NAME))
        except Busy as busy:
            raise Busy(f"a daemon is at work in {home} already", "one is enough") from busy
        yield


def _now() -> datetime:
    return datetime.now(UTC)
