"""The project that `init` writes."""

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


def test_the_same_day_gives_the_same_files_and_the_state_stays_out_of_git():
    day = date(2026, 7, 1)
    assert starter_files(day) == starter_files(day)
    assert starter_files(day)[".gitignore"] == ".gatepost/\n"


@pytest.mark.parametrize("ago", range(14))
def test_its_accounts_are_at_different_points_whatever_the_weekday(ago):
    lines = starter_files(date(2026, 7, 14) - timedelta(ago))["product/events/usage.jsonl"]
    assert lines.count("Report Shared") == 2
    assert lines.count("scheduled") >= 4
