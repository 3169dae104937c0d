"""`kill -9` during a run: the CSV is the old one or the new one, and the next run ends where an
undisturbed one would."""

import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from sync.ledger import unsettled
from sync.push import STEPS
from sync.state import State

ROWS = 1000
TRIES = 32
ROOT = Path(__file__).parents[2]


class Killer:
    """The process that forks a run for each order."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def run(self, folder, step=None, number=1, kill_after=None):
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        order = {"folder": str(folder), "step": step, "number": number, "kill_after": kill_after}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@pytest.fixture(scope="module")
def killer():
    with subprocess.Popen(
        [sys.executable, "-m", "tests.sync.apply_csv"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        yield Killer(process)


@pytest.fixture(scope="module")
def undisturbed(killer, tmp_path_factory):
    """The CSV before, the CSV after a run that nobody disturbs, and how long that takes."""
    folder = prepared(tmp_path_factory.mktemp("undisturbed"))
    before = (folder / "Account.csv").read_bytes()
    answer = killer.run(folder)
    assert answer["code"] == 0
    after = (folder / "Account.csv").read_bytes()
    assert after != before
    return before, after, answer["seconds"]


def prepared(folder):
    rows = [f"{n:05},Customer {n},Ada,Onboarding," for n in range(ROWS)]
    text = "\r\n".join(["Id,Name,Owner,stage,score", *rows, ""])
    (folder / "Account.csv").write_bytes(text.encode())
    wanted = {f"{n:05}": {"stage": "Adoption", "score": n % 100} for n in range(0, ROWS, 2)}
    (folder / "desired.json").write_text(json.dumps(wanted))
    return folder


def digest(body):
    return hashlib.sha256(body).hexdigest()


def ends_like_an_undisturbed_run(killer, folder, undisturbed):
    before, after, _ = undisturbed
    assert (folder / "Account.csv").read_bytes() in {before, after}
    answer = killer.run(folder)
    assert answer["code"] == 0
    assert (folder / "Account.csv").read_bytes() == after
    assert [one.name for one in folder.iterdir() if one.name.startswith(".")] == []
    written = (folder / "Account.csv").stat().st_mtime_ns
    assert killer.run(folder)["code"] == 0
    assert (folder / "Account.csv").stat().st_mtime_ns == written, "a further run writes nothing"
    with State(folder / "home") as state:
        assert list(unsettled(state)) == []
        # each record's value is in the ledger as ours exactly once
        query = "SELECT count(*), count(DISTINCT account_id) FROM writes WHERE state = 'confirmed'"
        assert list(state.rows(query)) == [(ROWS // 2, ROWS // 2)]


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_of_the_ledger(killer, undisturbed, tmp_path, step):
    folder = prepared(tmp_path)
    answer = killer.run(folder, step=step)
    assert answer["code"] == -9
    ends_like_an_undisturbed_run(killer, folder, undisturbed)


@pytest.mark.slow
def test_killed_at_random_moments(killer, undisturbed, tmp_path):
    """Again and again, from the first import-free moment to the end; several times in a row,
    too."""
    before, after, seconds = undisturbed
    chance = random.Random(20260501)
    killed = 0
    for number in range(TRIES):
        folder = prepared(tmp_path_with(tmp_path, number))
        for _ in range(chance.choice([1, 1, 2])):
            answer = killer.run(folder, kill_after=chance.uniform(0, seconds))
            killed += answer["code"] == -9
            assert answer["code"] in {0, -9}
            assert set(answer["seen"]) <= {digest(before), digest(after)}
        ends_like_an_undisturbed_run(killer, folder, undisturbed)
    assert killed >= TRIES // 2


def tmp_path_with(folder, number):
    (folder / str(number)).mkdir()
    return folder / str(number)
