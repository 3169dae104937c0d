"""Bad days of Mixpanel's export: what is retried, what stops, and that nothing is taken half.

The rows are those of the vendor's failure catalogue.
"""

from datetime import UTC, datetime

import pytest

from config.errors import FixConfig, GatepostError, PartlyDone, RetryLater, StopCycle
from sandbox.mixpanel.project import Settings
from sandbox.testing import running

MORNING = datetime(2026, 7, 1, 6, tzinfo=UTC)
DAY = "2026-06-29"
SUNDAY = "2026-06-28"  # so few events that the body comes uncompressed
BLOCK = "2026-06-14_2026-06-20"
EXPORT = "mixpanel.export"

CUTS = [
    {"kind": "cut", "how": "short_length"},
    {"kind": "cut", "how": "short_length", "bytes": 1},
    {"kind": "cut", "how": "between_chunks"},
    {"kind": "cut", "how": "between_chunks", "at": 0.999},
    {"kind": "cut", "how": "inside_chunk"},
    {"kind": "cut", "how": "gzip"},
    {"kind": "cut", "how": "gzip", "at": 1.0},  # all there but the checksum
    {"kind": "cut", "how": "clean"},
    {"kind": "cut", "how": "stall", "seconds": 0.2},
    {"kind": "cut", "how": "reset"},
    {"kind": "terminated_early"},
    {"kind": "terminated_early", "how": "newline"},
    {"kind": "terminated_early", "how": "only"},
    {"kind": "terminated_early", "at": 1.0},
    {"kind": "terminated_early", "at": 0.0, "how": "newline"},
    {"kind": "status", "status": 200, "body": {"error": "unknown", "status": "error"}},
    {"kind": "status", "status": 200, "body": '{"event":null,"properties":{}}\n'},
    {"kind": "status", "status": 200, "body": '{"event":"Opened"}\n'},
    {"kind": "status", "status": 200, "body": "[1, 2]\n"},
    {"kind": "html", "status": 200},
]
BUSY = [
    {"kind": "status", "status": 429},
    {"kind": "status", "status": 429, "retry_after": 7},
    {"kind": "load_shed"},
    {"kind": "status", "status": 429, "body": {
        "request": "/api/2.0/export?from_date=2026-06-29",
        "error": "… 1/5 queries running concurrently and 61/60 queries running in the last hour."}},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 500, "body": "unknown error"},
    {"kind": "status", "status": 502},
    {"kind": "html", "status": 503},
    {"kind": "status", "status": 504, "body": ""},
    {"kind": "reset"},
    {"kind": "reset_after"},
    {"kind": "status", "status": 400},  # Timeout Error.
]  # fmt: skip


def title(fault):
    return "-".join(str(value)[:20] for value in fault.values())


@pytest.fixture(scope="module")
def shared():
    """One sandbox for all of these; no test may see what another did to it."""
    with running(accounts=8, days=60) as found:
        yield found


@pytest.fixture
def started(shared):
    sandbox = shared.sandbox
    sandbox.faults.remove()
    sandbox.clock.set(MORNING)
    sandbox.mixpanel.settings = Settings()
    sandbox.mixpanel._hour["export"].clear()
    sandbox.mixpanel._second.clear()
    return shared


GOOD: dict[str, list[bytes]] = {}


@pytest.fixture
def whole(product):
    """The lines of a good day's bodies."""
    if not GOOD:
        GOOD.update({name: product.fetch(name) for name in (DAY, SUNDAY, BLOCK)})
        product.clock.advance(5)
    assert all(GOOD.values())
    product.forget()
    return GOOD


@pytest.mark.parametrize("fault", [*CUTS, *BUSY], ids=title)
def test_a_bad_answer_is_asked_again_and_the_whole_taken(product, whole, fault):
    product.started.fault(**fault, route=EXPORT, count=2)
    assert product.fetch(DAY) == whole[DAY]
    assert product.calls == 3
    assert sum(product.waited) >= (14 if "retry_after" in fault else 1.5)


@pytest.mark.parametrize("fault", CUTS, ids=title)
def test_a_body_that_is_never_whole_is_never_taken(product, whole, fault, tmp_path):
    product.started.fault(**fault, route=EXPORT)
    spool = tmp_path / "empty"
    with pytest.raises(
        RetryLater, match=f"product: the export of {DAY} could not be had: "
    ) as told:
        product.fetch(DAY, spool)
    assert told.value.exit_code == 1
    assert list(spool.glob("*.jsonl")) == []
    assert product.calls == 5


@pytest.mark.parametrize("fault", [*CUTS[:3], *CUTS[7:8], *CUTS[10:13]], ids=title)
def test_small_bodies_are_held_to_the_same(product, whole, fault):
    product.started.fault(**fault, route=EXPORT, count=1)
    assert product.fetch(SUNDAY) == whole[SUNDAY]


@pytest.mark.parametrize("fault", BUSY, ids=title)
def test_who_is_busy_for_too_long_is_left_alone(product, whole, fault):
    product.started.fault(**fault, route=EXPORT)
    with pytest.raises(RetryLater, match=DAY):
        product.fetch(DAY)
    assert product.calls == 5
    assert len(product.waited) >= 4


def test_an_hour_is_not_waited_for(product, whole):
    product.started.fault("status", EXPORT, status=429, retry_after=3600)
    with pytest.raises(PartlyDone, match="asks to wait 3,600 s") as told:
        product.fetch(DAY)
    assert told.value.exit_code == 3
    assert "by other tools too" in told.value.hint
    assert product.calls == 1


def test_a_quota_that_others_used_up_is_no_failure(product):
    product.mixpanel._hour["export"].spend(product.clock.elapsed(), 60)
    with pytest.raises(PartlyDone, match=r"61/60 queries running in the last hour"):
        product.fetch(DAY)


@pytest.mark.parametrize("status", [401, 400])
def test_a_login_that_has_expired_is_for_people(product, status):
    product.mixpanel.settings.account_expired = True
    product.mixpanel.settings.auth_status = status
    with pytest.raises(FixConfig, match=r"connections\.product: .*service account") as told:
        product.fetch(DAY)
    assert "region 'us'" in str(told.value)
    assert product.calls == 1


def test_another_regions_project_is_for_people(product):
    product.mixpanel.settings.region = "eu"
    product.url = product.url.replace("127.0.0.1", "localhost")
    connector = product.connector()
    connector.client._session.headers["Host"] = "data.mixpanel.com"
    source = connector.events(None)
    with pytest.raises(FixConfig, match="is in the region 'us'"):
        source.fetch(source.parts()[0], product.folder)


def test_a_project_that_is_not_ours_is_for_people(product):
    product.options["project_id"] = 5
    with pytest.raises(FixConfig, match=r"may not read project 5 \(403: User is not a member"):
        product.fetch(DAY)
    assert product.calls == 1


def test_a_plan_without_exports_is_said(product):
    body = {"error": "Your plan does not allow API calls. Upgrade at mixpanel.com/pricing"}
    product.started.fault("status", EXPORT, status=402, body=body)
    with pytest.raises(StopCycle, match="Your plan does not allow") as told:
        product.fetch(DAY)
    assert "plan" in told.value.hint
    assert product.calls == 1


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (402, StopCycle, r"402 \(Your plan does not allow API calls"),
        (403, FixConfig, r"\(403: You do not have permission"),
        (404, StopCycle, r"404 \(Not found"),
    ],
)
def test_a_refusal_is_told_in_the_vendors_words(product, status, error, said):
    product.started.fault("status", EXPORT, status=status)
    with pytest.raises(error, match=said):
        product.fetch(DAY)
    assert product.calls == 1


def test_what_nobody_foresaw_stops(product):
    product.started.fault("status", EXPORT, status=418, body="short and stout")
    with pytest.raises(StopCycle, match=r"Mixpanel answered 418 \(short and stout\)"):
        product.fetch(DAY)
    assert product.calls == 1


def test_a_calendar_that_is_behind_ours_is_never_ignored(product):
    product.mixpanel.settings.project_time = "America/Los_Angeles"
    source = product.source()
    [*_, today] = source.parts()
    with pytest.raises(StopCycle, match=r"later than today.*has not begun") as told:
        source.fetch(today, product.folder)
    assert "local(<its time zone>)" in told.value.hint


def test_a_query_that_takes_the_server_too_long_is_asked_in_halves(product, whole):
    product.started.fault("status", EXPORT, status=400, count=2)
    assert sorted(product.fetch(BLOCK)) == sorted(whole[BLOCK])
    assert product.calls == 5  # a week, four days of it, their halves, the other three


@pytest.mark.parametrize("fault", [*CUTS[2:8:2], *CUTS[11:13]], ids=title)
def test_a_week_that_breaks_twice_is_asked_in_halves(product, whole, fault):
    product.started.fault(**fault, route=EXPORT, count=2)
    assert sorted(product.fetch(BLOCK)) == sorted(whole[BLOCK])
    assert product.calls == 4


def test_no_error_shows_the_secret_or_what_an_event_says(product, whole):
    secret = product.started.ready["mixpanel"]["secret"]
    product.started.fault("status", EXPORT, status=418, body=f"Basic {secret} {secret}")
    with pytest.raises(GatepostError) as told:
        product.fetch(DAY)
    assert secret not in str(told.value)
    product.started.sandbox.faults.remove()
    product.started.fault("cut", EXPORT, how="clean")
    with pytest.raises(RetryLater) as told:
        product.fetch(DAY)
    assert "is cut off" in str(told.value)
    assert "distinct_id" not in str(told.value)


def test_an_answer_that_never_comes_is_not_waited_for_for_ever(product, whole):
    product.options["timeout_seconds"] = 1
    product.started.fault("slow", EXPORT, seconds=1.5, count=1)
    assert product.fetch(DAY) == whole[DAY]
    assert product.calls == 2


def test_a_slow_body_is_no_fault(product, whole):
    product.started.fault("slow_body", EXPORT, seconds=0.5)
    assert product.fetch(DAY) == whole[DAY]
    assert product.calls == 1


def test_a_missing_secret_is_named(product, monkeypatch):
    monkeypatch.delenv("GATEPOST_PRODUCT_SECRET")
    with pytest.raises(FixConfig, match="GATEPOST_PRODUCT_SECRET"):
        product.fetch(DAY)
    assert product.calls == 0
