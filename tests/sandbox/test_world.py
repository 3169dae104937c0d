"""The simulated company: the same for everyone, flawed as real ones are, and honest about it."""

import csv
import gzip
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from sandbox.salesforce.ids import normal
from sandbox.world import DEMO_END, ensure_demo, main, simulate, write_project
from sandbox.world_shapes import EVENT_NAMES

END = date(2026, 6, 30)


@pytest.fixture(scope="module")
def world():
    return simulate(seed=11, accounts=120, days=120, end=END)


def csv_rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def events_of(folder):
    for path in sorted((folder / "product" / "events").iterdir()):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            yield from map(json.loads, file)


def test_the_same_seed_gives_the_same_bytes(world, tmp_path):
    again = simulate(seed=11, accounts=120, days=120, end=END)
    write_project(world, tmp_path / "one")
    write_project(again, tmp_path / "two")
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.*"))
    assert len(files) > 20
    for file in files:
        one, two = tmp_path / "one" / file, tmp_path / "two" / file
        assert one.is_dir() or one.read_bytes() == two.read_bytes(), file


def test_another_seed_gives_another_world(world):
    other = simulate(seed=12, accounts=120, days=120, end=END)
    assert {a.name for a in other.accounts} != {a.name for a in world.accounts}


def test_a_few_hundred_accounts_make_some_hundred_thousand_events():
    events = simulate(seed=7, accounts=300, days=180, end=DEMO_END).events
    assert 300_000 < len(events) < 500_000


def test_every_story_is_told(world):
    stories = Counter(t.story for t in world.truth)
    assert set(stories) == {
        "healthy",
        "slow",
        "slide",
        "ending",
        "champion",
        "expansion",
        "trial",
        "partner",
    }


def test_all_record_ids_are_salesforce_ids_and_differ(world):
    ids = [r.crm_id for r in (*world.accounts, *world.contacts, *world.cases, *world.surveys)]
    assert len(ids) == len(set(ids))
    assert ids == [normal(text[:15]) for text in ids]


def test_weekends_are_quiet(world):
    days = [datetime.fromtimestamp(at, UTC).weekday() for at in world.events.at.tolist()]
    per_day = Counter(days)
    assert per_day[6] * 4 < per_day[2]


def test_usage_really_decays_where_the_truth_says_slide(world):
    for number, truth in enumerate(world.truth):
        if truth.story != "slide" or truth.slide_began_on > END - timedelta(days=50):
            continue
        begin = datetime.combine(truth.slide_began_on, datetime.min.time(), UTC).timestamp()
        at = world.events.at[(world.events.account == number) & (world.events.user >= 0)]
        before = np.count_nonzero((at >= begin - 20 * 86_400) & (at < begin))
        after = np.count_nonzero(at >= datetime(2026, 6, 11, tzinfo=UTC).timestamp())
        assert after < 0.75 * before


def test_nobody_uses_the_product_after_the_end(world):
    ended = {n: t.ended_on for n, t in enumerate(world.truth) if t.ended_on}
    assert ended
    for number, day in ended.items():
        at = world.events.at[(world.events.account == number) & (world.events.user >= 0)]
        last = datetime.fromtimestamp(int(at.max()), UTC).date()
        assert last <= day + timedelta(days=1)


def test_truth_of_first_value_is_the_first_share_by_own_people(world, tmp_path):
    write_project(world, tmp_path)
    first: dict[str, int] = {}
    for row in events_of(tmp_path):
        properties = row["properties"]
        if row["event"] == "Report Shared" and properties["product"] == "analytics":
            key = properties.get("company_id")
            if "@" not in row["user"] and key:
                first[key] = min(first.get(key, row["time"]), row["time"])
    told = {
        a.workspace: int(t.first_value_at.timestamp())
        for a, t in zip(world.accounts, world.truth, strict=True)
        if t.events_match and t.first_value_at
    }
    assert len(told) > 50
    assert told == {key: first[key] for key in told}


def test_flaws_of_real_data_are_there(world):
    events = world.events
    late = events.arrived - events.at > 86_400
    assert 0.005 < late.mean() < 0.03
    assert len(np.unique(events.insert_id)) < len(events)
    assert (events.key == -1).any()
    known = {a.workspace for a in world.accounts}
    carried = {world.keys[k] for k in np.unique(events.key).tolist() if k >= 0}
    assert carried - known
    keys = Counter(a.workspace for a in world.accounts if a.workspace)
    assert max(keys.values()) == 2
    assert any(a.workspace is None for a in world.accounts)
    assert any(a.licensed_seats is None for a in world.accounts if a.type == "Customer")
    staff = [
        n for n, user in enumerate(world.users) if user.user_id.endswith("@brightloop.example")
    ]
    assert np.isin(events.user, staff).any()


def test_a_repeated_insert_id_is_the_same_event(world):
    events = world.events
    order = np.argsort(events.insert_id, kind="stable")
    same = np.flatnonzero(np.diff(events.insert_id[order]) == 0)
    assert len(same)
    for column in ("at", "user", "name", "key", "account"):
        values = getattr(events, column)[order]
        assert (values[same] == values[same + 1]).all()


def test_fields_can_be_had_as_of_a_day(world):
    change = next(c for c in world.changes if c.field == "signed_on" and c.old is None)
    day = change.at.date()

    def value(on):
        found = [a for a in world.accounts_on(on) if a.crm_id == change.crm_id]
        return found[0].signed_on if found else None

    assert value(day - timedelta(days=1)) is None
    assert value(day) == change.new


def test_a_project_grows_without_losing_what_was_written_into_it(world, tmp_path):
    write_project(world, tmp_path, until=END - timedelta(days=8))
    path = tmp_path / "crm" / "Account.csv"
    rows = csv_rows(path)
    rows[0]["Lifecycle_Stage__c"] = "Adoption"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    old_weeks = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "product/events").iterdir()}
    count = sum(1 for _ in events_of(tmp_path))

    write_project(world, tmp_path)

    assert sum(1 for _ in events_of(tmp_path)) > count
    kept = {row["Id"]: row for row in csv_rows(path)}
    assert kept[rows[0]["Id"]]["Lifecycle_Stage__c"] == "Adoption"
    unchanged = [
        n for n in old_weeks if (tmp_path / "product/events" / n).stat().st_mtime_ns == old_weeks[n]
    ]
    assert len(unchanged) >= len(old_weeks) - 2


def test_the_demo_is_written_once_and_then_left_alone(tmp_path, monkeypatch):
    small = simulate(seed=7, accounts=20, days=60, end=END)
    monkeypatch.setattr("sandbox.world.simulate", lambda **_: small)
    folder = ensure_demo(tmp_path / "company")
    journey = folder / "journeys" / "onboarding.yaml"
    journey.write_text(journey.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    ensure_demo(folder)
    assert journey.read_text(encoding="utf-8").endswith("# mine\n")


def test_the_command_line_prints_one_truth_per_account(capsys):
    assert main(["--accounts", "5", "--days", "60", "--truth"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 5
    assert {"crm_id", "story", "first_value_at"} <= set(lines[0])


def test_a_world_too_small_for_stories_is_refused(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--days", "10"])
    assert stopped.value.code == 2
    assert "60 days" in capsys.readouterr().err


def test_every_kind_of_event_occurs(world):
    assert set(np.unique(world.events.name).tolist()) == set(range(len(EVENT_NAMES)))
