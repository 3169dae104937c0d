"""What the stages of a journey need so that an account can come in, go on and end."""

from config.journey import ANY, Journey, Stage
from config.known import Known
from config.problem import nearest, quoted
from config.reading import Finding, Findings
from config.yaml_nodes import Path


def check_stages(journey: Journey, known: Known) -> Findings:
    """Everything that is wrong with the stages."""
    seen: set[str] = set()
    for index, stage in enumerate(journey.stages):
        path: Path = ("stages", index)
        if stage.name in seen:
            yield Finding((*path, "stage"), f"the name {quoted(stage.name)} is taken twice")
        if stage.name == ANY:
            yield Finding((*path, "stage"), "the name 'any' is built in")
        seen.add(stage.name)
        yield from _ways(stage, path, first=index == 0)
        yield from _neighbours(stage, known, path)
        yield from _touchpoints(stage, path)


def _ways(stage: Stage, path: Path, *, first: bool) -> Findings:
    """How an account comes in and goes on: each stage needs a trigger, a criterion, or both."""
    name = quoted(stage.name)
    if stage.enter is None and stage.exit is None:
        message = f"stage {name} has neither an entry trigger (enter) nor an exit criterion (exit)"
        yield Finding(path, message, about=("enter", "exit"))
        return
    if first and stage.ends:
        yield Finding((*path, "ends"), f"stage {name} is the first, so it cannot end the journey")
    why = _why_enter(stage, first=first)
    if stage.enter is None and why:
        message = f"stage {name} {why}, so it needs an entry trigger (enter)"
        yield Finding(path, message, about=("enter", "ends"))
    if stage.ends and stage.exit is not None:
        yield Finding(
            (*path, "exit"),
            f"stage {name} ends the journey, so it has no exit criterion",
            "an account leaves it when its enter no longer holds",
        )
    if not stage.ends and stage.exit is None:
        message = f"stage {name} has no exit criterion (exit)"
        yield Finding(path, message, "a last stage says `ends: true`", about=("exit", "ends"))


def _why_enter(stage: Stage, *, first: bool) -> str:
    if first:
        return "is the first"
    if stage.ends:
        return "ends the journey"
    return "takes over from others" if stage.from_ else ""


def _neighbours(stage: Stage, known: Known, path: Path) -> Findings:
    if stage.then is not None and stage.then not in known.stages:
        hint = nearest(stage.then, known.stages)
        yield Finding((*path, "then"), f"no stage named {quoted(stage.then)}", hint)
    if ANY in stage.from_:
        if len(stage.from_) > 1:
            yield Finding((*path, "from"), "any stands alone: it means every other stage")
    else:
        yield from known.unknown_stages(stage.from_, (*path, "from"))


def _touchpoints(stage: Stage, path: Path) -> Findings:
    seen: set[str] = set()
    for index, touchpoint in enumerate(stage.touchpoints):
        place = (*path, "touchpoints", index, "touchpoint")
        if touchpoint.name in seen:
            yield Finding(place, f"the name {quoted(touchpoint.name)} is taken twice in this stage")
        seen.add(touchpoint.name)
