"""Every example of YAML and SQL on the pages is right: put into a project, it checks out."""

import re
import sqlite3
import textwrap
from pathlib import Path

import duckdb
import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

# What stands around an example: the rest of a project that uses as much as the pages speak of.
AROUND = {
    "gatepost.yaml": """
connections:
  crm: {type: salesforce, url: "https://acme.my.salesforce.com"}
  product: {type: mixpanel, project_id: 123}
""",
    "mapping.yaml": """
accounts: {from: crm, object: Account, id: Id}
fields:
  segment: Segment__c
  workspace: Workspace__c
  website: Website
  signed_on: {field: Signed__c, type: date}
  contract_end: {field: End__c, type: date}
  kickoff_on: {field: Kickoff__c, type: date}
  licensed_seats: {field: Seats__c, type: number}
events:
  - from: product
    account: {property: workspace, equals: workspace}
    user: distinct_id
    keep: {report_type: Report Type}
  - from: crm
    object: Survey__c
    event: Survey Answered
    at: CreatedDate
    account: {field: Account__c, equals: id}
    keep: {score: {field: Score__c, type: number}}
""",
    "journeys/one.yaml": """
journey: Onboarding
since: 2025-01-01
signals:
  core_in_use: {days: Report Shared, within: 7d}
  active_days: {days: Report Shared, within: 28d}
stages:
  - {stage: Onboarding, enter: signed_on <= day, exit: days_in_stage > 30}
health:
  components:
    - {name: age, value: days_in_stage, points: [[0, 0], [30, 100]]}
  bands: {green: 50, red: 0}
moments:
  - {moment: usage_cliff, when: health_score < 30, owner: CSM, play: Call}
""",
}
# Where an example begins below the top: what stands above it.
ABOVE = {
    "exit": "stages:\n  - stage: Onboarding\n    enter: signed_on <= day\n",
    "account": "events:\n  - from: product\n",
}
GATEPOST = {"connections", "schedule", "server", "alerts", "retention", "backup", "engine"}
MAPPING = {"accounts", "fields", "events", "write"}


def blocks(language):
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for found in re.finditer(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            line = text.count("\n", 0, found.start()) + 1
            yield pytest.param(page, found[1], id=f"{page.name}:{line}")


def file_of(key, value):
    """In which file a key belongs; `accounts` and `events` of a journey are expressions."""
    if key in GATEPOST | {"guards"}:
        return "gatepost.yaml"
    return "mapping.yaml" if key in MAPPING and not isinstance(value, str) else "journeys/one.yaml"


def project_files(page, example):
    """The project around the example: what the example says stands as written, the rest is ours."""
    example = ABOVE.get(textwrap.dedent(example).partition(":")[0], "") + example
    rest = {name: yaml.safe_load(around) for name, around in AROUND.items()}
    if page.name == "connectors-hubspot.md":
        rest["gatepost.yaml"]["connections"]["crm"] = {"type": "hubspot"}
    files = dict.fromkeys(rest, "")
    for piece in re.split(r"(?m)^(?=\w+:)", example):
        for key, value in (yaml.safe_load(piece) or {}).items():
            name = file_of(key, value)
            files[name] += piece
            ours = rest[name].pop(key, {})
            if key == "connections" and ours.keys() - value:  # those are needed as well
                others = {other: ours[other] for other in ours.keys() - value}
                files[name] += textwrap.indent(yaml.safe_dump(others), "  ")
    return {
        name: said + (yaml.safe_dump(rest[name]) if rest[name] else "")
        for name, said in files.items()
    }


@pytest.mark.parametrize(("page", "example"), list(blocks("yaml")))
def test_every_example_of_yaml_checks_out(page, example, invoke, tmp_path):
    files = project_files(page, example)
    for name, text in {**files, "old-keys.csv": "key,account\nold,001\n"}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    said = "".join(files.values())
    assert all(line in said for line in example.splitlines()), "all of it is looked at"

    done = invoke("check", "--project", tmp_path)

    assert (done.exit_code, done.stderr) == (0, ""), done.stdout


def test_the_questions_to_the_state_file_can_be_asked(tmp_path):
    from sync.state import FILE_NAME, State

    State(tmp_path).close()
    text = (ROOT / "docs" / "state.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    raw = sqlite3.connect(tmp_path / FILE_NAME)
    for question in block.split(";"):
        raw.execute(question)
    raw.close()


def test_the_question_to_the_lake_can_be_asked(invoke, project, monkeypatch):
    assert invoke("evaluate", "--project", project, "--quiet").exit_code == 0
    text = (ROOT / "docs" / "lake.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(project)
    with duckdb.connect() as engine:
        assert dict(engine.sql(block).fetchall())["Logged In"] > 0
