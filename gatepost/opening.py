"""From the folder that a command was given to a project that is right, and a cycle that is open."""

from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from config.errors import FixConfig, UsageError
from config.problem import Problem, nearest
from gatepost.options import Ask
from gatepost.progress import Bar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from config.load import Project
    from sync.cycle import Cycle

PROJECT = "gatepost.yaml"
_FARTHEST_EAST = timedelta(hours=14)


def problems_of(ask: Ask) -> "tuple[Project | None, list[Problem]]":
    """The project and everything that is wrong with it, expressions and options included."""
    from config.load import load_project  # pydantic: not before it is needed
    from connectors.registry import option_findings
    from mapping.check import expression_findings

    return load_project(ask.folder, expression_findings, option_findings)


def sound_project(ask: Ask) -> "Project":
    """The project. Raises FixConfig with all its problems if there are any."""
    project, problems = problems_of(ask)
    if problems or project is None:
        raise FixConfig(problems, no_project(ask.folder))
    return project


def no_project(folder: "Path") -> str:
    """What may help where the folder is no project; "" where it is one."""
    if (folder / PROJECT).exists():
        return ""
    try:
        parents = folder.resolve().parents
    except OSError:
        return "the current folder is not there any more"
    for above in parents:
        if (above / PROJECT).is_file():
            return f"the project is in {above}: name it with --project"
    return "`gatepost init DIR` writes a project to start from"


@contextmanager
def opened(ask: Ask, *, writes: bool = False, bar: Bar | None = None) -> "Iterator[Cycle]":
    """A cycle over the project, with progress on stderr. Print when it is closed.

    `bar`: for those who must print before that, and close it first.

    `writes`: the command changes the CRM: it is the only one of this home meanwhile, and its day
    has begun.
    """
    now = datetime.now(UTC)
    _look_ahead(ask, now, writes=writes)
    project = sound_project(ask)
    from sync.cycle import Cycle  # the engines: not before the project is right

    with (
        bar or bar_for(ask) as shown,
        Cycle(
            project, as_of=ask.as_of, now=now, tick=shown.tick, pull=ask.pull, exclusive=writes
        ) as cycle,
    ):  # fmt: skip
        yield cycle


def bar_for(ask: Ask) -> Bar:
    """A progress bar, unless it was asked not to be."""
    return Bar(wanted=ask.progress and not ask.quiet)


def _look_ahead(ask: Ask, now: datetime, *, writes: bool) -> None:
    """A day that has begun nowhere on earth yet cannot be known."""
    latest: date = (now + _FARTHEST_EAST).date()
    if ask.as_of is None or ask.as_of <= latest:
        return
    if writes:
        raise UsageError(
            f"--as-of {ask.as_of} is in the future, and nothing is written for a day to come",
            "leave --as-of out for today",
        )
    ask.note(
        f"warning: {ask.as_of} is in the future: so it will stand then if nothing more happens"
    )


def known_journey(project: "Project", name: str | None) -> None:
    """UsageError if --journey names none of the project's journeys."""
    names = [journey.name for journey in project.journeys]
    if name is not None and name not in names:
        raise UsageError(f"the project has no journey {name!r}", nearest(name, names))


def only(cycle: "Cycle", account: str | None) -> str | None:
    """The CRM id of the account that --account means, None for all of them."""
    if account is None:
        return None
    from sync.explain import find_account

    return find_account(cycle, account)
