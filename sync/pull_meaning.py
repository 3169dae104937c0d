"""What a vendor's properties mean beyond their names (`Body.meaning`), in SQL.

It stands between the values as a body has them and the lake's columns: pairs `t0, k0, t1, k1, …` go
in and come out (see pull_reading), for the same names but with other values.
"""

from collections.abc import Sequence

from connectors.base import Meaning, Take
from sync.pull_reading import NUMBER
from sync.quoting import literal


def names_meant(meaning: Meaning, names: Sequence[str]) -> tuple[str, ...]:
    """`names`, and after them those that must be read as well to know what they mean."""
    more = [
        name
        for of in names
        for take in meaning.take.get(of, ())
        for name in (take.name, *(take.where or ())[:1])
    ]
    return tuple(dict.fromkeys([*names, *more]))


def meant_sql(meaning: Meaning, names: Sequence[str], wider: Sequence[str], records: str) -> str:
    """The records of `names` from `records`, those of `wider`, which is `names_meant` of them."""
    place = {name: number for number, name in enumerate(wider)}
    pairs = []
    for number, name in enumerate(names):
        text, kind = _taken(meaning.take[name], place) if name in meaning.take else (
            f"t{place[name]}",
            f"k{place[name]}",
        )  # fmt: skip
        if name in meaning.local:
            text = _instant(text, kind, meaning.local[name])
        pairs.append(f"{text} AS t{number}, {kind} AS k{number}")
    return f"SELECT line, raw, broken, {', '.join(pairs)} FROM ({records})"


def _taken(takes: Sequence[Take], place: dict[str, int]) -> tuple[str, str]:
    """Text and kind of the first that has a value."""
    text, kind = "CASE", "CASE"
    for take in takes:
        at = place[take.name]
        holds = [f"t{at} <> ''"]
        if take.where is not None:
            holds.append(f"t{place[take.where[0]]} = {literal(take.where[1])}")
        if take.unless:
            holds.append(f"NOT starts_with(t{at}, {literal(take.unless)})")
        text += f" WHEN {' AND '.join(holds)} THEN t{at}"
        kind += f" WHEN {' AND '.join(holds)} THEN k{at}"
    return f"{text} END", f"{kind} END"


def _instant(text: str, kind: str, zone: str) -> str:
    """Seconds since 1970 of a wall clock that was written as if it was UTC. What cannot be read as
    a time stays as it is, to be shown to people."""
    wall = f"gp_epoch(TRY_CAST({text} AS DOUBLE))"
    instant = f"CAST(epoch_us(timezone({literal(zone)}, {wall})) / 1e6 AS VARCHAR)"
    return f"CASE WHEN {kind} = {NUMBER} THEN coalesce({instant}, {text}) ELSE {text} END"
