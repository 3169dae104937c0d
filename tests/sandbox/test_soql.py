"""What the sandbox's SOQL answers, and what it refuses as Salesforce refuses it."""

import pytest

DATA = "/services/data/v66.0"


@pytest.fixture
def ask(world, salesforce):
    world.sandbox.salesforce.settings.token_seconds = 10**9  # the clock is moved by days here

    def ask(soql, path="query"):
        return salesforce("GET", f"{DATA}/{path}", query={"q": soql})

    return ask


def names(answer):
    assert answer.status == 200, answer.body
    return [record["Name"] for record in answer.json()["records"]]


def test_parents_are_nested_and_a_missing_parent_is_null(ask):
    record = ask("SELECT Name, Owner.Name, Parent.Name FROM Account LIMIT 1").json()["records"][0]
    assert record["Owner"]["Name"] == "Pat Person"
    assert record["Owner"]["attributes"]["type"] == "User"
    assert record["Parent"] is None


def test_text_compares_without_case_and_like_has_two_wildcards(ask):
    every = names(ask("SELECT Name FROM Account"))
    assert names(ask(f"SELECT Name FROM Account WHERE Name = '{every[0].upper()}'")) == [every[0]]
    pattern = every[0][:3].lower() + "%"
    assert names(ask(f"SELECT Name FROM Account WHERE Name LIKE '{pattern}'")) == [
        n for n in every if n.lower().startswith(every[0][:3].lower())
    ]


def test_null_is_different_from_any_value_and_less_than_none(ask):
    without = set(names(ask("SELECT Name FROM Account WHERE Licensed_Seats__c = null")))
    few = set(names(ask("SELECT Name FROM Account WHERE Licensed_Seats__c < 100000")))
    other = set(names(ask("SELECT Name FROM Account WHERE Licensed_Seats__c != 12345")))
    assert without
    assert not without & few
    assert without <= other


def test_and_binds_no_tighter_than_or_so_brackets_are_needed(ask):
    mixed = ask("SELECT Id FROM Account WHERE Type = 'a' AND Type = 'b' OR Type = 'c'")
    assert (mixed.status, mixed.json()[0]["errorCode"]) == (400, "MALFORMED_QUERY")
    nested = ask("SELECT Id FROM Account WHERE (Type = 'a' AND Type = 'b') OR (NOT Type = 'c')")
    assert nested.status == 200
    bare_not = ask("SELECT Id FROM Account WHERE Type = 'a' AND NOT Type = 'c'")
    assert bare_not.json()[0]["errorCode"] == "MALFORMED_QUERY"


def test_in_takes_literals_and_a_semi_join(ask):
    chosen = ask(
        "SELECT Id FROM Case WHERE AccountId IN (SELECT Id FROM Account WHERE Type = 'Customer') "
        "AND Priority IN ('High', 'Low') AND Status NOT IN ('Working')"
    )
    assert chosen.status == 200


def test_an_id_of_fifteen_characters_is_the_same_record(ask):
    long_id = ask("SELECT Id FROM Account LIMIT 1").json()["records"][0]["Id"]
    found = ask(f"SELECT Id FROM Account WHERE Id = '{long_id[:15]}'").json()
    assert [r["Id"] for r in found["records"]] == [long_id]


def test_date_literals_are_ranges_of_days_by_the_sandbox_clock(ask, world):
    soql = "SELECT COUNT() FROM Case WHERE CreatedDate = LAST_N_DAYS:30"
    now = ask(soql).json()["totalSize"]
    world.sandbox.clock.advance(40 * 86_400)
    assert now > 0
    assert ask(soql).json()["totalSize"] == 0


def test_a_datetime_needs_no_quotes_and_a_string_does(ask):
    quoted = ask("SELECT Id FROM Account WHERE SystemModstamp > '2026-01-01T00:00:00Z'")
    assert "should not be enclosed in quotes" in quoted.json()[0]["message"]
    bare = ask("SELECT Id FROM Account WHERE Name = 5")
    assert "should be enclosed in quotes" in bare.json()[0]["message"]
    good = ask("SELECT Id FROM Account WHERE SystemModstamp > 2020-01-01T00:00:00.000Z LIMIT 1")
    assert len(good.json()["records"]) == 1


def test_order_puts_nulls_first_unless_told_otherwise(ask):
    soql = "SELECT Licensed_Seats__c FROM Account ORDER BY Licensed_Seats__c {}"
    first = ask(soql.format("DESC")).json()["records"][0]["Licensed_Seats__c"]
    last = ask(soql.format("DESC NULLS LAST")).json()["records"]
    seats = [r["Licensed_Seats__c"] for r in last]
    known = [s for s in seats if s is not None]
    assert first is None
    assert seats == sorted(known, reverse=True) + [None] * (len(seats) - len(known))


def test_count_has_only_a_total_and_aggregates_have_names(ask):
    counted = ask("SELECT COUNT() FROM Account").json()
    assert counted == {"totalSize": 30, "done": True, "records": []}
    grouped = ask("SELECT Type, COUNT(Id) n, MAX(CreatedDate) FROM Account GROUP BY Type").json()
    assert sum(r["n"] for r in grouped["records"]) == 30
    assert grouped["records"][0]["attributes"] == {"type": "AggregateResult"}
    assert "expr0" in grouped["records"][0]


def test_parts_of_a_date_are_grouped_by(ask):
    """As a sync asks for what changed month by month."""
    year, month = "CALENDAR_YEAR(CreatedDate)", "CALENDAR_MONTH(CreatedDate)"
    soql = f"SELECT {year} y, {month}, COUNT(Id) n FROM Case GROUP BY {year}, {month}"
    found = ask(soql).json()["records"]
    total = ask("SELECT COUNT() FROM Case").json()["totalSize"]
    assert sum(one["n"] for one in found) == total
    assert len({(one["y"], one["expr0"]) for one in found}) == len(found) > 1
    for one in found:
        days = f"{one['y']}-{one['expr0']:02}-01T00:00:00Z"
        assert ask(f"SELECT COUNT() FROM Case WHERE CreatedDate >= {days}").json()["totalSize"]


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT CALENDAR_YEAR(CreatedDate) FROM Case", "MALFORMED_QUERY"),
        ("SELECT COUNT(Id) FROM Case GROUP BY CALENDAR_YEAR(Subject)", "INVALID_FIELD"),
        (
            "SELECT Type, COUNT(Id) FROM Account GROUP BY Type HAVING COUNT(Id) > 1",
            "MALFORMED_QUERY",
        ),
        ("SELECT Nope FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM Nope", "INVALID_TYPE"),
        ("SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD"),
        ("SELECT Nope.Name FROM Account", "INVALID_FIELD"),
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account HAVING Id = 'x'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name = 'open", "MALFORMED_QUERY"),
        ("UPDATE Account", "MALFORMED_QUERY"),
        ("SELECT FIELDS(ALL) FROM Account", "MALFORMED_QUERY"),
        ("SELECT Name, COUNT(Id) FROM Account", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE CreatedDate = SOMEDAY", "MALFORMED_QUERY"),
        ("SELECT Id, Name, name FROM Account", "MALFORMED_QUERY"),
        ("SELECT Owner.Name, owner.name FROM Account", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account ALL ROWS", "MALFORMED_QUERY"),
    ],
)
def test_what_is_wrong_or_beyond_is_refused_with_salesforces_code(ask, soql, code):
    answer = ask(soql)
    assert answer.status == 400
    assert answer.json()[0]["errorCode"] == code


def test_escaped_quotes_reach_the_value(ask, salesforce):
    record = ask("SELECT Id FROM Account LIMIT 1").json()["records"][0]["Id"]
    salesforce("PATCH", f"{DATA}/sobjects/Account/{record}", {"Name": "O'Neil \\ Sons"})
    assert names(ask(r"SELECT Name FROM Account WHERE Name = 'O\'Neil \\ Sons'")) == [
        "O'Neil \\ Sons"
    ]


def test_deleted_rows_and_old_tasks_are_only_in_query_all(ask, salesforce, world):
    record = ask("SELECT Id FROM Case LIMIT 1").json()["records"][0]["Id"]
    salesforce("DELETE", f"{DATA}/sobjects/Case/{record}")
    soql = f"SELECT Id, IsDeleted FROM Case WHERE Id = '{record}'"
    assert ask(soql).json()["totalSize"] == 0
    assert ask(soql, "queryAll").json()["records"][0]["IsDeleted"] is True
    task = {
        "Subject": "Call",
        "Status": "Completed",
        "Priority": "Normal",
        "ActivityDate": "2024-01-01",
    }
    salesforce("POST", f"{DATA}/sobjects/Task", task)
    assert ask("SELECT COUNT() FROM Task").json()["totalSize"] == 0
    assert ask("SELECT COUNT() FROM Task", "queryAll").json()["totalSize"] == 1


def test_a_formula_follows_the_day_and_moves_no_stamp(ask, world):
    soql = (
        "SELECT Days_To_Renewal__c, SystemModstamp FROM Account "
        "WHERE Contract_End__c != null ORDER BY Id LIMIT 1"
    )
    before = ask(soql).json()["records"][0]
    world.sandbox.clock.advance(86_400)
    after = ask(soql).json()["records"][0]
    assert after["Days_To_Renewal__c"] == before["Days_To_Renewal__c"] - 1
    assert after["SystemModstamp"] == before["SystemModstamp"]
