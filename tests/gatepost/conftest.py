"""A small project, and two ways to run the command on it: in this process and as a program."""

import os
import subprocess
import sys
from datetime import date
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from gatepost.cli import commands
from gatepost.starter import starter_files

TODAY = date(2026, 7, 1)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    for name in os.environ:
        if name.startswith("GATEPOST_"):
            monkeypatch.delenv(name)


@pytest.fixture
def project(tmp_path):
    """What `gatepost init` wrote on 2026-07-01, in tmp_path/acme."""
    return _written(tmp_path / "acme")


@pytest.fixture(scope="session")
def shared_project(tmp_path_factory):
    """The same, for tests that only read it: pulled once, by whichever comes first."""
    return _written(tmp_path_factory.mktemp("shared") / "acme")


def _written(folder):
    for name, text in starter_files(TODAY).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def invoke():
    """Run a command in this process: its exit code, stdout and stderr."""

    def run(*words, **options):
        return CliRunner().invoke(commands, [str(word) for word in words], **options)

    return run


@pytest.fixture
def program(tmp_path):
    """Run the program in tmp_path: its code, stdout and stderr as they reach a shell."""

    def run(*words, env=None, **options):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "gatepost", *map(str, words)],
            cwd=tmp_path,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            **options,
        )
        return SimpleNamespace(code=done.returncode, out=done.stdout, err=done.stderr)

    return run
