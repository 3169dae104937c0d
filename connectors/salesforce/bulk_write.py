"""Writing as a job of Bulk 2.0: one upload for any number of records that change the same fields.

An empty cell leaves a field alone and #N/A clears it, so records of one job have one set of
columns. That a job is complete says nothing of its rows: each is looked up in the results, by Id,
since they come in no order.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from config.errors import GatepostError, RetryLater
from connectors import http
from connectors.plain import plain_text
from connectors.salesforce.answers import Refused, Unsettled
from connectors.salesforce.client import Client
from connectors.salesforce.collections import Collections, Records
from connectors.salesforce.describe import Described
from connectors.salesforce.jobs import wait_for
from connectors.salesforce.outcomes import Kind, error_in_cell, kind_of, rejected, written
from connectors.salesforce.values import Json

CLEAR = "#N/A"
_UPLOAD_BYTES = 90_000_000  # 100 MB are taken
_LONGEST_CELL = 32_000


class UploadLost(RetryLater):
    """Nothing was written; another job may work."""


class MaybeBegunError(RetryLater):
    """A job was told to begin, and nobody knows whether it heard."""


def _upload_lost(error: RetryLater) -> bool:
    return isinstance(error, UploadLost)  # all else was tried again already


def fits(values: Mapping[str, Json]) -> bool:
    """Whether a job can say this: a text that is #N/A itself would clear its field, and a cell has
    32,000 characters at most."""
    texts = [one for one in values.values() if isinstance(one, str)]
    return all(one != CLEAR and len(one) <= _LONGEST_CELL for one in texts)


def write(
    client: Client, described: Described, records: Records, ids: Sequence[str], rest: Collections
) -> None:
    """Send `ids`, which all change the same fields, and settle each in `rest`; what a smaller
    batch may save is sent by it, and everything where no job can be made. GatepostError only if
    nothing was sent."""
    columns = sorted(records[ids[0]])
    for part, body in _uploads(records, ids, columns):
        try:
            trying = http.retrying(client.sleep, attempts=3, retry=_upload_lost)
            job = trying(_uploaded, client, described.name, body)
            _begin(client, described.name, job)
        except MaybeBegunError as error:
            rest.look(part, str(error), again=False)
            continue
        except Refused:  # not served for this object, or used up for today
            rest.write([one for one in ids if one not in rest.settled])
            return
        except GatepostError as error:
            if not rest.touched:
                raise
            rest.leave((one for one in ids if one not in rest.settled), error)
            return
        rest.touched = True
        try:
            left, again = _results(client, described.name, job, part, rest)
        except GatepostError as error:
            rest.look(part, f"job {job} was started, then: {error}", again=False)
            continue
        rest.look(left, f"job {job} says nothing about this record", again=True)
        rest.write(again)


def _uploads(
    records: Records, ids: Sequence[str], columns: Sequence[str]
) -> Iterator[tuple[list[str], bytes]]:
    """Bodies of jobs with the ids in each."""
    part: list[str] = []
    text = _Csv(columns)
    for one in ids:
        text.add(one, records[one])
        part.append(one)
        if text.size > _UPLOAD_BYTES:
            yield part, text.body()
            part, text = [], _Csv(columns)
    if part:
        yield part, text.body()


class _Csv:
    """A body in the making."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._bytes = io.BytesIO()
        self._text = io.TextIOWrapper(self._bytes, encoding="utf-8", newline="", write_through=True)
        self._rows = csv.writer(self._text, lineterminator="\n")
        self._rows.writerow(["Id", *columns])

    @property
    def size(self) -> int:
        """In bytes."""
        return self._bytes.tell()

    def add(self, one: str, values: Mapping[str, Json]) -> None:
        cells = (CLEAR if (cell := values[name]) is None else plain_text(cell)
                 for name in self._columns)  # fmt: skip
        self._rows.writerow([one, *cells])

    def body(self) -> bytes:
        return self._bytes.getvalue()


def _uploaded(client: Client, entity: str, body: bytes) -> str:
    """The id of a job that has its rows. After an error there is none that could begin."""
    what = f"bulk update of {entity}"
    asked = {"object": entity, "operation": "update", "contentType": "CSV",
             "columnDelimiter": "COMMA", "lineEnding": "LF"}  # fmt: skip
    said = client.json("POST", "jobs/ingest", what=what, json=asked, repeat=True)
    job = str(said["id"])
    try:
        client.call(
            "PUT", "/" + str(said["contentUrl"]).lstrip("/"), what=what, data=body,
            headers={"Content-Type": "text/csv; charset=UTF-8"},
        )  # fmt: skip
    except (http.Lost, Unsettled) as error:
        # A job takes one upload, and nobody knows if it has it.
        _change(client, job, "Aborted", what)
        raise UploadLost(
            f"{client.connection}: the upload of a {what} was lost: {error}"
        ) from error
    return job


def _begin(client: Client, entity: str, job: str) -> None:
    """Let a job begin. MaybeBegunError where nobody knows; other errors mean that it did not."""
    what = f"bulk update of {entity}"
    lost: GatepostError | None = None
    for attempt in range(client.attempts):
        try:
            _change(client, job, "UploadComplete", what)
        except (http.Lost, Unsettled) as error:
            lost = error
        except Refused as error:
            if lost is None:
                raise
            lost = error  # perhaps since it began after all
        else:
            return
        try:
            if client.json("GET", f"jobs/ingest/{job}", what=what)["state"] != "Open":
                return
        except GatepostError as error:
            raise MaybeBegunError(f"job {job} may have begun: {lost}; then: {error}") from error
        client.sleep(2.0**attempt)
    try:
        _change(client, job, "Aborted", what)
    except GatepostError as error:
        raise MaybeBegunError(f"job {job} may have begun: {lost}; then: {error}") from error
    assert lost is not None
    raise lost


def _change(client: Client, job: str, state: str, what: str) -> None:
    client.call("PATCH", f"jobs/ingest/{job}", what=what, json={"state": state})


def _results(
    client: Client, entity: str, job: str, ids: Sequence[str], rest: Collections
) -> tuple[list[str], list[str]]:
    """Wait for a job and settle what it is sure of. Returns the ids that are in no result, and
    those that are to be sent again."""
    said: Any = wait_for(client, f"jobs/ingest/{job}", f"bulk update of {entity}")
    left, again = dict.fromkeys(ids), list[str]()
    for row in _rows(client, job, "successfulResults"):
        if row["sf__Id"] in left:
            del left[row["sf__Id"]]
            rest.settled[row["sf__Id"]] = written(row["sf__Id"])
    if not left:
        return [], []
    for row in _rows(client, job, "failedResults"):
        one = row.get("Id") or row["sf__Id"]
        if one not in left:
            continue
        del left[one]
        code, message = error_in_cell(row["sf__Error"])
        if kind_of(code, message) is Kind.NEVER:
            rest.settled[one] = rejected(one, message, code)
        else:
            again.append(one)
    if said["state"] == "Aborted":  # somebody did not want it, so nothing is sent by other means
        rest.look([*left, *again], f"job {job} was aborted in the org", again=False)
        return [], []
    if said["state"] != "JobComplete" and left:
        for row in _rows(client, job, "unprocessedrecords"):
            if row.get("Id") in left:
                del left[row["Id"]]
                again.append(row["Id"])
    return list(left), again


def _rows(client: Client, job: str, which: str) -> Iterator[dict[str, str]]:
    """Rows of a result, decoded here: it comes without a charset, and values hold line ends."""
    response = client.call("GET", f"jobs/ingest/{job}/{which}/", what=f"{which} of job {job}")
    text = io.StringIO(response.content.decode("utf-8-sig", "replace"), newline="")
    rows = csv.DictReader(text)
    if not {"Id", "sf__Id"} & set(rows.fieldnames or ()):
        return  # an edge's page: what it hides is looked at record by record
    for row in rows:
        yield {str(name): cell or "" for name, cell in row.items() if name is not None}
