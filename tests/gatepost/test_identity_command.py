"""`gatepost identity`, and several ways from the mapping to what is computed."""

import csv
import io
import json
import shutil

import pytest

ACCOUNTS = """\
Id,Name,Type,Workspace,Site,Signed,Contract_End,Seats,Kickoff_Held,Stage,Stage_Entered,TTV_Days,\
Health,Health_Band,Alerts,Missing
A-1,Northgate Mills,Customer,northgate,,2026-04-17,2027-04-17,8,,,,,,,,
A-2,Blue Harbour,Customer,,https://www.blue.example/,2026-05-14,2027-05-14,20,,,,,,,,
A-3,Cedar and Daughters,Customer,Cedar,,2026-04-02,2027-04-02,6,,,,,,,,
A-4,Dune,Customer,shared,,2026-04-02,2027-04-02,6,,,,,,,,
A-5,Elm,Customer,shared,,2026-04-02,2027-04-02,6,,,,,,,,
A-6,Fern,Prospect,fern,,,,,,,,,,,,
"""
MORE = [
    {"event": "Logged In", "time": "2026-06-20T10:00:00Z", "user": "x@shared.example"},
    {"event": "Logged In", "time": "2026-06-20T10:00:00Z", "workspace": "shared"},
    {"event": "Logged In", "time": "2026-06-20T10:00:00Z", "workspace": "fern"},
]
WAY = "{property: workspace, equals: workspace}"
WAYS = f"[{WAY}, {{email: user, equals: site}}, {{property: workspace, map: keys.csv}}]"


@pytest.fixture
def company(project):
    """The starter, in which nobody's key is in order but A-1's."""
    (project / "crm" / "Account.csv").write_text(ACCOUNTS, encoding="utf-8")
    lines = "".join(json.dumps(one) + "\n" for one in MORE)
    (project / "product" / "events" / "more.jsonl").write_text(lines, encoding="utf-8")
    mapping = (project / "mapping.yaml").read_text(encoding="utf-8")
    mapping = mapping.replace("fields:\n", "fields:\n  site: Site\n", 1)
    (project / "mapping.yaml").write_text(mapping, encoding="utf-8")
    return project


def with_ways(project):
    path = project / "mapping.yaml"
    text = path.read_text(encoding="utf-8")
    assert WAY in text
    path.write_text(text.replace(WAY, WAYS), encoding="utf-8")
    (project / "keys.csv").write_text("key,account\ncedar,A-3\n", encoding="utf-8")


def identity(invoke, project, *words):
    done = invoke("identity", "--project", project, "--as-of", "2026-06-30", *words)
    assert done.exit_code == 0, done.output
    return done


def as_json(invoke, project, *words):
    (line,) = identity(invoke, project, "--format", "json", *words).stdout.splitlines()
    return json.loads(line)


def evaluated(invoke, project, home=None):
    done = invoke(
        "evaluate", "--project", project, "--as-of", "2026-06-30", "--format", "json",
        env={"GATEPOST_HOME": str(home)} if home else {},
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    return {one["account"]: one for one in map(json.loads, done.stdout.splitlines())}


def test_every_kind_of_misfit_is_counted_and_shown(invoke, company):
    found = as_json(invoke, company)
    assert (found["source"], found["accounts"]) == ("product", 5)
    assert found["events"] == found["matched"] + found["unknown_key_events"] + 1
    assert found["no_key"] == 1
    hints = {one["key"]: one["hint"] for one in found["unknown_key_examples"]}
    assert hints == {
        "blue": "",
        "cedar": "Cedar and Daughters (A-3) has it written in another way",
        "fern": "Fern (A-6) is left out by accounts.where",
    }
    assert found["doubled"] == [
        {"key": "shared", "way": "workspace = workspace", "accounts": ["A-4", "A-5"], "events": 1}
    ]
    silent = {one["account"]: one["key"] for one in found["account_examples"]}
    assert silent == {"A-2": None, "A-3": "Cedar", "A-4": None, "A-5": None}
    assert found["accounts_without_events"] == 4
    by_event = {one["event"]: one for one in found["by_event"]}
    assert by_event["Logged In"]["no_key"] == 1
    assert sum(one["matched"] for one in by_event.values()) == found["matched"]


def test_nothing_is_pulled_unless_asked(invoke, company):
    before = as_json(invoke, company)
    shutil.rmtree(company / "product" / "events")
    assert as_json(invoke, company) == before
    done = invoke("identity", "--project", company, "--pull")
    assert done.exit_code == 1
    assert "events" in done.stderr


def test_pulling_brings_what_is_new(invoke, company):
    before = as_json(invoke, company)
    (company / "product" / "events" / "new.jsonl").write_text(json.dumps(MORE[2]) + "\n")
    assert as_json(invoke, company) == before
    assert as_json(invoke, company, "--pull")["events"] == before["events"] + 1


def test_csv_has_a_line_for_each_finding(invoke, company):
    rows = list(csv.DictReader(io.StringIO(identity(invoke, company, "--format", "csv").stdout)))
    kinds = {row["kind"] for row in rows}
    assert kinds == {
        "event", "no key", "way", "unknown key", "doubled key", "account without events",
    }  # fmt: skip
    (doubled,) = [row for row in rows if row["kind"] == "doubled key"]
    assert (doubled["what"], doubled["accounts"]) == ("shared", "A-4;A-5")


def test_the_page_says_it_in_words(invoke, company):
    page = identity(invoke, company).stdout
    for words in (
        "events with a key found their account", "by workspace = workspace",
        "Events without an account: ", "by 3 keys that no account has, and 1 event without a key",
        "Accounts without events: 4 of 5", "Keys that several accounts share: 1",
    ):  # fmt: skip
        assert words in page


def test_an_account_whose_key_is_shared_is_not_said_to_have_none(invoke, company):
    page = identity(invoke, company).stdout
    lines = [line.split("  ") for line in page.splitlines()]
    said = {words[-2].strip(): words[-1] for words in lines if len(words) > 1}
    assert {one: said[one] for one in ("A-2", "A-3", "A-4", "A-5")} == {
        "A-2": "no key", "A-3": "Cedar", "A-4": "a shared key", "A-5": "a shared key",
    }  # fmt: skip


def test_a_source_that_is_not_there_is_a_usage_error(invoke, company):
    done = invoke("identity", "--project", company, "--source", "prodct")
    assert done.exit_code == 2
    assert "nearest is 'product'" in done.stderr


def test_several_ways_find_what_one_does_not(invoke, company):
    with_ways(company)
    found = as_json(invoke, company, "--pull")
    ways = {one["way"]: one["events"] for one in found["ways"]}
    assert all(ways.values()), "each of the three found some"
    assert [one["key"] for one in found["unknown_key_examples"]] == ["fern", "shared.example"]
    assert found["accounts_without_events"] == 2
    assert found["no_key"] == 0, "an address without a workspace is a key now"
    done = invoke("explain", "Blue", "--project", company, "--as-of", "2026-06-30")
    assert "product: domain of user = site (blue, blue.example), " in done.stdout


def test_what_is_computed_is_the_same_by_whichever_way(invoke, company, tmp_path):
    with_ways(company)
    by_ways = evaluated(invoke, company)
    right = ACCOUNTS.replace("Cedar,,", "cedar,,").replace("Customer,,https", "Customer,blue,https")
    (company / "crm" / "Account.csv").write_text(right, encoding="utf-8")
    path = company / "mapping.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(WAYS, WAY), encoding="utf-8")
    by_key = evaluated(invoke, company, tmp_path / "another home")
    assert by_key["A-2"]["signals"]["weekly_users"]
    assert {n: by_ways[n] for n in ("A-1", "A-2", "A-3")} == {
        n: by_key[n] for n in ("A-1", "A-2", "A-3")
    }


def test_a_sync_that_goes_on_gives_what_a_replay_gives(invoke, company, tmp_path):
    """New ways, a new line in the map file, new events: the checkpoint must not hide any of it."""
    with_ways(company)
    (company / "keys.csv").write_text("key,account\n", encoding="utf-8")

    def sync():
        done = invoke(
            "sync", "--project", company, "--as-of", "2026-06-30", "--format", "json",
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    sync()
    assert sync()["nothing_new"]
    (company / "keys.csv").write_text("key,account\ncedar,A-3\n", encoding="utf-8")
    assert not sync()["nothing_new"], "a map file is an input like any other"
    new = {"event": "Report Shared", "time": "2026-04-20T10:00:00Z", "user": "new@blue.example"}
    (company / "product" / "events" / "new.jsonl").write_text(json.dumps(new) + "\n")
    went_on = evaluated(invoke, company)
    assert went_on["A-3"]["signals"]["first_share"]
    assert went_on == evaluated(invoke, company, tmp_path / "another home")


def test_an_account_that_shares_a_key_is_written_if_another_leads_to_it(invoke, company):
    with_ways(company)
    path = company / "crm" / "Account.csv"
    path.write_text(
        ACCOUNTS.replace("A-4,Dune,Customer,shared,", "A-4,Dune,Customer,shared,d.example")
    )
    done = invoke("plan", "--project", company, "--as-of", "2026-06-30", "--format", "json")
    planned = {json.loads(line)["id"] for line in done.stdout.splitlines()}
    assert "A-4" in planned
    assert "A-5" not in planned


def _event(project, name, **said):
    one = {"event": "Report Shared", "time": "2026-05-20T10:00:00Z", **said}
    (project / "product" / "events" / f"{name}.jsonl").write_text(json.dumps(one) + "\n")


def _edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.slow
def test_whatever_changes_a_sync_gives_what_a_replay_gives(invoke, company, tmp_path):
    """Whose events they are may change without any event: the checkpoint must see that."""
    with_ways(company)
    accounts, keys = company / "crm" / "Account.csv", company / "keys.csv"
    changes = {
        "a user of a new domain": lambda: _event(company, "a", user="x@eu.blue.example"),
        "an event with a list of keys": lambda: _event(
            company, "b", workspace=["nobody", "northgate"]
        ),
        "another site": lambda: _edit(accounts, "https://www.blue.example/", "other.example"),
        "a key that becomes shared": lambda: _edit(
            accounts, "Elm,Customer,shared", "Elm,Customer,northgate"
        ),
        "a key that is shared no more": lambda: _edit(
            accounts, "Dune,Customer,shared", "Dune,Customer,"
        ),
        "another line in the map": lambda: keys.write_text("key,account\nblue,A-2\ncedar,A-4\n"),
        "no map any more": lambda: keys.write_text("key,account\n"),
        "events that are gone": (company / "product" / "events" / "a.jsonl").unlink,
    }  # fmt: skip
    seen = []
    for number, (what, change) in enumerate(changes.items()):
        change()
        done = invoke("sync", "--project", company, "--as-of", "2026-06-30")
        assert done.exit_code == 0, (what, done.output)
        went_on = evaluated(invoke, company)
        assert went_on == evaluated(invoke, company, tmp_path / f"home {number}"), what
        seen.append(json.dumps(went_on))
    assert len(set(seen)) >= 5, "most of the changes show"
