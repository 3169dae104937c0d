"""Alerts about the job itself: kept in the state file, told to the channels, shown as a metric."""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from config.errors import GatepostError
from gatepost.daemon.conditions import (
    Alert,
    Condition,
    Finding,
    Key,
    decide,
    is_over,
    to_tell,
    was_told,
)
from gatepost.daemon.deliver import message, post
from gatepost.daemon.logs import Logs
from gatepost.daemon.metrics import Metrics
from sync.state import State, instant_text

_READ = "SELECT condition, subject, open, since, text, told, baseline FROM job_alerts"
_WRITE = "INSERT INTO job_alerts VALUES (?, ?, ?, ?, ?, ?, ?)"
Post = Callable[[str, Mapping[str, object]], None]


class Watch:
    """The alerts of one home. What cannot be kept (the disk may be what is wrong) is told anyway,
    and kept in memory. For several threads."""

    def __init__(
        self, home: Path, project: str, logs: Logs, metrics: Metrics, *, send: Post = post
    ) -> None:
        self._home, self._project, self._logs, self._metrics = home, project, logs, metrics
        self._send = send
        self._lock = threading.Lock()
        self._alerts: dict[Key, Alert] = {}
        try:
            with State(home) as state:
                self._alerts = _kept(state)
        except GatepostError as error:
            logs.log.error("earlier alerts are not known", error=str(error))
        self._metrics.alerts(self._alerts.values())

    def alert(self, condition: Condition, subject: str) -> Alert | None:
        """What is known of one."""
        return self._alerts.get((condition, subject))

    def look(self, findings: Iterable[Finding], channels: Mapping[str, str]) -> None:
        """Take in what is known now, and tell what has not been told. Takes as long as the
        channels do; never raises for what they answer."""
        with self._lock:
            before = self._alerts
            hidden = [replace(one, text=self._logs.hidden(one.text)) for one in findings]
            self._alerts = decide(before, hidden, instant_text(datetime.now(UTC)))
            self._say(before)
            if self._alerts != before:
                self._keep()
            self._metrics.alerts(self._alerts.values())
            self._tell(channels)
            over = {key for key, one in self._alerts.items() if is_over(one, channels)}
            if over:
                self._alerts = {k: one for k, one in self._alerts.items() if k not in over}
                self._keep()

    def _say(self, before: Mapping[Key, Alert]) -> None:
        """Changes go to the log as well, whether or not there is a channel."""
        for key, alert in self._alerts.items():
            old = before.get(key)
            if alert.open != (old is not None and old.open):
                say = self._logs.log.warning if alert.open else self._logs.log.info
                say(
                    "alert" if alert.open else "alert is over",
                    condition=alert.condition, subject=alert.subject, text=alert.text,
                )  # fmt: skip

    def _tell(self, channels: Mapping[str, str]) -> None:
        for alert, channel in list(to_tell(self._alerts.values(), channels)):
            try:
                self._send(channels[channel], message(channel, alert, self._project))
            except GatepostError as error:
                self._metrics.delivered(channel, arrived=False)
                self._logs.log.error(
                    "an alert could not be delivered, and is tried again later",
                    channel=channel, condition=alert.condition, subject=alert.subject,
                    error=str(error),
                )  # fmt: skip
                continue
            self._metrics.delivered(channel, arrived=True)
            self._alerts[alert.key] = was_told(self._alerts[alert.key], channel)
            self._keep()

    def _keep(self) -> None:
        rows = [
            (
                one.condition, one.subject, int(one.open), one.since, one.text,
                json.dumps(dict(one.told)), one.baseline,
            )
            for one in self._alerts.values()
        ]  # fmt: skip
        try:
            with State(self._home) as state, state.transaction() as connection:
                connection.execute("DELETE FROM job_alerts")
                connection.executemany(_WRITE, rows)
        except GatepostError as error:
            self._logs.log.error("alerts could not be kept", error=str(error))


def _kept(state: State) -> dict[Key, Alert]:
    alerts = [
        Alert(
            row[0], str(row[1]), bool(row[2]), str(row[3]), str(row[4]), json.loads(str(row[5])),  # type: ignore[arg-type]
            None if row[6] is None else float(row[6]),
        )
        for row in state.rows(_READ)
    ]  # fmt: skip
    return {one.key: one for one in alerts}
