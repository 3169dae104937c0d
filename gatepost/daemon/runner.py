"""Carrying out jobs: one at a time, each as a process of its own, each noted and told."""

import json
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from config.errors import Busy, GatepostError
from gatepost.crash import crash_sentence
from gatepost.daemon.child import Child, Ended
from gatepost.daemon.inforce import InForce, forget_others
from gatepost.daemon.jobs import Outcome, Result, command_line, level_of, result_of
from gatepost.daemon.logs import Logs
from gatepost.daemon.metrics import Metrics
from sync.runs import AnyEnd, announce_run, at_work, close_run
from sync.state import State

KILL_AFTER_SECONDS = 8.7
"""A run that was told to end has its own 8 seconds; whoever stops a container waits for 10."""
BUSY_SECONDS = 60.0
"""how long a job waits for a run that somebody else started"""
_LOOK_SECONDS = 0.5
_KEPT_LINES = 200
_ENDS: dict[Outcome, AnyEnd] = {
    "done": "done", "partly": "partly", "failed": "failed", "stopped": "stopped",
    "interrupted": "interrupted", "busy": "interrupted",
}  # fmt: skip


class Runner:
    """`ended` is told each result, in the thread that the job ran in."""

    def __init__(
        self,
        config: Callable[[], InForce],
        logs: Logs,
        metrics: Metrics,
        ended: Callable[[Result], None],
        *,
        busy_seconds: float = BUSY_SECONDS,
    ) -> None:
        self._config, self._logs, self._metrics, self._ended = config, logs, metrics, ended
        self._busy_seconds = busy_seconds
        self._one = threading.Lock()
        self._child: Child | None = None
        self.stopping = threading.Event()

    def run(self, job: str, by: str) -> None:
        """Carry out a job when its turn comes; not at all once we are told to stop. What goes
        wrong with it is told, never raised."""
        with self._one:
            if not self._free(job):
                return
            run_id = self._announced(job, by)
            if run_id is not None:
                self._safely(job, run_id, by)

    def start(self, job: str, by: str) -> int:
        """Begin a job now, in a thread of its own; the run's id. Busy if something is running,
        GatepostError if it cannot even be noted."""
        if not self._one.acquire(blocking=False):
            raise Busy("a run is at work", "try again when it has ended")
        try:
            run_id = self._begun(job, by)
        except BaseException:  # whatever it was, the next job must be able to begin
            self._one.release()
            raise

        def rest() -> None:
            try:
                self._safely(job, run_id, by)
            finally:
                self._one.release()

        threading.Thread(target=rest, name=f"run {run_id}").start()
        return run_id

    def _begun(self, job: str, by: str) -> int:
        if self.stopping.is_set():
            raise Busy("the daemon is about to end")
        home = self._config().home
        if (holder := at_work(home)) is not None:
            raise Busy(f"another run is at work (process {holder})")
        with State(home) as state:
            return announce_run(state, _now, job, by)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Let nothing begin any more, and tell what is running to end. Returns at once."""
        self.stopping.set()
        if (child := self._child) is not None:
            child.stop(number)

    def drain(self, seconds: float) -> bool:
        """Wait until nothing runs; whether that came true in time."""
        if self._one.acquire(timeout=seconds):
            self._one.release()
            return True
        return False

    def _free(self, job: str) -> bool:
        """Wait a while for a run that somebody else started; whether the job may begin."""
        until, told = time.monotonic() + self._busy_seconds, False
        while not self.stopping.is_set():
            holder = at_work(self._config().home)
            if holder is None:
                return True
            if not told:
                self._logs.log.warning("another run is at work", job=job, process=holder)
                told = True
            if time.monotonic() >= until:
                said = f"process {holder} is still at work: the job waits for its next time"
                self._tell(Result(job, "busy", error=said))
                return False
            self.stopping.wait(_LOOK_SECONDS)
        return False

    def _announced(self, job: str, by: str) -> int | None:
        try:
            with State(self._config().home) as state:
                return announce_run(state, _now, job, by)
        except GatepostError as error:
            self._tell(Result(job, "failed", error=str(error)))
            return None

    def _safely(self, job: str, run_id: int, by: str) -> None:
        try:
            self._carry_out(job, run_id, by)
        except Exception as error:  # noqa: BLE001 (no traceback in a log: it goes to a file)
            said = crash_sentence(error, self._config().home)
            self._tell(Result(job, "failed", error=said), run_id)

    def _carry_out(self, job: str, run_id: int, by: str) -> None:
        config = self._config()
        forget_others(config)
        log = self._logs.log.bind(run=run_id, job=job)
        said: deque[str] = deque(maxlen=_KEPT_LINES)

        def line(text: str) -> None:
            said.append(text)
            if text.strip():
                getattr(log, level_of(text))(text)

        log.info("begins", by=by)
        self._metrics.began(job)
        folder = str(config.project.folder)
        child = Child(command_line(job, folder), config.environment(run_id), line)
        self._child = child
        if self.stopping.is_set():
            child.stop()
        try:
            ended = child.run()
        except OSError as error:  # no memory for a process, or too many of them
            ended = Ended(1, b"", 0.0, 0.0)
            said.append(f"gatepost: it could not be started: {error.strerror}")
        finally:
            self._child = None
        result = result_of(job, ended, list(said), stopped=self.stopping.is_set())
        self._tell(self._noted(run_id, result), run_id)

    def _noted(self, run_id: int, result: Result) -> Result:
        """Note how it ended, where its process could not; and read what that noted itself."""
        about: dict[str, object] = {"wall_seconds": result.seconds, "peak_mb": result.peak_mb}
        if result.nothing_new:
            about["nothing_new"] = True
        ended, error = _ENDS[result.outcome], self._logs.hidden(result.error) or None
        try:
            with State(self._config().home) as state:
                close_run(state, _now, run_id, ended, error, about)
                row = next(
                    state.rows("SELECT summary, error FROM runs WHERE id = ?", (run_id,)),
                    (None, None),
                )
        except GatepostError as said:
            self._logs.log.error("its end could not be noted", run=run_id, error=str(said))
            return result
        words = result.error if result.outcome == "done" else str(row[1] or result.error)
        return replace(result, summary=json.loads(str(row[0] or "{}")), error=words)

    def _tell(self, result: Result, run_id: int | None = None) -> None:
        log = self._logs.log.bind(job=result.job, outcome=result.outcome)
        if run_id is not None:
            log = log.bind(run=run_id, seconds=result.seconds, peak_mb=result.peak_mb)
        if result.outcome == "done":
            written = result.summary.get("confirmed", 0)
            log.info("ended", written=written, nothing_new=result.nothing_new)
        else:
            log.error("ended", error=result.error)
        self._metrics.ended(result)
        self._ended(result)


def _now() -> datetime:
    return datetime.now(UTC)
