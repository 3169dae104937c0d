"""Accounts and child records of an org: all of them or an error, by pages or by a bulk query."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from config.errors import PartlyDone, RetryLater, StopCycle
from connectors.base import Budgeted, Selective
from connectors.salesforce.soql import Query, Where
from sandbox.salesforce.schema import text
from tests.connectors.salesforce_org import org_of

COLUMNS = ["Id", "Name", "Owner.Name", "Contract_End__c", "Licensed_Seats__c", "Usage_Cliff__c",
           "CreatedDate", "NumberOfEmployees", "Days_To_Renewal__c"]  # fmt: skip


@pytest.fixture
def org(monkeypatch):
    with org_of(monkeypatch) as made:
        yield made


def read(connector, columns=COLUMNS, entity="Account"):
    return list(connector.accounts().read(entity, columns))


def ids(rows):
    return sorted(row["Id"] for row in rows)


def test_pages_give_every_account_once(org):
    org.settings.page_size = 4
    assert ids(read(org.connector())) == org.ids()
    assert org.calls() == {"describe": 1, "query": 1, "query_more": 1}


def test_ten_thousand_accounts_are_read_in_five_requests_or_by_one_bulk_query(org):
    org.add_accounts(10_000 - len(org.ids()))
    assert len(read(org.connector(), ["Id"])) == 10_000
    assert org.calls(but=("describe",)) == {"query": 1, "query_more": 4}
    org.forget_calls()
    assert len(read(org.connector(bulk_read_from=5000), ["Id"])) == 10_000
    assert org.calls(but=("describe",)) == {
        "query": 1, "bulk_query_create": 1, "bulk_query_get": 1, "bulk_query_results": 1,
    }  # fmt: skip


def test_a_bulk_query_gives_the_same_values_as_pages(org):
    by_pages = read(org.connector())
    by_bulk = read(org.connector(bulk_read_from=2))
    assert sorted(map(str, by_bulk)) == sorted(map(str, by_pages))
    assert by_pages[0]["CreatedDate"].endswith("Z")
    assert org.calls()["bulk_query_create"] == 1


def test_a_parents_field_has_the_value_of_its_type_by_either_way(org):
    """Else a run that reads the other way would see every account changed."""
    child, parent = org.ids()[:2]
    edited = org.started.sandbox.salesforce.edit
    edited("Account", parent, {"AnnualRevenue": 1000, "NumberOfEmployees": 7, "Phone": "0012"})
    edited("Account", parent, {"Usage_Cliff__c": True, "Contract_End__c": "2026-08-01"})
    edited("Account", child, {"ParentId": parent})
    paths = ["AnnualRevenue", "NumberOfEmployees", "Phone", "Usage_Cliff__c", "Contract_End__c",
             "CreatedDate", "Owner.Name", "Owner.IsActive"]  # fmt: skip
    columns = ["Id", *(f"Parent.{path}" for path in paths)]
    rows = [
        {row["Id"]: row for row in read(org.connector(bulk_read_from=number), columns)}[child]
        for number in (20_000, 2)
    ]
    assert rows[0] == rows[1]
    assert list(map(type, rows[0].values())) == list(map(type, rows[1].values()))
    assert list(rows[0].values())[1:6] == [1000.0, 7, "0012", True, "2026-08-01"]
    assert str(rows[0]["Parent.CreatedDate"]).endswith("Z")


@pytest.mark.parametrize("bulk_read_from", [20_000, 2])
def test_a_parents_field_may_be_written_in_any_case_as_in_soql(org, bulk_read_from):
    """Salesforce answers with its own spelling."""
    org.started.sandbox.salesforce.edit("Account", org.ids()[0], {"ParentId": org.ids()[1]})
    columns = ["Id", "Owner.name", "Parent.owner.name"]
    rows = read(org.connector(bulk_read_from=bulk_read_from), columns)
    assert {row["Owner.name"] for row in rows} == {"Pat Person"}
    assert {row["Parent.owner.name"] for row in rows} == {"Pat Person", None}


def test_bulk_queries_wait_for_their_job_and_for_further_pages(org, monkeypatch):
    monkeypatch.setattr("connectors.salesforce.bulk_query.PAGE", 4)
    org.settings.bulk_seconds = 5
    assert ids(read(org.connector(bulk_read_from=2))) == org.ids()
    assert org.calls()["bulk_query_results"] == 2
    assert len(org.sleeps) > 1


def test_many_columns_go_by_a_bulk_query_since_an_address_has_its_length(org):
    account = org.records.objects["Account"]
    many = [f"Field_{number}_{'x' * 30}__c" for number in range(300)]
    account.fields.update({name: text(name) for name in many})
    assert len(read(org.connector(), ["Id", *many])) == 6
    assert "query" not in org.calls()
    for one in org.ids():
        org.records.delete(account, one, "005Gp0000000002IAA")
    assert read(org.connector(), ["Id", *many]) == []
    org.fault("status", "query", status=200, body='{"totalSize": 6, "done": true, "records": []}')
    with pytest.raises(RetryLater, match="was said to be empty, and is not"):
        read(org.connector(), ["Id", *many])


# -- nothing less than all


@pytest.mark.parametrize("route", ["query", "query_more", "describe"])
@pytest.mark.parametrize("kind", ["reset", "html", "cut", "status"])
def test_a_page_that_breaks_is_asked_for_again(org, route, kind):
    org.settings.page_size = 2
    more: dict[str, dict[str, Any]] = {
        "cut": {"how": "short_length", "at": 0.5},
        "status": {"status": 503},
    }
    org.fault(kind, route, count=1, **more.get(kind, {}))
    assert ids(read(org.connector())) == org.ids()


def test_a_body_that_is_short_and_looks_complete_is_asked_for_again(org):
    org.fault("cut", "query", how="clean", at=0.5, count=1)
    assert ids(read(org.connector())) == org.ids()


def test_reading_goes_on_after_the_last_record_where_a_cursor_has_expired(org):
    org.settings.page_size = 2
    org.fault("dead_locator", "query_more", count=1, skip=1)
    assert ids(read(org.connector())) == org.ids()
    assert org.calls()["query"] == 2


def test_a_page_that_is_empty_too_early_is_not_the_end(org):
    org.settings.page_size = 2
    org.fault("empty", "query_more", count=1)
    assert ids(read(org.connector())) == org.ids()


def test_pages_that_stay_short_end_in_an_error_and_not_in_fewer_accounts(org):
    org.settings.page_size = 2
    org.fault("dead_locator", "query_more")
    org.fault("empty", "query", skip=1)
    with pytest.raises(RetryLater, match="4 records of Account did not come"):
        read(org.connector())


def test_an_empty_answer_is_checked_by_counting(org):
    org.fault("empty", "query", count=1)
    assert ids(read(org.connector())) == org.ids()


def test_an_object_without_records_is_empty(org):
    org.records.objects["Account"].rows.clear()
    assert read(org.connector()) == []


@pytest.mark.parametrize("how", ["short_length", "clean", "between_chunks"])
def test_a_bulk_page_that_breaks_is_fetched_again_and_no_row_comes_twice(org, how):
    org.fault("cut", "bulk_query_results", how=how, at=0.5, count=1)
    assert ids(read(org.connector(bulk_read_from=2))) == org.ids()


def test_a_bulk_page_without_its_rows_is_fetched_again(org):
    org.fault("empty", "bulk_query_results", count=1)
    assert ids(read(org.connector(bulk_read_from=2))) == org.ids()


def test_a_bulk_query_that_fails_is_an_error(org):
    org.fault("bulk_failed", "bulk_query_get", count=1)
    with pytest.raises(RetryLater, match="Failed"):
        read(org.connector(bulk_read_from=2))


def test_pages_do_where_bulk_queries_are_used_up(org):
    org.settings.bulk_query_jobs = 0
    assert ids(read(org.connector(bulk_read_from=2))) == org.ids()


def test_deleted_records_are_not_read(org):
    gone = org.ids()[0]
    account = org.records.objects["Account"]
    org.records.delete(account, gone, "005Gp0000000002IAA")
    assert gone not in ids(read(org.connector()))


# -- what is not there


@pytest.mark.parametrize(
    ("column", "said"),
    [("Nme", "no field 'Nme', or this user may not see it"), ("Ownr.Name", "no relationship"),
     ("BillingAddress", "name its parts"), ("Id FROM User", "is no field")],
)  # fmt: skip
def test_a_column_that_cannot_be_read_is_named_before_anything_is_asked(org, column, said):
    with pytest.raises(StopCycle) as wrong:
        read(org.connector(), ["Id", column])
    assert said in f"{wrong.value} {wrong.value.hint}"
    assert "query" not in org.calls()


def test_a_field_that_disappears_between_describe_and_query_is_a_sentence(org):
    connector = org.connector()
    connector.accounts().columns("Account")
    org.fault("hide_field", object="Account", field="Champion__c")
    with pytest.raises(StopCycle, match="Champion__c") as wrong:
        read(connector, ["Id", "Champion__c"])
    assert "may not see it" in wrong.value.hint


@pytest.mark.parametrize("name", ["Konto", "../limits", "Account/x", ""])
def test_an_object_that_is_not_there_is_named(org, name):
    with pytest.raises(StopCycle, match="object"):
        read(org.connector(), ["Id"], name)


def test_an_object_with_formulas_has_no_cheap_fingerprint_and_others_do(org):
    accounts = org.connector().accounts()
    assert accounts.fingerprint("Account") == ""
    org.sleep(86_400)
    before = accounts.fingerprint("Case")
    assert accounts.fingerprint("Case") == before != ""
    case = org.records.objects["Case"]
    one = org.ids("Case")[0]
    org.records.touch(case, one, {"Subject": "x"}, "005Gp0000000002IAA")
    assert accounts.fingerprint("Case") == ""  # stamps of these minutes may come out of order
    org.sleep(3600)
    assert accounts.fingerprint("Case") not in ("", before)


# -- what it may cost


def test_the_org_s_limit_of_the_day_ends_the_run_with_a_sentence(org):
    org.settings.daily_requests = 1
    with pytest.raises(PartlyDone, match=r"TotalRequests|are used|for others") as reached:
        read(org.connector())
    assert reached.value.exit_code == 3


def test_too_many_requests_at_once_are_waited_for(org):
    org.fault("status", "query", status=403, code="REQUEST_LIMIT_EXCEEDED", count=2,
              body=json.dumps([{"message": "ConcurrentRequests (Concurrent API Requests) Limit "
                                "exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]))  # fmt: skip
    assert ids(read(org.connector())) == org.ids()
    assert len(org.sleeps) == 2


@pytest.mark.parametrize("options", [{"max_requests": 3}, {"api_budget": 0.00004}])
def test_a_run_spends_no_more_than_its_share(org, options):
    org.settings.page_size = 1
    with pytest.raises(PartlyDone, match=r"has made its 3 requests|the 4 requests in 24 hours"):
        read(org.connector(**options))
    assert sum(org.calls().values()) <= 4


def test_runs_of_one_day_share_the_budget_and_the_next_day_has_its_own(org):
    """What the first run spent the second cannot; a refused run asks the org for nothing."""
    org.settings.daily_requests = 40
    first = org.connector(api_budget="25%")
    assert isinstance(first, Budgeted)
    assert ids(read(first)) == org.ids()
    left = first.budget()
    assert left is not None
    assert (left.allowed, left.account_limit) == (10, 40)
    assert left.used == left.account_used == sum(org.calls().values())
    second = org.connector(api_budget="25%")
    with pytest.raises(PartlyDone, match=r"the 10 requests in 24 hours .* 25% of 40, are used"):
        [read(second) for _ in range(10)]
    org.forget_calls()
    with pytest.raises(PartlyDone):
        read(org.connector(api_budget="25%"))
    assert org.calls() == {}
    org.sleep(86_400 + 3600)
    assert ids(read(org.connector(api_budget="25%"))) == org.ids()


def test_what_other_programs_leave_over_is_left_to_them(org):
    """A tenth of the org's requests is never touched, whoever used the rest."""
    org.settings.daily_requests = 100
    other = org.connector("other", api_budget=0.9)
    org.secret("client_secret", org.known["client_secret"], "other")
    with pytest.raises(PartlyDone):
        [read(other) for _ in range(100)]
    with pytest.raises(PartlyDone, match="requests in 24 hours left, which are for others"):
        [read(org.connector()) for _ in range(2)]  # the first answer tells


# -- child records as events


def spooled(source, folder):
    """The records of all parts, as the engine will read them."""
    rows = []
    for part in source.parts():
        (place := folder / part.name).mkdir()
        lines = source.fetch(part, place).path.read_text().split("\n")
        rows += [json.loads(line) for line in lines[:-1]]
    return rows


def touch(org, entity, one, **values):
    org.records.touch(org.records.objects[entity], one, values, "005Gp0000000002IAA")


def test_child_records_are_spooled_as_json_lines_with_all_their_fields(org, tmp_path):
    rows = spooled(org.connector().events("Case"), tmp_path)
    assert sorted(row["Id"] for row in rows) == org.ids("Case")
    assert {"AccountId", "CreatedDate", "ClosedDate", "Priority"} <= rows[0].keys()
    assert isinstance(rows[0]["IsClosed"], bool)


@pytest.mark.parametrize(
    "name", ["Contact", "Opportunity", "OpportunityContactRole", "Survey__c", "AccountHistory"]
)
def test_any_object_can_be_read_as_events(org, tmp_path, name):
    if name == "AccountHistory":  # records of history have no other stamp than this
        for stamp in ("SystemModstamp", "LastModifiedDate"):
            org.fault("hide_field", object=name, field=stamp)
    org.sleep(86_400)
    source = org.connector().events(name)
    assert not any(part.fingerprint.startswith("as of") for part in source.parts())
    assert sorted(row["Id"] for row in spooled(source, tmp_path)) == org.ids(name)


def test_only_what_an_entry_means_something_by_is_read(org, tmp_path):
    source = org.connector().events("Case")
    assert isinstance(source, Selective)
    source.select(["CreatedDate", "AccountId", "Account.Name"])
    rows = spooled(source, tmp_path)
    assert rows[0].keys() == {"Id", "CreatedDate", "AccountId", "Account.Name"}
    with pytest.raises(StopCycle, match="Case has no field 'Prioritty'") as refused:
        org.connector().events("Case").select(["Prioritty"])
    assert "Priority" in refused.value.hint


def test_child_records_that_did_not_change_keep_their_fingerprint_for_one_request(org):
    org.sleep(86_400)
    before = org.connector().events("Case").parts()
    org.forget_calls()
    assert org.connector().events("Case").parts() == before
    assert org.calls() == {"describe": 1, "query": 1}


def made_on(org, *days):
    """Cases that were made on days."""
    return [
        org.records.insert(
            "Case",
            {"Subject": day, "OwnerId": None},
            datetime.fromisoformat(day).replace(tzinfo=UTC),
        )
        for day in days
    ]


def fingerprints(org):
    return {part.name: part.fingerprint for part in org.connector().events("Case").parts()}


@pytest.mark.parametrize("how", ["touched", "deleted", "made"])
def test_only_the_month_in_which_a_record_changed_is_read_again(org, how):
    """Its other months, and past years, keep their fingerprints."""
    made_on(org, "2023-05-05", "2024-02-29", "2026-01-07", *["2026-02-28"] * 2000)
    org.sleep(86_400)
    before = fingerprints(org)
    assert {"2023", "2024", "2026-01", "2026-02"} < before.keys()
    cases = org.records.objects["Case"]
    one = next(key for key, row in cases.rows.items() if row.now["Subject"] == "2026-01-07")
    if how == "touched":
        touch(org, "Case", one, Subject="x")
    elif how == "deleted":
        org.records.delete(cases, one, "005Gp0000000002IAA")
    else:
        made_on(org, "2026-01-09")
    org.sleep(3600)
    after = fingerprints(org)
    assert {name for name in before | after if before.get(name) != after.get(name)} == ({"2026-01"})


def test_what_fits_into_one_page_is_one_part(org):
    assert fingerprints(org).keys() == {"Case"}
    made_on(org, *["2024-02-28"] * 2000)
    assert fingerprints(org).keys() == {"2024", "2026"}


def test_months_of_a_year_that_is_over_are_one_part(org):
    made_on(org, *["2026-02-28"] * 2000)
    assert len(fingerprints(org)) > 2
    org.sleep(200 * 86_400)
    assert fingerprints(org).keys() == {"2026"}


def test_months_hold_every_record_once(org, tmp_path):
    """Also those of the last second of one and the first of the next."""
    made_on(org, "2024-12-31T23:59:59", "2025-01-01", "2026-01-31T23:59:59", "2026-02-01",
            *["2026-03-01"] * 2000)  # fmt: skip
    rows = spooled(org.connector().events("Case"), tmp_path)
    assert sorted(row["Id"] for row in rows) == org.ids("Case")


def test_an_object_that_is_said_to_be_empty_is_counted(org):
    """An empty answer taken for true would take its months away."""
    made_on(org, *["2024-02-28"] * 2000)
    org.fault("empty", "query", count=1)
    assert fingerprints(org).keys() == {"2024", "2026"}
    for one in org.ids("Survey__c"):
        org.records.delete(org.records.objects["Survey__c"], one, "005Gp0000000002IAA")
    assert [one.name for one in org.connector().events("Survey__c").parts()] == ["Survey__c"]


def test_a_formula_or_a_parents_field_is_read_anew_each_time(org):
    org.sleep(86_400)
    found = []
    for _ in range(2):
        source = org.connector().events("Case")
        parts = source.parts
        assert isinstance(source, Selective)
        source.select(["CreatedDate", "AccountId", "Account.Name"])
        found.append({part.fingerprint for part in parts()})
        org.sleep(60)
    assert not found[0] & found[1]


def test_parts_are_as_of_the_first_asking_so_that_a_busy_object_is_not_waited_for(org):
    org.sleep(86_400)
    source = org.connector().events("Case")
    before = source.parts()
    touch(org, "Case", org.ids("Case")[0], Subject="x")
    assert source.parts() == before
    assert org.connector().events("Case").parts() != before


def test_archived_tasks_are_read_and_deleted_ones_are_not(org, tmp_path):
    task = org.records.objects["Task"]
    at = org.now()
    made = [org.records.insert("Task", {"Subject": name}, at) for name in ("kept", "gone")]
    org.sleep(500 * 86_400)
    org.records.delete(task, made[1], "005Gp0000000002IAA")
    found = {row["Id"] for row in spooled(org.connector().events("Task"), tmp_path)}
    assert made[0] in found
    assert made[1] not in found


def test_product_events_are_not_salesforce_s(org):
    with pytest.raises(StopCycle, match="no product events"):
        org.connector().events(None)


# -- queries


def test_values_in_a_query_are_quoted_whatever_they_hold():
    query = Query(["Id"], "Account", (Where("Name", "=", "O'Neil\\ OR Name != ''"),))
    assert str(query) == (
        r"SELECT Id FROM Account WHERE Name = 'O\'Neil\\ OR Name != \'\'' ORDER BY Id"
    )


@pytest.mark.parametrize("bad", ["Id FROM User", "Name)", "x'", "", "1Name", "Name,Id"])
def test_names_in_a_query_are_names(bad):
    for query in (Query([bad], "Account"), Query(["Id"], bad)):
        with pytest.raises(ValueError, match="no name"):
            str(query)
    with pytest.raises(ValueError, match="no name"):
        str(Where(bad, "=", 1))


def test_a_query_goes_on_after_an_id():
    query = Query(["Id"], "Task", (Where("IsDeleted", "=", value=False),))
    assert str(query.after("a").after("b")) == (
        "SELECT Id FROM Task WHERE IsDeleted = false AND Id > 'b' ORDER BY Id"
    )


# -- custom fields, as an administrator sees them


def test_fields_of_a_custom_object_are_found_by_its_name(org):
    """Tooling keeps an id for it where it has names for standard objects."""
    inspector = org.connector().inspector()
    names = ["Score__c", "TTV_Days__c", "Nothing__c"]
    assert inspector.custom_fields("Survey__c", names).keys() == {"Score__c"}
    assert inspector.custom_fields("Account", names).keys() == {"TTV_Days__c"}
