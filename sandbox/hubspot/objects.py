"""List, read, create, change and archive single objects."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from sandbox.core.http import Call, JsonDict, Reply
from sandbox.hubspot.errors import ApiError
from sandbox.hubspot.show import body_of, names_in, record_shown, whole
from sandbox.hubspot.write import checked, find, save

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.hubspot.portal import ObjectType, Portal, Record, Settings

_MOST_LISTED = 100
_MOST_WITH_HISTORY = 50


class Objects:
    """Lists are in order of id and know the latest state; only search lags."""

    def __init__(self, portal: Portal, settings: Callable[[], Settings]) -> None:
        self._portal = portal
        self._settings = settings

    def listed(self, call: Call) -> Reply:
        kind = self._portal.type_of(call.params["type"])
        histories = names_in(call, "propertiesWithHistory")
        limit = whole(call, "limit", 10, _MOST_WITH_HISTORY if histories else _MOST_LISTED)
        after = call.one("after", "0")
        if not after.isdigit():
            raise ApiError(400, "VALIDATION_ERROR", f"The 'after' parameter is not valid: {after}")
        archived = call.one("archived").lower() == "true"
        # Records are made in order of id, so they stand in order of id; one more than a page
        # shows whether there is a next one.
        fitting = (
            r
            for r in kind.records.values()
            if (r.archived_at is not None) == archived and int(r.id) >= int(after)
        )
        chosen = list(islice(fitting, limit + 1))
        if call.take("empty"):
            chosen = []
        page = [self._shown(call, kind, r, histories) for r in chosen[:limit]]
        call.notes["records"] = len(page)
        body: JsonDict = {"results": page}
        if len(chosen) > limit:
            next_id = chosen[limit].id
            body["paging"] = {
                "next": {
                    "after": next_id,
                    "link": f"{call.base_url}{call.path}?limit={limit}&after={next_id}",
                }
            }
        return Reply.of_json(body)

    def _shown(
        self, call: Call, kind: ObjectType, record: Record, histories: list[str]
    ) -> JsonDict:
        names = names_in(call, "properties")
        kept = self._settings().revisions_kept
        shown = record_shown(self._portal, kind, record, names, histories, kept=kept)
        linked: dict[str, Any] = {}
        for name in names_in(call, "associations"):
            other = self._portal.type_of(name)
            ids = self._portal.linked(kind, record.id, other)
            if ids:
                link_type = f"{kind.singular}_to_{other.singular}"
                linked[other.name] = {"results": [{"id": i, "type": link_type} for i in ids]}
        if linked:
            shown["associations"] = linked
        return shown

    def _record(self, call: Call, kind: ObjectType) -> Record:
        resolves = self._settings().merged_id_resolves
        found = find(self._portal, kind, call.params["id"], call.one("idProperty"), merged=resolves)
        archived = kind.records.get(call.params["id"])
        if found is None and archived is not None and call.one("archived").lower() == "true":
            found = archived
        if found is None:
            raise ApiError(404, "OBJECT_NOT_FOUND", "resource not found")
        return found

    def get(self, call: Call) -> Reply:
        kind = self._portal.type_of(call.params["type"])
        histories = names_in(call, "propertiesWithHistory")
        return Reply.of_json(self._shown(call, kind, self._record(call, kind), histories))

    def create(self, call: Call) -> Reply:
        kind = self._portal.type_of(call.params["type"])
        values = checked(self._portal, call, kind, body_of(call).get("properties"))
        record = self._portal.add(kind, dict(values), self._portal.now())
        return Reply.of_json(record_shown(self._portal, kind, record, values), 201)

    def update(self, call: Call) -> Reply:
        kind = self._portal.type_of(call.params["type"])
        record = self._record(call, kind)
        values = checked(self._portal, call, kind, body_of(call).get("properties"), record.id)
        call.notes["records"] = 1
        save(self._portal, kind, record, values)
        return Reply.of_json(record_shown(self._portal, kind, record, values))

    def merge(self, call: Call) -> Reply:
        """Answers with the winner."""
        kind = self._portal.type_of(call.params["type"])
        body = body_of(call)
        ids = [str(body.get(name)) for name in ("primaryObjectId", "objectIdToMerge")]
        winner, loser = (kind.records.get(one) for one in ids)
        if winner is None or loser is None:
            raise ApiError(404, "OBJECT_NOT_FOUND", f"no {kind.singular} to merge among {ids}")
        if winner is loser:
            raise ApiError(400, "VALIDATION_ERROR", "cannot merge a record into itself")
        self._portal.merge(kind, winner, loser)
        return Reply.of_json(record_shown(self._portal, kind, winner))

    def archive(self, call: Call) -> Reply:
        """Also answers 204 for what is not there."""
        kind = self._portal.type_of(call.params["type"])
        found = kind.records.get(call.params["id"])
        if found is not None:
            self._portal.archive(found)
        return Reply(204)
