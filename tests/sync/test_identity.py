"""Events find their accounts by key; doubled keys match nobody."""

from datetime import date

import numpy as np
import pytest

from config.mapping_file import FieldSpec
from sync.engine import DuckEngine
from sync.fields import load_fields
from sync.identity import (
    account_keys,
    events_by_name,
    last_share,
    match_report,
    never_written,
    note_matches,
    unmatched_keys,
)
from sync.sightings import record_sightings
from sync.state import State

MAY = date(2026, 5, 31)


@pytest.fixture
def state(tmp_path):
    with State(tmp_path) as opened:
        yield opened


def table(state, kind="text", as_of=MAY, /, **workspaces):
    accounts = ((account, {"workspace": raw}) for account, raw in workspaces.items())
    record_sightings(state, "Account", accounts, "2026-05-01")
    return load_fields(
        state, "Account", {"workspace": FieldSpec(field="W", type=kind)}, "UTC", as_of
    )


def pairs(keys):
    return dict(zip(keys.account_key.tolist(), keys.account_no.tolist(), strict=True))


def report(tmp_path, keys, *events):
    """The report that the two queries give for (key, event) pairs."""
    with DuckEngine(tmp_path / "scratch") as engine:
        columns = np.array(events, dtype=object).reshape(-1, 2)
        engine.register("events", {"account_key": columns[:, 0], "event": columns[:, 1]})
        engine.register("keys", keys.columns())
        engine.register("known", keys.known_columns())
        return match_report(
            "product",
            keys,
            engine.sql(events_by_name("events", "keys")),
            engine.sql(unmatched_keys("events", "known")),
        )


def test_a_field_is_compared_as_text(state):
    assert pairs(account_keys(table(state, a="w1", b="007", c="W1"), "workspace")) == {
        "w1": 0, "007": 1, "W1": 2,
    }  # fmt: skip


def test_an_empty_key_is_nobody_s(state):
    keys = account_keys(table(state, a="", b=None, c="w"), "workspace")
    assert pairs(keys) == {"w": 2}
    assert keys.doubled == (), "two accounts without a key do not share one"


def test_a_number_s_key_is_its_plain_text(state):
    keys = account_keys(table(state, "number", a="12345.0", b=7, c=0.5), "workspace")
    assert pairs(keys) == {"12345": 0, "7": 1, "0.5": 2}


def test_a_date_s_key_is_iso_text(state):
    assert pairs(account_keys(table(state, "date", a="2026-05-01"), "workspace")) == {
        "2026-05-01": 0
    }


def test_the_record_s_own_id_is_a_key(state):
    assert pairs(account_keys(table(state, b="x", a="y"), "id")) == {"a": 0, "b": 1}


def test_a_shared_key_matches_nobody_and_is_listed(state):
    keys = account_keys(table(state, a="w", b="w", c="v", d="u", e="u"), "workspace")
    assert pairs(keys) == {"v": 2}
    assert [(one.key, one.accounts) for one in keys.doubled] == [
        ("u", ("d", "e")),
        ("w", ("a", "b")),
    ]


def test_accounts_that_are_not_selected_share_no_key(state):
    """`accounts.where` decides first: a test account with a copied key does no harm."""
    keys = account_keys(table(state, a="w", b="w", c="v"), "workspace", np.array([0, 2]))
    assert pairs(keys) == {"w": 0, "v": 2}
    assert keys.doubled == ()


def test_the_key_is_that_of_the_last_day(state):
    table(state, a="old")
    record_sightings(state, "Account", [("a", {"workspace": "new"})], "2026-05-09")
    fields = {"workspace": FieldSpec(field="W")}
    now = load_fields(state, "Account", fields, "UTC", MAY)
    before = load_fields(state, "Account", fields, "UTC", MAY.replace(day=8))
    assert pairs(account_keys(now, "workspace")) == {"new": 0}
    assert pairs(account_keys(before, "workspace")) == {"old": 0}


def test_accounts_with_a_shared_key_are_never_written_and_told_why(state):
    keys = account_keys(table(state, a="w", b="w", c="v"), "workspace")
    assert never_written([keys]) == {
        "a": "its key 'w' is also that of b",
        "b": "its key 'w' is also that of a",
    }


def test_a_key_of_many_accounts_names_three_and_counts_the_rest(state):
    keys = account_keys(table(state, **{f"a{n}": "w" for n in range(6)}), "workspace")
    assert never_written([keys])["a0"] == "its key 'w' is also that of a1, a2, a3 and 2 more"


def test_events_are_counted_by_name(state, tmp_path):
    keys = account_keys(table(state, a="w1", b="w2"), "workspace")
    found = report(
        tmp_path, keys, ("w1", "View"), ("w1", "View"), ("x", "View"), ("w2", "Share"), ("y", "Buy")
    )
    assert [(one.event, one.events, one.matched) for one in found.by_event] == [
        ("Buy", 1, 0),
        ("Share", 1, 1),
        ("View", 3, 2),
    ]
    assert (found.events, found.matched, found.share) == (5, 3, 0.6)


def test_keys_that_matched_none_come_with_the_most_events_first(state, tmp_path):
    keys = account_keys(table(state, a="w1"), "workspace")
    events = [(f"x{n:02}", "View") for n in range(30) for _ in range(3 if n == 7 else 1)]
    found = report(tmp_path, keys, ("w1", "View"), *events)
    assert found.unmatched[:2] == (("x07", 3), ("x00", 1))
    assert (len(found.unmatched), found.unmatched_keys) == (20, 30)


def test_events_with_a_doubled_key_find_nobody_and_are_no_strangers(state, tmp_path):
    keys = account_keys(table(state, a="w", b="w"), "workspace")
    found = report(tmp_path, keys, ("w", "View"), ("x", "View"))
    assert (found.events, found.matched) == (2, 0)
    assert found.unmatched == (("x", 1),)
    assert found.doubled[0].accounts == ("a", "b")


def test_no_events_have_no_share(state, tmp_path):
    found = report(tmp_path, account_keys(table(state, a="w"), "workspace"))
    assert (found.events, found.share, found.unmatched) == (0, None, ())


def test_counts_are_kept_with_the_run_for_the_next_one(state, tmp_path):
    keys = account_keys(table(state, a="w1"), "workspace")
    with state.transaction() as connection:
        for run in (1, 2, 3):
            connection.execute(
                "INSERT INTO runs (id, command, started_at) VALUES (?, '', '')", (run,)
            )
    note_matches(state, 1, [report(tmp_path, keys, ("w1", "View"))])
    note_matches(state, 2, [report(tmp_path, keys, ("w1", "View"), ("x", "View"))])
    note_matches(state, 2, [report(tmp_path, keys, ("w1", "Buy"), ("x", "View"))])
    assert last_share(state, "product", 1) is None
    assert last_share(state, "product", 2) == 1.0
    assert last_share(state, "product", 3) == 0.5
    assert last_share(state, "crm.Case", 3) is None
