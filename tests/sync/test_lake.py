"""Parts come, change and go; ids stay single; and what changed is said, account by account."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pytest

from config.errors import StopCycle
from connectors.base import Part
from sync.engine import DuckEngine
from sync.lake import Lake, file_name, register_events
from tests.sync.lake_world import World

DAY = 86_400
MARCH = 1_772_323_200  # 2026-03-01T00:00:00Z


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def lines(*events):
    """Events of (account, day of March 2026, id, name)."""
    records = (
        {"acc": account, "time": MARCH + (day - 1) * DAY, "$insert_id": one, "event": name}
        for account, day, one, name in events
    )
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def seen(world):
    found = [(row[0], row[3].day, row[5], row[2]) for row in world.rows()]
    return sorted(found, key=lambda row: (row[0], str(row[2]), row[1]))


# ------------------------------------------------------------------------------------- parts


def test_an_unchanged_part_is_not_even_opened(world):
    world.put("a.jsonl", lines(("a", 1, None, "E")))
    world.pull()
    (world.events / "a.jsonl").chmod(0)
    source = world.source()
    source.digest = source.fetch = None  # would fail if they were called
    assert world.pull(source).read == 0


def test_a_part_that_is_only_touched_is_not_read_again(world):
    world.put("a.jsonl", lines(("a", 1, None, "E")))
    world.pull()
    os.utime(world.events / "a.jsonl")
    source = world.source()
    source.fetch = None
    assert world.pull(source).read == 0
    source.digest = None  # what it looks like now is known now
    assert world.pull(source).read == 0


def test_a_part_that_changes_is_replaced_and_one_that_goes_takes_its_events_along(world):
    world.put("a.jsonl", lines(("a", 1, None, "E"), ("a", 2, None, "E")))
    world.put("b.jsonl", lines(("b", 2, None, "E")))
    world.pull()
    world.put("a.jsonl", lines(("a", 2, None, "F")))
    assert world.pull().read == 1
    assert seen(world) == [("a", 2, None, "F"), ("b", 2, None, "E")]
    assert world.lake.days("product") == [date(2026, 3, 2)]
    world.remove("a.jsonl")
    report = world.pull()
    assert (report.read, report.dropped) == (0, 1)
    assert seen(world) == [("b", 2, None, "E")]
    assert set(world.register()) == {"b.jsonl"}


def test_a_renamed_file_changes_nothing_for_anybody(world):
    world.put("a.jsonl", lines(("a", 1, "1", "E"), ("a", 2, None, "E")))
    world.pull()
    seq, before = world.changes.last_seq(), world.rows()
    (world.events / "a.jsonl").rename(world.events / "z.jsonl")
    assert not world.pull().changed
    assert (world.changes.last_seq(), world.rows()) == (seq, before)


def test_a_part_that_is_written_while_it_is_read_waits_for_the_next_pull(world):
    world.put("a.jsonl", lines(("a", 1, None, "E")))
    world.put("b.jsonl", lines(("b", 1, None, "E")))
    source = world.source()
    fetch = source.fetch

    def written_to(part, spool):
        body = fetch(part, spool)
        if part.name == "a.jsonl":
            world.put("a.jsonl", lines(("a", 1, None, "E"), ("a", 2, None, "E")))
        return body

    source.fetch = written_to
    assert world.pull(source).waiting == ["a.jsonl"]
    assert seen(world) == [("b", 1, None, "E")]
    assert world.pull().waiting == []
    assert len(seen(world)) == 3


def test_a_lake_that_somebody_deleted_is_pulled_anew(world):
    world.put("a.jsonl", lines(("a", 1, None, "E")))
    world.pull()
    seq = world.changes.last_seq()
    shutil.rmtree(world.lake.folder)
    assert world.pull().read == 1
    assert len(seen(world)) == 1
    assert world.accounts_since(seq) is None


def test_a_state_that_somebody_deleted_leaves_no_strangers_in_the_lake(world):
    world.put("a.jsonl", lines(("a", 1, None, "E")))
    world.put("b.jsonl", lines(("b", 1, None, "E")))
    world.pull()
    for path in world.project.home.glob("state.sqlite3*"):
        path.unlink()
    world.remove("b.jsonl")
    world.pull()
    assert seen(world) == [("a", 1, None, "E")]


def test_another_mapping_reads_everything_anew(tmp_path):
    world = World(tmp_path)
    world.put("a.jsonl", b'{"acc":"a","org":"o","event":"E","time":1,"plan":"x"}\n')
    world.pull()
    entries: list[dict[str, Any]] = [
        {"keep": ["plan"]},
        {"keep": {"plan": "time"}},
        {"user": "plan"},
        {"account": {"property": "org", "equals": "id"}},
        {"id": "plan"},
        {"event": "Named"},
    ]
    for entry in entries:
        changed = World(tmp_path, engine=world.engine, **entry)
        assert changed.pull().read == 1
        assert changed.rows() == changed.plain_rows() or "event" in entry
        assert changed.pull().read == 0
    typed = World(tmp_path, engine=world.engine, event="Named", keep={})
    assert typed.pull().read == 0


def test_a_missing_events_folder_is_not_an_empty_one(world):
    world.put("a.jsonl", lines(("a", 1, None, "E")))
    world.pull()
    world.events.rename(world.folder / "elsewhere")
    with pytest.raises(StopCycle, match="events cannot be read"):
        world.pull()
    assert len(seen(world)) == 1


@pytest.mark.parametrize(
    "name", ["a b.jsonl", "ä.csv", "a%2Fb.jsonl", "x" * 240 + ".jsonl", "[1]*?.jsonl", "it's.jsonl"]
)
def test_any_file_name_is_a_part(world, name):
    header = b"acc,time,event\na,1,E\n"
    world.put(name, header if name.endswith("csv") else b'{"acc":"a","time":1,"event":"E"}\n')
    world.pull()
    assert len(world.rows()) == 1
    assert world.pull().read == 0
    world.remove(name)
    world.pull()
    assert world.rows() == []


def test_names_of_files_differ_where_parts_do():
    names = ["a", "a.parquet", ".a", "%2Ea", "a/b", "a%2Fb", "x" * 300, "x" * 301, "a\\b", "A"]
    assert len({file_name(name) for name in names}) == len(names)
    assert all("/" not in file_name(name) and len(file_name(name)) < 255 for name in names)


# ----------------------------------------------------------------------------------- the files


def test_the_lake_is_parquet_by_source_and_day_sorted_by_account(tmp_path):
    """As any other tool sees it."""
    world = World(tmp_path, keep=["n"])
    chance = random.Random(3)
    records = [
        {
            "acc": f"k{chance.randrange(50)}",
            "time": MARCH + chance.randrange(3 * DAY),
            "event": "E",
            "n": 1,
        }
        for _ in range(5000)
    ]
    world.put("a.jsonl", "".join(json.dumps(one) + "\n" for one in records).encode())
    world.pull()
    with duckdb.connect() as other:
        found = other.execute(
            f"FROM read_parquet('{world.lake.glob('product')}', hive_partitioning = true)"
        )
        assert [name for name, *_ in found.description] == [
            "account_key", "user", "event", "ts", "date_only", "insert_id", "p.n", "k.n",
            "id_hash", "day", "source",
        ]  # fmt: skip
        assert all(row[3].date() == row[9] for row in found.fetchall())
        for path in world.lake.files("product"):
            rows = other.execute(f"SELECT account_key, ts FROM read_parquet('{path}')").fetchall()
            assert rows == sorted(rows)
            assert len(rows) > 1000
    assert list(world.lake.folder.rglob("*staging*/*")) == []


def test_files_are_found_by_day_and_part(world):
    world.put("a.jsonl", lines(("a", 1, None, "E"), ("a", 2, None, "E"), ("a", 4, None, "E")))
    world.put("b.jsonl", lines(("b", 2, None, "E")))
    world.pull()
    lake = world.lake
    assert len(lake.files("product")) == 4
    found = lake.files("product", date(2026, 3, 2), date(2026, 3, 3))
    assert [path.name for path in found] == ["a.jsonl.parquet", "b.jsonl.parquet"]
    assert len(lake.files("product", last=date(2026, 3, 1))) == 1
    assert len(lake.files("product", parts=["b.jsonl"])) == 1
    assert lake.files("nobody") == []
    assert Lake(world.folder / "nowhere").sources() == []


def test_no_files_are_a_table_without_rows(world):
    register_events(world.engine, "none", [], ["x"])
    found = world.engine.sql("SELECT * FROM none")
    assert list(found) == [
        "account_key",
        "user",
        "event",
        "ts",
        "date_only",
        "insert_id",
        "p.x",
        "k.x",
    ]
    assert found["ts"].dtype == np.dtype("M8[us]")
    assert len(found["ts"]) == 0


# ------------------------------------------------------------------------------------------ ids


def test_one_id_is_one_event_per_account_and_the_earliest_stays(world):
    world.put(
        "a.jsonl",
        lines(("a", 3, "1", "late"), ("a", 2, "1", "z"), ("a", 2, "1", "y"), ("b", 2, "1", "other"),
              ("a", 2, "2", "E"), ("a", 2, None, "E"), ("a", 2, None, "E"), ("a", 2, "", "E")),
    )  # fmt: skip
    report = world.pull()
    assert report.duplicates == 2
    assert seen(world) == [
        ("a", 2, "1", "y"), ("a", 2, "2", "E"), ("a", 2, None, "E"), ("a", 2, None, "E"),
        ("a", 2, None, "E"), ("b", 2, "1", "other"),
    ]  # fmt: skip


def test_ids_are_single_across_parts_and_come_back_when_the_winner_goes(world):
    world.put("a.jsonl", lines(("a", 3, "1", "a"), ("a", 3, "2", "a")))
    world.pull()
    world.put("b.jsonl", lines(("a", 1, "1", "b"), ("a", 5, "2", "b"), ("a", 6, "3", "b")))
    world.pull()
    assert seen(world) == [("a", 1, "1", "b"), ("a", 3, "2", "a"), ("a", 6, "3", "b")]
    assert world.register() == {"a.jsonl": (1, 0, 1, 0), "b.jsonl": (2, 0, 1, 0)}
    world.put("b.jsonl", lines(("a", 6, "3", "b")))
    world.pull()
    assert seen(world) == [("a", 3, "1", "a"), ("a", 3, "2", "a"), ("a", 6, "3", "b")]
    assert world.register() == {"a.jsonl": (2, 0, 0, 0), "b.jsonl": (1, 0, 0, 0)}
    assert list((world.lake.folder / "duplicates").rglob("*.parquet")) == []


def test_what_comes_back_is_said_to_have_changed(world):
    world.put("a.jsonl", lines(("a", 3, "1", "E"), ("b", 9, "2", "E")))
    world.put("b.jsonl", lines(("a", 1, "1", "E")))
    world.pull()
    seq = world.changes.last_seq()
    world.remove("b.jsonl")
    world.pull()
    assert seen(world) == [("a", 3, "1", "E"), ("b", 9, "2", "E")]
    assert world.accounts_since(seq) == {"a": date(2026, 3, 1)}


def test_the_same_file_twice_counts_once_whichever_goes(world):
    data = lines(*((f"k{one % 3}", 1 + one % 5, str(one), "E") for one in range(40)))
    world.put("a.jsonl", data)
    world.pull()
    before, seq = world.rows(), world.changes.last_seq()
    world.put("b.jsonl", data)
    assert not world.pull().changed
    world.remove("a.jsonl")
    assert not world.pull().changed
    assert world.rows() == before
    assert world.accounts_since(seq) == {}


# -------------------------------------------------------------------------------------- changes


def test_a_later_file_is_said_with_its_first_day_per_account(world):
    world.put("a.jsonl", lines(("a", 1, None, "E"), ("b", 1, None, "E")))
    world.pull()
    seq = world.changes.last_seq()
    world.put("b.jsonl", lines(("a", 5, None, "E"), ("a", 4, None, "E"), ("c", 6, None, "E")))
    world.pull()
    assert world.accounts_since(seq) == {"a": date(2026, 3, 4), "c": date(2026, 3, 6)}
    assert world.accounts_since(world.changes.last_seq()) == {}
    assert world.changes.last_seq() > seq


def test_an_account_whose_rows_are_the_same_has_not_changed(world):
    rows = [("a", 1, None, "E"), ("a", 1, None, "E"), ("b", 1, None, "E"), ("b", 2, None, "E")]
    world.put("a.jsonl", lines(*rows))
    world.pull()
    seq = world.changes.last_seq()
    world.put("a.jsonl", lines(*rows[1:], ("b", 1, None, "F")))
    world.pull()
    assert world.accounts_since(seq) == {"a": date(2026, 3, 1), "b": date(2026, 3, 1)}
    seq = world.changes.last_seq()
    world.put("a.jsonl", lines(("b", 1, None, "F"), ("b", 2, None, "G"), *rows[1:3]))
    world.pull()
    assert world.accounts_since(seq) == {"b": date(2026, 3, 2)}


def test_what_is_forgotten_is_unknown_and_not_nothing(world):
    seqs = []
    for day in range(1, 4):
        world.put(f"{day}.jsonl", lines((f"k{day}", day, None, "E")))
        world.pull()
        seqs.append(world.changes.last_seq())
    world.changes.prune(seqs[1])
    assert world.accounts_since(seqs[0]) is None
    assert world.accounts_since(seqs[1]) == {"k3": date(2026, 3, 3)}
    world.changes.prune(seqs[2])
    assert world.accounts_since(seqs[2]) == {}
    assert world.changes.last_seq() == seqs[2]
    assert world.accounts_since(seqs[2] + 1) is None


# ----------------------------------------------------------------------------------------- kill

PULLER = """
import sys
from pathlib import Path
from tests.sync.lake_world import World
world = World(Path(sys.argv[1]))
print("ready", flush=True)
world.pull()
"""


@pytest.mark.slow
def test_killed_at_any_moment_the_next_pull_ends_where_an_undisturbed_one_would(tmp_path):
    """And whoever goes on from before the kill hears of every account that differs."""
    world = World(tmp_path)
    chance = random.Random(7)
    before, seq = [], 0
    for turn in range(8):
        for part in "abc":
            rows = [
                (
                    f"k{chance.randrange(9)}",
                    1 + chance.randrange(20),
                    str(chance.randrange(60)),
                    f"{turn}",
                )
                for _ in range(300)
            ]
            world.put(f"{part}.jsonl", lines(*rows))
        command = [sys.executable, "-c", PULLER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0.05, 0.6))
            process.send_signal(signal.SIGKILL)
        assert all(path.stat().st_size for path in world.lake.files("product"))
        world.rows()  # every file that is there is whole
        world.pull()
        after = world.rows()
        assert after == world.plain_rows()
        if turn:
            assert set(world.accounts_since(seq)) >= {row[0] for row in set(before) ^ set(after)}
        before, seq = after, world.changes.last_seq()


def test_a_kill_between_the_steps_of_a_commit_is_repaired(world, monkeypatch):
    """The state says that a part is being replaced, whatever got into its place meanwhile."""
    world.put("a.jsonl", lines(("a", 1, "1", "E"), ("a", 2, "2", "E")))
    world.pull()
    seq = world.changes.last_seq()
    world.put("b.jsonl", lines(("a", 1, "2", "E"), ("b", 7, "3", "E")))

    def killed(*_):
        raise KeyboardInterrupt

    for step in ["sync.pull_commit.put_in_place", "sync.lake_parts.Register.finish"]:
        with monkeypatch.context() as patch:
            patch.setattr(step, killed)
            with pytest.raises(KeyboardInterrupt):
                world.pull()
    world.pull()
    assert world.rows() == world.plain_rows()
    assert world.accounts_since(seq) == {"a": date(2026, 3, 1), "b": date(2026, 3, 7)}
    assert world.register() == {"a.jsonl": (1, 0, 1, 0), "b.jsonl": (2, 0, 0, 0)}


def test_a_disk_that_cannot_be_written_is_a_sentence(world):
    world.put("a.jsonl", lines(("a", 1, None, "E")))
    world.lake.folder.mkdir(parents=True)
    (world.lake.folder / "events").write_text("in the way")
    with pytest.raises(StopCycle, match="cannot be written"):
        world.pull()


def test_a_part_without_a_size_or_digest_is_read_when_its_fingerprint_changes(world):
    """As a vendor's export window may be."""
    world.put("a.jsonl", lines(("a", 1, None, "E")))
    source = world.source()
    source.parts = lambda: [Part("a.jsonl", "1")]
    source.digest = lambda _: ""
    assert world.pull(source).read == 1
    assert world.pull(source).read == 0
    source.parts = lambda: [Part("a.jsonl", "2")]
    assert world.pull(source).read == 1


def test_an_engine_is_started_only_if_something_is_new(world):
    world.put("a.jsonl", lines(("a", 1, None, "E")))
    world.pull()
    code = (
        "import sys; from pathlib import Path; import sync.pull_events, sync.lake_changes;"
        "print([name for name in ('duckdb', 'numpy', 'ibis', 'sqlglot') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert isinstance(world.engine, DuckEngine)


def test_a_day_that_goes_while_it_is_listed_has_no_files(tmp_path, monkeypatch):
    """A backup lists the lake while a pull takes days away."""
    lake, days = Lake(tmp_path), [date(2026, 3, 1), date(2026, 3, 2)]
    for day in days:
        lake.day_folder("product", day).mkdir(parents=True)
        (lake.day_folder("product", day) / "a.parquet").touch()
    listed = Lake._day_folders

    def just_before_it_goes(self, source):
        found = list(listed(self, source))
        shutil.rmtree(lake.day_folder("product", days[0]), ignore_errors=True)
        return iter(found)

    monkeypatch.setattr(Lake, "_day_folders", just_before_it_goes)
    there = lake.day_folder("product", days[1]) / "a.parquet"
    assert lake.part_files("product") == {"a.parquet": {days[1]: there}}
    assert lake.files("product") == [there]
