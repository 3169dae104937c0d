"""`gatepost forget`: nothing is left anywhere, nothing comes back, and everybody else stays."""

import gzip
import json
import re
from types import SimpleNamespace

import duckdb
import numpy as np
import pytest

import sync.forget
from sync.state import State
from tests.gatepost.conftest import TODAY

AS_OF = str(TODAY)
PERSON = "person1@cedar.example"


@pytest.fixture
def synced(project, invoke):
    """A project whose champion fields name people, synced, with traces of all kinds in its home."""
    path = project / "crm/Account.csv"
    header, *rows = path.read_text().splitlines()
    champions = ["Nora <nora@north.example>", PERSON, PERSON]
    path.write_text(
        "\n".join(
            [f"{header},Champion", *(f"{r},{c}" for r, c in zip(rows, champions, strict=True))]
        )
    )
    mapping = project / "mapping.yaml"
    text = mapping.read_text().replace(
        "fields:\n  type:", "fields:\n  champion: Champion\n  type:", 1
    )
    mapping.write_text(text)
    for day in ("2026-06-01", AS_OF):
        assert invoke("sync", "--project", project, "--as-of", day).exit_code == 0
    home = project / ".gatepost"
    (home / "crash-20260601T000000Z-1.log").write_text(f"while reading {PERSON} of northgate\n")
    (home / "plan.json").write_text(
        json.dumps({"changes": [{"account_id": "A-1", "name": "Northgate Mills"}]})
    )
    rejected = home / "rejected/product/usage.jsonl.jsonl"
    rejected.parent.mkdir(parents=True, exist_ok=True)
    rejected.write_text(f'{{"text": "{PERSON}"}}\n{{"text": "northgate"}}\n{{"text": "blue"}}\n')
    with gzip.open(home / "spooled.gz", "wt") as file:
        file.write(f"{PERSON} northgate")
    with State(home) as state, state.transaction() as connection:
        connection.execute(
            "UPDATE runs SET error = ? WHERE id = 1",
            (f"{PERSON} and Northgate Mills stood in the way",),
        )
        connection.execute("CREATE TABLE scrap (text TEXT)")
        connection.executemany("INSERT INTO scrap VALUES (?)", [(f"{PERSON} northgate",)] * 500)
    with State(home) as state, state.transaction() as connection:
        connection.execute("DROP TABLE scrap")  # its pages are free, and still hold it
    return SimpleNamespace(project=project, home=home)


def everything(home):
    """All that is under a home, as one text: bytes, values of Parquet and arrays."""
    found = []
    for path in sorted(home.rglob("*")):
        if not path.is_file():
            continue
        found.append(path.read_bytes().decode("latin-1"))
        if path.suffix == ".parquet":
            with duckdb.connect() as engine:
                found.append(str(engine.execute(f"FROM read_parquet('{path}')").fetchall()))
        elif path.suffix == ".gz":
            found.append(gzip.decompress(path.read_bytes()).decode())
        elif path.suffix == ".npz":
            with np.load(path) as arrays:
                found += [str(arrays[name].tolist()) for name in arrays.files]
    return "\n".join(found)


def forget(invoke, synced, *who):
    done = invoke("forget", "--yes", "--project", synced.project, "--format", "json", *who)
    assert done.stdout, done.stderr
    return SimpleNamespace(code=done.exit_code, **json.loads(done.stdout), said=done.stderr)


def evaluated(synced, invoke, *more):
    done = invoke(
        "evaluate", "--project", synced.project, "--as-of", AS_OF, "--format", "json", *more
    )
    assert done.exit_code == 0, done.stderr
    return {one["account"]: one for one in map(json.loads, done.stdout.splitlines())}


def pull_all_anew(synced, invoke):
    """Have every source read again, whole."""
    for path in (*synced.project.glob("product/events/*"), synced.project / "crm/Account.csv"):
        path.write_text(path.read_text() + "\n")
    return evaluated(synced, invoke)


def test_an_account_goes_from_everywhere_and_stays_away(synced, invoke):
    others = evaluated(synced, invoke)
    assert "northgate" in everything(synced.home).lower()

    done = forget(invoke, synced, "A-1")

    assert (done.code, done.searched["left"]) == (0, [])
    assert done.events > 50
    assert "northgate" not in everything(synced.home).lower()
    assert "A-1" not in re.findall(r"[\w-]+", everything(synced.home / "lake"))
    after = pull_all_anew(synced, invoke)
    assert "northgate" not in everything(synced.home).lower()
    del others["A-1"]
    assert after == others


def test_a_person_goes_from_events_fields_and_reports_and_stays_away(synced, invoke):
    before = evaluated(synced, invoke)
    assert PERSON in everything(synced.home)

    done = forget(invoke, synced, PERSON)

    assert (done.code, done.searched["left"]) == (0, [])
    assert PERSON not in everything(synced.home)
    after = pull_all_anew(synced, invoke)
    assert PERSON not in everything(synced.home)
    assert after["A-1"] == before["A-1"]
    assert after["A-3"]["signals"]["monthly_users"] == before["A-3"]["signals"]["monthly_users"] - 1
    assert "person2@cedar.example" in everything(synced.home)


def test_fields_that_named_them_do_not_seem_to_have_changed(synced, invoke):
    forget(invoke, synced, PERSON)
    pull_all_anew(synced, invoke)

    with State(synced.home) as state:
        rows = list(state.rows("SELECT data FROM sightings WHERE account_id = 'A-2'"))
    assert [json.loads(str(row))["champion"] for (row,) in rows] == [None]


def test_it_asks_first(synced, invoke):
    done = invoke("forget", "--project", synced.project, "A-1")

    assert done.exit_code == 2
    assert "say --yes" in done.stderr
    assert "northgate" in everything(synced.home).lower()


def test_a_name_that_stands_elsewhere_is_looked_for_only_where_it_names_them(synced, invoke):
    """Cedar and Daughters becomes a partner of Blue Harbour: that remark is not theirs."""
    path = synced.project / "crm/Account.csv"
    path.write_text(path.read_text().replace("Nora <nora@north.example>", "Cedar and Daughters"))
    evaluated(synced, invoke)

    done = forget(invoke, synced, "Cedar and Daughters")

    assert done.code == 0
    assert "Cedar and Daughters" in done.doubtful
    with State(synced.home) as state:
        (data,) = next(
            state.rows("SELECT data FROM sightings WHERE account_id = 'A-1' ORDER BY number DESC")
        )
    assert "Cedar and Daughters" in str(data)
    assert "person2@cedar.example" not in everything(synced.home)


def test_who_is_unknown_is_a_mistake_but_a_second_time_is_none(synced, invoke):
    assert invoke("forget", "--yes", "--project", synced.project, "nobody").exit_code == 2

    assert forget(invoke, synced, PERSON).code == 0
    assert forget(invoke, synced, PERSON).code == 0


@pytest.mark.parametrize("who", ["", " "])
def test_an_empty_name_is_not_the_account_without_one(who, project, invoke):
    """As a script has it whose variable is not set."""
    path = project / "crm/Account.csv"
    path.write_text(path.read_text().replace("Northgate Mills", ""))
    assert invoke("evaluate", "--project", project).exit_code == 0

    done = invoke("forget", "--yes", "--project", project, who)

    assert (done.exit_code, done.stdout) == (2, "")
    assert "an empty name names nobody" in done.stderr
    with State(project / ".gatepost") as state:
        assert state.value("SELECT count(*) FROM forgotten") == 0


@pytest.mark.parametrize("step", ["forget_in_state", "wipe_freed", "search_home"])
def test_cut_short_it_is_finished_by_the_next_one(step, synced, invoke, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sync.forget, step, stop)
        assert (
            invoke("forget", "--yes", "--project", synced.project, "Northgate Mills").exit_code
            == 130
        )

    done = forget(invoke, synced, "Northgate Mills")

    assert done.code == 0
    assert "northgate" not in everything(synced.home).lower()


def test_what_cannot_be_removed_is_told_and_the_exit_code_says_so(synced, invoke):
    """A file that is none of ours and looks like nothing we could mend."""
    (synced.home / "copy.parquet").write_bytes(
        next(synced.home.glob("lake/events/*/*/*.parquet")).read_bytes()
    )
    with State(synced.home) as reader:
        reader.db.conn.execute("BEGIN")  # a snapshot that keeps the log from being emptied
        reader.db.conn.execute("SELECT count(*) FROM runs").fetchone()
        done = forget(invoke, synced, "A-1", "Northgate Mills")

    assert done.code == 1
    assert {one["file"] for one in done.searched["left"]} == {"copy.parquet", "state.sqlite3"}
    assert "Run it again" in done.said
    assert forget(invoke, synced, "Northgate Mills").code == 0, "the name is no column of the copy"
