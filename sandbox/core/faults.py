"""Bad days: what is switched on, for which route, how often."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# Faults of the wire are played by the application itself, for any route of any vendor.
WIRE_KINDS = frozenset(
    {"status", "reset", "reset_after", "status_after", "slow", "slow_body", "cut", "html"}
)
# The others are asked for by the vendor's handlers, each where it would happen.
VENDOR_KINDS: dict[str, str] = {
    "expired": "the token of this request is ended before it is looked at",
    "empty": "2xx with no results",
    "partial": "single records of a batch fail",
    "locked": "single records cannot be locked",
    "validation_rule": "an admin's rule refuses records",
    "record_type": "a record's type does not offer a value that describe lists",
    "workflow": "an automation changes a field back after the save",
    "search_lag": "search answers from an index that is `seconds` old",
    "same_millisecond": "records were all modified in one millisecond",
    "hide_field": "a field is gone, or invisible to this user",
    "terminated_early": "an export ends in the middle and says so in its last line",
    "odd_rows": "an export holds the odd rows that real ones hold",
    "bulk_failed": "a bulk job fails after some rows were saved",
    "dead_locator": "a query locator has expired",
    "load_shed": "429 without any header that says how long",
    "governor": "an automation runs into a limit where a batch is large",
    "poison": "a record for which a trigger fails, and refuses whatever is saved beside it",
}
# What any of them may be told, besides when and where it fires.
SETTINGS = frozenset({
    "after_rows", "at", "body", "bytes", "code", "field", "fields", "how", "ids", "message", "mode",
    "name_ids", "object", "offers", "over", "policy", "records", "retry_after", "seconds", "share",
    "status", "to", "trace", "value",
})  # fmt: skip
_HOWS: dict[str, tuple[str, ...]] = {
    "cut": ("short_length", "between_chunks", "inside_chunk", "gzip", "clean", "stall", "reset"),
    "terminated_early": ("line", "newline", "only"),
}


class UnknownFault(ValueError):
    """The kind, the route or a setting is not known, or one is missing."""


@dataclass
class Fault:
    """One thing that is switched on. Fires on matching calls until `count` is used up."""

    number: int
    kind: str
    route: str  # "salesforce.query", "hubspot.*", "*"
    count: int | None = None  # None: until switched off
    probability: float = 1.0
    skip: int = 0  # matching calls let through first
    seed: int = 0
    settings: dict[str, Any] = field(default_factory=dict)
    fired: int = 0
    seen: int = 0
    dice: random.Random = field(default_factory=random.Random, repr=False)

    def get(self, name: str, default: Any = None) -> Any:
        return self.settings.get(name, default)

    def fires(self) -> bool:
        if self.count is not None and self.fired >= self.count:
            return False
        self.seen += 1
        if self.seen <= self.skip or self.dice.random() >= self.probability:
            return False
        self.fired += 1
        return True

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.number, "kind": self.kind, "route": self.route, "count": self.count,
            "probability": self.probability, "skip": self.skip, "seed": self.seed,
            "fired": self.fired, **self.settings,
        }  # fmt: skip


class Faults:
    """All that is switched on, in the order of switching on."""

    def __init__(self) -> None:
        self.routes: frozenset[str] = frozenset()
        """Those that there are; the application knows them. None: any name will do."""
        self._numbers = count(1)
        self._active: list[Fault] = []

    def add(self, asked: dict[str, Any]) -> Fault:
        """Switch one on. `kind` is needed; `route` defaults to every route. Raises UnknownFault."""
        settings = dict(asked)
        kind = settings.pop("kind", None)
        if kind not in WIRE_KINDS and kind not in VENDOR_KINDS:
            known = ", ".join(sorted(WIRE_KINDS | set(VENDOR_KINDS)))
            raise UnknownFault(f"no fault of kind {kind!r}; known: {known}")
        route = str(settings.pop("route", "*"))
        if self.routes and not any(fnmatchcase(one, route) for one in self.routes):
            vendor = route.partition(".")[0] + "."
            ours = {one for one in self.routes if one.startswith(vendor)}
            some = {one.partition(".")[0] + ".*" for one in self.routes}
            raise UnknownFault(f"no route {route!r}; {_near(route, ours or some)}")
        seed = int(settings.pop("seed", 0))
        times = settings.pop("count", None)
        fault = Fault(
            number=next(self._numbers),
            kind=str(kind),
            route=route,
            count=None if times is None else int(times),
            probability=float(settings.pop("probability", 1.0)),
            skip=int(settings.pop("skip", 0)),
            seed=seed,
            settings=settings,
            dice=random.Random(seed),
        )
        for name in settings.keys() - SETTINGS:
            raise UnknownFault(f"no setting {name!r}; {_near(name, SETTINGS)}")
        _judge(fault.kind, settings)
        self._active.append(fault)
        return fault

    def remove(self, number: int | None = None) -> int:
        """Switch one off, or all; return how many."""
        before = len(self._active)
        self._active = [f for f in self._active if number is not None and f.number != number]
        return before - len(self._active)

    def take(self, route: str, *kinds: str, **about: object) -> Fault | None:
        """The first of these kinds that fires for `route`. Where the fault names one of `about`
        (an object, a field), it must be the same."""
        for fault in self._active:
            fits = fault.kind in kinds and fnmatchcase(route, fault.route) and _fits(fault, about)
            if fits and fault.fires():
                return fault
        return None

    def standing(self, kind: str, vendor: str = "") -> list[Fault]:
        """Faults of a kind as conditions, without counting them as fired."""
        return [
            f
            for f in self._active
            if f.kind == kind and (not vendor or f.route == "*" or f.route.startswith(vendor))
        ]

    def listed(self) -> list[dict[str, Any]]:
        return [fault.shown() for fault in self._active]


def _fits(fault: Fault, about: dict[str, object]) -> bool:
    return all(fault.get(name) in (None, value) for name, value in about.items())


def _judge(kind: str, settings: Mapping[str, Any]) -> None:
    """Raise UnknownFault for what would only be found out by the request that it is played for."""
    how, known = settings.get("how"), _HOWS.get(kind, ())
    if how is not None and known and how not in known:
        raise UnknownFault(f"no how {how!r}; {_near(str(how), known)}")
    status = settings.get("status")
    if status is not None and not 200 <= (_number(status) or 0) < 600:
        raise UnknownFault(f"status is a number from 200 to 599, not {status!r}")
    for name in ("seconds", "at", "bytes"):
        if name in settings and _number(settings[name]) is None:
            raise UnknownFault(f"{name} is a number, not {settings[name]!r}")


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _near(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, 1, 0.75)
    return f"nearest is {near[0]!r}" if near else "known: " + ", ".join(sorted(known))
