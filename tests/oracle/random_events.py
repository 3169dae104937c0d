"""Random accounts and events, as a CRM and a product would tell them: gaps, doubles, odd hours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.oracle.random_expressions import chance, pick
from tests.oracle.random_journeys import PRODUCT_EVENTS

USERS = ("ann@us", "bob", "cat", "dan", "eve", "", None)
WORKSPACES = ("w1", "w2", "w3", "w4", "5", "")
# No numeric text equals one of the numbers: of two equal values the greatest is either.
NUMBERS = (0, 1, 3, 5, 7.5, 0.1, 0.25, -2, 12)
NUMERIC_TEXTS = ("2", "10", " 4 ", "0.7", "1.1e1", "-3", "+6", "9.")
LOOSE_TEXTS = (
    "pro",
    "basic",
    "many",
    "True",
    "FALSE",
    "Big",
    "1,5",
    "0x1",
    "NaN",
    "inf",
    "2024-03-09",
)
UNREADABLE = ("soon", "", "2023-02-29", "2024-03-01T25:00:00Z", "2024-13-01")
DATES = ("2024-03-01", "2024-02-29T23:30:00Z", "2024-03-01T00:15:00+05:30", "soon", "2023-02-29")


@dataclass(frozen=True)
class RandomEvent:
    """A row of a source, from the step on at which its file holds it."""

    source: int
    file: int
    step: int
    row: dict[str, Any]
    nested: bool = False


@dataclass
class RandomAccount:
    """A record of the CRM: raw values by field, step by step; it appears with its first step."""

    id: str
    first_step: int
    values: dict[int, dict[str, str]] = field(default_factory=dict)


# --- accounts -------------------------------------------------------------------------------------


@st.composite
def field_values(draw, name: str, first: date, last: date) -> str:
    """The raw text of a field, empty now and then."""
    if chance(draw, 8 if name in ("signed_on", "workspace") else 20):
        return ""
    span = (last - first).days
    near = st.integers(-15, span + 15).map(lambda n: (first + timedelta(days=n)).isoformat())
    early = st.integers(-4, 12).map(lambda n: (first + timedelta(days=n)).isoformat())
    strategies = {
        "signed_on": early | early | near | st.sampled_from(DATES),
        "contract_end": near,
        "renewed_on": near,
        "kickoff_on": near | st.sampled_from(DATES),
        "seats": st.sampled_from(["1", "2", "3", "5", "10", "0", "2.5", "many", "-1", " 4 "]),
        "vip": st.sampled_from(["true", "false", "TRUE", "False", "yes"]),
        "segment": st.sampled_from(["Big", "small", "pro", "5"]),
        "champion": st.sampled_from(["Ann", "Bob", "ann@us"]),
        "workspace": st.sampled_from([*WORKSPACES, "w1", "w2", "w3"]),
    }
    return draw(strategies[name])


@st.composite
def account_lists(draw, fields: Sequence[str], steps: int, first: date, last: date):
    """One to six accounts; fields change from step to step, and some accounts come later."""
    accounts = []
    for number in range(draw(st.integers(1, 6))):
        account = RandomAccount(f"A{number + 1}", steps if chance(draw, 10) else 1)
        values = {name: draw(field_values(name, first, last)) for name in fields}
        if chance(draw, 80):
            values["workspace"] = f"w{number + 1}"
        account.values[1] = values
        for step in range(2, steps + 1):
            changed = draw(st.lists(st.sampled_from(sorted(fields)), max_size=2, unique=True))
            if account.first_step == step:
                changed = []
            values = {**values, **{name: draw(field_values(name, first, last)) for name in changed}}
            account.values[step] = values
        accounts.append(account)
    return accounts


# --- times ----------------------------------------------------------------------------------------


def event_times(
    zones: Sequence[str],
    first: date,
    last: date,
    common: Sequence[Any],
) -> st.SearchStrategy[Any]:
    """A time as a source writes it; `common` ones come again and again, so that events tie."""
    several = single_times(zones, first, last)
    return st.sampled_from(list(common)) | several if common else several


@st.composite
def single_times(draw, zones: Sequence[str], first: date, last: date) -> Any:
    """A time as a source writes it: midnights, the minutes beside them, whole dates, epochs."""
    day = first + timedelta(days=draw(st.integers(-12, (last - first).days + 3)))
    form = pick(draw, ("date", "local midnight", "midnight", "just before", "any", "any", "any"))
    if form == "date":
        return day.isoformat()
    zone = ZoneInfo(pick(draw, zones))
    if form == "any":
        minutes = draw(st.integers(0, 24 * 60 - 1))
        moment = datetime.combine(day, time(0), tzinfo=UTC) + timedelta(minutes=minutes)
    elif form == "midnight":
        moment = datetime.combine(day, time(0), tzinfo=UTC)
    else:
        moment = datetime.combine(day, time(0), tzinfo=zone).astimezone(UTC)
        if form == "just before":
            moment -= timedelta(milliseconds=1)
    return draw(written_times(moment))


@st.composite
def written_times(draw, moment: datetime) -> Any:
    """An instant with milliseconds, written in one of the ways that are read."""
    form = pick(draw, ("z", "naive", "space", "offset", "seconds", "milliseconds"))
    milliseconds = round(moment.timestamp() * 1000)
    if form == "milliseconds":
        return milliseconds
    if form == "seconds":
        return milliseconds // 1000 if milliseconds % 1000 == 0 else milliseconds / 1000
    exact = "milliseconds" if milliseconds % 1000 else "seconds"
    if form == "offset":
        offset = timedelta(minutes=pick(draw, (330, -480, 825, 0)))
        return moment.astimezone(timezone(offset)).isoformat(timespec=exact)
    text = moment.replace(tzinfo=None).isoformat("T" if form != "space" else " ", timespec=exact)
    return text + "Z" if form == "z" else text


# --- events ---------------------------------------------------------------------------------------


@st.composite
def property_values(draw, name: str, *, as_text: bool) -> Any:
    """A property's value: any JSON scalar; in a CSV every value is text, and none of it is a number
    of JSONL written as text.
    """
    texts = st.sampled_from(NUMERIC_TEXTS) | st.sampled_from(LOOSE_TEXTS)
    if name == "due":
        return draw(st.sampled_from(DATES) | texts)
    if as_text:
        return draw(texts)
    return draw(texts | st.sampled_from(NUMBERS) | st.booleans() | st.none())


def key_choices(equals: str, accounts: Sequence[RandomAccount]) -> list[str]:
    """Keys that match, that match nothing, and the empty one."""
    if equals == "id":
        return [account.id for account in accounts] * 4 + ["nobody", ""]
    mapped = [account.values[1]["workspace"] for account in accounts]
    return mapped * 4 + [*WORKSPACES[:3], "nobody"]


@st.composite
def product_events(
    draw,
    entry,
    columns,
    accounts,
    times,
    files,
    steps,
    bad_percent=0,
) -> RandomEvent:
    """An event of the product, in one of its files. `columns` are those of the kept properties."""
    file = draw(st.integers(0, len(files) - 1))
    in_csv = ".csv" in files[file]
    keys = key_choices(entry["account"]["equals"], accounts)
    row: dict[str, Any] = {
        "event": pick(draw, PRODUCT_EVENTS),
        "time": draw(times),
        "company": pick(draw, keys),
        "user": pick(draw, USERS),
    }
    if chance(draw, bad_percent):
        row["time"] = pick(draw, UNREADABLE)
    for column in columns:
        if chance(draw, 70):
            row[column] = draw(property_values(column, as_text=in_csv))
    if chance(draw, 25):
        row["$insert_id"] = pick(draw, ("i1", "i2", "i3", "i4", ""))
    if not in_csv and chance(draw, 5):
        row["company"] = draw(st.lists(st.sampled_from(keys), min_size=1, max_size=2, unique=True))
    step = draw(st.integers(1, steps))
    return RandomEvent(0, file, step, row, nested=not in_csv and chance(draw, 50))


@st.composite
def child_events(draw, source, entry, columns, accounts, times, steps) -> RandomEvent:
    """A row of a child object. Its ids never repeat, its other columns may be empty."""
    keys = key_choices(entry["account"]["equals"], accounts)
    row: dict[str, Any] = {
        entry["at"]: draw(times),
        entry["account"]["field"]: pick(draw, keys),
        "Contact": pick(draw, USERS) or "",
    }
    for column in columns:
        row[column] = draw(property_values(column, as_text=True)) if chance(draw, 70) else ""
    return RandomEvent(source, 0, draw(st.integers(1, steps)), row)


def without_ambiguous_twins(events: Sequence[RandomEvent]) -> list[RandomEvent]:
    """The events, of which those that share source, id and instant are made the same in all else.

    Which of two events with one id and one instant is kept is nobody's promise.
    """
    seen: dict[tuple[object, ...], RandomEvent] = {}
    found = []
    for event in events:
        event_id, same = event.row.get("$insert_id"), event
        if event_id:
            twin = seen.setdefault((event.source, event_id, instant(event.row["time"])), event)
            row = {**twin.row, "company": event.row["company"]}
            same = RandomEvent(event.source, twin.file, event.step, row, twin.nested)
        found.append(same)
    return found


def instant(written: Any) -> float | str:
    """Seconds since 1970 of a time as it was written; a bare date counts from midnight UTC."""
    if written in UNREADABLE:
        return str(written)
    if isinstance(written, str):
        moment = datetime.fromisoformat(written)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return math.floor(written) / 1000 if written >= 1e11 else written
