"""What every EventSource does."""

import pytest

from config.errors import RetryLater, StopCycle
from connectors.base import EventSource, Part

EVENT = {"event": "Opened", "time": 1_700_000_000, "user": "u"}


@pytest.fixture
def source(product):
    product.put_events("a", [EVENT])
    product.put_events("b", [EVENT, EVENT])
    found = product.connector.events(None)
    assert isinstance(found, EventSource)
    return found


def test_parts_come_in_order_and_once_each(source):
    names = [part.name for part in source.parts()]
    assert names == sorted(set(names))
    assert len(names) == 2


def test_what_does_not_change_keeps_its_fingerprint(source):
    assert source.parts() == source.parts()


def test_a_part_that_changes_gets_another_fingerprint_and_digest(product, source):
    before = source.parts()[0]
    digest = source.digest(before)
    product.put_events("a", [EVENT, EVENT, EVENT])
    after = product.connector.events(None).parts()[0]
    assert after.name == before.name
    assert after.fingerprint != before.fingerprint
    assert "" in (digest, source.digest(after)) or digest != source.digest(after)


def test_a_part_that_is_only_touched_keeps_its_digest(product, source):
    digest = source.digest(source.parts()[0])
    product.touch_events("a")
    assert source.digest(source.parts()[0]) == digest


def test_a_part_that_is_taken_away_is_no_part(place, source):
    kept = source.parts()[1]
    place.remove_events("a")
    assert source.parts() == [kept]


def test_a_body_is_a_file_that_stays(source, tmp_path):
    spool = tmp_path / "spool"
    spool.mkdir()
    part = source.parts()[0]
    first, second = source.fetch(part, spool), source.fetch(part, spool)
    assert first == second
    assert first.path.stat().st_size > 0


def test_a_part_that_was_written_to_meanwhile_is_said_to_be(place, source):
    part = source.parts()[0]
    place.put_events("a", [EVENT, EVENT, EVENT])
    with pytest.raises(RetryLater):
        source.digest(part)


def test_a_part_that_vanished_is_a_sentence(place, source, tmp_path):
    part = source.parts()[0]
    place.remove_events("a")
    with pytest.raises(StopCycle):
        source.fetch(part, tmp_path)


def test_a_part_that_never_was_is_a_sentence(source, tmp_path):
    with pytest.raises(StopCycle):
        source.fetch(Part("1999-12-31.jsonl", ""), tmp_path)


def test_no_events_is_no_part(product):
    assert list(product.connector.events(None).parts()) == []


def test_a_place_that_cannot_be_reached_is_not_an_empty_one(place):
    place.lose_events()
    with pytest.raises(StopCycle):
        place.connector.events(None).parts()


def test_records_of_an_object_can_be_read_as_events(contacts, tmp_path):
    source = contacts.world.connector.events("Account")
    [part] = source.parts()
    assert source.fetch(part, tmp_path).path.exists()


def test_an_object_that_is_not_there_is_a_sentence(contacts):
    with pytest.raises(StopCycle, match="Acount"):
        contacts.world.connector.events("Acount").parts()
