"""The brakes: what makes a run suspicious enough to stop it before its first write.

Pure: facts and limits in, pulled brakes out. Facts are what sync.facts found out; they travel with
the plan, so that a saved plan is judged by what it was made from. docs/brakes.md says what each
brake looks at, and why.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from config.guards import Guards
from connectors.base import Value
from sync.diff import Change
from sync.plain import value_text

SHOWN = 10
FEW_EVENTS = 100
"""Shares of fewer events say nothing."""


@dataclass(frozen=True, slots=True)
class JourneyFacts:
    """One journey. `fields`: what it writes; `figures`: those that move by themselves from day to
    day; `onward`: moves that the journey itself says, though they go back in the order of `stages`;
    `segments`: accounts of each segment."""

    journey: str
    accounts: int
    ran_before: bool
    fields: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    stage_field: str = ""
    stages: tuple[str, ...] = ()
    onward: tuple[tuple[str, str], ...] = ()
    segments: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """One source of events. `days`: days that no run has looked at yet, with their events and the
    usual number; shares are None where there is nothing to compare."""

    name: str
    last_event: str = ""
    age_days: float | None = None
    steady: bool = False
    """whether it has events on most days"""
    stale_before: bool = False
    """whether it was as old at the last run that wrote, or there was none"""
    days: tuple[tuple[str, int, float], ...] = ()
    matched: float | None = None
    matched_before: float | None = None
    events: int = 0
    strangers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What a plan is judged by, besides its changes."""

    journeys: tuple[JourneyFacts, ...] = ()
    sources: tuple[SourceFacts, ...] = ()
    organisation: str = ""
    organisation_before: str = ""


@dataclass(frozen=True, slots=True)
class Pulled:
    """A brake that stops the run: its name, the sentence, the figure, the limit, up to ten
    examples of `cases`."""

    name: str
    sentence: str
    figure: str
    limit: str
    examples: tuple[str, ...]
    cases: int

    def lines(self) -> Iterator[str]:
        """For people: the sentence, then the examples."""
        yield f"{self.name}: {self.sentence}"
        yield from (f"  {one}" for one in self.examples)
        if self.cases > len(self.examples):
            yield f"  and {self.cases - len(self.examples):,} more"


def judge(
    facts: Facts, changes: Sequence[Change], segments: Mapping[str, str], guards: Guards
) -> list[Pulled]:
    """Every brake that `changes` pull; none without changes. `segments`: account id → segment."""
    if not changes:
        return []
    found = [*_organisation(facts, guards)]
    for journey in facts.journeys:
        if journey.ran_before and journey.accounts:
            ours = [one for one in changes if one.field in journey.fields]
            found += _changed(journey, ours, guards)
            found += _backward(journey, ours, guards)
            found += _blanked(journey, ours, guards)
            found += _mix(journey, ours, segments, guards)
    for source in facts.sources:
        found += [*_volume(source, guards), *_matched(source, guards), *_stale(source, guards)]
    return found


def percent(share: float) -> str:
    """A share for people: `20%`, `0.4%`."""
    return f"{share * 100:.3g}%"


def described(change: Change) -> str:
    """`Acme (001) stage: Onboarding → Adoption`."""
    who = f"{change.name} ({change.account_id})" if change.name else change.account_id
    was, to = (value_text(value) or "empty" for value in (change.from_, change.to))
    return f"{who} {change.field}: {was} → {to}"


def _empty(value: Value) -> bool:
    return not value_text(value).strip()


def _over(count: int, of: int, limit: float | None, guards: Guards) -> bool:
    return limit is not None and count >= guards.at_least and count > limit * of


def _pulled(
    name: str, what: str, share: float, limit: float, cases: Sequence[Change], count: str
) -> Pulled:
    sentence = f"{percent(share)} {what} ({count}), and {percent(limit)} is the limit"
    examples = tuple(described(one) for one in cases[:SHOWN])
    return Pulled(name, sentence, percent(share), percent(limit), examples, len(cases))


def _changed(journey: JourneyFacts, changes: list[Change], guards: Guards) -> Iterator[Pulled]:
    telling = [one for one in changes if one.field not in journey.figures]
    cases = _one_each(telling)
    if _over(len(cases), journey.accounts, guards.max_changed, guards):
        yield _pulled(
            "max_changed", f"of the accounts of {journey.journey} would change",
            len(cases) / journey.accounts, guards.max_changed or 0.0, cases,
            f"{len(cases):,} of {journey.accounts:,}",
        )  # fmt: skip


def _one_each(changes: Iterable[Change]) -> list[Change]:
    return list({one.account_id: one for one in reversed(list(changes))}.values())[::-1]


def _backward(journey: JourneyFacts, changes: list[Change], guards: Guards) -> Iterator[Pulled]:
    place = {name: number for number, name in enumerate(journey.stages)}
    onward = set(journey.onward)
    cases = [
        one
        for one in changes
        if one.field == journey.stage_field
        and (was := str(one.from_)) in place
        and (to := str(one.to)) in place
        and place[to] < place[was]
        and (was, to) not in onward
    ]
    if _over(len(cases), journey.accounts, guards.max_backward, guards):
        yield _pulled(
            "max_backward", f"of the accounts of {journey.journey} would go back to a stage before",
            len(cases) / journey.accounts, guards.max_backward or 0.0, cases,
            f"{len(cases):,} of {journey.accounts:,}",
        )  # fmt: skip


def _blanked(journey: JourneyFacts, changes: list[Change], guards: Guards) -> Iterator[Pulled]:
    emptied = [one for one in changes if one.to is None and not _empty(one.from_)]
    for name in dict.fromkeys(one.field for one in emptied):
        cases = [one for one in emptied if one.field == name]
        if _over(len(cases), journey.accounts, guards.max_blanked, guards):
            yield _pulled(
                "max_blanked", f"of the accounts of {journey.journey} would lose their {name}",
                len(cases) / journey.accounts, guards.max_blanked or 0.0, cases,
                f"{len(cases):,} of {journey.accounts:,}",
            )  # fmt: skip


def _mix(
    journey: JourneyFacts, changes: list[Change], segments: Mapping[str, str], guards: Guards
) -> Iterator[Pulled]:
    by_segment: dict[str, list[Change]] = {}
    for one in changes:
        known = one.to is not None and not _empty(one.from_)  # an account that begins is no shift
        if one.field == journey.stage_field and known:
            by_segment.setdefault(segments.get(one.account_id, ""), []).append(one)
    for segment, moves in sorted(by_segment.items()):
        accounts = journey.segments.get(segment, 0)
        shift = Counter(value_text(one.to) for one in moves)
        shift.subtract(value_text(one.from_) for one in moves)
        moved = sum(abs(number) for number in shift.values()) // 2
        if accounts and _over(moved, accounts, guards.max_mix, guards):
            who = f"of segment {segment}" if segment else "of all accounts"
            gains = ", ".join(f"{name} {by:+,}" for name, by in sorted(shift.items()) if by)
            what = f"{who} in {journey.journey} would be in another stage on balance: {gains}"
            yield _pulled(
                "max_mix", what, moved / accounts, guards.max_mix or 0.0, moves,
                f"{moved:,} of {accounts:,}",
            )  # fmt: skip


def _volume(source: SourceFacts, guards: Guards) -> Iterator[Pulled]:
    limit = guards.min_volume
    if limit is None:
        return
    low = [
        (day, events, usual)
        for day, events, usual in source.days
        if usual >= FEW_EVENTS and events < limit * usual
    ]
    if low:
        day, events, usual = min(low, key=lambda one: one[1] / one[2])
        sentence = (
            f"{source.name} has {events:,} events on {day}, {percent(events / usual)} of the usual "
            f"{usual:,.0f} for that weekday, and {percent(limit)} is the least"
        )
        examples = tuple(
            f"{day}: {events:,} events, usually {usual:,.0f}" for day, events, usual in low
        )
        yield Pulled(
            "min_volume",
            sentence,
            percent(events / usual),
            percent(limit),
            examples[:SHOWN],
            len(low),
        )


def _matched(source: SourceFacts, guards: Guards) -> Iterator[Pulled]:
    limit, now, before = guards.min_matched, source.matched, source.matched_before
    if limit is None or now is None or not before or source.events < FEW_EVENTS:
        return
    if now < limit * before:
        sentence = (
            f"{percent(now)} of the events of {source.name} found their account, and "
            f"{percent(before)} at the last run: {percent(limit)} of that is the least"
        )
        yield Pulled(
            "min_matched", sentence, percent(now), percent(limit * before),
            source.strangers[:SHOWN], len(source.strangers),
        )  # fmt: skip


def _stale(source: SourceFacts, guards: Guards) -> Iterator[Pulled]:
    limit, age = guards.max_stale, source.age_days
    if limit is None or age is None or age <= limit:
        return
    if not guards.told("max_stale") and (source.stale_before or not source.steady):
        return
    sentence = (
        f"the last event of {source.name} is {age:.1f} days old ({source.last_event}), and {limit} "
        f"{'day is' if limit == 1 else 'days are'} the limit"
    )
    yield Pulled("max_stale", sentence, f"{age:.1f}d", f"{limit}d", (), 0)


def _organisation(facts: Facts, guards: Guards) -> Iterator[Pulled]:
    now, before = facts.organisation, facts.organisation_before
    if guards.organisation and now and before and now != before:
        sentence = f"the CRM is {now}, and the last run wrote to {before}"
        yield Pulled("organisation", sentence, now, before, (), 0)
