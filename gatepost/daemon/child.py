"""One command of ours as a process of its own.

So the daemon's memory stays flat, a process that the kernel kills for its memory is told and not
fatal, and a run that has nothing to do costs what it costs on the command line.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

_MB = 1e6
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
LONGEST_LINE = 8192
"""characters of a log line; what is beyond is cut"""
LONGEST_RESULT = 64_000_000
"""bytes of a command's result that are kept"""


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended. `code` below zero is the signal that ended it. `peak_mb` in 10**6 bytes; the
    system counts our own memory at the moment of its start as its, so it is never below that."""

    code: int
    result: bytes
    seconds: float
    peak_mb: float

    @property
    def killed_by(self) -> str:
        """The name of the signal that ended it, "" if none did."""
        return signal.Signals(-self.code).name if self.code < 0 else ""


class Child:
    """A process that is about to run. `on_line` is told each line of its stderr, from a thread."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], on_line: Callable[[str], None]
    ) -> None:
        self._command, self._environment, self._on_line = command, dict(environment), on_line
        self._process: subprocess.Popen[bytes] | None = None
        self._gone = False
        self._stopped = False
        self._lock = threading.Lock()

    def run(self) -> Ended:
        """Start it and wait for its end. OSError if it cannot be started; once."""
        begun = time.monotonic()
        with self._lock:
            if self._stopped:  # before it began
                return Ended(-signal.SIGTERM, b"", 0.0, 0.0)
            self._process = process = subprocess.Popen(  # noqa: S603 (our own words)
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment,
                start_new_session=True,  # Ctrl-C is ours to pass on
            )
        assert process.stdout is not None
        assert process.stderr is not None
        listening = threading.Thread(target=self._listen, args=(process.stderr,), daemon=True)
        listening.start()
        result = process.stdout.read(LONGEST_RESULT)
        while process.stdout.read(1 << 16):
            pass
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with self._lock:  # from here on its number may be another's
            _, status, usage = os.wait4(process.pid, 0)
            self._gone = True
        process.returncode = os.waitstatus_to_exitcode(status)
        # Somebody whom it started may still hold the pipe; what it said itself is there by now.
        listening.join(timeout=1.0)
        process.stdout.close()
        if not listening.is_alive():
            process.stderr.close()
        peak = usage.ru_maxrss * _MAXRSS_UNIT / _MB
        return Ended(process.returncode, result, time.monotonic() - begun, peak)

    def _listen(self, lines: IO[bytes]) -> None:
        for line in lines:
            self._on_line(line[:LONGEST_LINE].decode("utf-8", "replace").rstrip())

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send it a signal, if it is there. Safe to repeat; one that has not begun never will."""
        with self._lock:
            self._stopped = True
            if self._process is not None and not self._gone:
                os.kill(self._process.pid, number)
