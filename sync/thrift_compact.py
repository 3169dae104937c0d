"""Thrift's compact encoding, as far as footers of Parquet files need it: structs read without
knowing what they mean, and written again.

A struct is a dict of field number → (type, value), in the order of the numbers; a list is the type
of its elements and their values; an integer of any width is an int; text and bytes are bytes.
"""

from dataclasses import dataclass
from typing import Any

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)

Struct = dict[int, tuple[int, Any]]


@dataclass(slots=True)
class Elements:
    """A list or a set."""

    kind: int
    values: list[Any]


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def struct(self) -> Struct:
        found: Struct = {}
        number = 0
        while (header := self._byte()) != 0:
            kind, delta = header & 15, header >> 4
            number = number + delta if delta else self._integer()
            found[number] = (kind, self._value(kind))
        return found

    def _value(self, kind: int) -> Any:
        if kind in (TRUE, FALSE):  # of a field the type says which; an element is a byte
            return kind == TRUE
        if kind == BYTE:
            return self._byte()
        if kind in (I16, I32, I64):
            return self._integer()
        if kind == DOUBLE:
            return self._take(8)
        if kind == BINARY:
            return self._take(self._varint())
        if kind in (LIST, SET):
            return self._elements()
        if kind == STRUCT:
            return self.struct()
        raise ValueError(f"type {kind} is not known here")

    def _elements(self) -> Elements:
        header = self._byte()
        size, kind = header >> 4, header & 15
        if size == 15:
            size = self._varint()
        if kind in (TRUE, FALSE):
            return Elements(kind, [self._byte() for _ in range(size)])
        return Elements(kind, [self._value(kind) for _ in range(size)])

    def _integer(self) -> int:
        zigzag = self._varint()
        return (zigzag >> 1) ^ -(zigzag & 1)

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def _byte(self) -> int:
        return self._take(1)[0]

    def _take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        if len(taken) < size:
            raise ValueError("it ends before its end")
        self._at += size
        return taken


def loads(data: bytes) -> Struct:
    """The struct that `data` begins with; ValueError if it is none."""
    return _Reader(data).struct()


def dumps(struct: Struct) -> bytes:
    """What `loads` reads as `struct`."""
    out = bytearray()
    _put_struct(out, struct)
    return bytes(out)


def _put_struct(out: bytearray, struct: Struct) -> None:
    before = 0
    for number, (kind, value) in struct.items():
        if 0 < number - before < 16:
            out.append((number - before) << 4 | kind)
        else:
            out.append(kind)
            _put_integer(out, number)
        before = number
        _put(out, kind, value)
    out.append(0)


def _put(out: bytearray, kind: int, value: Any) -> None:
    if kind == BYTE:
        out.append(value)
    elif kind in (I16, I32, I64):
        _put_integer(out, value)
    elif kind == DOUBLE:
        out += value
    elif kind == BINARY:
        _put_varint(out, len(value))
        out += value
    elif kind in (LIST, SET):
        _put_elements(out, value)
    elif kind == STRUCT:
        _put_struct(out, value)


def _put_elements(out: bytearray, elements: Elements) -> None:
    size = len(elements.values)
    out.append(min(size, 15) << 4 | elements.kind)
    if size >= 15:
        _put_varint(out, size)
    for value in elements.values:
        if elements.kind in (TRUE, FALSE):
            out.append(value)
        else:
            _put(out, elements.kind, value)


def _put_integer(out: bytearray, value: int) -> None:
    _put_varint(out, value << 1 if value >= 0 else (-value << 1) - 1)


def _put_varint(out: bytearray, value: int) -> None:
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
