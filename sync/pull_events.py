"""Events of one entry of mapping.yaml → the lake. Progress is what is there, part by part.

A part whose fingerprint is known costs nothing, one that was only touched costs the hash of its
content. The others are read whole and replace what they were. A part that is not there any more has
taken its events with it.
"""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from config.errors import RetryLater, StopCycle
from config.load import Project
from config.mapping_file import EventsEntry
from connectors.base import EventSource, Part, Selective
from connectors.rejected import max_rejected
from sync.forgotten import load_forgotten
from sync.lake import Lake
from sync.lake_parts import Known, Register, fingerprint
from sync.pull_fetch import Fetches
from sync.pull_reading import reading_of
from sync.pull_report import PullReport, Tick
from sync.state import State

if TYPE_CHECKING:
    from sync.engine import DuckEngine


_MEMORY = "210MB"
"""A part is read in little memory, whatever its size: more would hardly make it faster, and the
engine that computes is open at the same time."""
_UNITS = {"MB": 1e6, "GB": 1e9, "TB": 1e12, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


def _silent(what: str, done: int, of: int) -> None:
    """Nobody looks."""


def pull_events(
    project: Project,
    entry: EventsEntry,
    source: EventSource,
    lake: Lake,
    state: State,
    progress: Tick = _silent,
    *,
    engine: "DuckEngine | None" = None,
) -> PullReport:
    """Bring the lake's source `entry.name` to what `source` has now.

    StopCycle with a sentence if a part is damaged or has too many bad rows: that part and those
    after it stay as they were. Safe to repeat, also after a kill at any moment. Where nothing is
    new no engine is started; `engine` is one that is open already.
    """
    register = Register(state, lake, entry.name)
    known = register.known()
    if isinstance(source, Selective):
        source.select(reading_of(entry).names)
    parts = source.parts()
    report = PullReport(entry.name, parts=len(parts), warnings=list(source.warnings()))
    todo = _todo(source, parts, register, known, reading_of(entry).key, report)
    gone = sorted(known.keys() - {part.name for part in parts})
    if not todo and not gone:
        return report
    staging = lake.staging_folder(entry.name)
    shutil.rmtree(staging, ignore_errors=True)  # of a pull that was killed
    limits = project.gatepost.engine
    most = max_rejected(entry.from_, project.gatepost.connections[entry.from_])
    memory = _smaller(limits.memory, _MEMORY)
    try:
        with Fetches(source, [part for part, _ in todo], staging / "spool") as fetches:
            fetches.begin()  # while the engine is imported, which only here is needed
            from sync.engine import DuckEngine
            from sync.pull_commit import Commits

            scratch = project.home / "scratch"
            own = engine or DuckEngine(scratch, threads=limits.threads, memory=memory)
            with nullcontext(own) if engine else own:
                forgotten = load_forgotten(state)
                commits = Commits(
                    own, lake, register, entry, source, most, report, progress, forgotten
                )
                commits.run(todo, gone, fetches)
    except OSError as error:
        raise StopCycle(
            f"{error.filename or lake.folder} cannot be written: {error.strerror or error}",
            "the lake is as it was; see the disk and GATEPOST_HOME",
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return report


def _smaller(one: str, other: str) -> str:
    """The smaller of two amounts of memory, as the engine writes them (2GB, 512MiB)."""
    return min(one, other, key=_bytes)


def _bytes(amount: str) -> float:
    number = amount.rstrip("BGIMTbgimt ")
    return float(number) * _UNITS[amount[len(number) :].strip().upper()]


def _todo(
    source: EventSource,
    parts: Sequence[Part],
    register: Register,
    known: Mapping[str, Known],
    key: str,
    report: PullReport,
) -> list[tuple[Part, str]]:
    """The parts that must be read, each with the hash of its content."""
    todo: list[tuple[Part, str]] = []
    for part in parts:
        before = known.get(part.name)
        there = before is not None and register.is_there(part.name, before)
        if before is not None and there and before.is_same(key, part):
            continue
        try:
            digest = source.digest(part)
        except RetryLater:
            report.waiting.append(part.name)
            continue
        if before is not None and there and before.reading == key and digest == before.digest != "":
            register.note_touched(part.name, fingerprint(key, part, digest))
        else:
            todo.append((part, digest))
    return todo
