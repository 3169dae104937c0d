"""A progress bar on stderr, for work that turns out to take over a second."""

import sys
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE_SECONDS = 1.0
_REDRAW_SECONDS = 0.1


class Bar:
    """A context manager; `tick` is handed to whoever works. Gone without a trace at the end.

    Shows nothing unless `wanted` and stderr is a terminal. rich is imported only once the work has
    taken its second.
    """

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted and sys.stderr is not None and sys.stderr.isatty()
        self._began = monotonic()
        self._drawn = 0.0
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def tick(self, what: str, done: int, of: int) -> None:
        """`done` of `of` pieces of `what` are done; `of` 0: nobody knows how many there are."""
        now = monotonic()
        if not self._wanted or now - self._began < PATIENCE_SECONDS:
            return
        finished = bool(of) and done >= of
        if what in self._tasks and not finished and now - self._drawn < _REDRAW_SECONDS:
            return
        self._drawn = now
        progress = self._shown()
        if what not in self._tasks:
            self._tasks[what] = progress.add_task(what, total=None)
        progress.update(self._tasks[what], completed=done, total=of or None)

    def _shown(self) -> "Progress":
        if self._progress is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            self._progress = Progress(
                TextColumn("{task.description}"), BarColumn(bar_width=30), MofNCompleteColumn(),
                console=Console(stderr=True), transient=True,
            )  # fmt: skip
            self._progress.start()
        return self._progress

    def close(self) -> None:
        """Take the bar off the screen. Safe to repeat; a later tick would put it there again."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
            self._tasks.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
