"""The group: its listing, its help, and what it costs to ask for them."""

import importlib
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from config import kinds
from gatepost import __version__, options
from gatepost.cli import COMMANDS, commands
from gatepost.options import Command

NAMES = sorted(COMMANDS)


def load(name):
    command = importlib.import_module(COMMANDS[name].module).command
    assert isinstance(command, Command)
    return command


@pytest.mark.parametrize("name", NAMES)
def test_the_listing_says_what_the_command_says(name):
    command = load(name)
    assert command.name == name
    assert command.help.partition("\n")[0] == COMMANDS[name].line


def test_every_file_in_commands_is_listed():
    import pkgutil

    import gatepost.commands as package

    assert sorted(module.name for module in pkgutil.iter_modules(package.__path__)) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_option_says_what_it_does_and_takes(name):
    for parameter in load(name).params:
        if isinstance(parameter, click.Option):
            assert (parameter.help or "").endswith("."), parameter.name
            assert parameter.is_flag or parameter.metavar, parameter.name
        else:
            assert parameter.metavar, parameter.name


@pytest.mark.parametrize("name", NAMES)
def test_every_example_in_help_can_be_typed(name):
    command = load(name)
    assert command.examples
    for _, line in command.examples:
        words = shlex.split(re.split(r" [|>] ?", line)[0])  # without the shell's part
        with command.make_context(name, words[words.index(name) + 1 :]):
            pass


@pytest.mark.parametrize("name", NAMES)
def test_help_ends_with_examples(name, invoke):
    done = invoke(name, "--help")
    assert done.exit_code == 0
    for purpose, line in load(name).examples:
        assert f"  # {purpose}\n  {line}\n" in done.stdout.partition("Examples:\n")[2]


def test_the_group_lists_all_commands_in_order(invoke):
    done = invoke("--help")
    listed = done.stdout.partition("Commands:\n")[2].split("\n\n")[0]
    assert [line.split()[0] for line in listed.splitlines()] == list(COMMANDS)


def test_the_version_is_told(invoke):
    assert invoke("--version").stdout == f"gatepost {__version__}\n"


def loaded_by(*words):
    """Modules that a run of the program with these words has imported at its end."""
    code = (
        "import sys, json, os\n"
        "leave = os._exit\n"
        "def told(code):\n"
        "    print(json.dumps(sorted(sys.modules)), file=sys.stderr, flush=True)\n"
        "    leave(code)\n"
        "os._exit = told\n"
        f"sys.argv = {['gatepost', *words]!r}\n"
        "from gatepost.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


HEAVY = {
    "rich",
    "yaml",
    "pydantic",
    "duckdb",
    "ibis",
    "numpy",
    "sqlglot",
    "sqlite_utils",
    "sqlite3",
}


@pytest.mark.parametrize("words", [("--help",), ("evaluate", "--help"), ("sync", "--help")])
def test_help_imports_nothing_heavy(words):
    modules = loaded_by(*words)
    assert "click" in modules
    assert not HEAVY & modules


@pytest.mark.parametrize("module", ["click", "gatepost.options"])
def test_control_c_while_the_program_loads_ends_it_without_a_word(module):
    code = (
        "import sys\n"
        "class Impatient:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {module!r}: raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Impatient())\n"
        "import gatepost.cli\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_the_listing_imports_no_command():
    assert not [name for name in loaded_by("--help") if name.startswith("gatepost.commands.")]


def test_an_unknown_command_is_a_usage_error(invoke):
    done = invoke("evalute")
    assert done.exit_code == 2
    assert "No such command 'evalute'. Did you mean 'evaluate'?" in done.stderr
    assert done.stdout == ""
    assert "Did you mean" not in invoke("frobnicate").stderr


@pytest.mark.parametrize("day", ["1800-01-01", "9999-12-31"])
def test_a_day_outside_what_the_files_take_is_a_usage_error(day, invoke, project):
    done = invoke("evaluate", "--project", project, "--as-of", day)
    assert done.exit_code == 2
    assert f"'{day}' lies outside the years 1970 to 2199" in done.stderr


def test_the_years_are_those_of_the_files():
    assert (options.FIRST_YEAR, options.LAST_YEAR) == (kinds.FIRST_YEAR, kinds.LAST_YEAR)


@pytest.mark.parametrize("words", [("--help",), ("evaluate",), ("schema", "journey")])
def test_a_result_for_which_there_is_no_room_is_told(words, project):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "gatepost", *words],
            cwd=project, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    last = done.stderr.splitlines()[-1]
    assert (done.returncode, last) == (
        1, "gatepost: the result could not be written: No space left on device",
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert not list(project.rglob("crash-*"))


def test_the_group_is_what_the_program_runs():
    assert isinstance(commands, click.Group)
