"""What matches and what does not: as a page, as objects, as rows."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gatepost.cells import counted, one_line, percent
from gatepost.page_parts import aligned, heading

if TYPE_CHECKING:
    from sync.identity_report import SourceIdentity

COLUMNS = ("source", "kind", "what", "way", "events", "matched", "accounts")
"""Of the CSV. `kind`: event, no key, way, unknown key, doubled key, account without events."""

_LISTED = 10
_ACCOUNTS_LISTED = 3


def plain(found: "SourceIdentity") -> dict[str, Any]:
    """One source for programs; its keys stay."""
    return {
        "source": found.source,
        "accounts": found.accounts,
        "events": found.total(lambda one: one.events),
        "matched": found.total(lambda one: one.matched),
        "no_key": found.total(lambda one: one.no_key),
        "ways": [asdict(one) for one in found.ways],
        "by_event": [asdict(one) for one in found.by_event],
        "unknown_keys": found.stranger_keys,
        "unknown_key_events": found.stranger_events,
        "unknown_key_examples": [asdict(one) for one in found.strangers],
        "accounts_without_events": found.silent_accounts,
        "account_examples": [asdict(one) for one in found.silent],
        "doubled": [asdict(one) for one in found.doubled],
    }


def cells(found: Sequence["SourceIdentity"]) -> Iterator[list[str]]:
    """All of it as rows of COLUMNS."""
    for one in found:
        for event in one.by_event:
            yield [one.source, "event", event.event, "", str(event.events), str(event.matched), ""]
            if event.no_key:
                yield [one.source, "no key", event.event, "", str(event.no_key), "0", ""]
        for way in one.ways:
            yield [one.source, "way", "", way.way, str(way.events), str(way.events), ""]
        for key in one.strangers:
            yield [one.source, "unknown key", key.key, "", str(key.events), "0", ""]
        for shared in one.doubled:
            ids = ";".join(shared.accounts)
            yield [one.source, "doubled key", shared.key, shared.way, str(shared.events), "0", ids]
        for silent in one.silent:
            name = silent.name or silent.account
            yield [one.source, "account without events", name, "", "0", "0", silent.account]


def page(found: "SourceIdentity") -> Iterator[str]:
    """One source for people."""
    events, matched = found.total(lambda one: one.events), found.total(lambda one: one.matched)
    no_key = found.total(lambda one: one.no_key)
    share = f"{percent(matched / events)} of " if events else ""
    said = f"{share}{counted(events, 'event')} with a key found their account"
    yield heading(f"{found.source}: {said}")
    yield from _indented(
        aligned(
            [
                [f"by {one.way}", counted(one.events, "event"), counted(one.keys, "key")]
                for one in found.ways
            ],
            right={1, 2},
        )
    )
    if found.by_event:
        rows = [
            [one_line(one.event), *(f"{n:,}" for n in (one.events, one.matched, one.no_key))]
            for one in found.by_event
        ]
        yield ""
        header = ["event", "with a key", "matched", "without a key"]
        yield from _indented(aligned([header, *rows], right={1, 2, 3}))
    for title, lines in (
        (_without_account(found, no_key), _strangers(found)),
        (_without_events(found), _silent(found)),
        (_doubled_title(found), _doubled(found)),
    ):
        if title:
            yield ""
            yield f"  {title}"
            yield from _indented(lines, 4)


def _without_account(found: "SourceIdentity", no_key: int) -> str:
    said = []
    if found.stranger_keys:
        keys = counted(found.stranger_keys, "key")
        said.append(f"{counted(found.stranger_events, 'event')} by {keys} that no account has")
    if no_key:
        said.append(f"{counted(no_key, 'event')} without a key")
    return "Events without an account: " + ", and ".join(said) if said else ""


def _strangers(found: "SourceIdentity") -> list[str]:
    shown = found.strangers[:_LISTED]
    rows = [[one_line(one.key), counted(one.events, "event"), one_line(one.hint)] for one in shown]
    return [*aligned(rows, right={1}), *_more(found.stranger_keys, len(shown))]


def _without_events(found: "SourceIdentity") -> str:
    if not found.silent_accounts:
        return ""
    return f"Accounts without events: {found.silent_accounts:,} of {found.accounts:,}"


def _silent(found: "SourceIdentity") -> list[str]:
    if not found.product:  # an account without a case is no news
        return []
    shown = found.silent[:_LISTED]
    shared = {account for one in found.doubled for account in one.accounts}
    rows = []
    for one in shown:
        key = one.key or ("a shared key" if one.account in shared else "no key")
        rows.append([one_line(one.name or one.account), one.account, one_line(key)])
    return [*aligned(rows), *_more(found.silent_accounts, len(shown))]


def _doubled_title(found: "SourceIdentity") -> str:
    return f"Keys that several accounts share: {len(found.doubled):,}" if found.doubled else ""


def _doubled(found: "SourceIdentity") -> list[str]:
    rows = []
    for one in found.doubled[:_LISTED]:
        more = len(one.accounts) - _ACCOUNTS_LISTED
        ids = ", ".join(one.accounts[:_ACCOUNTS_LISTED]) + (f" and {more} more" if more > 0 else "")
        rows.append([one_line(one.key), one.way, counted(one.events, "event"), ids])
    return [*aligned(rows, right={2}), *_more(len(found.doubled), len(rows))]


def _more(there: int, shown: int) -> list[str]:
    return [f"and {there - shown:,} more"] if there > shown else []


def _indented(lines: Sequence[str], by: int = 2) -> Iterator[str]:
    return (" " * by + line for line in lines)
