"""`explain`: one account replayed from its first day, with all that led to where it is."""

from dataclasses import replace

from config.errors import UsageError
from config.problem import nearest, quoted
from mapping.explain import Explanation, Written, explain
from sync.confirmed import last_written
from sync.cycle import Cycle
from sync.identity_account import matched_by

_SHOWN = 5


def find_account(cycle: Cycle, who: str) -> str:
    """The CRM id of the account that `who` means: an id, a name, or part of one name alone.

    UsageError, with the nearest or the several that it could be, if there is no such one account.
    """
    names: dict[str, str] = {}
    for journey in cycle.journeys:
        accounts = cycle.accounts(journey).accounts
        names |= dict(zip(accounts.ids.tolist(), accounts.names.tolist(), strict=True))
    if who in names:
        return who
    folded = who.casefold()
    for found in (
        [account for account, name in names.items() if name == who],
        [account for account, name in names.items() if name.casefold() == folded],
        [account for account in names if len(who) >= 15 and account.startswith(who)],
        [account for account, name in names.items() if folded in name.casefold()],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            shown = ", ".join(f"{names[account]} ({account})" for account in sorted(found)[:_SHOWN])
            more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            raise UsageError(f"{quoted(who)} could be {shown}{more}", "name one by its id")
    raise UsageError(
        f"no account {quoted(who)} travels a journey of this project",
        nearest(who, names.values()),
    )


def explain_account(cycle: Cycle, who: str, *, journey: str | None = None) -> list[Explanation]:
    """Why an account is where it is, in each journey that it travels (or in one of them)."""
    account = find_account(cycle, who)
    mapping = cycle.project.mapping
    sources = {
        name: f"{mapping.accounts.from_}: {mapping.accounts.object}.{spec.field}"
        for name, spec in mapping.fields.items()
    }
    written = tuple(
        Written(field, one.value, one.at, "confirmed", one.why)
        for field, one in last_written(cycle.state, mapping.accounts.object, account).items()
    )
    return [
        replace(
            explain(outputs, row, sources),
            written=written,
            matched=matched_by(cycle, computed.compiled.journey.name, account),
        )
        for computed in cycle.compute(journey=journey, account=account, history=True)
        for outputs, rows in computed.parts
        for row in range(len(rows))
    ]
