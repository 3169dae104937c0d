"""Writing rows as the lake has them: a file a day, each sorted by account_key and ts.

Rows are sorted in runs of about ROWS_AT_ONCE, several at once, so that memory stays flat however
many rows there are, and a day of many runs is put together afterwards. The runs follow each other
in the lake's order: by day, and within a day by account key.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from operator import methodcaller
from pathlib import Path

from config.errors import StopCycle
from sync import lake_write
from sync.engine import DuckEngine
from sync.lake import COLUMNS, kept_columns
from sync.parquet_join import join_parquet
from sync.quoting import literal, path_list, quoted

ROWS_AT_ONCE = 110_000
"""About so many rows are sorted and written by one statement. The engine makes one row group of
122,880 at most; so a file has hardly more of them than if all had been sorted together."""

RUN = "run"
"""The column of a table that is laid out by run: the number of the row's run."""

_SAMPLE = 4_000
_TOO_MANY = 4 * ROWS_AT_ONCE
_PARQUET = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"  # 3 % larger, 10 % sooner
_WRITTEN = "data_0.parquet"  # the engine's own name for the one file of a partition


Days = Sequence[tuple[date, int]]


@dataclass(frozen=True, slots=True)
class Run:
    """Some days whole; or of one day, the rows from the account key `low` on (None: the first) and
    before `high` (None: to the last)."""

    first: date
    last: date
    low: str | None = None
    high: str | None = None

    def condition(self) -> str:
        """What holds of its rows alone, if the days are all that there are."""
        said = [
            f"ts >= TIMESTAMP '{self.first}'",
            f"ts < TIMESTAMP '{self.last}' + INTERVAL 1 DAY",
        ]
        if self.low is not None:
            said.append(f"account_key >= {literal(self.low)}")
        if self.high is not None:
            said.append(f"account_key < {literal(self.high)}")
        return " AND ".join(said)

    def among(self, days: Iterable[date]) -> list[date]:
        """Those of `days` that it is of."""
        return [day for day in days if self.first <= day <= self.last]


def runs_of(
    engine: DuckEngine, relation: str, days: Days, rows_a_run: int, at_once: int = 1
) -> list[Run]:
    """How to cut the rows of a relation into runs of about so many, in the lake's order. A day that
    is cut at all is cut into a multiple of `at_once`. An account's day is never cut."""
    runs: list[Run] = []
    rows = rows_a_run
    for day, count in days:
        if count > rows_a_run:
            pieces = -(-count // (rows_a_run * at_once)) * at_once
            runs += _of_one_day(engine, relation, day, pieces)
            rows = rows_a_run  # what follows begins anew
        elif rows + count > rows_a_run:
            runs.append(Run(day, day))
            rows = count
        else:
            runs[-1] = Run(runs[-1].first, day)
            rows += count
    return runs


def days_of(engine: DuckEngine, relation: str) -> Days:
    """How many rows there are of each day, in order."""
    return engine.rows(
        f"SELECT ts::DATE AS day, count(*) FROM {relation} GROUP BY day ORDER BY day"
    )


def _of_one_day(engine: DuckEngine, relation: str, day: date, pieces: int) -> list[Run]:
    found = engine.rows(
        f"SELECT account_key FROM (SELECT account_key FROM {relation} WHERE {_of(day)})"
        f" USING SAMPLE reservoir({_SAMPLE} ROWS) REPEATABLE (1)"
    )
    keys = sorted(key for (key,) in found if key is not None)  # as the engine orders them, by bytes
    cuts = sorted({keys[len(keys) * number // pieces] for number in range(1, pieces) if keys})
    return [
        Run(day, day, low, high) for low, high in zip([None, *cuts], [*cuts, None], strict=True)
    ]


def _of(day: date) -> str:
    return Run(day, day).condition()


def number_sql(runs: Sequence[Run]) -> str:
    """The number of a row's run. A day that none of them is of gets one as well: for any day, the
    numbers rise with the account key."""
    return f"CAST({_number_sql(runs, 0)} AS USMALLINT)"


def _number_sql(runs: Sequence[Run], before: int) -> str:
    if len(runs) == 1:
        return str(before)
    starts = [place for place in range(1, len(runs)) if runs[place].low is None]
    middle = len(runs) // 2
    if starts:  # at a midnight, as near to the middle as can be
        middle = min(starts, key=lambda place: abs(place - middle))
        earlier = f"ts < TIMESTAMP '{runs[middle].first}'"
    else:
        earlier = f"account_key < {literal(runs[middle].low or '')}"
    return (
        f"IF({earlier}, {_number_sql(runs[:middle], before)},"
        f" {_number_sql(runs[middle:], before + middle)})"
    )


def write_days(
    engine: DuckEngine,
    relation: str,
    keep: Sequence[str],
    folder: Path,
    name: str,
    *,
    days: Days | None = None,
    laid_out: bool = False,
) -> dict[date, Path]:
    """Write the rows of `relation` (with the lake's columns, and not a temporary one) to
    FOLDER/day=D/NAME. `folder` is made. `days`: its days, if they are known. `laid_out`: rows lie
    by their column RUN. StopCycle if rows got lost on the way."""
    folder.mkdir(parents=True)
    chunks, count = _by_number(engine, relation) if laid_out else _by_key(engine, relation, days)
    columns = ", ".join(quoted(column) for column in {**COLUMNS, **kept_columns(keep)})
    statements = []
    for number, chunk in enumerate(chunks):
        # Said each time: columns that may have nulls are written another way.
        rows = f"SELECT {columns}, {lake_write.ID_HASH} AS id_hash FROM ({chunk.rows})"
        rows += " WHERE account_key IS NOT NULL AND ts IS NOT NULL"
        into = folder if len(chunks) == 1 else folder / f"run={number:06d}"
        statements.append(_copy_sql(rows, chunk.days, into))
    if [len(chunk.days) for chunk in chunks] == [1]:
        engine.execute(statements[0])
    else:
        _execute_all(engine, statements)
    files = _named(folder, name) if len(chunks) == 1 else _joined(engine, folder, name)
    _check(engine, list(files.values()), count)
    return files


def _named(folder: Path, name: str) -> dict[date, Path]:
    """Give the files of a single run their name."""
    paths = sorted(folder.glob(f"day=*/{_WRITTEN}"))
    return {_day_of(path): path.replace(path.with_name(name)) for path in paths}


def _joined(engine: DuckEngine, folder: Path, name: str) -> dict[date, Path]:
    """Put the pieces of each day together, in the order of the runs."""
    pieces: dict[date, list[Path]] = {}
    for path in sorted(folder.glob(f"run=*/day=*/{_WRITTEN}")):
        pieces.setdefault(_day_of(path), []).append(path)
    files = {day: folder / f"day={day}" / name for day in sorted(pieces)}
    for day, path in files.items():
        path.parent.mkdir()
        if len(pieces[day]) == 1:
            pieces[day][0].replace(path)
        elif not join_parquet(pieces[day], path):
            rows = f"FROM read_parquet({path_list(pieces[day])}, hive_partitioning = false)"
            engine.execute(f"COPY ({rows}) TO {literal(path)} ({_PARQUET})")
    return files


def _day_of(path: Path) -> date:
    return date.fromisoformat(path.parent.name.removeprefix("day="))


def _execute_all(engine: DuckEngine, statements: Sequence[str]) -> None:
    with engine.crew() as begin:
        running = [begin(methodcaller("execute", statement)) for statement in statements]
        for one in running:
            one.result()


def _copy_sql(rows: str, days: Sequence[date], into: Path) -> str:
    """Write rows, sorted, to INTO/day=D/_WRITTEN."""
    if len(days) > 1:
        into.mkdir(exist_ok=True)
        # Partitions are sorted by themselves: the order that rows come in is not kept in them.
        return (
            f"COPY (SELECT *, ts::DATE AS day FROM ({rows})) TO {literal(into)}"
            f" ({_PARQUET}, PARTITION_BY (day), ORDER_BY (account_key, ts), OVERWRITE_OR_IGNORE)"
        )
    target = into / f"day={days[0]}" / _WRITTEN
    target.parent.mkdir(parents=True)
    return f"COPY ({rows} ORDER BY account_key, ts) TO {literal(target)} ({_PARQUET})"


_Found = tuple[int, list[date], int]
"""A run's number, its days, how many rows it has."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    """What one statement writes: the rows of a query, which may be of `days`."""

    rows: str
    days: Sequence[date]


def _by_key(
    engine: DuckEngine, relation: str, days: Days | None = None, *, near: bool = False
) -> tuple[list[_Chunk], int]:
    """How to write a relation, and how many rows it has. `near`: they lie together, so that each
    chunk can look at all of them."""
    days = days_of(engine, relation) if days is None else days
    rows = sum(count for _, count in days)
    if not near and rows > _TOO_MANY:
        days = [(day, min(count, ROWS_AT_ONCE)) for day, count in days]  # a day is not cut
    chunks = [
        _Chunk(f"FROM {relation} WHERE {run.condition()}", run.among(day for day, _ in days))
        for run in runs_of(engine, relation, days, ROWS_AT_ONCE, engine.threads)
    ]
    return chunks, rows


def _by_number(engine: DuckEngine, relation: str) -> tuple[list[_Chunk], int]:
    """As `_by_key`, of what is laid out."""
    runs = engine.rows(
        f"SELECT {RUN}, list(DISTINCT ts::DATE), count(*) FROM {relation}"
        f" GROUP BY {RUN} ORDER BY {RUN}"
    )
    chunks: list[_Chunk] = []
    for some in _neighbours(runs):
        together = f"FROM {relation} WHERE {RUN} BETWEEN {some[0][0]} AND {some[-1][0]}"
        if sum(count for _, _, count in some) > _TOO_MANY:  # of days not seen when it was cut
            chunks += _by_key(engine, f"({together})", near=True)[0]
        else:
            chunks.append(_Chunk(together, sorted({day for _, days, _ in some for day in days})))
    return chunks, sum(count for _, _, count in runs)


def _neighbours(runs: Sequence[_Found]) -> list[list[_Found]]:
    """The runs that go together, as long as they are not too many rows."""
    found: list[list[_Found]] = []
    rows = ROWS_AT_ONCE
    for run in runs:
        if not found or rows + run[2] // 2 > ROWS_AT_ONCE:  # nearer to it without
            found.append([])
            rows = 0
        found[-1].append(run)
        rows += run[2]
    return found


def _check(engine: DuckEngine, files: Sequence[Path], rows: int) -> None:
    if not files:
        return
    [(found,)] = engine.rows(f"SELECT sum(num_rows) FROM parquet_file_metadata({path_list(files)})")
    if found != rows:
        raise StopCycle(f"{found} of {rows} rows were written to the lake; is the disk in order?")
