"""JSON Schema of the three files, so that editors complete keys and underline mistakes.

It describes what people write, short forms included. What needs more than one place (names,
references, expressions) is `gatepost check`'s.
"""

import json
from typing import Any, Literal

from config.connection_types import CONNECTION_TYPES
from config.guards import AGE_PATTERN, SHARE_PATTERN
from config.journey import Journey
from config.kinds import DURATION_PATTERN
from config.mapping_file import Mapping
from config.project_file import Gatepost
from config.shape import Shape

File = Literal["gatepost", "mapping", "journey"]
FILES: tuple[File, ...] = ("gatepost", "mapping", "journey")
_NAME = {"type": "string", "minLength": 1}
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(file: File) -> dict[str, Any]:
    """The schema of one of the three files, as plain values. Same answer every time."""
    models: dict[File, type[Shape]] = {"gatepost": Gatepost, "mapping": Mapping, "journey": Journey}
    schema: dict[str, Any] = models[file].model_json_schema(by_alias=True)
    known = schema["$defs"]
    if file == "gatepost":
        known["Connection"] = _connection()
    if file == "mapping":
        for name in ("FieldSpec", "KeepSpec", "WriteField"):
            known[name] = {"anyOf": [_NAME, known[name]]}
        known["AccountKey"] = _account_key(known["AccountKey"])
        properties = known["EventsEntry"]["properties"]
        way = {"$ref": "#/$defs/AccountKey"}
        properties["account"] = {
            "description": properties["account"]["description"],
            "anyOf": [way, {"type": "array", "items": way, "minItems": 1}],
        }
        properties["keep"] = {"anyOf": [{"type": "array", "items": _NAME}, properties["keep"]]}
    schema = _tidy(schema)
    schema["title"] = {"gatepost": "gatepost.yaml", "mapping": "mapping.yaml"}.get(
        file, "journeys/*.yaml"
    )
    return {"$schema": DIALECT, **schema}


def schema_text(file: File) -> str:
    """The schema as JSON text, ending in a line break."""
    return json.dumps(json_schema(file), indent=2, ensure_ascii=False) + "\n"


def _tidy(schema: Any) -> Any:
    """Leave out what only our models need: titles made of keys, absent defaults, the empty `from`.

    Defaults of durations and shares are written as people write them.
    """
    if isinstance(schema, list):
        return [_tidy(one) for one in schema if not (isinstance(one, dict) and _empty_list(one))]
    if not isinstance(schema, dict):
        return schema
    is_property = "type" in schema or "anyOf" in schema
    left = {}
    for key, value in schema.items():
        if is_property and (
            (key == "default" and value in (None, []))
            or (key == "title" and "properties" not in schema)
        ):
            continue
        left[key] = _tidy(value)
    if schema.get("pattern") in (DURATION_PATTERN, AGE_PATTERN) and "default" in left:
        left["default"] = f"{left['default']}d"
    if schema.get("pattern") == SHARE_PATTERN and "default" in left:
        left["default"] = f"{left['default'] * 100:g}%"
    return left


def _empty_list(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "array" and schema.get("maxItems") == 0


def _account_key(schema: dict[str, Any]) -> dict[str, Any]:
    """One way: what the event carries, and what it equals; of both there are several words."""
    ways = []
    for word in ("property", "field", "email"):
        for target in ("equals", "map"):
            properties = {word: schema["properties"]["property"], target: _NAME}
            needed = list(properties)
            if word == "email":
                properties |= {"except": schema["properties"]["except"]}
            ways.append(
                {
                    "type": "object",
                    "properties": properties,
                    "required": needed,
                    "additionalProperties": False,
                }
            )
    return {"title": "AccountKey", "oneOf": ways}


def _connection() -> dict[str, Any]:
    """One shape for each type: options stand beside `type`."""
    value = {"type": ["string", "number", "boolean"]}
    shapes = []
    for name, kind in CONNECTION_TYPES.items():
        choices = dict(kind.choices)
        options: dict[str, Any] = {
            option: ({"enum": list(choices[option])} if option in choices else dict(value))
            | {"description": meaning}
            for option, meaning in kind.options.items()
        }
        shapes.append(
            {
                "type": "object",
                "properties": {
                    "type": {"const": name},
                    "url": {"type": "string", "description": "an address other than the usual"},
                    **options,
                },
                "required": ["type", *kind.needed],
                "additionalProperties": False,
            }
        )
    return {"title": "Connection", "oneOf": shapes}
