"""What `/metrics` tells. docs/running.md says what each one means.

Counters begin anew with the process, as Prometheus expects; what the state file knows (the last
success, lags, quarantine) is right from the first moment.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    Summary,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from gatepost import __version__
from gatepost.daemon.conditions import Alert
from gatepost.daemon.facts import Facts
from gatepost.daemon.jobs import OUTCOMES, Result

CONTENT_TYPE = CONTENT_TYPE_LATEST
_MB = 1e6
_BUCKETS = (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
RECORDS = {"written": "confirmed", "failed": "failed", "unknown": "unknown", "unsent": "unsent"}
"""outcome → its key in a run's summary"""


class Metrics:
    """All metrics of one daemon, in a registry of its own."""

    def __init__(self) -> None:
        # a second series for each counter, that nobody asks for
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = here = CollectorRegistry()

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"gatepost_{name}", text, labels, registry=here)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"gatepost_{name}", text, labels, registry=here)

        Info("gatepost_build", "This version.", registry=here).info({"version": __version__})
        self._runs = counter("runs", "Runs that ended, by outcome.", "job", "outcome")
        self._run_seconds = Histogram(
            "gatepost_run_seconds", "How long runs took.", ("job",), buckets=_BUCKETS, registry=here
        )
        self._steps = Summary(
            "gatepost_step_seconds", "How long the steps of runs took.", ("step",), registry=here
        )
        self._peak = gauge("run_peak_bytes", "Most memory of the last run.", "job")
        self._running = gauge("run_in_progress", "1 while it runs.", "job")
        self._events = counter("events_pulled", "Events pulled.", "source")
        self._bad = counter("events_rejected", "Rows that could not be read.", "source")
        self._match = gauge(
            "match_ratio", "Share of pulled events that found their account.", "source"
        )
        self._records = counter("records", "Records of runs that wrote, by outcome.", "outcome")
        self._fields = counter("fields_written", "Fields written.")
        self._brakes = counter("brakes", "Brakes that stopped a run.", "brake")
        self._accounts = gauge("accounts", "Accounts of the last run.")
        self._sent = counter("requests", "Requests sent to a connection.", "connection")
        self._left = gauge("budget_left", "Requests that may still be sent.", "connection")
        self._lag = gauge(
            "source_lag_seconds", "Time since the day of the newest event ended.", "source"
        )
        self._quarantine = gauge("quarantine_records", "Records in quarantine.")
        self._last_end = gauge("last_run_timestamp_seconds", "When a run ended.", "job")
        self._last_good = gauge("last_success_timestamp_seconds", "When one ended well.", "job")
        self._next = gauge("next_run_timestamp_seconds", "When the next one begins.", "job")
        self._failures = gauge("failures_in_a_row", "Syncs that failed since one did not.")
        self._alert = gauge("alert", "1 while it lasts.", "condition", "subject")
        self._deliveries = counter("alert_deliveries", "Alerts sent.", "channel", "outcome")
        self._config = gauge("config_good", "0 if the last re-reading found problems.")
        self._loaded = gauge("config_loaded_timestamp_seconds", "Since when it is in force.")
        for outcome in OUTCOMES:  # there from the start, so that rates see the first one
            self._runs.labels("sync", outcome)
        for one in RECORDS:
            self._records.labels(one)

    def text(self) -> bytes:
        """As Prometheus reads it."""
        return generate_latest(self._registry)

    def began(self, job: str) -> None:
        self._running.labels(job).set(1)

    def ended(self, result: Result) -> None:
        """Count a run and what it printed."""
        self._running.labels(result.job).set(0)
        self._runs.labels(result.job, result.outcome).inc()
        if result.outcome == "busy":
            return
        self._run_seconds.labels(result.job).observe(result.seconds)
        self._peak.labels(result.job).set(result.peak_mb * _MB)
        summary = result.summary
        for outcome, key in RECORDS.items():
            self._records.labels(outcome).inc(summary.get(key, 0))
        self._fields.inc(summary.get("confirmed_fields", 0))
        for brake in summary.get("brakes", ()) if result.outcome == "stopped" else ():
            self._brakes.labels(brake).inc()
        for step, seconds in summary.get("seconds", {}).items():
            self._steps.labels(step).observe(seconds)
        for source in summary.get("sources", ()):
            self._events.labels(source["name"]).inc(source["pulled"])
            self._bad.labels(source["name"]).inc(source["rejected"])
        for connection, counted in summary.get("requests", {}).items():
            self._requests(connection, counted)
        if "accounts" in summary:
            self._accounts.set(summary["accounts"])

    def _requests(self, connection: str, counted: Mapping[str, Any]) -> None:
        self._sent.labels(connection).inc(counted.get("sent") or 0)
        if counted.get("left") is not None:
            self._left.labels(connection).set(counted["left"])

    def facts(self, facts: Facts) -> None:
        """Show what the state file says."""
        self._quarantine.set(facts.quarantine)
        self._failures.set(facts.failures)
        for source, seconds in facts.lags.items():
            self._lag.labels(source).set(seconds)
        for source, shares in facts.shares.items():
            self._match.labels(source).set(shares[0])
        for gauge, times in ((self._last_end, facts.ended), (self._last_good, facts.succeeded)):
            for job, at in times.items():
                gauge.labels(job).set(at.timestamp())

    def planned(self, times: Mapping[str, datetime | None]) -> None:
        """Show when each job begins next."""
        self._next.clear()
        for job, at in times.items():
            if at is not None:
                self._next.labels(job).set(at.timestamp())

    def alerts(self, alerts: Iterable[Alert]) -> None:
        self._alert.clear()
        for one in alerts:
            self._alert.labels(one.condition, one.subject).set(int(one.open))

    def delivered(self, channel: str, *, arrived: bool) -> None:
        self._deliveries.labels(channel, "arrived" if arrived else "failed").inc()

    def configured(self, *, good: bool, at: datetime | None = None) -> None:
        self._config.set(int(good))
        if at is not None:
            self._loaded.set(at.timestamp())
