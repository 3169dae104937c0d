"""Measures to signals: each signal's series over a span, and what a later replay goes on from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from config.journey import Aggregate, Changed, Count, Days, Features, First, Last, Nth, Ratio, Users
from mapping.accounts import AccountTable, change_days
from mapping.carry import Carry, Columns, TakeCarry, last_values, storable, stored
from mapping.compiled import CompiledJourney, SignalPlan
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
    nth_day,
    window_extreme,
)
from mapping.series import (
    Ratio as RatioSeries,
)
from mapping.user_days import UserDays
from mapping.user_signals import UserSignals
from mapping.vector import Array, Vector, unknown


@dataclass(frozen=True)
class Measured:
    """What the engine answered: account-days, user-days and last values, by account (and who), day.
    User-days may be waited for, so they are asked for last.

    Rows may reach back before the span, as far as windows do, those of account-days in any order;
    with a carry, rows before the span have been counted in it already.
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
        user_days = UserDays(measured.user_days, compiled.measures.by_user, span.base)
        self._of_users = UserSignals(user_days, accounts, span, carry)

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
                return self._of_users.users(plan.name, plan.filters[0], plan.window)
            case Features():
                return self._of_users.features(plan)
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
        found = last_values(rows, plan.type).take(np.flatnonzero(keep))
        before = unknown(self.span.accounts, plan.type)
        if self.carry is not None:
            values, known = (self.carry[f"{plan.name}/{part}"] for part in ("values", "known"))
            before = stored(values, known, plan.type)
        series = LatestValue(before, rows["account_no"][keep], rows["day"][keep], found)

        def take(at: int) -> Carry:
            now = series.on(at)
            return {"values": storable(now), "known": now.known}

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
