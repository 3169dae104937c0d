"""Batches of up to 100: read, update, upsert, create, archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.core.http import Call, JsonDict, Reply
from sandbox.hubspot.errors import ApiError
from sandbox.hubspot.show import (
    answers_207,
    batch_shown,
    group_of_missing,
    inputs_of,
    record_shown,
)
from sandbox.hubspot.write import checked, find, save

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.core.faults import Fault
    from sandbox.hubspot.portal import ObjectType, Portal, Record, Settings

_MOST = 100
_MOST_WITH_HISTORY = 50


class Batches:
    """One bad value refuses the whole batch; records that are not there only themselves. Results
    come in order of id, whatever the order of the request."""

    def __init__(self, portal: Portal, settings: Callable[[], Settings]) -> None:
        self._portal = portal
        self._settings = settings

    def _kind(self, call: Call) -> ObjectType:
        return self._portal.type_of(call.params["type"])

    def _found(self, kind: ObjectType, key: str, id_property: str) -> Record | None:
        resolves = self._settings().merged_id_resolves
        return find(self._portal, kind, key, id_property, merged=resolves)

    def read(self, call: Call) -> Reply:
        kind = self._kind(call)
        body, inputs = inputs_of(call, _MOST)
        histories = list(body.get("propertiesWithHistory") or [])
        if histories and len(inputs) > _MOST_WITH_HISTORY:
            raise ApiError(
                400, "VALIDATION_ERROR", f"at most {_MOST_WITH_HISTORY} inputs with history"
            )
        id_property = str(body.get("idProperty") or "")
        found: dict[str, Record] = {}
        missing = []
        for key in dict.fromkeys(str(one.get("id")) for one in inputs):
            record = self._found(kind, key, id_property)
            if record is None:
                missing.append(key)
            else:
                found[record.id] = record
        if (silent := call.take("empty")) is not None:
            _hush(silent, found, missing)
        kept = self._settings().revisions_kept
        shown = [
            record_shown(self._portal, kind, r, body.get("properties") or (), histories, kept=kept)
            for r in _by_id(found.values())
        ]
        errors = [group_of_missing(kind, missing)] if missing else []
        return self._answer(call, shown, errors, 200)

    def update(self, call: Call) -> Reply:
        kind = self._kind(call)
        _, inputs = inputs_of(call, _MOST)
        _no_doubles([str(one.get("id")) for one in inputs])
        values = [
            checked(self._portal, call, kind, one.get("properties"), str(one.get("id")))
            for one in inputs
        ]
        silent = call.take("empty")
        if silent is not None:  # accepted, and nothing happened
            return self._answer(call, [], [], int(silent.get("status", 200)))
        missing: list[str] = []
        done: dict[str, tuple[Record, dict[str, str]]] = {}
        for one, news in zip(inputs, values, strict=True):
            record = self._found(kind, str(one.get("id")), str(one.get("idProperty") or ""))
            if record is None:
                missing.append(str(one.get("id")))
            else:
                done[record.id] = (record, news)
        errors = [group_of_missing(kind, missing)] if missing else []
        errors += self._struck(call, inputs, done)
        shown = []
        for record in _by_id(record for record, _ in done.values()):
            news = done[record.id][1]
            save(self._portal, kind, record, news)
            shown.append(self._written(kind, record, news))
        return self._answer(call, shown, errors, 200)

    def _struck(
        self, call: Call, inputs: list[JsonDict], done: dict[str, tuple[Record, dict[str, str]]]
    ) -> list[JsonDict]:
        """Records that a `partial` or `locked` fault takes out, as groups of errors."""
        fault = call.take("partial", "locked")
        if fault is None:
            return []
        ids = [i for i in _hit(fault, list(done)) if done.pop(i, None) is not None]
        traces = [
            one["objectWriteTraceId"]
            for one in inputs
            if str(one.get("id")) in ids and "objectWriteTraceId" in one
        ]
        context: JsonDict = {"ids": ids} if fault.get("name_ids", True) else {}
        if traces and fault.get("trace", True):
            context["objectWriteTraceId"] = traces
        return [{
            "status": "error", "category": str(fault.get("code", "VALIDATION_ERROR")),
            "message": str(fault.get("message", "the sandbox refused these records")),
            "context": context,
        }]  # fmt: skip

    def upsert(self, call: Call) -> Reply:
        kind = self._kind(call)
        _, inputs = inputs_of(call, _MOST)
        _no_doubles([str(one.get("id")) for one in inputs])
        values = [checked(self._portal, call, kind, one.get("properties")) for one in inputs]
        shown = []
        for one, news in zip(inputs, values, strict=True):
            key, id_property = str(one.get("id")), str(one.get("idProperty") or "")
            if not id_property:
                raise ApiError(400, "VALIDATION_ERROR", "idProperty is needed for an upsert")
            record = self._found(kind, key, id_property)
            new = record is None
            if record is None:
                record = self._portal.add(kind, {**news, id_property: key}, self._portal.now())
            else:
                save(self._portal, kind, record, news)
            shown.append({**self._written(kind, record, news), "new": new})
        return self._answer(call, sorted(shown, key=lambda r: int(str(r["id"]))), [], 200)

    def create(self, call: Call) -> Reply:
        kind = self._kind(call)
        _, inputs = inputs_of(call, _MOST)
        values = [checked(self._portal, call, kind, one.get("properties")) for one in inputs]
        made = [self._portal.add(kind, dict(news), self._portal.now()) for news in values]
        shown = [self._written(kind, r, n) for r, n in zip(made, values, strict=True)]
        return self._answer(call, shown, [], 201)

    def archive(self, call: Call) -> Reply:
        kind = self._kind(call)
        _, inputs = inputs_of(call, _MOST)
        for one in inputs:
            found = kind.records.get(str(one.get("id")))
            if found is not None:
                self._portal.archive(found)
        return Reply(204)

    def _written(self, kind: ObjectType, record: Record, news: dict[str, str]) -> JsonDict:
        """What was written and some more of the portal's own choice, never the whole record."""
        extra = [n for n in ("domain", "lifecyclestage", "hs_pipeline") if record.now.get(n)]
        return record_shown(self._portal, kind, record, [*news, *extra])

    def _answer(
        self, call: Call, shown: list[JsonDict], errors: list[JsonDict], status: int
    ) -> Reply:
        call.notes["records"] = len(shown)
        body: dict[str, Any] = batch_shown(self._portal, shown, errors)
        if errors and answers_207(call, allowed=self._settings().date_version_207):
            status = 207
        return Reply.of_json(body, status)


def _by_id(records: Any) -> list[Record]:
    return sorted(records, key=lambda record: int(record.id))


def _no_doubles(ids: list[str]) -> None:
    doubled = sorted({i for i in ids if ids.count(i) > 1})
    if doubled:
        raise ApiError(
            400, "VALIDATION_ERROR",
            f"Duplicate IDs found in batch input: [{', '.join(doubled)}]. IDs must be unique",
            context={"ids": doubled},
        )  # fmt: skip


def _hush(fault: Fault, found: dict[str, Record], missing: list[str]) -> None:
    """Leave out records without a word: those that the fault says, or all, missing ones too."""
    if fault.settings.keys().isdisjoint({"ids", "records", "share"}):
        found.clear()
        missing.clear()
        return
    for one in _hit(fault, list(found)):
        found.pop(one, None)


def _hit(fault: Fault, ids: list[str]) -> list[str]:
    named = fault.get("ids")
    if named is not None:
        return [i for i in ids if i in {str(n) for n in named}]
    if fault.get("share") is not None:
        return [i for i in ids if fault.dice.random() < float(fault.get("share"))]
    return ids[: int(fault.get("records", 1))]
