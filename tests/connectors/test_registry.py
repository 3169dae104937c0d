"""Options of connections are looked at before anything is opened, each by itself."""

import subprocess
import sys
from typing import Any

import pytest

from config.load import load_project
from config.project_file import Connection
from connectors.registry import CONNECTORS, option_findings

NEEDED: dict[str, dict[str, Any]] = {"files": {"path": "data"}, "mixpanel": {"project_id": 4711}}


def found(kind, **options):
    """Key → message, of a connection `c`."""
    connection = Connection(type=kind, **NEEDED.get(kind, {}), **options)
    return {one.path[2]: one.message for one in option_findings("c", connection)}


@pytest.mark.parametrize("kind", CONNECTORS)
def test_a_connection_with_what_it_needs_is_right(kind):
    assert found(kind) == {}


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("files", {"max_rejected": 3}),
        ("salesforce", {"batch_size": 5000, "api_version": "12", "reread_hours": "x",
                        "login_url": "ftp://x"}),
        ("hubspot", {"api_version": "v4", "batch_size": 0, "api_budget": "lots", "retries": -1,
                     "timeout_seconds": "long", "max_requests": -1, "requests_per_second": "x"}),
        ("mixpanel", {"since": "yesterday", "window_days": 99, "groups": "x", "late_days": -1,
                      "project_time": "local(Mars)", "api_budget": 2}),
    ],
)  # fmt: skip
def test_every_option_that_makes_no_sense_is_told_at_once(kind, options):
    assert found(kind, **options).keys() == options.keys()


def test_what_the_configuration_looks_at_is_not_told_twice():
    assert found("mixpanel", region="usa") == {}
    assert found("salesforce", url="http://acme.my.salesforce.com") == {}


def test_no_client_of_a_vendor_is_imported_for_it():
    code = (
        "import sys\n"
        "from config.project_file import Connection\n"
        "from connectors.registry import option_findings\n"
        f"for kind in {list(CONNECTORS)!r}:\n"
        f"    more = {NEEDED!r}.get(kind, {{}})\n"
        "    assert not list(option_findings('c', Connection(type=kind, **more)))\n"
        "heavy = {'requests', 'simple_salesforce', 'hubspot', 'mixpanel_utils', 'duckdb'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_type_that_there_is_not_is_told_once(tmp_path):
    text = "connections: {crm: {type: salesfroce, batch_size: x}}"
    (tmp_path / "gatepost.yaml").write_text(text)
    _, problems = load_project(tmp_path, options=option_findings)
    assert [one.where for one in problems if one.line] == ["connections.crm.type"]
