"""How each format of a body is brought to the shape that pull_reading speaks of.

A `Way` has two queries of `line, raw, broken, t0, k0, …`. The fast one reads the body as it lies
there and says neither line nor text. The slow one does, at several times the cost; it reads the
table `batch`, filled over and over by `batches`, where the engine alone would stop at a bad row.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from connectors.base import Body
from connectors.files_csv import Table
from sync.engine import Session
from sync.pull_careful import Batch, csv_batches, json_batches
from sync.pull_json import Top, json_columns, json_lines_sql, json_records_sql
from sync.pull_meaning import meant_sql, names_meant
from sync.pull_reading import BOOLEAN, NUMBER, TEXT, Reading
from sync.quoting import literal, path_literal, quoted

BATCH_TABLE = "batch"

_UNSAID = (
    "CAST(NULL AS BIGINT) AS line, CAST(NULL AS VARCHAR) AS raw, CAST(NULL AS VARCHAR) AS broken"
)
_SAID = (
    "CAST(line AS BIGINT) AS line, CAST(raw AS VARCHAR) AS raw, CAST(broken AS VARCHAR) AS broken"
)


@dataclass(frozen=True, slots=True)
class Way:
    """See above. Without `batches` the slow query reads the body itself."""

    fast: str
    slow: str
    batches: Callable[[], Iterator[Batch]] | None


def way(session: Session, body: Body, reading: Reading, *, strict: bool) -> Way:
    """How to read a body. `strict`: a CSV must have all names that count, else StopCycle."""
    names, kinds = reading.names, [name for name in reading.names if name not in reading.texts]
    if body.meaning is None:
        return _way(session, body, names, reading.texts, strict=strict)
    wider = names_meant(body.meaning, names)
    texts = frozenset(wider) - frozenset(names_meant(body.meaning, kinds))
    found = _way(session, body, wider, texts, strict=strict)
    return Way(
        meant_sql(body.meaning, names, wider, found.fast),
        meant_sql(body.meaning, names, wider, found.slow),
        found.batches,
    )


def _way(
    session: Session, body: Body, names: Sequence[str], texts: Collection[str], *, strict: bool
) -> Way:
    match body.format:
        case "jsonl":
            return _json(body, names, texts, body.meaning.top if body.meaning else None)
        case "csv":
            return _csv(body, names, strict=strict)
        case "parquet":
            return _parquet(session, body, names)


def _json(body: Body, names: Sequence[str], texts: Collection[str], top: Top) -> Way:
    file = f"{path_literal(body.path)}, format = 'newline_delimited', ignore_errors = true"
    file += f", compression = {_zip(body)}"
    if (columns := json_columns(names, texts, top)) is None:
        whole = f"SELECT {_UNSAID}, json FROM read_json_objects({file})"
        fast = json_records_sql(names, whole, top)
    else:
        typed = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in columns.items())
        lines = f"read_json({file}, columns = {{{typed}}})"
        fast = json_lines_sql(names, texts, _UNSAID, lines, top)
    lines = f"SELECT {_SAID}, TRY_CAST(CAST(raw AS VARCHAR) AS JSON) AS json FROM {BATCH_TABLE}"
    return Way(fast, json_records_sql(names, lines, top), lambda: json_batches(body))


def _csv(body: Body, names: Sequence[str], *, strict: bool) -> Way:
    with Table(body.path, zipped=body.gzip) as table:
        columns, delimiter = table.columns, table.delimiter
        # A name that the header has twice is refused, since nobody can say which is meant.
        places = [
            table.position(name) if columns and (strict or name in columns) else None
            for name in names
        ]

    def cells(said: str, texts: Sequence[str]) -> str:
        pairs = (
            f"nullif({text}, '') AS t{number}, "
            f"CAST(IF({text} <> '', {TEXT}, NULL) AS UTINYINT) AS k{number}"
            for number, text in enumerate(texts)
        )
        return f"SELECT {said}, {', '.join(pairs)} FROM "

    # By position, since two columns may differ in case alone.
    declared = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(max(1, len(columns))))
    nothing = "CAST(NULL AS VARCHAR)"
    fast = cells(_UNSAID, [nothing if place is None else f"c{place}" for place in places]) + (
        f"read_csv({path_literal(body.path)}, auto_detect = false, header = true,"
        f" columns = {{{declared}}}, delim = {literal(delimiter)}, quote = '\"', escape = '\"',"
        f" strict_mode = true, compression = {_zip(body)})"
    )
    slow = cells(_SAID, [f"CAST(c{number} AS VARCHAR)" for number in range(len(places))])
    return Way(fast, slow + BATCH_TABLE, lambda: csv_batches(body, places))


def _parquet(session: Session, body: Body, names: Sequence[str]) -> Way:
    file = f"{path_literal(body.path)}, hive_partitioning = false"
    kinds = {name: kind for name, kind, *_ in session.rows(f"DESCRIBE FROM read_parquet({file})")}
    # Made a document of, so that numbers, lists and dates become text as they do elsewhere.
    fields: list[str] = []
    for name, kind in kinds.items():
        if name == "properties":
            is_text = kind == "VARCHAR"
            fields.append(f"'properties', {'TRY_CAST(properties AS JSON)' if is_text else name}")
        elif name in names:
            fields.append(f"{literal(name)}, {quoted(name)}")
    document = f"json_object({', '.join(fields)})"
    numbered = (
        f"SELECT file_row_number + 1 AS line, CAST({document} AS VARCHAR) AS raw,"
        f" CAST(NULL AS VARCHAR) AS broken, {document} AS json"
        f" FROM read_parquet({file}, file_row_number = true)"
    )
    if "properties" in kinds:
        whole = f"SELECT {_UNSAID}, {document} AS json FROM read_parquet({file})"
        fast = json_records_sql(names, whole)
    else:
        fast = f"SELECT {_UNSAID}, {_pairs(names, kinds)} FROM read_parquet({file})"
    return Way(fast, json_records_sql(names, numbered), None)


_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
_AS_TEXT = {
    "VARCHAR": TEXT, "BOOLEAN": BOOLEAN,
    **dict.fromkeys((*_WHOLE, *(f"U{kind}" for kind in _WHOLE)), NUMBER),
}  # fmt: skip
"""Types whose values are, as text, what JSON makes of them: at a fifth of the price."""


def _pairs(names: Sequence[str], kinds: Mapping[str, str]) -> str:
    """The pairs of columns that stand beside each other, whatever their types."""
    found: list[str] = []
    for number, name in enumerate(names):
        column, kind = quoted(name), kinds.get(name)
        if kind is None:
            text, told = "CAST(NULL AS VARCHAR)", "NULL"
        elif kind in _AS_TEXT:
            text, told = (
                f"CAST({column} AS VARCHAR)",
                f"IF({column} IS NULL, NULL, {_AS_TEXT[kind]})",
            )
        else:
            told = f"gp_kind(CAST(to_json({column}) AS VARCHAR))"
            text = f"IF({told} IS NULL, NULL, json_extract_string(to_json({column}), '$'))"
        found.append(f"{text} AS t{number}, CAST({told} AS UTINYINT) AS k{number}")
    return ", ".join(found)


def _zip(body: Body) -> str:
    return "'gzip'" if body.gzip else "'none'"
