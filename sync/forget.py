"""Forgetting an account or a person: found, removed from everything under HOME, and searched for.

The order makes it safe to be killed: what is to go is noted in HOME/forgetting.json first, then
they are put on the list that every pull asks, then removed, then the note goes. Whoever repeats
the command goes on from the note.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from config.account_key import ID
from config.errors import StopCycle, UsageError
from config.load import Project
from config.problem import quoted as in_quotes
from sync.engine import DuckEngine
from sync.fields import load_fields
from sync.forget_lake import LakeForgetter
from sync.forget_state import forget_in_state, wipe_freed
from sync.forgotten import ACCOUNT, USER, key_kind, load_forgotten, remember_forgotten
from sync.identity_ways import entry_keys
from sync.lake import Lake, register_events
from sync.lake_write import make_durable
from sync.search_home import NOTE, Searched, in_compressed, search_home
from sync.state import State
from sync.terms import Terms, told_apart
from sync.typed import read_text

_DISPOSABLE = ("checkpoints", "scratch", "spool", "lake/staging", "lake/pruning")
_LARGEST_TEXT = 64 << 20

_EVER = date(9998, 12, 31)

Tick = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Subject:
    """Who is to be forgotten: ids of accounts, their names and keys by source, users."""

    who: tuple[str, ...]
    accounts: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    keys: dict[str, frozenset[str]] = field(default_factory=dict)
    users: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    """keys that another account has as well: their events stay"""

    @property
    def texts(self) -> frozenset[str]:
        """Everything that names them."""
        return frozenset().union(self.accounts, self.names, self.users, *self.keys.values())


@dataclass(slots=True)
class Erased:
    """What was removed, and what a search of everything found afterwards."""

    who: tuple[str, ...]
    events: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    files: int = 0
    searched: Searched = field(default_factory=Searched)
    doubtful: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return asdict(self)


class Forgetting:
    """One removal. The caller holds the run lock, and has `state` and `engine` open."""

    def __init__(self, project: Project, state: State, engine: DuckEngine) -> None:
        self._project, self._state, self._engine = project, state, engine
        self._home, self._lake = project.home, Lake(project.home)
        self._object = project.mapping.accounts.object

    # ------------------------------------------------------------------------------------- find

    def find(self, who: Sequence[str]) -> Subject:
        """Who is meant: by id or name of an account, or as events or fields name a user. UsageError
        if nothing here names one of them and nothing ever did."""
        if not all(one.strip() for one in who):
            raise UsageError("an empty name names nobody", "nothing was removed")
        noted = self._noted()
        if noted is not None:
            if not frozenset(who) <= noted.texts | frozenset(noted.who):
                raise UsageError(
                    "somebody else was being forgotten when that was cut short",
                    f"first finish it: gatepost forget {' '.join(map(in_quotes, noted.who))}",
                )
            return noted
        latest = self._latest()
        found = [self._account(one, latest) for one in who]
        accounts = frozenset(account for account in found if account is not None)
        users = frozenset(one for one, account in zip(who, found, strict=True) if account is None)
        for one in users:
            self._must_be_known(one)
        return self._with_keys(Subject(tuple(who), accounts, users=users))

    def _noted(self) -> Subject | None:
        try:
            said = json.loads((self._home / NOTE).read_text(encoding="utf-8"))
            return Subject(
                tuple(said["who"]), frozenset(said["accounts"]), frozenset(said["names"]),
                {source: frozenset(keys) for source, keys in said["keys"].items()},
                frozenset(said["users"]), frozenset(said["shared"]),
            )  # fmt: skip
        except (FileNotFoundError, ValueError):
            return None  # half written: then nothing was removed yet
        except (LookupError, TypeError, AttributeError) as error:
            raise StopCycle(
                f"{self._home / NOTE} is none of this version's notes",
                "finish with the version that wrote it, or delete it and forget them anew",
            ) from error

    def _latest(self) -> dict[str, str]:
        """Id and name of every account, as last seen."""
        rows = self._state.rows(
            "SELECT account_id, max(number), data ->> '$.name' FROM sightings"
            " WHERE object = ? AND data IS NOT NULL GROUP BY account_id",
            (self._object,),
        )
        return {str(account): str(name or "") for account, _, name in rows}

    def _account(self, who: str, latest: dict[str, str]) -> str | None:
        if who in latest:
            return who
        named = sorted(account for account, name in latest.items() if name == who)
        if len(named) > 1:
            raise UsageError(f"{in_quotes(who)} could be {', '.join(named)}", "name one by its id")
        return named[0] if named else None

    def _must_be_known(self, who: str) -> None:
        forgotten = load_forgotten(self._state)
        if any(forgotten.knows(kind, who) for kind in forgotten.hashes):
            return
        for source in self._lake.sources():
            register_events(self._engine, "events", self._lake.files(source), ())
            if self._engine.rows('SELECT 1 FROM events WHERE "user" = ? LIMIT 1', (who,)):
                return
        if self._search(Terms(frozenset({who})), {}).left:
            return
        raise UsageError(
            f"nothing here names {in_quotes(who)}",
            "an account is named by its id or its whole name, a user as the events do",
        )

    def _with_keys(self, subject: Subject) -> Subject:
        """The subject with every name and key that its accounts have, or ever had here."""
        names, past = self._past(subject.accounts)
        table = load_fields(self._state, self._object, self._project.mapping.fields, "UTC", _EVER)
        keys: dict[str, frozenset[str]] = {}
        shared: set[str] = set()
        for entry in self._project.mapping.events:
            found = entry_keys(
                table, entry, None, self._project.folder, partial(self._keys_of, entry.name)
            )
            owner = [table.accounts[number] in subject.accounts for number in found.account_no]
            known = set(found.account_key.tolist())
            ours = {
                key for key, mine in zip(found.account_key.tolist(), owner, strict=True) if mine
            }
            for doubled in found.doubled:
                if not subject.accounts.isdisjoint(doubled.accounts):
                    (ours if subject.accounts >= set(doubled.accounts) else shared).add(doubled.key)
            ours |= past.get(entry.name, set()) - known - shared
            keys[entry.name] = frozenset(ours)
        return replace(subject, names=names, keys=keys, shared=frozenset(shared))

    def _past(self, accounts: frozenset[str]) -> tuple[frozenset[str], dict[str, set[str]]]:
        """The names that accounts ever had, and by source the values of the field that is the
        key."""
        names: set[str] = set()
        keys: dict[str, set[str]] = {}
        for account, data in self._sightings():
            if account in accounts:
                values = json.loads(data)
                names |= {str(values["name"])} if values.get("name") else set()
                for entry in self._project.mapping.events:
                    value = (
                        account
                        if entry.account.equals == ID
                        else values.get(str(entry.account.equals))
                    )
                    if text := read_text(value):
                        keys.setdefault(entry.name, set()).add(text)
        return frozenset(names), keys

    def _keys_of(self, source: str) -> list[str]:
        register_events(self._engine, "events", self._lake.files(source), ())
        return [str(key) for (key,) in self._engine.rows("SELECT DISTINCT account_key FROM events")]

    def _sightings(self) -> Iterator[tuple[str, str]]:
        rows = self._state.rows(
            "SELECT account_id, data FROM sightings WHERE object = ? AND data IS NOT NULL",
            (self._object,),
        )
        return ((str(account), str(data)) for account, data in rows)

    # ----------------------------------------------------------------------------------- remove

    def events_of(self, subject: Subject) -> int:
        """How many events of the lake would go."""
        return self._forgetter(subject, Terms(frozenset())).events()

    def remove(self, subject: Subject, now: datetime, tick: Tick) -> Erased:
        """Remove the subject from everything under HOME, then search everything."""
        terms = self._terms(subject)
        self._note(subject)
        listed: dict[str, Iterable[str]] = {ACCOUNT: subject.accounts, USER: subject.users}
        listed["who"] = subject.who  # so that to ask once more is no mistake
        listed |= {key_kind(source): keys for source, keys in subject.keys.items()}
        remember_forgotten(self._state, listed, now)
        erased = Erased(
            subject.who, doubtful=tuple(sorted(terms.doubtful)),
            shared=tuple(sorted(subject.shared)),
        )  # fmt: skip
        tick("removing", 0, 0)
        erased.events = self._forgetter(subject, terms).run()
        erased.rows = forget_in_state(self._state, self._object, subject.accounts, terms)
        erased.files = self._remove_files(terms)
        wipe_freed(self._state)
        erased.searched = self._search(terms, subject.keys, tick)
        (self._home / NOTE).unlink()
        make_durable([self._home])
        return erased

    def _forgetter(self, subject: Subject, terms: Terms) -> LakeForgetter:
        return LakeForgetter(
            self._engine, self._lake, self._state, subject.keys, subject.users, terms
        )

    def _terms(self, subject: Subject) -> Terms:
        others = (data for account, data in self._sightings() if account not in subject.accounts)
        return told_apart(subject.texts, others, (f.source for f in self._project.files.values()))

    def _note(self, subject: Subject) -> None:
        said = {
            "who": subject.who, "accounts": sorted(subject.accounts),
            "names": sorted(subject.names), "users": sorted(subject.users),
            "keys": {source: sorted(keys) for source, keys in subject.keys.items()},
            "shared": sorted(subject.shared),
        }  # fmt: skip
        made = self._home / f".{NOTE}"
        made.write_text(json.dumps(said), encoding="utf-8")
        make_durable([made])
        made.replace(self._home / NOTE)
        make_durable([self._home])

    def _remove_files(self, terms: Terms) -> int:
        """Files besides lake and state: what is disposable goes whole, texts lose the lines that
        name them."""
        for name in _DISPOSABLE:
            shutil.rmtree(self._home / name, ignore_errors=True)
        count = 0
        for path in sorted(self._home.rglob("*")):
            own = path.name.startswith(("state.sqlite3", NOTE)) or path.suffix == ".parquet"
            if own or not path.is_file() or path.stat().st_size > _LARGEST_TEXT:
                continue
            data = path.read_bytes()
            packed = path.suffix == ".gz" and in_compressed(path, terms)
            if packed or (terms.pattern is not None and terms.pattern.search(data)):
                count += 1
                _rewrite(path, data, terms)
        return count

    def _search(
        self, terms: Terms, keys: dict[str, frozenset[str]],
        tick: Tick = lambda _what, _done, _of: None,
    ) -> Searched:  # fmt: skip
        return search_home(self._home, terms, keys, self._engine, self._state, tick)


def _rewrite(path: Path, data: bytes, terms: Terms) -> None:
    """Lines of a log or of JSON lines go; any other file goes whole: a plan or a report that names
    somebody is no use without the name."""
    pattern = terms.pattern
    if path.suffix != ".jsonl" or pattern is None:
        path.unlink()
        return
    lines = [line for line in data.splitlines(keepends=True) if not pattern.search(line)]
    if not lines:
        path.unlink()
        return
    made = path.with_name(f".{path.name}")
    made.write_bytes(b"".join(lines))
    made.replace(path)
