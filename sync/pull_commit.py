"""Reading parts and committing them to the lake, some at a time.

Parts are committed together until they hold ROWS_A_COMMIT rows: whether their ids are known already
is looked up once for all of them, and a kill costs no more than so much reading.
"""

import json
from collections.abc import Callable, Collection, Sequence
from datetime import UTC
from itertools import accumulate

from config.errors import GatepostError, PartlyDone, RetryLater
from config.mapping_file import EventsEntry
from connectors.base import EventSource, Part, Rejected
from connectors.rejected import check_share
from sync.engine import DuckEngine
from sync.forgotten import NOBODY, Forgotten
from sync.lake import Lake, events_sql, file_name
from sync.lake_days import write_days
from sync.lake_overlap import Overlaps, hashes_hold
from sync.lake_parts import Figures, Register, fingerprint
from sync.lake_write import Prepared, put_in_place, write_change
from sync.pull_fetch import Fetches, Pieces
from sync.pull_reading import MACROS, reading_of
from sync.pull_report import PullReport, Tick
from sync.pull_stage import PULLED, Stage, Staged

ROWS_A_COMMIT = 2_000_000
_SOME = 20
"""So many child records do not go at once without a word: an object that a user may no longer see
looks like one without records."""


class Commits:
    """One pull of one source. `most`: the share of bad rows that is borne."""

    def __init__(
        self,
        engine: DuckEngine,
        lake: Lake,
        register: Register,
        entry: EventsEntry,
        source: EventSource,
        most: float,
        report: PullReport,
        progress: Tick,
        forgotten: Forgotten = NOBODY,
    ) -> None:
        self._engine = engine
        self._lake = lake
        self._register = register
        self._entry = entry
        self._source = source
        self._most = most
        self._report = report
        self._progress = progress
        self._forgotten = forgotten
        self._reading = reading_of(entry)
        self._staging = lake.staging_folder(entry.name)
        self._rejected = lake.rejected_folder(entry.name)
        self._prepared: dict[str, Prepared] = {}
        self._staged: dict[str, Staged] = {}
        self._fingerprints: dict[str, str] = {}
        self._seen: dict[str, str] = {}
        self._full: dict[str, int] = {}  # parts that have rows in the lake, and how many
        self._todo: dict[str, tuple[Part, str]] = {}
        self._gone: set[str] = set()

    def run(self, todo: Sequence[tuple[Part, str]], gone: Sequence[str], fetches: Fetches) -> None:
        """Read `todo` (each with its digest) and commit it, in this order. What is `gone` goes with
        the last, as other parts may take its place. A part that cannot be had is left out; its
        error is raised when all others are committed, or what was read of them once nothing more
        is to be had. `fetches` brings the bodies of `todo`."""
        self._look_around(todo)
        self._gone = set(gone)
        parts = [part for part, _ in todo]
        tick = self._ticker(parts)
        failed: GatepostError | None = None
        for number, (part, wait) in enumerate(fetches):
            tick(number)
            try:
                self._read(part, wait)
            except (RetryLater, PartlyDone) as error:
                if failed is not None or isinstance(error, PartlyDone):
                    fetches.stop()
                failed = failed or error
            except GatepostError:
                self._commit()
                raise
            if sum(staged.rows for staged in self._staged.values()) >= ROWS_A_COMMIT:
                self._commit()
        self._commit(last=failed is None)
        if failed is not None:
            raise failed
        tick(len(parts))

    def _look_around(self, todo: Sequence[tuple[Part, str]]) -> None:
        """See what is there before anything is read."""
        before = self._register.known()
        self._full = {
            part: was.rows
            for part, was in before.items()
            if was.days and self._register.is_there(part, was)
        }
        known = {
            *map(file_name, before),
            *(file_name(part.name) for part, _ in todo),
        }
        orphans = self._lake.part_files(self._entry.name).keys() - known
        self._prepared = {name: Prepared(name, {}) for name in sorted(orphans)}
        hashes_hold(self._engine, self._lake)  # while there may still be no files
        for macro in MACROS:
            self._engine.execute(macro)
        self._todo = {part.name: (part, digest) for part, digest in todo}

    def _ticker(self, parts: Sequence[Part]) -> Callable[[int], None]:
        """To be told how many parts are done; tells it in bytes, or in parts if nobody knows."""
        done: Sequence[int] = [0, *accumulate(part.size for part in parts)]
        if not done[-1]:
            done = range(len(parts) + 1)

        def tick(number: int) -> None:
            named = f" {parts[number].name}" if number < len(parts) else ""
            self._progress(f"reading {self._entry.name}{named}", done[number], done[-1])

        return tick

    def _read(self, part: Part, wait: Callable[[], Pieces]) -> None:
        """Prepare the files of a part in the staging folder."""
        pieces, stage = wait(), self._stage()
        stage.read(pieces)
        staged = stage.finish()
        self._keep_aside(part.name, staged.examples)
        self._expect_events(part, staged)
        good = staged.rows + staged.duplicates + sum(staged.no_key.values())
        label = f"{self._entry.name}: {part.name}"
        check_share(label, good, staged.rejected, staged.examples, self._most)
        name = file_name(part.name)
        files = write_days(
            self._engine,
            PULLED,
            self._reading.columns,
            self._staging / name,
            name,
            days=None if staged.day is None else [(staged.day, staged.rows)],
            laid_out=staged.laid_out,
        )
        stage.drop()
        self._prepared[name] = Prepared(name, files)
        self._staged[part.name] = staged
        self._seen[part.name] = part.fingerprint
        self._fingerprints[part.name] = fingerprint(
            self._reading.key, part, self._todo[part.name][1]
        )

    def _stage(self) -> Stage:
        strict = self._entry.object is not None
        return Stage(self._engine, self._reading, strict=strict, take_out=self._taken_out)

    def _taken_out(self, table: str) -> Sequence[str]:
        return self._forgotten.take_out(table, self._entry.name, self._reading.columns)

    def _expect_events(self, part: Part, staged: Staged) -> None:
        """RetryLater for a body without events where there were some: its own, those of parts whose
        place it takes, or those that parts which go now have of its time. Child records may go, but
        hardly all of many at once."""
        if staged.rows or staged.no_key or staged.rejected:
            return
        if staged.keeps:
            own = any(name in self._full for name in (part.name, *part.replaces))
            lost = "some" if own or self._goes_of(part) else ""
        else:
            before = sum(self._full.get(name, 0) for name in {part.name, *self._gone})
            lost = f"{before:,}" if self._entry.object is not None and before >= _SOME else ""
        if lost:
            raise RetryLater(
                f"{self._entry.name}: {part.name} came without events, and there were {lost}",
                hint="the lake keeps them; if they were deleted on purpose, delete"
                f" {self._lake.source_folder(self._entry.name)} to have it all pulled anew",
            )

    def _goes_of(self, part: Part) -> bool:
        """Whether parts that go now have events of the time that a part stands for."""
        if part.span is None or not self._gone:
            return False
        first, end = (instant.astimezone(UTC).replace(tzinfo=None) for instant in part.span)
        there = self._lake.part_files(self._entry.name)
        files = [
            path
            for name in map(file_name, self._gone)
            for day, path in there.get(name, {}).items()
            if first.date() <= day <= end.date()
        ]
        [(rows,)] = self._engine.rows(
            f"SELECT count(*) FROM ({events_sql(files, ())})"
            f" WHERE ts >= TIMESTAMP '{first}' AND ts < TIMESTAMP '{end}'"
        )
        return bool(rows)

    def _keep_aside(self, part: str, rows: Sequence[Rejected]) -> None:
        """The bad rows of a part, for people, in HOME/rejected/SOURCE/PART.jsonl."""
        path = self._rejected / f"{file_name(part).removesuffix('.parquet')}.jsonl"
        if not rows:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        where = {"source": self._entry.name, "part": part}
        with path.open("w", encoding="utf-8") as file:
            for row in rows:
                text = "" if self._forgotten else row.text  # which may name somebody forgotten
                said = where | {"line": row.line, "reason": row.reason, "text": text}
                file.write(json.dumps(said, ensure_ascii=False) + "\n")

    def _commit(self, *, last: bool = False) -> None:
        """Commit what was read. What is gone goes with that which takes its place, all others with
        the `last`."""
        self._leave_waiting()
        replaced = {old for name in self._staged for old in self._todo[name][0].replaces}
        gone = self._gone if last else self._gone & replaced
        self._gone = self._gone - gone
        self._prepared |= {name: Prepared(name, {}) for name in map(file_name, sorted(gone))}
        if not self._prepared:
            return
        parts = {file_name(part): part for part in [*self._register.known(), *self._staged]}
        keep, source = self._reading.columns, self._entry.name
        overlap = Overlaps(self._engine, self._lake, source, keep, parts).settle(
            list(self._prepared.values()),
            has_ids=any(staged.has_ids for staged in self._staged.values()),
        )
        changed = write_change(self._engine, self._lake, source, overlap.prepared, keep)
        touched = [parts[one.name] for one in overlap.prepared if one.name in parts]
        before = self._register.begin(touched)
        put_in_place(self._lake, source, overlap.prepared)
        lost = {parts[name]: rows for name, rows in overlap.lost.items()}
        figures = {
            part: Figures(
                self._fingerprints[part],
                staged.rows - lost.get(part, 0),
                staged.rejected,
                staged.duplicates + lost.get(part, 0),
                staged.no_key,
            )
            for part, staged in self._staged.items()
        }
        moved = {part: rows for part, rows in lost.items() if part not in figures}
        self._register.finish(figures, gone, moved, before)
        self._count(figures.values(), len(gone), changed=changed)
        self._prepared, self._staged = {}, {}

    def _leave_waiting(self) -> None:
        """Forget what was read of parts that were written to meanwhile."""
        now = {part.name: part.fingerprint for part in self._source.parts()}
        for part in [part for part in self._staged if now.get(part) != self._seen[part]]:
            self._report.waiting.append(part)
            del self._staged[part], self._prepared[file_name(part)]

    def _count(self, read: Collection[Figures], dropped: int, *, changed: bool) -> None:
        report = self._report
        report.read += len(read)
        report.dropped += dropped
        report.changed |= changed
        for figures in read:
            report.rows += figures.rows
            report.rejected += figures.rejected
            report.duplicates += figures.duplicates
            for event, count in figures.no_key.items():
                report.no_key[event] = report.no_key.get(event, 0) + count
