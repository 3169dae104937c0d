"""What a replay hands on to the next one, and last values in the form in which they are handed on.

A *carry* is what is known of a signal at the end of a day and can't be read again from the events
of its window: a count since ever, the users seen so far. With it a replay that starts on the next
day gives what a replay from the first day gives.
"""

import json
from collections.abc import Callable, Mapping

import numpy as np

from mapping.syntax import Type
from mapping.vector import DTYPES, KIND_TEXT, Array, Bare, Vector

Columns = Mapping[str, Array]
Carry = dict[str, Array]
TakeCarry = Callable[[int], Carry]


def last_values(rows: Columns, kind: Type) -> Vector:
    """The last values as a vector of the signal's type; masked or missing ones are unknown."""
    raw = rows["value"]
    known = (
        ~np.ma.getmaskarray(raw)
        if isinstance(raw, np.ma.MaskedArray)
        else np.ones(len(raw), np.bool_)
    )
    values = np.asarray(np.ma.getdata(raw))
    if values.dtype == np.object_:
        known &= np.array([value is not None for value in values], np.bool_)
        bare = np.asarray(np.ma.getdata(rows["kind"])) != KIND_TEXT
        texts = [
            "" if not is_known else Bare(text) if is_bare else text
            for text, is_known, is_bare in zip(values, known, bare, strict=True)
        ]
        return Vector(_objects(texts), known)
    return Vector(np.where(known, values, 0).astype(DTYPES[kind]), known)


def _objects(texts: list[str]) -> Array:
    values = np.empty(len(texts), np.object_)
    values[:] = texts
    return values


def storable(value: Vector) -> Array:
    """The values as an array that can lie on disk: texts as JSON, since objects can't."""
    if value.values.dtype != np.object_:
        return value.values
    texts = [text if isinstance(text, Bare) else json.dumps(text) for text in value.values]
    return np.array(texts, np.str_) if texts else np.zeros(0, "U1")


def stored(values: Array, known: Array, kind: Type) -> Vector:
    """The inverse of `storable`."""
    if DTYPES[kind] is not np.object_:
        return Vector(values, known)
    texts = [json.loads(text) if text.startswith('"') else Bare(text) for text in values.tolist()]
    return Vector(_objects(texts), known)
