"""The demo: the whole way on a simulated company, small enough for a test."""

import os
import shlex
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import click
import pytest
import requests

import sandbox.world
from gatepost import tour
from gatepost.cli import commands
from gatepost.commands import demo
from gatepost.rehearsal import sandbox_process

TITLES = [
    "A simulated company", "What changed in the CRM", "The stage funnel", "Who is stuck",
    "One account explained", "Try next",
]  # fmt: skip


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(sandbox.world, "DEMO_ACCOUNTS", 25)
    monkeypatch.setattr(sandbox.world, "DEMO_DAYS", 90)


def titles(out):
    found = [line for line in out.splitlines() if line and not line.startswith(" ")]
    return [title.partition(":")[0] for title in found if "look at" not in title]


@pytest.mark.usefixtures("small")
def test_files_alone_show_everything_and_the_second_run_writes_nothing(invoke, tmp_path):
    home = tmp_path / "home of a real project"
    words = ("demo", "--crm", "files", "--into", tmp_path)
    first = invoke(*words, env={"GATEPOST_HOME": str(home)})
    assert first.exit_code == 0, first.stderr
    assert titles(first.stdout) == TITLES
    assert "Moves between stages (Lifecycle_Stage__c):" in first.stdout
    assert "To leave " in first.stdout
    assert not home.exists()
    second = invoke(*words)
    assert second.exit_code == 0
    assert "Nothing needs writing: every record shows what was computed." in second.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("crm", "vendor", "stage"),
    [
        ("salesforce", "Salesforce", "Lifecycle_Stage__c"),
        ("hubspot", "HubSpot", "gp_journey_stage"),
    ],
)
def test_over_http_it_shows_everything_and_the_second_run_writes_nothing(
    crm, vendor, stage, invoke, tmp_path
):
    words = ("demo", "--crm", crm, "--into", tmp_path)
    # A real project's secrets must not reach the sandbox, nor win over its own; a proxy that the
    # machine has does not know the sandbox.
    theirs = {
        "GATEPOST_CRM_TOKEN": "real", "GATEPOST_CRM_CLIENT_SECRET": "real",
        "HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9",
    }  # fmt: skip
    first = invoke(*words, env=theirs)
    assert first.exit_code == 0, first.stderr
    assert titles(first.stdout) == [*TITLES[:-1], "Calls made", TITLES[-1]]
    assert f"Moves between stages ({stage}):" in first.stdout
    calls = first.stdout.partition("Calls made")[2]
    assert "Mixpanel" in calls
    assert vendor in calls
    second = invoke(*words)
    assert second.exit_code == 0, second.stderr
    assert "Nothing needs writing: every record shows what was computed." in second.stdout
    assert "update" not in second.stdout.partition("Calls made")[2].partition("Try next")[0]
    assert "GATEPOST_SECRETS_DIR" not in os.environ


@pytest.mark.parametrize("into", ["", "my tries"])
@pytest.mark.parametrize("crm", ["files", "hubspot"])
def test_what_to_try_next_can_be_typed_as_it_stands(crm, into):
    folder = Path(into) / "demo-company" / crm
    lines = tour.next_steps(folder, crm, "A-1", date(2026, 6, 1), "gatepost")[1:]
    for line in lines:
        words = [word for word in shlex.split(line, comments=True) if word != "&"]
        name, *rest = words[words.index("gatepost") + 1 :]
        command = commands.get_command(click.Context(commands), name)
        assert command is not None, name
        typed = command.make_context(name, [word.replace("None", "8018") for word in rest]).params
        assert typed.get("into", Path(into)) == Path(into)
        assert typed.get("folder", folder) == folder
    assert len(lines) == {"files": 3, "hubspot": 5}[crm]


def test_a_place_that_cannot_be_written_is_a_sentence(invoke, tmp_path):
    (tmp_path / demo.FOLDER).write_text("a file", encoding="utf-8")
    for crm in demo.CRMS:
        done = invoke("demo", "--into", tmp_path, "--crm", crm)
        assert done.exit_code == 1
        assert "cannot be made" in done.stderr


def test_what_an_earlier_version_left_is_a_sentence(invoke, tmp_path):
    kept = tmp_path / demo.FOLDER / "salesforce" / "sandbox.json"
    kept.parent.mkdir(parents=True)
    kept.write_text('{"shape": 0}', encoding="utf-8")
    done = invoke("demo", "--into", tmp_path)
    assert done.exit_code == 1
    assert "is no state of a sandbox of this version" in done.stderr
    assert f"delete {kept.parent} to start over" in done.stderr


def answers(url):
    try:
        return requests.get(f"{url}/_sandbox", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def test_the_sandbox_ends_with_the_block_that_started_it(tmp_path):
    def breaks():
        with sandbox_process(0, tmp_path / "state.json", accounts=3, days=60) as ready:
            assert answers(ready["hubspot"]["url"])
            raise LookupError(ready["hubspot"]["url"])

    with pytest.raises(LookupError) as stopped:
        breaks()
    (url,) = stopped.value.args
    assert not answers(url)
    assert (tmp_path / "state.json").exists()


def test_a_port_that_is_taken_is_passed_over(tmp_path):
    with (
        sandbox_process(0, tmp_path / "one.json", accounts=3, days=60) as one,
        sandbox_process(
            int(one["hubspot"]["url"].rpartition(":")[2]), tmp_path / "two.json",
            accounts=3, days=60,
        ) as two,
    ):  # fmt: skip
        assert one["hubspot"]["url"] != two["hubspot"]["url"]
        assert answers(two["hubspot"]["url"])


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_the_sandbox_ends_with_the_process_that_started_it(stop, tmp_path):
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from gatepost.rehearsal import sandbox_process\n"
        "with sandbox_process(0, Path(sys.argv[1]), accounts=3, days=60) as ready:\n"
        "    print(ready['hubspot']['url'], flush=True)\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "state.json")],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    assert answers(url)
    process.send_signal(stop)
    process.communicate(timeout=20)
    ends = time.monotonic() + 20
    while answers(url) and time.monotonic() < ends:
        time.sleep(0.05)
    assert not answers(url)
