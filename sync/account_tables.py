"""From fields as they were pulled to the tables that a replay reads, by account number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from mapping.accounts import BEGINNING, AccountTable, FieldSteps
from mapping.clock import day_number
from mapping.vector import Array, Frame, compile_vector
from sync import fields as pulled
from sync.identity import one_text_each


@dataclass(frozen=True)
class Keys:
    """Which account each key of a source means: `account_no` and `account_key`, parallel."""

    account_no: Array
    account_key: Array

    def by_account(self, accounts: int) -> Array:
        """Each account's key, "" where it has none that counts; of several keys one text that
        differs whenever they do."""
        return one_text_each(self.account_no, self.account_key, accounts)


def account_table(table: pulled.FieldTable) -> AccountTable:
    """The fields as pulled, in the shape that the replay reads."""
    names = [name or account for name, account in zip(table.names, table.accounts, strict=True)]
    return AccountTable(
        _texts(table.accounts), _texts(names),
        {name: _steps(steps) for name, steps in table.steps.items()},
    )  # fmt: skip


def _texts(values: Sequence[str]) -> Array:
    array = np.empty(len(values), np.object_)
    array[:] = values
    return array


def _steps(steps: pulled.FieldSteps) -> FieldSteps:
    day = np.where(steps.day == pulled.BEGINNING, BEGINNING, steps.day).astype(np.int32)
    order = np.lexsort((steps.account, day))
    values = steps.value[order]
    if values.dtype == np.object_:
        values = np.where(steps.valid[order], values, "")
    elif values.dtype == np.float64:
        values = np.where(steps.valid[order], values, 0.0)
    account = steps.account[order].astype(np.int32)
    return FieldSteps(steps.type, account, day[order], values, steps.valid[order])


def selected(accounts: AccountTable, node: Any, as_of: date) -> Array:
    """Numbers of the accounts for which a filter over fields holds on the last day."""
    if node is None:
        return np.arange(accounts.size)
    day = day_number(as_of)
    frame = Frame(accounts.size, day, lambda name: accounts.fields[name].on(day, accounts.size))
    return np.flatnonzero(compile_vector(node)(frame).true())
