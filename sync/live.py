"""A project against its systems as they are now: what would stop a sync, found before one runs.

Every connection is tried, and whatever is wrong is told at once, each with its place in the files.
Nothing is written but the count of calls. The judging is in live_fields, live_events and
live_report; here is asked, and what cannot be asked becomes a finding like any other.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from config.errors import FixConfig, GatepostError, PartlyDone, RetryLater
from config.folder import MAPPING, PROJECT
from config.load import Project
from config.mapping_file import EventsEntry
from config.problem import quoted
from connectors.base import Budgeted, Connector, Inspects, ListsEvents, Provisions
from connectors.facts import Access, Inspector, ObjectFacts
from mapping.check import compiled
from sync import live_events
from sync.lake import Lake
from sync.live_fields import Said, judge
from sync.live_report import LiveReport, Looked, judge_calls
from sync.live_uses import FieldUse, Finding, Place, event_uses, field_uses

Connect = Callable[[str], Connector]
"""A connection's name → the connector; raises FixConfig for options that make no sense."""

Tick = Callable[[str, int, int], None]


def check_live(project: Project, connect: Connect, now: datetime, tick: Tick) -> LiveReport:
    """Look at everything. Raises nothing for what a connection answers, or does not."""
    look = _Look(project, connect, now.date())
    names = look.connections()
    for number, name in enumerate(names):
        tick("asking connections", number, len(names))
        look.connection(name)
    tick("asking connections", len(names), len(names))
    look.judge_events()
    found = sorted(set(look.report.findings), key=lambda one: (one.problem, one.severity))
    look.report.findings = found
    return look.report


class _Look:
    """One look, connection by connection."""

    def __init__(self, project: Project, connect: Connect, today: date) -> None:
        self.report = LiveReport()
        self._project, self._connect, self._today = project, connect, today
        self._uses = field_uses(project, compiled(project))
        self._events = event_uses(project)
        self._seen: dict[str, date | None] = {}
        self._blind = False
        """whether some source could not say which events it knows"""

    def connections(self) -> list[str]:
        """Those that the mapping uses, in its order."""
        mapping = self._project.mapping
        return list(
            dict.fromkeys([mapping.accounts.from_, *(entry.from_ for entry in mapping.events)])
        )

    def connection(self, name: str) -> None:
        """Everything about one; what fails early leaves the rest of it out."""
        looked = Looked(name, self._project.gatepost.connections[name].type)
        access = Access("")
        self.report.looked.append(looked)
        try:
            connector = self._connect(name)
            inspector = connector.inspector() if isinstance(connector, Inspects) else None
            if inspector is not None:
                access = self._access(name, inspector)
        except GatepostError as error:
            self._blind |= any(entry.from_ == name for entry in self._project.mapping.events)
            self._failed(error, name)
            return
        if inspector is not None:
            looked.who = access.who
            closed = {one.unreadable for one in access.lacks}
            there = self._fields(looked, connector, inspector, closed)
            self._estimated(looked, inspector)
            self._children(looked, inspector, there)
        self._product(looked, connector)
        looked.left = connector.budget() if isinstance(connector, Budgeted) else None
        self._add(judge_calls(looked), Place(PROJECT, ("connections", name)))

    # -- access

    def _access(self, name: str, inspector: Inspector) -> Access:
        mapping = self._project.mapping
        reads = [entry.object for entry in mapping.events if entry.from_ == name and entry.object]
        writes: list[str] = []
        if mapping.accounts.from_ == name:
            reads.insert(0, mapping.accounts.object)
            writes += [mapping.accounts.object] if mapping.write else []
        found = inspector.access(reads, writes)
        lacks = (Said("error", "rights", one.message, one.hint) for one in found.lacks)
        self._add(lacks, Place(PROJECT, ("connections", name)))
        return found

    def _failed(self, error: GatepostError, name: str, place: Place | None = None) -> None:
        """What a connection could not do, where it can be put right."""
        if isinstance(error, FixConfig):
            for one in error.problems:
                if one.file == PROJECT and not one.line:
                    path = tuple(one.where.split("."))
                    self._add([Said("error", "access", one.message, one.hint)],
                              Place(PROJECT, path))  # fmt: skip
                else:
                    self.report.findings.append(Finding("error", "access", one))
            return
        away = isinstance(error, RetryLater | PartlyDone)
        check = "unreachable" if away else "access" if place is None else "object"
        said = Said("error", check, str(error), error.hint)
        self._add([said], place or Place(PROJECT, ("connections", name)))

    def _add(self, said: Iterable[Said], place: Place) -> None:
        self.report.findings += [
            place.finding(self._project, one.severity, one.check, one.message, one.hint)
            for one in said
        ]

    # -- fields

    def _fields(
        self, looked: Looked, connector: Connector, inspector: Inspector, closed: set[str]
    ) -> Mapping[str, ObjectFacts]:
        """Judge every field of this connection; the facts of the objects that are there. Of those
        that are `closed` to us nothing can be said."""
        mine = [use for use in self._uses if use.connection == looked.name]
        uses = [use for use in mine if use.object not in closed]
        naming = None
        if isinstance(connector, Provisions):
            naming = connector.provisioner().name_problem
        there: dict[str, ObjectFacts] = {}
        for name in dict.fromkeys(use.object for use in uses):
            mine = [use for use in uses if use.object == name]
            try:
                facts = inspector.describe(name, [use.name for use in mine])
            except GatepostError as error:
                self._failed(error, looked.name, self._object_place(looked.name, name))
                continue
            there[name] = facts
            looked.fields += len({use.name for use in mine})
            for use in mine:
                self._add(judge(use, facts, naming), use.place)
            self._judge_writing(mine, facts)
        return there

    def _judge_writing(self, uses: Sequence[FieldUse], facts: ObjectFacts) -> None:
        accounts = self._project.mapping.accounts
        if not any(use.writing for use in uses):
            return
        if facts.ids is not None and accounts.id not in facts.ids and accounts.id in facts.fields:
            said = f"records of {facts.name} are not written by {quoted(accounts.id)}"
            hint = f"use {' or '.join(sorted(facts.ids)[:3])}"
            self._add([Said("error", "id", said, hint)], Place(MAPPING, ("accounts", "id")))
        if facts.refusal:
            place = Place(MAPPING, ("accounts", "object"))
            self._add([Said("error", "rights", f"{facts.name}: {facts.refusal}")], place)

    def _object_place(self, connection: str, name: str) -> Place:
        mapping = self._project.mapping
        if (mapping.accounts.from_, mapping.accounts.object) == (connection, name):
            return Place(MAPPING, ("accounts", "object"))
        found = next(
            index for index, entry in enumerate(mapping.events)
            if (entry.from_, entry.object) == (connection, name)
        )  # fmt: skip
        return Place(MAPPING, ("events", found, "object"))

    # -- events

    def _children(
        self, looked: Looked, inspector: Inspector, there: Mapping[str, ObjectFacts]
    ) -> None:
        for entry in self._project.mapping.events:
            if entry.from_ != looked.name or entry.object is None:
                continue
            assert entry.event is not None, "an object's records have a name as events"
            assert entry.at is not None, "and a time"
            facts, last = there.get(entry.object), None
            if facts is not None and entry.at in facts.fields:
                try:
                    last = inspector.last_day(entry.object, entry.at)
                except GatepostError as error:
                    place = self._object_place(looked.name, entry.object)
                    self._failed(error, looked.name, place)
                else:
                    looked.events += 1
                    if last is None:
                        continue  # there is no record, so it was not seen
            # Where the object or its field is not there, that is told already.
            self._seen[entry.event] = _later(last, self._seen.get(entry.event, last))

    def _product(self, looked: Looked, connector: Connector) -> None:
        children = {entry.event for entry in self._project.mapping.events if entry.object}
        wanted = {use.name for use in self._events} - children
        for entry in self._project.mapping.events:
            if entry.from_ != looked.name or entry.object is not None:
                continue
            try:
                seen = self._names(looked, entry, connector, wanted)
            except GatepostError as error:
                self._blind = True
                self._failed(error, looked.name)
                continue
            looked.events += len(seen)
            for name, last in seen.items():
                self._seen[name] = _later(last, self._seen.get(name, last))

    def _names(
        self, looked: Looked, entry: EventsEntry, connector: Connector, wanted: set[str]
    ) -> Mapping[str, date | None]:
        if isinstance(connector, ListsEvents):
            return connector.event_names(sorted(wanted), live_events.since(self._today))
        look = live_events.of_product(self._project, entry, connector, wanted, self._today)
        if look.partial:
            self._blind = True
            looked.note = "of its events only those of earlier pulls are known"
        return look.seen

    def judge_events(self) -> None:
        """What was seen nowhere. Nothing is said of that while a source keeps silent."""
        for use, said in live_events.judge(self._events, self._seen, self._today):
            if use.name in self._seen or not self._blind:
                self._add([said], use.place)

    # -- calls

    def _estimated(self, looked: Looked, inspector: Inspector) -> None:
        mapping = self._project.mapping
        ours = mapping.accounts.from_ == looked.name
        events = [one.object for one in mapping.events if one.from_ == looked.name and one.object]
        try:
            looked.estimate = inspector.estimate(
                mapping.accounts.object if ours else None, events,
                writes=ours and bool(mapping.write),
            )  # fmt: skip
        except GatepostError:
            return  # what keeps it from counting is told by what was read before
        if not ours and looked.estimate and self._was_pulled(looked.name):
            looked.estimate = replace(looked.estimate, full=looked.estimate.quiet)

    def _was_pulled(self, connection: str) -> bool:
        """Whether the past of a product is in the lake, so that nobody pulls it again."""
        lake = Lake(self._project.home)
        names = [one.name for one in self._project.mapping.events if one.from_ == connection]
        return all(lake.days(name) for name in names)


def _later(one: date | None, other: date | None) -> date | None:
    """The later of two days on which an event was seen; None, which may be today, wins."""
    return None if one is None or other is None else max(one, other)
