"""One thing that is wrong with a project, said so that it can be found and put right."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

SHOWN_CHARACTERS = 60
LONGEST_LIST = 200


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A sentence about a place in a file. Problems sort by file, line and column."""

    file: str
    """relative to the project folder, with forward slashes"""
    line: int
    """1-based; 0 speaks of the whole file"""
    column: int
    """1-based; 0 where the line is 0"""
    where: str
    """the place in the file's own words: `stages[2].exit`; empty for the whole file"""
    message: str
    """what is wrong, the offending text included"""
    hint: str = ""
    """the nearest right thing, as a phrase: `nearest is 'weekly_users'`"""

    def __str__(self) -> str:
        """One line: place, what is wrong, what would be right."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        subject = f"{self.where}: " if self.where else ""
        advice = f"; {self.hint}" if self.hint else ""
        return f"{place}  {subject}{self.message}{advice}"


def quoted(text: object) -> str:
    """`text` as it may stand in a message: on one line, in quotes, cut when long."""
    shown = str(text)
    if len(shown) > SHOWN_CHARACTERS:
        shown = shown[: SHOWN_CHARACTERS - 1] + "…"
    return repr(shown)


def nearest(word: str, candidates: Iterable[str]) -> str:
    """A hint that names what `word` was probably meant to be.

    Without a likely candidate the known names are listed, if there are few; else the hint is empty.
    """
    names = sorted(set(candidates))
    by_folded = {name.casefold(): name for name in reversed(names)}
    close = difflib.get_close_matches(word[:200].casefold(), by_folded, n=1, cutoff=0.6)
    if close:
        return f"nearest is {quoted(by_folded[close[0]])}"
    if 0 < len(names) <= 8:
        return known(names)
    return ""


def known(names: Iterable[str]) -> str:
    """A hint that lists names, in order, on one line."""
    listed = ", ".join(printable(name) for name in sorted(names))
    return "known: " + (listed if len(listed) <= LONGEST_LIST else listed[:LONGEST_LIST] + "…")


def printable(text: str) -> str:
    """`text` without line breaks and what else a terminal would act upon or could not show."""
    return "".join(one if one.isprintable() else "?" for one in " ".join(text.split()))


def where_text(path: Iterable[str | int]) -> str:
    """A path into a file as people write it: ("stages", 2, "exit") → `stages[2].exit`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return printable(text)[:LONGEST_LIST]
