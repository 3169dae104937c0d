"""Why is this account here? Everything that a person needs to trust the answer, as plain data."""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np

from mapping.clock import day_date
from mapping.health import Scored
from mapping.missing import Situation, lacking
from mapping.outputs import HistoryRow, Outputs, Value
from mapping.reasons import Reasons
from mapping.series import NEVER
from mapping.state import NO_STAGE
from mapping.syntax import Compare, Logic, Name, Node, names
from mapping.words import signal_words, text_of


@dataclass(frozen=True)
class Evidence:
    """A value that a clause looked at, and where it comes from."""

    name: str
    value: Value
    source: str


@dataclass(frozen=True)
class Clause:
    """One condition: whether it holds (None: unknown), what it saw, and what it lacks.

    `op`: how `parts` are joined, None where there are none. `threshold`: what `value` is compared
    with, as written; `limit` is its value.
    """

    text: str
    holds: bool | None
    value: Value
    threshold: str
    lacking: str
    evidence: tuple[Evidence, ...]
    parts: tuple["Clause", ...]
    op: str | None = None
    limit: Value = None


@dataclass(frozen=True)
class ComponentScore:
    """One part of health. `costs`: points of the score that it takes away from 100."""

    name: str
    value: Value
    score: float | None
    weight: float
    costs: float | None
    note: str


@dataclass(frozen=True)
class MomentState:
    """One moment: open or not, since when, what it looks at, who acts and how."""

    name: str
    open: bool
    since: date | None
    when: str
    owner: str
    play: str


@dataclass(frozen=True)
class TouchpointState:
    """One touchpoint of the present stage: due, done or late, and who does it."""

    name: str
    due: date
    done_on: date | None
    late: bool
    owner: str | None
    escalate: str | None


@dataclass(frozen=True)
class Written:
    """What was last written to a field of the CRM, when, and what became of it."""

    field: str
    value: Value
    at: str
    state: str
    why: str


@dataclass(frozen=True)
class Matched:
    """Events of one source that found the account in one way: by which key, how many, the last."""

    source: str
    way: str
    key: str
    events: int
    last: date | None


@dataclass(frozen=True)
class Explanation:
    """One account in one journey on one day."""

    account: str
    name: str
    journey: str
    as_of: date
    outputs: dict[str, Value]
    why_here: str
    exit: Clause | None
    history: tuple[HistoryRow, ...]
    components: tuple[ComponentScore, ...]
    moments: tuple[MomentState, ...]
    touchpoints: tuple[TouchpointState, ...]
    written: tuple[Written, ...] = ()
    matched: tuple[Matched, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As JSON-ready data: dates as ISO text, tuples as lists."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


def explain(outputs: Outputs, row: int, sources: dict[str, str]) -> Explanation:
    """Everything about the account at `row`. `sources`: where each field comes from, in words.

    History is in it if the replay kept it.
    """
    outcome = outputs.outcome
    account = str(outcome.accounts.ids[row])
    here = Situation(outputs, np.array([row]))
    index = int(outcome.state.stage[row])
    leave = None if index == NO_STAGE else outcome.compiled.stages[index].exit
    names_ = [*outputs.names(), *outcome.signals]
    return Explanation(
        account=account,
        name=str(outcome.accounts.names[row]),
        journey=outcome.compiled.journey.name,
        as_of=day_date(outcome.days.last),
        outputs={name: outputs.column(name)[row] for name in names_},
        why_here=Reasons(outputs).of("stage", [row])[0],
        exit=clause(leave, here, sources) if leave else None,
        history=tuple(item for item in outputs.history() if item.account == account),
        components=_components(outputs, row),
        moments=_moments(outputs, row),
        touchpoints=_touchpoints(outputs, row),
    )


def clause(node: Node, here: Situation, sources: dict[str, str]) -> Clause:
    """A condition and its parts, for the one account that `here` looks at."""
    value = here.evaluate(node)
    holds = bool(value.values[0]) if value.known[0] else None
    if isinstance(node, Logic):
        parts = tuple(clause(part, here, sources) for part in node.parts)
        needs = lacking(node, here)[0]
        return Clause(text_of(node), holds, None, "", needs, (), parts, op=node.op)
    subject = here.shown(node.left)[0] if isinstance(node, Compare) else None
    limit = here.shown(node.right)[0] if isinstance(node, Compare) else None
    threshold = f"{node.op} {text_of(node.right)}" if isinstance(node, Compare) else ""
    types = here.outputs.outcome.compiled.names
    evidence = tuple(
        Evidence(name, here.shown(Name(name, types[name]))[0], _source(here, name, sources))
        for name in sorted(names(node))
    )
    needs = lacking(node, here)[0]
    return Clause(text_of(node), holds, subject, threshold, needs, evidence, (), limit=limit)


def _source(here: Situation, name: str, sources: dict[str, str]) -> str:
    outcome = here.outputs.outcome
    if name in outcome.signals:
        return signal_words(outcome.compiled.signal(name).signal)
    return sources.get(name, "computed")


def _components(outputs: Outputs, row: int) -> tuple[ComponentScore, ...]:
    outcome = outputs.outcome
    health, scored = outcome.compiled.journey.health, outcome.scored
    index = int(outcome.state.stage[row])
    if health is None or scored is None or index == NO_STAGE:
        return ()
    if outcome.compiled.stages[index].stage.ends:
        return ()
    weights = np.array([part.weight for part in health.components])
    total = float((weights * scored.known[:, row]).sum())
    return tuple(
        _component(scored, index, row, part.name, part.weight, total)
        for index, part in enumerate(health.components)
    )


def _component(
    scored: Scored, index: int, row: int, name: str, weight: float, total: float
) -> ComponentScore:
    raw = float(scored.values[index, row])
    value = None if np.isnan(raw) else round(raw, 6)
    if not scored.applies[index, row]:
        return ComponentScore(name, value, None, weight, None, "does not apply here yet")
    if not scored.known[index, row]:
        return ComponentScore(name, value, None, weight, None, "unknown, left out")
    score = round(float(scored.scores[index, row]), 1)
    note = "unknown, counted as if missing" if value is None else ""
    costs = round((100 - float(scored.scores[index, row])) * weight / total, 1)
    return ComponentScore(name, value, score, weight, costs, note)


def _moments(outputs: Outputs, row: int) -> tuple[MomentState, ...]:
    outcome = outputs.outcome
    since = outcome.state.open_since[row]
    return tuple(
        MomentState(
            moment.name, bool(since[index] != NEVER), _day(int(since[index])), moment.when,
            moment.owner, moment.play,
        )
        for index, moment in enumerate(outcome.compiled.journey.moments)
    )  # fmt: skip


def _touchpoints(outputs: Outputs, row: int) -> tuple[TouchpointState, ...]:
    state, plans = outputs.outcome.state, outputs.outcome.compiled.stages
    index = int(state.stage[row])
    points = () if index == NO_STAGE else plans[index].stage.touchpoints
    return tuple(
        TouchpointState(
            point.name, day_date(int(state.entered[row]) + point.due),
            _day(int(state.done[row, slot])), bool(state.breach[row, slot] != NEVER),
            point.owner, point.escalate,
        )
        for slot, point in enumerate(points)
    )  # fmt: skip


def _day(number: int) -> date | None:
    return None if number == NEVER else day_date(number)


def _plain(value: Any) -> Any:
    match value:
        case date():
            return value.isoformat()
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value
