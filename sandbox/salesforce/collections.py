"""/composite/sobjects: up to 200 records in one call, one result for each."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from sandbox.core.http import BadBody, Call, JsonDict, Reply
from sandbox.salesforce.errors import ApiError, no_such_column, not_found, row_error
from sandbox.salesforce.ids import normal
from sandbox.salesforce.rows import matching_ids
from sandbox.salesforce.save import Saved, Wanted, save_all
from sandbox.salesforce.soql_run import render
from sandbox.salesforce.soql_scope import Scope

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org
    from sandbox.salesforce.schema import SObject

_MOST_RECORDS = 200
_MOST_RETRIEVED = 2000
_MOST_TYPE_CHANGES = 10


class Collections:
    """Answers 200 even if every record failed."""

    def __init__(self, org: Org) -> None:
        self._org = org

    def update(self, call: Call) -> Reply:
        body, records = self._records(call)
        wanted = [Wanted(self._type(r), str(_id(r)), _fields(r)) for r in records]
        return self._saved(call, wanted, body)

    def create(self, call: Call) -> Reply:
        body, records = self._records(call)
        wanted = [Wanted(self._type(r), None, _fields(r)) for r in records]
        return self._saved(call, wanted, body)

    def upsert(self, call: Call) -> Reply:
        body, records = self._records(call)
        obj = self._named(call)
        key = obj.find(call.params["key"])
        if key is None or not (key.external_id or key.name == "Id"):
            raise not_found()
        wanted, doubled = [], []
        for index, record in enumerate(records):
            value = record.get(key.name)
            held = matching_ids(obj, key.name, value)
            doubled += [index] if len(held) > 1 else []
            wanted.append(Wanted(obj, held[0] if held else None, _fields(record)))
        saved = save_all(self._org, call, wanted, all_or_none=bool(body.get("allOrNone")))
        for index in doubled:
            saved[index] = Saved(
                success=False,
                errors=[row_error("MULTIPLE_CHOICES", "more than one record has this external id")],
            )
        call.notes["records"] = len(records)
        return Reply.of_json([{**s.shown(), "created": s.created} for s in saved])

    def _saved(self, call: Call, wanted: list[Wanted], body: JsonDict) -> Reply:
        call.notes["records"] = len(wanted)
        saved = save_all(self._org, call, wanted, all_or_none=bool(body.get("allOrNone")))
        if call.take("empty"):
            return Reply.of_json([])
        return Reply.of_json([s.shown() for s in saved])

    def _records(self, call: Call) -> tuple[JsonDict, list[JsonDict]]:
        body = call.json()
        if not isinstance(body, dict) or not isinstance(body.get("records"), list):
            raise BadBody("Cannot deserialize: records must be a list")
        records = body["records"]
        if len(records) > _MOST_RECORDS:
            raise ApiError(
                "EXCEEDED_ID_LIMIT",
                "record limit reached. cannot submit more than 200 records into this call",
            )
        types = [r.get("attributes", {}).get("type") for r in records]
        changes = 1 + sum(a != b for a, b in itertools.pairwise(types))
        if changes > _MOST_TYPE_CHANGES:
            raise ApiError(
                "LIMIT_EXCEEDED", f"cannot process {changes} chunks of object types, at most 10"
            )
        return body, records

    def _type(self, record: JsonDict) -> SObject:
        name = record.get("attributes", {}).get("type")
        if not name:
            raise ApiError("INVALID_INPUT", "Include an attributes type for each record")
        return self._org.sobject(str(name))

    def _named(self, call: Call) -> SObject:
        found = self._org.objects.get(call.params["object"])
        if found is None:
            raise not_found()
        return found

    def delete(self, call: Call) -> Reply:
        ids = [i for i in call.one("ids").split(",") if i]
        if len(ids) > _MOST_RECORDS:
            raise ApiError("EXCEEDED_ID_LIMIT", "cannot delete more than 200 records in this call")
        results = []
        for one in ids:
            obj = next((o for o in self._org.objects.values() if one.startswith(o.prefix)), None)
            row = obj.rows.get(normal(one) or "") if obj else None
            if obj is None or row is None or row.now["IsDeleted"]:
                problem = row_error("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
                results.append(Saved(success=False, errors=[problem]).shown())
                continue
            self._org.delete(obj, row.now["Id"], call.user)
            results.append(Saved(record_id=row.now["Id"]).shown())
        return Reply.of_json(results)

    def retrieve_get(self, call: Call) -> Reply:
        ids = [i for i in call.one("ids").split(",") if i]
        names = [n for n in call.one("fields").split(",") if n]
        return self._retrieved(call, ids, names)

    def retrieve_post(self, call: Call) -> Reply:
        body = call.json()
        if not isinstance(body, dict):
            raise BadBody("Cannot deserialize: ids and fields are needed")
        return self._retrieved(call, list(body.get("ids", [])), list(body.get("fields", [])))

    def _retrieved(self, call: Call, ids: list[str], names: list[str]) -> Reply:
        """In the order of `ids`; null for what is not there."""
        obj = self._named(call)
        if not ids or not names or len(ids) > _MOST_RETRIEVED:
            raise ApiError("INVALID_INPUT", "ids (at most 2,000) and fields are needed")
        scope = Scope(self._org, obj, call.user)
        for name in names:
            found = obj.find(name.split(".")[0]) if "." not in name else None
            if "." not in name and (found is None or found.name not in scope.fields):
                raise no_such_column(name, obj.name)
        call.notes["records"] = len(ids)
        paths = [name.split(".") for name in names]
        return Reply.of_json([self._one(scope, i, paths, call.params["version"]) for i in ids])

    def _one(self, scope: Scope, record_id: str, paths: list[list[str]], version: str) -> Any:
        row = scope.obj.rows.get(normal(record_id) or "")
        if row is None or row.now["IsDeleted"]:
            return None
        return render(scope, row.now, paths, version)


def _id(record: JsonDict) -> Any:
    return record.get("Id", record.get("id", ""))


def _fields(record: JsonDict) -> JsonDict:
    return {k: v for k, v in record.items() if k not in ("attributes", "Id", "id")}
