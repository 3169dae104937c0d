"""Mixpanel's Query API, which has a budget of its own: 60 an hour, together with whoever else asks.

Answers are small or come in pages, so they are parsed whole.
"""

import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import requests

from config.errors import PartlyDone, RetryLater, StopCycle
from connectors import http
from connectors.budget import Budget
from connectors.mixpanel.client import Client, SessionOver
from connectors.mixpanel.options import Options

_MOST_NAMES = 255  # the vendor gives no more


class Queries:
    """Of one project. `budget` counts what the vendor counts."""

    def __init__(
        self, client: Client, options: Options, budget: Budget, sleep: Callable[[float], None]
    ) -> None:
        self._client, self._options, self._budget, self._sleep = client, options, budget, sleep

    def ask(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        *,
        free: bool = False,
    ) -> Any:
        """What is answered to GET, or to POST if there is a `form`. `free`: a request that the
        vendor does not count. PartlyDone where the budget or the project's quota is used,
        RetryLater after all tries."""

        def attempt() -> Any:
            if not free:
                self._budget.take()
            with self._client.query(path, params or {}, form) as answer:
                try:
                    return json.loads(answer.content)
                except (ValueError, requests.RequestException):
                    raise RetryLater(
                        f"{self._options.name}: Mixpanel's answer was cut off"
                    ) from None

        def again(error: RetryLater) -> bool:
            return not isinstance(error, SessionOver)

        try:
            return http.retrying(self._sleep, attempts=self._options.tries, retry=again)(attempt)
        except RetryLater as error:
            raise used_up(error) or error from None

    def names(self) -> list[str]:
        """The most frequent events of the last 31 days."""
        found = self.ask("events/names", {"type": "general", "limit": str(_MOST_NAMES)})
        return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []

    def last_days(self, names: list[str], first: date, last: date) -> dict[str, date]:
        """Of those events that happened within these days the last day on which each did."""
        asked = {"event": json.dumps(names), "type": "general", "unit": "day",
                 "from_date": str(first), "to_date": str(last)}  # fmt: skip
        found = self.ask("events", asked)
        try:
            counts = found["data"]["values"].items()
            days = {
                name: max((day for day, number in of.items() if number), default=None)
                for name, of in counts
            }
            return {name: date.fromisoformat(day[:10]) for name, day in days.items() if day}
        except (KeyError, TypeError, AttributeError, ValueError):
            raise StopCycle(
                f"{self._options.name}: Mixpanel's counts of events are not what they were"
            ) from None

    def described(self) -> list[str]:
        """Events that somebody described in Lexicon, whether or not they ever happened."""
        found = self._client.app(f"projects/{self._options.project_id}/schemas/event")
        described = found if isinstance(found, list) else []
        return [str(one["name"]) for one in described if isinstance(one, dict) and "name" in one]


def used_up(error: RetryLater) -> PartlyDone | None:
    """What to say where the vendor asks for more patience than a run has, None where not."""
    if (error.wait_seconds or 0) <= http.LONGEST_PAUSE:
        return None
    return PartlyDone(
        f"{error}; it asks to wait {error.wait_seconds:,.0f} s",
        "the project's quota is used up, by other tools too; what was pulled is kept and the next"
        " run goes on from there",
    )
