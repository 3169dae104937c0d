"""What a pull says while it runs and when it is done."""

from collections.abc import Callable
from dataclasses import dataclass, field

Tick = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


@dataclass(slots=True)
class PullReport:
    """What a pull found and did. Counts of rows are of the parts that were read."""

    source: str
    parts: int = 0
    """how many there are now"""
    read: int = 0
    dropped: int = 0
    rows: int = 0
    rejected: int = 0
    duplicates: int = 0
    no_key: dict[str, int] = field(default_factory=dict)
    """events without an account key, by event name"""
    waiting: list[str] = field(default_factory=list)
    """parts that were being written meanwhile: left as they were, for the next pull"""
    warnings: list[str] = field(default_factory=list)
    changed: bool = False
    """whether any account's events differ from before"""
