"""The project that `init` writes."""

import re
from datetime import date, timedelta

import pytest

from gatepost.opening import problems_of
from gatepost.options import Ask
from gatepost.starter import starter_files


@pytest.mark.parametrize("ago", range(0, 366, 30))
def test_it_passes_check_on_any_day_of_the_year(ago, tmp_path):
    for name, text in starter_files(date(2026, 12, 31) - timedelta(ago)).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert problems_of(Ask(tmp_path))[1] == []


@pytest.mark.parametrize("crm", ["salesforce", "hubspot"])
def test_the_project_for_a_crm_passes_check_too(crm, invoke, tmp_path):
    done = invoke("init", tmp_path / "acme", "--crm", crm)
    assert done.exit_code == 0
    assert "gatepost check --live" in done.stderr
    _, problems = problems_of(Ask(tmp_path / "acme"))
    assert problems == []
    assert not (tmp_path / "acme" / "crm").exists()


NAMED = {
    "salesforce": ["GATEPOST_CRM_CLIENT_SECRET", "GATEPOST_PRODUCT_SECRET"],
    "hubspot": ["GATEPOST_CRM_TOKEN", "GATEPOST_PRODUCT_SECRET"],
    "jwt": [
        "GATEPOST_CRM_CLIENT_ID", "GATEPOST_CRM_PRIVATE_KEY", "GATEPOST_CRM_USERNAME",
        "GATEPOST_PRODUCT_SECRET", "GATEPOST_PRODUCT_USERNAME",
    ],
}  # fmt: skip


@pytest.mark.parametrize("crm", NAMED)
@pytest.mark.parametrize("command", ["evaluate", "plan", "sync", "identity"])
def test_all_secrets_that_are_missing_are_named_at_once(command, crm, invoke, tmp_path):
    folder = tmp_path / "acme"
    invoke("init", folder, "--crm", "hubspot" if crm == "hubspot" else "salesforce")
    if crm == "jwt":
        path = folder / "gatepost.yaml"
        text = path.read_text("utf-8").replace("client_id: YOUR-CONSUMER-KEY", "auth: jwt")
        path.write_text(text.replace(", username: YOUR-SERVICE-ACCOUNT", ""), "utf-8")

    done = invoke(command, "--project", folder)

    assert done.exit_code == 2
    assert re.findall(r"the variable (\w+) is not set", done.stderr) == NAMED[crm]
    assert "gatepost.yaml:5:" in done.stderr, "where to look"


def test_the_same_day_gives_the_same_files_and_the_state_stays_out_of_git():
    day = date(2026, 7, 1)
    assert starter_files(day) == starter_files(day)
    assert starter_files(day)[".gitignore"] == ".gatepost/\n"


@pytest.mark.parametrize("ago", range(14))
def test_its_accounts_are_at_different_points_whatever_the_weekday(ago):
    lines = starter_files(date(2026, 7, 14) - timedelta(ago))["product/events/usage.jsonl"]
    assert lines.count("Report Shared") == 2
    assert lines.count("scheduled") >= 4
