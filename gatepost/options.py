"""What commands have in common: the project, the day, what is shown on the way; help."""

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click

from config.home import home_of

HOME_KEY = "gatepost.home"
"""Where a command notes the project's home, for a crash to leave its file there."""

FIRST_YEAR, LAST_YEAR = 1970, 2199  # as in the files; pydantic would come with those of config
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
Function = Callable[..., Any]


@dataclass(frozen=True)
class Ask:
    """What every command is asked besides its own matter."""

    folder: Path
    as_of: date | None = None
    """the last day; None is today, as far as it has gone"""
    pull: bool = True
    progress: bool = True
    quiet: bool = False

    def note(self, text: str) -> None:
        """Tell the person something that is not the result; not with --quiet."""
        if not self.quiet:
            click.echo(text, err=True)


class Day(click.ParamType[date]):
    """A calendar day, written as ISO has it."""

    name = "DATE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        day = _day(value)
        if day is None:
            self.fail(
                f"{value!r} is no day; write it as YYYY-MM-DD, such as 2026-08-20", param, ctx
            )
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            self.fail(f"{value!r} lies outside the years {FIRST_YEAR} to {LAST_YEAR}", param, ctx)
        return day


def _day(text: str) -> date | None:
    # date.fromisoformat takes week dates and days without hyphens as well
    if not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


class Command(click.Command):
    """A command whose help ends with examples: pairs of what it is for and what to type."""

    def __init__(self, *args: Any, examples: Sequence[tuple[str, str]] = (), **rest: Any) -> None:
        super().__init__(*args, **rest)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples"):
            for number, (purpose, line) in enumerate(self.examples):
                if number:
                    formatter.write_paragraph()
                indent = " " * formatter.current_indent
                formatter.write(f"{indent}# {purpose}\n{indent}{line}\n")


def asks(
    *, day: bool = True, pull: bool = False, progress: bool | None = None
) -> Callable[[Function], Function]:
    """Give a command the shared options, and an `Ask` as its first argument.

    `day`: whether it looks at a day; `pull`: whether it can do without a pull; `progress`: whether
    it may take a while, unsaid as `day`.
    """

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def run(folder: Path, **rest: Any) -> Any:
            click.get_current_context().meta[HOME_KEY] = home_of(folder)
            shared = {
                key: rest.pop(key) for key in ("as_of", "pull", "progress", "quiet") if key in rest
            }
            return function(Ask(folder, **shared), **rest)

        given = [_PROJECT]
        if day:
            given.append(_AS_OF)
        if pull:
            given.append(_NO_PULL)
        if day if progress is None else progress:
            given.append(_NO_PROGRESS)
        for option in reversed([*given, _QUIET]):
            run = option(run)
        return run

    return decorate


def format_option(*formats: str) -> Callable[[Function], Function]:
    """`--format`; the first one is what it does by itself."""
    return click.option(
        "--format", "style", type=click.Choice(formats), default=formats[0], metavar="FORMAT",
        show_default=True, help=f"How to print the result: {', '.join(formats)}.",
    )  # fmt: skip


journey_option = click.option(
    "--journey", metavar="NAME", help="Only this journey, where the project has several."
)
account_option = click.option(
    "--account", metavar="WHO", help="Only this account: its id in the CRM, or its name."
)


def _reason(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise click.BadParameter("a reason is needed: it is kept with the run")
    return value


override_option = click.option(
    "--override",
    metavar="REASON",
    callback=_reason,
    help="Write although a brake is pulled; REASON is kept with the run, and who gave it.",
)

_PROJECT = click.option(
    "--project", "folder", type=click.Path(path_type=Path), default=Path(), metavar="DIR",
    envvar="GATEPOST_PROJECT", show_envvar=True,
    help="The project folder; the current one if not given.",
)  # fmt: skip
_AS_OF = click.option(
    "--as-of", type=Day(), metavar="DATE",
    help="The last day that counts, as YYYY-MM-DD; today if not given.",
)  # fmt: skip
_NO_PULL = click.option(
    "--no-pull", "pull", is_flag=True, flag_value=False, default=True,
    help="Use what was pulled before; ask no source anything.",
)  # fmt: skip
_NO_PROGRESS = click.option(
    "--no-progress", "progress", is_flag=True, flag_value=False, default=True,
    help="Show no progress bar.",
)  # fmt: skip
_QUIET = click.option(
    "-q", "--quiet", is_flag=True, help="Print the result and errors, nothing else."
)
