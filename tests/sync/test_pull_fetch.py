"""Several parts on their way at once: how many, in which order, and what one that fails costs."""

import threading
import time
from collections import Counter

import pytest

from config.errors import PartlyDone, RetryLater, StopCycle
from sync import pull_commit
from sync.lake_write import put_in_place
from sync.pull_fetch import Fetches
from tests.sync.lake_world import World
from tests.sync.test_pull_meaning import event


class Slow:
    """A source of several parts at once. Those named in `errors` fail; `slow` are late."""

    def __init__(self, source, at_once=3, errors=None, slow=()):
        self._source, self._errors, self._slow = source, errors or {}, slow
        self._alone, self._running = threading.Lock(), 0
        self.at_once, self.most, self.fetched, self.given_up = at_once, 0, [], False

    def __getattr__(self, name):
        return getattr(self._source, name)

    def fetch(self, part, spool):
        with self._alone:
            self._running += 1
            self.most = max(self.most, self._running)
            self.fetched.append(part.name[0])
        time.sleep(0.15 if part.name[0] in self._slow else 0.01)
        with self._alone:
            self._running -= 1
        if part.name[0] in self._errors:
            raise self._errors[part.name[0]](f"{part.name} failed")
        assert list(spool.iterdir()) == []
        return self._source.fetch(part, spool)

    def give_up(self):
        self.given_up = True


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    for name in "abcdefgh":
        made.put(f"{name}.jsonl", event(user=name))
    return made


def users(world):
    return "".join(sorted(row[1] for row in world.rows()))


@pytest.mark.parametrize("at_once", [1, 3])
def test_no_more_are_on_their_way_than_the_source_bears(world, at_once):
    source = Slow(world.source(), at_once)
    assert world.pull(source).read == 8
    assert source.most == at_once
    assert Counter(source.fetched) == Counter("abcdefgh")


def test_parts_are_committed_in_their_order_whenever_they_come(world, monkeypatch):
    monkeypatch.setattr(pull_commit, "ROWS_A_COMMIT", 1)
    order = []

    def noted(lake, source, prepared):
        order.extend(one.name for one in prepared)
        return put_in_place(lake, source, prepared)

    monkeypatch.setattr("sync.pull_commit.put_in_place", noted)
    world.pull(Slow(world.source(), slow="ad"))
    assert order == [f"{name}.jsonl.parquet" for name in "abcdefgh"]


def test_one_part_that_fails_costs_no_other(world):
    source = Slow(world.source(), errors={"c": RetryLater})
    with pytest.raises(RetryLater, match=r"c\.jsonl"):
        world.pull(source)
    assert users(world) == "abdefgh"
    assert world.pull().read == 1
    assert users(world) == "abcdefgh"


def test_where_a_second_fails_those_that_came_are_kept_and_no_more_are_asked_for(world):
    source = Slow(world.source(), errors={"b": RetryLater, "c": RetryLater})
    with pytest.raises(RetryLater, match=r"b\.jsonl"):  # the first is told
        world.pull(source)
    assert users(world) == "ade"
    assert set(source.fetched) == set("abcde")


def test_at_the_end_of_a_budget_nothing_more_is_asked_for(world):
    source = Slow(world.source(), errors={"b": PartlyDone})
    with pytest.raises(PartlyDone):
        world.pull(source)
    assert users(world) == "acd"
    assert set(source.fetched) == set("abcd")


def test_where_nothing_is_safe_what_is_on_its_way_is_given_up(world):
    source = Slow(world.source(), errors={"b": StopCycle}, slow="cd")
    begun = time.monotonic()
    with pytest.raises(StopCycle):
        world.pull(source)
    assert time.monotonic() - begun < 5
    assert source.given_up
    assert users(world) == "a"


def test_bodies_are_removed_as_soon_as_they_were_read(world, tmp_path):
    folder = tmp_path / "spool"
    source = Slow(world.source(), 2)
    with Fetches(source, world.source().parts(), folder) as fetches:
        for number, (_, wait) in enumerate(fetches):
            wait()
            assert len(list(folder.iterdir())) <= 3
            if number == 4:
                break
    assert not folder.exists()
