"""How a field is called, made and found in Salesforce. Pure."""

import re
from collections.abc import Sequence
from typing import Any

from connectors.facts import FieldWish, Todo

_STEM = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LONGEST_NAME = 40
_LONGEST_LABEL = 40
_LONGEST_TEXT, _LONGEST_LONG_TEXT = 255, 32_768
_MOST_DIGITS = 18


def name_problem(name: str) -> tuple[str, str] | None:
    """Why no custom field can be called so, and a name that would do; None if one can."""
    stem = name.removesuffix("__c")
    plain = re.sub(r"_+", "_", re.sub(r"\W", "_", stem, flags=re.ASCII)).strip("_0123456789")
    better = f"{plain[:_LONGEST_NAME].rstrip('_')}__c" if plain else ""
    if stem == name:
        return "the name of a field that is made ends in __c", better
    if not _STEM.fullmatch(stem):
        return "a field's name begins with a letter and goes on with letters, digits, _", better
    if "__" in stem:
        return "a field's name has no two underscores in a row but those of __c", better
    if stem.endswith("_"):
        return "a field's name has no underscore before __c", better
    if len(stem) > _LONGEST_NAME:
        said = f"a field's name has at most {_LONGEST_NAME} characters before __c"
        return f"{said}, and this one has {len(stem)}", better
    return None


def made_of(wish: FieldWish) -> str:
    """What is made, in the words of Salesforce's pages."""
    made = metadata_of(wish)
    match made["type"]:
        case "Picklist" | "MultiselectPicklist":
            count = len(wish.options or ())
            return f"{made['type']} of {count} {'value' if count == 1 else 'values'}"
        case "Number":
            return f"Number({made['precision'] - made['scale']}, {made['scale']})"
        case "Text" | "LongTextArea":
            return f"{made['type']}({made['length']})"
        case kind:
            return str(kind)


def by_hand(object_name: str, todo: Todo) -> str:
    """Where an administrator clicks to do it."""
    fields = f"Setup > Object Manager > {object_name} > Fields & Relationships"
    match todo.action:
        case "create":
            api = todo.wish.name.removesuffix("__c")
            return f"{fields} > New: {made_of(todo.wish)}, Field Name {api}"
        case "options":
            return f"{fields} > {todo.wish.name} > Values > New: {', '.join(todo.options)}"
        case "grant":
            return (
                "Setup > Permission Sets > (one that the API user has) > Object Settings > "
                f"{object_name} > Edit > Field Permissions: Edit Access for {todo.wish.name}"
            )


def metadata_of(wish: FieldWish) -> dict[str, Any]:
    """The field as Tooling wants it. Lists are not restricted: a journey that gains a stage is
    written before anybody adds its name here."""
    made: dict[str, Any] = {
        "label": wish.label[:_LONGEST_LABEL], "description": wish.description,
        "inlineHelpText": wish.description, "required": False, "trackHistory": False,
    }  # fmt: skip
    match wish.kind:
        case "text" | "list" if wish.options:
            several = wish.kind == "list"
            made |= {"type": "MultiselectPicklist" if several else "Picklist"}
            made["valueSet"] = {
                "restricted": False,
                "valueSetDefinition": {"sorted": False, "value": extended([], wish.options)},
            }
            if several:
                made["visibleLines"] = min(max(len(wish.options), 3), 10)
        case "text":
            made |= {"type": "Text", "length": _LONGEST_TEXT}
        case "list":
            made |= {"type": "LongTextArea", "length": _LONGEST_LONG_TEXT, "visibleLines": 3}
        case "number":
            made |= {"type": "Number", "precision": _MOST_DIGITS, "scale": wish.decimals}
        case "date":
            made |= {"type": "Date"}
        case "boolean":
            made |= {"type": "Checkbox", "defaultValue": False}
    return made


def extended(values: list[dict[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    """The values with more behind them; one that was switched off is switched on."""
    known = {str(one.get("fullName", one.get("valueName"))): one for one in values}
    found = [{**one, "isActive": True} if name in names and "isActive" in one else one
             for name, one in known.items()]  # fmt: skip
    fresh = [name for name in names if name not in known]
    return found + [{"fullName": name, "label": name, "default": False} for name in fresh]
