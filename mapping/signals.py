"""Measures to signals: each signal's series over a span, and what a later replay goes on from.

A *carry* is what is known of a signal at the end of a day and can't be read again from the events
of its window: a count since ever, the users seen so far. With it a replay that starts on the next
day gives what a replay from the first day gives.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from config.journey import Aggregate, Changed, Count, Days, Features, First, Last, Nth, Ratio, Users
from mapping.accounts import AccountTable, FieldCursor, change_days
from mapping.compiled import CompiledJourney, SignalPlan
from mapping.event_sql import KIND_TEXT
from mapping.series import (
    NEVER,
    Counted,
    Dated,
    Extreme,
    Latest,
    LatestValue,
    Series,
    Span,
    Summed,
    UsedFeatures,
    nth_day,
    user_stretches,
    window_extreme,
)
from mapping.series import (
    Ratio as RatioSeries,
)
from mapping.user_days import UserDays
from mapping.vector import DTYPES, Array, Bare, Frame, Vector, compile_vector, everywhere, unknown

Columns = Mapping[str, Array]
Carry = dict[str, Array]
TakeCarry = Callable[[int], Carry]


@dataclass(frozen=True)
class Measured:
    """What the engine answered: account-days, user-days and last values, by account (and who), day.
    User-days may be waited for, so they are asked for last.

    Rows may reach back before the span, as far as windows do; with a carry, rows before the span
    have been counted in it already.
    """

    account_days: Columns
    user_days: Callable[[], Columns]
    lasts: tuple[Columns, ...]


@dataclass(frozen=True)
class Signals:
    """The series of a journey by name. `carry(day)` right after day's values were asked for."""

    series: Mapping[str, Series]
    carries: Mapping[str, TakeCarry]

    def carry(self, day: int) -> Carry:
        """What a replay that starts on `day` + 1 needs, as flat arrays by `signal/part`."""
        return {
            f"{name}/{part}": array
            for name, take in self.carries.items()
            for part, array in take(day).items()
        }


class SignalBuilder:
    """Builds the series of one journey for the accounts and days of one replay."""

    def __init__(
        self, compiled: CompiledJourney, accounts: AccountTable, span: Span, measured: Measured,
        first_known: Array, carry: Carry | None,
    ) -> None:  # fmt: skip
        self.compiled, self.accounts, self.span = compiled, accounts, span
        self.measured, self.first_known, self.carry = measured, first_known, carry
        self._cursors: dict[str, FieldCursor] = {}
        self._user_days = UserDays(measured.user_days, compiled.measures.by_user, span.base)

    def build(self) -> Signals:
        """Every signal: those of users after the others, ratios after what they are ratios of."""
        series: dict[str, Series] = {}
        carries: dict[str, TakeCarry] = {}
        for plan in sorted(self.compiled.signals, key=_turn):
            series[plan.name], take = self._one(plan, series)
            if take is not None:
                carries[plan.name] = take
        return Signals(series, carries)

    def _one(
        self, plan: SignalPlan, others: Mapping[str, Series]
    ) -> tuple[Series, TakeCarry | None]:
        match plan.signal:
            case First():
                return self._first(plan)
            case Nth(n=n):
                return self._nth(plan, n)
            case Last(property=None):
                return self._last(plan)
            case Last():
                return self._last_value(plan)
            case Count() | Days():
                return self._count(plan)
            case Users():
                return self._users(plan.name, plan.filters[0], plan.window)
            case Features():
                return self._features(plan)
            case Aggregate(kind="sum" | "average"):
                return self._sum(plan)
            case Aggregate():
                return self._extreme(plan)
            case Changed(field=name, within=window):
                account, day = change_days(self.accounts.fields[name])
                return _Flag(
                    Counted(self.span.base, self.span.running(account, day, None, window))
                ), None
            case Ratio():
                return self._ratio(plan, others)
        raise TypeError(plan.signal)

    def _carried(self, name: str, part: str, otherwise: float, dtype: type = np.int64) -> Array:
        if self.carry is not None:
            return self.carry[f"{name}/{part}"]
        return np.full(self.span.accounts, otherwise, dtype)

    def _rows(self, columns: Columns, *, ever: bool) -> Array:
        """Which rows count: with a carry, what reaches back since ever counts from the span on."""
        day = columns["day"]
        if ever and self.carry is not None:
            return day >= self.span.base
        return np.ones(len(day), np.bool_)

    def _matching(self, plan: SignalPlan, *, ever: bool) -> tuple[Array, Array, Array]:
        rows = self.measured.account_days
        number = rows[f"n{plan.filters[0]}"]
        keep = self._rows(rows, ever=ever) & (number > 0)
        return rows["account_no"][keep], rows["day"][keep], number[keep]

    def _first(self, plan: SignalPlan) -> tuple[Series, TakeCarry]:
        account, day, _ = self._matching(plan, ever=True)
        first = self._carried(plan.name, "day", NEVER, np.int32).copy()
        np.minimum.at(first, account, day.astype(np.int32))
        return Dated(first), lambda at: {
            "day": np.where(first <= at, first, NEVER).astype(np.int32)
        }

    def _nth(self, plan: SignalPlan, n: int) -> tuple[Series, TakeCarry]:
        account, day, number = self._matching(plan, ever=True)
        before = self._carried(plan.name, "number", 0)
        reached = np.minimum(
            self._carried(plan.name, "day", NEVER, np.int32),
            nth_day(account, day, number, before, n),
        )

        def take(at: int) -> Carry:
            so_far = before.copy()
            np.add.at(so_far, account[day <= at], number[day <= at])
            return {
                "day": np.where(reached <= at, reached, NEVER).astype(np.int32),
                "number": so_far,
            }

        return Dated(reached), take

    def _last(self, plan: SignalPlan) -> tuple[Series, TakeCarry]:
        account, day, _ = self._matching(plan, ever=True)
        series = Latest(self._carried(plan.name, "day", NEVER, np.int32), account, day)
        return series, lambda at: {"day": series.on(at).values.astype(np.int32)}

    def _last_value(self, plan: SignalPlan) -> tuple[Series, TakeCarry]:
        assert plan.figure is not None
        rows = self.measured.lasts[plan.figure]
        keep = self._rows(rows, ever=True)
        found = _last_column(rows, plan).take(np.flatnonzero(keep))
        before = unknown(self.span.accounts, plan.type)
        if self.carry is not None:
            before = _stored(
                self.carry[f"{plan.name}/values"], self.carry[f"{plan.name}/known"], plan
            )
        series = LatestValue(before, rows["account_no"][keep], rows["day"][keep], found)

        def take(at: int) -> Carry:
            now = series.on(at)
            return {"values": _storable(now), "known": now.known}

        return series, take

    def _count(self, plan: SignalPlan) -> tuple[Series, TakeCarry | None]:
        ever = plan.window is None
        account, day, number = self._matching(plan, ever=ever)
        amount = None if isinstance(plan.signal, Days) else number
        values = self.span.running(account, day, amount, plan.window)
        if ever:
            values += self._carried(plan.name, "number", 0)
        series = Counted(self.span.base, values)
        return series, (lambda at: {"number": values[at - self.span.base].copy()}) if ever else None

    def _users(self, name: str, index: int, window: int | None) -> tuple[Counted, TakeCarry | None]:
        if window is not None:
            steps = user_stretches(*self._user_days.within(index, window), window)
            return Counted(self.span.base, self.span.running(*steps, None)), None
        account, who, day = self._user_days.ever(index)
        if self.carry is not None:
            account, who, day = self._with_seen(name, account, who, day)
        begun = np.ones(len(day), np.bool_)
        begun[1:] = (account[1:] != account[:-1]) | (who[1:] != who[:-1])
        account, who, day = account[begun], who[begun], day[begun]

        def take(at: int) -> Carry:
            return {"seen_account": account[day <= at], "seen_who": who[day <= at]}

        return Counted(self.span.base, self.span.running(account, day, None, None)), take

    def _with_seen(
        self, name: str, account: Array, who: Array, day: Array
    ) -> tuple[Array, Array, Array]:
        """User-days from the span on, with each user seen before as active on the day before it."""
        assert self.carry is not None
        seen = self.carry[f"{name}/seen_account"], self.carry[f"{name}/seen_who"]
        new = day >= self.span.base
        account = np.concatenate((seen[0], account[new]))
        who = np.concatenate((seen[1], who[new]))
        day = np.concatenate((np.full(len(seen[0]), self.span.base - 1, day.dtype), day[new]))
        order = np.lexsort((day, who, account))
        return account[order], who[order], day[order]

    def _features(self, plan: SignalPlan) -> tuple[Series, TakeCarry | None]:
        parts, takes = [], {}
        for number, index in enumerate(plan.filters):
            part, take = self._users(f"{plan.name}/{number}", index, plan.window)
            parts.append(part)
            if take is not None:
                takes[number] = take
        series = UsedFeatures(tuple(parts), partial(self._threshold, plan))
        if not takes:
            return series, None
        return series, lambda at: {
            f"{number}/{part}": array
            for number, take in takes.items()
            for part, array in take(at).items()
        }

    def _threshold(self, plan: SignalPlan, day: int) -> Vector:
        """Users that a feature needs: max(1, ceil(X)), X rounded to nine places first."""
        size = self.span.accounts
        if plan.used_by is None:
            return everywhere(1.0, "number", size)
        needed = compile_vector(plan.used_by)(Frame(size, day, partial(self._field, day)))
        values = np.where(needed.known, needed.values, 0.0)
        return Vector(np.maximum(1.0, np.ceil(np.round(values, 9))), needed.known)

    def _field(self, day: int, name: str) -> Vector:
        if name not in self._cursors:
            self._cursors[name] = FieldCursor(self.accounts.fields[name], self.span.accounts)
        return self._cursors[name].on(day)

    def _sum(self, plan: SignalPlan) -> tuple[Series, TakeCarry | None]:
        ever, rows, j = plan.window is None, self.measured.account_days, plan.figure
        keep = self._rows(rows, ever=ever) & (rows[f"c{j}"] > 0)
        totals = {
            part: self.span.running(
                rows["account_no"][keep], rows["day"][keep], rows[f"{part}{j}"][keep], plan.window
            )
            for part in ("w", "b", "c")
        }
        if ever:
            for part in totals:
                totals[part] += self._carried(plan.name, part, 0)
        mean = plan.signal.kind == "average"
        series = Summed(self.span.base, totals["w"], totals["b"], totals["c"], mean=mean)
        if not ever:
            return series, None
        return series, lambda at: {
            part: values[at - self.span.base].copy() for part, values in totals.items()
        }

    def _extreme(self, plan: SignalPlan) -> tuple[Series, TakeCarry | None]:
        ever, rows, j = plan.window is None, self.measured.account_days, plan.figure
        least = plan.signal.kind == "min"
        keep = self._rows(rows, ever=ever) & (rows[f"c{j}"] > 0)
        values = rows[f"{'l' if least else 'g'}{j}"][keep]
        before = (
            self._carried(plan.name, "value", np.inf if least else -np.inf, np.float64)
            if ever
            else None
        )
        series: Extreme = window_extreme(
            self.span, rows["account_no"][keep], rows["day"][keep], values, plan.window,
            least=least, before=before,
        )  # fmt: skip
        if not ever:
            return series, None
        return series, lambda at: {"value": series.values[at - self.span.base].copy()}

    def _ratio(self, plan: SignalPlan, others: Mapping[str, Series]) -> tuple[Series, TakeCarry]:
        assert isinstance(plan.signal, Ratio)
        window = self.compiled.signal(plan.signal.signal).window
        assert window is not None
        past = None
        if self.carry is not None:
            past = (self.carry[f"{plan.name}/values"], self.carry[f"{plan.name}/known"])
        series = RatioSeries(
            others[plan.signal.signal],
            window,
            plan.signal.to,
            self.first_known,
            self.span.base,
            past,
        )

        def take(at: int) -> Carry:
            series.on(at)
            values, known = series.history()
            return {"values": values, "known": known}

        return series, take


def _turn(plan: SignalPlan) -> tuple[bool, bool]:
    return isinstance(plan.signal, Ratio), isinstance(plan.signal, Users | Features)


@dataclass(frozen=True, slots=True)
class _Flag:
    """TRUE where a count is not zero, else FALSE."""

    of: Counted

    def on(self, day: int) -> Vector:
        count = self.of.on(day)
        return Vector(count.values > 0, count.known)


def _last_column(rows: Columns, plan: SignalPlan) -> Vector:
    """The last values as a vector of the signal's type; masked or missing ones are unknown."""
    raw = rows["value"]
    known = (
        ~np.ma.getmaskarray(raw)
        if isinstance(raw, np.ma.MaskedArray)
        else np.ones(len(raw), np.bool_)
    )
    values = np.asarray(np.ma.getdata(raw))
    if values.dtype == np.object_:
        known &= np.array([value is not None for value in values], np.bool_)
        bare = np.asarray(np.ma.getdata(rows["kind"])) != KIND_TEXT
        texts = [
            "" if not is_known else Bare(text) if is_bare else text
            for text, is_known, is_bare in zip(values, known, bare, strict=True)
        ]
        return Vector(_objects(texts), known)
    return Vector(np.where(known, values, 0).astype(DTYPES[plan.type]), known)


def _objects(texts: list[str]) -> Array:
    values = np.empty(len(texts), np.object_)
    values[:] = texts
    return values


def _storable(value: Vector) -> Array:
    """The values as an array that can lie on disk: texts as JSON, since objects can't."""
    if value.values.dtype != np.object_:
        return value.values
    texts = [text if isinstance(text, Bare) else json.dumps(text) for text in value.values]
    return np.array(texts, np.str_) if texts else np.zeros(0, "U1")


def _stored(values: Array, known: Array, plan: SignalPlan) -> Vector:
    """The inverse of `_storable`."""
    if DTYPES[plan.type] is not np.object_:
        return Vector(values, known)
    texts = [json.loads(text) if text.startswith('"') else Bare(text) for text in values.tolist()]
    return Vector(_objects(texts), known)
