"""The command line: which commands there are, and the one place where errors become words.

Only click is imported here, and a command's own module only when that command runs, so that help
and mistakes are answered at once.
"""

import sys

try:
    import contextlib
    import errno
    import gc
    import importlib
    import io
    import os
    from pathlib import Path
    from typing import Any, NamedTuple, NoReturn

    from gatepost import __version__
    from gatepost.ours import sentence

    try:
        import click

        from config.errors import ANOTHER_HOME, FixConfig, GatepostError
        from gatepost.crash import crash_sentence
        from gatepost.options import HOME_KEY
        from gatepost.redact import redacted
        from gatepost.stdout import ResultLostError, telling
    except ImportError:  # somebody else's `config` came first
        sys.exit(f"gatepost: {sentence() or 'its packages are not all there: install it again'}")
except KeyboardInterrupt:  # before there was anything to stop
    sys.exit(130)
except RuntimeError as wrapped:  # as Python 3.11 has it while a class is being made
    if isinstance(wrapped.__cause__, KeyboardInterrupt):
        sys.exit(130)
    raise

INTERRUPTED = 130
_MACHINE = frozenset({
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE,
    errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EMFILE, errno.ENFILE,
})  # fmt: skip
READER_GONE = 141  # what the shell reports for a program that SIGPIPE ended


class Listed(NamedTuple):
    """A command in the listing: where it lives, and its one line."""

    module: str
    line: str


# The lines stand here as well as in the commands, so that the listing imports none of them.
COMMANDS = {
    "demo": Listed("gatepost.commands.demo", "Simulate a company and run everything on it."),
    "init": Listed("gatepost.commands.init", "Write a small project to start from."),
    "check": Listed("gatepost.commands.check", "Find every mistake in a project's files."),
    "provision": Listed(
        "gatepost.commands.provision", "Make the CRM fields that mapping.yaml writes."
    ),
    "evaluate": Listed("gatepost.commands.evaluate", "Show what is computed for each account."),
    "history": Listed("gatepost.commands.history", "Show stays, moments and breaches, dated."),
    "explain": Listed("gatepost.commands.explain", "Say why an account is where it is."),
    "identity": Listed("gatepost.commands.identity", "Show which events find their account."),
    "plan": Listed("gatepost.commands.plan", "Show what would be written, and write nothing."),
    "apply": Listed("gatepost.commands.apply", "Write what a plan says."),
    "sync": Listed("gatepost.commands.sync", "Pull, compute and write what changed."),
    "prune": Listed("gatepost.commands.prune", "Prune what is older than `retention` says."),
    "doctor": Listed("gatepost.commands.doctor", "Find what would keep a run from working."),
    "runs": Listed("gatepost.commands.runs", "Show past runs, or one with its writes."),
    "run": Listed("gatepost.commands.run", "Sync by a schedule until told to end."),
    "forget": Listed("gatepost.commands.forget", "Remove an account or a person, and prove it."),
    "backup": Listed("gatepost.commands.backup", "Copy all that Gatepost keeps, as it works."),
    "sandbox": Listed(
        "gatepost.commands.sandbox", "Play Salesforce, HubSpot and Mixpanel on this machine."
    ),
    "schema": Listed("gatepost.commands.schema", "Print the JSON Schema of a file, for editors."),
}


class Commands(click.Group):
    """The group. Commands are imported on use, listed from the table above."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table: from the first look to daily work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        listed = COMMANDS.get(cmd_name)
        if listed is None:
            return None
        found: click.Command = importlib.import_module(listed.module).command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS:
            from difflib import get_close_matches

            if near := get_close_matches(args[0], COMMANDS, 1):
                ctx.fail(f"No such command {args[0]!r}. Did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, listed.line) for name, listed in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; whatever it raises but click's own usage errors ends here, in words."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # here, so that a reader who left is noticed here
        except (click.ClickException, click.exceptions.Exit):
            raise
        except (KeyboardInterrupt, click.Abort) as stopped:
            if isinstance(stopped, click.Abort):
                click.echo(err=True)  # the question stands on an unfinished line
            code = _stopped()
        except BrokenPipeError:
            _forget_stdout()
            code = READER_GONE
        except GatepostError as error:
            _say_error(error)
            code = error.exit_code
        except ResultLostError as error:
            _say_lost(error)
            code = 1
        except Exception as error:  # noqa: BLE001 (no traceback may reach a user: it goes to a file)
            code = _unforeseen(error, ctx.meta.get(HOME_KEY))
        else:
            return result
        raise click.exceptions.Exit(code)


def _stopped() -> int:
    _say("Stopped before the end. What was finished is kept; run it again to go on.")
    return INTERRUPTED


def _unforeseen(error: Exception, home: Path | None) -> int:
    """Say what no command has put into words; the exit code."""
    if isinstance(error.__cause__, KeyboardInterrupt):  # see the imports above
        return _stopped()
    if isinstance(error, ImportError) and (stranger := sentence()):  # the usual reason
        _say(stranger)
    elif isinstance(error, OSError) and (said := _about_the_machine(error)):
        _say(said)
        _say(ANOTHER_HOME, label="hint: ")
    else:
        _say(crash_sentence(error, home))
    return 1


def _say_error(error: GatepostError) -> None:
    """An error and its way out. Problems of files stand one a line, as `check` prints them."""
    if isinstance(error, FixConfig):
        count = len(error.problems)
        _say(str(error), label="")
        _say(f"{count} {'problem' if count == 1 else 'problems'} to put right first.")
    else:
        _say(str(error))
    if error.hint:
        _say(error.hint, label="hint: ")


def _say(text: str, label: str = "gatepost: ") -> None:
    with contextlib.suppress(OSError):  # stderr may be closed as well
        click.echo(f"{label}{redacted(text)}", err=True)


def _about_the_machine(error: OSError) -> str:
    """What stands in the way of a file, where no fault of ours is behind it; else ""."""
    if error.errno not in _MACHINE or not isinstance(error.filename, str):
        return ""
    return f"{error.filename} cannot be used: {error.strerror}"


def _say_lost(error: ResultLostError) -> None:
    _say(f"the result could not be written: {error.strerror}")
    _forget_stdout()


def _forget_stdout() -> None:
    """Point stdout at nothing: the interpreter flushes it once more on its way out."""
    with contextlib.suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `gatepost demo`, or `gatepost init`. Each command has --help with examples.",
)
@click.version_option(__version__, "-V", "--version", message="gatepost %(version)s")
def commands() -> None:
    """Replay product usage through your customer journey and write the result into the CRM.

    Gatepost reads a project folder, pulls events and fields, walks every account through its
    stages, shows what it would change in the CRM and why, and changes it.
    """


def main() -> NoReturn:
    """The `gatepost` program."""
    try:
        _main()
    except KeyboardInterrupt:  # before a command had begun, or after it ended
        _leave(INTERRUPTED)


def _main() -> NoReturn:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us, who wants to hear nothing
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif name == "stdout":
            sys.stdout = telling(stream)
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's own would wait busily for work
    gc.disable()  # most commands are over in seconds; those that stay switch it on again
    try:
        done = commands.main(prog_name="gatepost", standalone_mode=False)
        _leave(done if isinstance(done, int) else 0)
    except click.ClickException as error:
        error.show()
        _leave(error.exit_code)
    except click.Abort:  # Ctrl-C before a command had begun
        _leave(INTERRUPTED)
    except ResultLostError as error:  # help, which is printed before any command runs
        _say_lost(error)
        _leave(1)
    except SystemExit as end:  # as click ends, however it went
        _leave(end.code if isinstance(end.code, int) else int(end.code is not None))


def _leave(code: int) -> NoReturn:
    """End at once: all that had to be closed is closed. Taking the hundreds of thousands of small
    things of a run apart, one by one, takes as long as reading the CRM."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # the reader may have left
            stream.flush()
    os._exit(code)
