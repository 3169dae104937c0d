"""What ingest and query jobs of Bulk 2.0 have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.csv_text import DELIMITERS, LINE_ENDINGS
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.org import API_USER
from sandbox.salesforce.values import to_json

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.core.http import JsonDict

DAY_SECONDS = 86_400


@dataclass
class Job:
    """One job. `ready_at` is the `Clock.elapsed()` reading at which its work is done."""

    id: str
    operation: str
    object: str
    version: str
    created: datetime
    delimiter: str = "COMMA"
    line_ending: str = "LF"
    state: str = "Open"
    error: str = ""
    ready_at: float = 0.0
    processed: int = 0
    failed: int = 0
    modified: datetime | None = None
    extra: JsonDict = field(default_factory=dict)

    def shown(self) -> JsonDict:
        """The keys that creation, start and polling have in common."""
        return {
            "id": self.id, "operation": self.operation, "object": self.object,
            "createdById": API_USER, "createdDate": to_json(self.created),
            "systemModstamp": to_json(self.modified or self.created), "state": self.state,
            "concurrencyMode": "Parallel", "contentType": "CSV", "apiVersion": float(self.version),
            "lineEnding": self.line_ending, "columnDelimiter": self.delimiter,
        }  # fmt: skip

    def counted(self) -> JsonDict:
        """What polling adds."""
        counts: JsonDict = {
            "numberRecordsProcessed": self.processed, "retries": 0, "totalProcessingTime": 10,
        }  # fmt: skip
        if self.error:
            counts["errorMessage"] = self.error
        return counts


def format_of(body: Any) -> tuple[str, str]:
    """Delimiter and line ending of a job request. Raises ApiError."""
    delimiter = str(body.get("columnDelimiter", "COMMA"))
    line_ending = str(body.get("lineEnding", "LF"))
    if (
        body.get("contentType", "CSV") != "CSV"
        or delimiter not in DELIMITERS
        or line_ending not in LINE_ENDINGS
    ):
        raise ApiError(
            "INVALIDJOB", "contentType must be CSV, columnDelimiter and lineEnding known"
        )
    return delimiter, line_ending


def job_not_found() -> ApiError:
    """No job has this id, or it was deleted."""
    return ApiError("NOT_FOUND", "The requested resource does not exist", 404)
