"""The plain values of a tree: text, numbers, true and false, nothing; lists and maps of them.

Only what looks like one thing to everyone is read as that: 12 and 0.5 are numbers, true and false
are booleans, an empty value is nothing. 012, 1_000, 12:30, 0x1F, .inf and dates stay text; what
needs a date reads it from there.
"""

import re
from typing import Any

from config.kinds import WrittenFloat, WrittenInt
from config.yaml_nodes import Items, Node, Place, Scalar

MOST_VALUES = 100_000
MOST_CHARACTERS = 5_000_000
DEEPEST = 60

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})\Z")
_FLOAT = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]{0,17})\.[0-9]{0,30}|\.[0-9]{1,30})\Z")
_CONSTANTS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


class TooMuchError(Exception):
    """Aliases blow the file up beyond all measure; `place` is where it was noticed."""

    def __init__(self, place: Place) -> None:
        self.place = place
        super().__init__("grows beyond all measure when its aliases (*name) are put in")


def plain_values(root: Node) -> Any:
    """The tree as plain values. Raises TooMuchError where aliases multiply without end."""
    return _Values().of(root, 0)


class _Values:
    def __init__(self) -> None:
        self.values_left = MOST_VALUES
        self.characters_left = MOST_CHARACTERS

    def of(self, node: Node, depth: int) -> Any:
        self.values_left -= 1
        if isinstance(node, Scalar):
            self.characters_left -= len(node.text)
        if self.values_left < 0 or self.characters_left < 0 or depth > DEEPEST:
            raise TooMuchError(node.place)
        if isinstance(node, Scalar):
            return scalar_value(node)
        if isinstance(node, Items):
            return [self.of(item, depth + 1) for item in node.items]
        return {key: self.of(entry.node, depth + 1) for key, entry in node.entries.items()}


def scalar_value(scalar: Scalar) -> str | int | float | bool | None:
    """A leaf as a plain value; a number remembers how it was written."""
    if not scalar.plain:
        return scalar.text
    text = scalar.text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    number: WrittenInt | WrittenFloat
    if _INT.match(text):
        number = WrittenInt(text)
    elif _FLOAT.match(text):
        number = WrittenFloat(text)
    else:
        return text
    number.text = text
    return number
