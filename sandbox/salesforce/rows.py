"""Single records, updated and deleted ids."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.core.clock import parse_instant
from sandbox.core.http import BadBody, Call, Reply
from sandbox.salesforce.errors import ApiError, error, no_such_column, not_found
from sandbox.salesforce.ids import normal
from sandbox.salesforce.save import Saved, Wanted, save_all
from sandbox.salesforce.soql_run import render
from sandbox.salesforce.soql_scope import Scope
from sandbox.salesforce.values import to_json

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org
    from sandbox.salesforce.schema import SObject

_UPDATED_DAYS = 30
_DELETED_DAYS = 15


class Rows:
    """GET, POST, PATCH and DELETE under /sobjects/OBJECT."""

    def __init__(self, org: Org) -> None:
        self._org = org

    def _object(self, call: Call) -> SObject:
        found = self._org.objects.get(call.params["object"])
        if found is None:
            raise not_found()
        return found

    def _row(self, call: Call, obj: SObject) -> dict[str, Any]:
        row = obj.rows.get(normal(call.params["id"]) or "")
        if row is None:
            raise ApiError("NOT_FOUND", "The requested resource does not exist", 404)
        if row.now["IsDeleted"]:
            raise ApiError("ENTITY_IS_DELETED", "entity is deleted", 404)
        return row.now

    def get(self, call: Call) -> Reply:
        obj = self._object(call)
        values = self._row(call, obj)
        scope = Scope(self._org, obj, call.user)
        asked = [name for name in call.one("fields").split(",") if name] or list(scope.fields)
        for name in asked:
            found = obj.find(name)
            if found is None or found.name not in scope.fields:
                raise no_such_column(name, obj.name)
        return Reply.of_json(render(scope, values, [[n] for n in asked], call.params["version"]))

    def create(self, call: Call) -> Reply:
        obj = self._object(call)
        saved = self._save(call, Wanted(obj, None, _record(call)))
        return _problem(saved) or Reply.of_json(
            {"id": saved.record_id, "success": True, "errors": []}, 201
        )

    def update(self, call: Call) -> Reply:
        obj = self._object(call)
        self._row(call, obj)
        saved = self._save(call, Wanted(obj, call.params["id"], _record(call)))
        return _problem(saved) or Reply(204)

    def upsert(self, call: Call) -> Reply:
        """By external id: 201 made, 200 changed, 300 where several records hold the value."""
        obj = self._object(call)
        key = obj.find(call.params["key"])
        if key is None or not (key.external_id or key.name == "Id"):
            raise not_found()
        held = matching_ids(obj, key.name, call.params["value"])
        if len(held) > 1:
            base = f"/services/data/v{call.params['version']}/sobjects/{obj.name}/"
            return Reply.of_json([base + record_id for record_id in held], 300)
        record = _record(call)
        if held:
            saved = self._save(call, Wanted(obj, held[0], record))
        else:
            saved = self._save(call, Wanted(obj, None, {**record, key.name: call.params["value"]}))
        body: dict[str, Any] = {
            "id": saved.record_id,
            "success": True,
            "errors": [],
            "created": not held,
        }
        return _problem(saved) or Reply.of_json(body, 200 if held else 201)

    def delete(self, call: Call) -> Reply:
        obj = self._object(call)
        self._org.delete(obj, self._row(call, obj)["Id"], call.user)
        return Reply(204)

    def _save(self, call: Call, wanted: Wanted) -> Saved:
        call.notes["records"] = 1
        return save_all(self._org, call, [wanted])[0]

    def updated(self, call: Call) -> Reply:
        obj = self._object(call)
        start, end = self._window(call, _UPDATED_DAYS)
        ids = [
            key
            for key, row in obj.rows.items()
            if start <= row.now["SystemModstamp"] <= end and not row.now["IsDeleted"]
        ]
        return Reply.of_json({"ids": ids, "latestDateCovered": to_json(end)})

    def deleted(self, call: Call) -> Reply:
        obj = self._object(call)
        start, end = self._window(call, _DELETED_DAYS)
        gone = [
            {"id": key, "deletedDate": to_json(when)}
            for key, when in self._org.deleted_at.items()
            if key in obj.rows and start <= when <= end
        ]
        earliest = self._org.now() - timedelta(days=_DELETED_DAYS)
        return Reply.of_json({
            "deletedRecords": gone, "earliestDateAvailable": to_json(earliest),
            "latestDateCovered": to_json(end),
        })  # fmt: skip

    def _window(self, call: Call, days: int) -> tuple[Any, Any]:
        try:
            start, end = (
                parse_instant(call.one(name).replace(" ", "+")).replace(second=0, microsecond=0)
                for name in ("start", "end")
            )
        except ValueError:
            raise ApiError("INVALID_REPLICATION_DATE", "start and end must be dates") from None
        if start >= end or start < self._org.now() - timedelta(days=days, minutes=1):
            raise ApiError(
                "INVALID_REPLICATION_DATE",
                "startDate before org replication enabled date or after endDate",
            )
        return start, end


def matching_ids(obj: SObject, key: str, value: Any) -> list[str]:
    """Ids of the records that hold an external id; text compares without case."""
    wanted = str(value).casefold()
    return [
        record_id
        for record_id, row in obj.rows.items()
        if str(row.now.get(key)).casefold() == wanted and not row.now["IsDeleted"]
    ]


def _record(call: Call) -> dict[str, Any]:
    body = call.json()
    if not isinstance(body, dict):
        raise BadBody("Cannot deserialize instance of SObject from START_ARRAY")
    return {k: v for k, v in body.items() if k not in ("attributes", "Id", "id")}


def _problem(saved: Saved) -> Reply | None:
    if saved.success:
        return None
    first = saved.errors[0]
    reply = error(first["statusCode"], first["message"])
    return Reply.of_json(
        [
            {
                "message": first["message"],
                "errorCode": first["statusCode"],
                "fields": first["fields"],
            }
        ],
        reply.status,
    )
