"""The events that use of the product leaves behind, in columns, with the flaws that real ones have.

Some arrive days late, some are sent twice, some carry no workspace key or one that the CRM does
not know; our own staff's clicks are among them.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from sandbox.world_company import TIMEZONES
from sandbox.world_shapes import EVENT_NAMES, Account, Events
from sandbox.world_usage import STAFF, STRANGERS, active_days, join_days, levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sandbox.world_company import Fate

    Ints = NDArray[np.int64]
    # Account (-1: a stranger's), user (-1: a machine), event name, local day (0 is the first).
    Columns = tuple[Ints, Ints, Ints, Ints]

DAY_SECONDS = 86_400
STRAY_KEYS = tuple(f"sandpit-{letter}" for letter in "abcdefgh")

# What a user does on an active day, on average, and the days that it takes to find out how.
RATES = {
    "Dashboard Viewed": (0.75, 3.0),
    "Dashboard Created": (0.04, 12.0),
    "Report Created": (0.22, 8.0),
    "Report Shared": (0.14, 10.0),
    "Report Exported": (0.12, 14.0),
    "Alert Created": (0.07, 30.0),
    "Integration Connected": (0.012, 5.0),
}
CODE = {name: code for code, name in enumerate(EVENT_NAMES)}
PLAN_OF_SEGMENT = {"Small": 0, "Mid-market": 1, "Enterprise": 2}
LATE_SHARE, TWICE_SHARE, NO_KEY_SHARE, STRAY_SHARE = 0.015, 0.004, 0.003, 0.012
LABS_SHARE, STAFF_SHARE, AD_HOC_SHARE, NO_TYPE_SHARE = 0.06, 0.01, 0.55, 0.02


def draw_events(
    rng: np.random.Generator,
    accounts: Sequence[Account],
    fates: Sequence[Fate],
    own: Ints,
    first: date,
    last: date,
) -> Events:
    """Draw all events of the local days first … last, ordered by arrival.

    `own` is the account of each user who has one; staff and strangers follow them. Keys are
    numbered as accounts are, and then the stray ones.
    """
    days = (last - first).days + 1
    level = levels(rng, fates, first, days)
    joined = join_days(rng, fates, own, first)
    active = active_days(rng, accounts, level, own, joined, days, first)
    parts = [
        _people(rng, fates, own, joined, active, first),
        _machines(rng, level, "API Called", 2.0 * (rng.random(len(accounts)) < 0.4)),
        _machines(rng, level, "Alert Triggered", np.full(len(accounts), 0.3)),
    ]
    total = sum(len(part[0]) for part in parts)
    parts.append(_staff(rng, level, len(own), round(STAFF_SHARE * total)))
    parts.append(_strangers(rng, len(own) + STAFF, days, round(STRAY_SHARE * total)))
    account, user, name, day = (np.concatenate(column) for column in zip(*parts, strict=True))
    at = _instants(rng, accounts, account, day, first, days)
    return _send(rng, accounts, account, user, name, at)


def _people(
    rng: np.random.Generator,
    fates: Sequence[Fate],
    own: Ints,
    joined: NDArray[np.float64],
    active: NDArray[np.bool_],
    first: date,
) -> Columns:
    user, day = np.nonzero(active)
    columns: list[Columns] = [_repeat(own, user, CODE["Logged In"], day, np.ones_like(user))]
    # Before this day nobody of the account shares anything: value is reached, not found by chance.
    value = np.array([(f.value_on - first).days if f.value_on else 10_000 for f in fates])
    for name, (rate, delay) in RATES.items():
        begins = joined + rng.exponential(delay, len(own))
        if name == "Report Shared":
            begins = np.maximum(begins, value[own])
        counts = rng.poisson(rate, len(user)) * (day >= begins[user])
        columns.append(_repeat(own, user, CODE[name], day, counts))
    account, who, names, days = (np.concatenate(column) for column in zip(*columns, strict=True))
    return account, who, names, days


def _repeat(own: Ints, user: Ints, name: int, day: Ints, counts: Ints) -> Columns:
    who = np.repeat(user, counts)
    return own[who], who, np.full(len(who), name), np.repeat(day, counts)


def _machines(
    rng: np.random.Generator, level: NDArray[np.float64], name: str, rate: NDArray[Any]
) -> Columns:
    """Draw what no user does: calls of an account's own programs, alerts that fire."""
    counts = rng.poisson(level * rate[:, None])
    account, day = np.nonzero(counts)
    times = counts[account, day]
    account, day = np.repeat(account, times), np.repeat(day, times)
    return account, np.full(len(account), -1), np.full(len(account), CODE[name]), day


def _staff(
    rng: np.random.Generator, level: NDArray[np.float64], first_user: int, count: int
) -> Columns:
    """Draw our own people, who log in at customers and share reports to show how."""
    account, day = np.nonzero(level > 0.1)
    chosen = rng.integers(len(account), size=count) if len(account) else np.zeros(0, dtype=np.int64)
    shown = [CODE[n] for n in ("Logged In", "Dashboard Viewed", "Report Created", "Report Shared")]
    user = first_user + rng.integers(STAFF, size=len(chosen))
    return account[chosen], user, rng.choice(shown, len(chosen)), day[chosen]


def _strangers(rng: np.random.Generator, first_user: int, days: int, count: int) -> Columns:
    names = rng.choice([CODE["Logged In"], CODE["Dashboard Viewed"], CODE["Report Created"]], count)
    user = first_user + rng.integers(STRANGERS, size=count)
    return np.full(count, -1), user, names, rng.integers(days, size=count)


def _instants(
    rng: np.random.Generator,
    accounts: Sequence[Account],
    account: Ints,
    day: Ints,
    first: date,
    days: int,
) -> Ints:
    """Return epoch seconds: the morning or the afternoon of the account's own time zone."""
    offsets = np.array([_offsets(zone, first, days) for zone in TIMEZONES])
    zone = np.array([TIMEZONES.index(a.timezone) for a in accounts])
    morning = rng.random(len(account)) < 0.55
    hour = np.where(morning, 10.3, 14.8) + rng.normal(0.0, 1.4, len(account))
    second = np.clip(hour * 3600, 0, DAY_SECONDS - 1).astype(np.int64)
    midnight = _epoch(first) + day * DAY_SECONDS
    return midnight + second - np.where(account >= 0, offsets[zone[account], day], 0)


def _offsets(zone: str, first: date, days: int) -> Ints:
    """Return the offset from UTC in seconds at noon of each day."""
    info = ZoneInfo(zone)
    noons = [datetime(first.year, first.month, first.day, 12, tzinfo=info)]
    noons += [noons[0] + timedelta(days=number) for number in range(1, days)]
    return np.array([round(_offset_seconds(noon)) for noon in noons], dtype=np.int64)


def _offset_seconds(moment: datetime) -> float:
    offset = moment.utcoffset()
    return offset.total_seconds() if offset else 0.0


def _epoch(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _send(
    rng: np.random.Generator,
    accounts: Sequence[Account],
    account: Ints,
    user: Ints,
    name: Ints,
    at: Ints,
) -> Events:
    """Give events what the product's library adds, and the journey to the vendor its mishaps."""
    size = len(at)
    key = np.where(account >= 0, account, len(accounts) + user % len(STRAY_KEYS))
    key[rng.random(size) < NO_KEY_SHARE] = -1
    plans = np.array([PLAN_OF_SEGMENT[a.segment] for a in accounts])
    report = np.isin(name, [CODE[n] for n in EVENT_NAMES if n.startswith("Report")])
    report_type = np.where(report, rng.random(size) < AD_HOC_SHARE, -1)
    report_type[rng.random(size) < NO_TYPE_SHARE] = -1
    late = rng.random(size) < LATE_SHARE
    delay = np.where(
        late, rng.integers(DAY_SECONDS, 6 * DAY_SECONDS, size), rng.integers(1, 90, size)
    )
    events = Events(
        account=account.astype(np.int32),
        user=user.astype(np.int32),
        key=key.astype(np.int32),
        name=name.astype(np.int8),
        at=at,
        arrived=at + delay,
        insert_id=_mix(np.arange(size, dtype=np.uint64) + rng.integers(2**62, dtype=np.uint64)),
        product=(rng.random(size) < LABS_SHARE).astype(np.int8),
        plan=np.where(account >= 0, plans[account], 0).astype(np.int8),
        report_type=report_type.astype(np.int8),
    )
    # A client that saw no answer sends again: the same id, some minutes or a day later.
    again = np.flatnonzero(rng.random(size) < TWICE_SHARE)
    events = events.take(np.concatenate([np.arange(size), again]))
    events.arrived[size:] += rng.integers(60, DAY_SECONDS, len(again))
    return events.take(np.lexsort((events.insert_id, events.arrived)))


def _mix(number: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scatter running numbers over all 64 bits, one to one (the finaliser of splitmix64)."""
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))
