"""Accounts and their fields: what the CRM says, with the days on which a value changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.syntax import Type
from mapping.vector import Array, Vector, unknown

BEGINNING = int(np.iinfo(np.int32).min)
"""The day from which an account's first sighting of a field holds: before all days."""


@dataclass(frozen=True, slots=True)
class FieldSteps:
    """One field of all accounts: from `day[i]` on, account `account_no[i]` has `values[i]`.

    Sorted by day, then account; at most one step for an account and day; the first sighting of an
    account stands at BEGINNING. NULL where `known` is False.
    """

    type: Type
    account_no: NDArray[np.int32]
    day: NDArray[np.int32]
    values: Array
    known: NDArray[np.bool_]

    def take(self, position: NDArray[np.int32]) -> "FieldSteps":
        """The steps of some accounts: `position[account_no]` is the new number, -1 leaves out."""
        moved = position[self.account_no]
        keep = np.flatnonzero(moved >= 0)
        keep = keep[np.lexsort((moved[keep], self.day[keep]))]
        return FieldSteps(
            self.type, moved[keep], self.day[keep], self.values[keep], self.known[keep]
        )

    def on(self, day: int, size: int) -> Vector:
        """The values on one day, for accounts 0 to `size` - 1."""
        return FieldCursor(self, size).on(day)


@dataclass(frozen=True, slots=True)
class AccountTable:
    """Accounts in the order of their CRM ids, and their fields by the mapping's names."""

    ids: NDArray[np.object_]
    names: NDArray[np.object_]
    fields: Mapping[str, FieldSteps]

    @property
    def size(self) -> int:
        """How many accounts there are."""
        return len(self.ids)

    def take(self, index: NDArray[Any]) -> "AccountTable":
        """Some of the accounts, in the order of `index` (account numbers, ascending)."""
        position = np.full(self.size, -1, np.int32)
        position[index] = np.arange(len(index), dtype=np.int32)
        fields = {name: steps.take(position) for name, steps in self.fields.items()}
        return AccountTable(self.ids[index], self.names[index], fields)


class FieldCursor:
    """A field's values day by day; the days asked for must not go back."""

    def __init__(self, steps: FieldSteps, size: int) -> None:
        self._steps = steps
        self._next = 0
        self._now = unknown(size, steps.type)

    def on(self, day: int) -> Vector:
        """The values on `day`. The vector is the cursor's own: it changes with the next call."""
        steps, end = self._steps, int(np.searchsorted(self._steps.day, day, "right"))
        while self._next < end:
            # One account may have several steps up to here: they are applied day by day, in order.
            upto = min(end, int(np.searchsorted(steps.day, steps.day[self._next], "right")))
            rows = slice(self._next, upto)
            self._now.values[steps.account_no[rows]] = steps.values[rows]
            self._now.known[steps.account_no[rows]] = steps.known[rows]
            self._next = upto
        return self._now


def change_days(steps: FieldSteps) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """When a field took another value: account numbers and days, by account and day.

    From a value to another, or to NULL, counts; from NULL to a value does not.
    """
    order = np.lexsort((steps.day, steps.account_no))
    account, day = steps.account_no[order], steps.day[order]
    values, known = steps.values[order], steps.known[order]
    same = account[1:] == account[:-1]
    differs = ~known[1:] | np.asarray(values[1:] != values[:-1], np.bool_)
    changed = same & known[:-1] & differs
    return account[1:][changed], day[1:][changed]
