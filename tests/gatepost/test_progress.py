"""The bar: only on a terminal, only after a second, gone at the end."""

import io
import sys

import pytest

from gatepost import progress
from gatepost.progress import Bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """The seconds since the bar was made; the test sets them."""
    now = [0.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def screen(monkeypatch):
    """Take the place of stderr; to be called in the test, since pytest sets stderr before it."""
    monkeypatch.setenv("TERM", "xterm")

    def put(stream):
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    return put


def shown(bar):
    """The tasks on the screen now."""
    return bar._progress.tasks if bar._progress else []


def test_quick_work_shows_nothing(clock, screen):
    terminal = screen(Terminal())
    with Bar(wanted=True) as bar:
        clock[0] = 0.9
        bar.tick("pulling product", 1, 2)
    assert terminal.getvalue() == ""


def test_work_of_over_a_second_is_shown_and_its_bar_taken_away(clock, screen):
    terminal = screen(Terminal())
    with Bar(wanted=True) as bar:
        clock[0] = 1.5
        bar.tick("pulling product", 1, 2)
        assert [task.description for task in shown(bar)] == ["pulling product"]
    assert shown(bar) == []
    assert "pulling product" in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[2K")


def test_not_wanted_or_no_terminal_shows_nothing(clock, screen):
    terminal = screen(Terminal())
    with Bar(wanted=False) as bar:
        clock[0] = 9.0
        bar.tick("pulling product", 1, 2)
    file = screen(io.StringIO())
    with Bar(wanted=True) as bar:
        clock[0] = 19.0
        bar.tick("pulling product", 1, 2)
    assert terminal.getvalue() == file.getvalue() == ""


def test_it_is_not_drawn_more_often_than_eyes_can_see(clock, screen):
    screen(Terminal())
    with Bar(wanted=True) as bar:
        clock[0] = 2.0
        bar.tick("walking", 1, 100)
        clock[0] = 2.05
        bar.tick("walking", 2, 100)
        assert shown(bar)[0].completed == 1
        clock[0] = 2.2
        bar.tick("walking", 3, 100)
        assert shown(bar)[0].completed == 3
        bar.tick("walking", 100, 100)
        assert shown(bar)[0].completed == 100
