"""Whatever is wrong, the program says it in a sentence with the right code: no traceback."""

import os
import random
import shutil
import signal
import subprocess
import sys

import pytest

from sync.plan import Plan
from sync.plan_file import from_json, to_json
from tests.gatepost.conftest import TODAY

NOISE = random.Random(7).randbytes(3000)


def missing_folder(folder):
    shutil.rmtree(folder)


def empty_folder(folder):
    shutil.rmtree(folder)
    folder.mkdir()


def broken_yaml(folder):
    (folder / "gatepost.yaml").write_text("connections: [", encoding="utf-8")


def binary_yaml(folder):
    (folder / "mapping.yaml").write_bytes(NOISE)


def folder_for_file(folder):
    (folder / "gatepost.yaml").unlink()
    (folder / "gatepost.yaml").mkdir()


def misspelt_signal(folder):
    path = folder / "journeys" / "customer.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("weekly_users >=", "wekly_users >="), encoding="utf-8")


def no_csv(folder):
    (folder / "crm" / "Account.csv").unlink()


def folder_for_csv(folder):
    no_csv(folder)
    (folder / "crm" / "Account.csv").mkdir()


def binary_csv(folder):
    (folder / "crm" / "Account.csv").write_bytes(NOISE)


def empty_csv(folder):
    (folder / "crm" / "Account.csv").write_bytes(b"")


def csv_without_a_column(folder):
    path = folder / "crm" / "Account.csv"
    path.write_text(
        path.read_text(encoding="utf-8").replace("Signed", "Sinned", 1), encoding="utf-8"
    )


def no_events_folder(folder):
    shutil.rmtree(folder / "product")


def damaged_state(folder):
    (folder / ".gatepost").mkdir()
    (folder / ".gatepost" / "state.sqlite3").write_bytes(NOISE)


def file_for_home(folder):
    (folder / ".gatepost").write_bytes(NOISE)


FOLDERS = {
    missing_folder: (2, "no such folder"),
    empty_folder: (2, "gatepost init"),
    broken_yaml: (2, "gatepost.yaml:"),
    binary_yaml: (2, "mapping.yaml"),
    folder_for_file: (2, "is a folder, not a file"),
    misspelt_signal: (2, "nearest is 'weekly_users'"),
    no_csv: (1, "Account.csv"),
    folder_for_csv: (1, "Account.csv"),
    binary_csv: (1, "Account.csv"),
    empty_csv: (1, "is empty"),
    csv_without_a_column: (1, "Signed"),
    no_events_folder: (1, "events"),
    damaged_state: (1, "is damaged or is no SQLite file"),
    file_for_home: (1, ".gatepost"),
}


@pytest.mark.parametrize("spoil", FOLDERS, ids=lambda spoil: spoil.__name__)
def test_a_spoilt_project_gives_a_sentence(spoil, project, invoke):
    code, words = FOLDERS[spoil]
    spoil(project)
    done = invoke("plan", "--project", project, "--as-of", "2026-06-30")
    assert words in done.stderr
    assert (done.exit_code, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr
    assert "did not foresee" not in done.stderr


@pytest.mark.parametrize("spoil", [broken_yaml, binary_csv], ids=lambda spoil: spoil.__name__)
def test_so_it_is_in_a_shell(spoil, project, program):
    code, words = FOLDERS[spoil]
    spoil(project)
    done = program("plan", "--project", project, "--as-of", "2026-06-30")
    assert words in done.err
    assert (done.code, done.out) == (code, "")
    assert "Traceback" not in done.err


LINES = {
    "evaluate --as-of yesterday": (2, "write it as YYYY-MM-DD"),
    "evaluate --as-of 2026-02-30": (2, "is no day"),
    "evaluate --as-of 20260230": (2, "is no day"),
    "evaluate --format xml": (2, "--format"),
    "evaluate --journey Custmer": (2, "nearest is 'Customer'"),
    "evaluate --account nobody": (2, "no account 'nobody'"),
    "explain nobody": (2, "no account 'nobody'"),
    "explain r": (2, "could be"),
    "explain": (2, "Missing argument 'ACCOUNT'"),
    "apply nowhere.json": (2, "cannot be read"),
    "apply noise.json": (2, "is no text file"),
    "apply braces.json": (2, "is no plan of Gatepost"),
    "apply empty.json": (2, "is empty"),
    "apply later.json": (2, "version 99"),
    "apply edited.json": (2, "was edited"),
    "apply acme": (2, "is a directory"),
    "apply braces.json --as-of 2026-06-30": (2, "has its day in it"),
    "plan --out nowhere/plan.json --as-of 2026-06-30": (1, "cannot be written"),
    "plan --out acme": (2, "is a directory"),
    "plan --out braces.json/plan.json --as-of 2026-06-30": (1, "cannot be written"),
    "plan --out= --as-of 2026-06-30": (1, "cannot be written"),
    "runs 99999999999999999999": (2, "is not in the range"),
    "runs --last 99999999999999999999": (2, "is not in the range"),
    "forget --yes --": (2, "Missing argument"),
    "forget --yes \N{NO-BREAK SPACE}": (2, "an empty name names nobody"),
    "check --as-of 2026-06-30": (2, "No such option"),
    "schema stage": (2, "is not one of"),
    "init acme": (2, "nothing was written"),
    "demo --into noise.json": (2, "noise.json"),
    "nonsense": (2, "No such command"),
}


@pytest.mark.parametrize("line", LINES)
def test_a_wrong_command_line_gives_a_sentence(line, project, invoke, tmp_path, monkeypatch):
    code, words = LINES[line]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "noise.json").write_bytes(NOISE)
    (tmp_path / "braces.json").write_text("{}", encoding="utf-8")
    (tmp_path / "empty.json").touch()
    (tmp_path / "later.json").write_text('{"gatepost_plan": 99}', encoding="utf-8")
    edited = to_json(Plan("2026-06-30T00:00:00Z", TODAY, "", (), ())).replace("06-30T", "06-29T")
    (tmp_path / "edited.json").write_text(edited, encoding="utf-8")
    done = invoke(*line.split(" "), env={"GATEPOST_PROJECT": str(project)})
    assert words in done.stderr
    assert (done.exit_code, done.stdout) == (code, "")
    assert "did not foresee" not in done.stderr


LONG = "h" * 300
NEED_A_HOME = (
    "evaluate", "history", "explain Blue", "identity", "plan", "sync", "apply --yes",
    "doctor --offline", "prune", "prune --dry-run", "forget A-1 --yes", "backup",
    "run --listen none",
)  # fmt: skip


@pytest.mark.parametrize(
    ("line", "home"),
    [
        *((line, home) for line in NEED_A_HOME for home in (LONG, "file/home", "loop/home")),
        ("runs", LONG),
        ("runs 1", LONG),
    ],
)
def test_a_home_that_cannot_be_gives_a_sentence(line, home, project, invoke, tmp_path):
    (tmp_path / "file").touch(0o755)
    (tmp_path / "loop").symlink_to("loop")
    env = {"GATEPOST_PROJECT": str(project), "GATEPOST_HOME": str(tmp_path / home)}

    done = invoke(*line.split(), env=env)

    assert done.exit_code == 1
    assert done.stderr.startswith("gatepost: ")
    assert "did not foresee" not in done.stderr


def test_a_current_folder_that_is_gone_is_a_sentence(invoke, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    done = invoke("evaluate")
    assert done.exit_code == 2
    assert "hint: the current folder is not there any more" in done.stderr


@pytest.mark.parametrize("line", ["evaluate", "sync", "runs", "doctor --offline", "check"])
def test_a_home_of_nobody_is_a_sentence(line, project, invoke):
    done = invoke(*line.split(), "--project", project, env={"GATEPOST_HOME": "~nosuchuser/home"})
    assert done.exit_code == 2
    assert "there is no such user here" in done.stderr


def test_a_plan_is_saved_where_a_link_leads_and_into_what_is_no_file(project, invoke, tmp_path):
    """A device must stay one: replaced by a file, /dev/null would be gone for everybody."""
    (tmp_path / "link.json").symlink_to("plan.json")
    (tmp_path / "plan.json").write_text("an old one")
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE) as reader:
        for name in ("link.json", "pipe"):
            done = invoke("plan", "--project", project, "--out", tmp_path / name)
            assert done.exit_code == 0
        out, _ = reader.communicate(timeout=60)
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "pipe").is_fifo()
    for text in ((tmp_path / "plan.json").read_text(), out.decode()):
        assert from_json(text).changes


def start(project, *words, **streams):
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "gatepost", *words, "--project", str(project)],
        stderr=subprocess.PIPE, text=True, **streams,
    )  # fmt: skip


def test_a_reader_who_leaves_early_hears_no_complaint(project):
    reading = start(project, "evaluate", "--quiet", "--format", "json", stdout=subprocess.PIPE)
    reading.stdout.close()
    _, said = reading.communicate(timeout=120)
    assert (reading.returncode, said) == (141, "")


def test_control_c_is_a_sentence(project):
    (project / "product" / "events" / "slow.jsonl").write_text(
        '{"event": "Logged In", "time": "2026-06-01", "workspace": "blue"}\n' * 400_000,
        encoding="utf-8",
    )
    running = start(project, "evaluate", stdout=subprocess.PIPE)
    # it has begun, for it writes its lock before it pulls
    while not (project / ".gatepost" / "run.lock").exists():
        assert running.poll() is None
    running.send_signal(signal.SIGINT)
    out, said = running.communicate(timeout=120)
    assert (running.returncode, out) == (130, "")
    assert said.startswith("gatepost: Stopped before the end.")


def test_what_a_terminal_cannot_show_does_not_end_the_program(project, program):
    path = project / "crm" / "Account.csv"
    text = path.read_text(encoding="utf-8").replace("Blue Harbour", "Blå Häfen 日本")
    path.write_text(text, encoding="utf-8")
    words = ("evaluate", "--project", project, "--as-of", "2026-06-30")
    done = program(*words, env={"PYTHONIOENCODING": "ascii"})
    assert done.code == 0
    assert r"Bl\xe5 H\xe4fen \u65e5\u672c" in done.out


def test_rows_that_are_nobody_s_or_come_twice_are_told(project, invoke):
    path = project / "crm" / "Account.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines += [lines[1], lines[2].replace("A-2", "", 1), "A-9,too short"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = invoke("evaluate", "--project", project)
    assert done.exit_code == 0
    start = "warning: left out of Account: 1 row "
    told = [line.removeprefix(start) for line in done.stderr.splitlines() if start in line]
    assert told == [
        "that could not be read, the first: line 7: it has 2 cells where the header has 15",
        "without Id",
        "with an id that an earlier one has: A-1",
    ]


STARTING = """
import os, signal, sys

class Finder:
    left = None

    def find_spec(self, name, *_):
        if name == "gatepost.cli":
            Finder.left = int(sys.argv.pop(1))
        elif Finder.left is not None:
            Finder.left -= 1
            if Finder.left == 0:
                os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
from gatepost.cli import main
main()
"""


@pytest.mark.parametrize("number", [1, 2, 3, 6, 12, 25, 50, 100, 200])
def test_control_c_while_it_starts_shows_no_traceback(number, project):
    """At each of these modules that it imports, the first of its own included."""
    line = [sys.executable, "-P", "-c", STARTING, str(number), "check", "--project", str(project)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode in {-signal.SIGINT, 130}
    assert "Traceback" not in done.stderr
