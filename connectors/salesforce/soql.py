"""Queries, built of checked names and escaped values. No text of a user's is ever pasted in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from simple_salesforce.format import quote_soql_value

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*")
_OPERATORS = frozenset({"=", "!=", "<", "<=", ">", ">=", "IN", "NOT IN", "LIKE"})

Literal = str | float | int | bool | datetime | tuple[str, ...] | None


def name(text: str) -> str:
    """A field's or object's name, as it is. ValueError if it is anything else."""
    if not _NAME.fullmatch(text):
        raise ValueError(f"{text!r} is no name in SOQL")
    return text


@dataclass(frozen=True, slots=True)
class Where:
    """One comparison. `value` is data: it is quoted when the text is made."""

    field: str
    operator: str
    value: Literal

    def __str__(self) -> str:
        if self.operator not in _OPERATORS:
            raise ValueError(f"{self.operator!r} is no operator in SOQL")
        return f"{name(self.field)} {self.operator} {quote_soql_value(self.value)}"


@dataclass(frozen=True, slots=True)
class Query:
    """SELECT columns FROM entity WHERE all of it ORDER BY Id, so that a reader can go on."""

    columns: Sequence[str]
    entity: str
    where: tuple[Where, ...] = ()
    beyond: str | None = None
    """the id after which it begins"""

    def after(self, last_id: str) -> "Query":
        """The same for the records that come after one."""
        return replace(self, beyond=last_id)

    def __str__(self) -> str:
        return f"{self.unordered} ORDER BY Id"

    @property
    def unordered(self) -> str:
        """Without the order, which costs a bulk query its speed."""
        return f"SELECT {', '.join(map(name, self.columns))} FROM {self._rest}"  # noqa: S608 - all quoted

    @property
    def counted(self) -> str:
        """How many records it finds."""
        return f"SELECT COUNT() FROM {self._rest}"  # noqa: S608 - all quoted

    def stamped(self, field: str) -> str:
        """How many records it finds, as n, and the newest of their stamps in `field`, as m."""
        return f"SELECT COUNT(Id) n, MAX({name(field)}) m FROM {self._rest}"  # noqa: S608 - all quoted

    def by_month(self, made: str, touched: str) -> str:
        """For each year y and month m of the field `made`: how many records there are, as n, and
        the newest stamp in `touched`, as s."""
        year, month = (f"CALENDAR_{unit}({name(made)})" for unit in ("YEAR", "MONTH"))
        return (
            f"SELECT {year} y, {month} m, COUNT(Id) n, MAX({name(touched)}) s "  # noqa: S608 - all quoted
            f"FROM {self._rest} GROUP BY {year}, {month}"
        )

    @property
    def _rest(self) -> str:
        beyond = () if self.beyond is None else (Where("Id", ">", self.beyond),)
        where = " AND ".join(map(str, (*self.where, *beyond)))
        return name(self.entity) + (f" WHERE {where}" if where else "")
