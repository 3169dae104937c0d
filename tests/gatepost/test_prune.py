"""`gatepost prune`: old days shrink, and nothing that is told of them changes."""

import json
import re

import duckdb
import pytest

import sync.prune_lake
from sync.state import State
from tests.gatepost.conftest import TODAY

AS_OF = str(TODAY)
DAYS = (AS_OF, "2026-05-20")


def use(project, **changes):
    """Edit a file of the project: (pattern, text) pairs by file."""
    for name, edits in changes.items():
        path = {"gatepost": project / "gatepost.yaml", "mapping": project / "mapping.yaml"}.get(
            name, next((project / "journeys").glob("*.yaml"))
        )
        text = path.read_text()
        for pattern, replacement in edits:
            text, found = re.subn(pattern, replacement, text, flags=re.MULTILINE)
            assert found, pattern
        path.write_text(text)


def keep(project, **limits):
    with (project / "gatepost.yaml").open("a") as file:
        file.write(f"retention: {json.dumps(limits)}\n")


def told(project, invoke, *more):
    """Everything that is computed, on several days."""
    said = []
    for day in DAYS:
        for name in ("evaluate", "history"):
            done = invoke(name, "--project", project, "--as-of", day, "--format", "json", *more)
            assert done.exit_code == 0, done.stderr
            said.append(done.stdout)
    return said


def lake(project, columns):
    files = str(project / ".gatepost/lake/events/*/*/*.parquet")
    with duckdb.connect() as engine:
        query = f"SELECT {columns} FROM read_parquet('{files}', union_by_name=true)"
        return engine.execute(query).fetchall()


def columns(project):
    files = str(project / ".gatepost/lake/events/*/*/*.parquet")
    with duckdb.connect() as engine:
        query = f"DESCRIBE SELECT * FROM read_parquet('{files}', union_by_name=true)"
        return [name for name, *_ in engine.execute(query).fetchall()]


def pruned(project, invoke, *words):
    done = invoke("prune", "--project", project, "--format", "json", *words)
    assert done.exit_code == 0, done.stderr
    return {one["what"]: one for one in map(json.loads, done.stdout.splitlines())}


NO_USERS = (
    ("weekly_users: .*$", "weekly_users: {days: Logged In, within: 7d}"),
    ("monthly_users: .*$", "monthly_users: {days: Logged In, within: 28d}"),
)
FILTERED = (
    *NO_USERS,
    ("^timezone", "events: \"event <> 'Logged In' or user like '%1@%'\"\ntimezone"),
)
NO_PROPERTY = ((", where: \"report_type = 'scheduled'\"", ""), *NO_USERS)
LATER = (("^since: .*$", "since: 2026-05-01"),)


@pytest.mark.parametrize("edits", [(), FILTERED, NO_PROPERTY, (*NO_PROPERTY, *LATER)])
def test_all_history_is_told_as_before(edits, project, invoke):
    use(project, journey=edits)
    keep(project, events="7d")
    before = told(project, invoke)

    pruned(project, invoke)

    assert told(project, invoke, "--no-pull") == before


def test_what_no_journey_looks_at_goes(project, invoke):
    use(project, journey=(*NO_PROPERTY, *LATER, ("Logged In", "Report Created")))
    keep(project, events="7d")
    told(project, invoke)
    whole = lake(project, "count(*)")[0][0]
    said = pruned(project, invoke)["events of product"]

    assert lake(project, 'count("user")') == [(0,)]
    assert "p.report_type" not in columns(project)
    assert lake(project, "count(*)") == [(whole - said["removed"],)]
    assert said["removed"] > 100
    assert said["bytes"] > 0


def test_a_dry_run_says_the_same_and_changes_nothing(project, invoke):
    use(project, journey=NO_PROPERTY)
    keep(project, events="7d")
    told(project, invoke)
    whole = lake(project, "*")

    would = pruned(project, invoke, "--dry-run")

    assert lake(project, "*") == whole
    done = pruned(project, invoke)
    assert [{**one, "dry_run": True} for one in done.values()] == list(would.values())


def test_a_second_prune_finds_nothing(project, invoke):
    use(project, journey=NO_PROPERTY)
    keep(project, events="7d")
    told(project, invoke)
    pruned(project, invoke)

    assert pruned(project, invoke)["events of product"]["removed"] == 0


def test_a_journey_that_looks_at_more_is_told_with_a_sentence(project, invoke):
    use(project, journey=(*NO_PROPERTY, ("Logged In", "Report Created")))
    keep(project, events="7d")
    told(project, invoke)
    pruned(project, invoke)

    use(
        project, journey=(("{days: Report Created, within: 7d}", "{users: Logged In, within: 7d}"),)
    )
    done = invoke("evaluate", "--project", project, "--no-pull")

    assert done.exit_code == 0
    assert "warning: Customer now looks at users of product, and before 2" in done.stderr
    assert "now looks at the event Logged In of product" in done.stderr
    assert "without" in done.stderr


def test_a_part_that_is_pulled_anew_is_whole_again_and_needs_no_sentence(project, invoke):
    use(project, journey=NO_PROPERTY)
    keep(project, events="7d")
    whole = told(project, invoke) and lake(project, 'count(*), count("user")')
    pruned(project, invoke)
    use(project, journey=(("{days: Logged In, within: 7d}", "{users: any, within: 7d}"),))

    for path in (project / "product/events").iterdir():
        path.write_text(path.read_text() + "\n")
    with State(project / ".gatepost") as state, state.transaction() as connection:
        # Parts are told apart by the second in which they were pulled.
        connection.execute("UPDATE lake_pruned SET pulled_at = '2026-01-01T00:00:00Z'")
    done = invoke("evaluate", "--project", project)

    assert lake(project, 'count(*), count("user")') == whole
    assert "pruned" not in done.stderr


def test_cut_short_it_is_finished_by_the_next_one(project, invoke, monkeypatch):
    use(project, journey=(*NO_PROPERTY, *LATER, ("Logged In", "Report Created")))
    keep(project, events="7d")
    before = told(project, invoke)
    whole = lake(project, "count(*)")[0][0]
    would = pruned(project, invoke, "--dry-run")["events of product"]["removed"]
    made: list[object] = []

    def stop(paths):
        made.append(paths)
        if len(made) == 6:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sync.prune_lake, "make_durable", stop)
        assert invoke("prune", "--project", project).exit_code == 130
    left = lake(project, "count(*)")[0][0]
    assert whole - would < left < whole

    pruned(project, invoke)

    assert lake(project, "count(*)")[0][0] == whole - would
    assert told(project, invoke, "--no-pull") == before


def ledger(project):
    with State(project / ".gatepost") as state:
        return list(state.rows("SELECT id, state FROM writes ORDER BY id"))


def age(project, days):
    """Have everything in the state file happened so much earlier."""
    with State(project / ".gatepost") as state, state.transaction() as connection:
        for table, columns in (
            ("write_batches", ("intended_at", "sent_at", "settled_at")),
            ("write_records", ("settled_at",)),
            ("runs", ("started_at", "finished_at")),
        ):
            for column in columns:
                connection.execute(
                    f"UPDATE {table} SET {column} = strftime('%Y-%m-%dT%H:%M:%SZ', {column}, ?)",
                    (f"-{days} days",),
                )


def test_old_writes_go_but_never_a_fields_last_one(project, invoke):
    keep(project, writes="30d", runs="30d")
    for day in ("2026-06-01", "2026-06-20", AS_OF):
        assert invoke("sync", "--project", project, "--as-of", day).exit_code == 0
    rows = ledger(project)
    with State(project / ".gatepost") as state:
        last = {
            row
            for (row,) in state.rows(
                "SELECT max(w.id) FROM writes w, json_each(w.changes) c"
                " GROUP BY w.account_id, c.value ->> 'field'"
            )
        }
    assert len(last) < len(rows)
    age(project, 40)

    said = pruned(project, invoke)

    assert {row for row, _ in ledger(project)} == last
    assert said["writes"]["removed"] == len(rows) - len(last)
    done = invoke("sync", "--project", project, "--as-of", AS_OF)
    assert "0 records" in done.stdout or "Nothing" in done.stdout, done.stdout


def test_unsettled_writes_stay_however_old(project, invoke):
    keep(project, writes="30d")
    for day in ("2026-06-01", AS_OF):
        assert invoke("sync", "--project", project, "--as-of", day).exit_code == 0
    with State(project / ".gatepost") as state, state.transaction() as connection:
        connection.execute("UPDATE write_records SET state = 'unknown' WHERE id = 1")
    age(project, 40)

    pruned(project, invoke)

    assert (1, "unknown") in ledger(project)


def test_nothing_is_pruned_that_gatepost_yaml_does_not_name(project, invoke):
    done = invoke("prune", "--project", project)

    assert done.exit_code == 0
    assert done.stdout == ""
    assert "Everything is kept" in done.stderr
