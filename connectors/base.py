"""What every connection can be asked, and the frozen rows that pass to and fro.

Three small protocols instead of one class to inherit from: a vendor implements those that it can.
tests/contract/ holds the behaviour that every implementation shows. Errors are those of
config.errors: RetryLater (the same request may work), RecordRejected (this record will not),
StopCycle (nothing after this is safe), FixConfig (only the user can help).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from connectors.facts import Inspector, Provisioner

Raw = str | float | int | bool | None
"""A value as a vendor gives it. A CSV knows text alone; its empty cell is None."""

Value = str | float | int | bool | date | tuple[str, ...] | None
"""A value as it is written. A tuple is a multi-select; None clears the field."""


@dataclass(frozen=True, slots=True)
class Part:
    """The unit that is pulled whole and replaced whole: a file, an export window.

    `fingerprint` is cheap to get and differs whenever the content may differ; `size` in bytes is
    for progress alone, 0 where nobody knows.
    """

    name: str
    fingerprint: str
    size: int = 0
    replaces: tuple[str, ...] = ()
    """parts that it takes the place of, where they are still known"""
    span: tuple[datetime, datetime] | None = None
    """the instants in which its events lie, from the first to before the second; None where that
    is not known. A body without events is judged by what the lake has of them."""


@dataclass(frozen=True, slots=True)
class Take:
    """Where a value is looked for: in the property `name`, if it holds text there. `where`: only
    in records in which that property is that text. `unless`: not a text that begins so."""

    name: str
    where: tuple[str, str] | None = None
    unless: str = ""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a vendor's properties mean beyond their names. The engine minds it while it reads, so
    that no body is walked through twice; whatever is said here belongs in the fingerprint too."""

    local: Mapping[str, str] = field(default_factory=dict)
    """property → IANA zone: its numbers are the wall clock of that zone, written as if it was UTC.
    Of an hour that comes twice the later is meant; one that is left out is read as if it was not.
    """
    take: Mapping[str, Sequence[Take]] = field(default_factory=dict)
    """property → where its value is taken from: the first that has one"""
    top: tuple[str, ...] | None = None
    """The properties that stand at the top of a record of JSON, all others being under `properties`
    there. None: they may be in either place."""
    keeps: bool = False
    """Events never leave this place: a body without any, where there were some, is a bad answer."""


@dataclass(frozen=True, slots=True)
class Body:
    """A raw body on this machine's disk, spooled or found there, which the engine reads itself.

    Whoever gets it must not change or delete it, unless it lies in the spool folder it passed.
    """

    path: Path
    format: Literal["jsonl", "csv", "parquet"]
    gzip: bool = False
    meaning: Meaning | None = None
    first_line: int | None = None
    """Of a piece of a body: the number of its first line. Whoever reads a piece deletes it."""


@runtime_checkable
class EventSource(Protocol):
    """Events of one entry of mapping.yaml, in parts."""

    def parts(self) -> Sequence[Part]:
        """Everything there is now, ordered by name; names differ. A part that was here before and
        is not any more has been taken away on purpose: its events go. So where the place itself
        cannot be seen this raises StopCycle, and never answers with an empty list."""
        ...

    def fetch(self, part: Part, spool: Path) -> Body:
        """The body of a part, checked to be whole as far as the vendor lets one check. `spool` is
        an empty folder to put it in, if it is not on this machine already. Safe to repeat."""
        ...

    def digest(self, part: Part) -> str:
        """A hash of the part's content, "" where it costs as much as fetching. Called when the
        fingerprint is new (the same content need not be read again) and after the body was read:
        raises RetryLater if the part is not what `part.fingerprint` said, so was being written."""
        ...

    def warnings(self) -> Sequence[str]:
        """What people should hear about what `parts` saw and left out; sentences, perhaps none."""
        ...


@runtime_checkable
class Selective(Protocol):
    """An EventSource that reads of each record only what it is told to."""

    def select(self, names: Sequence[str]) -> None:
        """The properties that the entry means something by. Called before `parts`."""
        ...


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that could not be read: where it stands (0: nobody can say), why, its text, cut."""

    line: int
    reason: str
    text: str


@runtime_checkable
class AccountSource(Protocol):
    """Records of an object, with the values that they have now."""

    def columns(self, object_name: str) -> Sequence[str]:
        """The names of all fields of the object that this connection may read, in its order."""
        ...

    def fingerprint(self, object_name: str) -> str:
        """Cheap; differs whenever a record may differ. "" where nothing cheap is to be had."""
        ...

    def read(self, object_name: str, columns: Sequence[str]) -> Iterator[dict[str, Raw]]:
        """All records, streamed, each with exactly `columns`; None where a value is missing.
        StopCycle if the object or a column is not there, or (at the end) if too many records could
        not be read. Order as the vendor's; an id may come twice, and one may be missing."""
        ...

    def rejected(self, object_name: str) -> tuple[int, Sequence[Rejected]]:
        """How many records the last complete `read` could not read, and the first thousand."""
        ...


class Record(NamedTuple):  # these three are tuples, since a run makes tens of thousands of them
    """What a record says now, of the fields that were asked for."""

    id: str
    values: Mapping[str, Raw]


class RecordWrite(NamedTuple):
    """Fields of one record and the values they shall have. Other fields stay as they are."""

    id: str
    values: Mapping[str, Value]


class WriteResult(NamedTuple):
    """What became of one RecordWrite.

    written: the record has all the values now. rejected: it has none of them, and `reason` (with
    the vendor's `code`, if any) says why trying again is no use. unknown: nobody can say; read
    before anything is repeated.
    """

    id: str
    outcome: Literal["written", "rejected", "unknown"]
    reason: str = ""
    code: str = ""


@runtime_checkable
class FieldSink(Protocol):
    """Where computed values go. Updates only: no record is ever made or deleted here."""

    def read(self, object_name: str, id_field: str, fields: Sequence[str]) -> Iterator[Record]:
        """All records with an id, streamed, with what `fields` hold now: what a diff looks at."""
        ...

    def write(
        self, object_name: str, id_field: str, writes: Sequence[RecordWrite]
    ) -> list[WriteResult]:
        """Carry out `writes`; one result per input, in the same order. Safe to repeat: a value
        that is there already is written. Raises only if nothing at all was written by this call."""
        ...


@runtime_checkable
class Warns(Protocol):
    """A source that may have something to tell people besides its records."""

    def warnings(self) -> Sequence[str]:
        """Sentences that were not told yet, perhaps none."""
        ...


@runtime_checkable
class Batched(Protocol):
    """A FieldSink that carries its writes in requests of a certain size: given that many at once,
    it can say of each request whether it was sent, and a run can stop between two."""

    batch_size: int


@runtime_checkable
class BatchedByNumber(Protocol):
    """A Batched sink whose batches depend on how many records there are: few go in requests that a
    run can stop between, many together, where the vendor has a better way for many."""

    def batch_for(self, records: int) -> int:
        """How many of so many `records` to give it at once."""
        ...


@runtime_checkable
class ReadsSome(Protocol):
    """A FieldSink that can be asked for some records only."""

    def read_some(
        self, object_name: str, id_field: str, fields: Sequence[str], ids: Sequence[str]
    ) -> Iterator[Record]:
        """As FieldSink.read, of those of `ids` that are there."""
        ...


@runtime_checkable
class Parallel(Protocol):
    """An EventSource of which several parts may be fetched at once, each by a thread of its own."""

    at_once: int

    def give_up(self) -> None:
        """Nobody waits for the running fetches any more: they end soon, and ask for nothing."""
        ...


@runtime_checkable
class Piecemeal(Protocol):
    """An EventSource whose bodies can be read while the rest of them comes."""

    def fetch_pieces(
        self, part: Part, spool: Path, ready: Callable[[Body], None], anew: Callable[[], None]
    ) -> None:
        """As `fetch`, of the same errors and checks, which hold once this returns. `ready` gets
        each piece in order, the lines of all making up the body.
        `anew` says that what came until then is of a body that broke off: it begins anew."""
        ...


@runtime_checkable
class ListsEvents(Protocol):
    """A Connector that can say which events its product knows."""

    def event_names(self, wanted: Collection[str], since: date) -> Mapping[str, date | None]:
        """Event names → the last day on which each was seen; None where it is known by name alone.

        Of `wanted` those seen on `since` or later are all there: a name that is missing was not
        seen. Others are there as far as they cost nothing more, to suggest the nearest of. Counts
        against the budget like any other request. Raises as `parts` and `fetch` do.
        """
        ...


@dataclass(frozen=True, slots=True)
class Sight:
    """A record as it is now, with exactly the columns asked for. `values` None: it is not there any
    more; `into` is then the id of the record that it was merged into, if it was."""

    id: str
    values: Mapping[str, Raw] | None
    into: str | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """What `ReadsChanged` found. `whole`: `records` are all there are, so that others have gone.
    Else they are those that may have changed, and those that have gone."""

    whole: bool
    records: Iterator[Sight]
    watermark: Callable[[], str]
    """for the next time of asking; to be called when `records` was read to its end"""


@runtime_checkable
class ReadsChanged(Protocol):
    """An AccountSource that can tell what has changed since it was read."""

    def read_changed(
        self, object_name: str, id_field: str, columns: Sequence[str], since: str | None
    ) -> Changed:
        """As `read`. `since`: the last watermark, None for all records. Nothing that changed after
        that is ever left out; where the source cannot promise it, it reads everything anew."""
        ...


@dataclass(frozen=True, slots=True)
class PastChange:
    """A field of a record that was something else until an instant (aware), as the vendor kept
    it."""

    id: str
    field: str
    at: datetime
    before: Raw
    after: Raw


@runtime_checkable
class ReadsHistory(Protocol):
    """An AccountSource whose vendor keeps what fields were before."""

    def history(self, object_name: str, columns: Sequence[str]) -> Iterator[PastChange]:
        """Changes of these fields as far back as they are kept, of all records, in any order; none
        of fields whose history nobody keeps or this user may not see."""
        ...


@dataclass(frozen=True, slots=True)
class BudgetLeft:
    """Requests of a connection in the `period` that ends now: those that it sent in all its runs,
    and how many it may. None where nobody knows yet what the account has."""

    used: int
    allowed: int | None
    left: int | None
    """that may still be sent: the rest of what is allowed, and less where others used up theirs"""
    period: timedelta
    account_limit: int | None = None
    account_used: int | None = None
    """by everybody, as last heard; None where that was too long ago"""


@runtime_checkable
class Budgeted(Protocol):
    """A Connector whose requests are counted."""

    def budget(self) -> BudgetLeft | None:
        """As far as it is known now; sends nothing. None where nothing bounds it."""
        ...


@runtime_checkable
class NeedsSecrets(Protocol):
    """A Connector that cannot do without secrets."""

    def check_secrets(self) -> None:
        """FixConfig with every one that is missing. Sends nothing."""
        ...


@runtime_checkable
class Inspects(Protocol):
    """A Connector that can be looked at: its rights, its fields, what a sync costs."""

    def inspector(self) -> "Inspector": ...


@runtime_checkable
class Provisions(Protocol):
    """A Connector that can make the fields that are to be written."""

    def provisioner(self) -> "Provisioner": ...


@runtime_checkable
class KnowsOrganisation(Protocol):
    """A Connector that can say whose data it speaks to, so that nobody writes into another's."""

    def organisation(self) -> str:
        """The vendor's id of the organisation; "" where this login does not tell. Costs one
        request at most. Raises as the requests of the connection do."""
        ...


@runtime_checkable
class Connector(Protocol):
    """An open connection of gatepost.yaml. Raises StopCycle where a vendor lacks an ability."""

    def events(self, object_name: str | None) -> EventSource:
        """The product's events, or with an object's name its records, to be read as events."""
        ...

    def accounts(self) -> AccountSource: ...

    def sink(self) -> FieldSink: ...
