"""YAML text → a tree with places, and all that is wrong with it. Never raises for bad text."""

import re
from dataclasses import dataclass, field

import yaml

from config.problem import Problem, quoted, where_text
from config.yaml_nodes import (
    Entries,
    Entry,
    Items,
    Node,
    Path,
    Place,
    Scalar,
    existing,
    node_at,
    place_in,
    place_of_key,
)
from config.yaml_syntax import sentence

MOST_BYTES = 1_000_000
DEEPEST = 40
MOST_MERGED_KEYS = 20_000
_BOOLEAN_WORDS = re.compile(r"(?:yes|no|on|off|Yes|No|On|Off|YES|NO|ON|OFF)\Z")
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")
_TEXT_TAGS = (None, "!", "tag:yaml.org,2002:str")


@dataclass(slots=True)
class YamlFile:
    """One file, read. `root` is None if it could not be read as YAML or is empty."""

    name: str
    """relative to the project folder, with forward slashes"""
    source: str
    root: Node | None = None
    problems: list[Problem] = field(default_factory=list)

    def problem(
        self,
        path: Path,
        message: str,
        hint: str = "",
        *,
        offset: int | None = None,
        at_key: bool = False,
    ) -> Problem:
        """A problem at the value (or the key) at `path`, or at what of it exists.

        `offset` counts characters of the scalar there, from 0.
        """
        if self.root is None:
            return Problem(self.name, 0, 0, where_text(path), message, hint)
        path = existing(self.root, path)
        node = node_at(self.root, path)
        place = node.place
        if at_key:
            place = place_of_key(self.root, path)
        elif offset is not None and isinstance(node, Scalar):
            place = place_in(self.source, node, offset)
        return Problem(self.name, *place, where_text(path), message, hint)


class _Unreadable(Exception):
    """Reading cannot go on."""

    def __init__(self, place: Place, path: Path, message: str, hint: str = "") -> None:
        self.place, self.path, self.message, self.hint = place, path, message, hint
        super().__init__(message)


def read_yaml(name: str, content: bytes) -> YamlFile:
    """Read one file. `content` may be anything."""
    file = YamlFile(name, "")
    if len(content) > MOST_BYTES:
        whole = f"is larger than {MOST_BYTES:,} bytes, which no configuration needs"
        file.problems.append(Problem(name, 0, 0, "", whole))
        return file
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        file.problems.append(_not_utf8(name, content, error.start))
        return file
    file.source = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        file.root = _Composer(file).document()
    except _Unreadable as stop:
        where = where_text(stop.path)
        file.problems.append(Problem(name, *stop.place, where, stop.message, stop.hint))
    except yaml.YAMLError as error:
        message, hint, line, column = sentence(error, file.source)
        file.problems.append(Problem(name, line, column, "", message, hint))
    return file


def _not_utf8(name: str, content: bytes, start: int) -> Problem:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Problem(name, 1, 1, "", "is UTF-16 text, not UTF-8", "save it as UTF-8")
    before = content[:start].decode("utf-8-sig")
    line, column = before.count("\n") + 1, start - (content[:start].rfind(b"\n") + 1) + 1
    found = f"byte {content[start]:#04x} is not UTF-8 text"
    return Problem(name, line, column, "", found, "save the file as UTF-8")


class _Composer:
    """Events of the parser → nodes. Depth is bounded, aliases are shared and never circular."""

    def __init__(self, file: YamlFile) -> None:
        self.file = file
        self.events = yaml.parse(file.source, Loader=yaml.SafeLoader)
        self.anchors: dict[str, Node | None] = {}
        """None while the anchored value is still being read"""
        self.merges_left = MOST_MERGED_KEYS

    def document(self) -> Node | None:
        """The one document of the file."""
        root: Node | None = None
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _Unreadable(
                        _start(event), (), "a second document begins here", "one file holds one"
                    )
                root = self.node(next(self.events), ())
        if root is None or (isinstance(root, Scalar) and root.plain and not root.text):
            raise _Unreadable((0, 0), (), "is empty")
        return root

    def node(self, event: yaml.Event, path: Path) -> Node:
        place = _start(event)
        if len(path) > DEEPEST:
            raise _Unreadable(place, path[:3], f"is nested more than {DEEPEST} deep")
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, path)
        anchor = getattr(event, "anchor", None)
        if anchor:
            self.anchors[anchor] = None
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = self.scalar(event, path)
        elif isinstance(event, yaml.SequenceStartEvent):
            self.refuse_tag(event, path, "tag:yaml.org,2002:seq")
            node = Items(place)
            while not isinstance(following := next(self.events), yaml.SequenceEndEvent):
                node.items.append(self.node(following, (*path, len(node.items))))
        else:
            self.refuse_tag(event, path, "tag:yaml.org,2002:map")
            node = self.map(event, path)
        if anchor:
            self.anchors[anchor] = node
        return node

    def alias(self, event: yaml.AliasEvent, path: Path) -> Node:
        place, anchor = _start(event), event.anchor or ""
        if anchor not in self.anchors:
            raise _Unreadable(
                place,
                path,
                f"refers to &{anchor[:40]}, which is nowhere above",
                "put a value that begins with * in quotes",
            )
        node = self.anchors[anchor]
        if node is None:
            raise _Unreadable(place, path, f"refers to &{anchor[:40]}, of which it is a part")
        return node

    def scalar(self, event: yaml.ScalarEvent, path: Path) -> Scalar:
        text = self.clean(event, path)
        forced = event.tag is not None and event.tag in _TEXT_TAGS and not event.style
        if event.tag not in _TEXT_TAGS:
            self.refuse_tag(event, path, "")
        node = Scalar(text, event.style or "", *_span(event), _start(event), forced)
        if node.plain and _BOOLEAN_WORDS.match(text):
            self.report(
                node.place, path, f"YAML reads {text} as a boolean: quote it, or write true/false"
            )
        return node

    def map(self, start: yaml.Event, path: Path) -> Entries:
        node = Entries(_start(start), flow=bool(getattr(start, "flow_style", False)))
        merged: list[tuple[Place, Node]] = []
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key, place, merges = self.key(event, path)
            value = self.node(next(self.events), (*path, key))
            if merges:
                merged.append((place, value))
            elif key in node.entries:
                first = node.entries[key].key_place[0]
                message = f"the key {quoted(key)} stands here again; first in line {first}"
                self.report(place, (*path, key), message)
            else:
                node.entries[key] = Entry(place, value)
        for place, value in merged:
            self.merge(node, value, place, path)
        return node

    def key(self, event: yaml.Event, path: Path) -> tuple[str, Place, bool]:
        """A key's text, its place, and whether it is the merge key `<<`."""
        place = _start(event)
        if isinstance(event, yaml.AliasEvent):
            found = self.alias(event, path)
            if isinstance(found, Scalar):
                return found.text, place, False
        if not isinstance(event, yaml.ScalarEvent):
            braces = isinstance(event, yaml.MappingStartEvent)
            hint = "{{…}} is no placeholder here: quote it" if braces else ""
            raise _Unreadable(place, path, "a key must be text", hint)
        if event.anchor:
            self.anchors[event.anchor] = Scalar(
                event.value, event.style or "", *_span(event), place
            )
        return self.clean(event, path), place, event.value == "<<" and not event.style

    def merge(self, node: Entries, value: Node, place: Place, path: Path) -> None:
        """Add what `<<` brings; keys that the map has itself stay."""
        sources = value.items if isinstance(value, Items) else [value]
        for source in sources:
            if not isinstance(source, Entries):
                raise _Unreadable(place, path, "<< takes a map, or a list of maps")
            self.merges_left -= len(source.entries)
            if self.merges_left < 0:
                raise _Unreadable(place, path, "merges more keys with << than any file needs")
            for key, entry in source.entries.items():
                node.entries.setdefault(key, entry)

    def clean(self, event: yaml.ScalarEvent, path: Path) -> str:
        text: str = event.value
        if _NOT_TEXT.search(text):
            self.report(_start(event), path, "holds an escape that stands for no character")
            return _NOT_TEXT.sub("?", text)
        return text

    def refuse_tag(self, event: yaml.Event, path: Path, usual: str) -> None:
        tag = getattr(event, "tag", None)
        if tag not in (None, "!", usual):
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            self.report(_start(event), path, f"the tag {quoted(shown)} means nothing here")

    def report(self, place: Place, path: Path, message: str) -> None:
        self.file.problems.append(Problem(self.file.name, *place, where_text(path), message))


def _start(event: yaml.Event) -> Place:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _span(event: yaml.Event) -> tuple[int, int]:
    start, end = event.start_mark, event.end_mark
    return (start.index, end.index) if start and end else (0, 0)
