"""Signals as step functions: from account-days to a value for every account on every day.

An event counts from its day until its window has passed over it: a +1 and a -1, and the running
sum over days is the count, for all days at once. Nothing here depends on a window's length but its
reach back. Arrays are day by account (`[day - base, account]`), so that a day is contiguous.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mapping.vector import Array, Vector

Ints = NDArray[np.int64]
NEVER = int(np.iinfo(np.int32).max)
NANOS = 1_000_000_000


class Series(Protocol):
    """One signal over a span of days, for all accounts of a replay."""

    def on(self, day: int) -> Vector:
        """The values at the end of `day`. Days are asked for in order, once or repeatedly."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """The days `base` … `last` for which values are told, and the number of accounts."""

    base: int
    last: int
    accounts: int

    @property
    def days(self) -> int:
        """How many days the span has."""
        return self.last - self.base + 1

    def running(
        self, account: Array, day: Array, amount: Array | None, window: int | None
    ) -> Array:
        """For every day and account the sum of `amount` over the window that ends on that day.

        `amount` None counts rows. Rows after the span are left out, rows before it count as far as
        their window reaches into it (always, without one). int64, exact.
        """
        total = np.zeros((self.days, self.accounts), np.int64)
        weight = np.ones(len(day), np.int64) if amount is None else amount.astype(np.int64)
        live = day <= self.last
        if window is not None:
            live &= day > self.base - window
            ending = day <= self.last - window
            ending &= live
            self._add(total, account[ending], day[ending] + window, -weight[ending])
        self._add(total, account[live], day[live], weight[live])
        np.cumsum(total, axis=0, out=total)
        return total

    def _add(self, total: Array, account: Array, day: Array, weight: Array) -> None:
        """Add up on the days, those before the span on its first."""
        cell = np.maximum(day - np.int64(self.base), 0) * self.accounts + account
        np.add.at(total.reshape(-1), cell, weight)


@dataclass(frozen=True, slots=True)
class Counted:
    """A whole number for every day and account; always known."""

    base: int
    values: Array

    def on(self, day: int) -> Vector:
        row = self.values[day - self.base]
        return Vector(row.astype(np.float64), np.ones(len(row), np.bool_))


@dataclass(frozen=True, slots=True)
class Dated:
    """A date that is NULL before it has come: the first event, or the n-th."""

    day: NDArray[np.int32]

    def on(self, day: int) -> Vector:
        return Vector(self.day, self.day <= day)


class Latest:
    """The day of the last event so far. `before`: what is known when the span begins, or NEVER."""

    def __init__(self, before: NDArray[np.int32], account: Array, day: Array) -> None:
        order = np.argsort(day, kind="stable")
        self._account, self._day = account[order], day[order].astype(np.int32)
        self._now = before.copy()
        self._next = 0

    def on(self, day: int) -> Vector:
        end = int(np.searchsorted(self._day, day, "right"))
        rows = slice(self._next, end)
        self._now[self._account[rows]] = self._day[rows]  # ascending: the last one stays
        self._next = max(self._next, end)
        return Vector(self._now.copy(), self._now != NEVER)


class LatestValue:
    """A property of the last event so far; NULL where that event lacks it."""

    def __init__(self, before: Vector, account: Array, day: Array, found: Vector) -> None:
        order = np.argsort(day, kind="stable")
        self._account, self._day = account[order], day[order]
        self._found = found.take(order)
        self._values, self._known = before.values.copy(), before.known.copy()
        self._next = 0

    def on(self, day: int) -> Vector:
        end = int(np.searchsorted(self._day, day, "right"))
        rows = slice(self._next, end)
        self._values[self._account[rows]] = self._found.values[rows]
        self._known[self._account[rows]] = self._found.known[rows]
        self._next = max(self._next, end)
        return Vector(self._values.copy(), self._known.copy())


@dataclass(frozen=True, slots=True)
class Summed:
    """Sum or mean of a property: whole and billionth parts apart, so that order never matters."""

    base: int
    whole: Array
    billionths: Array
    number: Array
    mean: bool

    def on(self, day: int) -> Vector:
        scaled, number = self.scaled(day), self.number[day - self.base]
        with np.errstate(all="ignore"):
            value = scaled / (np.longdouble(NANOS) * (number if self.mean else 1))
        return Vector(value.astype(np.float64), number > 0)

    def scaled(self, day: int) -> Array:
        """The sum in billionths, exact while it stays below 1.8e19 of them."""
        at = day - self.base
        scaled: Array = self.whole[at].astype(np.longdouble) * NANOS + self.billionths[at]
        return scaled


@dataclass(frozen=True, slots=True)
class Extreme:
    """Least or greatest value of a property; NULL where there is none (infinite in `values`)."""

    base: int
    values: Array

    def on(self, day: int) -> Vector:
        row = self.values[day - self.base]
        return Vector(row, np.isfinite(row))


@dataclass(frozen=True, slots=True)
class UsedFeatures:
    """How many features had at least `used_by` users; NULL where `used_by` is."""

    parts: tuple[Counted, ...]
    threshold: Any  # Callable[[int], Vector]: the number of users needed on a day

    def on(self, day: int) -> Vector:
        needed = self.threshold(day)
        enough = sum(part.on(day).values >= needed.values for part in self.parts)
        return Vector(np.asarray(enough, np.float64), needed.known.copy())


class Ratio:
    """A signal now against its mean over the `to` days that end before its window begins.

    `first_known` is each account's first known day: a mean that would reach back before it is NULL.
    `past` holds the signal on the days before the span, as `history()` gave it.
    """

    def __init__(
        self, of: Series, window: int, to: int, first_known: Array, base: int,
        past: tuple[Array, Array] | None = None,
    ) -> None:  # fmt: skip
        self._of, self._window = of, window
        self._first_known, self._day = first_known, base - 1
        size = len(first_known)
        # A ring over window + to days; its place is day modulo length, so it never moves. What is
        # in it are whole numbers, so sums may roll along with it and stay exact; those of sums are
        # in billionths, for which a double is too short.
        self._length = window + to
        self._kind: type[np.floating[Any]] = np.longdouble if isinstance(of, Summed) else np.float64
        self._values = np.zeros((self._length, size), self._kind)
        self._known = np.zeros((self._length, size), np.bool_)
        if past is not None:
            days = np.arange(base - self._length, base) % self._length
            self._values[days], self._known[days] = np.where(past[1], past[0], 0), past[1]
        before = np.arange(base - self._length, base - window) % self._length
        self._total = self._values[before].sum(axis=0)
        self._number = self._known[before].sum(axis=0)
        self._result: Vector | None = None

    def on(self, day: int) -> Vector:
        while self._day < day or self._result is None:
            self._result = self._step(self._day + 1)
            self._day += 1
        return self._result

    def _step(self, day: int) -> Vector:
        now = self._of.on(day)
        exact = self._of.scaled(day) if isinstance(self._of, Summed) else now.values
        value = np.where(now.known, exact, 0).astype(self._kind)
        # The day that leaves the mean has today's place in the ring.
        enters, leaves = (day - self._window) % self._length, day % self._length
        self._total += self._values[enters] - self._values[leaves]
        self._number += self._known[enters]
        self._number -= self._known[leaves]
        self._values[leaves], self._known[leaves] = value, now.known
        begin = day - self._length + 1
        with np.errstate(all="ignore"):
            ratio = (value * self._number / self._total).astype(np.float64)
        told = now.known & (self._number > 0) & (self._total != 0) & (self._first_known <= begin)
        return Vector(np.where(told, ratio, 0.0), told)

    def history(self) -> tuple[Array, Array]:
        """The last days of the signal, [day, account], oldest first: a later replay's `past`.

        They are whole numbers (counts, or sums in billionths), so integers keep them exactly.
        """
        days = np.arange(self._day - self._length + 1, self._day + 1) % self._length
        return narrow(self._values[days].astype(np.int64)), self._known[days]


def window_extreme(span: Span, account: Array, day: Array, value: Array, window: int | None, *,
                   least: bool, before: Array | None = None) -> Extreme:  # fmt: skip
    """Least or greatest of the values in each window.

    Without a window `before` (infinite where none) is what was known when the span begins. Windows
    grow by doubling, so the work grows with the logarithm of the window.
    """
    best = np.minimum if least else np.maximum
    empty = np.inf if least else -np.inf
    reach = 0 if window is None else window - 1
    table = np.full((span.days + reach, span.accounts), empty)
    start = np.maximum(day, span.base - reach) if window is None else day
    live = (start >= span.base - reach) & (start <= span.last)
    best.at(table, ((start - span.base + reach)[live], account[live]), value[live])
    if window is None:
        if before is not None:
            table[0] = best(table[0], before)
        return Extreme(span.base, best.accumulate(table, axis=0))
    width = 1
    while width < window:
        step = min(width, window - width)
        table[step:] = best(table[step:], table[:-step].copy())
        width += step
    return Extreme(span.base, table[reach:])


def nth_day(account: Array, day: Array, number: Array, before: Array, n: int) -> NDArray[np.int32]:
    """The day on which each account's count reaches `n`, else NEVER.

    Rows are by account and day, `number` events each; `before[account]` had come earlier.
    """
    result = np.full(len(before), NEVER, np.int32)
    if not len(day):
        return result
    total = np.cumsum(number)
    begins = np.flatnonzero(np.r_[True, account[1:] != account[:-1]])
    offset = np.repeat(np.r_[0, total[begins[1:] - 1]], np.diff(np.r_[begins, len(day)]))
    reached = before[account] + total - offset >= n
    reached &= before[account] < n
    rows = np.flatnonzero(reached)[::-1]
    result[account[rows]] = day[rows]  # descending: the first one stays
    return result


def user_stretches(
    account: Array, user: Array, day: Array, window: int
) -> tuple[Array, Array, Array]:
    """Distinct users as steps: (account, day, +1 or -1), from user-days by account, user and day.

    A user counts from an active day until `window` days after the last active day in reach.
    """
    if not len(day):
        return account, day, np.zeros(0, np.int64)
    begins = np.ones(len(day), np.bool_)
    begins[1:] = (user[1:] != user[:-1]) | (day[1:] > day[:-1] + window)
    ends = np.ones(len(day), np.bool_)
    ends[:-1] = begins[1:]
    ones = np.ones(int(begins.sum()), np.int64)  # a stretch that begins ends
    return (
        np.concatenate((account[begins], account[ends])),
        np.concatenate((day[begins], day[ends] + window)),
        np.concatenate((ones, -ones)),
    )


def narrow(array: Array) -> Array:
    """Small whole numbers in half the room."""
    if array.dtype != np.int64 or not array.size:
        return array
    small = np.iinfo(np.int32)
    fits = small.min <= array.min() and array.max() <= small.max
    return array.astype(np.int32) if fits else array
