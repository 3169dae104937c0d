"""People that the CRM knows, support cases and survey answers of a simulated company."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.salesforce.ids import make_id
from sandbox.world_company import person
from sandbox.world_names import SUBJECTS, TITLES
from sandbox.world_shapes import Account, Case, Contact, Survey, end_of, noon

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from sandbox.world_company import Fate

PRIORITIES = ("Low", "Medium", "High")
CASES_A_DAY = {"Enterprise": 0.035, "Mid-market": 0.015, "Small": 0.006}
_BLOCK = 62**8  # numbers of records start here, so that ids use their whole width


def draw_contacts(
    rng: np.random.Generator, accounts: Sequence[Account], end: date
) -> list[Contact]:
    """Draw the champion and one or two colleagues of every account."""
    contacts: list[Contact] = []
    for account in accounts:
        names = [account.champion or person(rng)] + [person(rng) for _ in range(rng.integers(1, 3))]
        for place, name in enumerate(names):
            contacts.append(
                Contact(
                    crm_id=make_id("003", _BLOCK + len(contacts) * 52_361),
                    account_id=account.crm_id,
                    name=name,
                    email=f"{name.lower().replace(' ', '.')}@{account.domain}",
                    title=TITLES[0 if place == 0 else int(rng.integers(1, len(TITLES)))],
                    created_at=min(account.created_at + timedelta(hours=place + 1), end_of(end)),
                )
            )
    return contacts


def draw_cases(
    rng: np.random.Generator,
    accounts: Sequence[Account],
    fates: Sequence[Fate],
    first: date,
    last: date,
) -> list[Case]:
    """Draw cases by instant: a few a month, and bursts of High priority where the fate says so."""
    drawn: list[tuple[datetime, str, str]] = []
    for account, fate in zip(accounts, fates, strict=True):
        begin = max(first, fate.golive)
        days = (min(last, fate.end_on or last) - begin).days
        if days <= 0:
            continue
        for _ in range(rng.poisson(CASES_A_DAY[account.segment] * days)):
            at = noon(begin + timedelta(days=int(rng.integers(days))), float(rng.uniform(-6, 8)))
            drawn.append((at, account.crm_id, PRIORITIES[rng.choice(3, p=(0.5, 0.4, 0.1))]))
        if fate.spike_on:
            for _ in range(rng.integers(4, 8)):
                day = fate.spike_on + timedelta(days=int(rng.integers(0, 9)))
                drawn.append((noon(day, float(rng.uniform(-6, 8))), account.crm_id, "High"))
    drawn = sorted(row for row in drawn if row[0] <= end_of(last))
    cases = []
    for number, (at, account_id, priority) in enumerate(drawn):
        closed = at + timedelta(hours=float(rng.gamma(1.5, 30.0)))
        cases.append(
            Case(
                crm_id=make_id("500", _BLOCK + number * 91_873),
                account_id=account_id,
                created_at=at,
                closed_at=closed.astimezone(UTC) if closed <= end_of(last) else None,
                priority=priority,
                subject=SUBJECTS[rng.integers(len(SUBJECTS))],
            )
        )
    return cases


def draw_surveys(
    rng: np.random.Generator,
    accounts: Sequence[Account],
    fates: Sequence[Fate],
    first: date,
    last: date,
) -> list[Survey]:
    """Draw answers by instant: each customer is asked every 90 days, and a good half answers."""
    drawn: list[tuple[datetime, str, int]] = []
    for account, fate in zip(accounts, fates, strict=True):
        if account.signed_on is None:
            continue
        day = account.signed_on + timedelta(days=30)
        while day <= min(last, fate.end_on or last):
            if day >= first and rng.random() < 0.55:
                unhappy = (fate.slide_on and day >= fate.slide_on) or fate.story == "slow"
                score = round(float(rng.normal(5.0 if unhappy else 8.2, 1.5)))
                at = noon(day + timedelta(days=int(rng.integers(0, 6))), float(rng.uniform(-6, 8)))
                drawn.append((at, account.crm_id, min(10, max(0, score))))
            day += timedelta(days=90)
    return [
        Survey(make_id("a0X", _BLOCK + number * 17_389), account_id, at, score)
        for number, (at, account_id, score) in enumerate(
            sorted(row for row in drawn if row[0] <= end_of(last))
        )
    ]
