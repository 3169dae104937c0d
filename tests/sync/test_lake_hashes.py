"""Whether an id is known is asked of hashes, which may be another engine's."""

import pytest

import sync.lake_overlap  # noqa: F401 - it takes its hash before that is patched
from sync import lake_write
from tests.sync.lake_world import World
from tests.sync.test_lake import lines, seen

ANOTHER = "CASE WHEN insert_id IS NOT NULL THEN hash(insert_id, account_key, 1) END"


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def noted(world):
    return world.lake.folder / "id_hash"


def test_ids_are_single_although_another_engine_hashed_those_that_were_there(world, monkeypatch):
    with monkeypatch.context() as another:
        another.setattr(lake_write, "ID_HASH", ANOTHER)
        world.put("a.jsonl", lines(("a", 3, "1", "a"), ("a", 3, "2", "a")))
        world.pull()
        noted(world).write_text("4711\n")
    world.put("b.jsonl", lines(("a", 5, "1", "b"), ("a", 6, "3", "b")))
    assert world.pull().duplicates == 1
    assert seen(world) == [("a", 3, "1", "a"), ("a", 3, "2", "a"), ("a", 6, "3", "b")]
    assert noted(world).read_text() == "4711\n"  # files of the other are still there


def test_a_lake_from_before_hashes_were_noted_is_asked_for_its_texts(world, monkeypatch):
    with monkeypatch.context() as another:
        another.setattr(lake_write, "ID_HASH", ANOTHER)
        world.put("a.jsonl", lines(("a", 3, "1", "a")))
        world.pull()
        noted(world).unlink()
    world.put("b.jsonl", lines(("a", 5, "1", "b")))
    assert world.pull().duplicates == 1
    assert not noted(world).exists()


def test_an_empty_lake_takes_the_hashes_of_the_engine_that_fills_it(world):
    world.lake.folder.mkdir(parents=True)
    noted(world).write_text("4711\n")
    world.put("a.jsonl", lines(("a", 3, "1", "a")))
    world.pull()
    assert noted(world).read_text() != "4711\n"
