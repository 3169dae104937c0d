"""What a check says, and what checks are given."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from config.load import Project

State = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Said:
    """One line of the table. `do`: what to do about it, "" if nothing is to be done."""

    check: str
    state: State
    said: str
    do: str = ""


@dataclass(frozen=True)
class Patient:
    """What is looked at. `project` is None where its files cannot be read."""

    folder: Path
    home: Path
    project: "Project | None"
    now: datetime
    ask_others: bool = True
    """whether connections may be asked for the time"""


Check = Callable[[Patient], Iterator[Said]]


def size_text(number: float) -> str:
    """Bytes for people: `1.2 GB`."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:,.0f} {unit}" if unit == "bytes" else f"{number:,.1f} {unit}"
        number /= 1000
    return f"{number:,.1f} TB"
