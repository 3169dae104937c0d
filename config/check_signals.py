"""What the signals of a journey refer to: features, fields, kept properties, other signals."""

from config.journey import ANY, Aggregate, Changed, EventSignal, Features, Journey, Last, Ratio
from config.known import Known
from config.problem import nearest, quoted
from config.reading import Finding, Findings
from config.yaml_nodes import Path

RATIO_KINDS = ("count", "users", "days", "features", "sum")


def check_signals(journey: Journey, known: Known) -> Findings:
    """Everything that is wrong with what signals refer to."""
    for name, signal in journey.signals.items():
        path: Path = ("signals", name)
        match signal:
            case Features():
                yield from _features(signal, known, (*path, "features"))
            case Changed():
                yield from _changed(signal, known, (*path, "changed"))
            case Ratio():
                yield from _ratio(signal, journey, known, (*path, "ratio"))
            case _:
                yield from _events(signal, journey, known, path)


def _features(signal: Features, known: Known, path: Path) -> Findings:
    seen: set[str] = set()
    for index, name in enumerate(signal.features):
        place = (*path, index)
        if name not in known.features:
            yield Finding(place, f"no feature named {quoted(name)}", nearest(name, known.features))
        elif name in seen:
            yield Finding(place, f"the feature {quoted(name)} is named twice")
        seen.add(name)


def _changed(signal: Changed, known: Known, path: Path) -> Findings:
    if known.fields is not None and signal.field not in known.fields:
        hint = nearest(signal.field, known.fields)
        yield Finding(path, f"no field named {quoted(signal.field)} in mapping.yaml", hint)


def _ratio(signal: Ratio, journey: Journey, known: Known, path: Path) -> Findings:
    name = signal.signal
    if name not in known.signals:
        yield Finding(path, f"no signal named {quoted(name)}", nearest(name, known.signals))
        return
    other = journey.signals.get(name)
    if other is None or name in known.doubtful:
        return
    if other.kind not in RATIO_KINDS:
        yield Finding(
            path,
            f"the signal {quoted(name)} is of kind {other.kind}, which has no ratio",
            "one of " + ", ".join(RATIO_KINDS),
        )
    elif not isinstance(other, Ratio) and other.within is None:
        yield Finding(path, f"the signal {quoted(name)} has no window", "give it `within`")


def _events(signal: EventSignal, journey: Journey, known: Known, path: Path) -> Findings:
    place = (*path, "of" if signal.kind == "nth" else signal.kind)
    if ANY in signal.events and len(signal.events) > 1:
        yield Finding(place, "any stands alone: it means every product event")
    streams = known.entries is None or any(entry.object is None for entry in known.entries)
    if ANY in signal.events and not streams:
        yield Finding(place, "any means product events, and mapping.yaml has none of them")
    wanted = signal.property if isinstance(signal, Aggregate | Last) else None
    kept = known.kept_for(journey.events_of(signal.events))
    # A feature that could not be read may hold any event.
    unread = any(name in known.features and name not in journey.features for name in signal.events)
    if wanted is not None and kept is not None and not unread and wanted not in kept:
        yield Finding(
            (*path, "property"),
            f"the property {quoted(wanted)} is not kept in mapping.yaml",
            nearest(wanted, kept) or "add it to `keep` of these events",
        )
