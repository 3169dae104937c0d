"""A journey ready to be replayed: every expression parsed and checked, every signal planned.

`compile_journey` is the check of a journey's expressions as well: it carries on past what is wrong
and gives every problem with the place of its text in the file.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from config.journey import (
    ANY,
    Aggregate,
    Changed,
    Features,
    Journey,
    Last,
    Nth,
    Ratio,
    Signal,
    Stage,
    Users,
)
from config.journey import First as FirstSignal
from config.mapping_file import Mapping as MappingFile
from mapping.expression import parse
from mapping.measures import Measures
from mapping.operators import ExpressionError
from mapping.syntax import Node, Type

Path = tuple[str | int, ...]
Report = Callable[[Path, ExpressionError], None]
"""Called with the place of an expression in its file, and what is wrong with it."""

DAY_NAMES: Mapping[str, Type] = {"day": "date"}
STAY_NAMES: Mapping[str, Type] = {"stage_entered_on": "date", "days_in_stage": "number"}
STAGE_NAMES: Mapping[str, Type] = {"stage": "text"}
OUTCOME_NAMES: Mapping[str, Type] = {
    "health_score": "number", "health_band": "text", "first_value_on": "date",
    "ttv_days": "number", "ttv_running_days": "number",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SignalPlan:
    """One signal: what it is, the type of its value, and where its numbers come from.

    `filters`: indexes into Measures.filters (one; for `features` one a feature, in order; none for
    `changed` and `ratio`). `figure`: index into Measures.figures or, for `last`, Measures.lasts.
    """

    name: str
    signal: Signal
    type: Type
    filters: tuple[int, ...] = ()
    figure: int | None = None
    used_by: Node | None = None

    @property
    def window(self) -> int | None:
        """Days of its window, None since ever."""
        return getattr(self.signal, "within", None)


@dataclass(frozen=True, slots=True)
class TouchpointPlan:
    """A touchpoint's place in its stage and when it is done."""

    name: str
    due: int
    done: Node


@dataclass(frozen=True, slots=True)
class StagePlan:
    """A stage's expressions, and the stages that it names as indexes.

    `from_` None: entered in order only; `from_any` apart. `then` and `following` None: none.
    """

    stage: Stage
    enter: Node | None
    exit: Node | None
    metric: Node | None
    from_: frozenset[int]
    from_any: bool
    then: int | None
    following: int | None
    touchpoints: tuple[TouchpointPlan, ...]

    @property
    def from_side(self) -> bool:
        """Whether it has a `from`: entered once for each time that its trigger comes to hold."""
        return self.from_any or bool(self.from_)

    @property
    def next(self) -> int | None:
        """Where completion leads, if anywhere."""
        return self.following if self.then is None else self.then


@dataclass(frozen=True, slots=True)
class CompiledJourney:
    """All that a replay needs to know of a journey; expressions by what they decide.

    `names`: every name that an expression over accounts may use, with its type.
    """

    journey: Journey
    accounts: Node | None
    product_events: Node | None
    measures: Measures
    properties: Mapping[str, Type]
    signals: tuple[SignalPlan, ...]
    stages: tuple[StagePlan, ...]
    components: tuple[Node, ...]
    moments: tuple[Node, ...]
    names: Mapping[str, Type]

    def signal(self, name: str) -> SignalPlan:
        """The signal of that name."""
        return next(plan for plan in self.signals if plan.name == name)

    def longest_reach(self) -> int:
        """How many days before a day its windowed signals look back, the day itself included."""
        return max([1, *(plan.window for plan in self.signals if plan.window)])

    def longest_users_window(self) -> int:
        """As `longest_reach`, of the signals that count users."""
        return max([1, *(plan.window for plan in self.users_plans() if plan.window)])

    def users_plans(self) -> list[SignalPlan]:
        """The signals that count users."""
        return [plan for plan in self.signals if isinstance(plan.signal, Users | Features)]


def property_types(mapping: MappingFile) -> dict[str, Type]:
    """The kept properties of all sources and the type that `keep` gives each."""
    types: dict[str, Type] = {}
    for entry in mapping.events:
        for name, spec in entry.keep.items():
            if types.get(name, "untyped") == "untyped":
                types[name] = spec.type or "untyped"
    return types


def field_types(mapping: MappingFile) -> dict[str, Type]:
    """The mapping's fields and their types."""
    return {name: spec.type for name, spec in mapping.fields.items()}


def compile_accounts_filter(
    mapping: MappingFile, report: Report, unread: Collection[str] = ()
) -> Node | None:
    """`accounts.where` of the mapping; None where there is none, or where it is reported wrong.

    `unread`: names of fields whose type is not known.
    """
    fields = {**_untyped(unread), **field_types(mapping)}
    return _Compiler(fields, {}, report).maybe(
        mapping.accounts.where, ("accounts", "where"), fields
    )


def compile_journey(
    journey: Journey, mapping: MappingFile, report: Report, unread: Collection[str] = ()
) -> CompiledJourney:
    """The journey with its expressions parsed. What could not be parsed has been reported.

    `unread`: names that stand for something of which nothing is known; only for a check.
    """
    fields = {**_untyped(unread), **field_types(mapping)}
    properties = {**_untyped(unread), **property_types(mapping)}
    compiler = _Compiler(fields, properties, report)
    signals = compiler.signals(journey)
    values = {plan.name: plan.type for plan in signals}
    events: dict[str, Type] = {"event": "text", "user": "text", **properties}
    enter: dict[str, Type] = {**fields, **values, **DAY_NAMES}
    leave = {**enter, **STAY_NAMES}
    staged = {**leave, **STAGE_NAMES}
    health = journey.health
    return CompiledJourney(
        journey,
        compiler.maybe(journey.accounts, ("accounts",), fields),
        compiler.maybe(journey.events, ("events",), events, dated=False),
        compiler.measures,
        properties,
        tuple(signals),
        tuple(
            compiler.stage(journey, index, enter, leave, {**staged, **OUTCOME_NAMES})
            for index in range(len(journey.stages))
        ),
        tuple(
            compiler.needed(part.value, ("health", "components", index, "value"), staged, "number")
            for index, part in enumerate(health.components if health else ())
        ),
        tuple(
            compiler.needed(moment.when, ("moments", index, "when"), {**staged, **OUTCOME_NAMES})
            for index, moment in enumerate(journey.moments)
        ),
        {**staged, **OUTCOME_NAMES},
    )


def _untyped(names: Collection[str]) -> dict[str, Type]:
    return dict.fromkeys(names, "untyped")


class _Compiler:
    """Parses the expressions of one file, reporting what is wrong and carrying on."""

    def __init__(
        self, fields: Mapping[str, Type], properties: Mapping[str, Type], report: Report
    ) -> None:
        self.fields, self.properties, self.report = fields, properties, report
        self.measures = Measures()

    def maybe(
        self, text: str | None, path: Path, scope: Mapping[str, Type],
        want: Type | None = "boolean", *, dated: bool = True,
    ) -> Node | None:  # fmt: skip
        if text is None:
            return None
        try:
            return parse(text, scope, want=want, dated=dated)
        except ExpressionError as problem:
            self.report(path, problem)
            return None

    def needed(
        self, text: str, path: Path, scope: Mapping[str, Type], want: Type = "boolean"
    ) -> Node:
        """Like `maybe`, with NULL for what was reported: nothing is run on it."""
        return self.maybe(text, path, scope, want) or parse("NULL", {}, want=want)

    def signals(self, journey: Journey) -> list[SignalPlan]:
        return [self._signal(journey, name, signal) for name, signal in journey.signals.items()]

    def _signal(self, journey: Journey, name: str, signal: Signal) -> SignalPlan:
        if isinstance(signal, Changed):
            return SignalPlan(name, signal, "boolean")
        if isinstance(signal, Ratio):
            return SignalPlan(name, signal, "number")
        scope: dict[str, Type] = {"event": "text", "user": "text", **self.properties}
        where = self.maybe(signal.where, ("signals", name, "where"), scope, dated=False)
        if isinstance(signal, Features):
            used_by = self.maybe(
                signal.used_by, ("signals", name, "used_by"), self.fields, "number"
            )
            filters = tuple(
                self.measures.users(self.measures.filter(_events(journey, (feature,)), where))
                for feature in signal.features
            )
            return SignalPlan(name, signal, "number", filters, used_by=used_by)
        index = self.measures.filter(_events(journey, signal.events), where)
        if isinstance(signal, Aggregate):
            figure = self.measures.figure(index, signal.property)
            return SignalPlan(name, signal, "number", (index,), figure)
        if isinstance(signal, Users):
            return SignalPlan(name, signal, "number", (self.measures.users(index),))
        if isinstance(signal, Last) and signal.property is not None:
            kind = self.properties.get(signal.property, "untyped")
            figure = self.measures.last(index, signal.property)
            return SignalPlan(name, signal, kind, (index,), figure)
        kind = "date" if isinstance(signal, FirstSignal | Nth | Last) else "number"
        return SignalPlan(name, signal, kind, (self.measures.count(index),))

    def stage(
        self, journey: Journey, index: int, enter: Mapping[str, Type], leave: Mapping[str, Type],
        everything: Mapping[str, Type],
    ) -> StagePlan:  # fmt: skip
        stage, path = journey.stages[index], ("stages", index)
        numbers = {other.name: number for number, other in enumerate(journey.stages)}
        return StagePlan(
            stage,
            self.maybe(stage.enter, (*path, "enter"), enter),
            self.maybe(stage.exit, (*path, "exit"), leave),
            self.maybe(stage.metric, (*path, "metric"), everything, None),
            frozenset(numbers[name] for name in stage.from_ if name in numbers),
            ANY in stage.from_,
            numbers.get(stage.then) if stage.then is not None else None,
            next(
                (
                    number
                    for number in range(index + 1, len(journey.stages))
                    if not journey.stages[number].from_ and not journey.stages[number].ends
                ),
                None,
            ),
            tuple(
                TouchpointPlan(
                    point.name,
                    point.due,
                    self.needed(point.done, (*path, "touchpoints", at, "done"), everything),
                )
                for at, point in enumerate(stage.touchpoints)
            ),
        )


def _events(journey: Journey, written: tuple[str, ...]) -> frozenset[str] | None:
    """The event names behind `E`; None for `any`."""
    spelled = frozenset(journey.events_of(written))
    return None if ANY in spelled else spelled
