"""What windows will look at again: the measured rows of past days that a checkpoint keeps.

Without them a replay that goes on would have the engine read and count all the days again that its
windows reach back to, which is most of what it reads. Lost they may be: then all is replayed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from mapping.measures import FILTERS_A_MASK
from mapping.series import narrow
from mapping.vector import Array

Columns = Mapping[str, Array]


@dataclass(frozen=True)
class Reach:
    """Rows of account-days and user-days as mapping/daily.py has them, in no order: `account_no` is
    the account's row in the checkpoint. Of a user's days only those are there that are the last one
    for some filter: on later days whether a user counts depends on nothing else."""

    account_days: Columns
    user_days: Columns

    @classmethod
    def of(
        cls, by_account: Columns, by_user: Columns, day: int, *, window: int, users_window: int,
        filters: int,
    ) -> Self:  # fmt: skip
        """The rows of `by_account` (any order) and `by_user` (by account, user and day) that
        matter to windows of so many days that end after `day`. `filters`: how many bits the masks
        of `by_user` have; with none it may lack all columns."""
        near = _between(by_account, day + 1 - window, day)
        users: Columns = {}
        if filters:
            users = _taken(by_user, _between(by_user, day + 1 - users_window, day))
            users = _taken(users, _last_days(users, filters))
        return cls(_taken(by_account, near), users)

    def take(self, position: Array) -> Self:
        """The rows of some accounts: `position` is each account's new row, -1 for the others."""
        return type(self)(_moved(self.account_days, position), _moved(self.user_days, position))

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """Of several sets of accounts together; rows refer to the same accounts in all parts."""
        return cls(
            _stacked([part.account_days for part in parts]),
            _stacked([part.user_days for part in parts]),
        )


def _between(rows: Columns, after: int, last: int) -> Array:
    return np.flatnonzero((rows["day"] > after) & (rows["day"] <= last))


def _taken(columns: Columns, rows: Array) -> dict[str, Array]:
    return {name: narrow(array[rows]) for name, array in columns.items()}


def _moved(columns: Columns, position: Array) -> dict[str, Array]:
    if not columns:
        return {}
    account = position[columns["account_no"]].astype(np.int32)
    here = np.flatnonzero(account >= 0)
    return {**_taken(columns, here), "account_no": account[here]}


def _stacked(parts: list[Columns]) -> dict[str, Array]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _last_days(users: Columns, filters: int) -> Array:
    """Of rows by account, user and day: those after which the user does not meet some filter."""
    keep = np.zeros(len(users["day"]), np.bool_)
    for place in range(filters):
        mask, bit = divmod(place, FILTERS_A_MASK)
        rows = np.flatnonzero(users[f"m{mask}"] & np.int64(1 << bit))
        account, who = users["account_no"][rows], users["who"][rows]
        last = np.ones(len(rows), np.bool_)
        last[:-1] = (account[1:] != account[:-1]) | (who[1:] != who[:-1])
        keep[rows[last]] = True
    return np.flatnonzero(keep)
