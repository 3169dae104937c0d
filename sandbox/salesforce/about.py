"""Versions, limits, who am I: the small routes around the records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.core.http import Call, JsonDict, Reply
from sandbox.core.limits import Window
from sandbox.salesforce.bulk import DAY_SECONDS
from sandbox.salesforce.org import API_USER, ORG_ID, USERNAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.salesforce.org import Org, Settings

VERSION = "66.0"
FIRST_VERSION, LAST_VERSION = 31, 68
_NAMES = ("Winter", "Spring", "Summer")


class About:
    """What the org tells of itself; owns the count of the day's requests."""

    def __init__(self, org: Org, settings: Callable[[], Settings]) -> None:
        self._org = org
        self._settings = settings
        self.day = Window(settings().daily_requests, DAY_SECONDS)

    def usage(self) -> tuple[int, int]:
        self.day.limit = self._settings().daily_requests
        return self.day.used(self._org.clock.elapsed()), self.day.limit

    def spent(self) -> str:
        """Why no further request is served, "" while one is; it is counted then."""
        used, _ = self.usage()
        mine = self._settings().app_requests
        if mine is not None and used >= mine:
            return "The request limit of this connected app is exceeded."
        return "" if self.day.take(self._org.clock.elapsed()) else "TotalRequests Limit exceeded."

    def limit_info(self) -> str:
        """What Sforce-Limit-Info says. Everything here is one app's."""
        used, most = self.usage()
        mine = self._settings().app_requests
        said = f"api-usage={used}/{most}"
        return (
            said if mine is None else f"{said}, per-app-api-usage={used}/{mine}(appName=gatepost)"
        )

    def versions(self, _: Call) -> Reply:
        found = []
        for number in range(FIRST_VERSION, LAST_VERSION + 1):
            version = f"{number}.0"
            label = f"{_NAMES[(number + 1) % 3]} '{(number - 1) // 3 + 5:02d}"
            found.append({"label": label, "url": f"/services/data/v{version}", "version": version})
        return Reply.of_json(found)

    def resources(self, call: Call) -> Reply:
        base = f"/services/data/v{call.params['version']}"
        names = ("tooling", "query", "queryAll", "composite", "limits", "sobjects", "jobs")
        return Reply.of_json(
            {**{n: f"{base}/{n}" for n in names}, "identity": self._identity_url()}
        )

    def _identity_url(self) -> str:
        return f"https://login.salesforce.com/id/{ORG_ID}/{API_USER}"

    def limits(self, _: Call) -> Reply:
        used, most = self.usage()
        jobs = self._settings().bulk_query_jobs

        def row(largest: int, left: int) -> JsonDict:
            return {"Max": largest, "Remaining": max(left, 0)}

        return Reply.of_json({
            "DailyApiRequests": row(most, most - used),
            "DailyBulkApiBatches": row(15_000, 15_000),
            "DailyBulkV2QueryJobs": row(jobs, jobs),
            "DailyBulkV2QueryFileStorageMB": row(976_562, 976_562),
            "DataStorageMB": row(1024, 1000),
            "FileStorageMB": row(1024, 1024),
        })  # fmt: skip

    def record_count(self, call: Call) -> Reply:
        asked = [name for name in call.one("sObjects").split(",") if name]
        names = asked or list(self._org.objects)
        counts = [
            {"count": sum(not r.now["IsDeleted"] for r in obj.rows.values()), "name": obj.name}
            for name in names
            if (obj := self._org.objects.get(name)) is not None
        ]
        return Reply.of_json({"sObjects": counts})

    def user_info(self, call: Call) -> Reply:
        url = self._identity_url()
        return Reply.of_json({
            "sub": url, "user_id": API_USER, "organization_id": ORG_ID,
            "preferred_username": USERNAME, "nickname": "gatepost", "name": "Gatepost",
            "email": USERNAME, "email_verified": True, "user_type": "STANDARD",
            "language": "en_US", "locale": "en_US", "utcOffset": 0, "zoneinfo": "GMT",
            "active": True, "is_app_installed": True,
            "urls": {"rest": f"{call.base_url}/services/data/v{{version}}/",
                     "sobjects": f"{call.base_url}/services/data/v{{version}}/sobjects/",
                     "query": f"{call.base_url}/services/data/v{{version}}/query/"},
        })  # fmt: skip

    def identity(self, call: Call) -> Reply:
        return Reply.of_json({
            "id": self._identity_url(), "user_id": API_USER, "organization_id": ORG_ID,
            "username": USERNAME, "display_name": "Gatepost", "email": USERNAME, "active": True,
            "user_type": "STANDARD",
            "urls": {"rest": f"{call.base_url}/services/data/v{{version}}/"},
        })  # fmt: skip
