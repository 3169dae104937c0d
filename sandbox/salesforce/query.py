"""/query, /queryAll and their next pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.core.http import Call, JsonDict, Reply
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.soql import parse
from sandbox.salesforce.soql_run import Result, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.salesforce.org import Org, Settings

_CURSOR_SECONDS = 2 * 86_400
_WIDE_FIELDS = 60


@dataclass
class Cursor:
    """A query whose later pages may be asked for."""

    result: Result
    made_at: float
    page_size: int


class Queries:
    """Runs queries and keeps their cursors for two days."""

    def __init__(self, org: Org, settings: Callable[[], Settings]) -> None:
        self._org = org
        self._settings = settings
        self._cursors: dict[str, Cursor] = {}

    def query(self, call: Call) -> Reply:
        return self._first_page(call, include_deleted=False)

    def query_all(self, call: Call) -> Reply:
        return self._first_page(call, include_deleted=True)

    def _first_page(self, call: Call, *, include_deleted: bool) -> Reply:
        text = call.one("q")
        if not text:
            raise ApiError("MALFORMED_QUERY", "A query string has to be specified")
        query = parse(text)
        result = run(
            self._org, query, call.user, include_deleted=include_deleted,
            lag_seconds=self._settings().late_visibility_seconds,
        )  # fmt: skip
        if call.take("empty"):
            result.rows = []
        if result.count_only:
            return Reply.of_json({"totalSize": len(result.rows), "done": True, "records": []})
        cursor = Cursor(result, self._org.clock.elapsed(), self._page_size(call, len(result.items)))
        key = f"0r8Gp0{len(self._cursors):09d}AAA"
        self._cursors[key] = cursor
        return self._page(call, key, cursor, 0)

    def _page_size(self, call: Call, columns: int) -> int:
        """What the client asks for, 2,000 at most, fewer where rows are wide."""
        size = self._settings().page_size
        option = call.headers.get("sforce-query-options", "")
        if "batchSize=" in option:
            asked = option.split("batchSize=")[1].split(",")[0].strip()
            if not asked.isdigit() or not 200 <= int(asked) <= 2000:
                raise ApiError("INVALID_QUERY_OPTIONS", f"batchSize must be 200 to 2000: {asked}")
            size = min(size, int(asked))
        return max(size * _WIDE_FIELDS // columns, 1) if columns > _WIDE_FIELDS else size

    def more(self, call: Call) -> Reply:
        key, _, start = call.params["locator"].rpartition("-")
        cursor = self._cursors.get(key)
        age = self._org.clock.elapsed() - cursor.made_at if cursor else 0
        if (
            cursor is None
            or not start.isdigit()
            or age > _CURSOR_SECONDS
            or call.take("dead_locator")
        ):
            self._cursors.pop(key, None)
            raise ApiError("INVALID_QUERY_LOCATOR", "invalid query locator")
        if call.take("empty"):
            return Reply.of_json(
                {"totalSize": len(cursor.result.rows), "done": True, "records": []}
            )
        return self._page(call, key, cursor, int(start))

    def _page(self, call: Call, key: str, cursor: Cursor, start: int) -> Reply:
        version = call.params["version"]
        total = len(cursor.result.rows)
        end = start + cursor.page_size
        body: JsonDict = {"totalSize": total, "done": end >= total}
        if end < total:
            body["nextRecordsUrl"] = f"/services/data/v{version}/query/{key}-{end}"
        body["records"] = cursor.result.page(start, cursor.page_size, version)
        call.notes["records"] = len(body["records"])
        return Reply.of_json(body)
