"""What is read of JSON documents, in SQL: `records` for `rows_sql` of pull_reading.

A property is looked for at the top level and then, where it is missing or null there, under
`properties`; only at one of both where it is known to be there (`Meaning.top`). Names count
exactly, case and all; of a name that a document has twice the first counts.
"""

from collections.abc import Collection, Sequence

from sync.pull_reading import NUMBER, TEXT
from sync.quoting import literal, quoted

Top = Collection[str] | None
"""`Meaning.top`"""


def json_columns(
    names: Sequence[str], texts: Collection[str], top: Top = None
) -> dict[str, str] | None:
    """What the engine's JSON reader has to look for: name → type, for `json_lines_sql`. Of `texts`
    only the text is wanted, not what it was.

    None for names that the reader would mix up: it compares keys exactly, but its own columns do
    not differ by case alone.
    """
    if "" in names or len({name.casefold() for name in ["properties", *names]}) <= len(names):
        return None
    kinds = {name: "VARCHAR" if name in texts else "JSON" for name in names}
    above = {name: kind for name, kind in kinds.items() if top is None or name in top}
    below = [f"{quoted(name)} {kind}" for name, kind in kinds.items() if _is_below(name, top)]
    return above | ({"properties": f"STRUCT({', '.join(below)})"} if below else {})


def json_lines_sql(
    names: Sequence[str], texts: Collection[str], said: str, lines: str, top: Top = None
) -> str:
    """From `lines`, a relation of the columns of `json_columns`: each document was walked through
    once, for half of what `json_records_sql` costs. `said`: `line, raw, broken` of each.

    What is no document has NULLs, and so no time: it is not taken for an event.
    """

    def value(name: str) -> str:
        if not _is_below(name, top):
            return quoted(name)
        below = f"properties.{quoted(name)}"
        return f"coalesce({quoted(name)}, {below})" if top is None else below

    values = ", ".join(f"{value(name)} AS j{number}" for number, name in enumerate(names))
    return _pairs_sql(names, texts, f"SELECT {said}, {values} FROM {lines}")


def _is_below(name: str, top: Top) -> bool:
    return top is None or name not in top


def json_records_sql(names: Sequence[str], documents: str, top: Top = None) -> str:
    """From `documents`, a relation of `line, raw, broken, json`, whatever the names are."""
    paths: list[str] = []

    def found(path: str) -> str:
        paths.append(literal(path))
        return f"CAST(nullif(CAST(x[{len(paths)}] AS VARCHAR), 'null') AS JSON)"

    def value(name: str) -> str:
        if not _is_below(name, top):
            return found(pointer(name))
        below = found(pointer("properties", name))
        return f"coalesce({found(pointer(name))}, {below})" if top is None else below

    values = ", ".join(f"{value(name)} AS j{number}" for number, name in enumerate(names))
    asked = ", ".join(paths)
    looked_at = f"""
        SELECT line, raw, json_extract(json, [{asked}]) AS x,
            CASE WHEN broken IS NOT NULL THEN broken
                 WHEN json IS NULL THEN 'it is no JSON'
                 WHEN NOT regexp_matches(json::VARCHAR, '^[ \\t\\r\\n]*[{{]')
                     THEN 'it is no JSON object'
            END AS broken
        FROM ({documents})"""
    return _pairs_sql(names, (), f"SELECT line, raw, broken, {values} FROM ({looked_at})")


def _pairs_sql(names: Sequence[str], texts: Collection[str], values: str) -> str:
    """`values`: a relation of `line, raw, broken, j0, j1, …`, JSON each, or text if of `texts`."""
    kinds = ", ".join(
        f"CAST(IF(j{number} IS NULL, NULL, {TEXT}) AS UTINYINT) AS k{number}"
        if name in texts
        else f"gp_kind(CAST(j{number} AS VARCHAR)) AS k{number}"
        for number, name in enumerate(names)
    )
    pairs = ", ".join(
        f"j{number} AS t{number}, k{number}"
        if name in texts
        # a number's text is its JSON
        else f"CASE WHEN k{number} = {NUMBER} THEN CAST(j{number} AS VARCHAR)"
        f" WHEN k{number} IS NOT NULL THEN json_extract_string(j{number}, '$') END AS t{number},"
        f" k{number}"
        for number, name in enumerate(names)
    )
    return f"SELECT line, raw, broken, {pairs} FROM (SELECT *, {kinds} FROM ({values}))"


def pointer(*path: str) -> str:
    """Where a value stands in a JSON document, as the engine's functions take it.

    A JSON pointer, since a JSON path reads `*` as a wildcard and knows no empty name. But a pointer
    of digits would count the elements of a list, so such names are quoted in a path.
    """
    if any(name.isdigit() for name in path):
        steps = (name.replace("\\", "\\\\").replace('"', '\\"') for name in path)
        return "$" + "".join(f'."{step}"' for step in steps)
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in path)
