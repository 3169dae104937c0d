"""`explain` as a page: one account in one journey, for someone who is about to call it.

Pure: an explanation and the journey's configuration go in, text comes out. Colour is in the text;
whoever prints it takes it out where there is no terminal.
"""

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gatepost.cells import counted, csv_cell, days, figure, one_line, shown
from gatepost.page_parts import BAD, GOOD, OPEN, UNSURE, aligned, criterion_lines, heading, mark
from gatepost.tables import styled

if TYPE_CHECKING:
    from config.journey import Journey, Stage
    from mapping.explain import Explanation, MomentState, TouchpointState
    from mapping.outputs import HistoryRow

INDENT = "  "


def page(found: "Explanation", journey: "Journey", width: int = 100, never: str = "") -> str:
    """The whole page, ending in a line break. `never`: why the account is not written at all."""
    stage = next((one for one in journey.stages if one.name == found.outputs["stage"]), None)
    sections = [
        ("Nothing is written to this account", [f"{BAD} {never}"] if never else []),
        ("Stage", _stage(found, stage, journey)),
        (_exit_title(found, stage), _exit(found, stage)),
        ("Stages so far", _stays(found)),
        (_health_title(found), _components(found, stage)),
        ("Moments", _moments(found, stage)),
        ("Touchpoints", [_touchpoint(found, one) for one in found.touchpoints]),
        ("Events found it by", _matched(found)),
        ("Last written to the CRM", _written(found)),
    ]
    lines = [
        styled(f"{one_line(found.name)}", bold=True) + f"  {found.account}",
        f"{found.journey}, as of {found.as_of}",
    ]
    for title, content in sections:
        body = list(content)
        if body:
            lines += ["", heading(title), *_fitted(body, width)]
    return "\n".join(lines) + "\n"


def _fitted(lines: list[str], width: int) -> Iterator[str]:
    """Lines within the width, what goes over under the text that it belongs to."""
    for line in lines:
        text = INDENT + line
        indent = len(text) - len(text.lstrip())
        plain_mark = line.lstrip()[:2] in (f"{GOOD} ", f"{BAD} ", f"{UNSURE} ", f"{OPEN} ")
        hang = indent + 2 if plain_mark else indent
        yield from map(
            mark,
            textwrap.wrap(
                text, max(width, 40), subsequent_indent=" " * hang, break_long_words=False,
                break_on_hyphens=False, drop_whitespace=True,
            ) or [""],
        )  # fmt: skip


def _stage(found: "Explanation", stage: "Stage | None", journey: "Journey") -> Iterator[str]:
    outputs = found.outputs
    if stage is None:
        if found.as_of < journey.since:
            yield f"None: history begins on {journey.since} (`since` of the journey)."
        else:
            yield f"None yet: {found.why_here}."
        return
    yield f"{stage.name} since {outputs['stage_entered_on']}: {_length(found, stage)}"
    why = found.why_here.split("; completed ")[0]  # which is said below, with what it means
    yield f"{why[:1].upper()}{why[1:]}."
    if stage.ends:
        yield "The journey ends here; health and moments are not judged any more."
    elif outputs["stage_done"]:
        yield f"Completed on {outputs['stage_completed_on']}, and no stage follows."
    elif outputs["stage_waiting"]:
        yield f"Completed on {outputs['stage_completed_on']}; {_waits_for(stage, journey)}."
    if stage.metric:
        yield f"Metric: {stage.metric} is {figure(outputs['stage_metric']) or 'unknown'}."
    if stage.owner or stage.play:
        named = {"Owner": stage.owner, "Play": stage.play}
        yield ". ".join(f"{what}: {text}" for what, text in named.items() if text)
    yield from _time_to_value(found)


def _length(found: "Explanation", stage: "Stage") -> str:
    spent = found.outputs["days_in_stage"]
    if stage.target is None or not isinstance(spent, int):
        return _days(spent)
    over = styled(f", {days(spent - stage.target)} over", fg="red")
    late = over if found.outputs["stage_overdue"] else ""
    return f"{days(spent)}, target {days(stage.target)}{late}"


def _waits_for(stage: "Stage", journey: "Journey") -> str:
    """The stage that comes next, and what must hold before it does."""
    after = journey.stages[journey.stages.index(stage) + 1 :]
    inline = (one.name for one in after if not one.from_ and not one.ends)
    name = stage.then or next(inline, "")
    enter = next((one.enter for one in journey.stages if one.name == name), None)
    return f"waits for {name} ({enter})" if enter else f"waits for {name}"


def _time_to_value(found: "Explanation") -> Iterator[str]:
    outputs = found.outputs
    if outputs["ttv_days"] is not None:
        came = outputs["first_value_on"]
        yield f"Time to value: {_days(outputs['ttv_days'])} (first value on {came})."
    elif outputs["ttv_running_days"] is not None:
        yield f"No first value yet, {_days(outputs['ttv_running_days'])} after the start."
    elif not outputs["history_complete"]:
        yield "Time to value is unknown: the account began before this journey's `since`."


def _days(value: object) -> str:
    return days(value if isinstance(value, int) else None)


def _exit_title(found: "Explanation", stage: "Stage | None") -> str:
    met = found.outputs["stage_completed_on"]
    if stage is None or found.exit is None:
        return "To leave this stage"
    if met:
        return f"To leave {stage.name}: met on {met}, which counts for good"
    return f"To leave {stage.name}"


def _exit(found: "Explanation", stage: "Stage | None") -> Iterator[str]:
    if found.exit is not None:
        yield from criterion_lines(found.exit)
    elif stage is not None and not stage.ends:
        yield "No exit criterion: the account stays until another stage takes over."


def _stays(found: "Explanation") -> list[str]:
    rows = [row for row in found.history if row.kind == "stage"]
    cells = []
    for row in rows:
        until = row.end or found.as_of
        cells.append(
            [
                row.name, str(row.begin), "→", str(row.end) if row.end else "now",
                days((until - row.begin).days),
                f"exit met {row.completed}" if row.completed and row.completed != row.end else "",
            ]
        )  # fmt: skip
    return aligned(cells, right={4})


def _health_title(found: "Explanation") -> str:
    score, band = found.outputs["health_score"], found.outputs["health_band"]
    if score is None:
        return "Health: too little is known"
    trend = found.outputs["health_trend"]
    if not isinstance(trend, int | float):
        way = ""
    elif trend == 0:
        way = ", as 28 days ago"
    else:
        way = f", {'up' if trend > 0 else 'down'} {figure(abs(trend))} in 28 days"
    return f"Health: {shown(score)} of 100, {band}{way}"


def _components(found: "Explanation", stage: "Stage | None") -> list[str]:
    if stage is None or stage.ends or not found.components:
        return []
    cells = [["", "value", "score", "weight", "costs", ""]]
    for one in found.components:
        value = figure(one.value) or "unknown"
        costs = f"−{one.costs:g}" if one.costs else "0" if one.costs == 0 else "–"
        score = f"{one.score:g}" if one.score is not None else "–"
        cells.append([one.name, value, score, f"{one.weight:g}", costs, one.note])
    return aligned(cells, right={1, 2, 3, 4})


def _moments(found: "Explanation", stage: "Stage | None") -> Iterator[str]:
    for one in found.moments:
        if one.open:
            yield from _open_moment(found, one)
    quiet = [one.name for one in found.moments if not one.open]
    if quiet and stage is not None and not stage.ends:
        yield f"Not open: {', '.join(quiet)}"
    past: dict[str, list[HistoryRow]] = {}
    for row in found.history:
        if row.kind == "moment" and row.end:
            past.setdefault(row.name, []).append(row)
    for name, rows in past.items():
        last = f"{rows[-1].begin} → {rows[-1].end}"
        times = "once before," if len(rows) == 1 else f"{len(rows)} times before, last"
        yield f"{name}: {times} {last}"


def _open_moment(found: "Explanation", one: "MomentState") -> Iterator[str]:
    since = (
        "" if one.since is None else f" since {one.since} ({days((found.as_of - one.since).days)})"
    )
    yield f"{BAD} {one.name}{since}: {one.when}"
    yield f"    {one.owner}: {one.play}"


def _touchpoint(found: "Explanation", one: "TouchpointState") -> str:
    owner = f"; {one.owner}" if one.owner else ""
    if one.done_on is not None:
        return f"{GOOD} {one.name}: done {one.done_on}, was due {one.due}{owner}"
    if one.late:
        escalate = f", then {one.escalate}" if one.escalate else ""
        over = days((found.as_of - one.due).days)
        return f"{BAD} {one.name}: was due {one.due}, {over} late{owner}{escalate}"
    return f"{OPEN} {one.name}: due {one.due}{owner}"


def _matched(found: "Explanation") -> list[str]:
    return [
        f"{one.source}: {one.way}"
        + (f" ({one_line(one.key)})" if one.key else "")
        + (f", {counted(one.events, 'event')}, the last {one.last}" if one.events else ", no event")
        for one in found.matched
    ]


def _written(found: "Explanation") -> list[str]:
    cells = []
    for one in found.written:
        when = one.at.replace("T", " ").replace("Z", " UTC")
        state = "" if one.state == "confirmed" else one.state
        cells.append([one.field, one_line(csv_cell(one.value)) or "empty", when, state])
    return aligned(cells)
