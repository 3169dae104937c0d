"""Accounts read by what changed since the last pull: no change is lost, and few calls are made."""

import random
from contextlib import suppress
from datetime import timedelta

import pytest

from config.errors import RetryLater
from config.load import load_project
from connectors.base import ReadsChanged
from sync.accounts import pull_accounts
from sync.state import State, instant_text
from tests.connectors.salesforce_org import Org, org_of

PERSON = "005Gp0000000002IAA"
FIELDS = "  seats: {field: Licensed_Seats__c, type: number}\n"
MAPPING = (
    "accounts: {from: crm, object: Account, id: Id, name: Name}\nfields:\n%sevents: []\nwrite: []\n"
)


@pytest.fixture
def org(monkeypatch):
    with org_of(monkeypatch) as made:
        made.sleep(86_400)  # nothing was touched just now
        yield made


class Pulls:
    """A project's pulls of accounts, each by a connection of its own, as runs make them."""

    def __init__(self, org: Org, folder, fields=FIELDS) -> None:
        self.org, self.folder, self.options = org, folder, {}
        folder.mkdir()
        (folder / "journeys").mkdir()
        known = org.known
        (folder / "gatepost.yaml").write_text(
            f'connections:\n  crm: {{type: salesforce, url: "{known["url"]}"}}\n'
        )
        (folder / "journeys" / "a.yaml").write_text(
            "journey: A\ntimezone: UTC\nsince: 2026-01-01\nstages:\n  - {stage: S}\n"
        )
        self.map(fields)

    def map(self, fields):
        (self.folder / "mapping.yaml").write_text(MAPPING % fields)

    def __call__(self, clock=None):
        """One pull, and its calls."""
        project, problems = load_project(self.folder)
        assert project is not None, problems
        self.org.forget_calls()
        connector = self.org.connector(**self.options)
        if clock is not None:
            connector._clock = clock
        now = instant_text(self.org.now())
        with State(project.home) as state:
            found = pull_accounts(project, state, connector.accounts(), now, tick=lambda _: None)
        return found, self.org.calls(but=("describe",))

    def known(self):
        """What the state says of each account: seats, None where it has gone."""
        project, _ = load_project(self.folder)
        assert project is not None
        query = (
            "SELECT account_id, data ->> 'seats' FROM sightings s WHERE number ="
            " (SELECT max(number) FROM sightings t WHERE t.account_id = s.account_id)"
        )
        with State(project.home) as state:
            return {str(one): found for one, found in state.rows(query)}

    def merged(self):
        project, _ = load_project(self.folder)
        assert project is not None
        with State(project.home) as state:
            rows = state.rows("SELECT account_id, into_id FROM merged")
            return {str(one): str(into) for one, into in rows}


@pytest.fixture
def pulls(org, tmp_path):
    return Pulls(org, tmp_path / "project")


def edit(org, record_id, **values):
    org.started.sandbox.salesforce.edit("Account", record_id, values)


def seats(org, one):
    value = org.value(one, "Licensed_Seats__c")
    return None if value is None else float(value)


def as_in_the_org(org):
    rows = org.records.objects["Account"].rows
    return {one: None if row.now["IsDeleted"] else seats(org, one) for one, row in rows.items()}


def test_nothing_changed_is_one_request(org, pulls):
    pulls()
    pulls()  # which looks ten minutes back from the first
    found, calls = pulls()
    assert (found.changed, found.gone, found.past) == (0, 0, 0)
    assert found.accounts == len(org.ids())
    assert calls == {"query": 1}


def test_what_changed_is_read_and_nothing_else(org, pulls):
    org.settings.page_size = 2
    org.add_accounts(20)
    pulls()
    one, other = org.ids()[3:5]
    edit(org, one, Licensed_Seats__c=77)
    edit(org, other, Name="Renamed")
    found, calls = pulls()
    assert (found.changed, found.gone) == (2, 0)
    assert calls["query_all"] + calls.get("query_more", 0) <= 2  # of the 13 pages that all take
    assert pulls.known() == as_in_the_org(org)
    assert pulls.known()[one] == 77


def test_an_account_that_was_made_or_deleted_or_brought_back_is_known_so(org, pulls):
    pulls()
    made = org.records.insert("Account", {"Name": "New", "Licensed_Seats__c": 5}, org.now())
    gone = next(one for one in org.ids() if one != made)
    edit(org, gone, IsDeleted=True)
    found, _ = pulls()
    assert (found.changed, found.gone, found.accounts) == (1, 1, 6)
    assert pulls.known()[made] == 5
    assert pulls.known()[gone] is None
    org.sleep(3600)
    found, _ = pulls()
    assert (found.changed, found.gone, found.past) == (0, 0, 0)
    edit(org, gone, IsDeleted=False)
    found, _ = pulls()
    assert (found.came_back, found.accounts) == (1, 7)
    assert pulls.known() == as_in_the_org(org)


@pytest.mark.parametrize("before", [True, False])
def test_a_merged_account_is_gone_and_points_to_its_master(org, pulls, before):
    """Whether it was merged before the first pull or after."""
    loser, master = org.ids()[:2]
    if not before:
        pulls()
    edit(org, loser, IsDeleted=True, MasterRecordId=master)
    pulls()
    assert pulls.known().get(loser) is None
    assert pulls.merged() == {loser: master}


def test_an_account_that_was_deleted_for_good_is_noticed_within_a_day(org, pulls):
    """It left no trace to be asked for; once a day everything is read."""
    pulls()
    gone = org.ids()[0]
    del org.records.objects["Account"].rows[gone]
    assert not pulls()[0].gone
    org.sleep(25 * 3600)
    found, calls = pulls()
    assert found.gone == 1
    assert calls["query"] == 1


def test_rows_that_show_up_late_are_not_missed(org, pulls):
    """A row is seen four minutes after its stamp, when later ones were read already."""
    org.settings.late_visibility_seconds = 240
    pulls()
    one = org.ids()[0]
    for number in range(8):
        edit(org, one, Licensed_Seats__c=100 + number)
        org.sleep(90)
        pulls()
    org.sleep(400)
    pulls()
    assert pulls.known()[one] == 107


def test_a_clock_that_runs_fast_loses_nothing(org, pulls):
    """Only the org's own clock says what was read."""
    pulls(clock=lambda: org.now() + timedelta(hours=5))
    edit(org, org.ids()[0], Licensed_Seats__c=31)
    pulls(clock=lambda: org.now() + timedelta(hours=5))
    assert pulls.known()[org.ids()[0]] == 31


@pytest.mark.parametrize(
    "fault", [{"kind": "empty"}, {"kind": "cut"}, {"kind": "html", "status": 503}]
)
@pytest.mark.parametrize("route", ["query", "query_all"])
def test_an_answer_that_hides_a_change_is_not_believed(org, pulls, fault, route):
    for _ in range(2):
        pulls()
    edit(org, org.ids()[0], Licensed_Seats__c=31)
    org.fault(route=route, count=1, **fault)
    found, _ = pulls()
    assert found.changed == 1


def test_a_pull_that_breaks_off_leaves_the_change_for_the_next(org, pulls):
    """The watermark moves together with what was read, or not at all."""
    pulls()
    org.settings.page_size = 2
    for number, one in enumerate(org.ids()):
        edit(org, one, Licensed_Seats__c=200 + number)
    pulls.options = {"retries": 0}
    org.fault("status", "query_more", status=503)
    with pytest.raises(RetryLater):
        pulls()
    assert pulls.known() != as_in_the_org(org)
    org.started.sandbox.faults.remove()
    org.sleep(3 * 3600)
    found, _ = pulls()
    assert found.changed == len(org.ids())
    assert pulls.known() == as_in_the_org(org)


@pytest.mark.parametrize(
    "field", ["  left: {field: Days_To_Renewal__c, type: number}\n", "  owner: Owner.Name\n"]
)
def test_everything_is_read_where_a_field_changes_without_a_stamp(org, tmp_path, field):
    """A formula, or a field of another record."""
    pulls = Pulls(org, tmp_path / "project", FIELDS + field)
    pulls()
    assert pulls()[1] == {"query": 1, "query_all": 2}  # all of them, and (counted) none merged
    org.sleep(86_400)
    org.records.objects["User"].rows[org.value(org.ids()[0], "OwnerId")].now["Name"] = "Someone"
    assert pulls()[0].changed >= len(org.ids()) - 1  # one has no end of contract


def test_another_mapping_is_read_whole(org, pulls):
    pulls()
    pulls.map(FIELDS + "  segment: Segment__c\n")
    found, calls = pulls()
    assert found.changed == len(org.ids())
    assert calls["query"] == 1


def test_ten_thousand_accounts_of_one_stamp_are_read_once_more_and_then_left_alone(org, pulls):
    """An import gives them all one stamp: they are read while it is young, in pages by Id."""
    org.add_accounts(9_994)
    pulls()
    org.fault("same_millisecond", "query", object="Account", records=10_000)
    found, calls = pulls()
    assert (found.accounts, found.changed) == (10_000, 0)
    assert calls == {"query": 1, "query_all": 1, "query_more": 4}
    org.sleep(1200)
    pulls()
    assert pulls()[1] == {"query": 1}


def test_another_id_than_the_record_s_is_read_whole_each_time(org, tmp_path):
    """Nobody can tell which account a deleted record was, if it is known by a field."""
    pulls = Pulls(org, tmp_path / "project")
    pulls_map = (pulls.folder / "mapping.yaml").read_text().replace("id: Id", "id: Workspace_Id__c")
    (pulls.folder / "mapping.yaml").write_text(pulls_map)
    pulls()
    assert pulls()[1] == {"query": 1}


def test_a_watermark_of_another_org_or_version_is_no_watermark(org):
    accounts = org.connector().accounts()
    assert isinstance(accounts, ReadsChanged)
    for said in ("", "{}", "7", '{"asked": "x", "to": "y"}', None):
        assert accounts.read_changed("Account", "Id", ["Id", "Name"], said).whole
    first = accounts.read_changed("Account", "Id", ["Id", "Name"], None)
    list(first.records)
    mark = first.watermark()
    assert not accounts.read_changed("Account", "Id", ["Id", "Name"], mark).whole
    other = org.connector(login_url=org.known["url"].replace("127.0.0.1", "localhost"))
    elsewhere = other.accounts()
    assert isinstance(elsewhere, ReadsChanged)
    assert elsewhere.read_changed("Account", "Id", ["Id", "Name"], mark).whole


@pytest.mark.parametrize("seed", range(2))
def test_whatever_happens_between_and_during_pulls_nothing_is_lost(org, pulls, seed):
    """People edit, delete, restore, merge and make accounts; answers come late, cut, empty or not
    at all. In the end everything is known as it is."""
    dice = random.Random(seed)
    org.settings.late_visibility_seconds = dice.choice([0, 30, 240])
    org.settings.page_size = dice.choice([2, 2000])
    pulls.options = {"retries": 0}
    accounts = org.records.objects["Account"].rows
    for number in range(25):
        here = [one for one, row in accounts.items() if not row.now["IsDeleted"]]
        binned = [one for one, row in accounts.items() if row.now["IsDeleted"]]
        one, other = dice.sample(here, 2)
        what = dice.choice(["edit", "edit", "delete", "restore", "merge", "make", "nothing"])
        if what == "edit":
            edit(org, one, Licensed_Seats__c=1000 + number)
        elif what == "make":
            org.records.insert("Account", {"Name": "M", "Licensed_Seats__c": number}, org.now())
        elif what == "restore" and binned:
            edit(org, dice.choice(binned), IsDeleted=False)
        elif len(here) > 3 and what in ("delete", "merge"):
            edit(org, one, IsDeleted=True, **({"MasterRecordId": other} if what == "merge" else {}))
        if dice.random() < 0.5:
            kind = dice.choice(["empty", "cut", "reset", "expired", "dead_locator"])
            org.fault(kind, dice.choice(["query", "query_all", "query_more"]), count=1)
        with suppress(RetryLater):
            pulls()
        org.started.sandbox.faults.remove()
        org.sleep(dice.choice([1, 20, 100, 400]))
    org.sleep(300)
    pulls()
    truth = as_in_the_org(org)
    never_seen = truth.keys() - pulls.known().keys()  # made and deleted again between two pulls
    assert all(accounts[one].now["IsDeleted"] for one in never_seen)
    assert pulls.known() == {one: truth[one] for one in truth if one not in never_seen}
