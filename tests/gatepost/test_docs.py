"""The pages agree with the program."""

import json
import re
import shlex
from pathlib import Path

import click
import pytest

from gatepost.cli import COMMANDS, commands

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CLI = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def command(name):
    return commands.get_command(click.Context(commands), name)


def chapter(name):
    return CLI.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


def anchors(page):
    """What a page's headings are called in links."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_every_option_of_it_is_in_cli_md(name):
    text = chapter(name)
    usage = text.partition("`gatepost ")[2].partition("`")[0]
    assert usage.split()[0] == name
    for parameter in command(name).params:
        if isinstance(parameter, click.Option):
            assert any(re.search(rf"{re.escape(one)}\b", usage) for one in parameter.opts), (
                parameter
            )
        if isinstance(parameter.type, click.Choice):
            assert "|".join(parameter.type.choices) in usage


@pytest.mark.parametrize("name", COMMANDS)
def test_cli_md_names_no_option_that_is_not_there(name):
    known = {one for parameter in command(name).params for one in parameter.opts}
    usage = chapter(name).partition("`gatepost ")[2].partition("`")[0]
    assert set(re.findall(r"--?[a-z][a-z-]*", usage)) <= known


def test_every_shared_option_is_explained():
    table = chapter("Options that several commands share")
    counts = {}
    for name in COMMANDS:
        for parameter in command(name).params:
            if isinstance(parameter, click.Option):
                counts[parameter.opts[-1]] = counts.get(parameter.opts[-1], 0) + 1
    for option in (option for option, count in counts.items() if count > 1):
        assert f"`{option}" in table, option


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target, _, place in re.findall(r"\]\(([^)#]*)(#([^)]*))?\)", page.read_text("utf-8")):
        if "://" in target:
            continue
        there = page.parent / target if target else page
        assert there.exists(), target
        if place:
            assert place in anchors(there), f"{target}#{place}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_rows_of_tables_have_as_many_cells_as_their_header(page):
    """A bar in a cell ends it, in code too, unless a backslash stands before it."""
    text = re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8"))
    for table in re.findall(r"(?m)(?:^\|.*\n)+", text):
        cells = [len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()]
        assert len(set(cells)) == 1, table


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_command_lines_on_the_pages_can_be_typed(page):
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    for line in "".join(blocks).splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["gatepost"]:
            with command(words[1]).make_context(words[1], words[2:]):
                pass


def test_the_readme_takes_one_from_init_to_a_plan_that_is_empty(invoke, tmp_path, monkeypatch):
    """The lines of the ten minutes, as they stand there."""
    monkeypatch.chdir(tmp_path)
    said = []
    for line in re.findall(r"^(gatepost .*|cd .*)$", README, re.MULTILINE):
        words = shlex.split(line, comments=True)
        if words[0] == "cd":
            monkeypatch.chdir(words[1])
            continue
        done = invoke(*words[1:])
        assert done.exit_code == 0, (line, done.output)
        said.append((words[1], done.stdout, done.stderr))
    assert [name for name, *_ in said] == [
        "init", "check", "plan", "check", "evaluate", "explain", "plan", "apply", "plan",
    ]  # fmt: skip
    assert said[2][1]
    assert "Nothing needs writing" in said[-1][2]


def test_the_event_in_the_readme_is_json():
    (block,) = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    assert set(json.loads(block)) == {"event", "time", "user", "workspace"}


def test_every_exit_code_is_explained():
    from config import errors

    page = (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8")
    codes = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.GatepostError)
    }
    for code in codes | {0, 130, 141}:
        assert f"\n| {code} |" in page
