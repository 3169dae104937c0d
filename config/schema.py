"""JSON Schema of the three files, so that editors complete keys and underline mistakes.

It describes what people write, short forms included. What needs more than one place (names,
references, expressions) is `gatepost check`'s.
"""

import json
from typing import Any, Literal

from config.connection_types import CONNECTION_TYPES
from config.journey import Journey
from config.mapping_file import Mapping
from config.project_file import Gatepost

File = Literal["gatepost", "mapping", "journey"]
FILES: tuple[File, ...] = ("gatepost", "mapping", "journey")
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(file: File) -> dict[str, Any]:
    """The schema of one of the three files, as plain values. Same answer every time."""
    model = {"gatepost": Gatepost, "mapping": Mapping, "journey": Journey}[file]
    schema: dict[str, Any] = model.model_json_schema(by_alias=True)
    if file == "gatepost":
        schema["$defs"]["Connection"] = _connection()
    schema["title"] = {"gatepost": "gatepost.yaml", "mapping": "mapping.yaml"}.get(
        file, "journeys/*.yaml"
    )
    return {"$schema": DIALECT, **schema}


def schema_text(file: File) -> str:
    """The schema as JSON text, ending in a line break."""
    return json.dumps(json_schema(file), indent=2, ensure_ascii=False) + "\n"


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
