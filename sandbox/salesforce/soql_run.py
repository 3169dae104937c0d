"""Running a query: which rows, in which order, with which columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.removal import emptied
from sandbox.salesforce.soql_scope import Scope
from sandbox.salesforce.soql_tree import Item, Order, Query
from sandbox.salesforce.soql_where import predicate
from sandbox.salesforce.values import to_csv, to_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.salesforce.org import Org
    from sandbox.salesforce.schema import SObject

_MOST_FIELDS_ROWS = 200


@dataclass
class Result:
    """Rows of a query, rendered only when their page is asked for."""

    scope: Scope
    items: tuple[Item, ...]
    rows: list[dict[str, Any]]
    aggregate: bool = False
    count_only: bool = False

    def page(self, start: int, size: int, version: str) -> list[dict[str, Any]]:
        rows = self.rows[start : start + size]
        if self.aggregate:
            return [{"attributes": {"type": "AggregateResult"}, **row} for row in rows]
        paths = [item.path.split(".") for item in self.items]
        return [render(self.scope, row, paths, version) for row in rows]

    def header(self) -> list[str]:
        return [item.path for item in self.items]

    def csv_rows(self, start: int, size: int) -> list[list[str]]:
        readers = [self.scope.resolve(item.path)[1] for item in self.items]
        return [[to_csv(read(row)) for read in readers] for row in self.rows[start : start + size]]


def run(
    org: Org, query: Query, user: str, *, include_deleted: bool, lag_seconds: float = 0.0
) -> Result:
    """Raises ApiError for names, types and combinations that SOQL refuses."""
    obj = org.sobject(query.entity)
    scope = Scope(org, obj, user)
    items = _expanded(scope, query)
    aggregates = [item for item in items if item.function]
    if not aggregates and not query.group:
        seen: set[str] = set()
        for item in items:
            if item.part:
                raise ApiError("MALFORMED_QUERY", f"{item.part} needs a GROUP BY of the same")
            scope.resolve(item.path)
            if item.path.lower() in seen:
                raise ApiError("MALFORMED_QUERY", f"duplicate field selected: {item.path}")
            seen.add(item.path.lower())
    rows = matching(scope, query, include_deleted=include_deleted, lag_seconds=lag_seconds)
    if len(items) == 1 and items[0].function == "COUNT" and not items[0].path:
        return Result(scope, items, rows, count_only=True)
    if aggregates or query.group:
        return Result(scope, items, _aggregated(scope, query, items, rows), aggregate=True)
    return Result(scope, items, rows)


def matching(
    scope: Scope, query: Query, *, include_deleted: bool, lag_seconds: float = 0.0
) -> list[dict[str, Any]]:
    """Rows in order, cut by OFFSET and LIMIT; by id where no order is asked for."""
    test: Callable[[dict[str, Any]], bool] = (
        predicate(query.where, scope) if query.where is not None else lambda _: True
    )
    horizon = scope.org.horizon(lag_seconds)
    archived = _archive_day(scope.org, scope.obj)
    found = []
    for row in scope.obj.rows.values():
        values = row.as_of(horizon)
        if values is None:
            continue
        if emptied(scope.org, values) or _expired(scope, values, include_deleted=include_deleted):
            continue
        if not include_deleted and (values["IsDeleted"] or _is_archived(values, archived)):
            continue
        if test(values):
            found.append(values)
    found.sort(key=lambda values: str(values["Id"]))
    for order in reversed(query.order):
        _sort(scope, found, order)
    if query.offset > 2000:
        raise ApiError("NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")
    end = None if query.limit is None else query.offset + query.limit
    return found[query.offset : end]


def _expired(scope: Scope, values: dict[str, Any], *, include_deleted: bool) -> bool:
    """Field history is seen for eighteen months, by queryAll for twenty-four."""
    if scope.obj.kept_days is None:
        return False
    days = scope.obj.kept_days[include_deleted]
    return bool(values["CreatedDate"].date() < scope.today - timedelta(days=days))


def _archive_day(org: Org, obj: SObject) -> Any:
    if obj.archived_after_days is None:
        return None
    return org.clock.today() - timedelta(days=obj.archived_after_days)


def _is_archived(values: dict[str, Any], before: Any) -> bool:
    """Closed activities older than a year are only seen by queryAll."""
    if before is None or not values.get("IsClosed"):
        return False
    day = values.get("ActivityDate") or values["CreatedDate"].date()
    return bool(day < before)


def _sort(scope: Scope, rows: list[dict[str, Any]], order: Order) -> None:
    _, read = scope.resolve(order.path)

    def key(values: dict[str, Any]) -> tuple[int, Any]:
        value = read(values)
        if value is None:
            first = order.nulls_last == order.descending
            return (0 if first else 2, 0)
        return (1, value.casefold() if isinstance(value, str) else value)

    rows.sort(key=key, reverse=order.descending)


def _expanded(scope: Scope, query: Query) -> tuple[Item, ...]:
    items: list[Item] = []
    for item in query.items:
        if item.function != "FIELDS":
            items.append(item)
            continue
        if query.limit is None or query.limit > _MOST_FIELDS_ROWS:
            raise ApiError(
                "MALFORMED_QUERY",
                "The SOQL FIELDS function must have a LIMIT of at most 200",
            )
        chosen = [
            f
            for f in scope.fields.values()
            if item.path == "ALL" or f.custom == (item.path == "CUSTOM")
        ]
        items += [Item(f.name) for f in chosen]
    return tuple(items)


def render(
    scope: Scope, values: dict[str, Any], paths: list[list[str]], version: str
) -> dict[str, Any]:
    """One record as REST shows it; parents are nested, a missing parent is null."""
    obj = scope.obj
    url = f"/services/data/v{version}/sobjects/{obj.name}/{values['Id']}"
    record: dict[str, Any] = {"attributes": {"type": obj.name, "url": url}}
    nested: dict[str, list[list[str]]] = {}
    for path in paths:
        steps = path[1:] if len(path) > 1 and path[0].lower() == obj.name.lower() else path
        if len(steps) > 1:
            link = obj.parent(steps[0])
            name = link.relationship if link else steps[0]  # as describe spells it
            nested.setdefault(name, []).append(steps[1:])
            record.setdefault(name, None)
            continue
        field = obj.find(steps[0])
        if field is not None:
            record[field.name] = to_json(scope.org.calculated(obj, values, field.name))
    for relationship, inner in nested.items():
        parent, parent_values = scope.parent_of(relationship, values)
        if parent_values is not None:
            parent_scope = Scope(scope.org, parent, scope.user)
            record[relationship] = render(parent_scope, parent_values, inner, version)
    return record


def _aggregated(
    scope: Scope, query: Query, items: tuple[Item, ...], rows: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    readers = [_group_reader(scope, group) for group in query.group]
    grouped = [group.grouped for group in query.group]
    for item in items:
        if not item.function and item.grouped not in grouped:
            raise ApiError("MALFORMED_QUERY", f"Field must be grouped or aggregated: {item.path}")
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(read(row) for read in readers), []).append(row)
    if not query.group:
        groups = {(): rows}
    found = []
    for key, members in groups.items():
        unnamed = 0
        line: dict[str, Any] = {}
        for item in items:
            if not item.function:
                value = to_json(key[grouped.index(item.grouped)])
                line[item.alias or (f"expr{unnamed}" if item.part else item.path)] = value
                unnamed += 1 if item.part and not item.alias else 0
                continue
            line[item.alias or f"expr{unnamed}"] = to_json(_aggregate(scope, item, members))
            unnamed += 0 if item.alias else 1
        found.append(line)
    return found


def _group_reader(scope: Scope, group: Item) -> Callable[[dict[str, Any]], Any]:
    field, read = scope.resolve(group.path)
    if not group.part:
        return read
    if field.type not in ("date", "datetime"):
        raise ApiError("INVALID_FIELD", f"field {group.path} does not support {group.part}")

    def part(values: dict[str, Any]) -> Any:
        value = read(values)
        if value is None:
            return None
        match group.part:
            case "CALENDAR_YEAR":
                return value.year
            case "CALENDAR_MONTH":
                return value.month
            case _:
                return value.date() if field.type == "datetime" else value

    return part


def _aggregate(scope: Scope, item: Item, members: list[dict[str, Any]]) -> Any:
    if not item.path:
        return len(members)
    _, read = scope.resolve(item.path)
    values = [v for v in (read(row) for row in members) if v is not None]
    match item.function:
        case "COUNT":
            return len(values)
        case "COUNT_DISTINCT":
            return len(set(values))
        case _ if not values:
            return None
        case "MIN":
            return min(values)
        case "MAX":
            return max(values)
        case "SUM":
            return sum(values)
        case _:
            return sum(values) / len(values)
