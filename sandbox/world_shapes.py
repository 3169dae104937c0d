"""What a simulated company consists of: records of its CRM, usage events in columns, and the truth.

Days are calendar days without a zone, instants are UTC. Everything is final as of the world's
last day; `World.accounts_on` winds the fields back to an earlier one.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

EVENT_NAMES = (
    "Logged In",
    "Dashboard Viewed",
    "Dashboard Created",
    "Report Created",
    "Report Shared",
    "Report Exported",
    "Alert Created",
    "Alert Triggered",
    "Integration Connected",
    "API Called",
)
PRODUCTS = ("analytics", "labs")
PLANS = ("Starter", "Team", "Enterprise")
REPORT_TYPES = ("scheduled", "ad hoc")  # code -1: the property is absent
STAFF_DOMAIN = "brightloop.example"  # the vendor's own people, who log in to help


@dataclass(frozen=True, slots=True)
class Account:
    """A company in the CRM. None where nobody filled the field in, or not yet."""

    crm_id: str
    name: str
    type: str  # Customer, Prospect or Partner
    segment: str
    industry: str
    timezone: str  # IANA, where its users sit
    workspace: str | None  # the key that product events carry
    domain: str
    csm: str
    champion: str | None
    signed_on: date | None
    contract_end: date | None
    licensed_seats: int | None
    kickoff_on: date | None
    renewed_on: date | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class User:
    """Someone who uses the product. `account` is an index into `World.accounts`, -1 for staff."""

    user_id: str
    account: int
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Contact:
    """A person that the CRM knows at an account."""

    crm_id: str
    account_id: str
    name: str
    email: str
    title: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Case:
    """A support case. `closed_at` is None while it is open on the world's last day."""

    crm_id: str
    account_id: str
    created_at: datetime
    closed_at: datetime | None
    priority: str  # Low, Medium or High
    subject: str


@dataclass(frozen=True, slots=True)
class Survey:
    """An answer to "would you recommend us", 0 to 10."""

    crm_id: str
    account_id: str
    answered_at: datetime
    score: int


@dataclass(frozen=True, slots=True)
class FieldChange:
    """At an instant, a person set a field of an account. `field` is an attribute of Account."""

    crm_id: str
    field: str
    at: datetime
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Truth:
    """What really happened to an account, as nobody in the CRM or the product could know it.

    `first_value_at` is the first report that one of its own people shared in the analytics
    product within the simulated days. Days are None where the thing did not happen.
    """

    crm_id: str
    story: str  # healthy, slow, slide, ending, champion, expansion, trial or partner
    usage_began_on: date | None
    first_value_at: datetime | None
    slide_began_on: date | None
    champion_left_on: date | None
    expanded_on: date | None
    ended_on: date | None
    spike_began_on: date | None  # of High priority cases
    events_match: bool  # False: no workspace key, one that is doubled, or not a customer


@dataclass(frozen=True, slots=True)
class Events:
    """Usage events in columns of equal length, ordered by arrival.

    `account` and `user` index `World.accounts` and `World.users`, `key` indexes `World.keys`;
    -1 is none. `at` (it happened) and `arrived` (the vendor had it) are epoch seconds. A row
    that repeats an `insert_id` is the same event, sent twice.
    """

    account: NDArray[np.int32]
    user: NDArray[np.int32]
    key: NDArray[np.int32]
    name: NDArray[np.int8]
    at: NDArray[np.int64]
    arrived: NDArray[np.int64]
    insert_id: NDArray[np.uint64]
    product: NDArray[np.int8]
    plan: NDArray[np.int8]
    report_type: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.at)

    def take(self, rows: NDArray[Any]) -> Events:
        """Rows by index or mask, in that order."""
        return Events(*(getattr(self, name)[rows] for name in self.__slots__))


@dataclass(frozen=True)
class World:
    """A company's customers and what they did from `first_day` to `last_day`, both included."""

    seed: int
    first_day: date
    last_day: date
    accounts: tuple[Account, ...]
    users: tuple[User, ...]
    contacts: tuple[Contact, ...]
    cases: tuple[Case, ...]
    surveys: tuple[Survey, ...]
    changes: tuple[FieldChange, ...]  # by instant
    keys: tuple[str, ...]  # workspace keys that events carry
    events: Events
    truth: tuple[Truth, ...]  # in the order of accounts

    def accounts_on(self, day: date) -> list[Account]:
        """All accounts that existed at the end of a day (UTC), with the values of that moment."""
        moment = end_of(day)
        current = {a.crm_id: a for a in self.accounts}
        known = bisect_right([c.at for c in self.changes], moment)
        for change in reversed(self.changes[known:]):
            account = current[change.crm_id]
            values: dict[str, Any] = {change.field: change.old}
            current[change.crm_id] = replace(account, **values)
        return [account for account in current.values() if account.created_at <= moment]

    def rows(self, events: Events) -> Iterator[dict[str, Any]]:
        """Events as plain objects: `event`, `time` (epoch seconds), `user` and `properties`."""
        columns = (
            events.name,
            events.at,
            events.user,
            events.key,
            events.insert_id,
            events.product,
            events.plan,
            events.report_type,
        )
        for name, at, user, key, insert_id, product, plan, report_type in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            properties: dict[str, Any] = {"$insert_id": f"{insert_id:016x}"}
            if key >= 0:
                properties["company_id"] = self.keys[key]
            properties["product"] = PRODUCTS[product]
            properties["plan"] = PLANS[plan]
            if report_type >= 0:
                properties["report_type"] = REPORT_TYPES[report_type]
            yield {
                "event": EVENT_NAMES[name],
                "time": at,
                "user": self.users[user].user_id if user >= 0 else "",
                "properties": properties,
            }


def end_of(day: date) -> datetime:
    """Return the last instant of a UTC day."""
    return datetime.combine(day, time.max, UTC)


def noon(day: date, hours: float = 0.0) -> datetime:
    """Return an instant in the working hours of a UTC day, `hours` after noon."""
    return datetime.fromtimestamp(
        datetime.combine(day, time(12), UTC).timestamp() + round(hours * 3600), UTC
    )
