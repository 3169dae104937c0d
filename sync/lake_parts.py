"""What the state file says of the parts of one source: table `lake_parts`.

The fingerprint is a JSON list: how the part was read (`Reading.key`), what the connector said of it
(`Part.fingerprint`), and the hash of its content. It is empty while a part is being replaced, so
that a pull that was killed is seen by the next one.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from connectors.base import Part
from sync.lake import Lake, file_name
from sync.state import State, instant_text


@dataclass(frozen=True, slots=True)
class Known:
    """A part as it was when it was pulled. `reading`, `seen` and `digest` are all empty if it was
    being replaced when a pull ended."""

    reading: str
    seen: str
    digest: str
    days: tuple[str, ...]
    """its first and last UTC day, as ISO dates; none if it has no rows"""
    rows: int

    def is_same(self, reading: str, part: Part) -> bool:
        """Whether the part need not even be looked at."""
        return (self.reading, self.seen) == (reading, part.fingerprint)


@dataclass(frozen=True, slots=True)
class Figures:
    """What is noted of a part that was read."""

    fingerprint: str
    rows: int
    rejected: int
    duplicates: int
    no_key: Mapping[str, int]


def fingerprint(reading: str, part: Part, digest: str) -> str:
    """What a part was and how it was read, as `lake_parts` has it."""
    return json.dumps([reading, part.fingerprint, digest])


class Register:
    """`lake_parts` of one source."""

    def __init__(self, state: State, lake: Lake, source: str) -> None:
        self._state = state
        self._lake = lake
        self._source = source

    def known(self) -> dict[str, Known]:
        """All parts that were ever pulled and not dropped since."""
        found: dict[str, Known] = {}
        for part, said, first, last, rows in self._state.rows(
            "SELECT part, fingerprint, first_day, last_day, rows FROM lake_parts WHERE source = ?",
            (self._source,),
        ):
            reading, seen, digest = json.loads(str(said)) if said else ("", "", "")
            days = tuple(dict.fromkeys(str(day) for day in (first, last) if day is not None))
            found[str(part)] = Known(reading, seen, digest, days, int(str(rows)))
        return found

    def is_there(self, part: str, known: Known) -> bool:
        """Whether the part's first and last files are where they should be: somebody may have
        deleted the lake, to have it pulled anew."""
        name = file_name(part)
        folder = self._lake.source_folder(self._source)
        return all((folder / f"day={day}" / name).exists() for day in known.days)

    def note_touched(self, part: str, said: str) -> None:
        """The part looks different and is the same."""
        with self._state.transaction() as connection:
            connection.execute(
                "UPDATE lake_parts SET fingerprint = ? WHERE source = ? AND part = ?",
                (said, self._source, part),
            )

    def begin(self, parts: Iterable[str]) -> dict[str, str]:
        """Note that parts are being replaced; gives the fingerprints of those that were there."""
        before: dict[str, str] = {}
        with self._state.transaction() as connection:
            for part in parts:
                row = connection.execute(
                    "SELECT fingerprint FROM lake_parts WHERE source = ? AND part = ?",
                    (self._source, part),
                ).fetchone()
                if row is not None:
                    before[part] = str(row[0])
                connection.execute(
                    "INSERT INTO lake_parts (source, part, fingerprint, rows) VALUES (?, ?, '', 0)"
                    " ON CONFLICT DO UPDATE SET fingerprint = ''",
                    (self._source, part),
                )
        return before

    def finish(
        self,
        read: Mapping[str, Figures],
        gone: Iterable[str],
        moved: Mapping[str, int],
        before: Mapping[str, str],
    ) -> None:
        """Note what is there now: of parts that were `read`, of those that are `gone`, and of
        others that lost rows to duplicates (`moved`, negative if they got some back)."""
        there = self._lake.part_files(self._source)
        now = instant_text(datetime.now(UTC))
        with self._state.transaction() as connection:
            for part, figures in read.items():
                connection.execute(
                    "UPDATE lake_parts SET fingerprint = ?, rows = ?, rejected = ?, duplicates = ?,"
                    " no_key = ?, no_key_events = ?, first_day = ?, last_day = ?, pulled_at = ?"
                    " WHERE source = ? AND part = ?",
                    (
                        figures.fingerprint,
                        figures.rows,
                        figures.rejected,
                        figures.duplicates,
                        sum(figures.no_key.values()),
                        json.dumps(figures.no_key, ensure_ascii=False, sort_keys=True),
                        *_ends(there.get(file_name(part), {})),
                        now,
                        self._source,
                        part,
                    ),
                )
            for part, rows in moved.items():
                connection.execute(
                    "UPDATE lake_parts SET fingerprint = ?, rows = rows - ?,"
                    " duplicates = duplicates + ?, first_day = ?, last_day = ?"
                    " WHERE source = ? AND part = ?",
                    (
                        before.get(part, ""),
                        rows,
                        rows,
                        *_ends(there.get(file_name(part), {})),
                        self._source,
                        part,
                    ),
                )
            for part in gone:
                connection.execute(
                    "DELETE FROM lake_parts WHERE source = ? AND part = ?", (self._source, part)
                )


def _ends(days: Mapping[date, Path]) -> tuple[str | None, str | None]:
    return (min(days).isoformat(), max(days).isoformat()) if days else (None, None)
