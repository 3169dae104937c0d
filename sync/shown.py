"""What the CRM showed last in the fields that are written, so that nobody reads them all each run.

A pull asks for these fields along with the mapped ones, and keeps them in the transaction that
keeps its watermark: what the mirror says of a record is never older than what the next pull looks
behind. It is believed where it says that nothing is to be written. What would be written over is
read again first, since a change that the CRM does not tell of yet may hide it.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from config.load import Project
from connectors.base import AccountSource, Raw, Value
from sync.diff import Change, Diff, Observed
from sync.forgotten import ACCOUNT, load_forgotten
from sync.plain import plain
from sync.state import State

_SAVE = 'INSERT INTO shown (object, field, accounts, "values") VALUES (?, ?, ?, ?)'


@dataclass(slots=True)
class Shown:
    """The mirror of one object: field → record id → what the record showed."""

    object: str
    fields: dict[str, dict[str, Raw]] = field(default_factory=dict)
    _changed: bool = False

    @classmethod
    def load(cls, state: State, object_name: str) -> "Shown":
        """As it was saved last; empty where it never was."""
        found = cls(object_name)
        rows = state.rows(
            'SELECT field, accounts, "values" FROM shown WHERE object = ?', (object_name,)
        )
        for name, *columns in rows:
            accounts, values = (json.loads(str(column)) for column in columns)
            found.fields[str(name)] = dict(zip(accounts, values, strict=True))
        return found

    def records(self, ids: Iterable[str], fields: Sequence[str]) -> dict[str, Observed]:
        """Those of `ids` of which all of `fields` are known, with what they showed."""
        columns = [self.fields.get(name, {}) for name in fields]
        return {
            one: {name: known[one] for name, known in zip(fields, columns, strict=True)}
            for one in ids
            if all(one in known for known in columns)
        }

    def put(self, account_id: str, values: Observed) -> None:
        """All that is known of a record from now on."""
        self.drop([account_id])
        self.note(account_id, values)

    def note(self, account_id: str, values: Mapping[str, Value]) -> None:
        """Fields of a record show this now; what is known of its others stays."""
        self._changed = True
        for name, value in values.items():
            self.fields.setdefault(name, {})[account_id] = plain(value)

    def drop(self, ids: Iterable[str]) -> None:
        """Nothing is known of these records."""
        self._changed = True
        for one in ids:
            for known in self.fields.values():
                known.pop(one, None)

    def look(
        self, ids: Sequence[str], read: Callable[[Sequence[str]], dict[str, Observed]]
    ) -> dict[str, Observed]:
        """What `read` gives for `ids`, which is known from then on."""
        found = read(ids)
        self.drop(one for one in ids if one not in found)
        for one, values in found.items():
            self.put(one, values)
        return found

    def save(self, state: State, *, but: Iterable[str] = ()) -> None:
        """Keep it, `but` for some records, in one transaction or in the one that goes on. Safe to
        repeat."""
        without = frozenset(but)
        if not self._changed and not without:
            return
        forgotten = load_forgotten(state)
        with state.transaction() as connection:
            connection.execute("DELETE FROM shown WHERE object = ?", (self.object,))
            for name, known in sorted(self.fields.items()):
                kept = {
                    one: value
                    for one, value in known.items()
                    if one not in without and not forgotten.names_someone(value)
                }
                texts = (json.dumps(list(column)) for column in (kept, kept.values()))
                connection.execute(_SAVE, (self.object, name, *texts))
        self._changed = bool(without)


def mirrored(project: Project, source: AccountSource) -> list[str]:
    """The fields that a pull reads for the mirror: those that are written, as far as they are
    there. What is missing is told by who wants to write it; a pull has no need of it."""
    fields = {name for entry in project.mapping.write for name in entry.targets()}
    if not fields:
        return []
    return sorted(fields.intersection(source.columns(project.mapping.accounts.object)))


def keep_pulled(
    state: State, object_name: str, seen: Mapping[str, Observed | None], *, whole: bool
) -> None:
    """Have the mirror know what a pull saw: of all records, if it read the `whole` object. None:
    the record is gone. To be called in the pull's transaction."""
    if not whole and not seen:
        return
    shown = Shown(object_name, _changed=True) if whole else Shown.load(state, object_name)
    forgotten = load_forgotten(state)
    for one, values in seen.items():
        if values is None or forgotten.knows(ACCOUNT, one):
            shown.drop([one])
        else:
            shown.put(one, values)
    shown.save(state)


def certain(
    known: Mapping[str, Observed],
    fresh: Mapping[str, Observed],
    differences: Callable[[Mapping[str, Observed]], list[Diff]],
    look: Callable[[Sequence[str]], dict[str, Observed]],
) -> list[Diff]:
    """What differs from what is wanted, by records as `fresh` has them and, for the others, as they
    are `known`. Of those no change is in it that was not found by a `look` just now."""
    observed = {**known, **fresh}
    found = differences(observed)
    doubtful = sorted(known.keys() & {one.account_id for each in found for one in each.changes})
    if not doubtful:
        return found
    for one in doubtful:
        del observed[one]
    return differences(observed | look(doubtful))


def note_written(
    shown: Shown, confirmed: Iterable[Sequence[Change]], doubtful: Iterable[str]
) -> None:
    """After a push: records show what was confirmed; nobody knows what the `doubtful` show."""
    for changes in confirmed:
        for one in changes:
            shown.note(one.account_id, {one.field: one.to})
    shown.drop(doubtful)
