"""Random journeys: signals of every kind, stages, health, moments. As the YAML would hold them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.oracle.random_expressions import (
    SIGNS,
    Scope,
    chance,
    criteria,
    numbers,
    pick,
    quoted_day,
    texts,
)

ZONES = (
    "UTC",
    "America/New_York",
    "Asia/Kolkata",
    "Pacific/Apia",  # +13
    "Pacific/Pago_Pago",  # -11
    "Pacific/Kiritimati",  # +14
    "Australia/Adelaide",  # +9:30, +10:30 in summer
    "Australia/Lord_Howe",  # half an hour of summer time
    "America/St_Johns",  # -3:30
    "Pacific/Chatham",  # +12:45
    "Europe/Berlin",
    "Africa/Cairo",  # summer time begins at midnight: that day has no 00:00
    "America/Santiago",  # and here it ends and begins at midnight too
    "America/Nuuk",  # where both changes lie on another day than in UTC
)
PRODUCT_EVENTS = ("Made", "Shared", "Opened", "Logged In")
FEATURES = {"make": ["Made"], "share": ["Shared", "Opened"], "care": ["Case Opened", "Made"]}
FIELDS = {
    "signed_on": "date",
    "contract_end": "date",
    "renewed_on": "date",
    "kickoff_on": "date",
    "seats": "number",
    "vip": "boolean",
    "segment": "text",
    "champion": "text",
    "workspace": "text",
}
DAY_AND_STAY = {"day": "date", "stage_entered_on": "date", "days_in_stage": "number"}
VALUE = {"first_value_on": "date", "ttv_days": "number", "ttv_running_days": "number"}
HEALTH = {"health_score": "number", "health_band": "text"}
STAGES = ("Onboarding", "Adoption", "Value", "Renewal", "Rescue", "Churned")


@dataclass(frozen=True)
class Kept:
    """The types of the kept properties of product events, and of child objects by event."""

    product: dict[str, str]
    children: dict[str, dict[str, str]]

    def all(self) -> dict[str, str]:
        """Every property that some entry keeps."""
        found = dict(self.product)
        for kept in self.children.values():
            found.update(kept)
        return found

    def of(self, what: str | list[str]) -> dict[str, str]:
        """The properties that events of this kind may have."""
        names = FEATURES.get(what, [what]) if isinstance(what, str) else what
        return {k: v for name in names for k, v in self.children.get(name, self.product).items()}


def days(low: int, high: int) -> st.SearchStrategy[str]:
    """A duration."""
    return st.integers(low, high).map(lambda n: f"{n}d")


@st.composite
def journeys(draw, name: str, kept: Kept, since: date, around: date) -> dict[str, Any]:
    """A journey over the fields above and the kept properties with their types."""
    events = Scope({"event": "text", "user": "text", **kept.all()}, around)
    fields = Scope(FIELDS, around)
    journey: dict[str, Any] = {"journey": name, "timezone": pick(draw, ZONES), "since": since}
    if chance(draw, 15):
        journey["accounts"] = draw(st.just("segment <> 'small'") | criteria(fields, 1))
    if chance(draw, 20):
        journey["events"] = draw(st.just("user not like '%@us'") | criteria(events, 1))
    if chance(draw, 80):
        journey["start"] = "signed_on"
    journey["features"] = FEATURES
    signals, types = draw(signal_sets(events, fields, kept))
    journey["signals"] = signals
    firsts = [n for n, spec in signals.items() if "first" in spec or "nth" in spec]
    if firsts and chance(draw, 25):
        journey["first_value"] = pick(draw, firsts)
    scope = fields.plus(**types)
    journey["stages"] = draw(stage_lists(scope))
    if chance(draw, 75):
        stage_names = [stage["stage"] for stage in journey["stages"]]
        journey["health"] = draw(healths(scope.plus(**DAY_AND_STAY, stage="text"), stage_names))
    if chance(draw, 80):
        all_names = scope.plus(**DAY_AND_STAY, stage="text", **VALUE, **HEALTH)
        count = draw(st.integers(1, 3))
        journey["moments"] = [draw(moments(all_names, f"m{n}")) for n in range(count)]
    return journey


# --- signals --------------------------------------------------------------------------------------


@st.composite
def signal_sets(draw, events: Scope, fields: Scope, kept: Kept):
    """Signals by name, and the type of each."""
    # Use that comes and goes, for criteria and health to have something to live on.
    lively = {pick(draw, ("count", "days", "users")): "any", "within": draw(days(1, 4))}
    signals: dict[str, Any] = {"use": lively}
    types: dict[str, str] = {"use": "number"}
    for number in range(draw(st.integers(1, 6))):
        kind = pick(draw, ("when", "last", "counted", "counted", "features", "sum", "changed"))
        spec, found = draw(signals_of(kind, events, fields, kept))
        name = f"s{number}"
        signals[name], types[name] = spec, found
        counted = {"count", "users", "days", "features", "sum"} & set(spec)
        if counted and "within" in spec and chance(draw, 45):
            signals[f"r{number}"] = {"ratio": name, "to": draw(days(1, 14))}
            types[f"r{number}"] = "number"
    return signals, types


@st.composite
def signals_of(draw, kind: str, events: Scope, fields: Scope, kept: Kept):
    """One signal of a kind, and its type."""
    if kind == "changed":
        return {"changed": pick(draw, sorted(FIELDS)), **draw(windows())}, "boolean"
    if kind == "features":
        return draw(feature_signals(events, fields)), "number"
    what = draw(event_choices())
    types = kept.of(what)
    numeric = sorted(name for name, found in types.items() if found in ("number", "untyped"))
    if kind == "when":
        spec = {"first": what} if chance(draw, 50) else {"nth": draw(st.integers(1, 4)), "of": what}
        return {**spec, **draw(filters(events))}, "date"
    if kind == "last":
        spec = {"last": what, **draw(filters(events))}
        if chance(draw, 70) and types:
            spec["property"] = pick(draw, sorted(types))
            return spec, types[spec["property"]]
        return spec, "date"
    if kind == "sum" and numeric:
        aggregate = pick(draw, ("sum", "average", "min", "max"))
        spec = {aggregate: what, "property": pick(draw, numeric)}
    else:
        spec = {pick(draw, ("count", "users", "days")): what}
    return {**spec, **draw(windows()), **draw(filters(events))}, "number"


@st.composite
def event_choices(draw) -> str | list[str]:
    """An event's name, several, a feature's name, or any product event."""
    form = pick(draw, ("any", "name", "child", "feature", "list"))
    if form == "name":
        return pick(draw, PRODUCT_EVENTS)
    if form == "child":
        return pick(draw, ("Case Opened", "Survey Answered"))
    if form == "feature":
        return pick(draw, sorted(FEATURES))
    if form == "list":
        choices = st.sampled_from([*PRODUCT_EVENTS, "Case Opened"])
        return draw(st.lists(choices, min_size=1, max_size=3, unique=True))
    return "any"


@st.composite
def windows(draw) -> dict[str, str]:
    """`within`, mostly."""
    return {"within": draw(days(1, 10) | st.just("28d"))} if chance(draw, 85) else {}


@st.composite
def filters(draw, events: Scope) -> dict[str, str]:
    """`where`, now and then."""
    return {"where": draw(criteria(events, 1))} if chance(draw, 35) else {}


@st.composite
def feature_signals(draw, events: Scope, fields: Scope) -> dict[str, Any]:
    """How many features are in use, by how many users."""
    chosen = st.lists(st.sampled_from(sorted(FEATURES)), min_size=1, max_size=3, unique=True)
    spec: dict[str, Any] = {"features": draw(chosen), **draw(windows()), **draw(filters(events))}
    if chance(draw, 75):
        simple = ("0.6 * seats", "seats", "2", "0.1 * seats", "seats - 2", "COALESCE(seats, 2) / 3")
        spec["used_by"] = draw(st.sampled_from(simple) | numbers(fields, 1))
    return spec


# --- stages ---------------------------------------------------------------------------------------


@st.composite
def stage_lists(draw, scope: Scope) -> list[dict[str, Any]]:
    """Two to six stages; the first has an `enter`, the others may come from the side, or end."""
    names = STAGES[: draw(st.integers(2, len(STAGES)))]
    stages = []
    for number, name in enumerate(names):
        others = [other for other in names if other != name]
        stage: dict[str, Any] = {"stage": name}
        ends = number > 0 and chance(draw, 60 if name == "Churned" else 12)
        side = not ends and chance(draw, 35 if number > 1 else 10)
        if number == 0 or ends or side or chance(draw, 30):
            stage["enter"] = draw(enters(scope, easy=number == 0))
        if side or (ends and chance(draw, 30)):
            stage["from"] = draw(origins(others))
        if ends:
            stage["ends"] = True
        else:
            stage.update(draw(exits(scope)))
        if chance(draw, 35):
            stage["then"] = pick(draw, others)
        stage.update(draw(stage_details(scope, name)))
        stages.append(stage)
    return stages


@st.composite
def origins(draw, others: list[str]) -> str | list[str]:
    """From where a side stage is entered."""
    if chance(draw, 50):
        return draw(st.lists(st.sampled_from(others), min_size=1, max_size=3, unique=True))
    return "any"


@st.composite
def enters(draw, scope: Scope, *, easy: bool) -> str:
    """What lets an account in; `easy` ones hold sooner or later for most accounts."""
    scope = scope.plus(day="date")
    if easy and chance(draw, 85):
        return pick(draw, ("signed_on <= day", "day = day", f"day >= {quoted_day(draw, scope)}"))
    return draw(common_criteria(scope) | criteria(scope, 2))


@st.composite
def exits(draw, scope: Scope) -> dict[str, str]:
    """What completes a stage."""
    scope = scope.plus(**DAY_AND_STAY)
    common = common_criteria(scope)
    stay = st.sampled_from(
        [
            "days_in_stage >= 1",
            "days_in_stage >= 4",
            "renewed_on between stage_entered_on and day",
            "kickoff_on >= stage_entered_on",
            "stage_entered_on < day - 2",
            "stage_entered_on is null or vip",
        ],
    )
    return {"exit": draw(common | stay | criteria(scope, 2))}


@st.composite
def common_criteria(draw, scope: Scope) -> str:
    """The criteria that people write most: a figure against a threshold, a date against today."""
    forms = [f"use {pick(draw, SIGNS[:4])} {draw(st.integers(0, 3))}"] * 4
    forms += [f"{name} >= {draw(st.integers(1, 4))}" for name in scope.of("number")]
    forms += [f"{name} is not null" for name in scope.of("date") if name.startswith("s")]
    forms += [f"{name} < {draw(st.integers(1, 3))}" for name in scope.of("number")]
    forms += scope.of("boolean")
    # What holds for a while and then lets go, and what comes and goes.
    first, length = draw(st.integers(-20, 20)), draw(st.integers(0, 9))
    begin, end = (scope.around + timedelta(days=first + more) for more in (0, length))
    forms += [f"day between '{begin}' and '{end}'"] * 3
    forms += [f"days_since({name}) > {draw(st.integers(0, 3))}" for name in scope.of("date")[:3]]
    forms += [
        "days_until(contract_end) <= 10",
        "contract_end < day",
        "contract_end < day and (renewed_on is null or renewed_on < contract_end - 12)",
        f"day >= {quoted_day(draw, scope)}",
        f"days_since(signed_on) between 3 and {draw(st.integers(3, 20))}",
    ]
    return pick(draw, forms)


@st.composite
def stage_details(draw, scope: Scope, name: str) -> dict[str, Any]:
    """Target, metric, owner, play, touchpoints."""
    everything = scope.plus(**DAY_AND_STAY, stage="text", **VALUE, **HEALTH)
    found: dict[str, Any] = {}
    if chance(draw, 50):
        found["target"] = draw(days(1, 15))
    if chance(draw, 50):
        found["metric"] = draw(numbers(everything, 2) | texts(everything.without("untyped"), 1))
    if chance(draw, 50):
        found["owner"] = f"{name} CSM"
    if chance(draw, 20):
        found["play"] = "Call them"
    count = draw(st.integers(0, 2))
    if count:
        found["touchpoints"] = [
            draw(touchpoints(everything, f"{name} call {n}")) for n in range(count)
        ]
    return found


@st.composite
def touchpoints(draw, scope: Scope, name: str) -> dict[str, Any]:
    """Something that somebody has to do in a stage."""
    done = draw(st.just("kickoff_on <= day") | common_criteria(scope) | criteria(scope, 1))
    found = {"touchpoint": name, "due": draw(days(0, 8)), "done": done}
    if chance(draw, 50):
        found["owner"] = "CSM"
    return found


# --- health and moments ---------------------------------------------------------------------------


@st.composite
def healths(draw, scope: Scope, stages: list[str]) -> dict[str, Any]:
    """Health with some of its options."""
    count = draw(st.integers(1, 3))
    found: dict[str, Any] = {
        "components": [draw(components(scope, stages, f"c{n}")) for n in range(count)],
        "bands": pick(
            draw,
            ({"green": 70, "yellow": 40, "red": 0}, {"good": 50, "bad": 0}, {"all": 0}),
        ),
    }
    if chance(draw, 60):
        found["margin"] = pick(draw, (0, 3, 10, 25, 2.5))
    if chance(draw, 60):
        found["min_known"] = pick(draw, (0, 0.25, 0.5, 0.75, 1))
    return found


@st.composite
def components(draw, scope: Scope, stages: list[str], name: str) -> dict[str, Any]:
    """A component: its value, its line of points, when it applies, what unknown is worth."""
    xs = sorted(
        draw(st.sets(st.sampled_from([0, 0.5, 1, 2, 3, 5, 10, 20]), min_size=2, max_size=4))
    )
    points = [[x, draw(st.sampled_from([0, 10, 33, 50, 80, 100]))] for x in xs]
    common = ["use", "use", "use * 2", "days_in_stage", "days_since(signed_on)", "use / seats"]
    value = pick(draw, common) if chance(draw, 60) else draw(numbers(scope, 1))
    found: dict[str, Any] = {"name": name, "value": value, "points": points}
    if chance(draw, 60):
        found["weight"] = pick(draw, (1, 2, 3, 0.5))
    if chance(draw, 25):
        chosen = st.lists(st.sampled_from(stages), min_size=1, max_size=3, unique=True)
        found["stages"] = draw(chosen)
    if chance(draw, 25):
        found["after"] = draw(days(0, 10))
    if chance(draw, 40):
        found["missing"] = pick(draw, (0, 50, 100, "skip"))
    return found


@st.composite
def moments(draw, scope: Scope, name: str) -> dict[str, Any]:
    """A moment with some of its options."""
    when = draw(common_criteria(scope) | criteria(scope, 2))
    found = {"moment": name, "when": when, "owner": "CSM", "play": "Call them"}
    if chance(draw, 60):
        found["for"] = draw(days(1, 4))
    if chance(draw, 80):
        found["clear"] = draw(days(1, 3))
    if chance(draw, 30):
        found["after"] = draw(days(0, 10))
    return found
