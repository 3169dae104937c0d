"""Whatever is done to a project's text, reading it gives a Project or Problems: it never raises."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.load import load_project

FUZZ = settings(
    max_examples=80,
    deadline=None,
    # The fixture gives the same texts every time.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NAMES = st.sampled_from(["gatepost.yaml", "mapping.yaml", "journeys/landing.yaml"])
MARKS = list("\t\x00\ufeff\r\u2028😀{}[]:-#|>~%@?!&*,'\"\\ \n")
WORDS = [
    "&a ",
    "*a",
    "<<: ",
    "!!int ",
    "---\n",
    "...\n",
    "yes",
    "2025-02-30",
    "\\ud800",
    "-1d",
    "any",
]
LONG = ["9" * 5000, "x" * 30_000, "[" * 60]
SNIPPETS = st.sampled_from(MARKS + WORDS + LONG)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.text(max_size=20),
    st.sampled_from(
        ["any", "stage", "day", "id", "7d", "0d", "Setup", "first_export", "nps", "x;y", ""]
    ),
    st.just([]),
    st.just({}),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


def check(files: dict[str, bytes]) -> None:
    """Read the files and hold what comes out to the promise."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder) / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        project, problems = load_project(Path(folder))
    assert project is not None or problems
    assert problems == sorted(problems)
    for problem in problems:
        content = files.get(problem.file, b"")
        lines = content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
        # The parser knows more kinds of line break than editors do.
        assert 0 <= problem.line <= len(lines.splitlines()) + 1
        assert (problem.column >= 1) == (problem.line >= 1)
        assert problem.message
        assert "\n" not in str(problem)
        assert len(str(problem)) < 1000
        str(problem).encode()


def as_bytes(files: dict[str, str]) -> dict[str, bytes]:
    return {name: text.encode() for name, text in files.items()}


@FUZZ
@given(data=st.data())
def test_characters_put_in_or_taken_out_anywhere(files, data):
    name = data.draw(NAMES)
    text = files[name]
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.one_of(st.just(start), st.integers(start, min(len(text), start + 40))))
        text = text[:start] + data.draw(SNIPPETS | st.text(max_size=3)) + text[end:]

    check(as_bytes(files) | {name: text.encode(errors="replace")})


@FUZZ
@given(data=st.data())
def test_bytes_changed_anywhere(files, data):
    name = data.draw(NAMES)
    content = bytearray(files[name].encode())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))

    check(as_bytes(files) | {name: bytes(content)})


@FUZZ
@given(content=st.binary(max_size=200), name=NAMES)
def test_anything_at_all_in_place_of_a_file(files, content, name):
    check(as_bytes(files) | {name: content})


def holders(value: Any) -> Iterator[Any]:
    """Every map and list within a value, itself included."""
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from holders(inner)


def mutate(tree: Any, data: st.DataObject) -> None:
    """Delete, retype, duplicate, rename or swap something in the tree."""
    places = [
        (holder, key)
        for holder in holders(tree)
        for key in (list(holder) if isinstance(holder, dict) else range(len(holder)))
    ]
    holder, key = data.draw(st.sampled_from(places))
    match data.draw(st.sampled_from(["delete", "retype", "swap", "nest", "rename", "repeat"])):
        case "delete":
            del holder[key]
        case "retype":
            holder[key] = data.draw(LEAVES)
        case "swap":
            other, another = data.draw(st.sampled_from(places))
            value, holder[key] = holder[key], other[another]
            other[another] = value
        case "nest":
            holder[key] = data.draw(st.sampled_from([[holder[key]], {"x": holder[key]}]))
        case "rename" if isinstance(holder, dict):
            holder[data.draw(st.text(max_size=8))] = holder.pop(key)
        case _ if isinstance(holder, list):
            holder.append(holder[key])
        case _:
            pass  # a map has no place to repeat an entry in


@FUZZ
@given(data=st.data())
def test_nodes_deleted_retyped_swapped_or_repeated(files, data):
    name = data.draw(NAMES)
    tree = yaml.safe_load(files[name])
    for _ in range(data.draw(st.integers(1, 4))):
        if not isinstance(tree, dict) or not tree:
            break
        mutate(tree, data)
        try:
            # A swap may put a value into itself; dumping gives such a file, with an alias.
            text = yaml.safe_dump(
                tree, sort_keys=False, default_flow_style=data.draw(st.none() | st.booleans())
            )
        except RecursionError:
            break
        check(as_bytes(files) | {name: text.encode(errors="replace")})
        tree = yaml.safe_load(files[name]) if "&id" in text else tree
