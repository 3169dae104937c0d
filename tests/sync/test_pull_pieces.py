"""Bodies that are read in pieces while the rest comes: the same lake, however they are cut."""

import gzip
import json
import random
from datetime import date
from itertools import pairwise

import pytest

from config.errors import RetryLater, StopCycle
from connectors.base import Body
from sync import lake_days, pull_careful, pull_stage
from tests.sync.lake_world import World
from tests.sync.test_pull_bodies import NOON_SECONDS, event, good, lines, rejected

KEEP = {"plan": "plan"}


class InPieces:
    """A source of JSONL files, so many lines a piece. The first bodies break off: `breaks` says of
    each after how many pieces. `left_behind`: pieces that nobody deleted."""

    at_once = 2

    def __init__(self, source, most, breaks=(), fails=None):
        self._source, self._most, self._breaks, self._fails = source, most, list(breaks), fails
        self.left_behind = []

    def __getattr__(self, name):
        return getattr(self._source, name)

    def fetch_pieces(self, part, spool, ready, anew):
        given = self._source.fetch(part, spool).path.read_bytes()
        all_lines = [line + b"\n" for line in given.removesuffix(b"\n").split(b"\n")]
        while self._breaks:
            self._hand_on(all_lines, spool, ready, self._breaks.pop(0))
            anew()
        self._hand_on(all_lines, spool, ready, len(all_lines))
        if self._fails is not None:
            raise self._fails

    def _hand_on(self, all_lines, spool, ready, pieces):
        for number in range(0, min(len(all_lines), pieces * self._most), self._most):
            path = spool / f"{len(self.left_behind)}.jsonl"
            path.write_bytes(b"".join(all_lines[number : number + self._most]))
            self.left_behind.append(path)
            ready(Body(path, "jsonl", first_line=number + 1))

    def give_up(self):
        pass


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, keep=KEEP)


def many(count, days=3, seed=1):
    """Events of some days and accounts, some without an account, of several, or there twice."""
    chance = random.Random(seed)
    for number in range(count):
        account = f"account {chance.randrange(40):03}"
        yield event(
            NOON_SECONDS + chance.randrange(days * 86_400) + chance.random(),
            acc=chance.choice([account, account, [account], [account, "b"], [], None]),
            user=f"u{number % 7}",
            plan=chance.choice([None, "x", 5, True, [1]]),
            **{"$insert_id": str(chance.randrange(count))},
        )


def same_in_one(tmp_path, data):
    """The rows of a lake into which the same body came in one piece."""
    other = World(tmp_path / "other", keep=KEEP)
    other.put("a.jsonl", data)
    report = other.pull()
    return other.rows(), report


def no_pieces_left(source):
    return not any(path.exists() for path in source.left_behind)


@pytest.mark.parametrize("cut", [1, 7, 100, 1000])
def test_the_lake_is_the_same_however_a_body_is_cut(world, tmp_path, cut):
    data = lines(*many(300))
    world.put("a.jsonl", data)
    source = InPieces(world.source(), cut)
    report = world.pull(source)
    expected, whole = same_in_one(tmp_path, data)
    assert world.rows() == expected
    assert (report.rows, report.duplicates, report.no_key) == (
        whole.rows, whole.duplicates, whole.no_key,
    )  # fmt: skip
    assert report.duplicates > 0
    assert no_pieces_left(source)


def test_what_came_of_a_body_that_broke_off_is_forgotten(world, tmp_path):
    data = lines(*many(200)) + b"bad\n"
    world.put("a.jsonl", data)
    report = world.pull(InPieces(world.source(), 20, breaks=[10, 3, 0]))
    expected, whole = same_in_one(tmp_path, data)
    assert world.rows() == expected
    assert (report.rows, report.rejected) == (whole.rows, 1)


def test_nothing_of_a_body_that_never_comes_whole_enters_the_lake(world):
    world.put("a.jsonl", good(5))
    world.pull()
    before = world.rows()
    world.put("a.jsonl", good(50))
    with pytest.raises(RetryLater, match="cut"):
        world.pull(InPieces(world.source(), 10, fails=RetryLater("it was cut")))
    assert world.rows() == before
    assert not (world.lake.folder / "staging").exists() or not list(
        (world.lake.folder / "staging").iterdir()
    )


def test_bad_rows_have_their_line_in_the_whole_body(world):
    data = [*good(50).split(b"\n")[:-1]]
    bad = {3: b"bad", 10: b'{"event":"E"', 11: b"[1]", 27: b'{"event":"\xff","time":1}', 50: b"x"}
    for line, text in bad.items():
        data[line - 1] = text
    data[19] = b""
    world.put("a.jsonl", b"\n".join(data) + b"\n")
    report = world.pull(InPieces(world.source(), 10))
    assert (report.rows, report.rejected) == (44, 5)
    assert [row["line"] for row in rejected(world, "a.jsonl")] == sorted(bad)


def test_only_pieces_with_bad_rows_are_read_with_care(world, monkeypatch):
    seen = []
    careful = pull_careful.json_batches

    def noted(body):
        seen.append(body.first_line)
        return careful(body)

    monkeypatch.setattr("sync.pull_formats.json_batches", noted)
    world.put("a.jsonl", good(25) + b"bad\n" + good(24))
    world.pull(InPieces(world.source(), 10))
    assert seen == [21]


def test_the_first_thousand_bad_rows_are_kept_whichever_piece_is_read_first(tmp_path):
    world = World(tmp_path, options={"max_rejected": 1})
    world.put("a.jsonl", b"bad\n" * 2500)
    assert world.pull(InPieces(world.source(), 400)).rejected == 2500
    assert [row["line"] for row in rejected(world, "a.jsonl")] == list(range(1, 1001))


def test_too_many_bad_rows_are_counted_over_all_pieces(world):
    world.put("a.jsonl", good(379) + b"bad\n" * 21)
    with pytest.raises(StopCycle, match="21 of 400 rows"):
        world.pull(InPieces(world.source(), 50))
    assert world.rows() == []


def test_line_separators_of_unicode_and_huge_lines_are_no_ends_of_lines(world):
    text, long = "x\u2028y\u0085z", "x" * 3_000_000
    one = json.dumps(event(plan=text), ensure_ascii=False).encode() + b"\n"
    world.put("a.jsonl", one + lines(event(plan=long)) + one + good(1))
    world.pull(InPieces(world.source(), 1))
    assert sorted(row[6] or "" for row in world.rows()) == sorted([text, text, long, ""])


@pytest.fixture
def small_runs(monkeypatch):
    """As if bodies were a thousand times as large."""
    monkeypatch.setattr(lake_days, "ROWS_AT_ONCE", 60)
    monkeypatch.setattr(lake_days, "_TOO_MANY", 240)
    monkeypatch.setattr(pull_stage, "MANY", 2)


def in_order(world):
    """Whether each day is one file, sorted, with as many row groups as it was written in."""
    for path in world.lake.files("product"):
        keys = world.engine.rows(
            f"SELECT account_key, ts FROM read_parquet('{path}', file_row_number = true)"
            " ORDER BY file_row_number"
        )
        assert all(one <= other for one, other in pairwise(keys))
    return len(world.lake.files("product")) == len(world.lake.days("product"))


@pytest.mark.parametrize("days", [1, 3, 40])
@pytest.mark.parametrize("by_time", [False, True], ids=["mixed", "by time"])
def test_large_bodies_are_sorted_run_by_run(world, tmp_path, small_runs, days, by_time):
    events = list(many(2000, days))
    if by_time:  # so that the first rows, by which runs are made, know the first day alone
        events.sort(key=lambda one: one["time"])
    data = lines(*events)
    world.put("a.jsonl", data)
    report = world.pull(InPieces(world.source(), 150, breaks=[4]))
    expected, whole = same_in_one(tmp_path, data)
    assert world.rows() == expected
    assert (report.rows, report.duplicates) == (whole.rows, whole.duplicates)
    assert in_order(world)


def test_an_account_with_most_of_the_events_is_sorted_all_the_same(world, tmp_path, small_runs):
    data = lines(
        *(event(NOON_SECONDS + n % 977, acc="a" if n % 9 else f"b{n}") for n in range(900))
    )
    world.put("a.jsonl", data)
    world.pull(InPieces(world.source(), 100))
    assert world.rows() == same_in_one(tmp_path, data)[0]
    assert in_order(world)


def test_a_file_of_many_days_is_sorted_run_by_run_too(world, tmp_path, small_runs):
    data = lines(*many(230, days=30))
    world.put("a.jsonl.gz", gzip.compress(data))
    world.pull()
    monkey_free, _ = same_in_one(tmp_path, data)
    assert world.rows() == monkey_free
    assert in_order(world)
    assert len(world.lake.days("product")) > 20


def test_bad_rows_in_the_very_first_piece_of_a_large_body(world, tmp_path, small_runs):
    """By which its runs should have been made."""
    data = b"bad\n" + lines(*many(600))
    world.put("a.jsonl", data)
    report = world.pull(InPieces(world.source(), 50))
    assert report.rejected == 1
    assert world.rows() == same_in_one(tmp_path, data)[0]
    assert in_order(world)


def test_days_of_a_run_that_was_not_seen_at_first(world, tmp_path, small_runs):
    """All that comes later is of other days than the sample."""
    first = [event(NOON_SECONDS + n, acc=f"a{n % 13}", user=str(n)) for n in range(100)]
    later = [
        event(NOON_SECONDS + (n % 5 - 2) * 86_400 + n, acc=f"a{n % 17}", user=str(n))
        for n in range(1500)
    ]
    world.put("a.jsonl", lines(*first, *later))
    world.pull(InPieces(world.source(), 100))
    assert world.rows() == same_in_one(tmp_path, lines(*first, *later))[0]
    assert world.lake.days("product")[0] == date(2026, 2, 27)
    assert in_order(world)


def test_pieces_of_a_day_that_cannot_be_joined_are_written_once_more(
    world, tmp_path, small_runs, monkeypatch
):
    monkeypatch.setattr(lake_days, "join_parquet", lambda *_: False)
    data = lines(*many(600, days=2))
    world.put("a.jsonl", data)
    world.pull(InPieces(world.source(), 50))
    assert in_order(world)
    monkeypatch.undo()
    assert world.rows() == same_in_one(tmp_path, data)[0]
