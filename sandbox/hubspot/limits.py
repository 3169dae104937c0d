"""How much of what an account may hold is used: records, properties, custom objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.core.http import Call, JsonDict, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.hubspot.portal import ObjectType, Portal, Settings

_MOST_CUSTOM_OBJECTS = 10
_MOST_CALCULATED = 25


class Limits:
    """GET /crm/limits/…: usage against what the subscription holds, by object type."""

    def __init__(self, portal: Portal, settings: Callable[[], Settings]) -> None:
        self._portal = portal
        self._settings = settings

    def records(self, _: Call) -> Reply:
        most = self._settings().records_limit
        used = {t.name: len(t.records) for t in self._portal.types.values()}
        custom = [t for t in self._portal.types.values() if _is_custom(t)]
        own = [_usage(t, used[t.name]) for t in custom]
        return Reply.of_json({
            "hubspotDefinedObjectTypes": [
                _limited(t, used[t.name], most)
                for t in self._portal.types.values() if not _is_custom(t)
            ],
            "customObjectTypes": _overall(own, most),
        })  # fmt: skip

    def custom_properties(self, _: Call) -> Reply:
        most = self._settings().properties_limit
        each = [
            _limited(t, sum(not p.defined_by_hubspot for p in t.properties.values()), most)
            for t in self._portal.types.values()
        ]
        return Reply.of_json(_overall(each, most * len(each)))

    def calculated_properties(self, _: Call) -> Reply:
        each = [
            _usage(t, sum(p.calculated for p in t.properties.values()))
            for t in self._portal.types.values()
        ]
        return Reply.of_json(_overall(each, _MOST_CALCULATED))

    def custom_object_types(self, _: Call) -> Reply:
        used = sum(_is_custom(t) for t in self._portal.types.values())
        most = _MOST_CUSTOM_OBJECTS
        return Reply.of_json({"limit": most, "usage": used, "percentage": _share(used, most)})


def _is_custom(kind: ObjectType) -> bool:
    return kind.type_id.startswith("2-")


def _usage(kind: ObjectType, used: int) -> JsonDict:
    return {"objectTypeId": kind.type_id, "singularLabel": kind.singular.capitalize(),
            "pluralLabel": kind.name.capitalize(), "usage": used}  # fmt: skip


def _limited(kind: ObjectType, used: int, most: int) -> JsonDict:
    return {**_usage(kind, used), "limit": most, "percentage": _share(used, most)}


def _overall(each: list[JsonDict], most: int) -> JsonDict:
    used = sum(int(one["usage"]) for one in each)
    return {"byObjectType": each, "overallLimit": most, "overallUsage": used,
            "overallPercentage": _share(used, most)}  # fmt: skip


def _share(used: int, most: int) -> float:
    return round(100 * used / most, 2) if most else 0.0
