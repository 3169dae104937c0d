"""Events find their accounts by the first of several ways that gives one."""

import json
import re
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.mapping_file import FieldSpec
from sync.domains import domains_of_sites, is_free_mail
from sync.engine import DuckEngine
from sync.fields import load_fields
from sync.identity import (
    events_by_name,
    match_report,
    never_written,
    numbers_by_key,
    one_text_each,
    unmatched_keys,
)
from sync.identity_ways import entry_keys
from sync.lake import register_events
from sync.sightings import record_sightings
from sync.state import State
from tests.sync.lake_world import World

DAY = date(2026, 5, 31)
LONG, SHORT = "0015f00000XyZaBAAV", "0015f00000XyZaB"
FIELDS = {"workspace": FieldSpec(field="W"), "website": FieldSpec(field="S")}


class Matched:
    """A source with some events, accounts with some fields, and what becomes of them."""

    def __init__(self, folder, engine, ways, events, accounts, rows=()):
        (folder / "keys.csv").write_text(
            "".join(f"{key},{account}\n" for key, account in [("key", "account"), *rows]),
            encoding="utf-8",
        )
        self.world = World(folder, engine=engine, account=ways)
        lines = [json.dumps({"event": "e", "time": 1_780_000_000, "$insert_id": f"{n}"} | one)
                 for n, one in enumerate(events)]  # fmt: skip
        self.world.put("a.jsonl", "\n".join(lines).encode())
        self.world.pull()
        self.engine = engine
        with State(self.world.project.home) as state:
            record_sightings(state, "Account", accounts.items(), "2026-05-01")
            self.table = load_fields(state, "Account", FIELDS, "UTC", DAY)
        register_events(engine, "lake", self.world.lake.files("product"), ())
        self.keys = entry_keys(self.table, self.world.entry, None, folder, self._distinct)

    def _distinct(self):
        return [key for (key,) in self.engine.rows("SELECT DISTINCT account_key FROM lake")]

    def found(self):
        """For each event, by its number, the accounts that it is of, each as often as it counts."""
        self.engine.register(
            "keys", {"account_no": self.keys.account_no, "account_key": self.keys.account_key}
        )
        rows = self.engine.rows(
            "SELECT insert_id, account_no FROM lake JOIN keys USING (account_key)"
        )
        found = {}
        for number, account_no in sorted(rows):
            found.setdefault(int(number), []).append(self.table.accounts[account_no])
        return found


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with DuckEngine(tmp_path_factory.mktemp("scratch"), threads=1) as opened:
        yield opened


@pytest.fixture
def matched(tmp_path, engine):
    def make(ways, events, accounts, rows=()):
        return Matched(tmp_path, engine, ways, events, accounts, rows)

    return make


KEY = {"property": "org", "equals": "workspace"}
MAIL = {"email": "who", "equals": "website"}
MAP = {"property": "org", "map": "keys.csv"}


# ------------------------------------------------------------------------- against a plain reading

SUFFIXES = ("acme.test", "uk.acme.test", "gmail.com", "us.example")
TEXTS = ("w1", "w2", "A", LONG, SHORT)


def mails():
    names = st.sampled_from(["ann@", "Bob <bob@", "x@y@"])
    domains = st.sampled_from([*SUFFIXES, "ACME.test", "acme.test."])
    right = st.builds(lambda name, at: name + at + (">" if "<" in name else ""), names, domains)
    return st.one_of(right, st.sampled_from(["", "@acme.test", "ann@test", "ann", "A"]))


def values(texts):
    scalar = st.one_of(texts, st.sampled_from([None, "", 7, True, 'q"uote', "ünder"]))
    nested = st.dictionaries(st.just("a"), st.just(1), max_size=1)
    return st.one_of(texts, scalar, st.lists(st.one_of(texts, scalar, nested), max_size=3), nested)


EVENTS = st.lists(
    st.fixed_dictionaries(
        {"org": values(st.sampled_from(TEXTS)), "who": values(mails())}
    ),
    min_size=4, max_size=16,
)  # fmt: skip
SITES = (None, "http://www.Acme.test/about", "uk.acme.test;birch.test", "acme.test", "gmail.com",
         "https://us.example:8080", "no domain")  # fmt: skip
FILLED = st.fixed_dictionaries(
    {"workspace": st.sampled_from([None, "", "w1", "w2", "7"]), "website": st.sampled_from(SITES)}
)
ACCOUNTS = st.fixed_dictionaries(dict.fromkeys(("A", "B", "C", LONG), FILLED))


def _without_except(way: dict[str, Any]) -> str:
    return str({name: way[name] for name in way if name != "except"})


MANY: list[dict[str, Any]] = [
    KEY, MAP, MAIL, {"property": "org", "equals": "id"}, {"property": "who", "equals": "id"},
    {**MAIL, "except": ["us.example"]}, {"email": "who", "map": "keys.csv"},
]  # fmt: skip
WAYS = st.lists(st.sampled_from(MANY), min_size=1, max_size=3, unique_by=_without_except)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["w1", "w2", "uk.acme.test", "ACME.test"]),
        st.sampled_from(["A", "B", LONG, SHORT, "?"]),
    ),
    max_size=4,
)


def texts_of(value):
    several = value if isinstance(value, list) else [value]
    plain = [one for one in several if one is not None and not isinstance(one, dict | list)]
    return {one if isinstance(one, str) else json.dumps(one) for one in plain} - {""}


def carried(event, way):
    texts = texts_of(event.get(way.get("property", way.get("email"))))
    if "email" not in way:
        return texts
    found = {re.search(r"[^\s@<]@([^\s@<>]+\.[^\s@<>.]+)\.?>?$", text.lower()) for text in texts}
    return {one[1] for one in found if one}


def same(one, other):
    return one == other or {one, other} == {LONG, SHORT}


def owners(text, way, accounts, rows):
    """Who has this text, as the way compares it."""
    if "map" in way:
        named = [who for key, who in rows
                 if (key.lower() if "email" in way else key) == text]  # fmt: skip
        return {account for account in accounts for who in named if same(account, who)}
    if way["equals"] == "id":
        return {account for account in accounts if same(account, text)}
    kept = {account: fields[way["equals"]] or "" for account, fields in accounts.items()}
    if "email" not in way:
        return {account for account, one in kept.items() if one == text}
    sites = {
        account: {re.sub(r"^https?://|^http://", "", site).removeprefix("www.").split("/")[0]
                  .split(":")[0] for site in re.split(r"[;\s]", one.lower())}
        for account, one in kept.items()
    }  # fmt: skip
    return {account for account, found in sites.items() if text in found}


def by_one_way(event, way, accounts, rows):
    found = set()
    for text in carried(event, way):
        labels = text.split(".")
        steps = range(len(labels) - 1) if "email" in way else [0]
        for step in steps:
            tried = ".".join(labels[step:])
            if "email" in way and (tried == "gmail.com" or tried in way.get("except", ())):
                break
            who = owners(tried, way, accounts, rows)
            if len(who) == 1:
                found |= who
            if who:
                break
    return found


def read_plainly(events, ways, accounts, rows):
    found = {}
    for number, event in enumerate(events):
        for way in ways:
            who = by_one_way(event, way, accounts, rows)
            if who:
                found[number] = sorted(who)
                break
    return found


@settings(max_examples=60, deadline=None)
@given(ways=WAYS, events=EVENTS, accounts=ACCOUNTS, rows=ROWS)
def test_any_ways_find_what_a_plain_reading_finds(engine, ways, events, accounts, rows):
    with tempfile.TemporaryDirectory() as folder:
        one = Matched(Path(folder), engine, ways, events, accounts, rows)
        expected = read_plainly(events, ways, accounts, rows)
        if len(ways) == 1 and "email" not in ways[0]:
            # One key is read as ever: a list is an event for each of its keys.
            assert {n: sorted(set(who)) for n, who in one.found().items()} == expected
        else:
            assert one.found() == expected


# ------------------------------------------------------------------------------- each way by itself


def test_the_first_way_that_gives_an_account_wins(matched):
    events = [
        {"org": "w1", "who": "x@birch.test"}, {"org": "?", "who": "x@birch.test"},
        {"who": "x@birch.test"}, {"org": "w1"}, {"org": "?", "who": "x@gmail.com"}, {},
    ]  # fmt: skip
    accounts = {"A": {"workspace": "w1"}, "B": {"website": "birch.test"}}
    one = matched([KEY, MAIL], events, accounts)
    assert one.found() == {0: ["A"], 1: ["B"], 2: ["B"], 3: ["A"]}
    assert dict(zip(one.keys.account_key.tolist(), one.keys.way.tolist(), strict=True)) == {
        '[["w1"],["birch.test"]]': 0, '[["w1"],[]]': 0,
        '[["?"],["birch.test"]]': 1, '[[],["birch.test"]]': 1,
    }  # fmt: skip
    assert one.world.register() == {"a.jsonl": (5, 0, 0, 1)}


def test_an_id_of_salesforce_is_the_same_with_15_characters_and_with_18(matched):
    by_id = {"property": "org", "equals": "id"}
    events = [{"org": LONG}, {"org": SHORT}, {"org": LONG.lower()}, {"org": SHORT + "AAA"}]
    assert matched(by_id, events, {LONG: {}}).found() == {0: [LONG], 1: [LONG]}


def test_an_exported_id_of_15_characters_is_found_by_18(matched):
    by_id = {"property": "org", "equals": "id"}
    assert matched(by_id, [{"org": LONG}], {SHORT: {}}).found() == {0: [SHORT]}


def test_a_domain_that_two_accounts_share_is_passed_over_and_named(matched):
    accounts = {
        "A": {"workspace": "w1", "website": "acme.test"},
        "B": {"website": "https://acme.test"}, "C": {"website": "c.test"},
    }  # fmt: skip
    events = [{"org": "w1", "who": "x@acme.test"}, {"org": "w2", "who": "x@acme.test"}]
    one = matched([KEY, MAIL], events, accounts)
    assert one.found() == {0: ["A"]}
    (doubled,) = one.keys.doubled
    assert (doubled.key, doubled.accounts) == ("acme.test", ("A", "B"))
    assert doubled.way == "domain of who = website"
    assert never_written([one.keys]) == {"B": "its key 'acme.test' is also that of A"}, (
        "A has a key of its own, and its events are known"
    )


def test_a_doubled_key_falls_to_the_next_way(matched):
    accounts = {
        "A": {"workspace": "w", "website": "a.test"}, "B": {"workspace": "w", "website": "b.test"},
    }  # fmt: skip
    one = matched([KEY, MAIL], [{"org": "w", "who": "x@b.test"}], accounts)
    assert one.found() == {0: ["B"]}
    assert never_written([one.keys]) == {}


def test_a_shared_sub_domain_is_not_its_parent_s(matched):
    accounts = {"A": {"website": "uk.acme.test"}, "B": {"website": "uk.acme.test"},
                "C": {"website": "acme.test"}}  # fmt: skip
    events = [{"who": "x@uk.acme.test"}, {"who": "x@us.acme.test"}]
    assert matched(MAIL, events, accounts).found() == {1: ["C"]}


def test_a_map_file_names_accounts_that_no_field_does(matched):
    one = matched(MAP, [{"org": "old"}, {"org": "w1"}], {"A": {}}, [("old", "A"), ("w1", "?")])
    assert one.found() == {0: ["A"]}
    assert one.world.rows()[0][0] == "old", "with one way the lake has the key as it is"


def test_what_was_matched_is_counted_once_an_event(matched):
    accounts = {"A": {"workspace": "w1"}, "B": {"workspace": "w2"}, "C": {"website": "c.test"},
                "D": {"website": "c.test"}}  # fmt: skip
    events = [{"org": ["w1", "w2"]}, {"org": "?", "who": "x@y.test"}, {"who": "z@c.test"}]
    one = matched([KEY, MAIL], events, accounts)
    one.engine.register("keys", one.keys.columns())
    one.engine.register("known", one.keys.known_columns())
    report = match_report(
        "product", one.keys,
        one.engine.sql(events_by_name("lake", "keys")),
        one.engine.sql(unmatched_keys("lake", "known")),
    )  # fmt: skip
    assert (report.events, report.matched) == (3, 1)
    assert report.unmatched == (("?, y.test", 1),), "a doubled domain is listed as such"


def test_keys_from_before_there_were_several_ways_find_nobody(matched):
    one = matched([KEY, MAIL], [{"org": "w1"}], {"A": {"workspace": "w1"}})
    keys = entry_keys(one.table, one.world.entry, None, one.world.folder, lambda: ["w1", "[1]"])
    assert keys.account_no.tolist() == []
    assert keys.columns()["account_key"].tolist() == []


@pytest.mark.parametrize(
    ("site", "domains"),
    [
        ("acme.test", ["acme.test"]),
        ("HTTPS://www.Acme.test:443/en?a=b#c", ["acme.test"]),
        ("//acme.test/", ["acme.test"]),
        ("https://me:pw@acme.test", ["acme.test"]),
        ("acme.test; acme.example, www.acme.test", ["acme.test", "acme.example"]),
        ("bücher.test", ["xn--bcher-kva.test"]),
        ("acme.test.", ["acme.test"]),
        ("acme", []),
        ("none yet", []),
        ("", []),
        ("..", []),
    ],
)
def test_a_web_site_s_domain(site, domains):
    assert domains_of_sites(site) == domains


@pytest.mark.parametrize("domain", ["gmail.com", "yahoo.co.uk", "hotmail.fr", "web.de", "qq.com"])
def test_free_mail_tells_nothing(domain):
    assert is_free_mail(domain)


@pytest.mark.parametrize("domain", ["acme.com", "live.acme.com", "notgmail.com", "gmail.acme.com"])
def test_other_domains_tell_something(domain):
    assert not is_free_mail(domain)


def test_arrays_are_what_the_engine_takes(matched):
    keys = matched([KEY, MAIL], [{"org": "w1"}], {"A": {"workspace": "w1"}}).keys
    assert keys.account_no.dtype == np.int32
    assert keys.account_key.tolist() == ['[["w1"],[]]']


def test_an_account_s_keys_are_one_text_that_differs_with_any_of_them():
    def texts(*pairs):
        numbers = np.array([number for number, _ in pairs], np.int32)
        return one_text_each(numbers, np.array([key for _, key in pairs], object), 3).tolist()

    both = texts((0, "a"), (1, "x"), (1, "y"))
    assert both[0] == "a"
    assert both[2] == ""
    assert texts((1, "y"), (0, "a"), (1, "x")) == both, "in whatever order"
    for other in ([(1, "x")], [(1, "y")], [(1, "x"), (1, "z")], [(1, "x"), (1, "y"), (1, "z")]):
        assert texts((0, "a"), *other)[1] != both[1]
    assert len(texts(*((0, "k" * 500 + str(n)) for n in range(50)))[0]) < 100


def test_the_keys_of_changed_accounts_are_all_found():
    keys = np.array(["both", "one", "both", "other"], object)
    found = numbers_by_key(keys, np.array([4, 5, 6, 7]), {"both", "other", "stranger"})
    assert found == {"both": [4, 6], "other": [7]}
