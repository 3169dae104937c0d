"""A YAML file as a tree in which everything knows its line and column."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

Path = tuple[str | int, ...]
Place = tuple[int, int]
"""Line and column, both counted from 1."""

_LINE_BREAK = re.compile("[\n\x85\u2028\u2029]")
_BEFORE_TEXT = re.compile(r"(?:[&!]\S*\s+)*")
_ESCAPE = re.compile(r"\\(?:x.{2}|u.{4}|U.{8}|\n[ \t]*|.)", re.DOTALL)


@dataclass(slots=True)
class Scalar:
    """A leaf. `text` is its content; `start` and `end` are offsets in the source."""

    text: str
    style: str
    """empty for plain, else one of ' " | >"""
    start: int
    end: int
    place: Place
    forced_text: bool = False
    """tagged as text"""

    @property
    def plain(self) -> bool:
        """Whether YAML may read this as something other than text."""
        return not self.style and not self.forced_text


@dataclass(slots=True)
class Items:
    """A list."""

    place: Place
    items: list["Node"] = field(default_factory=list)


@dataclass(slots=True)
class Entry:
    """A key with its value."""

    key_place: Place
    node: "Node"


@dataclass(slots=True)
class Entries:
    """A map; keys are the text that stands in the file."""

    place: Place
    flow: bool
    entries: dict[str, Entry] = field(default_factory=dict)


Node = Scalar | Items | Entries


def child(node: Node, step: str | int) -> Node | None:
    """The node one step down, None if there is no such step."""
    if isinstance(node, Entries) and isinstance(step, str):
        entry = node.entries.get(step)
        return entry.node if entry else None
    if isinstance(node, Items) and isinstance(step, int) and 0 <= step < len(node.items):
        return node.items[step]
    return None


def existing(root: Node, path: Sequence[str | int]) -> Path:
    """The steps of `path` that the file really has; what only the models know is left out.

    A name in a list of names (a short form of a map) is found by its text.
    """
    steps: list[str | int] = []
    node = root
    for step in path:
        at: str | int = step
        below = child(node, step)
        if below is None and isinstance(node, Items) and isinstance(step, str):
            texts = [one.text if isinstance(one, Scalar) else None for one in node.items]
            if step in texts:
                at = texts.index(step)
                below = node.items[at]
        if below is not None:
            steps.append(at)
            node = below
    return tuple(steps)


def node_at(root: Node, path: Sequence[str | int]) -> Node:
    """The node at `path`, or the last one on the way there that exists."""
    node = root
    for step in existing(root, path):
        node = child(node, step) or node
    return node


def place_of_key(root: Node, path: Sequence[str | int]) -> Place:
    """Where the key stands that ends `path`; where its value is, if it is no key."""
    steps = existing(root, path)
    parent = node_at(root, steps[:-1])
    if steps and isinstance(parent, Entries) and isinstance(steps[-1], str):
        return parent.entries[steps[-1]].key_place
    return node_at(root, steps).place


def place_in(source: str, scalar: Scalar, offset: int) -> Place:
    """Where the character `offset` (from 0) of a scalar's text stands in the file.

    Folding and quoting change blanks only, so the characters that are not blank are counted: the
    n-th of the text is the n-th of the source. A blank's place is that of what follows it.
    """
    before = sum(not character.isspace() for character in scalar.text[: max(offset, 0)])
    marks = _visible(source, scalar)
    if before < len(marks):
        return _place(source, marks[before])
    return _place(source, marks[-1] + 1) if marks else scalar.place


def _visible(source: str, scalar: Scalar) -> list[int]:
    """Offsets in the source of the scalar's characters that are not blank, in order."""
    found = _BEFORE_TEXT.match(source, scalar.start)
    at, end = (found.end() if found else scalar.start), scalar.end
    if scalar.style in ("|", ">"):
        at = source.find("\n", at, end) + 1 or end
    elif scalar.style:
        at, end = at + 1, end - 1
    marks = []
    while at < end:
        width, blank = 1, source[at].isspace()
        if scalar.style == "'" and source.startswith("''", at):
            width = 2
        elif scalar.style == '"' and (escape := _ESCAPE.match(source, at, end)):
            width, blank = len(escape[0]), _blank_escape(escape[0])
        if not blank:
            marks.append(at)
        at += width
    return marks


def _blank_escape(escape: str) -> bool:
    letter = escape[1]
    if letter in "xuU":
        return chr(int(f"0x{escape[2:]}", 0)).isspace()
    return letter in "tnrvf _NLP\n"


def _place(source: str, index: int) -> Place:
    line, last = 1, 0
    for found in _LINE_BREAK.finditer(source, 0, index):
        line, last = line + 1, found.end()
    return line, index - last + 1
