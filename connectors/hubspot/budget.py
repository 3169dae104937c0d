"""How many calls a run may make, so that others who share the account are not starved."""

from collections.abc import Callable, Mapping

from config.errors import PartlyDone

FLOOR = 0.1
"""The share of a day's calls that is always left for others."""


class Budget:
    """Counts the calls of one run against HubSpot's daily limit, as far as its answers tell it.

    A run makes at most `share` of the day's calls, and none once only FLOOR of them is left.
    `most` is a number of calls beside that, None without.
    """

    def __init__(self, share: float, most: int | None, sleep: Callable[[float], None]) -> None:
        self._share = share
        self._most = most
        self._sleep = sleep
        self._daily: int | None = None
        self._remaining: int | None = None
        self.made = 0

    def take(self) -> None:
        """One more call. PartlyDone where it would be one too many: nothing was sent."""
        hint = "the next run goes on; see api_budget and max_requests of the connection"
        if self._most is not None and self.made >= self._most:
            raise PartlyDone(f"HubSpot: this run has made its {self._most:,} calls", hint)
        if self._daily is not None:
            if self.made >= self._daily * self._share:
                said = f"{self._share:.0%} of HubSpot's {self._daily:,} calls a day"
                raise PartlyDone(f"this run has made {said}", hint)
            if self._remaining is not None and self._remaining <= self._daily * FLOOR:
                said = f"only {self._remaining:,} of HubSpot's {self._daily:,} calls a day are left"
                raise PartlyDone(f"{said}, which are for others", hint)
        self.made += 1

    def heard(self, headers: Mapping[str, str]) -> None:
        """Learn from an answer; waits where the rolling window is used up, before a 429 says so."""
        daily = _whole(headers, "X-HubSpot-RateLimit-Daily")
        if daily:  # absent with OAuth, where there is no limit a day
            self._daily = daily
            self._remaining = _whole(headers, "X-HubSpot-RateLimit-Daily-Remaining")
        if _whole(headers, "X-HubSpot-RateLimit-Remaining") == 0:
            interval = _whole(headers, "X-HubSpot-RateLimit-Interval-Milliseconds")
            self._sleep((interval or 10_000) / 1000)


def _whole(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "")
    return int(text) if text.isdigit() else None
