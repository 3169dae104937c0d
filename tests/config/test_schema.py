"""The schemas for editors describe what people write, and refuse what they mistype."""

import json
import re
from typing import Any

import pytest
import yaml

from config.schema import FILES, json_schema, schema_text

TYPES = {
    "object": dict, "array": list, "string": str, "number": int | float, "integer": int,
    "boolean": bool, "null": type(None),
}  # fmt: skip
UNDERSTOOD = {
    "$schema", "$defs", "$ref", "title", "description", "default", "examples", "type", "enum",
    "const", "anyOf", "oneOf", "properties", "required", "additionalProperties", "propertyNames",
    "patternProperties", "items", "prefixItems", "minItems", "maxItems", "minLength", "pattern",
    "format",
}  # fmt: skip


def errors(value: Any, schema: Any, root: Any, path: str = "") -> list[str]:
    """A small reading of JSON Schema: enough for what our schemas use, and no more."""
    if schema is True or schema == {}:
        return []
    assert set(schema) <= UNDERSTOOD, set(schema) - UNDERSTOOD
    found = []
    if "$ref" in schema:
        found += errors(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root, path)
    for word, wanted in (("anyOf", range(1, 99)), ("oneOf", range(1, 2))):
        if word in schema:
            fits = sum(not errors(value, one, root, path) for one in schema[word])
            found += [] if fits in wanted else [f"{path}: fits {fits} of {word}"]
    if "type" in schema and not fits_type(value, schema["type"]):
        return [*found, f"{path}: {value!r} is no {schema['type']}"]
    if "const" in schema and value != schema["const"]:
        found.append(f"{path}: {value!r} is not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{path}: {value!r} is not in {schema['enum']}")
    if isinstance(value, str):
        found += text_errors(value, schema, path)
    if isinstance(value, list):
        found += list_errors(value, schema, root, path)
    if isinstance(value, dict):
        found += map_errors(value, schema, root, path)
    return found


def fits_type(value: Any, types: str | list[str]) -> bool:
    names = [types] if isinstance(types, str) else types
    return any(
        isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))
        for name in names
    )


def text_errors(value: str, schema: Any, path: str) -> list[str]:
    short = len(value) < schema.get("minLength", 0)
    other = not re.search(schema.get("pattern", ""), value)
    return [f"{path}: {value!r} is short or has another pattern"] if short or other else []


def list_errors(value: list[Any], schema: Any, root: Any, path: str) -> list[str]:
    found = []
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 10**6):
        found.append(f"{path}: {len(value)} items")
    for index, item in enumerate(value):
        first = schema.get("prefixItems", [])
        rule = first[index] if index < len(first) else schema.get("items", True)
        found += errors(item, rule, root, f"{path}[{index}]")
    return found


def map_errors(value: dict[str, Any], schema: Any, root: Any, path: str) -> list[str]:
    found = [f"{path}: needs {key}" for key in schema.get("required", []) if key not in value]
    for key, item in value.items():
        place = f"{path}.{key}"
        found += errors(key, schema.get("propertyNames", True), root, place)
        rules = [
            rule
            for text, rule in schema.get("patternProperties", {}).items()
            if re.search(text, key)
        ]
        if key in schema.get("properties", {}):
            rules.append(schema["properties"][key])
        if not rules:
            more = schema.get("additionalProperties", True)
            found += [f"{place}: unknown"] if more is False else errors(item, more, root, place)
        for rule in rules:
            found += errors(item, rule, root, place)
    return found


KINDS = {"gatepost": "gatepost.yaml", "mapping": "mapping.yaml", "journey": "journeys/landing.yaml"}


def parsed(text: str) -> Any:
    """As an editor reads it: dates are text, and so is the key `null`."""
    loader: Any = type("Loader", (yaml.SafeLoader,), {})
    loader.yaml_implicit_resolvers = {
        letter: [(tag, rule) for tag, rule in rules if not tag.endswith("timestamp")]
        for letter, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return keys_as_text(yaml.load(text, Loader=loader))


def keys_as_text(value: Any) -> Any:
    if isinstance(value, list):
        return [keys_as_text(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {"null" if key is None else key: keys_as_text(item) for key, item in value.items()}


@pytest.mark.parametrize("kind", FILES)
def test_a_good_file_fits_its_schema(kind, files):
    schema = json_schema(kind)

    assert errors(parsed(files[KINDS[kind]]), schema, schema) == []


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("gatepost", "type: mixpanel", "type: mixpannel"),
        ("gatepost", "region: eu", "region: asia"),
        ("gatepost", "project_id", "projectid"),
        ("gatepost", "schedule:", "shedule:"),
        ("mapping", "Seats__c, type: number", "Seats__c, type: numeric"),
        ("mapping", "object: Account", "objekt: Account"),
        ("mapping", "tenant_id, equals: tenant", "tenant_id, field: x, equals: tenant"),
        ("mapping", "null: clear", "null: clean"),
        ("journey", "within: 14d", "within: 14"),
        ("journey", "{changed: champion, within: 30d}", "{changed: champion, wthin: 30d}"),
        ("journey", "[[0, 100], [3, 0]]", "[[0, 100]]"),
        ("journey", "ends: true", "ends: maybe"),
        ("journey", "journey: Landing", "name: Landing"),
        ("journey", "owner: CSM, play: call them", "owner: CSM"),
    ],
)  # fmt: skip
def test_a_mistake_does_not_fit_its_schema(kind, old, new, files):
    schema = json_schema(kind)
    text = files[KINDS[kind]]
    assert text.count(old) == 1

    assert errors(parsed(text.replace(old, new)), schema, schema) != []


@pytest.mark.parametrize("kind", FILES)
def test_a_schema_is_the_same_text_every_time(kind):
    text = schema_text(kind)

    assert json.loads(text) == json_schema(kind)
    assert text == schema_text(kind)
    assert "\\u0000" not in text


def test_durations_are_text_in_defaults_too():
    moment = json_schema("journey")["$defs"]["Moment"]["properties"]

    assert [moment[key]["default"] for key in ("for", "clear", "after")] == ["1d", "7d", "0d"]
