"""What fields were before the first pull, from the history that Salesforce keeps of them."""

from datetime import date, timedelta

import pytest

from config.load import load_project
from connectors.base import ReadsHistory
from sync.accounts import pull_accounts
from sync.cycle import Cycle
from sync.fields import load_fields
from sync.state import State, instant_text
from sync.typed import day_number
from tests.connectors.salesforce_org import org_of

OTHER = "005Gp0000000001IAA"
FIELDS = """
  seats: {field: Licensed_Seats__c, type: number}
  signed: {field: Contract_Signed__c, type: date}
"""
MAPPING = """
accounts: {from: crm, object: Account, id: Id, name: Name}
fields: %s
events: []
write:
  - fields: {Lifecycle_Stage__c: stage, Stage_Entered__c: stage_entered_on}
"""
JOURNEY = """
journey: Rollout
timezone: UTC
since: 2026-01-01
start: signed
stages:
  - {stage: Onboarding, enter: signed <= day, exit: seats >= 50}
  - {stage: Adoption}
"""


@pytest.fixture
def org(monkeypatch):
    with org_of(monkeypatch) as made:
        yield made


@pytest.fixture
def account(org):
    """An account whose history is known: nothing of it from before."""
    return org.records.insert("Account", {"Name": "Known", "Licensed_Seats__c": 5.0}, org.now())


@pytest.fixture
def folder(org, tmp_path):
    known = org.known
    (tmp_path / "gatepost.yaml").write_text(
        f'connections:\n  crm: {{type: salesforce, url: "{known["url"]}", '
        f'client_id: "{known["client_id"]}"}}\n'
    )
    (tmp_path / "mapping.yaml").write_text(MAPPING % FIELDS)
    (tmp_path / "journeys").mkdir()
    (tmp_path / "journeys" / "a.yaml").write_text(JOURNEY)
    return tmp_path


def project(folder):
    found, problems = load_project(folder)
    assert found is not None, problems
    return found


def pull(org, folder):
    made = project(folder)
    org.forget_calls()
    with State(made.home) as state:
        source = org.connector().accounts()
        found = pull_accounts(made, state, source, instant_text(org.now()), tick=lambda _: None)
    return found, org.calls()


def edit(org, one, **values):
    org.started.sandbox.salesforce.edit("Account", one, values)


def steps(org, folder, account, field):
    """(day, value) of each step of a field."""
    made = project(folder)
    with State(made.home) as state:
        today = org.now().date() + timedelta(days=400)
        table = load_fields(state, "Account", made.mapping.fields, "UTC", today)
    found = table.steps[field]
    rows = found.account == table.accounts.index(account)
    return list(zip(found.day[rows].tolist(), found.value[rows].tolist(), strict=True))


def test_a_field_had_its_earlier_values_on_their_true_days(org, folder, account):
    """It was 5 since ever, then 50, then 10: pulled for the first time long after."""
    days = []
    for seats in (50, 10):
        org.sleep(5 * 86_400)
        edit(org, account, Licensed_Seats__c=seats)
        days.append(day_number(org.now().date()))
    org.sleep(5 * 86_400)
    found, _ = pull(org, folder)
    assert found.past > 0
    beginning = day_number(date.min)
    assert steps(org, folder, account, "seats") == [
        (beginning, 5.0), (days[0], 50.0), (days[1], 10.0),
    ]  # fmt: skip


def test_history_is_read_once_for_each_field(org, folder, account):
    edit(org, account, Licensed_Seats__c=9)
    org.sleep(86_400)
    _, calls = pull(org, folder)
    assert calls["describe"] == 2
    found, calls = pull(org, folder)
    assert (found.past, calls["describe"]) == (0, 1)


def test_a_field_that_is_mapped_later_has_its_history_too(org, folder, account):
    """Also between the pulls that did not know it yet."""
    org.sleep(86_400)
    edit(org, account, Segment__c="Small")
    pull(org, folder)
    org.sleep(5 * 86_400)
    edit(org, account, Licensed_Seats__c=6)
    pull(org, folder)
    org.sleep(5 * 86_400)
    edit(org, account, Segment__c="Enterprise")
    small, large = org.now() - timedelta(days=10), org.now()
    (folder / "mapping.yaml").write_text(MAPPING % (FIELDS + "  segment: Segment__c\n"))
    org.sleep(5 * 86_400)
    pull(org, folder)
    assert steps(org, folder, account, "segment") == [
        (day_number(date.min), None),
        (day_number(small.date()), "Small"),
        (day_number(large.date()), "Enterprise"),
    ]
    assert [value for _, value in steps(org, folder, account, "seats")] == [5.0, 6.0]


def test_a_stage_that_was_left_before_the_first_pull_is_known_to_be_left(org, folder, account):
    """It had fifty seats for a while. Today's value alone would say that it never left."""
    org.records.objects["Account"].rows[account].now["Contract_Signed__c"] = date(2026, 6, 1)
    org.sleep(86_400)
    edit(org, account, Licensed_Seats__c=50)
    entered = org.now().date()
    org.sleep(5 * 86_400)
    edit(org, account, Licensed_Seats__c=10)
    org.sleep(5 * 86_400)
    with Cycle(project(folder), now=org.now(), exclusive=True) as cycle:
        cycle.sync()
    assert org.value(account, "Lifecycle_Stage__c") == "Adoption"
    assert org.value(account, "Stage_Entered__c") == entered


@pytest.mark.parametrize("bulk", [False, True])
def test_values_are_those_of_their_fields_by_either_way_of_reading(org, account, bulk):
    org.sleep(60)
    edit(org, account, Contract_End__c="2027-01-31", Licensed_Seats__c=7, OwnerId=OTHER)
    accounts = org.connector(**({"bulk_read_from": 1} if bulk else {})).accounts()
    assert isinstance(accounts, ReadsHistory)
    columns = ["Contract_End__c", "Licensed_Seats__c", "OwnerId", "Name", "Days_To_Renewal__c"]
    found = {one.field: one for one in accounts.history("Account", columns) if one.id == account}
    assert found.keys() == {"Contract_End__c", "Licensed_Seats__c", "OwnerId"}
    assert (found["Licensed_Seats__c"].before, found["Licensed_Seats__c"].after) == (5.0, 7.0)
    assert found["Contract_End__c"].after == "2027-01-31"
    assert found["OwnerId"].after == OTHER
    assert timedelta(0) <= org.now() - found["OwnerId"].at < timedelta(seconds=5)


def test_rows_of_the_second_year_are_read_and_older_ones_are_not_there(org, account):
    """Query sees eighteen months of history and queryAll twenty-four."""
    for days, seats in ((100, 6), (300, 7), (400, 8)):  # 800, 700 and 400 days ago
        org.sleep(days * 86_400)
        edit(org, account, Licensed_Seats__c=seats)
    org.sleep(300 * 86_400)
    accounts = org.connector().accounts()
    assert isinstance(accounts, ReadsHistory)
    found = [one for one in accounts.history("Account", ["Licensed_Seats__c"]) if one.id == account]
    assert {one.after for one in found} == {7.0, 8.0}


def test_changes_within_one_second_follow_each_other(org, folder, account):
    """Salesforce does not say in which order rows of one second were written."""
    at = org.now()
    org.sleep(3 * 86_400)
    for before, after in ((7.0, 8.0), (5.0, 6.0), (6.0, 7.0)):
        values = {"AccountId": account, "Field": "Licensed_Seats__c", "DataType": "double",
                  "OldValue": before, "NewValue": after}  # fmt: skip
        org.records.insert("AccountHistory", values, at)
    org.records.objects["Account"].rows[account].now["Licensed_Seats__c"] = 8.0
    pull(org, folder)
    assert [value for _, value in steps(org, folder, account, "seats")] == [5.0, 8.0]


def test_an_object_whose_history_nobody_may_see_has_none(org, folder, account):
    edit(org, account, Licensed_Seats__c=9)
    del org.records.objects["AccountHistory"]
    org.records.objects["Account"].history = ""
    found, _ = pull(org, folder)
    assert found.past == 0
    assert [value for _, value in steps(org, folder, account, "seats")] == [9.0]


def test_a_pull_that_breaks_off_in_history_reads_it_next_time(org, folder, account):
    """The accounts are known by then; their past is not."""
    org.sleep(86_400)
    edit(org, account, Licensed_Seats__c=9)
    org.sleep(86_400)
    org.fault("status", "query_all", status=400, code="QUERY_TIMEOUT", skip=1)
    with pytest.raises(Exception, match="QUERY_TIMEOUT"):
        pull(org, folder)
    org.started.sandbox.faults.remove()
    org.sleep(86_400)
    found, _ = pull(org, folder)
    assert found.past > 0
    assert [value for _, value in steps(org, folder, account, "seats")] == [5.0, 9.0]
