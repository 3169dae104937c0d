"""The customers of a simulated company: who they are, what they signed, and what becomes of them.

Each account lives one story. The CRM shows some of it, days late or not at all; `Fate` holds what
drives its usage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.ids import make_id
from sandbox.world_names import COMPANY_FIRST, COMPANY_SECOND, CSMS, FAMILY, GIVEN, INDUSTRIES
from sandbox.world_shapes import Account, FieldChange, noon

if TYPE_CHECKING:
    import numpy as np

YEAR = 365
# Shares of accounts. What rounding leaves over is healthy.
STORIES = {
    "slow": 0.13,  # buys, and hardly starts
    "slide": 0.12,  # was well, then usage decays
    "ending": 0.07,  # decays, and does not renew
    "champion": 0.08,  # the person who drove it leaves
    "expansion": 0.10,  # buys more seats
    "trial": 0.06,  # no customer yet
    "partner": 0.02,
}
SEGMENTS = ("Enterprise", "Mid-market", "Small")
SEGMENT_SHARES = (0.2, 0.35, 0.45)
MEDIAN_SEATS = {"Enterprise": 80.0, "Mid-market": 24.0, "Small": 8.0}
TIMEZONES = (
    "America/New_York",
    "America/Los_Angeles",
    "Europe/London",
    "Europe/Berlin",
    "Asia/Tokyo",
    "Asia/Kolkata",
    "Australia/Sydney",
)
TIMEZONE_SHARES = (0.3, 0.2, 0.15, 0.15, 0.07, 0.08, 0.05)


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to an account, in days of the calendar; None where it does not."""

    story: str
    golive: date  # first usage; may lie before the simulated days, or before the signature
    ramp_days: float  # until half of its people are in
    value_on: date | None  # before it nobody shares a report
    slide_on: date | None
    slide_days: float  # usage falls to a third in so many days
    leave_on: date | None  # the champion
    expand_on: date | None
    end_on: date | None
    spike_on: date | None


def draw_company(
    rng: np.random.Generator, count: int, first: date, last: date
) -> tuple[list[Account], list[Fate], list[FieldChange], list[str]]:
    """Draw accounts, their fates, changes of their fields, and the keys that their events carry.

    Accounts come as of the end of `last`. A key belongs to the account of the same index; it can
    differ from what the CRM says, and two accounts can share one.
    """
    names = _company_names(rng, count)
    accounts: list[Account] = []
    fates: list[Fate] = []
    changes: list[FieldChange] = []
    for number, story in enumerate(_stories(rng, count)):
        account = _draw_account(rng, number, names[number], story)
        fate, account, its_changes = _live(rng, account, story, first, last)
        accounts.append(account)
        fates.append(fate)
        changes += its_changes
    keys = [account.workspace or "" for account in accounts]
    _spoil_keys(rng, accounts, fates, keys)
    changes.sort(key=_order)
    return accounts, fates, changes, keys


def _stories(rng: np.random.Generator, count: int) -> list[str]:
    """Return a story for each account; every story is told at least once where there is room."""
    told: list[str] = []
    for story, share in STORIES.items():
        told += [story] * max(1, round(share * count))
    told = (told + ["healthy"] * count)[:count] if len(told) < count else told[:count]
    return [told[i] for i in rng.permutation(count)]


def _company_names(rng: np.random.Generator, count: int) -> list[str]:
    size = len(COMPANY_FIRST) * len(COMPANY_SECOND)
    order = rng.permutation(size)
    names = []
    for number in range(count):
        lap, place = divmod(number, size)
        first, second = divmod(int(order[place]), len(COMPANY_SECOND))
        name = f"{COMPANY_FIRST[first]} {COMPANY_SECOND[second]}"
        names.append(f"{name} {lap + 1}" if lap else name)
    return names


def person(rng: np.random.Generator) -> str:
    """Return a full name; names repeat, as they do."""
    return f"{GIVEN[rng.integers(len(GIVEN))]} {FAMILY[rng.integers(len(FAMILY))]}"


def _draw_account(rng: np.random.Generator, number: int, name: str, story: str) -> Account:
    segment = SEGMENTS[rng.choice(3, p=SEGMENT_SHARES)]
    slug = name.lower().replace(" ", "-")
    seats = max(3, round(MEDIAN_SEATS[segment] * float(rng.lognormal(0.0, 0.45))))
    return Account(
        crm_id=make_id("001", 62**8 + number * 7_368_787 + int(rng.integers(1000))),
        name=name,
        type={"trial": "Prospect", "partner": "Partner"}.get(story, "Customer"),
        segment=segment,
        industry=INDUSTRIES[rng.integers(len(INDUSTRIES))],
        timezone=TIMEZONES[rng.choice(len(TIMEZONES), p=TIMEZONE_SHARES)],
        workspace=slug,
        domain=f"{slug}.example",
        csm=CSMS[rng.integers(len(CSMS))],
        champion=person(rng),
        signed_on=None,
        contract_end=None,
        # Nobody fills everything in.
        licensed_seats=None if rng.random() < 0.04 else seats,
        kickoff_on=None,
        renewed_on=None,
        created_at=noon(date(2000, 1, 1)),
    )


def _live(
    rng: np.random.Generator, account: Account, story: str, first: date, last: date
) -> tuple[Fate, Account, list[FieldChange]]:
    """Live the account's story up to `last`."""
    if story in {"trial", "partner"}:
        golive = _between(rng, first, last - timedelta(days=7))
        account = replace(account, licensed_seats=None, created_at=noon(golive, -3))
        return _fate(story, golive, ramp_days=6.0), account, []
    signed = _signature(rng, story, first, last)
    fate = _draw_fate(rng, story, signed, first, last)
    prospect, changes = _sign(rng, account, signed)
    later = _fold(prospect, changes)
    changes += _renew(rng, later, fate, first, last)
    if fate.expand_on and later.licensed_seats:
        more_seats = round(later.licensed_seats * 1.4)
        changes.append(_change(later, "licensed_seats", more_seats, fate.expand_on, 2.0))
    if fate.leave_on:
        # The CSM hears of it weeks later.
        heard = fate.leave_on + timedelta(days=int(rng.integers(10, 35)))
        changes.append(_change(later, "champion", person(rng), heard, 1.0))
    changes = sorted((c for c in changes if c.at.date() <= last), key=_order)
    # What was set before the simulated days was always so.
    return fate, _fold(prospect, changes), [c for c in changes if c.at.date() >= first]


def _signature(rng: np.random.Generator, story: str, first: date, last: date) -> date:
    if story == "ending":
        ends = _between(rng, last - timedelta(days=60), last - timedelta(days=9))
        return ends - timedelta(days=YEAR)
    new = rng.random() < 0.55 and story not in {"slide", "champion"}
    if new or story == "slow":
        return _between(rng, first + timedelta(days=4), last - timedelta(days=20))
    return _between(rng, first - timedelta(days=2 * YEAR), first - timedelta(days=20))


def _draw_fate(rng: np.random.Generator, story: str, signed: date, first: date, last: date) -> Fate:
    trial_days = int(rng.integers(8, 22)) if rng.random() < 0.15 else 0
    golive = signed + timedelta(days=int(rng.integers(1, 12)) if not trial_days else -trial_days)
    slow = story == "slow"
    wait = int(rng.integers(60, 220)) if slow else round(float(rng.gamma(2.5, 7.0)))
    middle = max(first, signed) + timedelta(days=30)

    def days_before(days: int) -> date:
        return last - timedelta(days=days)

    return Fate(
        story=story,
        golive=golive,
        ramp_days=float(rng.uniform(60, 150)) if slow else float(rng.uniform(8, 35)),
        value_on=golive + timedelta(days=wait),
        slide_on=_slide(rng, story, signed, middle, last),
        slide_days=float(rng.uniform(14, 45)),
        leave_on=_between(rng, middle, last - timedelta(days=40)) if story == "champion" else None,
        expand_on=_between(rng, middle, last - timedelta(days=10))
        if story == "expansion"
        else None,
        end_on=signed + timedelta(days=YEAR) if story == "ending" else None,
        spike_on=_between(rng, middle, days_before(5)) if rng.random() < 0.05 else None,
    )


def _slide(
    rng: np.random.Generator, story: str, signed: date, middle: date, last: date
) -> date | None:
    if story == "slide":
        return _between(rng, middle, last - timedelta(days=25))
    if story == "ending":
        return signed + timedelta(days=YEAR - int(rng.integers(50, 110)))
    return None


def _fate(story: str, golive: date, ramp_days: float) -> Fate:
    return Fate(story, golive, ramp_days, None, None, 1.0, None, None, None, None)


def _sign(
    rng: np.random.Generator, account: Account, signed: date
) -> tuple[Account, list[FieldChange]]:
    """Turn a prospect into a customer: what the CRM said before, and what sales set."""
    before = replace(
        account,
        type="Prospect",
        licensed_seats=None,
        created_at=noon(signed - timedelta(days=int(rng.integers(20, 90))), -2),
    )
    values: dict[str, Any] = {
        "type": "Customer",
        "signed_on": signed,
        "contract_end": signed + timedelta(days=YEAR),
    }
    if account.licensed_seats:
        values["licensed_seats"] = account.licensed_seats
    changes = [_change(before, field, value, signed, 3.0) for field, value in values.items()]
    if rng.random() < 0.85:
        held = signed + timedelta(days=int(rng.integers(2, 15)))
        changes.append(_change(before, "kickoff_on", held, held, 4.0))
    return before, changes


def _renew(
    rng: np.random.Generator, account: Account, fate: Fate, first: date, last: date
) -> list[FieldChange]:
    """Renew each year until the story ends; now and then a few days after the contract ran out."""
    changes: list[FieldChange] = []
    while account.contract_end and not (fate.end_on and account.contract_end >= fate.end_on):
        due = account.contract_end
        # Contracts renewed long ago were renewed in time; the lateness of today's is of interest.
        renewed = due - timedelta(days=int(rng.integers(-6 if due >= first else 1, 40)))
        if renewed > last:
            break
        signed = [
            _change(account, "renewed_on", renewed, renewed, 1.0),
            _change(account, "contract_end", due + timedelta(days=YEAR), renewed, 1.0),
        ]
        account = _fold(account, signed)
        changes += signed
    return changes


def _change(account: Account, field: str, value: Any, day: date, hours: float) -> FieldChange:
    return FieldChange(account.crm_id, field, noon(day, hours), getattr(account, field), value)


def _fold(account: Account, changes: list[FieldChange]) -> Account:
    """Return the account after these changes, which are in order."""
    values: dict[str, Any] = {change.field: change.new for change in changes}
    return replace(account, **values)


def _order(change: FieldChange) -> tuple[datetime, str, str]:
    return change.at, change.crm_id, change.field


def _spoil_keys(
    rng: np.random.Generator, accounts: list[Account], fates: list[Fate], keys: list[str]
) -> None:
    """Give some customers the workspace key of another, and leave some without one."""
    customers = [i for i, fate in enumerate(fates) if fate.story not in {"trial", "partner"}]
    pairs, without = 1 + len(customers) // 150, 1 + len(customers) // 100
    chosen = [customers[i] for i in rng.permutation(len(customers))[: 2 * pairs + without]]
    if len(chosen) < 2 * pairs + without:
        return
    for number in chosen[2 * pairs :]:
        accounts[number] = replace(accounts[number], workspace=None)
    for one, other in zip(chosen[:pairs], chosen[pairs : 2 * pairs], strict=True):
        keys[other] = keys[one]
        accounts[other] = replace(accounts[other], workspace=accounts[one].workspace)


def _between(rng: np.random.Generator, first: date, last: date) -> date:
    """Return a day of first … last, both included; `first` where the range is empty."""
    return first + timedelta(days=int(rng.integers(0, max(1, (last - first).days + 1))))
