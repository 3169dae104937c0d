# ruff: noqa: E501  (a table of texts and sentences reads best with one a line)
"""YAML's own surprises give a sentence with a place, and what is read is what stands there."""

import time

import pytest

from config.yaml_nodes import node_at
from config.yaml_reader import MOST_BYTES, read_yaml
from config.yaml_values import TooMuchError, plain_values


def read(text):
    """Plain values of a text without problems."""
    file = read_yaml("a.yaml", text.encode())
    assert file.problems == []
    assert file.root is not None
    return plain_values(file.root)


def problems(text):
    """Problems of a text or bytes, as `line:column message; hint`."""
    content = text.encode() if isinstance(text, str) else text
    return [
        f"{one.line}:{one.column} {one.message}" + (f"; {one.hint}" if one.hint else "")
        for one in read_yaml("a.yaml", content).problems
    ]


@pytest.mark.parametrize("text", ["12", "-3", "0", "+7"])
def test_whole_numbers_are_numbers_and_keep_their_text(text):
    value = read(f"a: {text}")["a"]
    assert (type(value).__mro__[1], value, value.text) == (int, int(text), text)


def test_decimal_numbers_keep_the_way_they_were_written():
    value = read("a: 1.10")["a"]
    assert (value, value.text) == (1.1, "1.10")


@pytest.mark.parametrize(
    "text",
    [
        "012",
        "1_000",
        "12:30",
        "0x1F",
        "0o17",
        "1e5",
        ".inf",
        ".nan",
        "2025-01-01",
        "y",
        "n",
        "9" * 40,
    ],
)
def test_what_only_looks_like_a_number_to_yaml_stays_text(text):
    assert read(f"a: {text}") == {"a": text}


def test_true_false_and_nothing():
    assert read("a: true\nb: False\nc:\nd: ~\ne: null\nf: 'true'\ng: ''") == {
        "a": True, "b": False, "c": None, "d": None, "e": None, "f": "true", "g": "",
    }  # fmt: skip


@pytest.mark.parametrize("word", ["yes", "No", "ON", "off"])
def test_unquoted_boolean_words_are_a_problem(word):
    told = f"2:4 YAML reads {word} as a boolean: quote it, or write true/false"
    assert problems(f"a: 1\nb: {word}") == [told]
    assert problems(f"a: '{word}'") == []


def test_keys_are_the_text_that_stands_there():
    assert read("no: 1\nnull: 2\n3: 4\n2025-01-01: 5") == {
        "no": 1, "null": 2, "3": 4, "2025-01-01": 5,
    }  # fmt: skip


def test_a_key_that_is_no_text_is_a_problem():
    assert problems("? [a]\n: b") == ["1:3 a key must be text"]
    told = "1:5 a key must be text; {{…}} is no placeholder here: quote it"
    assert problems("a: {{name}}") == [told]


def test_a_key_that_stands_twice_is_a_problem():
    assert problems("a: 1\nb: {c: 1, c: 2}\na: 3") == [
        "2:11 the key 'c' stands here again; first in line 2",
        "3:1 the key 'a' stands here again; first in line 1",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "0:0 is empty"),
        ("# nothing but a comment\n", "0:0 is empty"),
        ("---\n", "0:0 is empty"),
        ("a: 1\n---\nb: 2", "2:1 a second document begins here; one file holds one"),
        ("a:\n\tb: 1", "2:1 a tab stands here, and YAML takes spaces only; replace it by spaces"),
        ("a: @b", "1:4 a value must not begin with @; put it in quotes"),
        ("a: %b", "1:4 a value must not begin with %; put it in quotes"),
        (
            "a: */30 * * * *",
            "1:5 a value that begins with * or & is a reference to YAML; put it in quotes",
        ),
        (
            "a: b: c",
            "1:5 a colon stands where YAML expects none; put a value that holds ': ' in quotes, and begin keys of one map at one column",
        ),
        (
            "a: 'x' = y",
            "1:8 text follows where a value has already ended; put the whole value in quotes, or begin the key at the column of the others",
        ),
        ("- a\nb: 1", "2:1 a key stands where a list goes on; begin list items with '- '"),
        ("a: 'b", "1:6 a quote is opened and never closed"),
        ('a: "\\q"', "1:6 in double quotes a backslash begins an escape; use single quotes"),
        ("a: >x\n b", "1:5 after | or > the text begins on the next line"),
        ("a:\n   - b\n  - c", "3:3 this line is indented otherwise than the ones it belongs to"),
        ("a: *b", "1:4 refers to &b, which is nowhere above; put a value that begins with * in quotes"),
        ("a: &b [*b]", "1:8 refers to &b, of which it is a part"),
        ("a: &b {c: *b}", "1:11 refers to &b, of which it is a part"),
        ("a: !!python/object:os.system x", "1:4 the tag '!!python/object:os.system' means nothing here"),
        ("a: !!set {b}", "1:4 the tag '!!set' means nothing here"),
        ("<<: 1", "1:1 << takes a map, or a list of maps"),
        ("a: b\x07", "1:5 holds the control character 0x07; remove it"),
        ('a: "\\uD800"', "1:4 holds an escape that stands for no character"),
        ('a: "\\0"', "1:4 holds an escape that stands for no character"),
        (b"a: 1\nb: \xff", "2:4 byte 0xff is not UTF-8 text; save the file as UTF-8"),
        ("a: 1".encode("utf-16"), "1:1 is UTF-16 text, not UTF-8; save it as UTF-8"),
        (b"a: " + b"x" * MOST_BYTES, f"0:0 is larger than {MOST_BYTES:,} bytes, which no configuration needs"),
        ("[" * 1000, "1:42 is nested more than 40 deep"),
        ("- " * 1000, "1:83 is nested more than 40 deep"),
    ],
)  # fmt: skip
def test_what_is_no_good_yaml_gives_a_sentence(text, told):
    assert problems(text) == [told]


def test_a_byte_order_mark_and_windows_line_ends_are_fine():
    file = read_yaml("a.yaml", b"\xef\xbb\xbfa: 1\r\nb:\r\n  - c\r\n")

    assert file.problems == []
    assert file.root is not None
    assert plain_values(file.root) == {"a": 1, "b": ["c"]}
    assert file.problem(("a",), "").column == 4
    assert node_at(file.root, ("b", 0)).place == (3, 5)


def test_text_tags_and_anchors_are_allowed():
    assert read("a: &x !!str 12\nb: *x\nc: ! true\n*x : 3") == {
        "a": "12", "b": "12", "c": "true", "12": 3,
    }  # fmt: skip


def test_merge_keys_bring_what_a_map_does_not_have_itself():
    text = "base: &b {x: 1, y: 2}\none: {<<: *b, y: 3}\ntwo:\n  <<: [*b, {z: 4}]\nq: {'<<': 1}"
    assert read(text) == {
        "base": {"x": 1, "y": 2},
        "one": {"x": 1, "y": 3},
        "two": {"x": 1, "y": 2, "z": 4},
        "q": {"<<": 1},
    }


LAUGHS = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + below] * 9)}]\n"
    for below, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {" + ", ".join(f"k{n}: 1" for n in range(3000)) + "}\n" + "".join(
    f"m{n}: {{<<: *a}}\n" for n in range(3000)
)  # fmt: skip


def test_a_billion_laughs_are_stopped_early():
    file = read_yaml("a.yaml", LAUGHS.encode())
    assert file.root is not None
    began = time.monotonic()

    with pytest.raises(TooMuchError, match="grows beyond all measure"):
        plain_values(file.root)

    assert time.monotonic() - began < 5


def test_ten_megabytes_of_aliases_are_stopped_early():
    text = f"a: &a {'x' * 10_000}\nb: [{', '.join(['*a'] * 1000)}]"
    file = read_yaml("a.yaml", text.encode())
    assert file.root is not None

    with pytest.raises(TooMuchError):
        plain_values(file.root)


def test_merges_without_end_are_stopped_early():
    assert [one.split(" ", 1)[1] for one in problems(MERGES)] == [
        "merges more keys with << than any file needs"
    ]


def test_aliases_that_nest_each_other_are_bounded_in_depth():
    opening, closing = "[" * 30, "]" * 30
    text = f"a: &a {opening}{closing}\nb: &b {opening}*a{closing}\nc: {opening}*b{closing}"
    file = read_yaml("a.yaml", text.encode())
    assert file.root is not None

    with pytest.raises(TooMuchError):
        plain_values(file.root)


EXPRESSION = "one = 'x' and\n  two <> 3"
SPELLINGS = {
    "plain": "k: {v: one = 'x' and two}",
    "plain over lines": "k:\n  v: one\n    = 'x'\n\n    and two",
    "single quotes": "k: {v: 'one = ''x'' and two'}",
    "double quotes": "k: {v: \"one \\x3d 'x'\\tand two\"}",
    "double quotes over lines": "k:\n  v: \"one = 'x'\\\n    \\ and\n    two\"",
    "literal": "k:\n  v: |\n    one = 'x'\n    and two\n",
    "folded": "k:\n  v: >-  # a comment\n    one = 'x'\n\n    and two\n",
    "anchored": "k: {v: &name !!str \"one = 'x' and two\"}",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("word", ["one", "x", "and", "two"])
def test_a_character_of_a_text_is_found_however_it_is_spelled(spelling, word):
    source = SPELLINGS[spelling]
    file = read_yaml("a.yaml", source.encode())
    assert file.root is not None
    text = plain_values(file.root)["k"]["v"]

    found = file.problem(("k", "v"), "", offset=text.index(word))

    line = source.split("\n")[found.line - 1]
    assert line[found.column - 1 :].startswith(word)


def test_a_character_past_the_end_is_where_the_text_ends():
    file = read_yaml("a.yaml", b"a: one  # two")

    assert file.problem(("a",), "", offset=99).column == 7
    assert read_yaml("a.yaml", b"a: ''").problem(("a",), "", offset=5).column == 4


def test_places_that_do_not_exist_are_those_of_what_holds_them():
    file = read_yaml("a.yaml", b"a:\n  - b: {c: 1}\n")

    found = file.problem(("a", 0, "b", "d", "e"), "boo")

    assert (found.line, found.column, found.where) == (2, 8, "a[0].b")
    assert file.problem(("a", 7), "").line == 2
    assert file.problem(("a", 0, "b"), "", at_key=True).column == 5
