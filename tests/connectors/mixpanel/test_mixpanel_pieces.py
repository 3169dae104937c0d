"""Bodies that are read while they come: pieces of a few kilobytes, and what may go wrong."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from config.errors import RetryLater
from connectors.mixpanel import body, connector
from connectors.mixpanel.pieces import Pieces
from tests.connectors.mixpanel.test_mixpanel_lake import ALL, EXPORT, expected

BLOCK = "2026-06-14_2026-06-20"


@pytest.fixture
def product(product, monkeypatch):
    monkeypatch.setattr(connector, "_PIECE", 2_000)
    monkeypatch.setattr(body, "_PIECE", 200)  # as the network brings it
    return product


def pieces_of(product, name):
    """What comes of a part, as (first line, lines); None where it begins anew."""
    came: list[tuple[int | None, int] | None] = []
    spool = product.folder / "spool"
    spool.mkdir(exist_ok=True)

    def ready(piece):
        came.append((piece.first_line, piece.path.read_bytes().count(b"\n")))
        piece.path.unlink()

    source = product.source()
    [part] = [part for part in source.parts() if part.name == name]
    source.fetch_pieces(part, spool, ready, lambda: came.append(None))
    assert list(spool.iterdir()) == []
    return came


def follows(came):
    """Whether each piece begins where the one before ends."""
    ends = [first_line + lines for first_line, lines in came]
    return [first_line for first_line, _ in came] == [1, *ends[:-1]]


def test_pieces_follow_each_other_and_make_up_the_body(product):
    lines = product.fetch(BLOCK)
    product.clock.advance(5)
    came = pieces_of(product, BLOCK)
    assert len(came) > 10
    assert follows(came)
    assert sum(count for _, count in came) == len(lines)


def test_a_small_body_is_one_piece_that_says_so(product, monkeypatch):
    monkeypatch.setattr(connector, "_PIECE", 1 << 20)
    [(first_line, _)] = pieces_of(product, BLOCK)
    assert first_line is None


def test_the_lake_is_the_same(product):
    report = product.pull()
    assert report.read == report.parts == 13
    assert product.rows() == expected(product.plain(*ALL))


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "cut", "how": "between_chunks", "at": 0.99},
        {"kind": "cut", "how": "gzip", "at": 0.9},
        {"kind": "cut", "how": "gzip", "at": 1.0},
        {"kind": "cut", "how": "clean"},
        {"kind": "terminated_early", "at": 0.95},
        {"kind": "cut", "how": "stall", "seconds": 0.2},
    ],
    ids=lambda fault: f"{fault.get('how')} {fault.get('at')}",
)
def test_a_body_cut_in_a_late_piece_is_taken_back_and_comes_whole(product, fault):
    product.started.fault(**fault, route=EXPORT, count=1)
    came = pieces_of(product, BLOCK)
    assert came.count(None) == 1
    assert came.index(None) > 3
    assert follows(came[came.index(None) + 1 :])
    product.started.fault(**fault, route=EXPORT, skip=1, count=1)
    product.pull()
    assert product.rows() == expected(product.plain(*ALL))


def test_halves_come_only_when_both_are_whole(product):
    """The week breaks twice, its first half is whole, the second breaks once more."""
    lines = sorted(product.fetch(BLOCK))
    product.clock.advance(5)
    fault = {"kind": "cut", "how": "gzip", "at": 0.9, "route": EXPORT}
    product.started.fault(**fault, count=2)
    product.started.fault(**fault, skip=1, count=1)
    came = pieces_of(product, BLOCK)
    assert came.count(None) == 1
    after = came[came.index(None) + 1 :]
    assert follows(after)
    assert sum(count for _, count in after) == len(lines)
    assert product.calls == 6


def test_nothing_of_a_body_that_never_comes_whole_enters_the_lake(product):
    product.started.fault("cut", EXPORT, how="gzip", at=0.9)
    with pytest.raises(RetryLater):
        product.pull()
    assert product.rows() == []
    staging = product.lake.folder / "staging"
    assert not staging.exists() or list(staging.iterdir()) == []


def test_a_bad_row_has_its_line_in_the_whole_body(product):
    """It looks like an event at both ends."""
    good = [
        json.dumps({"event": "E", "properties": {
            "time": 1782000000000, "company_id": "a", "$insert_id": str(n), "title": "x\u2028y"}},
            ensure_ascii=False, separators=(",", ":"))
        for n in range(100)
    ]  # fmt: skip
    good[70] = '{"event":"E","properties":{"time":,"company_id":"a"}}'
    good[20] = good[20].replace("x", "x" * 5_000)  # longer than a piece
    said = "\n".join(good) + "\n"
    product.started.fault("status", EXPORT, status=200, body=said, count=1)
    report = product.pull()
    assert report.rejected == 1
    [path] = (product.folder / "home" / "rejected").rglob("*.jsonl")
    assert [json.loads(row)["line"] for row in path.read_text().splitlines()] == [71]


CHILD = """
import sys
from types import SimpleNamespace
from pathlib import Path
from connectors.mixpanel import body, connector
from tests.connectors.mixpanel.conftest import Product
connector._PIECE, body._PIECE = 2_000, 200
url, folder, known = sys.argv[1], Path(sys.argv[2]), eval(sys.argv[3])
clock = SimpleNamespace(now=lambda: eval(sys.argv[4]), advance=lambda seconds: None)
log = SimpleNamespace(next_number=lambda: 0)
sandbox = SimpleNamespace(mixpanel=None, clock=clock, log=log)
product = Product(SimpleNamespace(sandbox=sandbox, ready={"mixpanel": known}), folder)
print("begun", flush=True)
product.pull()
"""


def test_who_is_killed_in_the_middle_of_a_body_leaves_nothing_that_counts(product):
    product.started.fault("slow_body", EXPORT, seconds=5, count=1)
    known, now = product.started.ready["mixpanel"], product.clock.now()
    begun = f"__import__('datetime').datetime.fromisoformat({now.isoformat()!r})"
    command = [sys.executable, "-c", CHILD, product.url, str(product.folder), repr(known), begun]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": "."}) as child:
        spool = product.folder / "home" / "lake" / "staging"
        deadline = time.monotonic() + 30
        while not list(spool.rglob("*.jsonl")) and time.monotonic() < deadline:
            assert child.poll() is None
            time.sleep(0.02)
        child.send_signal(signal.SIGKILL)
    assert list(spool.rglob("*.jsonl"))
    assert product.rows() == []
    product.clock.advance(3601)
    product.pull()
    assert product.rows() == expected(product.plain(*ALL))
    assert not spool.exists() or list(spool.iterdir()) == []


class Handed:
    """What `Pieces` hands on, read at once."""

    def __init__(self, folder, largest):
        self.came = []
        self.pieces = Pieces(folder, "body", largest, self.hand_on, lambda: self.came.append(None))

    def hand_on(self, path, first_line):
        self.came.append((first_line, path.read_bytes()))


def test_a_line_is_in_one_piece_however_long_it_is(tmp_path):
    handed = Handed(tmp_path, 10)
    for data, whole, lines in [(b"a" * 30, 0, 0), (b"b\nc", 2, 1), (b"\nd\n", 3, 2), (b"e", 0, 0)]:
        handed.pieces.write(data, whole, lines)
    handed.pieces.write(b"\n", 1, 1)
    handed.pieces.finish()
    assert handed.came == [(1, b"a" * 30 + b"b\n"), (2, b"c\nd\ne\n")]


def test_an_empty_body_is_one_empty_piece(tmp_path):
    handed = Handed(tmp_path, 10)
    handed.pieces.finish()
    assert handed.came == [(None, b"")]


def test_going_back_within_a_piece_keeps_what_was_before(tmp_path):
    handed = Handed(tmp_path, 4)
    handed.pieces.hold()
    handed.pieces.write(b"1\n2\n", 4, 2)
    handed.pieces.write(b"3\n", 2, 1)
    mark = handed.pieces.mark()
    handed.pieces.write(b"4\n5\n6\n7\n", 8, 4)
    handed.pieces.back_to(mark)
    handed.pieces.write(b"8\n", 2, 1)
    assert handed.came == []
    handed.pieces.finish()
    assert handed.came == [(1, b"1\n2\n"), (3, b"3\n8\n")]


def test_what_is_dropped_leaves_no_file(tmp_path):
    handed = Handed(tmp_path, 100)
    handed.pieces.write(b"1\n", 2, 1)
    handed.pieces.drop()
    assert list(tmp_path.iterdir()) == []
    assert handed.came == []
