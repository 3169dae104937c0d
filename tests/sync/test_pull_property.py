"""Whatever lies in the folder, and however it got there, the lake is what a plain reading says."""

import csv
import gzip
import io
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.engine import DuckEngine
from tests.sync.lake_world import World, differences

KEYS = st.one_of(
    st.sampled_from(["acme", "Acme", "", "é", "a b", "\u2028", 7, 7.5, True, None]),
    st.lists(st.sampled_from(["acme", "", "x", 7, None, "acme"]), max_size=3),
)
TIMES = st.one_of(
    st.integers(1_600_000_000, 1_600_300_000),
    st.integers(1_600_000_000_000, 1_600_300_000_000),
    st.integers(1_600_000_000, 1_600_300_000).map(lambda n: n + 0.5),
    st.integers(1_600_000_000, 1_600_300_000).map(str),
    st.sampled_from(
        ["2020-09-14", "2020-09-15T00:00:00Z", "2020-09-14T23:30:00-05:00", "2020-09-14 12:00",
         "2020-09-16T01:02:03.123456+05:30", " 2020-09-14 "]
    ),
)  # fmt: skip
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**12), 10**12), st.sampled_from([0.5, -2.25, 100.0]),
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6),
    st.sampled_from(['"', "null", "true", "[1]", '{"a":1}', "\\", "a\tb", "\u2028x\u0085"]),
    st.lists(st.integers(0, 9), max_size=2), st.dictionaries(st.sampled_from("ab"), st.just(1)),
)  # fmt: skip
IDS = st.sampled_from([None, None, "1", "2", "3", 4, ""])


@st.composite
def records(draw):
    """One event; each property at the top level, under `properties`, in both or nowhere."""
    record = {"event": draw(st.sampled_from(["A", "B b", "\u2028", "7"])), "time": draw(TIMES)}
    nested = {}
    for name, values in [
        ("acc", KEYS), ("user", VALUES), ("$insert_id", IDS), ("plan", VALUES), ("PLAN", VALUES),
        ("$pl'an.\"x", VALUES), ("*", VALUES), ("0", VALUES),
    ]:  # fmt: skip
        place = draw(st.integers(0, 3))
        if place & 1:
            record[name] = draw(values)
        if place & 2:
            nested[name] = draw(values)
    if nested or draw(st.booleans()):
        record["properties"] = nested
    return record


CELLS = st.text(st.sampled_from(list('ab,"\n;é\u2028 x')), max_size=5)
CSV_ROWS = st.fixed_dictionaries(
    {
        "event": st.sampled_from(["A", "B, b"]),
        "time": TIMES.map(str).filter(lambda text: text.strip() == text),
        "acc": CELLS,
        "user": CELLS,
        "$insert_id": IDS.map(lambda one: "" if one is None else str(one)),
        "plan": CELLS,
        "PLAN": CELLS,
    }
)


def as_jsonl(events, style):
    ending = "\r\n" if style & 1 else "\n"
    text = ending.join(json.dumps(one, ensure_ascii=bool(style & 2)) for one in events)
    return ("\ufeff" if style & 4 else "").encode() + (
        text + (ending if style & 8 else "")
    ).encode()


def as_csv(rows, style):
    file = io.StringIO()
    writer = csv.DictWriter(
        file,
        ["event", "time", "acc", "user", "$insert_id", "plan", "PLAN"],
        lineterminator="\r\n" if style & 1 else "\n",
        quoting=csv.QUOTE_ALL if style & 2 else csv.QUOTE_MINIMAL,
    )
    writer.writeheader()
    writer.writerows(rows)
    return ("\ufeff" if style & 4 else "").encode() + file.getvalue().encode()


STYLES = st.integers(0, 15)
BODIES = st.one_of(
    st.tuples(st.just("jsonl"), st.builds(as_jsonl, st.lists(records(), max_size=6), STYLES)),
    st.tuples(st.just("csv"), st.builds(as_csv, st.lists(CSV_ROWS, max_size=6), STYLES)),
)
STEPS = st.lists(
    st.dictionaries(st.sampled_from("abc"), st.one_of(BODIES, st.none()), min_size=1, max_size=3),
    min_size=1,
    max_size=4,
)


def apply_step(world, step):
    """Files come, change and go as a person would do it."""
    for stem, body in step.items():
        for path in world.events.glob(f"{stem}.*"):
            path.unlink()
        if body is not None:
            kind, data = body
            zipped = len(data) % 2 == 0
            world.put(
                f"{stem}.{kind}{'.gz' if zipped else ''}", gzip.compress(data) if zipped else data
            )


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with DuckEngine(tmp_path_factory.mktemp("scratch")) as opened:
        yield opened


@settings(max_examples=40)
@given(STEPS)
def test_the_lake_is_what_a_plain_reading_of_the_files_says(engine, steps):
    """After any changes to the files; and exactly the accounts that changed are said to have."""
    keep = {"plan": "plan", "odd": "$pl'an.\"x", "upper": "PLAN", "star": "*", "zero": "0"}
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), engine=engine, keep=keep)
        before, seq = [], 0
        for step in steps:
            apply_step(world, step)
            world.pull()
            after = world.rows()
            assert after == world.plain_rows()
            if seq:
                assert world.accounts_since(seq) == differences(before, after)
            before, seq = after, world.changes.last_seq()
