"""The fewest writes that bring the CRM to what was computed. Pure: no clock, no files, no network.

A value that reads the same is the same, whatever its type in the CRM: 3 and "3.0", nothing and "",
a day and that day's midnight, a list in another order. Records are updated, never made; a record
that was not seen is left out and named.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, NamedTuple, Protocol

from connectors.base import Raw, Value
from sync.typed import read_boolean, read_number, scalar_text

PLACES = 6  # fractions are rounded to six places before they leave

_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})([T ].*)?", re.DOTALL)
_MIDNIGHT = re.compile(r"[T ]00:00(:00(\.0+)?)?(Z|[+-]00:?00)?")

# The text that a value mostly stands as. What is no number stands as nothing.
_TEXT: dict[type, Callable[[Any], str]] = {
    bool: lambda value: "true" if value else "false",
    int: str,
    float: lambda value: repr(value) if math.isfinite(value) else "",
    str: str,
    type(None): lambda _: "",
    date: date.isoformat,
    tuple: ";".join,
}

Observed = Mapping[str, Raw | date]
"""A record's fields as the CRM gives them; a field that is not in it is empty."""


class Policy(Protocol):
    """How a field is written: config.mapping_file.WriteField, or the like."""

    @property
    def write(self) -> Literal["always", "if_empty", "suggest"]: ...

    @property
    def null(self) -> Literal["keep", "clear"]: ...


class Change(NamedTuple):  # a tuple, since a plan has many: made in a third of a class's time
    """One field of one record: what it is, what it shall be, and why."""

    object: str
    account_id: str
    name: str  # of the account, for people; "" if it has none
    field: str
    from_: Value
    to: Value
    why: str


@dataclass(frozen=True, slots=True, order=True)
class Skipped:
    """A record that is not written at all, and why."""

    account_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Diff:
    """Changes by account id, fields in the mapping's order; skipped records by account id."""

    changes: tuple[Change, ...]
    skipped: tuple[Skipped, ...]


Why = Callable[[str, Sequence[str]], Sequence[str]]
"""The reasons for a field of some accounts, parallel to their ids."""


def diff(
    object_name: str,
    desired: Mapping[str, Mapping[str, Value]],
    observed: Mapping[str, Observed],
    policies: Mapping[str, Policy],
    *,
    names: Mapping[str, str | None] | None = None,
    why: Why | None = None,
    never: Mapping[str, str] | None = None,
) -> Diff:
    """What must be written so that every record in `observed` shows what is desired of it.

    `desired`: CRM id to field to value; a field not in it is left alone. `policies`: the fields of
    mapping.yaml `write` in their order; others are never written. `never`: ids that are not to be
    touched, with the reason. `why(field, account_ids)` is asked once a field, about the records
    in which it changes. Same input, same answer; what it returns, once written, makes the next
    answer empty.
    """
    names, never = names or {}, never or {}
    found: list[_Found] = []
    skipped: list[Skipped] = []
    for account_id in sorted(desired):
        record = observed.get(account_id)
        if account_id in never:
            skipped.append(Skipped(account_id, never[account_id]))
        elif record is None:
            skipped.append(Skipped(account_id, "the CRM has no such record (any more)"))
        else:
            name = names.get(account_id) or ""
            differing = _differing(desired[account_id], record, policies)
            found += [(account_id, name, *each) for each in differing]
    reasons = _reasons(found, why) if why else [""] * len(found)
    changes = [
        Change(object_name, *one, reason) for one, reason in zip(found, reasons, strict=True)
    ]
    return Diff(tuple(changes), tuple(skipped))


_Found = tuple[str, str, str, Raw | date, Value]
"""A change without its reason: account id, name, field, from, to."""


def _reasons(found: Sequence[_Found], why: Why) -> list[str]:
    places: dict[str, list[int]] = {}
    for place, (_, _, field, _, _) in enumerate(found):
        places.setdefault(field, []).append(place)
    reasons = [""] * len(found)
    for field, some in places.items():
        for place, reason in zip(some, why(field, [found[at][0] for at in some]), strict=True):
            reasons[place] = reason
    return reasons


def _differing(
    wanted: Mapping[str, Value], record: Observed, policies: Mapping[str, Policy]
) -> Iterator[tuple[str, Raw | date, Value]]:
    """Fields to write, in the order of the policies: (field, what is there, what shall be)."""
    for field, policy in policies.items():
        if field not in wanted:
            continue
        value, there = wanted[field], record.get(field)
        if _means_the_same(value, there):
            continue
        unknown = _unknown(value)
        if unknown and policy.null == "keep":
            continue  # what we do not know is no reason to blank what somebody does
        if policy.write == "if_empty" and not _nothing(there):
            continue
        yield field, there, None if unknown else value


def unlike(desired: Sequence[Value], observed: Sequence[Value]) -> list[int]:
    """Rows of two columns that are not written alike; among them are all that differ. Much faster
    than looking at what each value means, which only these rows still need."""
    pairs = enumerate(zip(desired, observed, strict=True))
    kinds, there_kinds = set(map(type, desired)) - {type(None)}, set(map(type, observed))
    # 1, 1.0 and true are one key to a dict: the first two may be, as they say the same.
    one_key = len(kinds) <= 1 or kinds == {int, float}
    if one_key and kinds <= _TEXT.keys() and there_kinds <= {str, type(None)}:
        texts = {value: _TEXT[type(value)](value) for value in set(desired)}
        return [row for row, (value, there) in pairs if texts[value] != (there or "")]
    return [row for row, (value, there) in pairs if not _alike(value, there)]


def _alike(value: Value, there: Value) -> bool:
    """Whether both are of one type and equal, or one is the text of the other."""
    if type(value) is type(there):
        return value == there
    text = _TEXT.get(type(value)) if there is None or type(there) is str else None
    return text is not None and text(value) == (there or "")


def same(desired: Value, observed: Raw | date) -> bool:
    """Whether what the CRM shows already says `desired`, read as the type that `desired` has."""
    return not unlike((desired,), (observed,)) or _means_the_same(desired, observed)


def _means_the_same(desired: Value, observed: Raw | date) -> bool:
    if isinstance(desired, tuple):
        return _items(";".join(desired)) == _items(_shown(observed))
    if _nothing(desired) or _nothing(observed):
        return _nothing(desired) and _nothing(observed)
    match desired:
        case bool():
            return desired == read_boolean(_raw(observed))
        case int() | float():
            return _same_number(desired, _raw(observed))
        case date():
            return _day(desired) == _day(observed)
        case str():
            return _same_text(desired, observed)
        case None:  # pragma: no cover (it is nothing, see above)
            return False


def _unknown(value: Value) -> bool:
    """Unlike an empty list, which is known to hold nothing."""
    return not isinstance(value, tuple) and _nothing(value)


def _nothing(value: Value) -> bool:
    """Whether a CRM would show an empty field. None keeps blanks alone, nor what is no number."""
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, tuple):
        return not _items(";".join(value))
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def _same_number(desired: float, observed: Raw) -> bool:
    if type(observed) is str and observed.replace(".", "", 1).isdigit() and observed.isascii():
        number: float | None = float(observed)  # as it mostly is, and much faster
    else:
        number = read_number(observed)
    return number is not None and round(number, PLACES) == round(desired, PLACES)


def _same_text(desired: str, observed: Raw | date) -> bool:
    """Equal but for blanks around it and the kind of line ends, which CRMs change as they save. A
    day and the midnight of that day are equal too: a text may be kept in a field for instants."""
    if isinstance(observed, bool):
        return read_boolean(desired) is observed
    if isinstance(observed, int | float):
        return _same_number(observed, desired)
    ours, theirs = _plain(desired), _plain(_shown(observed))
    return ours == theirs or _bare_day(ours) == _bare_day(theirs) is not None


def _bare_day(text: str) -> str | None:
    """The day that a text says and nothing else: an ISO date, or its midnight."""
    found = _DAY.fullmatch(text)
    if not found or (found[2] and not _MIDNIGHT.fullmatch(found[2])):
        return None
    return found[1]


def _day(value: Raw | date) -> str | None:
    """The calendar day that is written there, at whatever hour."""
    found = _DAY.fullmatch(_shown(value).strip())
    return found[1] if found else None


def _items(joined: str) -> set[str]:
    """What a multi-select holds; an item with a semicolon in its name cannot be kept as one."""
    return {item.strip() for item in joined.split(";") if item.strip()}


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _raw(value: Raw | date) -> Raw:
    return _shown(value) if isinstance(value, date) else value


def _shown(value: Raw | date) -> str:
    """A value as the text that a CSV would hold."""
    match value:
        case None:
            return ""
        case str():
            return value
        case datetime() | date():
            return value.isoformat()
        case _:
            return scalar_text(value)
