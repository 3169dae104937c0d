"""Files, rights, disk, locks, file systems."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gatepost.doctor.checks import Patient, Said, size_text

LEAST_FREE = 200e6
"""bytes below which nothing should begin"""
_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "afs", "ceph", "glusterfs")


def rights(patient: Patient) -> Iterator[Said]:
    """Whether the project can be read, and the home written."""
    yield _readable(patient.folder)
    home = patient.home
    if not home.exists():
        there = (one for one in (home.absolute(), *home.absolute().parents) if os.path.lexists(one))
        above = next(there)
        if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
            yield Said("home", "ok", f"{home} will be made by the first run")
        else:
            yield Said("home", "problem", f"{home} cannot be made in {above}", _who_may())
        return
    try:
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        yield Said("home", "problem", f"{home} cannot be written: {error.strerror}", _who_may())
        return
    foreign = [path for path in _ours_in(home) if not os.access(path, os.R_OK | os.W_OK)]
    if foreign:
        said = f"{foreign[0]} cannot be read and written, and {len(foreign) - 1} more"
        yield Said("home", "problem", said, "was it made by another user? give it to this one")
        return
    yield Said("home", "ok", f"{home} can be written")


def _readable(folder: Path) -> Said:
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        return Said("folder", "problem", f"{folder} cannot be read: {error.strerror}", _who_may())
    closed = [path for path in paths if not os.access(path, os.R_OK)]
    if closed:
        return Said("folder", "problem", f"{closed[0]} cannot be read", _who_may())
    return Said("folder", "ok", f"{folder} can be read")


def _ours_in(home: Path) -> Iterator[Path]:
    """The files and folders directly in the home, and those of the lake to the source's depth."""
    yield from home.iterdir()
    yield from (home / "lake").glob("*/*")


def _who_may() -> str:
    return f"this is user {os.geteuid()}: let it in, or set GATEPOST_HOME"


def disk(patient: Patient) -> Iterator[Said]:
    """Room for what a run writes, against what the lake takes."""
    place = next(one for one in (patient.home, *patient.home.absolute().parents) if one.exists())
    free = shutil.disk_usage(place).free
    lake = sum(path.stat().st_size for path in (patient.home / "lake").rglob("*.parquet"))
    said = f"{size_text(free)} free, the lake takes {size_text(lake)}"
    if free < LEAST_FREE:
        yield Said("disk", "problem", said, "free some space: a run needs room to sort")
    elif free < max(1e9, lake / 5):
        yield Said("disk", "warning", said, "see `retention` in gatepost.yaml, or free some space")
    else:
        yield Said("disk", "ok", said)


def file_system(patient: Patient) -> Iterator[Said]:
    """SQLite's WAL and locks need a local disk."""
    kind = _kind_of(patient.home)
    if kind in _NETWORK:
        do = "put GATEPOST_HOME on a local disk: SQLite cannot share its log over a network"
        yield Said("file system", "problem", f"the home lies on {kind}", do)
    elif kind:
        yield Said("file system", "ok", f"the home lies on {kind}")


def _kind_of(path: Path) -> str:
    """The kind of the file system that a path lies on; "" where the system does not say."""
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    whole = str(path.absolute())
    found = ("", "")
    for line in mounts.splitlines():
        _, point, kind, *_ = line.split(" ")
        inside = whole == point or whole.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(found[0]):
            found = (point, kind)
    return found[1]


def others(patient: Patient) -> Iterator[Said]:
    """Who else is at work in the home."""
    from sync.runs import LOCK_NAME, at_work

    for name, what in ((LOCK_NAME, "run"), ("daemon.lock", "daemon")):
        holder = at_work(patient.home, name)
        if holder is None:
            yield Said(what, "ok", f"no {what} is at work")
        elif what == "daemon":
            yield Said(what, "ok", f"process {holder} is the daemon{_doing(holder)}")
        else:
            yield Said(what, "warning", f"process {holder} is at work{_doing(holder)}",
                       "wait until it has ended; nothing else can write meanwhile")  # fmt: skip


def _doing(process: str) -> str:
    """What a process was started with, where that can be seen."""
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    line = b" ".join(words).decode("utf-8", "replace").strip()
    return f": {line[:80]}" if line else ""


def secrets(_: Patient) -> Iterator[Said]:
    """The secrets folder: there, readable, and closed to others."""
    given = os.environ.get("GATEPOST_SECRETS_DIR")
    if not given:
        return
    folder = Path(given)
    try:
        files = [path for path in folder.iterdir() if path.is_file()]
        closed = [path.name for path in files if not os.access(path, os.R_OK)]
    except OSError as error:
        yield Said("secrets", "problem", f"{folder} cannot be read: {error.strerror}", _who_may())
        return
    open_to_all = [path.name for path in files if path.stat().st_mode & stat.S_IROTH]
    if closed:
        yield Said("secrets", "problem", f"{closed[0]} cannot be read", _who_may())
    elif open_to_all and folder.stat().st_mode & stat.S_IXOTH:
        said = f"{open_to_all[0]} can be read by everybody on this machine"
        yield Said("secrets", "warning", said, f"chmod o-rwx {folder}")
    else:
        yield Said("secrets", "ok", f"{len(files)} files in {folder}")
