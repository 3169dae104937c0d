"""Signals that count users: distinct ones in a window or since ever, and features in use."""

from functools import partial

import numpy as np

from mapping.accounts import AccountTable, FieldCursor
from mapping.carry import Carry, TakeCarry
from mapping.compiled import SignalPlan
from mapping.series import Counted, Series, Span, UsedFeatures, user_stretches
from mapping.user_days import UserDays
from mapping.vector import Array, Frame, Vector, compile_vector, everywhere


class UserSignals:
    """Builds them for the accounts and days of one replay."""

    def __init__(
        self, user_days: UserDays, accounts: AccountTable, span: Span, carry: Carry | None
    ) -> None:
        self.accounts, self.span, self.carry = accounts, span, carry
        self._user_days = user_days
        self._cursors: dict[str, FieldCursor] = {}

    def users(self, name: str, index: int, window: int | None) -> tuple[Counted, TakeCarry | None]:
        """Distinct users of what filter `index` looks at, `window` days long or since ever."""
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

    def features(self, plan: SignalPlan) -> tuple[Series, TakeCarry | None]:
        """How many of the features enough users used."""
        parts, takes = [], {}
        for number, index in enumerate(plan.filters):
            part, take = self.users(f"{plan.name}/{number}", index, plan.window)
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
