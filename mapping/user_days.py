"""The days on which users did what a filter looks at, in the shape that counting them needs."""

from collections.abc import Callable, Collection, Mapping
from functools import cached_property

import numpy as np

from mapping.measures import FILTERS_A_MASK
from mapping.vector import Array


class UserDays:
    """Rows of the engine by account, user and day, with a mask of the filters that each meets.

    What several signals need is worked out once: windows and users are mostly the same.
    """

    def __init__(
        self, ask: Callable[[], Mapping[str, Array]], by_user: Collection[int], base: int
    ) -> None:
        """`ask` waits for the rows; `by_user`: the filters whose bits the masks have; `base`: the
        first day that is told."""
        self._ask, self._base = ask, base
        self._places = {index: place for place, index in enumerate(sorted(by_user))}
        self._reached: dict[int, dict[str, Array]] = {}

    @cached_property
    def _rows(self) -> Mapping[str, Array]:
        return self._ask()

    def ever(self, index: int) -> tuple[Array, Array, Array]:
        """Account, user (as the engine names them) and day of what a filter looks at."""
        keep = self._meets(self._rows, index)
        return self._rows["account_no"][keep], self._rows["who"][keep], self._rows["day"][keep]

    def within(self, index: int, window: int) -> tuple[Array, Array, Array]:
        """Account, user and day of what a filter looks at, as far as a window reaches back before
        the first day. Users are numbered: one number is one user of one account."""
        if window not in self._reached:
            near = self._rows["day"] > self._base - window
            keep = slice(None) if near.all() else near
            rows = {name: array[keep] for name, array in self._rows.items() if name != "who"}
            self._reached[window] = {**rows, "user": self._users[keep]}
        rows = self._reached[window]
        keep = self._meets(rows, index)
        return rows["account_no"][keep], rows["user"][keep], rows["day"][keep]

    def _meets(self, rows: Mapping[str, Array], index: int) -> Array:
        mask, bit = divmod(self._places[index], FILTERS_A_MASK)
        found: Array = np.flatnonzero(rows[f"m{mask}"] & np.int64(1 << bit))
        return found

    @cached_property
    def _users(self) -> Array:
        account, who = self._rows["account_no"], self._rows["who"]
        other = np.zeros(len(who), np.int32)
        other[1:] = (account[1:] != account[:-1]) | (who[1:] != who[:-1])
        return np.cumsum(other, dtype=np.int32)
