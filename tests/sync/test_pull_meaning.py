"""What a vendor's properties mean beyond their names: held to a plain reading in Python."""

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import PartlyDone, RetryLater, StopCycle
from connectors.base import Meaning, Take
from sync import pull_commit
from sync.engine import DuckEngine
from sync.pull_meaning import meant_sql, names_meant
from sync.pull_reading import MACROS, NUMBER, TEXT
from tests.sync.lake_world import World

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]


class Meaningful:
    """A source of files whose bodies mean something."""

    def __init__(self, source, meaning):
        self._source, self._meaning = source, meaning

    def __getattr__(self, name):
        return getattr(self._source, name)

    def fetch(self, part, spool):
        return replace(self._source.fetch(part, spool), meaning=self._meaning)


def event(**more):
    return json.dumps({"event": "E", "time": 1_772_366_400, "acc": "a", **more}).encode() + b"\n"


def test_the_first_that_has_a_value_is_taken_in_every_format_and_beside_bad_rows(tmp_path):
    who = (Take("x", where=("event", "Hot")), Take("y"), Take("user", unless="$device:"))
    meaning = Meaning(take={"user": who, "event": (Take("was", where=("event", "Hot")),
                                                   Take("event"))})  # fmt: skip
    body = [
        event(user="u", id=1),
        event(user="u", y="", id=2),
        event(user="u", y="y", x="x", id=3),
        event(event="Hot", user="u", y="y", x="x", was="Was", id=4),
        event(user="$device:1", id=5),
        event(user="", y=None, was="Was", id=6),
        event(event="Hot", user="u", id=7),
    ]
    expected = [("1", "u", "E"), ("2", "u", "E"), ("3", "y", "E"), ("4", "x", "Was"),
                ("5", None, "E"), ("6", None, "E"), ("7", "u", "Hot")]  # fmt: skip
    found = {}
    for name, data in {
        "plain.jsonl": b"".join(body),
        "packed.jsonl.gz": gzip.compress(b"".join(body)),
        "bad.jsonl": b"".join([*body, b"terminated early"]),
        "some.csv": b"event,time,acc,user,x,y,was,id\n" + b"".join(map(csv_line, body)),
    }.items():
        world = World(tmp_path / name, id="id")
        world.put(name, data)
        world.pull(Meaningful(world.source(), meaning))
        rows = world.engine.rows(
            'SELECT insert_id, "user", event FROM read_parquet('
            f"{[str(path) for path in world.lake.files('product')]!r}) ORDER BY insert_id"
        )
        found[name] = rows
    assert found == dict.fromkeys(found, expected)


def csv_line(line):
    said = json.loads(line)
    names = ("event", "time", "acc", "user", "x", "y", "was", "id")
    return ",".join(str(said.get(name) or "") for name in names).encode() + b"\n"


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with DuckEngine(tmp_path_factory.mktemp("scratch")) as made:
        for macro in MACROS:
            made.execute(macro)
        yield made


@given(
    st.sampled_from(ZONES),
    st.lists(st.integers(100_000_000_000, 4_000_000_000_000), min_size=1, max_size=50),
)
def test_a_wall_clock_becomes_the_instant_that_it_shows(engine, zone, walls):
    meaning = Meaning(local={"time": zone})
    names = ("time", "other")
    assert names_meant(meaning, names) == names
    values = ", ".join(f"({number}, '{wall}')" for number, wall in enumerate(walls))
    records = (
        f"SELECT n AS line, NULL AS raw, NULL AS broken, v AS t0, {NUMBER} AS k0, v AS t1,"
        f" {NUMBER} AS k1 FROM (VALUES {values}) AS given(n, v)"
    )
    sql = meant_sql(meaning, names, names, records)
    rows = engine.rows(f"SELECT epoch_us(gp_time(t0, k0, false)), t1 FROM ({sql}) ORDER BY line")
    for wall, (found, other) in zip(walls, rows, strict=True):
        assert other == str(wall)
        assert EPOCH + timedelta(microseconds=found) in instants(wall, ZoneInfo(zone))


def instants(milliseconds, zone):
    """What a wall clock may mean: one instant, or two where an hour comes twice or never."""
    naive = (EPOCH + timedelta(milliseconds=milliseconds)).replace(tzinfo=None)
    return {naive.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}


@pytest.mark.parametrize(
    ("wall", "meant"),
    [
        ("2026-01-15T12:00:00", "2026-01-15T11:00:00"),
        ("2026-07-15T12:00:00", "2026-07-15T10:00:00"),
        ("2026-03-29T02:30:00", "2026-03-29T01:30:00"),  # left out: as if it had not been
        ("2026-10-25T02:30:00", "2026-10-25T01:30:00"),  # twice: the later
    ],
)
def test_the_hours_that_change(engine, wall, meant):
    seconds = int(datetime.fromisoformat(wall).replace(tzinfo=UTC).timestamp())
    records = f"SELECT 1 AS line, NULL AS raw, NULL AS broken, '{seconds}' AS t0, {NUMBER} AS k0"
    sql = meant_sql(Meaning(local={"time": "Europe/Berlin"}), ["time"], ["time"], records)
    [(found,)] = engine.rows(f"SELECT gp_time(t0, k0, false) FROM ({sql})")
    assert found == datetime.fromisoformat(meant)


@pytest.mark.parametrize(("text", "kind"), [("2026-03-29", TEXT), ("1e40", NUMBER), ("soon", TEXT)])
def test_what_is_no_number_of_seconds_stays_as_it_is(engine, text, kind):
    records = f"SELECT 1 AS line, NULL AS raw, NULL AS broken, '{text}' AS t0, {kind} AS k0"
    sql = meant_sql(Meaning(local={"time": "Europe/Berlin"}), ["time"], ["time"], records)
    assert engine.rows(f"SELECT t0, k0 FROM ({sql})") == [(text, kind)]


class Failing:
    """A source that gives no more from a part on."""

    def __init__(self, source, part, error):
        self._source, self._part, self._error = source, part, error

    def __getattr__(self, name):
        return getattr(self._source, name)

    def fetch(self, part, spool):
        if part.name >= self._part:
            raise self._error
        return self._source.fetch(part, spool)


@pytest.mark.parametrize("error", [RetryLater, PartlyDone, StopCycle])
def test_what_was_read_is_kept_where_the_other_side_gives_no_more(tmp_path, error):
    world = World(tmp_path)
    for name in "abcd":
        world.put(f"{name}.jsonl", event(user=name))
    with pytest.raises(error):
        world.pull(Failing(world.source(), "c.jsonl", error("no more")))
    assert len(world.rows()) == 2
    assert world.pull().read == 2
    assert len(world.rows()) == 4


def test_a_part_goes_only_when_what_takes_its_place_is_there(tmp_path, monkeypatch):
    monkeypatch.setattr(pull_commit, "ROWS_A_COMMIT", 1)
    world = World(tmp_path)
    world.put("day1.jsonl", event(**{"$insert_id": "1"}))
    world.put("day2.jsonl", event(**{"$insert_id": "2"}))
    world.pull()
    before = world.rows()
    world.remove("day1.jsonl")
    world.remove("day2.jsonl")
    world.put("another.jsonl", event(**{"$insert_id": "3"}))
    world.put("block.jsonl", event(**{"$insert_id": "1"}) + event(**{"$insert_id": "2"}))
    with pytest.raises(RetryLater):
        world.pull(Failing(world.source(), "block.jsonl", RetryLater("busy")))
    assert len(world.rows()) == 3
    world.pull()
    assert len(world.rows()) == 3
    assert [row for row in world.rows() if row in before] == before
