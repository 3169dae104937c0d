"""Checkpoints: where every account of a journey stood at the end of a day, so that a sync goes on.

One file a journey under HOME/checkpoints/, written whole and renamed; the state file says which
one counts. A checkpoint is only a way to be fast: without it, or when anything that it was made
from has changed, accounts are replayed from their first day and come out the same.
"""

import hashlib
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np

from config.journey import Journey
from config.mapping_file import Mapping as MappingFile
from mapping.reach import Reach
from mapping.replay import Checkpoint
from mapping.vector import Array
from sync.state import State, instant_text
from sync.words import Words

SEMANTICS = 2
"""Raised whenever a release computes anything differently: old checkpoints then count no more."""

_PAIRS = ("seen_account", "seen_who")  # parts of a carry with one row a pair, not an account


@dataclass(frozen=True)
class StoredCheckpoint:
    """A checkpoint and what must still be so for its rows to count, account by account.

    `lake_seq`: the last change of the lake that is in it. `evidence`: per account arrays (keys of
    each source, the start day, how many field steps lie before its end), compared as they are.
    `words`: what was asked of the engine.
    """

    checkpoint: Checkpoint
    ids: Array
    evidence: Mapping[str, Array]
    lake_seq: int
    words: Words | None = None


def journey_key(journey: Journey, mapping: MappingFile) -> str:
    """A hash of everything in the configuration that the journey's values depend on."""
    parts = (
        str(SEMANTICS),
        duckdb.__version__,  # users are kept as its hashes, which another release may make anew
        journey.model_dump_json(),
        mapping.model_dump_json(exclude={"write"}),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def load(state: State, home: Path, journey: str, key: str) -> StoredCheckpoint | None:
    """The journey's checkpoint, if it was made under the same configuration and can be read."""
    rows = list(
        state.rows(
            "SELECT path, lake_seq FROM checkpoints WHERE journey = ? AND key = ?", (journey, key)
        )
    )
    if not rows:
        return None
    path, lake_seq = rows[0]
    try:
        # a file of our own: the library leaves one open that is no archive
        with (home / str(path)).open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = dict(stored)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        return None  # lost or damaged: everything is replayed, and comes out the same
    return StoredCheckpoint(
        Checkpoint(
            int(arrays["day"]),
            arrays["first_event"],
            _under(arrays, "state"),
            _under(arrays, "carry"),
            Reach(_under(arrays, "account_days"), _under(arrays, "user_days")),
        ),
        arrays["ids"],
        _under(arrays, "evidence"),
        int(str(lake_seq)),
        _words(arrays["words"].tolist()),
    )


def save(
    state: State, home: Path, journey: str, key: str, as_of: str, kept: StoredCheckpoint
) -> None:
    """Make this the journey's checkpoint. Safe to repeat; killed half-way, the old one counts."""
    folder = home / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    slug = re.sub(r"[^a-z0-9]+", "-", journey.lower()).strip("-")[:40]
    digest = hashlib.sha256(journey.encode()).hexdigest()[:8]
    path = folder / f"{slug}-{digest}-{kept.checkpoint.day}-{kept.lake_seq}.npz"
    partial = folder / f"{slug}-{digest}.partial.npz"
    # Not made durable: what a power cut leaves of it fails its checksum, and all is replayed.
    np.savez(partial, **_flat(kept))  # type: ignore[arg-type]
    partial.rename(path)
    with state.transaction() as connection:
        old = [
            str(row[0])
            for row in connection.execute(
                "SELECT path FROM checkpoints WHERE journey = ?", (journey,)
            )
        ]
        connection.execute("DELETE FROM checkpoints WHERE journey = ?", (journey,))
        connection.execute(
            "INSERT INTO checkpoints (journey, as_of, path, key, lake_seq, made_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                journey,
                as_of,
                f"checkpoints/{path.name}",
                key,
                kept.lake_seq,
                instant_text(datetime.now(UTC)),
            ),
        )
    for gone in old:
        if gone != f"checkpoints/{path.name}":
            (home / gone).unlink(missing_ok=True)


def select(kept: StoredCheckpoint, rows: Array) -> Checkpoint:
    """The checkpoint of some accounts, in the order of `rows`."""
    old, size = kept.checkpoint, len(kept.ids)
    if np.array_equal(rows, np.arange(size)):
        return old
    position = np.full(size, -1, np.int64)
    position[rows] = np.arange(len(rows))
    carry: dict[str, Array] = {}
    for name, array in old.carry.items():
        if not name.endswith(_PAIRS):
            carry[name] = array[..., rows]
        elif name.endswith("seen_account"):
            who = name.removesuffix("account") + "who"
            moved = position[array]
            carry[name], carry[who] = moved[moved >= 0], old.carry[who][moved >= 0]
    states = {name: array[rows] for name, array in old.state.items()}
    return Checkpoint(old.day, old.first_event[rows], states, carry, old.reach.take(position))


def join(parts: Sequence[tuple[Checkpoint, Array]], accounts: int) -> Checkpoint:
    """Several checkpoints of one day as one; each with the rows that its accounts shall have, which
    ascend."""
    first = parts[0][0]
    if len(parts) == 1:
        return first
    order = np.argsort(np.concatenate([rows for _, rows in parts]), kind="stable")
    assert len(order) == accounts

    def all_of(arrays: list[Array]) -> Array:
        return np.concatenate(arrays, axis=-1)[..., order]

    carry: dict[str, Array] = {}
    for name in first.carry:
        arrays = [part.carry[name] for part, _ in parts]
        if name.endswith("seen_account"):
            carry[name] = np.concatenate(
                [rows[a] for a, (_, rows) in zip(arrays, parts, strict=True)]
            )
        elif name.endswith("seen_who"):
            carry[name] = np.concatenate(arrays)
        else:
            carry[name] = all_of(arrays)
    return Checkpoint(
        first.day,
        all_of([part.first_event for part, _ in parts]),
        {
            name: np.concatenate([part.state[name] for part, _ in parts])[order]
            for name in first.state
        },
        carry,
        Reach.joined([part.reach.take(rows) for part, rows in parts]),
    )


def _under(arrays: Mapping[str, Array], folder: str) -> dict[str, Array]:
    prefix = f"{folder}:"
    return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}


def _listed(words: Words | None) -> list[str]:
    return [words.key, words.account_days, words.user_days, *words.lasts] if words else []


def _words(listed: list[str]) -> Words | None:
    if not listed:
        return None
    key, account_days, user_days, *lasts = listed
    return Words(key, account_days, user_days, tuple(lasts))


def _flat(kept: StoredCheckpoint) -> dict[str, Array]:
    checkpoint = kept.checkpoint
    flat: dict[str, Array] = {
        "day": np.array(checkpoint.day), "first_event": checkpoint.first_event, "ids": kept.ids,
        "words": np.array(_listed(kept.words), np.str_),
    }  # fmt: skip
    for folder, arrays in (
        ("state", checkpoint.state), ("carry", checkpoint.carry), ("evidence", kept.evidence),
        ("account_days", checkpoint.reach.account_days), ("user_days", checkpoint.reach.user_days),
    ):  # fmt: skip
        flat |= {f"{folder}:{name}": array for name, array in arrays.items()}
    return flat
