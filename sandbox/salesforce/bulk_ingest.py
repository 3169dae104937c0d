"""Bulk 2.0 ingest: create, upload, start, poll, three kinds of results."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from sandbox.core.http import Call, Reply
from sandbox.salesforce.bulk import Job, format_of, job_not_found
from sandbox.salesforce.csv_text import BadCsv, read, write
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.ids import make_id
from sandbox.salesforce.rows import matching_ids
from sandbox.salesforce.save import Saved, Wanted, save_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.salesforce.org import Org, Settings
    from sandbox.salesforce.schema import SObject

_MOST_UPLOAD_BYTES = 100_000_000
_OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")


class Ingest:
    """`JobComplete` says nothing about the rows; the results do, in no order."""

    def __init__(self, org: Org, settings: Callable[[], Settings]) -> None:
        self._org = org
        self._settings = settings
        self.jobs: dict[str, Job] = {}

    def create(self, call: Call) -> Reply:
        body = call.json()
        delimiter, line_ending = format_of(body)
        operation = str(body.get("operation", ""))
        if operation not in _OPERATIONS:
            raise ApiError("INVALIDJOB", f"operation '{operation}' is not supported")
        obj = self._org.sobject(str(body.get("object", "")))
        if not obj.bulk:
            raise ApiError(
                "INVALIDENTITY", f"Entity '{obj.name}' is not supported by the Bulk API."
            )
        job = Job(
            make_id("750", len(self.jobs) + 1), operation, obj.name, call.params["version"],
            self._org.now(), delimiter, line_ending,
            extra={"key": str(body.get("externalIdFieldName", "Id")), "body": None, "saved": []},
        )  # fmt: skip
        if operation == "upsert" and "externalIdFieldName" not in body:
            raise ApiError("INVALIDJOB", "externalIdFieldName is needed for upsert")
        self.jobs[job.id] = job
        return Reply.of_json(self._info(job))

    def _info(self, job: Job) -> dict[str, Any]:
        url = f"services/data/v{job.version}/jobs/ingest/{job.id}/batches"
        extra = {"externalIdFieldName": job.extra["key"]} if job.operation == "upsert" else {}
        return {**job.shown(), **extra, "contentUrl": url}

    def _job(self, call: Call) -> Job:
        job = self.jobs.get(call.params["job"])
        if job is None:
            raise job_not_found()
        return job

    def upload(self, call: Call) -> Reply:
        job = self._job(call)
        if job.state != "Open" or job.extra["body"] is not None:
            raise ApiError(
                "INVALIDJOBSTATE",
                f"Found multiple contents or state {job.state} for job: <{job.id}>, please "
                "'Close' / 'Abort' / 'Delete' the current Job then create a new Job",
            )
        if not call.headers.get("content-type", "").startswith("text/csv"):
            raise ApiError("UNSUPPORTED_MEDIA_TYPE", "content-type must be text/csv", 415)
        body = call.content()
        if len(body) > _MOST_UPLOAD_BYTES:
            raise ApiError("REQUEST_ENTITY_TOO_LARGE", "at most 100 MB in one upload", 413)
        job.extra["body"] = body
        return Reply(201)

    def change(self, call: Call) -> Reply:
        job = self._job(call)
        wanted = call.json().get("state")
        if wanted == "Aborted" and job.state in ("Open", "UploadComplete", "InProgress"):
            job.state = "Aborted"
        elif wanted == "UploadComplete" and job.state == "Open":
            job.state = "UploadComplete"
            job.ready_at = self._org.clock.elapsed() + self._settings().bulk_seconds
        else:
            raise ApiError(
                "INVALIDJOBSTATE", f"Job {job.id} cannot go from {job.state} to {wanted}"
            )
        job.modified = self._org.now()
        return Reply.of_json(self._info(job))

    def get(self, call: Call) -> Reply:
        job = self._job(call)
        extra = {"jobType": "V2Ingest", "numberRecordsFailed": job.failed,
                 "apiActiveProcessingTime": 5, "apexProcessingTime": 0}  # fmt: skip
        return Reply.of_json({**self._info(job), **job.counted(), **extra})

    def work(self, call: Call) -> None:
        """Jobs whose time has come do their work, whatever the request is about."""
        for job in list(self.jobs.values()):
            self._move(call, job)

    def _move(self, call: Call, job: Job) -> None:
        if job.state == "UploadComplete" and self._org.clock.elapsed() < job.ready_at:
            job.state = "InProgress"
        if (
            job.state in ("UploadComplete", "InProgress")
            and self._org.clock.elapsed() >= job.ready_at
        ):
            self._process(call, job)

    def _process(self, call: Call, job: Job) -> None:
        obj = self._org.objects[job.object]
        try:
            header, rows = read(job.extra["body"] or b"", job.delimiter, job.line_ending)
            self._check_header(header, obj, call)
        except BadCsv as wrong:
            job.state, job.error = "Failed", str(wrong)
            return
        fault = call.take("bulk_failed", object=obj.name)
        done = rows if fault is None else rows[: int(fault.get("after_rows", 0))]
        saved = self._save(call, job, obj, header, done)
        job.extra.update(
            header=header, saved=list(zip(done, saved, strict=True)), left=rows[len(done) :]
        )
        job.processed = len(done)
        job.failed = sum(not s.success for s in saved)
        job.modified = self._org.now()
        job.state = "JobComplete" if fault is None else "Failed"
        if fault is not None:
            job.error = "InternalServerError : Exceeded the retry limit"

    def _check_header(self, header: list[str], obj: SObject, call: Call) -> None:
        visible = self._org.fields(obj, call.user)
        for name in header:
            found = obj.find(name)
            if found is None or found.name not in visible:
                raise BadCsv(f"InvalidBatch : Field name not found : {name}")

    def _save(
        self, call: Call, job: Job, obj: SObject, header: list[str], rows: list[list[str]]
    ) -> list[Saved]:
        wanted = [self._wanted(job, obj, dict(zip(header, row, strict=True))) for row in rows]
        if job.operation not in ("delete", "hardDelete"):
            return save_all(self._org, call, wanted)
        saved = []
        for one in wanted:
            held = one.record_id in obj.rows
            if held and one.record_id:
                self._org.delete(obj, one.record_id, call.user)
            saved.append(Saved(success=held, record_id=one.record_id))
        return saved

    def _wanted(self, job: Job, obj: SObject, row: dict[str, str]) -> Wanted:
        """An empty cell leaves its field alone, #N/A sets it to null."""
        changes = {k: None if v == "#N/A" else v for k, v in row.items() if v != "" and k != "Id"}
        if job.operation == "insert":
            return Wanted(obj, None, changes, texts=True)
        if job.operation == "upsert" and job.extra["key"] != "Id":
            held = matching_ids(obj, job.extra["key"], row.get(job.extra["key"]))
            return Wanted(obj, held[0] if held else None, changes, texts=True)
        return Wanted(obj, row.get("Id", ""), changes, texts=True)

    # -- results

    def successful(self, call: Call) -> Reply:
        job = self._job(call)
        rows = [
            [saved.record_id or "", "true" if saved.created else "false", *row]
            for row, saved in self._shuffled(job) if saved.success
        ]  # fmt: skip
        return self._csv(job, ["sf__Id", "sf__Created"], rows)

    def failures(self, call: Call) -> Reply:
        job = self._job(call)
        position = (
            (job.extra.get("header") or []).index("Id")
            if "Id" in (job.extra.get("header") or [])
            else None
        )
        rows = [
            ["" if position is None else row[position], _error_text(saved), *row]
            for row, saved in self._shuffled(job) if not saved.success
        ]  # fmt: skip
        return self._csv(job, ["sf__Id", "sf__Error"], rows)

    def unprocessed(self, call: Call) -> Reply:
        job = self._job(call)
        return self._csv(job, [], job.extra.get("left", []))

    def _shuffled(self, job: Job) -> list[Any]:
        rows = list(job.extra["saved"])
        random.Random(job.id).shuffle(rows)
        return rows

    def _csv(self, job: Job, first: list[str], rows: list[list[str]]) -> Reply:
        header = [*first, *job.extra.get("header", [])]
        body = write(header, rows, job.delimiter, job.line_ending)
        return Reply(200, body, {"content-type": "text/csv; charset=UTF-8"})

    def delete(self, call: Call) -> Reply:
        job = self._job(call)
        if job.state not in ("JobComplete", "Failed", "Aborted"):
            raise ApiError("INVALIDJOBSTATE", f"Job {job.id} is still {job.state}")
        del self.jobs[job.id]
        return Reply(204)

    def listed(self, call: Call) -> Reply:
        records = [self._info(job) for job in self.jobs.values()]
        return Reply.of_json({"done": True, "records": records, "nextRecordsUrl": None})


def _error_text(saved: Saved) -> str:
    first = saved.errors[0]
    return f"{first['statusCode']}:{first['message']}:{' '.join(first['fields'])}--"
