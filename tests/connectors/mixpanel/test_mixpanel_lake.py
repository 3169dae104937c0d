"""From the export into the lake: the same events as a plain reading finds, whatever happens."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from config.errors import PartlyDone, RetryLater
from config.mapping_file import EventsEntry
from sandbox.testing import running
from sync.lake import events_sql
from tests.connectors.mixpanel.conftest import Product

FIRST, LAST = date(2026, 6, 11), date(2026, 7, 1)
ALL = (FIRST, LAST)
EXPORT = "mixpanel.export"
BERLIN = ZoneInfo("Europe/Berlin")


def who(event):
    """The user as the vendor's page orders the evidence."""
    properties = event["properties"]
    if properties.get("$user_id"):
        return properties["$user_id"]
    if event["event"] == "$hotshard_events" and properties.get("mp_original_distinct_id"):
        return properties["mp_original_distinct_id"]
    said = properties["distinct_id"]
    return None if said.startswith("$device:") else said or None


def expected(events):
    """What the lake should have of these events, which are all told apart by their ids."""
    rows = {}
    for event in events:
        properties = event["properties"]
        keys = properties.get("company_id")
        for key in keys if isinstance(keys, list) else [keys]:
            if key is None:
                continue
            at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=properties["time"])
            rows[key, properties["$insert_id"]] = (
                key, who(event), event["event"], at.replace(tzinfo=None), properties["$insert_id"],
            )  # fmt: skip
    return sorted(rows.values(), key=repr)


def test_the_lake_has_what_a_plain_reading_finds(product):
    report = product.pull()
    assert product.calls == 13  # two blocks and eleven days
    assert report.parts == report.read == 13
    found = product.rows()
    assert found == expected(product.plain(*ALL))
    users = Counter(user is None for _, user, *_ in found)
    assert users[True]
    assert users[False]
    assert report.rejected == 0


def test_a_person_is_one_user_whichever_id_mixpanel_chose_for_them(product):
    product.options["since"] = "2026-06-25"
    product.mixpanel.settings.id_merge = "original"
    product.pull()
    events = product.plain(date(2026, 6, 25), LAST)
    chosen = [event["properties"] for event in events if "$user_id" in event["properties"]]
    assert any(one["distinct_id"] == one["$device_id"] for one in chosen)
    known = {one["$user_id"] for one in chosen}
    assert {row[1] for row in product.rows() if row[1]} <= known


def test_what_is_known_is_not_asked_for_again(product):
    product.pull()
    product.forget()
    product.clock.advance(1800)
    assert not product.pull().changed
    assert product.calls == 1  # today


def test_a_day_of_runs_asks_for_little(product):
    product.pull()
    product.clock.set(datetime(2026, 7, 2, 0, 10, tzinfo=UTC))
    product.forget()
    for _ in range(47):  # every half an hour
        product.pull()
        product.clock.advance(1800)
    assert product.calls == 47 + 4 + 4  # today; yesterday every six hours; four days before it


def test_late_events_and_merged_identities_come_with_the_days_that_are_read_again(
    tmp_path, monkeypatch
):
    with running(accounts=30, days=60) as started:
        monkeypatch.setenv("GATEPOST_PRODUCT_SECRET", started.ready["mixpanel"]["secret"])
        _late_and_merged(Product(started, tmp_path, since="2026-06-25"))


def _late_and_merged(product):
    product.pull()
    before = product.rows()
    for _ in range(8):
        product.clock.advance(86_400)
        product.pull()
    after = product.rows()
    assert len(after) > len(before)
    users = {(key, insert_id): user for key, user, _, _, insert_id in before}
    assert any(
        users.get((key, insert_id), user) != user for key, user, _, _, insert_id in after
    )  # somebody who was nobody
    assert after == expected(product.plain(date(2026, 6, 25), LAST + timedelta(days=8)))


def test_a_block_takes_the_place_of_its_days_and_changes_nothing(product):
    product.clock.set(datetime(2026, 7, 8, 6, tzinfo=UTC))  # nothing arrives late any more
    product.pull()
    days = {part for part in product.parts() if "_" not in part}
    product.clock.set(datetime(2026, 7, 9, 6, tzinfo=UTC))
    product.pull()
    before, rows = product.parts(), product.rows()
    product.clock.set(datetime(2026, 7, 10, 6, tzinfo=UTC))
    product.forget()
    report = product.pull()
    assert report.dropped == 7
    assert before - product.parts() <= days
    assert "2026-06-28_2026-07-04" in product.parts()
    assert product.rows() == rows
    assert not report.changed
    assert product.calls == 1 + 1 + 4 + 1  # the block, yesterday, four days before it, today


def test_events_without_an_id_are_not_doubled_by_a_block(product):
    product.started.fault("odd_rows", EXPORT)
    product.clock.set(datetime(2026, 7, 9, 6, tzinfo=UTC))
    product.pull()
    before = Counter(row[2] for row in product.rows() if row[4] is None)
    product.clock.set(datetime(2026, 7, 10, 6, tzinfo=UTC))
    product.pull()
    after = Counter(row[2] for row in product.rows() if row[4] is None)
    assert sum(after.values()) <= sum(before.values())


def test_odd_rows_are_read_as_they_are_meant(product):
    product.options["since"] = "2026-07-01"
    product.started.fault("odd_rows", EXPORT)
    report = product.pull()
    rows = [row for row in product.rows() if row[0] in ("odd", "even", "42")]
    found = {(row[0], row[4]): row for row in rows}
    assert found["odd", "odd-hot"][1:3] == ("odd-2", "Report Created")
    assert ("odd", "odd-3") in found
    assert ("even", "odd-3") in found
    assert ("42", "odd-6") in found
    assert ("odd", "odd-1") in found  # two lines for JSON readers that break at U+2028
    assert len(rows) == 5
    assert report.rejected == 1  # no UTF-8: kept aside
    aside = (product.folder / "home" / "rejected").rglob("*.jsonl")
    assert ["it is not UTF-8" in path.read_text() for path in aside] == [True]


def test_what_real_exports_were_seen_to_hold_is_read_as_it_lies_there(product):
    """Keys that differ in case, numbers beyond a double, a stray byte in a key, system events."""
    noon = datetime(2026, 6, 30, 12, tzinfo=UTC).timestamp()

    def event(name="Report Created", **properties):
        said = {"time": noon, "distinct_id": "odd", "company_id": "odd", **properties}
        product.mixpanel.project.imported.append((0.0, {"event": name, "properties": said}))

    event(**{"$insert_id": "1", "Id": 1, "id": 2, "plan": 10**29 + 1})
    event(**{"$insert_id": "2", "plan": "x" * 300_000})
    event(**{"$insert_id\u0000": "3", "plan": "stray"})
    event(**{"$insert_id\u0000": "3", "plan": "stray"})
    event("$identify", **{"$insert_id": "4", "$identified_id": "u-1", "$anon_id": "d-1"})
    event("$hotshard_record", **{"$insert_id": "5"})
    event(**{"$insert_id": "6", "distinct_id": "one"})
    event(**{"$insert_id": "6", "distinct_id": "another"})  # as after a merge
    event(**{"$insert_id": "7", "time": noon + 86_400 * 400})  # not in any day until then
    product.options["since"] = "2026-06-30"
    entry = product.entry.model_dump(by_alias=True)
    keep = {"plan": {"field": "plan"}, "upper": {"field": "Id"}, "lower": {"field": "id"}}
    product.entry = EventsEntry.model_validate({**entry, "keep": keep})
    product.pull()
    files = product.lake.files("product")
    found = product.engine.rows(
        'SELECT insert_id, event, "p.plan", "p.upper", "p.lower", "user"'
        f" FROM ({events_sql(files, sorted(keep))}) WHERE account_key = 'odd'"
    )
    rows = sorted(found, key=repr)
    assert [row[0] for row in rows] == ["1", "2", "4", "5", "6", None, None]
    assert rows[0][2:5] == ("100000000000000000000000000001", "1", "2")
    assert rows[1][2] == "x" * 300_000
    assert [row[1] for row in rows[2:4]] == ["$identify", "$hotshard_record"]
    assert rows[4][5] == "another"  # by name, as always where the time is the same


def test_a_day_that_cannot_be_had_whole_stays_as_it_was(product):
    product.pull()
    rows, parts = product.rows(), product.parts()
    product.clock.advance(86_400 * 2)
    product.started.fault("terminated_early", EXPORT, skip=2)
    with pytest.raises(RetryLater, match=r"2026-06-\d\d could not be had: .*'terminated early'"):
        product.pull()
    # The block that was read is there, and the days that it stands for went with it.
    days = {f"2026-06-{day}" for day in range(21, 28)}
    assert product.parts() == (parts - days) | {"2026-06-21_2026-06-27"}
    assert {row[4] for row in product.rows()} >= {row[4] for row in rows}
    assert len(product.rows()) == len(set(product.rows()))
    product.started.sandbox.faults.remove()
    product.pull()
    assert product.parts() - parts == {"2026-06-21_2026-06-27", "2026-07-02", "2026-07-03"}
    assert product.rows() == expected(product.plain(FIRST, LAST + timedelta(days=2)))


def test_an_empty_answer_takes_nothing_away(product):
    product.clock.set(datetime(2026, 7, 3, 6, tzinfo=UTC))
    product.pull()
    rows = product.rows()
    product.started.fault("empty", EXPORT)
    product.clock.advance(86_400)  # days are due again
    with pytest.raises(RetryLater, match=r"2026-06-\d\d came without events, and there were some"):
        product.pull()
    assert product.rows() == rows
    product.clock.set(datetime(2026, 7, 10, 6, tzinfo=UTC))  # a block is due
    with pytest.raises(RetryLater, match="came without events"):
        product.pull()
    assert product.rows() == rows
    product.started.sandbox.faults.remove()
    product.pull()
    assert product.rows() == expected(product.plain(FIRST, date(2026, 7, 10)))


@pytest.mark.parametrize(
    "options",
    [{"window_days": 14}, {"window_days": 3}, {"since": "2026-06-12"}, {"late_days": 30}],
    ids=["longer", "shorter", "another first block", "single days"],
)
@pytest.mark.parametrize("zone", ["utc", "Asia/Kolkata"])
def test_an_empty_answer_takes_nothing_away_where_windows_are_other_ones(product, options, zone):
    product.mixpanel.settings = replace(product.mixpanel.settings, project_time=zone)
    product.options["project_time"] = zone if zone == "utc" else f"local({zone})"
    product.pull()
    rows, parts = product.rows(), product.parts()
    product.options |= options
    product.started.fault("empty", EXPORT, count=1)
    with pytest.raises(RetryLater, match=r"2026-06-\S+ came without events, and there were some"):
        product.pull()
    assert {row[4] for row in product.rows()} >= {row[4] for row in rows}
    product.pull()
    assert product.parts() != parts
    first = date.fromisoformat(str(product.options["since"]))
    begin = datetime.combine(first, datetime.min.time(), ZoneInfo("UTC" if zone == "utc" else zone))
    assert product.rows() == [row for row in rows if row[3].replace(tzinfo=UTC) >= begin]


def test_windows_without_events_may_be_cut_in_another_way(product):
    """What lies beside them is no reason to wait for more."""
    product.mixpanel.project.columns = None
    noon = datetime(2026, 6, 14, 12, tzinfo=UTC).timestamp()
    said = {"time": noon, "distinct_id": "one", "company_id": "one", "$insert_id": "1"}
    product.mixpanel.project.imported.append((0.0, {"event": "Report Created", "properties": said}))
    product.pull()
    for days in (3, 14, 1):
        product.options["window_days"] = days
        product.pull()
        assert len(product.rows()) == 1


def test_days_without_events_are_none(product):
    product.options["since"] = "2026-01-01"
    report = product.pull()
    assert report.read == report.parts
    product.clock.advance(86_400)
    product.pull()


def test_what_was_read_before_a_quota_ended_is_kept_and_the_next_hour_goes_on(product):
    product.options["api_budget"] = 0.15
    with pytest.raises(
        PartlyDone, match=r"the 9 requests in an hour .*15% of 60, are used"
    ) as told:
        product.pull()
    assert told.value.exit_code == 3
    assert (product.calls, len(product.parts())) == (9, 9)
    with pytest.raises(PartlyDone):  # another run, another connection: the same hour
        product.pull()
    assert product.calls == 9
    product.clock.advance(3660)
    product.pull()
    assert product.calls == 13
    assert product.rows() == expected(product.plain(*ALL))


def test_three_a_second_are_never_exceeded(product):
    product.pull()
    statuses = Counter(entry["status"] for entry in product.started.sandbox.log.entries())
    assert set(statuses) == {200}
    assert sum(product.waited) >= 3


@pytest.mark.parametrize("end", [date(2026, 4, 5), date(2025, 11, 2)], ids=["spring", "autumn"])
def test_wall_clocks_written_as_epoch_become_instants(end, tmp_path, monkeypatch):
    with running(accounts=8, days=60, end=end) as started:
        monkeypatch.setenv("GATEPOST_PRODUCT_SECRET", started.ready["mixpanel"]["secret"])
        since = str(end - timedelta(days=12))
        new = Product(started, tmp_path / "new", since=since)
        new.pull()
        new.mixpanel.settings.project_time = "Europe/Berlin"
        new.clock.advance(3600)
        old = Product(started, tmp_path / "old", since=since, project_time="local(Europe/Berlin)")
        old.pull()
    instants = {(row[0], row[4]): row[3] for row in new.rows()}
    changed = Counter()
    for key, _, _, at, insert_id in old.rows():
        if (key, insert_id) in instants:
            changed[at - instants.pop((key, insert_id))] += 1
            local = at.replace(tzinfo=UTC).astimezone(BERLIN)
            ambiguous = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
            assert at == instants.get((key, insert_id), at) or ambiguous
    assert set(changed) <= {timedelta(), timedelta(hours=1)}
    assert changed[timedelta()] > 100
    assert changed[timedelta(hours=1)] < 5
    # The days of one calendar begin at other instants than those of the other.
    begin = datetime.combine(date.fromisoformat(since), datetime.min.time(), BERLIN)
    left = [at for at in instants.values() if at.replace(tzinfo=UTC) >= begin]
    assert left == []


def test_another_time_of_the_project_reads_everything_anew(product):
    product.pull()
    product.forget()
    product.options["project_time"] = "local(America/New_York)"
    report = product.pull()
    assert product.calls == report.read >= 12


def test_the_project_decides_what_today_is(product):
    product.clock.set(datetime(2026, 7, 1, 23, 30, tzinfo=UTC))
    assert product.source().parts()[-1].name == "2026-07-01"
    product.options["project_time"] = "local(Asia/Kolkata)"
    assert product.source().parts()[-1].name == "2026-07-02"
    product.options["project_time"] = "local(America/New_York)"
    assert product.source().parts()[-1].name == "2026-07-01"
    product.clock.set(datetime(2026, 7, 2, 3, 30, tzinfo=UTC))
    assert product.source().parts()[-1].name == "2026-07-01"
