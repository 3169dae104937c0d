"""A simulated company, so that a journey can be tried before it meets a real CRM.

`simulate` makes accounts, their people, contracts, usage, support cases and survey answers; the
same arguments give the same world. `World.truth` says what really happened to each account.

    python -m sandbox.world --seed 7 --accounts 300 --days 180 --out acme [--truth]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.world_company import Fate, draw_company
from sandbox.world_events import STRAY_KEYS, draw_events
from sandbox.world_files import write_project
from sandbox.world_shapes import EVENT_NAMES, PRODUCTS, Account, Events, Truth, User, World
from sandbox.world_support import draw_cases, draw_contacts, draw_surveys
from sandbox.world_usage import draw_users

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["DEMO_END", "World", "ensure_demo", "simulate", "write_project"]

DEMO_END = date(2026, 6, 30)
DEMO_SEED, DEMO_ACCOUNTS, DEMO_DAYS = 7, 300, 180


def simulate(seed: int, accounts: int, days: int, end: date) -> World:
    """Simulate `days` days up to and including `end`. Deterministic; 300 × 180 takes a second.

    Raises ValueError for fewer than one account or 60 days: stories need room to unfold.
    """
    if accounts < 1 or days < 60:
        message = f"a world needs an account and 60 days, not {accounts} and {days}"
        raise ValueError(message)
    first = end - timedelta(days=days - 1)

    def stream(number: int) -> np.random.Generator:
        """One source of chance per part, so that a change in one leaves the others as they were."""
        return np.random.default_rng([seed, number])

    customers, fates, changes, keys = draw_company(stream(1), accounts, first, end)
    users = draw_users(stream(2), customers)
    own = np.array([user.account for user in users if user.account >= 0])
    events = draw_events(stream(3), customers, fates, own, first, end)
    return World(
        seed=seed,
        first_day=first,
        last_day=end,
        accounts=tuple(customers),
        users=tuple(users),
        contacts=tuple(draw_contacts(stream(4), customers, end)),
        cases=tuple(draw_cases(stream(5), customers, fates, first, end)),
        surveys=tuple(draw_surveys(stream(6), customers, fates, first, end)),
        changes=tuple(changes),
        keys=(*keys, *STRAY_KEYS),
        events=events,
        truth=tuple(_truth(customers, fates, users, events, end)),
    )


def _truth(
    accounts: Sequence[Account],
    fates: Sequence[Fate],
    users: Sequence[User],
    events: Events,
    end: date,
) -> list[Truth]:
    first_shared = _first_shared(len(accounts), users, events)
    carried = [account.workspace for account in accounts if account.type == "Customer"]

    def until_end(day: date | None) -> date | None:
        return day if day and day <= end else None

    return [
        Truth(
            crm_id=account.crm_id,
            story=fate.story,
            usage_began_on=until_end(fate.golive),
            first_value_at=shared,
            slide_began_on=until_end(fate.slide_on),
            champion_left_on=until_end(fate.leave_on),
            expanded_on=until_end(fate.expand_on),
            ended_on=until_end(fate.end_on),
            spike_began_on=until_end(fate.spike_on),
            events_match=account.workspace is not None and carried.count(account.workspace) == 1,
        )
        for account, fate, shared in zip(accounts, fates, first_shared, strict=True)
    ]


def _first_shared(accounts: int, users: Sequence[User], events: Events) -> list[datetime | None]:
    """Return when one of each account's own people first shared a report in analytics."""
    own = np.array([user.account >= 0 for user in users])
    shared = (
        (events.name == EVENT_NAMES.index("Report Shared"))
        & (events.product == PRODUCTS.index("analytics"))
        & (events.user >= 0)
        & (events.key >= 0)
        & own[events.user]
    )
    never = np.iinfo(np.int64).max
    earliest: NDArray[np.int64] = np.full(accounts, never)
    np.minimum.at(earliest, events.account[shared], events.at[shared])
    return [None if at == never else datetime.fromtimestamp(at, UTC) for at in earliest.tolist()]


def ensure_demo(folder: Path) -> Path:
    """Return the demo's project folder, written on the first call and left alone on later ones.

    What a person changes in it, and what Gatepost wrote into it, stays. A folder that was being
    written when someone pulled the plug is written anew.
    """
    if not (folder / "gatepost.yaml").exists():
        write_project(
            simulate(seed=DEMO_SEED, accounts=DEMO_ACCOUNTS, days=DEMO_DAYS, end=DEMO_END), folder
        )
    return folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Write a project folder from the command line; print its truth where that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.world", description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--accounts", type=int, default=300)
    parser.add_argument("--days", type=int, default=180)
    parser.add_argument("--end", type=date.fromisoformat, default=DEMO_END, help="the last day")
    parser.add_argument("--until", type=date.fromisoformat, help="write what was known then")
    parser.add_argument("--out", type=Path, help="the project folder to write")
    parser.add_argument("--truth", action="store_true", help="print one JSON object per account")
    options = parser.parse_args(arguments)
    if options.accounts < 1 or options.days < 60:
        parser.error("a world needs at least one account and 60 days")
    world = simulate(options.seed, options.accounts, options.days, options.end)
    if options.out:
        write_project(world, options.out, until=options.until)
        print(f"{len(world.accounts)} accounts, {len(world.events)} events", file=sys.stderr)
    if options.truth:
        for truth in world.truth:
            print(json.dumps(dataclasses.asdict(truth), default=_plain))
    return 0


def _plain(value: Any) -> str:
    return str(value.isoformat())


if __name__ == "__main__":
    sys.exit(main())
