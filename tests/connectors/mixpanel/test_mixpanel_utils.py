"""Why mixpanel-utils is used with its `request` replaced: what the library does by itself.

Each test holds one of its faults. Where one fails with a new release, our own way round that fault
may be needed no more.
"""

import logging
import threading
from contextlib import suppress

import pytest
from mixpanel_utils import MixpanelUtils

from config.errors import GatepostError, RetryLater
from connectors.mixpanel.client import Client

DAYS = {"from_date": "2026-06-28", "to_date": "2026-06-30"}
EXPORT = "mixpanel.export"


@pytest.fixture
def theirs(started):
    known = started.ready["mixpanel"]
    made = MixpanelUtils(
        known["secret"],
        service_account_username=known["username"],
        project_id=known["project_id"],
    )
    made.raw_api = made.formatted_api = f"{known['url']}/api"
    made.import_api = known["url"]
    return made


@pytest.fixture
def ours(product):
    return product.connector().client


def test_it_knows_the_hosts_of_all_regions():
    found = {region: MixpanelUtils("s", residency=region).raw_api for region in ("us", "eu", "in")}
    assert found == {
        "us": "https://data.mixpanel.com/api",
        "eu": "https://data-eu.mixpanel.com/api",
        "in": "https://data-in.mixpanel.com/api",
    }


@pytest.mark.parametrize("region", ["eu", "in"])
def test_ours_speaks_to_the_region_that_was_named(product, region):
    product.url = None
    product.options["region"] = region
    client = product.connector().client
    assert isinstance(client, Client)
    assert client.raw_api == f"https://data-{region}.mixpanel.com/api"


@pytest.mark.parametrize("status", [400, 401, 402, 403, 429])
def test_it_hides_refusals(started, theirs, ours, status):
    started.fault("status", EXPORT, status=status, retry_after=9)
    assert theirs.request(theirs.raw_api, ["export"], dict(DAYS)) is None
    with pytest.raises(AttributeError):
        theirs.query_export(dict(DAYS))
    with pytest.raises(GatepostError, match=str(status)) as told:
        ours.query_export(dict(DAYS), raw_stream=True)
    if status == 429:
        assert isinstance(told.value, RetryLater)
        assert told.value.wait_seconds == 9


def test_it_repeats_at_once_and_raises_what_nobody_catches(started, theirs, ours):
    started.fault("status", EXPORT, status=503)
    with pytest.raises(BaseException) as told:  # noqa: PT011 - there is nothing in it
        theirs.query_export(dict(DAYS))
    assert type(told.value) is BaseException
    with pytest.raises(RetryLater):
        ours.query_export(dict(DAYS), raw_stream=True)


def test_it_takes_a_short_body_for_the_whole(started, theirs):
    started.fault("cut", EXPORT, how="short_length")
    body = theirs.query_export(dict(DAYS), add_gzip_header=True, raw_stream=True)
    promised = int(body.headers["Content-Length"])
    got = 0
    while piece := body.read(1000):  # as shutil.copyfileobj does, and so its export_events
        got += len(piece)
    assert 0 < got < promised


def test_it_writes_into_what_it_was_given(theirs, ours):
    given = dict(DAYS)
    theirs.request(theirs.raw_api, ["export"], given)
    assert "project_id" in given
    given = dict(DAYS)
    ours.query_export(given, raw_stream=True).close()
    assert given == DAYS


def test_it_waits_longer_for_ever(started, theirs):
    theirs.timeout = 0.2
    started.fault("slow", EXPORT, seconds=0.4, count=1)
    theirs.request(theirs.raw_api, ["export"], dict(DAYS))
    assert theirs.timeout > 30


def test_it_logs_the_password_when_asked_to_debug(started, theirs, ours, caplog):
    logger = MixpanelUtils.LOGGER
    level = logger.level
    try:
        with caplog.at_level(logging.DEBUG, logger=logger.name):
            theirs.request(theirs.raw_api, ["export"], dict(DAYS))
            assert "Authorization" in caplog.text
            caplog.clear()
            ours.query_export(dict(DAYS), raw_stream=True).close()
            assert "Authorization" not in caplog.text
    finally:
        logger.setLevel(level)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_its_profile_query_hangs_when_a_later_page_fails(started, theirs):
    started.fault("status", "mixpanel.engage", status=503, skip=1)

    def query():
        with suppress(BaseException):
            theirs.query_engage({"page_size": 10})

    asking = threading.Thread(target=query, daemon=True)
    asking.start()
    asking.join(1.0)
    assert asking.is_alive()
