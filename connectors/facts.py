"""What a connection can tell of itself, and what it can make: for `check --live` and `provision`.

Facts are what a vendor says, in words that all of them share; whether they are good for a mapping
is judged in sync/. Nothing here changes a record.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, Protocol

Kind = Literal["text", "number", "date", "boolean", "any", "none"]
"""What a field gives when it is read; `any` where values have no types, as in a CSV, `none` where
it holds no single value."""

Takes = Literal["text", "number", "date", "boolean", "list"]
"""What an output can be. A list is several choices at once."""

Progress = Callable[[str, int, int], None]
"""What is being done, how much of it is done, how much there is (0: nobody knows)."""


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """One field as this connection's user sees it.

    `type` is the vendor's own word. `refusal` says why it cannot be written, with what may help in
    `remedy`; "" where it can. `options` are the values of a list to pick from, None where there is
    none or where the vendor keeps them elsewhere; `restricted`: others are refused.
    """

    name: str
    type: str
    kind: Kind
    takes: frozenset[Takes]
    label: str = ""
    length: int | None = None
    """characters that fit, None where that is no matter"""
    digits: int | None = None
    """that a number may have before its point"""
    decimals: int | None = None
    """that a number keeps behind it"""
    options: tuple[str, ...] | None = None
    restricted: bool = False
    refusal: str = ""
    remedy: str = ""
    grantable: bool = False
    """whether that is only for want of a right, which `provision` can give"""
    can_be_empty: bool = True
    can_extend: str = ""
    """why options cannot be added by a program; "" where they can"""


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """One object with the fields that this user sees, by name."""

    name: str
    fields: Mapping[str, FieldFacts]
    hidden: Mapping[str, str] = field(default_factory=dict)
    """fields that are known to be there though this user does not see them → why, and what helps"""
    invisible: bool = False
    """whether what a user may not see looks as if it was not there"""
    ids: frozenset[str] | None = None
    """the fields by which records are found to be written; None: any"""
    refusal: str = ""
    """why this user cannot change its records; "" where it can"""


@dataclass(frozen=True, slots=True)
class Lack:
    """A right, or a scope, that the connection's user does not have."""

    message: str
    hint: str = ""
    unreadable: str = ""
    """the object that cannot be read at all for want of it"""


@dataclass(frozen=True, slots=True)
class Access:
    """Who the connection is, in a few words, and what it may not do of what it was asked."""

    who: str
    lacks: tuple[Lack, ...] = ()


@dataclass(frozen=True, slots=True)
class Estimate:
    """Calls of a sync, upper bounds. `quiet`: one of every day; `full`: the largest one, which
    `meaning` tells."""

    quiet: int
    full: int
    records: Mapping[str, int] = field(default_factory=dict)
    """object → how many there are, of those that were counted"""
    meaning: str = "writes every record"


class Inspector(Protocol):
    """Looks, and changes nothing. Raises FixConfig, StopCycle and RetryLater as reading does."""

    def access(self, reads: Sequence[str], writes: Sequence[str]) -> Access:
        """Try the credentials, and what may be done with these objects. Raises what a login
        raises; what only one object lacks is told in the answer."""
        ...

    def describe(self, object_name: str, names: Sequence[str] = ()) -> ObjectFacts:
        """An object's fields. `names` are those that somebody means: of them, those that are more
        than a plain field (`Owner.Name`) are in the answer too, if they can be read. StopCycle if
        there is no such object for this user."""
        ...

    def last_day(self, object_name: str, at: str) -> date | None:
        """The newest day in the field `at` of the object's records; None if there is none."""
        ...

    def estimate(
        self, accounts: str | None, events: Sequence[str], *, writes: bool
    ) -> Estimate | None:
        """Calls that a sync takes which reads these objects; None where calls cost nothing.
        `accounts` None: they are kept elsewhere, and nothing is written here."""
        ...


@dataclass(frozen=True, slots=True)
class FieldWish:
    """A field to be made. `kind` `list` with options is a list to pick several from; `text` with
    options one to pick one from. `decimals` of a number."""

    name: str
    kind: Takes
    label: str
    description: str
    options: tuple[str, ...] | None = None
    decimals: int = 0


@dataclass(frozen=True, slots=True)
class Todo:
    """One thing to do. `options` are those to add, in order."""

    action: Literal["create", "options", "grant"]
    wish: FieldWish
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one Todo. `reason` in the vendor's words; `by_hand` is what to click."""

    done: bool
    reason: str = ""
    by_hand: str = ""


class Provisioner(Protocol):
    """Makes fields. Never changes a type, never takes anything away."""

    def name_problem(self, name: str) -> tuple[str, str] | None:
        """Why no field can be called so, and what would do ("" if nothing); None if one can."""
        ...

    def made_of(self, wish: FieldWish) -> str:
        """What would be made, in the vendor's words: `Picklist of 5 values`."""
        ...

    def by_hand(self, object_name: str, todo: Todo) -> str:
        """Where an administrator clicks to do it."""
        ...

    def carry_out(self, object_name: str, todos: Sequence[Todo], tick: Progress) -> list[Done]:
        """Do them all; one result each, in the same order. Safe to repeat: what is there already
        is done. Raises only if nothing at all was done by this call."""
        ...
