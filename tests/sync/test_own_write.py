"""A file that only we wrote into is not read again; whatever else befell it is."""

import gc
from datetime import date

import pytest
from click.testing import CliRunner

from config.errors import StopCycle
from config.load import load_project
from connectors import files_sink
from connectors.base import RecordWrite
from connectors.registry import connect
from gatepost.cli import commands
from gatepost.starter import starter_files
from sync.accounts import note_own_write, pull_accounts
from sync.state import State
from sync.uncollected import uncollected

SEEN = "2026-07-01"


@pytest.fixture
def world(tmp_path):
    """The starter's project and its state, whose accounts were pulled once."""
    for name, text in starter_files(date(2026, 7, 1)).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    project, problems = load_project(tmp_path)
    assert project is not None, problems
    assert not problems
    with State(tmp_path / ".gatepost") as state:
        spec = project.mapping.accounts
        connector = connect(spec.from_, project.gatepost.connections[spec.from_], tmp_path)
        found = World(project, state, connector)
        assert found.pull() is not None
        assert found.pull() is None
        yield found


class World:
    def __init__(self, project, state, connector):
        self.project, self.state, self.connector = project, state, connector
        self.spec = project.mapping.accounts
        self.path = connector.object_path(self.spec.object)
        self.ours = next(iter(project.mapping.write[0].fields))
        self.theirs = next(iter(project.mapping.fields.values())).field

    def pull(self):
        return pull_accounts(
            self.project, self.state, self.connector.accounts(), SEEN, tick=lambda _: None
        )

    def write(self, field, value):
        """Write into the first account, and note it."""
        sink = self.connector.sink()
        first = next(iter(sink.read(self.spec.object, self.spec.id, []))).id
        sink.write(self.spec.object, self.spec.id, [RecordWrite(first, {field: value})])
        for _, before, after in sink.rewritten:
            note_own_write(self.project, self.state, before, after, {field})
        return sink.rewritten

    def edit(self):
        """Somebody adds an account."""
        header, *rows = self.path.read_text().splitlines()
        self.path.write_text("\n".join([header, *rows, f"new-{rows[-1]}"]) + "\n")


def test_after_our_own_write_the_accounts_are_not_read_again(world):
    assert len(world.write(world.ours, "first")) == 1
    world.write(world.ours, "second")
    assert world.pull() is None


def test_a_write_that_changes_nothing_is_none(world):
    world.write(world.ours, "first")
    assert world.write(world.ours, "first") == []
    assert world.pull() is None


def test_after_a_write_to_a_pulled_field_they_are(world):
    world.write(world.theirs, "2026-06-06")
    assert world.pull().changed == 1


def test_an_edit_before_our_write_is_pulled(world):
    world.edit()
    world.write(world.ours, "first")
    assert world.pull().changed == 1


def test_an_edit_after_our_write_is_pulled(world):
    world.write(world.ours, "first")
    world.edit()
    assert world.pull().changed == 1


def test_an_edit_at_the_moment_of_our_renaming_is_pulled(world, monkeypatch):
    """It comes before anybody could look at the file that we put there."""
    settle = files_sink._settle

    def edited(folder):
        world.edit()
        settle(folder)

    monkeypatch.setattr(files_sink, "_settle", edited)
    world.write(world.ours, "first")
    assert world.pull().changed == 1


def test_another_mapping_reads_them_again(world):
    world.write(world.ours, "first")
    fields = dict(list(world.project.mapping.fields.items())[1:])
    mapping = world.project.mapping.model_copy(update={"fields": fields})
    object.__setattr__(world.project, "mapping", mapping)
    assert world.pull() is not None


def test_a_sync_notes_what_it_wrote(world):
    """The whole way: what the sync wrote is no reason for another reading."""
    world.edit()
    before = world.path.read_text()
    done = CliRunner().invoke(
        commands, ["sync", "--project", str(world.project.folder), "--as-of", SEEN]
    )
    assert done.exit_code == 0, done.output
    assert world.path.read_text() != before
    assert world.pull() is None


def test_the_search_for_garbage_goes_on_after_a_cycle():
    def failing():
        with uncollected():
            assert not gc.isenabled()
            raise StopCycle("over")

    with uncollected():
        with pytest.raises(StopCycle):
            failing()
        assert not gc.isenabled()
    assert gc.isenabled()
