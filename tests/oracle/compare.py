"""Where the rows of the product differ from those of the oracle, in lines for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Rows = Sequence[Mapping[str, Any]]

# Free text; the specification leaves its words to the product.
NOT_COMPARED = frozenset({"missing"})
# Fractions are rounded to six places on both sides, halves perhaps to different ones.
TOLERANCE = 1.5e-6


def evaluation_differences(oracle: Rows, product: Rows) -> list[str]:
    """Differences of `evaluate`, account by account; order is not judged."""
    mine = {(row["account"], row["journey"]): row for row in oracle}
    theirs = {(row["account"], row["journey"]): row for row in product}
    lines = [f"{key}: only the oracle has it" for key in sorted(mine.keys() - theirs.keys())]
    lines += [f"{key}: only the product has it" for key in sorted(theirs.keys() - mine.keys())]
    if len(theirs) != len(product):
        lines.append(f"the product tells {len(product) - len(theirs)} rows twice")
    for key in sorted(mine.keys() & theirs.keys()):
        lines += [f"{key} {line}" for line in object_differences(mine[key], theirs[key])]
    return lines


def history_differences(oracle: Rows, product: Rows) -> list[str]:
    """Differences of `history`, journey by journey, order included; empty if there are none."""
    lines = []
    for journey in sorted({row["journey"] for row in [*oracle, *product]}):
        mine = [dict(row) for row in oracle if row["journey"] == journey]
        theirs = [dict(row) for row in product if row["journey"] == journey]
        lines += [f"only the oracle: {row}" for row in mine if row not in theirs]
        lines += [f"only the product: {row}" for row in theirs if row not in mine]
        if not lines and mine != theirs:
            lines.append(f"other order: {mine} / {theirs}")
    return lines


def object_differences(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Differences of two objects, key by key."""
    lines = [f"{key}: the product does not tell it" for key in mine.keys() - theirs.keys()]
    lines += [
        f"{key}: the oracle does not know it" for key in theirs.keys() - mine.keys() - NOT_COMPARED
    ]
    for key in mine.keys() & theirs.keys():
        if isinstance(mine[key], dict) and isinstance(theirs[key], dict):
            lines += [f"{key}.{line}" for line in object_differences(mine[key], theirs[key])]
        elif not same(mine[key], theirs[key]):
            lines.append(f"{key}: oracle {mine[key]!r}, product {theirs[key]!r}")
    return sorted(lines)


def same(mine: object, theirs: object) -> bool:
    """Equal values; numbers by size, never a number and a truth value."""
    if isinstance(mine, bool) or isinstance(theirs, bool):
        return mine is theirs
    if isinstance(mine, int | float) and isinstance(theirs, int | float):
        return abs(mine - theirs) <= TOLERANCE * max(1.0, abs(mine) / 1e6)
    return type(mine) is type(theirs) and mine == theirs
