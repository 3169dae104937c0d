"""Search: answers from an index that lags, in a window of 10,000, five times a second."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sandbox.core.clock import to_milliseconds
from sandbox.core.http import Call, JsonDict, Reply
from sandbox.hubspot.errors import ApiError, error
from sandbox.hubspot.show import body_of, record_shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.hubspot.portal import ObjectType, Portal, Record, Settings
    from sandbox.hubspot.properties import Property

_MOST_RESULTS = 10_000
_MOST_PAGE = 200
_MOST_GROUPS, _MOST_FILTERS, _MOST_TOTAL = 5, 6, 18
_VALUED = {"EQ", "NEQ", "LT", "LTE", "GT", "GTE", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"}
_OPERATORS = _VALUED | {"BETWEEN", "IN", "NOT_IN", "HAS_PROPERTY", "NOT_HAS_PROPERTY"}

Hit = tuple["Record", dict[str, Any]]


class Search:
    """POST …/search."""

    def __init__(self, portal: Portal, settings: Callable[[], Settings]) -> None:
        self._portal = portal
        self._settings = settings

    def run(self, call: Call) -> Reply:
        kind = self._portal.type_of(call.params["type"])
        body = body_of(call)
        limit, after = self._window(body)
        groups = self._groups(kind, body)
        if _asks_for_the_beginning(groups):
            return error(500, "INTERNAL_ERROR", "internal error")  # GTE 0 is known to do this
        hits = [h for h in self._indexed(kind) if _matches(self._portal, kind, h[1], groups, body)]
        self._sort(kind, hits, body)
        if call.take("empty"):
            hits = []
        page = hits[after : after + limit]
        if self._settings().search_shuffled:
            random.Random(after).shuffle(page)
        names = body.get("properties") or ()
        shown = [record_shown(self._portal, kind, r, names, values=v) for r, v in page]
        call.notes["records"] = len(shown)
        answer: JsonDict = {"total": len(hits), "results": shown}
        if after + limit < len(hits):
            answer["paging"] = {"next": {"after": str(after + limit)}}
        return Reply.of_json(answer)

    def _window(self, body: JsonDict) -> tuple[int, int]:
        limit, after = body.get("limit", 10), body.get("after") or "0"
        if isinstance(limit, bool) or not isinstance(limit, int) or not 0 <= limit <= _MOST_PAGE:
            raise ApiError(
                400, "VALIDATION_ERROR", f"limit must be at most {_MOST_PAGE}, was {limit}"
            )
        if not str(after).isdigit():
            raise ApiError(400, "VALIDATION_ERROR", f"invalid paging cursor: {after}")
        if int(after) + limit > _MOST_RESULTS:
            raise ApiError(
                400,
                "VALIDATION_ERROR",
                "There was a problem with the request. Paging ends at the first 10,000 results.",
            )
        return limit, int(after)

    def _groups(self, kind: ObjectType, body: JsonDict) -> list[list[JsonDict]]:
        groups = [list(g.get("filters") or []) for g in body.get("filterGroups") or []]
        total = sum(len(g) for g in groups)
        if (
            len(groups) > _MOST_GROUPS
            or total > _MOST_TOTAL
            or any(len(g) > _MOST_FILTERS for g in groups)
        ):
            raise ApiError(
                400, "VALIDATION_ERROR", "too many filters: at most 5 groups of 6, 18 in all"
            )
        known = self._portal.properties(kind)
        for one in (f for g in groups for f in g):
            name, operator = one.get("propertyName"), one.get("operator")
            if operator not in _OPERATORS:
                raise ApiError(
                    400, "VALIDATION_ERROR", f"Invalid input JSON: operator {operator} is not known"
                )
            if name not in known:
                raise ApiError(
                    400,
                    "VALIDATION_ERROR",
                    f"There was a problem with the request. Property {name} does not exist",
                )
            if operator in _VALUED and "value" not in one:
                raise ApiError(
                    400, "VALIDATION_ERROR", f"a value is needed for {operator} on {name}"
                )
        return groups

    def _indexed(self, kind: ObjectType) -> list[Hit]:
        """Records as the index knows them; archived ones never."""
        lag = self._settings().search_lag_seconds
        for fault in self._portal.standing("search_lag", kind.name):
            lag = float(fault.get("seconds", 3600))
            fault.fired += 1
        horizon = self._portal.horizon(lag)
        seen: list[Hit] = []
        for record in kind.records.values():
            values = record.versions.as_of(horizon)
            if values is not None and record.archived_at is None:
                seen.append((record, values))
        return seen

    def _sort(self, kind: ObjectType, hits: list[Hit], body: JsonDict) -> None:
        """One sort, or by creation; records of one millisecond come in any order."""
        sorts = body.get("sorts") or []
        if len(sorts) > 1:
            raise ApiError(400, "VALIDATION_ERROR", "only one sort is allowed")
        name, descending = "createdate", False
        if sorts:
            first = sorts[0]
            name = first if isinstance(first, str) else str(first.get("propertyName"))
            descending = not isinstance(first, str) and first.get("direction") == "DESCENDING"
        prop = self._portal.properties(kind).get(name)
        if prop is None:
            raise ApiError(400, "VALIDATION_ERROR", f"Property {name} does not exist")
        hits.sort(key=lambda h: _scattered(h[0].id) if name != "hs_object_id" else 0)
        hits.sort(key=lambda h: _sortable(prop, self._portal.value(prop, h[1])), reverse=descending)


def _scattered(record_id: str) -> int:
    return int(record_id) * 2_654_435_761 % 2**32


def _asks_for_the_beginning(groups: list[list[JsonDict]]) -> bool:
    return any(f["operator"] == "GTE" and str(f.get("value")) == "0" for g in groups for f in g)


def _matches(
    portal: Portal,
    kind: ObjectType,
    values: dict[str, Any],
    groups: list[list[JsonDict]],
    body: JsonDict,
) -> bool:
    query = str(body.get("query") or "").lower()
    if query and not any(query in str(values.get(n) or "").lower() for n in kind.defaults):
        return False
    if not groups:
        return True
    return any(
        all(_passes(kind.properties[f["propertyName"]], portal, values, f) for f in group)
        for group in groups
    )


def _passes(prop: Property, portal: Portal, values: dict[str, Any], one: JsonDict) -> bool:
    held = portal.value(prop, values)
    operator = str(one["operator"])
    if operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        return bool(held not in (None, "")) == (operator == "HAS_PROPERTY")
    if operator in ("NEQ", "NOT_IN", "NOT_CONTAINS_TOKEN") and held in (None, ""):
        return False  # records without a value are in no answer
    if held in (None, ""):
        return False
    found = _comparable(prop, held)
    if operator in ("IN", "NOT_IN"):
        wanted = {_comparable(prop, v) for v in one.get("values") or []}
        return bool(found in wanted) == (operator == "IN")
    if operator in ("CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"):
        token = str(one["value"]).lower().strip("*")
        return bool(token in str(held).lower()) == (operator == "CONTAINS_TOKEN")
    return _compares(operator, found, prop, one)


def _compares(operator: str, found: Any, prop: Property, one: JsonDict) -> bool:
    wanted = _comparable(prop, one.get("value"))
    if type(found) is not type(wanted):
        return False
    match operator:
        case "EQ":
            return bool(found == wanted)
        case "NEQ":
            return bool(found != wanted)
        case "LT":
            return bool(found < wanted)
        case "LTE":
            return bool(found <= wanted)
        case "GT":
            return bool(found > wanted)
        case "GTE":
            return bool(found >= wanted)
        case _:
            return bool(wanted <= found <= _comparable(prop, one.get("highValue")))


def _comparable(prop: Property, value: Any) -> Any:
    """Numbers and milliseconds as floats, all else as text in lower case."""
    return _compared(prop.type, str(value))


@lru_cache(maxsize=100_000)  # every search reads the same stamps of every record
def _compared(kind: str, text: str) -> Any:
    if kind == "number":
        try:
            return float(text)
        except ValueError:
            return text
    if kind in ("date", "datetime"):
        return _milliseconds(text)
    return text.lower()


def _milliseconds(text: str) -> float | str:
    if text.lstrip("-").isdigit():
        return float(text)
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            return float(to_milliseconds(datetime(day.year, day.month, day.day, tzinfo=UTC)))
        return float(to_milliseconds(datetime.fromisoformat(text)))
    except ValueError:
        return text


def _sortable(prop: Property, value: Any) -> tuple[int, Any]:
    if value in (None, ""):
        return (0, 0)
    found = _comparable(prop, value)
    return (1, found) if isinstance(found, float) else (2, found)
