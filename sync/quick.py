"""Nothing new? Answered from what the file system says, before anything heavy is imported.

After a sync that ended well, the state file keeps what every input looked like. If a later sync on
the same day finds them all unchanged, it has nothing to pull, compute or write. The standard
library only: this is on the way of every sync.
"""

import json
import os
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sync.state import read_run_key

VERSION = 1


def seen_files(paths: Iterable[Path]) -> dict[str, list[int] | None]:
    """What the file system says of files and folders: size, time of change and inode; None where
    there is nothing. A folder's entry changes when a file in it comes or goes."""
    return {str(path): _seen(path) for path in paths}


def _seen(path: Path) -> list[int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns, found.st_ino]


def run_key(
    version: str, files: Mapping[str, list[int] | None], as_of: date | None,
    today: Mapping[str, date],
) -> str:  # fmt: skip
    """What a finished sync leaves for the next one. `today`: each journey's zone and its day then,
    which matters only to a sync without a day of its own."""
    days = {} if as_of else {zone: day.isoformat() for zone, day in today.items()}
    said = {
        "key": VERSION, "gatepost": version, "files": files,
        "as_of": as_of.isoformat() if as_of else None, "days": days,
    }  # fmt: skip
    return json.dumps(said, sort_keys=True)


def nothing_new(home: Path, folder: Path, version: str, as_of: date | None, now: datetime) -> bool:
    """Whether a sync of the project in `folder` would only find what the last one left.

    False where that can't be told cheaply. `now`: aware.
    """
    text = read_run_key(home)
    try:
        said: dict[str, Any] = json.loads(text or "{}")
    except ValueError:
        return False
    if said.get("key") != VERSION or said.get("gatepost") != version:
        return False
    if said["as_of"] != (as_of.isoformat() if as_of else None):
        return False
    if any(
        now.astimezone(ZoneInfo(zone)).date().isoformat() != day
        for zone, day in said["days"].items()
    ):
        return False
    files: dict[str, list[int] | None] = said["files"]
    here = str(config_folder(folder) / "gatepost.yaml")
    return here in files and all(_seen(Path(path)) == seen for path, seen in files.items())


def config_folder(folder: Path) -> Path:
    """Where the files of a project are read from, as config.load has it."""
    return Path(os.environ.get("GATEPOST_CONFIG") or folder).absolute()


def listing(folder: Path) -> list[Path]:
    """A folder and what lies directly in it, by name; itself alone where it can't be read."""
    try:
        return [
            folder,
            *(Path(entry.path) for entry in sorted(os.scandir(folder), key=lambda e: e.name)),
        ]
    except OSError:
        return [folder]
