"""How the simulated company's customers use the product, drawn for all users and days at once.

Each account has a level of use per day (its people come on board, slide away, lose their
champion); each user joins on a day, is active on some days of the week, and picks up one feature
after another. Working hours and holidays are those of the account's time zone.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from sandbox.world_company import TIMEZONES, person
from sandbox.world_shapes import STAFF_DOMAIN, Account, User

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sandbox.world_company import Fate

STAFF = 6
STRANGERS = 24  # users of workspaces that no account of the CRM has
WEEK = np.array([1.0, 1.05, 1.05, 1.0, 0.85, 0.08, 0.05])  # Monday first
US_DAYS = {(1, 1), (7, 4), (11, 11), (12, 24), (12, 25), (12, 26), (12, 31)}
EU_DAYS = {(1, 1), (5, 1), (10, 3), (12, 24), (12, 25), (12, 26), (12, 31)}
OTHER_DAYS = {(1, 1), (1, 2), (1, 26), (8, 15), (12, 25), (12, 31)}


def draw_users(rng: np.random.Generator, accounts: Sequence[Account]) -> list[User]:
    """Draw the people of every account, the champion first; then our staff, then strangers."""
    users: list[User] = []
    for number, account in enumerate(accounts):
        seats = account.licensed_seats or int(rng.integers(4, 20))
        for place in range(min(400, max(2, round(seats * float(rng.uniform(0.5, 0.95)))))):
            name = (account.champion if place == 0 else None) or person(rng)
            email = f"{name.lower().replace(' ', '.')}{place or ''}@{account.domain}"
            users.append(User(f"u-{len(users):05d}", number, name, email))
    for _ in range(STAFF):
        name = person(rng)
        email = f"{name.lower().replace(' ', '.')}@{STAFF_DOMAIN}"
        users.append(User(email, -1, name, email))
    users += [User(f"t-{number:05d}", -1, person(rng), "") for number in range(STRANGERS)]
    return users


def levels(
    rng: np.random.Generator, fates: Sequence[Fate], first: date, days: int
) -> NDArray[np.float64]:
    """Return how much of its usual use each account shows each day (accounts × days), 0 or more."""
    day = np.arange(days)[None, :]

    def since(on: Sequence[date | None]) -> NDArray[np.float64]:
        """Days since a day, at least 0; 0 for ever where there is none."""
        offset = np.array([(d - first).days if d else days * 10 for d in on])[:, None]
        elapsed: NDArray[np.float64] = np.maximum(day - offset, 0).astype(np.float64)
        return elapsed

    level: NDArray[np.float64] = np.where(
        since([f.golive - timedelta(days=1) for f in fates]) > 0, 1.0, 0.0
    )
    level *= np.array([0.35 if f.story == "slow" else 1.0 for f in fates])[:, None]
    slide = np.array([f.slide_days for f in fates])[:, None]
    level *= np.maximum(np.exp(-since([f.slide_on for f in fates]) / slide), 0.02)
    level *= np.where(since([f.end_on for f in fates]) > 0, 0.0, 1.0)
    # Without the champion half of the use is gone in a month, and some of it comes back.
    gone = since([f.leave_on for f in fates])
    level *= 1 - 0.6 * (1 - np.exp(-gone / 12)) * np.exp(-gone / 120)
    level *= 1 + 0.5 * (1 - np.exp(-since([f.expand_on for f in fates]) / 15))
    weeks = rng.normal(0.0, 0.1, (len(fates), days // 7 + 1))
    level *= np.exp(np.repeat(weeks, 7, axis=1)[:, :days])
    return level


def join_days(
    rng: np.random.Generator, fates: Sequence[Fate], own: NDArray[np.int64], first: date
) -> NDArray[np.float64]:
    """Return the day (0 is `first`) on which each user starts; a champion has no wait."""
    golive = np.array([(f.golive - first).days for f in fates], dtype=np.float64)
    ramp = np.array([f.ramp_days for f in fates])
    wait = -np.log(rng.uniform(0.01, 0.99, len(own))) / np.log(2)
    wait[np.r_[True, own[1:] != own[:-1]]] = 0.0
    joined: NDArray[np.float64] = np.floor(golive[own] + ramp[own] * wait)
    return joined


def active_days(
    rng: np.random.Generator,
    accounts: Sequence[Account],
    level: NDArray[np.float64],
    own: NDArray[np.int64],
    joined: NDArray[np.float64],
    days: int,
    first: date,
) -> NDArray[np.bool_]:
    """Draw on which days (users × days) someone opens the product."""
    zone = np.array([TIMEZONES.index(account.timezone) for account in accounts])
    rhythm = np.array([_rhythm(name, first, days) for name in TIMEZONES])
    eagerness = rng.beta(2.0, 3.0, len(own)) * 0.75
    eagerness[np.r_[True, own[1:] != own[:-1]]] = 0.8
    chance = (level * rhythm[zone])[own] * eagerness[:, None]
    # One in twenty leaves the company, or just the product, some time.
    left = np.where(rng.random(len(own)) < 0.05, joined + rng.uniform(20, 200, len(own)), days)
    day = np.arange(days)[None, :]
    present = (day >= joined[:, None]) & (day < left[:, None])
    active: NDArray[np.bool_] = present & (rng.random(chance.shape, dtype=np.float32) < chance)
    return active


def _rhythm(zone: str, first: date, days: int) -> NDArray[np.float64]:
    """Return the share of usual use per local day: week, holidays, August, the end of the year."""
    europe = zone.startswith("Europe")
    holidays = US_DAYS if zone.startswith("America") else EU_DAYS if europe else OTHER_DAYS
    factors = []
    for number in range(days):
        day = first + timedelta(days=number)
        factor = float(WEEK[day.weekday()])
        if (day.month, day.day) in holidays or (holidays is US_DAYS and _thanksgiving(day)):
            factor *= 0.08
        elif (day.month, day.day) >= (12, 20) or (day.month == 1 and day.day < 4):
            factor *= 0.45
        elif europe and day.month == 8:
            factor *= 0.7
        factors.append(factor)
    return np.array(factors)


def _thanksgiving(day: date) -> bool:
    """Tell the fourth Thursday of November and the Friday after it."""
    return day.month == 11 and (
        (day.weekday() == 3 and 22 <= day.day <= 28) or (day.weekday() == 4 and 23 <= day.day <= 29)
    )
