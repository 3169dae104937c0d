"""Errors on purpose: their words on stderr, their exit codes."""

import click
import pytest

from config import errors
from config.problem import Problem
from gatepost import cli

PROBLEM = Problem(
    "mapping.yaml", 3, 5, "accounts.from", "no connection named 'crn'", "nearest is 'crm'"
)


@pytest.fixture
def failing(monkeypatch, invoke):
    """What a run comes to whose command raises."""

    def run(error):
        @click.command("check")
        def command():
            raise error

        monkeypatch.setattr(cli.Commands, "get_command", lambda *_: command)
        return invoke("check")

    return run


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.GatepostError("it failed"), 1),
        (errors.StopCycle("it failed"), 1),
        (errors.RetryLater("it failed", 5), 1),
        (errors.RecordRejected("it failed"), 1),
        (errors.UsageError("it failed"), 2),
        (errors.PartlyDone("it failed"), 3),
        (errors.BrakePulled("it failed"), 4),
    ],
)
def test_each_kind_has_its_code_and_stands_on_stderr(error, code, failing):
    done = failing(error)
    assert (done.exit_code, done.stdout, done.stderr) == (code, "", "gatepost: it failed\n")


def test_a_hint_follows_on_its_own_line(failing):
    done = failing(errors.UsageError("no account 'Acne'", "nearest is 'Acme'"))
    assert done.stderr == "gatepost: no account 'Acne'\nhint: nearest is 'Acme'\n"


def test_problems_of_files_stand_one_a_line_as_check_prints_them(failing):
    other = Problem("gatepost.yaml", 0, 0, "", "is missing")
    done = failing(errors.FixConfig([PROBLEM, other]))
    assert done.exit_code == 2
    assert done.stderr.splitlines() == [
        "gatepost.yaml  is missing",
        "mapping.yaml:3:5  accounts.from: no connection named 'crn'; nearest is 'crm'",
        "gatepost: 2 problems to put right first.",
    ]


def test_a_secret_in_an_error_is_masked(failing, monkeypatch):
    monkeypatch.setenv("GATEPOST_CRM_TOKEN", "0123456789abcdef")
    done = failing(errors.StopCycle("the CRM said: bad token 0123456789abcdef"))
    assert done.stderr == "gatepost: the CRM said: bad token ***\n"


def test_control_c_is_one_also_where_python_wraps_it(failing):
    """What comes up while a class is being made arrives as a RuntimeError."""
    wrapped = RuntimeError("Error calling __set_name__")
    wrapped.__cause__ = KeyboardInterrupt()
    done = failing(wrapped)
    assert done.exit_code == 130
    assert done.stderr.startswith("gatepost: Stopped before the end.")
