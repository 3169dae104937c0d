"""The rules of a call budget: what was sent in, a decision out. Nothing here reads or writes.

A connection may use a share of what its account has in a period that rolls, and nothing of the
tenth that is left to others.
"""

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from config.problem import quoted
from connectors.base import BudgetLeft

DAY = timedelta(days=1)
FLOOR = 0.1
"""The share of an account's requests that is left to others, whoever used the rest."""

_SLOTS = 60
_FRESH = 1 / 24
_IN_A_ROW = 20  # threads that wait for each other
_ALMOST = 1e-9  # 0.29 * 100 is a little less than 29


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed. `share` of the account's requests in each `period`, which rolls."""

    share: float
    period: timedelta = DAY
    limit: int | None = None
    """what the account has, where the vendor publishes it and does not tell it in answers"""
    apart: float = 0.0
    """seconds that lie between two requests at least"""
    floor: float = FLOOR


@dataclass(frozen=True, slots=True)
class Heard:
    """What the vendor said: `used` of `limit` by everybody, at an instant (seconds since 1970).
    `since`: requests that we sent after that."""

    limit: int
    used: int
    at: float
    since: int = 0


@dataclass(frozen=True, slots=True)
class Spent:
    """What was sent: requests by slot, a sixtieth of the period, ascending; and what was heard."""

    slots: tuple[tuple[int, int], ...] = ()
    last: float | None = None
    heard: Heard | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that must not be sent: for our share, or for the rest that is left to others."""

    why: Literal["share", "floor"]
    again: datetime
    """the first instant at which asking again makes sense"""


def share_of(value: object) -> float:
    """A share as people write it: 0.25 or "25%". ValueError that says what is expected."""
    number: object = value
    if isinstance(value, str) and value.strip().endswith("%"):
        try:
            number = float(value.strip()[:-1]) / 100
        except ValueError:
            number = None
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number <= 1:
        said = quoted(value) if isinstance(value, str) else value
        raise ValueError(f"{said} is no share above 0, up to 1, such as 0.25 or 25%")
    return float(number)


def spend(terms: Terms, spent: Spent, now: float) -> tuple[Spent, float] | Refusal:
    """One more request at `now` (seconds since 1970): what is kept then and how many seconds to
    wait before it is sent, or why it must not be sent. Nothing is known to be forbidden before
    the account's limit is known."""
    spent = _current(terms, spent, now)
    length = _slot_seconds(terms)
    slot = math.floor(now / length)
    left = budget_left(terms, spent, now)
    if left.left == 0:
        if _ours(spent) >= (left.allowed or 0):
            return Refusal("share", _instant(_room(spent, left.allowed or 0) * length))
        assert spent.heard is not None
        return Refusal("floor", _instant(math.ceil(spent.heard.at + _fresh_seconds(terms))))
    last = spent.last
    longest = _IN_A_ROW * terms.apart  # of a clock that was set back `last` lies far ahead
    wait = 0.0 if last is None else min(longest, max(0.0, last + terms.apart - now))
    heard = spent.heard and replace(spent.heard, since=spent.heard.since + 1)
    return Spent(_with_one(spent.slots, slot), now + wait, heard), wait


def hear(terms: Terms, spent: Spent, limit: int, used: int, now: float) -> Spent:
    """What is kept after an answer that said that `used` of `limit` are used by everybody."""
    return replace(_current(terms, spent, now), heard=Heard(limit, used, now))


def budget_left(terms: Terms, spent: Spent, now: float) -> BudgetLeft:
    """How much was used and may still be. What the vendor said long ago says nothing any more:
    others' requests have run out of the period since."""
    spent = _current(terms, spent, now)
    heard, ours = spent.heard, _ours(spent)
    limit = heard.limit if heard else terms.limit
    if limit is None:
        return BudgetLeft(ours, None, None, terms.period)
    most = limit - math.ceil(limit * terms.floor - _ALMOST)
    allowed = max(1, min(math.floor(limit * terms.share + _ALMOST), most))
    left = allowed - ours
    if heard is None or not 0 <= now - heard.at < _fresh_seconds(terms):
        return BudgetLeft(ours, allowed, max(0, left), terms.period, limit)
    used = heard.used + heard.since
    return BudgetLeft(ours, allowed, max(0, min(left, most - used)), terms.period, limit, used)


def _ours(spent: Spent) -> int:
    return sum(number for _, number in spent.slots)


def _room(spent: Spent, allowed: int) -> int:
    """The slot in which fewer than `allowed` requests will lie in the period."""
    ours = _ours(spent)
    for slot, number in spent.slots:
        ours -= number
        if ours < allowed:
            return slot + _SLOTS + 1
    raise ValueError("nothing was sent, so nothing can be too much")


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _slot_seconds(terms: Terms) -> float:
    return terms.period.total_seconds() / _SLOTS


def _fresh_seconds(terms: Terms) -> float:
    return terms.period.total_seconds() * _FRESH


def _current(terms: Terms, spent: Spent, now: float) -> Spent:
    """Without the slots that have left the period. A clock that was set back leaves slots in the
    future: they count as of now, so for one more period and not for ever."""
    slot = math.floor(now / _slot_seconds(terms))
    kept: dict[int, int] = {}
    for one, number in spent.slots:
        if one >= slot - _SLOTS:
            kept[min(one, slot)] = kept.get(min(one, slot), 0) + number
    return replace(spent, slots=tuple(sorted(kept.items())))


def _with_one(slots: tuple[tuple[int, int], ...], slot: int) -> tuple[tuple[int, int], ...]:
    counts = dict(slots)
    counts[slot] = counts.get(slot, 0) + 1
    return tuple(sorted(counts.items()))
