"""The commands on the small project that `init` writes, from check to the second sync."""

import csv
import io
import json
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

DAY = ("--as-of", "2026-06-30")
HISTORY_KEYS = ["account", "journey", "kind", "name", "from", "completed", "to"]


def objects(done):
    """The JSON lines of a run that went well."""
    assert done.exit_code == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def accounts(project):
    text = (project / "crm" / "Account.csv").read_text(encoding="utf-8")
    return {row["Id"]: row for row in csv.DictReader(io.StringIO(text))}


def test_check_sums_up_a_project_without_problems(shared_project, invoke):
    done = invoke("check", "--project", shared_project)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[:2] == [
        "No problems.",
        "  accounts   Account of crm (files), where type = 'Customer'",
    ]
    assert "Customer: 4 stages, 5 signals, 2 health components, 1 moment" in done.stdout


def test_check_prints_every_problem_of_files_and_expressions_and_leaves_with_2(project, invoke):
    journey = project / "journeys" / "customer.yaml"
    text = journey.read_text(encoding="utf-8")
    journey.write_text(text.replace("first_share is", "frist_share is"), encoding="utf-8")
    mapping = project / "mapping.yaml"
    text = mapping.read_text(encoding="utf-8")
    mapping.write_text(text.replace("  from: crm", "  from: crn", 1), encoding="utf-8")
    done = invoke("check", "--project", project)
    assert done.exit_code == 2
    places = [line.split(":")[0] for line in done.stdout.splitlines()]
    assert places == ["journeys/customer.yaml", "mapping.yaml"]
    assert "first_share" in done.stdout
    assert done.stderr == "2 problems in 2 files.\n"
    found = invoke("check", "--project", project, "--format", "json")
    assert found.exit_code == 2
    lines = [json.loads(line) for line in found.stdout.splitlines()]
    assert list(lines[0]) == ["file", "line", "column", "where", "message", "hint"]


@pytest.fixture
def evaluated(shared_project, invoke):
    return {
        one["account"]: one
        for one in objects(
            invoke("evaluate", "--project", shared_project, *DAY, "--format", "json")
        )
    }


def test_evaluate_prints_one_object_an_account_with_signals_apart(evaluated):
    assert list(evaluated) == ["A-1", "A-2", "A-3"]
    blue = evaluated["A-2"]
    assert list(blue)[:3] == ["account", "journey", "stage"]
    assert (blue["journey"], blue["stage"]) == ("Customer", "Onboarding")
    assert blue["stage_entered_on"] == "2026-05-14"
    assert blue["stage_overdue"] is True
    assert blue["alerts"] == ["Kick-off call"]
    assert blue["missing"] == "first_share has not come"
    assert blue["moment.usage_cliff"] is False
    assert blue["moment.usage_cliff.since"] is None
    assert list(blue)[-1] == "signals"
    assert set(blue["signals"]) == {
        "first_share", "weekly_users", "monthly_users", "scheduled_30d", "usage_trend",
    }  # fmt: skip
    assert blue["signals"]["first_share"] is None


def test_evaluate_as_csv_has_outputs_then_signals(shared_project, invoke):
    done = invoke("evaluate", "--project", shared_project, *DAY, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert list(rows[0])[:3] == ["account", "journey", "stage"]
    assert list(rows[0])[-1] == "usage_trend"
    assert rows[1]["alerts"] == "Kick-off call"
    assert rows[1]["stage_overdue"] == "true"
    assert rows[1]["first_share"] == ""


def test_evaluate_as_a_table_shows_who_is_where(shared_project, invoke):
    done = invoke("evaluate", "--project", shared_project, *DAY)
    header, _, *lines = done.stdout.splitlines()
    assert header.split() == [
        "account", "name", "stage", "since", "days", "progress", "health", "band", "trend",
        "alerts", "missing",
    ]  # fmt: skip
    assert lines[1].startswith("A-2      Blue Harbour")
    assert "overdue" in lines[1]


@pytest.mark.parametrize("who", ["A-2", "blue"])
def test_one_account_by_id_or_part_of_its_name(who, shared_project, invoke):
    (one,) = objects(
        invoke("evaluate", "--project", shared_project, *DAY, "--account", who, "--format", "json")
    )
    assert one["account"] == "A-2"


def test_no_account_is_a_sentence_an_empty_json_and_a_csv_with_its_header(project, invoke):
    mapping = project / "mapping.yaml"
    text = mapping.read_text(encoding="utf-8")
    mapping.write_text(text.replace("type = 'Customer'", "type = 'Partner'"), encoding="utf-8")
    table = invoke("evaluate", "--project", project, *DAY)
    assert (table.exit_code, table.stdout) == (0, "")
    assert "No account travels a journey here" in table.stderr
    json_ = invoke("evaluate", "--project", project, *DAY, "--no-pull", "--format", "json")
    assert json_.stdout == ""
    for command, header in (
        ("evaluate", "account,journey,stage,"),
        ("history", ",".join(HISTORY_KEYS) + "\n"),
        ("plan", "object,id,name,field,from,to,why,segment,move\n"),
    ):
        done = invoke(command, "--project", project, *DAY, "--no-pull", "--format", "csv")
        assert done.stdout.startswith(header)
        assert done.stdout.count("\n") == 1


def test_history_has_the_promised_keys_in_the_promised_order(shared_project, invoke):
    found = objects(invoke("history", "--project", shared_project, *DAY, "--format", "json"))
    assert [one["account"] for one in found] == sorted(one["account"] for one in found)
    kinds = {one["kind"]: list(one) for one in found}
    assert kinds["stage"] == HISTORY_KEYS
    assert kinds["moment"] == kinds["touchpoint"] == [*HISTORY_KEYS[:5], "to"]
    first = found[0]
    assert (first["name"], first["from"], first["to"]) == ("Onboarding", "2026-04-17", "2026-05-10")


def test_explain_names_what_is_lacking(shared_project, invoke):
    done = invoke("explain", "blue", "--project", shared_project, *DAY)
    assert done.exit_code == 0
    assert "Blue Harbour  A-2" in done.stdout
    assert "Onboarding since 2026-05-14: 47 days, target 30 days, 17 days over" in done.stdout
    assert "✗ first_share is not null" in done.stdout
    assert "✗ Kick-off call: was due 2026-05-21" in done.stdout
    (one,) = objects(
        invoke("explain", "blue", "--project", shared_project, *DAY, "--format", "json")
    )
    assert one["account"] == "A-2"


def test_plan_then_apply_writes_what_was_shown_and_a_second_time_nothing(project, invoke):
    planned = objects(invoke("plan", "--project", project, *DAY, "--format", "json"))
    assert list(planned[0]) == [
        "object", "id", "field", "from", "to", "why", "segment", "move",
    ]  # fmt: skip
    assert accounts(project)["A-2"]["Stage"] == ""  # a plan writes nothing
    done = invoke("apply", "--project", project, *DAY)
    assert (done.exit_code, done.stdout) == (0, f"{len(planned)} fields of 3 records written.\n")
    for change in planned:
        written = accounts(project)[change["id"]][change["field"]]
        assert written == str(change["to"])
    again = invoke("plan", "--project", project, *DAY)
    assert again.stdout == ""
    assert "Nothing needs writing" in again.stderr
    assert invoke("explain", "A-2", "--project", project, *DAY).stdout.count("Last written") == 1


def test_a_saved_plan_is_carried_out_as_it_is(project, invoke, tmp_path):
    saved = tmp_path / "plan.json"
    done = invoke("plan", "--project", project, *DAY, "--out", saved)
    assert f"Saved as {saved}" in done.stderr
    assert invoke("apply", saved, "--project", project).exit_code == 0
    assert accounts(project)["A-2"]["Stage"] == "Onboarding"


def test_a_saved_plan_is_refused_if_a_record_or_the_journey_has_changed(project, invoke, tmp_path):
    saved = tmp_path / "plan.json"
    invoke("plan", "--project", project, *DAY, "--out", saved)
    crm = project / "crm" / "Account.csv"
    before = crm.read_text(encoding="utf-8")
    crm.write_text(before.replace(",,,,,,,\n", ",Mine,,,,,,\n", 1), encoding="utf-8")
    done = invoke("apply", saved, "--project", project)
    assert done.exit_code == 1
    assert "was empty, is Mine now" in done.stderr
    crm.write_text(before, encoding="utf-8")
    journey = project / "journeys" / "customer.yaml"
    text = journey.read_text(encoding="utf-8")
    journey.write_text(text.replace("target: 30d", "target: 40d"), encoding="utf-8")
    done = invoke("apply", saved, "--project", project)
    assert done.exit_code == 1
    assert "made for another mapping or another journey" in done.stderr
    assert crm.read_text(encoding="utf-8") == before


def test_a_plan_as_markdown_is_a_table_for_each_segment_and_move(shared_project, invoke):
    lines = invoke(
        "plan", "--project", shared_project, *DAY, "--format", "markdown"
    ).stdout.splitlines()
    assert lines[0].startswith("3 records would change")
    titles = [line for line in lines if line.startswith("### ")]
    assert titles == ["### empty → Growth · 2 records", "### empty → Onboarding · 1 record"]
    assert lines[4] == "| object | id | name | field | from | to | why |"
    assert {line.count(" | ") for line in lines if line.startswith("| Account")} == {6}


def test_sync_writes_and_a_second_one_is_over_at_once(project, invoke):
    (first,) = objects(invoke("sync", "--project", project, *DAY, "--format", "json"))
    assert (first["nothing_new"], first["records"], first["written"]) == (False, 3, 3)
    second = invoke("sync", "--project", project, *DAY)
    assert (second.exit_code, second.stderr) == (0, "")
    assert second.stdout.startswith("Nothing new")
    (third,) = objects(invoke("sync", "--project", project, *DAY, "--format", "json"))
    assert (third["nothing_new"], third["records"]) == (True, 0)
    assert third.keys() == first.keys()


def test_no_pull_uses_what_was_pulled_before(project, invoke):
    invoke("evaluate", "--project", project, *DAY)
    (project / "crm" / "Account.csv").unlink()
    assert invoke("evaluate", "--project", project, *DAY).exit_code == 1
    done = invoke("evaluate", "--project", project, *DAY, "--no-pull", "--format", "json")
    assert len(objects(done)) == 3


def test_quiet_prints_the_result_alone(shared_project, invoke):
    done = invoke("evaluate", "--project", shared_project, *DAY, "-q")
    assert done.stdout
    assert done.stderr == ""


def test_a_day_in_the_future_is_a_warning_to_read_and_an_error_to_write(project, invoke):
    soon = str(datetime.now(UTC).date() + timedelta(days=9))
    done = invoke("evaluate", "--project", project, "--as-of", soon)
    assert done.exit_code == 0
    assert f"{soon} is in the future" in done.stderr
    for command in ("apply", "sync"):
        done = invoke(command, "--project", project, "--as-of", soon)
        assert done.exit_code == 2
        assert "is in the future" in done.stderr
    assert accounts(project)["A-1"]["Stage"] == ""


def test_the_project_may_come_from_the_environment(shared_project, invoke):
    done = invoke("check", env={"GATEPOST_PROJECT": str(shared_project)})
    assert done.stdout.startswith("No problems.")


@pytest.mark.parametrize("file", ["gatepost", "mapping", "journey"])
def test_schemas_are_json(file, invoke):
    schema = json.loads(invoke("schema", file).stdout)
    assert schema["$schema"].startswith("https://json-schema.org/")


def test_who_stands_inside_a_project_is_told_where_it_is(invoke, project, monkeypatch):
    monkeypatch.chdir(project / "journeys")
    for command in ("check", "plan"):
        done = invoke(command)
        assert done.exit_code == 2
        assert f"the project is in {project}: name it with --project" in done.stderr


def test_check_looks_at_options_and_names_their_places(invoke, tmp_path):
    invoke("init", tmp_path / "acme", "--crm", "salesforce")
    path = tmp_path / "acme" / "gatepost.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("client_id:", "batch_size: 201, client_id:").replace(
            "us,", "us, late_days: x,"
        )
    )
    done = invoke("check", "--project", tmp_path / "acme")
    assert done.exit_code == 2
    first, second = done.stdout.splitlines()
    column = path.read_text().splitlines()[4].index("201") + 1
    assert first.startswith(f"gatepost.yaml:5:{column}  connections.crm.batch_size: 201 lies outs")
    assert "connections.product.late_days: 'x' is said where this is expected" in second


def test_init_writes_a_project_that_passes_check_and_never_writes_over_one(invoke, tmp_path):
    folder = tmp_path / "new" / "acme"
    done = invoke("init", folder)
    assert done.exit_code == 0
    assert str(folder / "gatepost.yaml") in done.stdout.splitlines()
    assert invoke("check", "--project", folder).exit_code == 0
    (folder / "mapping.yaml").write_text("mine", encoding="utf-8")
    (folder / "gatepost.yaml").unlink()
    again = invoke("init", folder)
    assert again.exit_code == 2
    assert "mapping.yaml" in again.stderr
    assert not (folder / "gatepost.yaml").exists()
    assert (folder / "mapping.yaml").read_text(encoding="utf-8") == "mine"


def test_on_a_terminal_apply_asks_first(project, invoke, monkeypatch):
    monkeypatch.setattr("gatepost.commands.apply.at_a_terminal", lambda: True)
    done = invoke("apply", "--project", project, *DAY, input="n\n")
    assert done.exit_code == 1
    assert "3 records would change" in done.stderr
    assert accounts(project)["A-1"]["Stage"] == ""
    done = invoke("apply", "--project", project, *DAY, "--yes")
    assert done.exit_code == 0
    assert accounts(project)["A-1"]["Stage"] == "Growth"


def test_a_full_sync_reads_accounts_although_nothing_has_changed(project, invoke):
    assert invoke("sync", "--project", project).exit_code == 0
    quick = json.loads(invoke("sync", "--project", project, "--format", "json").stdout)
    assert quick["nothing_new"]
    full = json.loads(invoke("sync", "--project", project, "--full", "--format", "json").stdout)
    assert (full["nothing_new"], full["written"]) == (False, 0)
    with sqlite3.connect(project / ".gatepost" / "state.sqlite3") as state:
        assert state.execute("SELECT count(*) FROM pulls").fetchone() == (2,)
