"""What is kept between two runs of a journey, and what happens when it is damaged."""

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from config.load import load_project
from gatepost.starter import starter_files
from mapping.check import expression_findings
from sync import measuring
from sync.cycle import Cycle

LAST = date(2026, 7, 1)


@pytest.fixture
def folder(tmp_path):
    """The starter's project, computed once as of a week before its last day."""
    for name, text in starter_files(LAST).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    told(tmp_path, LAST - timedelta(days=7))
    return tmp_path


def told(folder, as_of):
    """Every output of every account; and how many accounts were replayed from their first day."""
    project, problems = load_project(folder, expression_findings)
    assert project is not None
    assert not problems
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    with Cycle(project, now=noon, as_of=as_of, exclusive=True) as cycle:
        [computed] = cycle.compute()
        return {name: computed.column(name) for name in computed.names()}, computed.replayed


def kept(folder) -> Path:
    [path] = (folder / ".gatepost" / "checkpoints").glob("*.npz")
    return path


def test_the_next_run_asks_in_the_same_words(folder, monkeypatch):
    monkeypatch.setattr(measuring, "put_into_words", None)
    _, replayed = told(folder, LAST)
    assert replayed == 0


def test_without_a_checkpoint_everything_comes_out_the_same(folder):
    with_one, replayed = told(folder, LAST)
    assert replayed == 0
    kept(folder).unlink()
    without, replayed = told(folder, LAST)
    assert replayed > 0
    assert with_one == without


@pytest.mark.parametrize("place", [0.01, 0.3, 0.6, 0.9, 0.999])
def test_a_damaged_checkpoint_is_not_believed(folder, place):
    """Not even where a power cut left it as long as it was."""
    before = folder / "before"
    shutil.copytree(folder / ".gatepost", before)
    expected, _ = told(folder, LAST)
    shutil.rmtree(folder / ".gatepost")
    shutil.move(before, folder / ".gatepost")
    path = kept(folder)
    content = bytearray(path.read_bytes())
    begin = int(place * len(content))
    content[begin : begin + 512] = bytes(len(content[begin : begin + 512]))
    path.write_bytes(content)
    found, replayed = told(folder, LAST)
    assert found == expected
    assert replayed > 0
