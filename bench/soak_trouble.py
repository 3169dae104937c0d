"""Every kind of trouble that the sandbox can make, and when it comes during a soak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

OBJECTS = {"salesforce": "Account", "hubspot": "companies"}
"""CRM → the object that holds accounts"""


def troubles(crm: str, fields: list[str]) -> list[dict[str, Any]]:
    """Every kind of trouble that the sandbox knows for this CRM and for Mixpanel."""
    read, write = {
        "salesforce": ("salesforce.query*", "salesforce.collections_update"),
        "hubspot": ("hubspot.*", "hubspot.batch_update"),
    }[crm]
    object_name, export = OBJECTS[crm], "mixpanel.export"
    cuts = ("short_length", "between_chunks", "inside_chunk", "gzip", "clean", "reset")
    found: list[dict[str, Any]] = [
        {"kind": "status", "route": read, "status": 503, "count": 2},
        {"kind": "status", "route": f"{crm}.*", "status": 500, "probability": 0.2},
        {"kind": "status", "route": export, "status": 429, "count": 2},
        {"kind": "status_after", "route": write, "status": 500, "count": 1},
        {"kind": "html", "route": f"{crm}.*", "status": 502, "count": 2},
        {"kind": "reset", "route": "*", "probability": 0.1},
        {"kind": "reset_after", "route": write, "count": 1},
        {"kind": "slow", "route": "*", "seconds": 1, "probability": 0.1},
        {"kind": "slow_body", "route": export, "seconds": 2, "count": 1},
        *({"kind": "cut", "route": export, "how": how, "at": 0.5, "count": 1} for how in cuts),
        {"kind": "cut", "route": read, "how": "between_chunks", "at": 0.5, "count": 1},
        {"kind": "terminated_early", "route": export, "how": "line", "at": 0.5, "count": 1},
        {"kind": "odd_rows", "route": export, "count": 1},
        {"kind": "load_shed", "route": export, "count": 2},
        {"kind": "expired", "route": f"{crm}.*", "count": 1},
        {"kind": "empty", "route": write, "count": 1},
        {"kind": "partial", "route": write, "share": 0.3, "count": 2},
        {"kind": "locked", "route": write, "share": 0.5, "count": 1},
        {"kind": "hide_field", "route": f"{crm}.*", "object": object_name, "field": fields[0],
         "mode": "gone"},
        {"kind": "hide_field", "route": f"{crm}.*", "object": object_name, "field": fields[0],
         "mode": "read_only"},
        {"kind": "workflow", "route": f"{crm}.*", "object": object_name, "field": fields[0],
         "to": "red"},
        {"kind": "same_millisecond", "route": f"{crm}.*", "object": object_name, "records": 20},
    ]  # fmt: skip
    if crm == "hubspot":
        return [*found, {"kind": "search_lag", "route": "hubspot.*", "object": object_name,
                         "seconds": 30}]  # fmt: skip
    return [
        *found,
        {"kind": "validation_rule", "route": "salesforce.*", "object": object_name,
         "field": fields[0], "value": "yellow", "message": "not today"},
        {"kind": "record_type", "route": "salesforce.*", "object": object_name,
         "field": fields[0], "offers": ["red"]},
        {"kind": "governor", "route": write, "over": 50},
        {"kind": "poison", "route": "salesforce.*", "records": 1, "count": 2},
        {"kind": "bulk_failed", "route": "salesforce.*", "after_rows": 5},
        {"kind": "dead_locator", "route": "salesforce.*", "count": 1},
    ]  # fmt: skip


def spread(kinds: list[dict[str, Any]], hours: int, dice: random.Random) -> list[list[int]]:
    """For each hour the numbers of one to four kinds; each kind at least once if there is room."""
    left = dice.sample(range(len(kinds)), len(kinds))
    plan: list[list[int]] = []
    for hour in range(hours):
        wanted = max(dice.randint(1, 4), -(-len(left) // (hours - hour)))
        chosen, left = left[:wanted], left[wanted:]
        while len(chosen) < wanted:
            chosen.append(dice.randrange(len(kinds)))
        plan.append(sorted(set(chosen)))
    return plan
