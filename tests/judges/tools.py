"""What every judge needs: programs that are run, and where they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
WORK = ROOT / "build" / "judges"
_SECONDS = 300


class Failed(Exception):
    """A judge found fault, or could not be made to run."""


class NotRun(Exception):
    """Something that is not ours to provide is missing."""


def command(*words: str, env: dict[str, str] | None = None, folder: Path = WORK) -> str:
    """Standard output of a program that ended well. Raises Failed with the end of what it said."""
    try:
        done = subprocess.run(
            words, cwd=folder, env={**os.environ, **(env or {})}, capture_output=True, text=True,
            check=False, timeout=_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as wrong:
        raise Failed(f"{words[0]}: {wrong}") from wrong
    if done.returncode:
        raise Failed((done.stderr or done.stdout)[-1500:])
    return done.stdout


def node_packages(folder: str, *packages: str) -> Path:
    """The folder under build/judges with these npm packages, of exactly these versions."""
    if shutil.which("npm") is None:
        raise NotRun("there is no npm here")
    home = WORK / folder
    installed = home / "installed.txt"
    if not installed.exists() or installed.read_text() != " ".join(packages):
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        (home / "package.json").write_text('{"private": true}')
        # Nothing of what these packages would do while they are installed is needed.
        command("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages,
                folder=home)  # fmt: skip
        installed.write_text(" ".join(packages))
    return home


def python_package(folder: str, package: str) -> Path:
    """An environment under build/judges with this PyPI package."""
    home = WORK / folder
    installed = home / "installed.txt"
    if not installed.exists() or installed.read_text() != package:
        shutil.rmtree(home, ignore_errors=True)
        command(sys.executable, "-m", "venv", str(home))
        command(str(home / "bin" / "pip"), "install", "--quiet", package)
        installed.write_text(package)
    return home
