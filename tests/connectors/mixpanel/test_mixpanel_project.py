"""A connection as a project's files write it, from options to what a command sees."""

from datetime import UTC, date, datetime, timedelta

import pytest

from config.errors import FixConfig, StopCycle
from config.load import load_project
from config.project_file import Connection
from connectors.mixpanel.connector import MixpanelConnector
from connectors.mixpanel.options import options_of
from connectors.registry import connect
from sandbox.mixpanel.project import GROUP_ID
from sandbox.testing import running
from sync.cycle import Cycle

GATEPOST = """connections:
  crm: {{type: files, path: crm}}
  product: {{type: mixpanel, project_id: {project_id}, username: {username}, url: "{url}"}}
"""
MAPPING = """accounts: {from: crm, object: Account, id: Id}
events:
  - from: product
    account: {property: company_id, equals: id}
    user: distinct_id
write:
  - fields: {Stage: stage}
"""
JOURNEY = """journey: usage
since: {since}
signals:
  people: {{users: any, within: 30 d}}
stages:
  - stage: Using
    enter: people > 0
    exit: people > 3
"""


def write_project(folder, started, since):
    known = started.ready["mixpanel"]
    keys = started.sandbox.mixpanel.project.keys
    (folder / "crm").mkdir(parents=True)
    (folder / "journeys").mkdir()
    (folder / "crm" / "Account.csv").write_text("Id,Stage\n" + "".join(f"{k},\n" for k in keys))
    (folder / "gatepost.yaml").write_text(GATEPOST.format(**known))
    (folder / "mapping.yaml").write_text(MAPPING)
    (folder / "journeys" / "usage.yaml").write_text(JOURNEY.format(since=since))


def test_a_cycle_pulls_from_the_journeys_first_day(tmp_path, monkeypatch):
    today = datetime.now(UTC).date()
    with running(accounts=8, days=60, end=None) as started:
        monkeypatch.setenv("GATEPOST_PRODUCT_SECRET", started.ready["mixpanel"]["secret"])
        write_project(tmp_path, started, today - timedelta(days=3))
        project, problems = load_project(tmp_path)
        assert problems == []
        assert project is not None
        with Cycle(project, now=datetime.now(UTC)) as cycle:
            [computed] = cycle.compute()
            people = computed.column("people")
    assert started.calls("mixpanel") == {"export": 4}
    assert cycle.summary.sources[0].pulled > 0
    assert any(people)


def test_group_profiles_are_the_accounts_of_a_journey(tmp_path, monkeypatch):
    today = datetime.now(UTC).date()
    with running(accounts=8, days=60, end=None) as started:
        monkeypatch.setenv("GATEPOST_PRODUCT_SECRET", started.ready["mixpanel"]["secret"])
        write_project(tmp_path, started, today - timedelta(days=3))
        for name, before, after in (
            ("gatepost.yaml", "username:", f"groups: company_id={GROUP_ID}, username:"),
            ("mapping.yaml", "{from: crm, object: Account, id: Id}",
             "{from: product, object: company_id, id: $distinct_id, name: $name}"),
        ):  # fmt: skip
            text = (tmp_path / name).read_text()
            assert before in text
            (tmp_path / name).write_text(text.replace(before, after))
        _, problems = load_project(tmp_path)
        assert ["nothing can be written to" in one.message for one in problems] == [True]
        text = (tmp_path / "mapping.yaml").read_text()
        (tmp_path / "mapping.yaml").write_text(text[: text.index("write:")])
        project, problems = load_project(tmp_path)
        assert problems == []
        assert project is not None
        with Cycle(project, now=datetime.now(UTC)) as cycle:
            [computed] = cycle.compute()
            assert set(computed.accounts.ids) == set(started.sandbox.mixpanel.project.groups)
            assert any(computed.column("people"))
            with pytest.raises(StopCycle, match="product takes no fields"):
                cycle.connector("product").sink()
        assert started.calls("mixpanel")["engage"] == 1


def options(folder, **more):
    said = {"project_id": 1, "since": "2026-01-01", **more}
    return options_of("product", Connection(type="mixpanel", options=said), folder)


def test_what_is_unsaid(tmp_path):
    found = options(tmp_path)
    assert (found.region, found.zone, found.window_days, found.late_days) == ("us", None, 7, 5)
    assert (found.since, found.an_hour, found.share) == (date(2026, 1, 1), 60, 0.25)
    assert found.home == tmp_path / ".gatepost"


@pytest.mark.parametrize(
    ("option", "value", "hint"),
    [
        ("region", "mars", "us, eu or in"),
        ("project_time", "Europe/Berlin", r"utc, or local\(Europe/Berlin\)"),
        ("project_time", "local(Europe/Berlim)", "nearest is 'Europe/Berlin'"),
        ("project_time", "local(localtime)", "an IANA time zone"),
        ("since", "yesterday", "such as 2025-01-01"),
        ("since", None, "nothing is said"),
        ("window_days", 31, "from 1 to 30"),
        ("window_days", True, "from 1 to 30"),
        ("late_days", "5", "from 0 to 365"),
        ("api_budget", 0, "up to 1"),
        ("api_budget", 25, "up to 1"),
        ("groups", "company_id", "company_id=123"),
        ("groups", "company_id=12, =3", "company_id=123"),
        ("groups", "company_id=abc", "company_id=123"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, option, value, hint):
    with pytest.raises(FixConfig, match=rf"connections\.product\.{option}: .*{hint}"):
        options(tmp_path, **{option: value})


@pytest.mark.parametrize(
    ("said", "most"), [(1, 54), (0.5, 30), ("50%", 30), (0.001, 1), (0.25, 15)]
)
def test_the_budget_is_a_share_and_a_tenth_is_left_to_others(tmp_path, said, most):
    more = {"project_id": 1, "since": "2026-01-01", "api_budget": said}
    connection = Connection(type="mixpanel", options=more)
    assert MixpanelConnector("product", connection, tmp_path).budget().allowed == most


def test_nothing_is_ever_written_to_it_and_it_has_no_children(tmp_path):
    connection = Connection(type="mixpanel", options={"project_id": 1, "since": "2026-01-01"})
    connector = connect("product", connection, tmp_path)
    with pytest.raises(StopCycle, match="product takes no fields: nothing is ever written"):
        connector.sink()
    with pytest.raises(StopCycle, match=r"product has no object Case: Mixpanel"):
        connector.events("Case")
