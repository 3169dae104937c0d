"""Alerts on their way to a webhook: Slack's words, or plain JSON."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from config.errors import GatepostError, RetryLater
from config.settings import OwnSecrets
from connectors import http
from gatepost.daemon.conditions import WORDS, Alert

SECONDS, ATTEMPTS, LONGEST_PAUSE = 10.0, 4, 15.0


def channels_of(secrets: OwnSecrets) -> dict[str, str]:
    """Channel → its address, of those that were given."""
    given = {"slack": secrets.get("slack_webhook"), "webhook": secrets.get("webhook")}
    return {name: url for name, url in given.items() if url}


def sentence(alert: Alert, project: str) -> str:
    """`acme: sync failed: the reason`."""
    what = f"{project}: {alert.subject} {WORDS[alert.condition]}"
    return f"{what}: {alert.text}" if alert.open else f"{what}: over since {alert.since}"


def message(channel: str, alert: Alert, project: str) -> dict[str, Any]:
    """What is posted to a channel."""
    said = sentence(alert, project)
    if channel == "slack":
        return {"text": f"{':warning:' if alert.open else ':white_check_mark:'} {said}"}
    return {
        "project": project, "condition": alert.condition, "subject": alert.subject,
        "state": "open" if alert.open else "over", "since": alert.since, "text": said,
    }  # fmt: skip


def post(url: str, body: Mapping[str, Any], *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Post it, trying again after a pause. GatepostError if it did not arrive; its message names
    the host alone, since the address is a secret."""
    with http.session(read_seconds=SECONDS) as through:

        def once() -> None:
            answer = http.send(through, "POST", url, json=body, hide=lambda _: "the webhook")
            host = answer.url.split("/")[2].rpartition("@")[2]
            said = f"{host} answered {answer.status_code}"
            if answer.status_code in http.BUSY:
                raise RetryLater(said, http.retry_after(answer, lambda: datetime.now(UTC)))
            if not answer.ok:
                raise GatepostError(said)

        http.retrying(sleep, attempts=ATTEMPTS, longest=LONGEST_PAUSE)(once)
