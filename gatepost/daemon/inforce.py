"""The configuration in force: read, found right, and kept as a copy for the processes we start.

Whoever edits a file changes nothing until the daemon is told to look (SIGHUP), and a mistake
leaves the old configuration in force: a run never sees files that are half edited.
"""

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from config.errors import ANOTHER_HOME, FixConfig, GatepostError, StopCycle, UsageError
from config.load import CONFIG_VARIABLE, Project
from config.problem import Problem
from config.project_file import OFF, listen_address
from config.settings import OwnSecrets, own_secrets
from gatepost.opening import problems_of
from gatepost.options import Ask

COPIES = "config"
"""folder of the home that the copies lie in"""


@dataclass(frozen=True)
class InForce:
    """One configuration. `copy`: the folder with its files."""

    project: Project
    copy: Path
    listen: tuple[str, int] | None
    """host and port, None for nowhere"""
    secrets: OwnSecrets

    @property
    def home(self) -> Path:
        return self.project.home

    def environment(self, run_id: int) -> dict[str, str]:
        """What a process of ours is started with."""
        from sync.runs import RUN_VARIABLE

        return {
            **os.environ,
            CONFIG_VARIABLE: str(self.copy),
            RUN_VARIABLE: str(run_id),
            "PYTHONUNBUFFERED": "1",
        }


def read(folder: Path, listen: str | None = None) -> InForce:
    """The configuration of a project folder as it is now; `listen` in place of what it says.

    FixConfig with all its problems; StopCycle if the home cannot be written; UsageError for an
    address that anybody could reach without a token.
    """
    os.environ.pop(CONFIG_VARIABLE, None)  # it is ours to set
    project, problems = problems_of(Ask(folder))
    if problems or project is None:
        raise FixConfig(problems)
    address = address_of(listen or project.gatepost.server.listen)
    secrets = own_secrets()
    guarded(address, secrets)
    return InForce(project, _copied(project), address, secrets)


def address_of(text: str) -> tuple[str, int] | None:
    """Host and port to listen at, None for nowhere. UsageError if it is neither."""
    if text == OFF:
        return None
    found = listen_address(text)
    if found is None:
        raise UsageError(f"{text!r} is no address with a port", "such as 127.0.0.1:8787")
    return found


def guarded(address: tuple[str, int] | None, secrets: OwnSecrets) -> None:
    """UsageError if others can ask there and nothing tells them apart; FixConfig for a token that
    could be guessed."""
    token = secrets.get("token")
    if token is not None and len(token) < 16:
        raise FixConfig(
            [Problem("GATEPOST_TOKEN", 0, 0, "", "is too short", "16 characters are the least")]
        )
    if address is not None and not is_loopback(address[0]) and token is None:
        raise UsageError(
            f"{address[0]} can be reached by others, and there is no token to tell them apart",
            "set GATEPOST_TOKEN, or put gatepost_token into the secrets folder",
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can ask there."""
    from ipaddress import ip_address

    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name may be anybody's
        return False


def _copied(project: Project) -> Path:
    """The project's files under the home, in a folder that is named by their content."""
    files = {name: file.source for name, file in project.files.items()}
    digest = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:16]
    folder = project.home / COPIES / digest
    try:
        if not folder.is_dir():
            partial = folder.with_name(f".{digest}.{os.getpid()}")
            shutil.rmtree(partial, ignore_errors=True)
            for name, text in files.items():
                path = partial / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            partial.rename(folder)
    except OSError as error:
        raise StopCycle(f"{folder} cannot be written: {error.strerror}", ANOTHER_HOME) from error
    return folder.absolute()


def forget_others(current: InForce) -> None:
    """Remove copies that no process needs any more. Called while nothing runs."""
    for folder in current.copy.parent.iterdir():
        if folder != current.copy:
            shutil.rmtree(folder, ignore_errors=True)


def said(error: GatepostError) -> tuple[int, str]:
    """How many problems an error has, and the first."""
    if isinstance(error, FixConfig) and error.problems:
        return len(error.problems), str(error.problems[0])
    return 1, str(error)
