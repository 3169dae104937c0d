"""An error that nobody foresaw: a sentence, and a file."""

import errno
from pathlib import Path

import click
import pytest

from gatepost import cli, crash
from gatepost.options import HOME_KEY


def raised(error):
    """The error as it is when somebody has raised it."""

    def fail():
        raise error

    try:
        fail()
    except Exception as caught:  # noqa: BLE001 (any of them is what is tested)
        return caught


def path_in(sentence):
    return Path(sentence.partition("details are in ")[2])


def test_the_traceback_goes_to_a_file_in_the_projects_home(tmp_path):
    (tmp_path / "gatepost.yaml").touch()
    sentence = crash.crash_sentence(raised(KeyError("stage")), tmp_path / ".gatepost")
    assert sentence.startswith("something went wrong that Gatepost did not foresee (KeyError)")
    path = path_in(sentence)
    assert path.parent == tmp_path / ".gatepost"
    assert "Traceback" in path.read_text(encoding="utf-8")
    assert "KeyError: 'stage'" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("home", [None, "elsewhere/.gatepost"])
def test_a_folder_that_is_no_project_stays_as_it_is(home, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "temporary"))
    (tmp_path / "elsewhere").mkdir()
    sentence = crash.crash_sentence(raised(ValueError()), tmp_path / home if home else None)
    assert path_in(sentence).parent == tmp_path / "temporary"
    assert not list((tmp_path / "elsewhere").iterdir())


def test_without_any_place_to_write_the_sentence_says_so(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "file"))
    sentence = crash.crash_sentence(raised(ValueError()), None)
    assert sentence.endswith("and no file could be written with the details")


def test_what_the_operating_system_said_is_told(tmp_path):
    error = raised(OSError(errno.ENOSPC, "No space left on device"))
    assert "(OSError: No space left on device)" in crash.crash_sentence(error, tmp_path)


def test_a_secret_does_not_reach_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("GATEPOST_CRM_TOKEN", "0123456789abcdef")
    sentence = crash.crash_sentence(raised(ValueError("0123456789abcdef")), tmp_path)
    assert "0123456789abcdef" not in path_in(sentence).read_text(encoding="utf-8")


@pytest.fixture
def failing(monkeypatch):
    """A command of the group that raises what the test wants."""

    def install(error, home=None):
        @click.command("check")
        @click.pass_context
        def command(ctx):
            ctx.meta[HOME_KEY] = home
            raise error

        monkeypatch.setattr(cli.Commands, "get_command", lambda *_: command)

    return install


def test_nobody_sees_a_traceback(failing, invoke, tmp_path):
    failing(ZeroDivisionError("division by zero"), tmp_path)
    done = invoke("check")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert len(list(tmp_path.glob("crash-*.log"))) == 1


def test_control_c_is_a_sentence_and_130(failing, invoke):
    failing(KeyboardInterrupt())
    done = invoke("check")
    assert done.exit_code == 130
    assert done.stderr.startswith("gatepost: Stopped before the end.")


def test_a_reader_who_left_hears_nothing(failing, invoke):
    failing(BrokenPipeError())
    done = invoke("check")
    assert (done.exit_code, done.stderr) == (141, "")
