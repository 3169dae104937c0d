"""From pulled fields to the accounts of a journey: which travel it, and which keys are theirs."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

import numpy as np

from config.load import Project
from connectors.base import AccountSource, Raw, ReadsChanged, ReadsHistory
from mapping.accounts import AccountTable
from mapping.check import refuse
from mapping.compiled import CompiledJourney, compile_accounts_filter
from mapping.vector import Array
from sync.account_tables import Keys, account_table, selected
from sync.fields import NAME, FieldTable, Unreadable, load_fields
from sync.identity import AccountKeys, never_written
from sync.identity_ways import entry_keys
from sync.past import read_past
from sync.shown import keep_pulled, mirrored
from sync.sightings import Sighted, merged_into, record_sightings
from sync.state import State


@dataclass(frozen=True)
class JourneyAccounts:
    """The accounts of one journey as of its last day.

    `keys`: by source, over `accounts`. `found`: the same over all accounts that `accounts.where`
    lets through, for the match report. `never`: ids that are not to be written, each with why.
    """

    accounts: AccountTable
    keys: tuple[Keys, ...]
    found: tuple[AccountKeys, ...]
    never: dict[str, str]
    unreadable: dict[str, Unreadable]


def pull_accounts(
    project: Project,
    state: State,
    source: AccountSource,
    seen: str,
    *,
    tick: Callable[[int], None],
) -> Sighted | None:
    """Note what the CRM says of every account now; None if nothing can have changed.

    `tick` is called with the number of accounts read so far. Safe to repeat.
    """
    spec = project.mapping.accounts
    columns = _columns(project)
    wanted = list(dict.fromkeys([spec.id, *columns.values()]))
    if isinstance(source, ReadsChanged):
        written = mirrored(project, source)
        sighted = _pull_changed(project, state, source, wanted, written, seen, tick)
        if isinstance(source, ReadsHistory):
            fields = {name: field.field for name, field in project.mapping.fields.items()}
            sighted.past = read_past(state, source, spec.object, fields, seen, tick=tick)
        return sighted
    cheap = source.fingerprint(spec.object)
    fingerprint = _fingerprint(project, cheap) if cheap else None
    if fingerprint is not None and fingerprint == _last_fingerprint(state, spec.object):
        return None

    nobody = 0

    def rows() -> Iterator[tuple[str, dict[str, Raw]]]:
        nonlocal nobody
        for number, row in enumerate(source.read(spec.object, wanted), 1):
            if number % 1000 == 0:
                tick(number)
            account = row[spec.id]
            if account in (None, ""):
                nobody += 1
            else:
                yield str(account), {name: row[column] for name, column in columns.items()}

    sighted = record_sightings(state, spec.object, rows(), seen, fingerprint=fingerprint)
    sighted.without_id = nobody
    return sighted


def _pull_changed(
    project: Project, state: State, source: ReadsChanged, wanted: list[str], written: list[str],
    seen: str, tick: Callable[[int], None],
) -> Sighted:  # fmt: skip
    """As `pull_accounts`, of a source that can tell what changed since it was asked last. What the
    `written` fields show is kept for the next diff: with a record, they cost no call more."""
    spec = project.mapping.accounts
    asked, columns = _fingerprint(project, f"changed since {written}"), _columns(project)
    found = source.read_changed(
        spec.object, spec.id, list(dict.fromkeys([*wanted, *written])),
        _last_watermark(state, spec.object, asked),
    )  # fmt: skip
    merged: dict[str, str] = {}
    shown: dict[str, dict[str, Raw] | None] = {}

    def rows() -> Iterator[tuple[str, dict[str, Raw] | None]]:
        for number, sight in enumerate(found.records, 1):
            if number % 1000 == 0:
                tick(number)
            if sight.into is not None:
                merged[sight.id] = sight.into
            values = sight.values
            if values is None:
                shown[sight.id] = None
                yield sight.id, None
            elif sight.id:
                shown[sight.id] = {name: values[name] for name in written}
                yield sight.id, {name: values[column] for name, column in columns.items()}

    return record_sightings(
        state, spec.object, rows(), seen, fingerprint=asked, whole=found.whole,
        watermark=found.watermark, merged=merged,
        also=lambda: keep_pulled(state, spec.object, shown, whole=found.whole),
    )  # fmt: skip


def note_own_write(
    project: Project, state: State, before: str, after: str, written: Collection[str]
) -> None:
    """Have the next pull know the accounts as we left them, so that it need not read them again.

    Our write of the fields `written` took them from the fingerprint `before` to `after`. Nothing is
    noted if `before` is not what was pulled last or a pulled field was written. Safe to repeat.
    """
    # An edit by somebody else cannot hide: one before our write makes `before` another one than
    # that of the pull, and one after it makes the next fingerprint another one than `after`, which
    # is that of our text alone. (One in between is lost with or without this; the sink looks for
    # it just before it renames.)
    spec = project.mapping.accounts
    if not {spec.id, *_columns(project).values()}.isdisjoint(written):
        return
    with state.transaction() as connection:
        connection.execute(
            "UPDATE pulls SET fingerprint = ?"
            " WHERE id = (SELECT max(id) FROM pulls WHERE object = ?) AND fingerprint = ?",
            (_fingerprint(project, after), spec.object, _fingerprint(project, before)),
        )


def _columns(project: Project) -> dict[str, str]:
    """What is pulled of an account: field name to the CRM's field."""
    columns = {name: field.field for name, field in project.mapping.fields.items()}
    if project.mapping.accounts.name is not None:
        columns.setdefault(NAME, project.mapping.accounts.name)
    return columns


def _fingerprint(project: Project, cheap: str) -> str:
    """A pull's fingerprint: what the source says, and what was asked of it."""
    return f"{cheap} {project.mapping.accounts.id} {sorted(_columns(project).items())}"


def _last_fingerprint(state: State, object_name: str) -> str | None:
    found = state.value(
        "SELECT fingerprint FROM pulls WHERE object = ? ORDER BY id DESC LIMIT 1", (object_name,)
    )
    return None if found is None else str(found)


def _last_watermark(state: State, object_name: str, asked: str) -> str | None:
    """What the source said at the last pull, if the same was asked of it."""
    found = state.value(
        "SELECT watermark FROM (SELECT watermark, fingerprint FROM pulls WHERE object = ?"
        " ORDER BY id DESC LIMIT 1) WHERE fingerprint = ?",
        (object_name, asked),
    )
    return None if found is None else str(found)


Customers = tuple[FieldTable, AccountTable, Array]
"""All records that are there on a day, twice over, and the numbers of those that `accounts.where`
lets through."""


def journey_accounts(
    project: Project,
    customers_there: Customers,
    compiled: CompiledJourney,
    as_of: date,
    distinct: Callable[[str], Sequence[str]],
) -> JourneyAccounts:
    """Who travels a journey on a day, with fields, keys and whom never to write. `distinct` gives
    the keys that the lake has of a source.

    Keys are unique among all accounts that `accounts.where` lets through, travelling or not: a key
    that one of them shares with a stranger says nothing about either.
    """
    table, everyone, customers = customers_there
    found = tuple(
        entry_keys(table, entry, customers.tolist(), project.folder, partial(distinct, entry.name))
        for entry in project.mapping.events
    )
    travels = np.zeros(everyone.size, np.bool_)
    travels[selected(everyone, compiled.accounts, as_of)] = True
    travellers = customers[travels[customers]]
    position = np.full(everyone.size, -1, np.int32)
    position[travellers] = np.arange(len(travellers), dtype=np.int32)
    return JourneyAccounts(
        everyone.take(travellers),
        tuple(_moved(keys, position) for keys in found),
        found,
        never_written(found),
        dict(table.unreadable),
    )


def customers_of(project: Project, state: State, timezone: str, as_of: date) -> Customers:
    """The customers at the end of a day in `timezone`."""
    mapping = project.mapping
    spec = mapping.accounts
    table = load_fields(state, spec.object, mapping.fields, timezone, as_of)
    table = replace(table, merged=merged_into(state, spec.object))
    everyone = account_table(table)
    return table, everyone, selected(everyone, compile_accounts_filter(mapping, refuse), as_of)


def narrowed(whole: JourneyAccounts, index: Array) -> JourneyAccounts:
    """Only some of the accounts (numbers, ascending); keys are what they were among all."""
    position = np.full(whole.accounts.size, -1, np.int32)
    position[index] = np.arange(len(index), dtype=np.int32)
    keys = tuple(
        _moved(AccountKeys(one.account_no, one.account_key, ()), position) for one in whole.keys
    )
    chosen = whole.accounts.take(index)
    return JourneyAccounts(chosen, keys, whole.found, whole.never, whole.unreadable)


def _moved(keys: AccountKeys, position: Array) -> Keys:
    account_no = position[keys.account_no] if len(keys.account_no) else keys.account_no
    here = account_no >= 0
    return Keys(account_no[here].astype(np.int32), keys.account_key[here])
