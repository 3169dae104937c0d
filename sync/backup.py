"""A copy of a home that is whole by itself, made while others write.

A file of the lake never changes under its name, it is replaced by a new one: so it is linked where
the disk allows, and copied elsewhere. What can go wrong is that the state file tells of another
moment than the files. So the files come first and the state after them, and every part of the lake
that was touched in between is marked in the copy as not read: the first pull after a restore reads
it again. Which accounts that concerns is in the lake's change files, which come after its events.
"""

import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from config.errors import GatepostError, StopCycle
from sync.engine import DuckEngine, EngineError
from sync.lake import Lake, file_name
from sync.lake_write import make_durable
from sync.quoting import path_list
from sync.state import FILE_NAME, RUN_KEY, State, StateError, instant_text

MANIFEST = "backup.json"
PREFIX = "gatepost-"
_PULL_AGAIN = "`gatepost sync --full` pulls again what is missing; then back up again"
_LINKED = (".parquet", ".npz")

_Seen = tuple[int, int, int]
Tick = Callable[[str, int, int], None]


@dataclass(slots=True)
class Backup:
    """What was made. `bytes` are those of the files, linked ones too; `again`: parts of the lake
    that were being pulled meanwhile, which a restored home pulls anew."""

    path: str
    made_at: str
    files: int = 0
    linked: int = 0
    bytes: int = 0
    parts: int = 0
    again: int = 0
    removed: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return asdict(self)


def back_up(
    home: Path, target: Path, now: datetime, *, keep: int | None = None,
    tick: Tick = lambda _what, _done, _of: None,
) -> Backup:  # fmt: skip
    """Copy `home` into TARGET/gatepost-TIME, or into the archive TARGET if it ends in `.tar` or
    `.tar.gz`; then remove all but the newest `keep` of such folders (None: none).

    It has its name only once it is whole and was read back. Needs no lock; may run beside a sync.
    StopCycle if there is nothing to copy, no room, or the copy is not good.
    """
    if not (home / FILE_NAME).is_file():
        raise StopCycle(f"there is nothing in {home} to back up", "run a sync first")
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    archive = target.name.endswith((".tar", ".tar.gz", ".tgz"))
    folder = target.parent if archive else target
    if home.resolve() in (folder.resolve(), *folder.resolve().parents):
        raise StopCycle(f"{folder} lies in the home that is to be copied", "choose another place")
    made = folder / f".{PREFIX}{stamp}-{os.getpid()}.partial"
    try:
        made.mkdir(parents=True)
        backup = _copy(home, made, now, tick)
        whole = target if archive else folder / f"{PREFIX}{stamp}"
        backup.path = str(whole)
        _write(made / MANIFEST, json.dumps(backup.to_json()))
        _verify(made, tick)
        _put(made, whole, archive=archive)
    except OSError as error:
        place = error.filename or folder
        raise StopCycle(
            f"no backup was made: {place}: {error.strerror or error}",
            "free some space or choose another place; the home itself is untouched",
        ) from error
    except StateError as error:  # what is wrong with the copy is wrong with what was copied
        raise StateError(str(error).replace(str(made), str(home)), error.hint) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    if keep is not None and not archive:
        backup.removed = _remove_old(folder, keep)
    return backup


def _put(made: Path, whole: Path, *, archive: bool) -> None:
    if not archive:
        if whole.exists():
            raise StopCycle(f"{whole} is there already", "wait a second")
        made.rename(whole)
    else:
        packed = made.with_suffix(".tar")
        try:
            with tarfile.open(packed, "w" if whole.suffix == ".tar" else "w:gz") as file:
                file.add(made, arcname=".")
            make_durable([packed])
            packed.replace(whole)
        finally:
            packed.unlink(missing_ok=True)
    make_durable([whole.parent])


# ------------------------------------------------------------------------------------------ copy


def _copy(home: Path, made: Path, now: datetime, tick: Tick) -> Backup:
    backup = Backup(str(made), instant_text(now))
    seen: dict[Path, _Seen] = {}
    with State(home, reads=True) as state:
        # The order matters: see the head of this module.
        for what in ("lake/events", "lake/duplicates", "rejected", "lake/changes"):
            _copy_folder(home, made, what, backup, seen, tick)
        tick("copying the state", 0, 0)
        _copy_state(state, made / FILE_NAME)
    with State(made) as copy:
        parts = [(str(s), str(p)) for s, p in copy.rows("SELECT source, part FROM lake_parts")]
        changed = _touched(Lake(home), parts, seen)
        _copy_checkpoints(home, made, copy, backup)
        _settle(copy, changed)
        copy.db.conn.execute("PRAGMA journal_mode = DELETE")  # one file, that may be read-only
    backup.parts, backup.again = len(parts), len(changed)
    backup.files += 1
    backup.bytes += (made / FILE_NAME).stat().st_size
    make_durable([made / FILE_NAME, *(path for path in made.rglob("*") if path.is_dir()), made])
    return backup


def _touched(
    lake: Lake, parts: Sequence[tuple[str, str]], seen: Mapping[Path, _Seen]
) -> list[tuple[str, str]]:
    """The parts whose files are not those that were copied."""
    then: dict[tuple[str, str], dict[Path, _Seen]] = {}
    for path, found in seen.items():
        if path.parent.name.startswith("day="):
            then.setdefault((path.parent.parent.name, path.name), {})[path] = found
    touched = []
    there: dict[str, dict[str, dict[date, Path]]] = {}
    for source, part in parts:
        now = there.setdefault(source, lake.part_files(source)).get(file_name(part), {})
        folder = lake.source_folder(source).name
        if {path: _see(path) for path in now.values()} != then.get((folder, file_name(part)), {}):
            touched.append((source, part))
    return touched


def _see(path: Path) -> _Seen | None:
    """What tells a file from one that took its place; None if it is gone."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _copy_folder(
    home: Path, made: Path, what: str, backup: Backup, seen: dict[Path, _Seen], tick: Tick
) -> None:
    files = sorted(path for path in (home / what).rglob("*") if path.is_file())
    for number, path in enumerate(files):
        if path.name.startswith("."):
            continue  # not finished
        tick(f"copying {what}", number, len(files))
        before = _see(path)
        if before is not None and _copy_file(path, made / path.relative_to(home), backup):
            seen[path] = before


def _copy_file(path: Path, target: Path, backup: Backup) -> bool:
    """False if it was removed meanwhile."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if path.suffix in _LINKED and _link(path, target):
            backup.linked += 1
        else:
            shutil.copyfile(path, target)
            make_durable([target])
    except FileNotFoundError:
        if path.exists():
            raise
        return False
    backup.files += 1
    backup.bytes += target.stat().st_size
    return True


def _link(path: Path, target: Path) -> bool:
    try:
        os.link(path, target)
    except FileNotFoundError:
        raise
    except OSError:  # another disk, or one that has no links
        return False
    return True


def _copy_state(state: State, target: Path) -> None:
    """SQLite's own online copy: what stands in it is of one moment."""
    copy = sqlite3.connect(target)
    try:
        state.db.conn.backup(copy)
    except sqlite3.Error as error:
        raise StateError(f"{state.path} cannot be copied: {error}") from error
    finally:
        copy.close()


def _copy_checkpoints(home: Path, made: Path, copy: State, backup: Backup) -> None:
    for (name,) in list(copy.rows("SELECT path FROM checkpoints")):
        if not _copy_file(home / str(name), made / str(name), backup):
            with copy.transaction() as connection:  # without it everything is replayed
                connection.execute("DELETE FROM checkpoints WHERE path = ?", (name,))


def _settle(copy: State, changed: Iterable[tuple[str, str]]) -> None:
    with copy.transaction() as connection:
        connection.executemany(
            "UPDATE lake_parts SET fingerprint = '' WHERE source = ? AND part = ?", list(changed)
        )
    copy.set_setting(RUN_KEY, None)  # the next sync has to look


# ---------------------------------------------------------------------------------------- verify


def _verify(made: Path, tick: Tick) -> None:
    """Read the copy as a restored home would be. StopCycle if something is missing or damaged."""
    tick("reading the backup back", 0, 0)
    with State(made) as state, DuckEngine(made / "scratch") as engine:
        said = str(state.value("PRAGMA integrity_check"))
        if said != "ok":
            raise StopCycle(f"the copy of the state file is damaged: {said}", "see the disk")
        lake = Lake(made)
        query = (
            "SELECT source, part, rows, first_day, last_day FROM lake_parts WHERE fingerprint <> ''"
        )
        rows = list(state.rows(query))
        there: dict[str, dict[str, dict[Any, Path]]] = {}
        for source, part, noted, first, last in rows:
            count = int(str(noted))
            files = there.setdefault(str(source), lake.part_files(str(source)))
            days = files.get(file_name(str(part)), {})
            ends = {str(day) for day in (first, last) if day is not None}
            if (
                not ends <= {day.isoformat() for day in days}
                or _rows(engine, days.values()) != count
            ):
                raise StopCycle(
                    f"the backup is not whole: {part!s} of {source!s} should have {count} events",
                    _PULL_AGAIN,
                )
        state.db.conn.execute("PRAGMA journal_mode = DELETE")
    shutil.rmtree(made / "scratch", ignore_errors=True)


def _rows(engine: DuckEngine, files: Iterable[Path]) -> int:
    listed = list(files)
    if not listed:
        return 0
    try:
        [(rows,)] = engine.rows(
            f"SELECT sum(num_rows) FROM parquet_file_metadata({path_list(listed)})"
        )
    except EngineError as error:
        raise StopCycle(
            f"a file of the lake is damaged: {error}",
            _PULL_AGAIN,
        ) from error
    return int(rows)


# ------------------------------------------------------------------------------------------ keep


def _remove_old(folder: Path, keep: int) -> tuple[str, ...]:
    """Remove all but the newest; only folders that a backup made, and those that broke off."""
    for broken in folder.glob(f".{PREFIX}*.partial"):
        if datetime.now(UTC).timestamp() - broken.stat().st_mtime > 24 * 3600:
            shutil.rmtree(broken, ignore_errors=True)
    made = backups_in(folder)
    old = made[:-keep]
    for path in old:
        try:
            shutil.rmtree(path)
        except OSError as error:
            raise GatepostError(f"the old backup {path} cannot be removed: {error}") from error
    return tuple(str(path) for path in old)


def backups_in(folder: Path) -> list[Path]:
    """The backups of a folder, oldest first."""
    return sorted(path.parent for path in folder.glob(f"{PREFIX}*/{MANIFEST}"))


def _write(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8")
    make_durable([path])
