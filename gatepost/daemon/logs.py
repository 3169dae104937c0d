"""Logs of the daemon: JSON or for people, on stderr, with secrets taken out by construction.

Every line, whoever wrote it (we, uvicorn, APScheduler, a warning of Python), is rendered here and
goes through one redactor as the text that it has become: there is no field that could be missed.
"""

import logging
import sys
from typing import TYPE_CHECKING, Any, Literal, TextIO

import structlog

from gatepost.redact import Redactor

if TYPE_CHECKING:
    from structlog.typing import Processor

Style = Literal["json", "console"]


class _Redacting(logging.Formatter):
    """The outermost formatter. `secrets` is replaced whenever secrets may have changed."""

    def __init__(self, inner: logging.Formatter, *, e_mails: bool) -> None:
        super().__init__()
        self._inner, self._e_mails = inner, e_mails
        self.secrets = Redactor(e_mails=e_mails)

    def renew(self) -> None:
        self.secrets = Redactor(e_mails=self._e_mails)

    def format(self, record: logging.LogRecord) -> str:
        return self.secrets(self._inner.format(record))


class Logs:
    """Sets logging up for this process. `log` is for the daemon's own lines."""

    def __init__(
        self, style: Style, *, e_mails: bool, quiet: bool = False, stream: TextIO | None = None
    ) -> None:
        """`e_mails`: whether addresses are left; `quiet`: warnings and errors alone."""
        shared: list[Processor] = [
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ]
        structlog.configure(
            processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
            cache_logger_on_first_use=False,
        )
        self._formatter = _Redacting(
            structlog.stdlib.ProcessorFormatter(
                foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
                processors=[
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *_ends(style),
                ],
            ),
            e_mails=e_mails,
        )
        handler = logging.StreamHandler(stream or sys.stderr)
        handler.setFormatter(self._formatter)
        root = logging.getLogger()
        root.handlers[:] = [handler]
        root.setLevel(logging.WARNING if quiet else logging.INFO)
        logging.captureWarnings(capture=True)
        # They would tell each start a second time, and know less of it than we do.
        for name in ("apscheduler", "uvicorn.error"):
            logging.getLogger(name).setLevel(logging.WARNING)
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        self.log: structlog.stdlib.BoundLogger = structlog.get_logger("gatepost")

    def renew(self) -> None:
        """Look at the secrets anew: those of the folder may have been exchanged."""
        self._formatter.renew()

    def hidden(self, text: str) -> str:
        """`text` as a log line would have it, for what leaves this process by another way."""
        return self._formatter.secrets(text)


def _ends(style: Style) -> "list[Processor]":
    if style == "json":
        rename = structlog.processors.EventRenamer("message")
        plain = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
        return [structlog.processors.format_exc_info, rename, plain]
    colours = sys.stderr.isatty()
    return [
        structlog.dev.ConsoleRenderer(colors=colours, pad_event_to=0, exception_formatter=_plain)
    ]


def _plain(stream: TextIO, error: Any) -> None:
    structlog.dev.plain_traceback(stream, error)
