"""What happened on the way, in the order in which it happened: stays, moments, breaches."""

from dataclasses import dataclass, field

import numpy as np

from mapping.vector import Array

SLOTS = 1000
"""More than any stage has touchpoints."""


@dataclass(slots=True)
class Stays:
    """Rows that begin on a day and may end on a later one: `what` is an index into names."""

    account: list[Array] = field(default_factory=list)
    what: list[Array] = field(default_factory=list)
    begin: list[Array] = field(default_factory=list)
    count: int = 0
    ends: dict[int, int] = field(default_factory=dict)
    completions: dict[int, int] = field(default_factory=dict)

    def open(self, account: Array, what: Array, day: int) -> Array:
        """New rows, one an account; gives their numbers."""
        number = np.arange(self.count, self.count + len(account))
        self.account.append(account.copy())
        self.what.append(what.copy())
        self.begin.append(np.full(len(account), day))
        self.count += len(account)
        return number


@dataclass(slots=True)
class Row:
    """One line of history; `end` and `completed` None while open."""

    account_no: int
    kind: str
    what: int
    begin: int
    completed: int | None
    end: int | None
    order: int


class HistoryLog:
    """Collects history while a replay runs. `accounts` and `moments` give the array sizes."""

    def __init__(self, accounts: int, moments: int, touchpoints: int) -> None:
        self.stays, self.moments, self.breaches = Stays(), Stays(), Stays()
        self._stay = np.full(accounts, -1, np.int64)
        self._moment = np.full((accounts, moments), -1, np.int64)
        self._breach = np.full((accounts, touchpoints), -1, np.int64)

    def entered(self, account: Array, stage: Array, day: int) -> None:
        """Accounts entered stages, leaving the ones they were in."""
        self._close(self.stays, self._stay[account], day)
        self._stay[account] = self.stays.open(account, stage, day)

    def completed(self, account: Array, day: int) -> None:
        """Accounts completed their present stage."""
        for number in self._stay[account].tolist():
            self.stays.completions[number] = day

    def opened(self, account: Array, moment: int, day: int) -> None:
        """A moment opened for accounts."""
        what = np.full(len(account), moment)
        self._moment[account, moment] = self.moments.open(account, what, day)

    def closed(self, account: Array, moment: int, day: int) -> None:
        """A moment closed for accounts."""
        self._close(self.moments, self._moment[account, moment], day)

    def breached(self, account: Array, slot: int, stage: Array, day: int) -> None:
        """The touchpoint at `slot` of these accounts' stages is late from `day` on.

        `what` of the row holds stage * SLOTS + slot.
        """
        self._breach[account, slot] = self.breaches.open(account, stage * SLOTS + slot, day)

    def mended(self, account: Array, slot: int, day: int) -> None:
        """A late touchpoint was done, or its stage left."""
        self._close(self.breaches, self._breach[account, slot], day)

    def _close(self, rows: Stays, numbers: Array, day: int) -> None:
        for number in numbers.tolist():
            if number >= 0:
                rows.ends[number] = day

    def rows(self) -> list[Row]:
        """Everything, by account, first day, kind (stage, moment, touchpoint), as it happened."""
        found: list[Row] = []
        for kind, stays in (
            ("stage", self.stays),
            ("moment", self.moments),
            ("touchpoint", self.breaches),
        ):
            if not stays.count:
                continue
            columns = (
                np.concatenate(stays.account),
                np.concatenate(stays.what),
                np.concatenate(stays.begin),
            )
            for number, (account, what, begin) in enumerate(
                zip(*(c.tolist() for c in columns), strict=True)
            ):
                end, completed = stays.ends.get(number), stays.completions.get(number)
                found.append(Row(account, kind, what, begin, completed, end, number))
        rank = {"stage": 0, "moment": 1, "touchpoint": 2}
        found.sort(key=lambda row: (row.account_no, row.begin, rank[row.kind], row.order))
        return found
