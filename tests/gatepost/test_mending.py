"""What cannot be read in the lake is pulled again, and then all is as it was."""

import json
import shutil
import sqlite3

import duckdb
import pytest

from sync.mending import unreadable


@pytest.fixture
def events(project):
    """The rows of the lake, read by the engine alone."""

    def read():
        place = project / ".gatepost" / "lake" / "events" / "**" / "*.parquet"
        query = f"SELECT account_key, ts, event FROM read_parquet('{place}') ORDER BY ALL"
        with duckdb.connect() as engine:
            return engine.execute(query).fetchall()

    return read


@pytest.mark.parametrize("damage", ["cut", "empty", "footer"])
def test_damaged_days_are_pulled_again(project, invoke, events, damage):
    assert invoke("sync", "--project", project).exit_code == 0
    whole = events()
    files = sorted((project / ".gatepost" / "lake" / "events").rglob("*.parquet"))
    for path in (files[1], files[len(files) // 2]):
        content = path.read_bytes()
        path.write_bytes(
            {
                "cut": content[: len(content) // 2],
                "empty": b"",
                "footer": content[:-60] + b"\xff" * 52 + content[-8:],
            }[damage]
        )
    done = invoke("sync", "--project", project, "--full", "--format", "json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["written"] == 0
    assert "2 files of the lake could not be read" in done.stderr
    assert events() == whole
    assert invoke("doctor", "--project", project).exit_code == 0


@pytest.mark.parametrize("names", [slice(9, 12), slice(None)], ids=["days", "everything"])
def test_days_that_are_gone_are_told_and_pulled_again(names, project, invoke, events):
    """Somebody deleted them, or a copy was not whole: nothing that is there is unreadable."""
    assert invoke("sync", "--project", project).exit_code == 0
    whole = events()
    for path in sorted((project / ".gatepost" / "lake" / "events").rglob("*.parquet"))[names]:
        path.unlink()

    done = invoke("doctor", "--offline", "--project", project, "--format", "json")
    assert done.exit_code == 1
    assert "events of usage.jsonl of product" in done.stdout
    assert "gatepost sync --full" in done.stdout
    done = invoke("backup", project / "copies", "--project", project)
    assert done.exit_code == 1
    assert "gatepost sync --full" in done.stderr

    done = invoke("sync", "--project", project, "--full", "--format", "json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["written"] == 0
    assert "warning: 1 part of the lake was not whole: it is pulled again" in done.stderr
    assert events() == whole
    assert invoke("doctor", "--offline", "--project", project).exit_code == 0
    assert invoke("backup", project / "copies", "--project", project).exit_code == 0


def test_a_lake_that_was_deleted_is_pulled_anew(project, invoke, events):
    """As docs/lake.md says, whatever the state file remembers of the last sync."""
    assert invoke("sync", "--project", project).exit_code == 0
    whole = events()
    assert "Nothing new" in invoke("sync", "--project", project).stdout
    shutil.rmtree(project / ".gatepost" / "lake")

    done = invoke("sync", "--project", project, "--format", "json")

    assert json.loads(done.stdout)["summary"]["sources"][0]["pulled"] == len(whole)
    assert events() == whole
    assert "Nothing new" in invoke("sync", "--project", project).stdout


def test_a_damaged_note_of_what_changed_has_all_accounts_walked_again(project, invoke):
    assert invoke("sync", "--project", project).exit_code == 0
    changes = project / ".gatepost" / "lake" / "changes" / "99.parquet"
    changes.write_bytes(b"PAR1")
    done = invoke("sync", "--project", project, "--full", "--format", "json")
    assert json.loads(done.stdout)["summary"]["replayed"] == {"Customer": 3}
    assert not changes.exists()


def test_a_lake_that_is_whole_stays(project, invoke):
    assert invoke("sync", "--project", project).exit_code == 0
    done = invoke("sync", "--project", project, "--full", "--format", "json")
    assert json.loads(done.stdout)["summary"]["sources"][0]["pulled"] == 0
    with sqlite3.connect(project / ".gatepost" / "state.sqlite3") as state:
        (empty,) = state.execute(
            "SELECT count(*) FROM lake_parts WHERE fingerprint = ''"
        ).fetchone()
    assert empty == 0
    assert unreadable([]) == []
