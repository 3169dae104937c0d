"""What must fit together in a journey, and between it and mapping.yaml, expressions aside."""

from collections.abc import Iterable, Mapping
from itertools import pairwise

from config.check_signals import check_signals
from config.check_stages import check_stages
from config.journey import First, Health, Journey, Last, Nth
from config.known import Known
from config.names import BUILT_IN, RESULT_KEYS, why_not
from config.problem import nearest, quoted
from config.reading import Finding, Findings


def check_journey(journey: Journey, known: Known) -> Findings:
    """Everything that is wrong in one journey's file, in no particular order."""
    yield from _signal_names(journey, known)
    yield from _feature_names(journey, known)
    yield from check_signals(journey, known)
    yield from check_stages(journey, known)
    if journey.health:
        yield from _health(journey.health, known)
    yield from _moments(journey)
    yield from _start(journey, known)
    yield from _first_value(journey, known)


def _signal_names(journey: Journey, known: Known) -> Findings:
    folded: dict[str, str] = {}
    for name in journey.signals:
        path = ("signals", name)
        other = folded.setdefault(name.lower(), name)
        taken = why_not(name) or ("is built in" if name.lower() in RESULT_KEYS else "")
        if not taken and known.has_field(name):
            taken = "is taken by a field in mapping.yaml"
        if not taken and other != name:
            taken = f"differs from {quoted(other)} only by the case of its letters"
        if taken:
            yield Finding(path, f"the name {quoted(name)} {taken}", at_key=True)


def _feature_names(journey: Journey, known: Known) -> Findings:
    events = known.child_events | {
        event for events in journey.features.values() for event in events
    }
    for name, members in journey.features.items():
        path = ("features", name)
        taken = ""
        if name.lower() in BUILT_IN:
            taken = "is built in"
        elif name in known.signals:
            taken = "is taken by a signal"
        elif known.has_field(name):
            taken = "is taken by a field in mapping.yaml"
        elif name in events:
            taken = "is an event's name too"
        if taken:
            yield Finding(path, f"the name {quoted(name)} {taken}", at_key=True)
        if "any" in members:
            yield Finding(path, "a feature is a set of events, and any is not one of them")


def _health(health: Health, known: Known) -> Findings:
    yield from repeated(
        (component.name for component in health.components), ("health", "components"), "name"
    )
    if not health.components:
        yield Finding(("health", "components"), "a score needs at least one component")
    for index, component in enumerate(health.components):
        path = ("health", "components", index)
        values = [value for value, _ in component.points]
        for later, (one, other) in enumerate(pairwise(values), start=1):
            if one >= other:
                yield Finding(
                    (*path, "points", later),
                    f"points must rise, but {other:g} follows {one:g}",
                )
        if component.weight <= 0:
            yield Finding((*path, "weight"), f"a weight must be above 0, not {component.weight:g}")
        yield from known.unknown_stages(component.stages or (), (*path, "stages"))
    yield from _bands(health.bands)


def _bands(bands: Mapping[str, float]) -> Findings:
    path = ("health", "bands")
    if not bands:
        yield Finding(path, "at least one band is needed, such as {green: 70, yellow: 40, red: 0}")
    elif min(bands.values()) > 0:
        lowest = min(bands, key=lambda band: bands[band])
        yield Finding(
            (*path, lowest),
            f"no band covers scores from 0 to {bands[lowest]:g}",
            f"let {quoted(lowest)} begin at 0",
        )
    first: dict[float, str] = {}
    for band, bound in bands.items():
        if first.setdefault(bound, band) != band:
            yield Finding((*path, band), f"begins at {bound:g}, as {quoted(first[bound])} does")


def _moments(journey: Journey) -> Findings:
    yield from repeated((moment.name for moment in journey.moments), ("moments",), "moment")
    names = {moment.name for moment in journey.moments}
    for index, moment in enumerate(journey.moments):
        if moment.name.endswith(".since"):
            yield Finding(("moments", index, "moment"), "must not end in .since")
    for position, stage in enumerate(journey.stages):
        for index, touchpoint in enumerate(stage.touchpoints):
            if touchpoint.name in names:
                yield Finding(
                    ("stages", position, "touchpoints", index, "touchpoint"),
                    f"the name {quoted(touchpoint.name)} is taken by a moment",
                )


def repeated(names: Iterable[str], path: tuple[str | int, ...], key: str) -> Findings:
    """A finding for every name in a list that stands there a second time."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield Finding((*path, index, key), f"the name {quoted(name)} is taken twice")
        seen.add(name)


def _start(journey: Journey, known: Known) -> Findings:
    if journey.start is None or known.fields is None:
        return
    if not known.has_field(journey.start):
        hint = nearest(journey.start, known.fields)
        yield Finding(("start",), f"no field named {quoted(journey.start)} in mapping.yaml", hint)
    elif (kind := known.fields[journey.start]) not in (None, "date"):
        yield Finding(
            ("start",),
            f"the field {quoted(journey.start)} is of type {kind}, and a start is a date",
            "give it `type: date` in mapping.yaml",
        )


def _first_value(journey: Journey, known: Known) -> Findings:
    name = journey.first_value
    if name is None:
        return
    if name not in known.signals:
        yield Finding(
            ("first_value",), f"no signal named {quoted(name)}", nearest(name, known.signals)
        )
    elif name not in known.doubtful and not _is_date(journey.signals.get(name)):
        yield Finding(
            ("first_value",),
            f"the signal {quoted(name)} is not a date",
            "name a first, an nth, or a last without property",
        )


def _is_date(signal: object) -> bool:
    return isinstance(signal, First | Nth) or (isinstance(signal, Last) and signal.property is None)
