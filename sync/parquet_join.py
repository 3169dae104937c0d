"""Parquet files of the same columns → one file with the row groups of all, in the given order.

What was written stays as it is, byte by byte; only the footer, which says where things are, is made
anew. So the rows of a day can be sorted and written a run at a time, in little memory, and lie in
one file all the same.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import IO

from sync.thrift_compact import Elements, Struct, dumps, loads

_MAGIC = b"PAR1"
_TAIL = 8  # the footer's length, and the magic once more
_BLOCK = 1 << 18

# Numbers of fields, as the format's own definition has them (parquet.thrift).
_SCHEMA, _ROWS, _GROUPS = 2, 3, 4
_COLUMNS, _GROUP_OFFSET, _ORDINAL = 1, 5, 7
_META = 3
_COLUMN_OFFSETS = (2, 4, 6)  # of the column, its offset index, its column index
_META_OFFSETS = (9, 10, 11, 14)  # of its data, index and dictionary pages, its Bloom filter


def join_parquet(pieces: Sequence[Path], target: Path) -> bool:
    """Make `target` of `pieces`, which go. False, and nothing is done, if their columns differ, be
    it only in whether they may have nulls. ValueError for a file that is no Parquet. What a kill
    leaves is of no use to anybody."""
    footers = [_footer(piece) for piece in pieces]
    whole, end = footers[0]
    if any(footer[_SCHEMA] != whole[_SCHEMA] for footer, _ in footers):
        return False
    pieces[0].replace(target)
    with target.open("r+b") as file:
        file.seek(end)
        file.truncate()
        for piece, (footer, end) in zip(pieces[1:], footers[1:], strict=True):
            _append(whole, footer, file.tell() - len(_MAGIC))
            with piece.open("rb") as more:
                _copy(more, len(_MAGIC), end, file)
            piece.unlink()
        said = dumps(whole)
        file.write(said + len(said).to_bytes(4, "little") + _MAGIC)
    return True


def _footer(path: Path) -> tuple[Struct, int]:
    """The footer, and where it begins."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        tail = file.read()
        begin = size - _TAIL - int.from_bytes(tail[:4], "little")
        if tail[4:] != _MAGIC or begin < len(_MAGIC):
            raise ValueError(f"{path} is no Parquet file")
        file.seek(begin)
        return loads(file.read()), begin


def _append(whole: Struct, other: Struct, shift: int) -> None:
    """Add the row groups of a file whose bytes lie `shift` further on now."""
    groups: Elements = whole[_GROUPS][1]
    for group in other[_GROUPS][1].values:
        _move(group, (_GROUP_OFFSET,), shift)
        columns: list[Struct] = group[_COLUMNS][1].values
        for column in columns:
            _move(column, _COLUMN_OFFSETS, shift)
            if _META in column:
                _move(column[_META][1], _META_OFFSETS, shift)
        if _ORDINAL in group:
            group[_ORDINAL] = (group[_ORDINAL][0], len(groups.values))
        groups.values.append(group)
    whole[_ROWS] = (whole[_ROWS][0], whole[_ROWS][1] + other[_ROWS][1])


def _move(struct: Struct, fields: Sequence[int], shift: int) -> None:
    for field in fields:
        if field in struct and struct[field][1]:  # 0 is said where there is nothing
            struct[field] = (struct[field][0], struct[field][1] + shift)


def _copy(source: IO[bytes], begin: int, end: int, target: IO[bytes]) -> None:
    source.seek(begin)
    while begin < end:
        piece = source.read(min(end - begin, _BLOCK))
        target.write(piece)
        begin += len(piece)
