"""Waiting for a job of Bulk 2.0."""

from typing import Any

from config.errors import RetryLater
from connectors.salesforce.client import Client

DONE = frozenset({"JobComplete", "Failed", "Aborted"})
LONGEST_WAIT = 4 * 3600.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0


def wait_for(client: Client, path: str, what: str) -> Any:
    """What a job says of itself once it has ended, however. RetryLater after four hours."""
    pause, waited = _FIRST_PAUSE, 0.0
    while True:
        said = client.json("GET", path, what=what)
        if said["state"] in DONE:
            return said
        if waited >= LONGEST_WAIT:
            raise RetryLater(
                f"{client.connection}: the {what} (job {said['id']}) is still {said['state']} "
                f"after {waited / 3600:.0f} hours"
            )
        client.sleep(pause)
        waited += pause
        pause = min(_LONGEST_PAUSE, pause * 1.5)
