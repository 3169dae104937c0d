"""What programs wrote into the sandbox, kept in a file, so that a later sandbox goes on from it.

The world itself is simulated anew, from the figures in the file; beside them stand the fields that
were made, and the records of both CRMs that the API user wrote, as they were at the end.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sandbox.core.versions import Versions
from sandbox.hubspot.properties import Property
from sandbox.hubspot.types import all_types
from sandbox.salesforce.objects import all_objects
from sandbox.salesforce.org import API_USER
from sandbox.salesforce.schema import Field
from sandbox.salesforce.values import from_json, to_json

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.core.http import JsonDict
    from sandbox.hubspot.portal import Portal
    from sandbox.salesforce.org import Org
    from sandbox.server import Sandbox

SHAPE = 1
WORLD = ("seed", "accounts", "days", "end")


def read_state(path: Path) -> JsonDict | None:
    """What a file keeps; None if there is none. ValueError if it is not one of ours."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        kept = None
    if not isinstance(kept, dict) or kept.get("shape") != SHAPE:
        message = f"{path} is no state of a sandbox of this version"
        raise ValueError(message)
    return kept


def world_in(kept: JsonDict) -> JsonDict:
    """The figures that the world of a file is simulated from."""
    world = dict(kept["world"])
    return {**world, "end": date.fromisoformat(world["end"])}


def write_state(path: Path, sandbox: Sandbox, world: JsonDict) -> None:
    """Keep what was written so far; the file is replaced whole."""
    kept = {
        "shape": SHAPE,
        "world": {name: str(world[name]) if name == "end" else world[name] for name in WORLD},
        "salesforce": _of_org(sandbox.salesforce.org),
        "hubspot": _of_portal(sandbox.hubspot.portal),
        "mixpanel": sandbox.mixpanel.project.imported,
    }
    made = path.with_name(f".{path.name}.new")
    made.write_text(json.dumps(kept, separators=(",", ":")), encoding="utf-8")
    made.replace(path)


def restore(sandbox: Sandbox, kept: JsonDict) -> None:
    """Put into a sandbox of the same world what a file keeps. Records that are not there any more
    are passed over."""
    _into_org(sandbox.salesforce.org, kept["salesforce"])
    _into_portal(sandbox.hubspot.portal, kept["hubspot"])
    sandbox.mixpanel.project.imported += [(at, event) for at, event in kept["mixpanel"]]


# ------------------------------------------------------------------------------------- Salesforce


def _of_org(org: Org) -> JsonDict:
    standard = all_objects()
    made = {
        name: [
            {key: value for key, value in asdict(field).items() if key != "formula"}
            for field in obj.fields.values()
            if field.formula is None and standard[name].fields.get(field.name) != field
        ]
        for name, obj in org.objects.items()
        if name in standard
    }
    rows = {
        name: {
            row_id: {key: to_json(value) for key, value in row.now.items()}
            for row_id, row in obj.rows.items()
            if row.now.get("LastModifiedById") == API_USER
        }
        for name, obj in org.objects.items()
    }
    return {"fields": made, "rows": rows, "numbers": {n: o.numbers for n, o in org.objects.items()}}


def _into_org(org: Org, kept: JsonDict) -> None:
    for name, made in kept["fields"].items():
        for one in made:
            org.objects[name].fields[one["name"]] = Field(**{**one, "values": tuple(one["values"])})
    for name, rows in kept["rows"].items():
        obj = org.objects[name]
        obj.numbers = max(obj.numbers, kept["numbers"][name])
        for row_id, values in rows.items():
            read = {
                key: from_json(obj.fields[key], value) if key in obj.fields else value
                for key, value in values.items()
            }
            at = read["SystemModstamp"]
            assert isinstance(at, datetime)
            obj.rows.setdefault(row_id, Versions()).put(at, read)


# ---------------------------------------------------------------------------------------- HubSpot


def _of_portal(portal: Portal) -> JsonDict:
    standard = {one.name: one for one in all_types()}
    kinds: JsonDict = {}
    for kind in portal.types.values():
        before = standard[kind.name].properties if kind.name in standard else {}
        kinds[kind.name] = {
            "groups": kind.groups,
            "properties": [
                {key: value for key, value in asdict(one).items() if key != "compute"}
                for one in kind.properties.values()
                if one.compute is None and before.get(one.name) != one
            ],
            "records": {
                record.id: [record.versions.changed_at.isoformat(), written]
                for record in kind.records.values()
                if (written := _written(record.history, record.now))
            },
        }
    return kinds


def _written(history: JsonDict, now: JsonDict) -> JsonDict:
    """Properties that a program wrote last, with their values."""
    return {
        name: now.get(name)
        for name, revisions in history.items()
        if revisions and revisions[0]["sourceType"] == "INTEGRATION"
    }


def _into_portal(portal: Portal, kept: JsonDict) -> None:
    names = {one.name for one in fields(Property)}
    for name, of_kind in kept.items():
        kind = portal.types[name]
        kind.groups.update(of_kind["groups"])
        for one in of_kind["properties"]:
            values: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value
                for key, value in one.items()
                if key in names
            }
            kind.properties[values["name"]] = Property(**values)
        for record_id, (at, values) in of_kind["records"].items():
            if record_id in kind.records:
                texts = {key: value or "" for key, value in values.items()}
                record = kind.records[record_id]
                portal.change(kind, record, texts, "INTEGRATION", datetime.fromisoformat(at))
