"""Names, texts and paths as they stand in a statement of the engine. Needs no engine."""

from collections.abc import Iterable
from pathlib import Path


def quoted(name: str) -> str:
    """A name as an identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: object) -> str:
    """A text as a string literal."""
    return "'" + str(text).replace("'", "''") + "'"


def path_literal(path: Path) -> str:
    """A path as the argument of a reader, which takes every path for a pattern."""
    return literal("".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path)))


def path_list(paths: Iterable[Path]) -> str:
    """Paths as the argument of a reader of several files."""
    return f"[{', '.join(map(path_literal, paths))}]"
