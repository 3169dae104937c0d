"""The state file: opened, upgraded and refused with a sentence."""

import os
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from sync.migrations import steps
from sync.migrations.steps import NAMES, migrate
from sync.state import FILE_NAME, RUN_KEY, State, StateError, instant_text, read_run_key


def test_a_new_home_is_made_with_all_tables(tmp_path):
    with State(tmp_path / "deep" / "home") as state:
        names = set(state.db.table_names())
        assert {"settings", "runs", "pulls", "sightings", "lake_parts"} <= names
        assert {"match_counts", "checkpoints", "write_records"} <= names
        assert state.value("PRAGMA journal_mode") == "wal"
        assert state.value("PRAGMA foreign_keys") == 1
        assert state.value("PRAGMA synchronous") == 2, "FULL: commits outlive a power cut"


def test_every_step_that_is_there_is_counted_and_applied_in_order(tmp_path):
    """NAMES decides whether a file is newer than us; it must be the list that is applied."""
    there = sorted(path.stem for path in Path(steps.__file__).parent.glob("*.sql"))
    assert tuple(there) == NAMES
    with State(tmp_path) as state:
        noted = state.rows("SELECT name FROM _sqlite_migrations ORDER BY id")
        assert tuple(name for (name,) in noted) == NAMES


def test_opening_again_keeps_what_was_there(tmp_path):
    with State(tmp_path) as state:
        state.set_setting("colour", "green")
    with State(tmp_path) as state:
        assert state.setting("colour") == "green"
        assert state.setting("shade") is None
        state.set_setting("colour", None)
        assert state.setting("colour") is None


def test_a_newer_schema_is_refused_and_left_alone(tmp_path):
    State(tmp_path).close()
    raw = sqlite3.connect(tmp_path / FILE_NAME)
    raw.execute(f"PRAGMA user_version = {len(NAMES) + 1}")
    raw.close()
    with pytest.raises(StateError, match="written by a newer Gatepost"):
        State(tmp_path)


def test_a_killed_upgrade_starts_again_from_the_whole_step(tmp_path):
    """A step and its note are one transaction."""

    class KilledError(Exception):
        pass

    State(tmp_path).close()
    (tmp_path / FILE_NAME).unlink()
    first = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    first.execute("BEGIN IMMEDIATE")
    first.execute("CREATE TABLE settings (key TEXT)")
    first.close()  # never committed
    with State(tmp_path) as state:
        assert state.value("PRAGMA user_version") == len(NAMES)

    def upgrade_and_die(state):
        with state.transaction():
            migrate(state.db)
            state.db.execute("DROP TABLE sightings")
            raise KilledError

    with State(tmp_path) as state, pytest.raises(KilledError):
        upgrade_and_die(state)
    with State(tmp_path) as state:
        assert state.value("SELECT count(*) FROM sightings") == 0


def test_two_processes_that_start_at_once_upgrade_once(tmp_path):
    script = "import sys, pathlib, sync.state as s; s.State(pathlib.Path(sys.argv[1]))"
    started = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    ends = [(p.communicate(timeout=60)[1], p.returncode) for p in started]
    assert [code for _, code in ends] == [0, 0, 0, 0], repr(ends)


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04 surely a zip", b"SQLite format 3\0" + b"\xff" * 4096]
)
def test_a_file_that_is_no_database_gets_a_sentence(tmp_path, content):
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(StateError, match="damaged or is no SQLite file") as caught:
        State(tmp_path)
    assert "backup" in caught.value.hint


def test_a_damaged_page_gets_a_sentence_when_it_is_read(tmp_path):
    with State(tmp_path) as state, state.transaction() as connection:
        connection.executemany(
            "INSERT INTO sightings VALUES ('Account', ?, 1, '2026-05-01', ?)",
            ((f"{n:05}", "x" * 300) for n in range(3000)),
        )
    body = bytearray((tmp_path / FILE_NAME).read_bytes())
    body[200_000:400_000] = b"\xa5" * 200_000
    (tmp_path / FILE_NAME).write_bytes(body)
    with State(tmp_path) as state, pytest.raises(StateError, match="damaged"):
        list(state.rows("SELECT * FROM sightings"))


def test_a_locked_file_gets_a_sentence_after_the_wait(tmp_path):
    with State(tmp_path) as holder, State(tmp_path, wait_seconds=0.05) as other:
        with (
            holder.transaction(),
            pytest.raises(StateError, match="being written by another process"),
        ):
            other.set_setting("a", "b")
        other.set_setting("a", "b")
        assert holder.setting("a") == "b", "and the lock is gone with its transaction"


def test_readers_do_not_wait_for_a_writer(tmp_path):
    """`explain` answers while a sync is in the middle of its transaction."""
    with State(tmp_path) as writer, State(tmp_path, wait_seconds=0.05) as reader:
        writer.set_setting("a", "old")
        with writer.transaction() as connection:
            connection.execute("UPDATE settings SET value = 'new'")
            assert reader.setting("a") == "old"
        assert reader.setting("a") == "new"


def test_a_writer_that_waits_sees_what_the_other_wrote(tmp_path):
    """The lock is taken before the first read: no decision rests on a stale value."""
    with State(tmp_path) as state:
        state.set_setting("n", "0")

    def count():
        with State(tmp_path) as state:
            for _ in range(20):
                with state.transaction():
                    state.set_setting("n", str(int(state.setting("n") or 0) + 1))

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with State(tmp_path) as state:
        assert state.setting("n") == "60"


def test_a_failed_block_leaves_nothing_behind_even_when_nested(tmp_path):
    def set_two_and_fail(state):
        with state.transaction():
            state.set_setting("a", "b")
            with state.transaction():
                state.set_setting("c", "d")
            raise LookupError

    with State(tmp_path) as state:
        with pytest.raises(LookupError):
            set_two_and_fail(state)
        assert state.setting("a") is None
        assert state.setting("c") is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_read_only_folder_gets_a_sentence(tmp_path):
    State(tmp_path).close()
    (tmp_path / FILE_NAME).chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(StateError, match=r"read-only|cannot be"), State(tmp_path) as state:
            state.set_setting("a", "b")
    finally:
        tmp_path.chmod(0o755)


def test_a_read_only_answer_of_sqlite_gets_a_sentence(tmp_path):
    with State(tmp_path) as state:
        state.db.execute("PRAGMA query_only = ON")
        with pytest.raises(StateError, match="read-only"):
            state.set_setting("a", "b")


def test_a_full_disk_gets_a_sentence_and_loses_nothing(tmp_path):
    with State(tmp_path) as state:
        state.set_setting("a", "kept")
        pages = int(state.value("PRAGMA page_count") or 0)
        state.db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StateError, match="no room is left"):
            state.set_setting("b", "x" * 100_000)
        assert state.setting("a") == "kept"


def test_a_home_that_is_a_file_gets_a_sentence(tmp_path):
    (tmp_path / "home").write_text("")
    with pytest.raises(StateError, match="cannot be opened"):
        State(tmp_path / "home")


def test_the_run_key_is_read_without_anything_heavy(tmp_path):
    with State(tmp_path) as state:
        state.set_setting(RUN_KEY, "abc")
        script = (
            "import sys; from pathlib import Path; from sync.state import read_run_key\n"
            "print(read_run_key(Path(sys.argv[1])))\n"
            "heavy = {'sqlite_utils', 'numpy', 'duckdb', 'ibis', 'pydantic', 'sqlglot'}\n"
            "print(sorted(heavy & set(sys.modules)))"
        )
        out = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\n")
    assert out[:2] == ["abc", "[]"]


def test_no_run_key_is_none_and_creates_nothing(tmp_path):
    assert read_run_key(tmp_path / "nowhere") is None
    assert list(tmp_path.iterdir()) == []
    (tmp_path / FILE_NAME).write_bytes(b"no database at all, really not")
    assert read_run_key(tmp_path) is None
    (tmp_path / FILE_NAME).unlink()
    State(tmp_path).close()
    assert read_run_key(tmp_path) is None


def test_the_run_key_is_read_in_a_folder_with_odd_characters(tmp_path):
    home = tmp_path / "Ünï code?#&%20 home"
    with State(home) as state:
        state.set_setting(RUN_KEY, "k")
    assert read_run_key(home) == "k"


def test_instants_are_utc_text():
    eastern = timezone(timedelta(hours=-5))
    assert instant_text(datetime(2026, 1, 1, 23, 0, tzinfo=eastern)) == "2026-01-02T04:00:00Z"
    assert instant_text(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00Z"


def test_writes_belong_to_a_run(tmp_path):
    insert = (
        "INSERT INTO write_batches (first_id, last_id, run_id, state, intended_at)"
        " VALUES (1, 1, 9, 'intended', '')"
    )
    with (
        State(tmp_path) as state,
        pytest.raises(StateError, match="FOREIGN KEY"),
        state.transaction() as connection,
    ):
        connection.execute(insert)


def test_every_table_and_column_is_documented(tmp_path):
    """People may open the file; docs/state.md tells them what they see."""
    text = (Path(__file__).parents[2] / "docs" / "state.md").read_text(encoding="utf-8")
    with State(tmp_path) as state:
        for table in state.db.table_names():
            if table.startswith(("sqlite_", "_sqlite_")):
                continue
            assert f"## {table}" in text, table
            part = text.split(f"## {table}\n")[1].split("\n## ")[0]
            for column in state.db[table].columns:
                assert f"`{column.name}`" in part, f"{table}.{column.name}"
