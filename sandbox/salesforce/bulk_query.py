"""Bulk 2.0 query: create, poll, results by locator."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from sandbox.core.http import Call, JsonDict, Reply
from sandbox.core.limits import Window
from sandbox.salesforce.bulk import DAY_SECONDS, Job, format_of, job_not_found
from sandbox.salesforce.csv_text import write
from sandbox.salesforce.errors import ApiError, error
from sandbox.salesforce.ids import make_id
from sandbox.salesforce.soql import parse
from sandbox.salesforce.soql_run import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.salesforce.org import Org, Settings

_DEFAULT_ROWS = 50_000
_PAGES_SHOWN = 5


class BulkQueries:
    """Locators are opaque and may be read again; the last page's is the word `null`."""

    def __init__(self, org: Org, settings: Callable[[], Settings]) -> None:
        self._org = org
        self._settings = settings
        self._jobs: dict[str, Job] = {}
        self._started = Window(settings().bulk_query_jobs, DAY_SECONDS)

    def create(self, call: Call) -> Reply:
        body = call.json()
        delimiter, line_ending = format_of(body)
        operation = body.get("operation")
        if operation not in ("query", "queryAll"):
            raise ApiError("INVALIDJOB", f"operation '{operation}' is not supported")
        query = parse(str(body.get("query", "")))
        obj = self._org.sobject(query.entity)
        if not obj.bulk:
            raise ApiError(
                "INVALIDENTITY", f"Entity '{obj.name}' is not supported by the Bulk API."
            )
        if query.group or query.offset or any(item.function for item in query.items):
            raise ApiError(
                "API_ERROR",
                "Implementation restriction: aggregates, GROUP BY and OFFSET are not supported "
                "in Bulk Query",
            )
        compound = [i.path for i in query.items if (f := obj.find(i.path)) and f.type == "address"]
        if compound:
            raise ApiError(
                "FUNCTIONALITY_NOT_ENABLED", "Selecting compound data not supported in Bulk Query"
            )
        self._started.limit = self._settings().bulk_query_jobs
        if not self._started.take(self._org.clock.elapsed()):
            limit = self._settings().bulk_query_jobs
            raise ApiError(
                "LIMIT_EXCEEDED", f"Max bulk v2 query jobs ({limit}) per 24 hrs has been reached"
            )
        result = run(
            self._org, query, call.user, include_deleted=operation == "queryAll",
            lag_seconds=self._settings().late_visibility_seconds,
        )  # fmt: skip
        job = Job(
            make_id("750", 500_000 + len(self._jobs)), operation, obj.name, call.params["version"],
            self._org.now(), delimiter, line_ending, "UploadComplete",
            ready_at=self._org.clock.elapsed() + self._settings().bulk_seconds,
            extra={"result": result},
        )  # fmt: skip
        self._jobs[job.id] = job
        return Reply.of_json(job.shown())

    def _job(self, call: Call) -> Job:
        job = self._jobs.get(call.params["job"])
        if job is None:
            raise job_not_found()
        if job.state in ("UploadComplete", "InProgress"):
            waiting = self._org.clock.elapsed() < job.ready_at
            job.state = "InProgress" if waiting else "JobComplete"
            if not waiting and call.take("bulk_failed", object=job.object):
                job.state, job.error = "Failed", "InternalServerError : Exceeded the retry limit"
            job.processed = 0 if waiting else len(job.extra["result"].rows)
        return job

    def get(self, call: Call) -> Reply:
        job = self._job(call)
        return Reply.of_json({**job.shown(), **job.counted(), "jobType": "V2Query"})

    def change(self, call: Call) -> Reply:
        job = self._jobs.get(call.params["job"])
        if job is None:
            raise job_not_found()
        if call.json().get("state") != "Aborted" or job.state not in (
            "UploadComplete",
            "InProgress",
        ):
            raise ApiError("INVALIDJOBSTATE", f"Job {job.id} cannot be aborted in {job.state}")
        job.state = "Aborted"
        return Reply.of_json(job.shown())

    def results(self, call: Call) -> Reply:
        job = self._job(call)
        if job.version != call.params["version"]:
            return error(
                "API_ERROR", "results must be asked for in the API version of the job", 409
            )
        if job.state != "JobComplete":
            raise ApiError("INVALIDJOBSTATE", f"Job {job.id} is {job.state}")
        start = self._start(call.one("locator"))
        size = self._size(call)
        result = job.extra["result"]
        rows = [] if call.take("empty") else result.csv_rows(start, size)
        end = start + size
        locator = _locator(end) if end < len(result.rows) else "null"
        body = write(result.header(), rows, job.delimiter, job.line_ending)
        call.notes["records"] = len(rows)
        shown = len(result.rows[start:end])
        return Reply(200, body, {
            "content-type": "text/csv", "sforce-locator": locator,
            "sforce-numberofrecords": str(shown),
        })  # fmt: skip

    def _size(self, call: Call) -> int:
        asked = call.one("maxRecords", str(_DEFAULT_ROWS))
        if not asked.isdigit() or int(asked) < 1:
            raise ApiError("INVALID_INPUT", f"maxRecords must be a positive number: {asked}")
        return int(asked)

    def _start(self, locator: str) -> int:
        if not locator:
            return 0
        try:
            return int(base64.urlsafe_b64decode(locator + "=="))
        except ValueError:
            raise ApiError("INVALID_QUERY_LOCATOR", "invalid locator") from None

    def result_pages(self, call: Call) -> Reply:
        job = self._job(call)
        total, size = len(job.extra["result"].rows), self._size(call)
        base = f"/services/data/v{job.version}/jobs/query/{job.id}/results"
        first = self._start(call.one("locator"))
        starts = list(range(first, max(total, 1), size))
        body: JsonDict = {
            "resultPages": [
                {
                    "resultUrl": f"{base}?maxRecords={size}"
                    + (f"&locator={_locator(s)}" if s else "")
                }
                for s in starts[:_PAGES_SHOWN]
            ],
            "done": len(starts) <= _PAGES_SHOWN,
        }
        if len(starts) > _PAGES_SHOWN:
            locator = _locator(starts[_PAGES_SHOWN])
            body["nextRecordsUrl"] = base.replace("/results", f"/resultPages?locator={locator}")
        return Reply.of_json(body)

    def delete(self, call: Call) -> Reply:
        if self._jobs.pop(call.params["job"], None) is None:
            raise job_not_found()
        return Reply(204)

    def listed(self, call: Call) -> Reply:
        records = [job.shown() for job in self._jobs.values()]
        return Reply.of_json({"done": True, "records": records, "nextRecordsUrl": None})


def _locator(start: int) -> str:
    return base64.urlsafe_b64encode(str(start).encode()).decode().rstrip("=")
