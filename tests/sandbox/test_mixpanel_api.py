"""Mixpanel over plain HTTP: the raw export and its ends, engage, lexicon, import, limits."""

import base64
import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from urllib.parse import urlencode

import pytest

from sandbox.mixpanel.project import Cohort

PROJECT = {"project_id": 2195193}
LAST = date(2026, 6, 30)


def export(mixpanel, first=LAST, last=LAST, headers=None, **more):
    query = {**PROJECT, "from_date": str(first), "to_date": str(last), **more}
    return mixpanel("GET", "/api/2.0/export", query=query, **(headers or {}))


def events(answer):
    assert answer.status == 200, answer.body
    return [json.loads(line) for line in answer.body.splitlines()]


def test_each_line_is_an_event_with_group_key_and_identity(mixpanel):
    found = events(export(mixpanel))
    assert all(isinstance(e["event"], str) for e in found)
    keys = [e["properties"].get("company_id") for e in found]
    assert {type(k) for k in keys} >= {str, list}
    midnight = 1782777600
    assert all(midnight <= e["properties"]["time"] < midnight + 86_400 for e in found)
    assert all("$insert_id" in e["properties"] for e in found)


def test_the_body_is_chunked_and_packed_only_if_asked_and_worth_it(mixpanel):
    plain = export(mixpanel)
    assert "content-length" not in plain.headers
    assert "content-encoding" not in plain.headers
    packed = export(mixpanel, headers={"Accept_Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    small = export(mixpanel, headers={"Accept_Encoding": "gzip"}, limit=1)
    assert "content-encoding" not in small.headers


def test_a_day_without_events_is_an_empty_body(mixpanel):
    answer = export(mixpanel, date(2020, 1, 1), date(2020, 1, 1))
    assert (answer.status, answer.body) == (200, b"")


def test_names_limit_and_milliseconds(mixpanel):
    chosen = events(
        export(mixpanel, event=json.dumps(["Report Created"]), limit=3, time_in_ms="true")
    )
    assert [e["event"] for e in chosen] == ["Report Created"] * 3
    assert all(e["properties"]["time"] > 1e12 for e in chosen)


@pytest.mark.parametrize(
    ("where", "holds"),
    [
        ('properties["plan"] == "Team"', lambda p: p["plan"] == "Team"),
        ('properties["$time"] >= datetime(1782820800)', lambda p: p["time"] >= 1782820800),
        (
            'defined(properties["report_type"]) and not properties["product"] == "labs"',
            lambda p: "report_type" in p and p["product"] != "labs",
        ),
        (
            'number(properties["mp_processing_time_ms"]) >= 1782820800000 or "x" in "abc"',
            lambda p: p["mp_processing_time_ms"] >= 1782820800000,
        ),
    ],
)
def test_where_filters_as_the_expression_says(mixpanel, where, holds):
    every = events(export(mixpanel))
    chosen = events(export(mixpanel, where=where))
    assert 0 < len(chosen) < len(every)
    assert len(chosen) == sum(holds(e["properties"]) for e in every)


@pytest.mark.parametrize(
    ("more", "status", "text"),
    [
        ({"from_date": ""}, 400, "from_date is a required"),
        ({"to_date": "someday"}, 400, "not a valid date"),
        ({"to_date": "2027-01-01"}, 400, "to_date cannot be later than today"),
        ({"event": "Report Created"}, 400, "JSON array"),
        ({"where": "plan ="}, 400, "where clause"),
        ({"limit": "100001"}, 400, "limit must be"),
        ({"project_id": ""}, 400, "Unable to authenticate request"),
        ({"project_id": "5"}, 403, "not a member"),
    ],
)
def test_requests_that_are_wrong_are_refused(mixpanel, more, status, text):
    query = {**PROJECT, "from_date": "2026-06-30", "to_date": "2026-06-30", **more}
    answer = mixpanel("GET", "/api/2.0/export", query=query)
    assert answer.status == status
    assert text in answer.body.decode()


def test_service_accounts_may_come_unencoded_and_others_not_at_all(mixpanel, nobody, world):
    known = world.ready["mixpanel"]
    bare = f"Basic {known['username']}:{known['secret']}"
    assert export(nobody, headers={"Authorization": bare}).status == 200
    assert export(nobody).status == 401
    wrong = base64.b64encode(b"who:knows").decode()
    assert (
        "Unable to authenticate"
        in export(nobody, headers={"Authorization": f"Basic {wrong}"}).body.decode()
    )
    world.sandbox.clock.advance(5)
    world.sandbox.mixpanel.settings.account_expired = True
    assert export(mixpanel).status == 401


def test_each_region_has_hosts_of_its_own(mixpanel):
    assert export(mixpanel, headers={"Host": "data.mixpanel.com"}).status == 200
    assert export(mixpanel, headers={"Host": "data-eu.mixpanel.com"}).status == 401


def test_late_events_arrive_later_and_past_days_change(world, mixpanel):
    day = LAST - timedelta(days=1)
    before = events(export(mixpanel, day, day))
    world.sandbox.clock.advance(8 * 86_400)
    after = events(export(mixpanel, day, day))
    assert len(after) > len(before)


def test_a_merge_rewrites_rows_that_were_sent_before_the_login(world, mixpanel):
    def anonymous():
        return {
            e["properties"]["$insert_id"]
            for e in events(export(mixpanel))
            if e["properties"]["distinct_id"].startswith("$device:")
        }

    before = anonymous()
    world.sandbox.clock.advance(9 * 86_400)
    rewritten = {
        e["properties"]["$insert_id"]: e["properties"]
        for e in events(export(mixpanel))
        if e["properties"].get("$is_reshuffled")
    }
    assert before
    assert not anonymous()
    assert before <= set(rewritten)
    one = rewritten[next(iter(before))]
    assert one["$distinct_id_before_identity"].startswith("$device:")


def test_old_projects_write_their_wall_clock_as_if_it_were_an_epoch(world, mixpanel):
    utc = {e["properties"]["$insert_id"]: e["properties"]["time"] for e in events(export(mixpanel))}
    world.sandbox.mixpanel.settings.project_time = "Asia/Tokyo"
    local = {
        e["properties"]["$insert_id"]: e["properties"]["time"] for e in events(export(mixpanel))
    }
    both = set(utc) & set(local)
    assert both
    assert {local[i] - utc[i] for i in both} == {9 * 3600}
    assert set(utc) != set(local)


def test_three_a_second_and_sixty_an_hour_are_all(world, mixpanel):
    world.sandbox.mixpanel.settings.hourly = 5
    quick = [export(mixpanel, limit=1).status for _ in range(4)]
    assert quick == [200, 200, 200, 429]
    world.sandbox.clock.advance(2)
    export(mixpanel, limit=1)
    export(mixpanel, limit=1)
    refused = export(mixpanel, limit=1)
    assert refused.status == 429
    assert "queries running in the last hour" in refused.json()["error"]
    assert 3500 < int(refused.headers["retry-after"]) <= 3600
    assert '"project";q=5;w=3600' in refused.headers["ratelimit-policy"]
    told = f'"project";r=0;t={refused.headers["retry-after"]}, "project-concurrency";r=100'
    assert refused.headers["ratelimit"] == told
    world.sandbox.clock.advance(3601)
    assert export(mixpanel, limit=1).status == 200


def test_only_so_many_exports_run_at_once(world, mixpanel):
    world.sandbox.mixpanel.settings.concurrent = 1
    world.fault("slow_body", "mixpanel.export", seconds=1, count=1)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(export, mixpanel)
        while not world.sandbox.mixpanel.busy("export"):
            time.sleep(0.01)
        refused = export(mixpanel)
        assert refused.status == 429
        assert "concurrency limit (2/1 queries running concurrently)" in refused.json()["error"]
        assert refused.headers["ratelimit"].endswith(', "project-concurrency";r=0;t=10')
        assert running.result().status == 200
    assert export(mixpanel).status == 200


def test_a_load_shed_has_no_headers_that_help(world, mixpanel):
    world.fault("load_shed", "mixpanel.export", count=1)
    shed = export(mixpanel)
    assert shed.status == 429
    assert not {"retry-after", "ratelimit"} & set(shed.headers)


# -- profiles


def engage(mixpanel, path="/api/query/engage", **form):
    coded = "application/x-www-form-urlencoded"
    return mixpanel("POST", path, urlencode(form), query=PROJECT, Content_Type=coded)


def test_profiles_come_by_session_and_only_the_first_page_counts(world, mixpanel):
    world.sandbox.mixpanel.settings.query_hourly = 1
    page = engage(mixpanel, page_size=100).json()
    total, session, seen = page["total"], page["session_id"], page["results"]
    number = 1
    while page["session_id"]:
        page = engage(mixpanel, page=number, session_id=session).json()
        seen += page["results"]
        number += 1
    assert (
        len({p["$distinct_id"] for p in seen})
        == total
        == len(world.sandbox.mixpanel.project.profiles)
    )
    assert page["session_id"] is None
    assert page["total"] != total
    assert engage(mixpanel).status == 429


def test_a_session_that_is_over_or_was_never_there_is_refused(world, mixpanel):
    session = engage(mixpanel, page_size=10).json()["session_id"]
    assert engage(mixpanel, page=1).status == 400
    world.sandbox.clock.advance(4000)
    assert "uncached query" in engage(mixpanel, page=1, session_id=session).json()["error"]


def test_group_profiles_have_their_own_id_and_properties(mixpanel, world):
    answer = engage(
        mixpanel, data_group_id="-6422834516187294721", output_properties='["crm_id"]'
    ).json()
    assert answer["total"] == len(world.sandbox.mixpanel.project.groups)
    assert set(answer["results"][0]["$properties"]) == {"crm_id"}
    assert engage(mixpanel, data_group_id="5").status == 400


def test_profiles_without_last_seen_are_missed_by_a_filter_on_it(mixpanel, world):
    filtered = engage(mixpanel, where='properties["$last_seen"] >= "2000-01-01T00:00:00"').json()
    assert filtered["total"] < len(world.sandbox.mixpanel.project.profiles)


def test_a_plan_without_the_query_api_still_exports(world, mixpanel):
    world.sandbox.mixpanel.settings.query_api = False
    assert engage(mixpanel).status == 402
    assert export(mixpanel, limit=1).status == 200


def test_a_cohort_has_members_without_a_profile(world, mixpanel):
    project = world.sandbox.mixpanel.project
    known = next(iter(project.profiles))
    project.cohorts.append(Cohort(7, "Champions", [known, "nobody"]))
    [shown] = mixpanel("POST", "/api/query/cohorts/list", query=PROJECT).json()
    assert (shown["id"], shown["name"], shown["count"]) == (7, "Champions", 2)
    every = engage(mixpanel, filter_by_cohort='{"id":7}').json()["results"]
    assert {one["$distinct_id"] for one in every} == {known, "nobody"}
    some = engage(mixpanel, filter_by_cohort='{"id":7}', include_all_users="false").json()
    assert [one["$distinct_id"] for one in some["results"]] == [known]
    assert "cohort not found" in engage(mixpanel, filter_by_cohort='{"id":8}').json()["error"]
    both = engage(mixpanel, filter_by_cohort='{"id":7}', behaviors="[]")
    assert both.status == 400


def test_behaviors_of_many_need_an_instant(mixpanel, monkeypatch):
    monkeypatch.setattr("sandbox.mixpanel.engage._PAGE_SIZE", 5)
    behaviors = '[{"window":"30d","name":"b","event_selectors":[{"event":"Report Created"}]}]'
    refused = engage(mixpanel, behaviors=behaviors)
    assert refused.status == 400
    assert "request for page in uncached query for params" in refused.json()["error"]
    assert engage(mixpanel, behaviors=behaviors, as_of_timestamp=1782777600).status == 200


# -- discovery


def test_counts_of_events_come_by_day_with_zeros(mixpanel):
    query = {**PROJECT, "event": '["Report Created", "Never"]', "type": "general", "unit": "day",
             "from_date": "2026-06-28", "to_date": "2026-07-01"}  # fmt: skip
    found = mixpanel("GET", "/api/query/events", query=query).json()
    days = ["2026-06-28", "2026-06-29", "2026-06-30", "2026-07-01"]
    assert found["data"]["series"] == days
    assert list(found["data"]["values"]) == ["Report Created"]
    counts = found["data"]["values"]["Report Created"]
    exported = [e for e in events(export(mixpanel)) if e["event"] == "Report Created"]
    assert counts["2026-06-30"] == len(exported) > 0
    assert list(counts) == days
    assert mixpanel("GET", "/api/query/events", query={**query, "event": "x"}).status == 400


def test_discovery_tells_zone_names_and_what_somebody_described(mixpanel):
    me = mixpanel("GET", "/api/app/me").json()["results"]
    assert me["projects"]["2195193"]["timezone"] == "UTC"
    names = mixpanel("GET", "/api/query/events/names", query={**PROJECT, "type": "general"}).json()
    assert "Report Shared" in names
    described = mixpanel("GET", "/api/app/projects/2195193/schemas").json()["results"]
    assert {s["name"] for s in described} < set(names)
    values = mixpanel(
        "GET", "/api/query/events/properties/values",
        query={**PROJECT, "event": "Report Created", "name": "report_type"},
    ).json()  # fmt: skip
    assert set(values) == {"scheduled", "ad hoc"}
    last = [mixpanel("GET", "/api/app/projects/2195193/schemas").status for _ in range(5)]
    assert last[-1] == 429
    assert mixpanel("GET", "/api/nothing").status == 404


# -- import


def event(number, **properties):
    more = {
        "time": 1782800000 + number,
        "distinct_id": "",
        "$insert_id": f"new-{number}",
        **properties,
    }
    return {"event": "Stage Entered", "properties": more}


def bring(mixpanel, *sent, **headers):
    query = {**PROJECT, "strict": 1}
    return mixpanel(
        "POST", "/import", list(sent), query=query, Content_Type="application/json", **headers
    )


def test_imported_events_come_back_in_the_next_export(mixpanel):
    packed = gzip.compress(json.dumps([event(1), event(2)]).encode())
    query = {**PROJECT, "strict": 1}
    answer = mixpanel("POST", "/import", packed, query=query, Content_Encoding="gzip")
    assert answer.json() == {"code": 200, "status": "OK", "num_records_imported": 2}
    bring(mixpanel, event(1))
    found = events(export(mixpanel, event='["Stage Entered"]'))
    assert [e["properties"]["$insert_id"] for e in found] == ["new-1", "new-2", "new-1"]


def test_good_events_are_stored_even_where_others_are_refused(mixpanel):
    answer = bring(mixpanel, event(1), event(2, time=5), event(3, distinct_id="anonymous"))
    assert (answer.status, answer.json()["num_records_imported"]) == (400, 1)
    fields = [r["field"] for r in answer.json()["failed_records"]]
    assert fields == ["properties.time", "properties.distinct_id"]
    assert len(events(export(mixpanel, event='["Stage Entered"]'))) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_an_import_may_have_to_wait_and_nothing_is_stored_then(world, mixpanel, status):
    world.fault("status", "mixpanel.import", status=status, count=1)
    refused = bring(mixpanel, event(1))
    assert refused.status == status
    if status == 429:
        assert refused.json()["status"] == "Too Many Requests"
    assert events(export(mixpanel, event='["Stage Entered"]')) == []
    assert bring(mixpanel, event(1)).status == 200


def test_the_old_project_secret_still_works_and_is_noted_as_such(world, nobody):
    coded = base64.b64encode(f"{world.ready['mixpanel']['project_secret']}:".encode()).decode()
    assert export(nobody, headers={"Authorization": f"Basic {coded}"}).status == 200
    [entry] = world.sandbox.log.entries()
    assert entry["notes"]["deprecated_login"]


def test_what_an_import_cannot_hold_is_refused_whole(mixpanel, nobody):
    assert bring(mixpanel, *[event(n) for n in range(2001)]).status == 400
    assert bring(mixpanel, event(1, blob="x" * 2_100_000)).status == 413
    verb = {"event": "$identify", "properties": event(1)["properties"]}
    assert isinstance(bring(mixpanel, verb).json()["failed_records"][0], str)
    assert bring(nobody, event(1)).json()["code"] == 401
