"""Parquet files put together without reading what is in them."""

import duckdb
import pytest

from sync.parquet_join import join_parquet
from sync.thrift_compact import dumps, loads

COLUMNS = "i, 'text ' || i AS s, i % 7 AS m, i % 2 = 0 AS b, IF(i % 3 = 0, 'a', NULL) AS n"


@pytest.fixture
def con():
    with duckdb.connect() as opened:
        yield opened


@pytest.fixture
def write(con, tmp_path):
    def made(number, begin, end, columns=COLUMNS):
        path = tmp_path / f"{number}.parquet"
        con.execute(
            f"COPY (SELECT {columns} FROM range({begin}, {end}) AS t(i)) TO '{path}'"
            " (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 2048)"
        )
        return path

    return made


def footer(path):
    data = path.read_bytes()
    return data[-8 - int.from_bytes(data[-8:-4], "little") : -8]


@pytest.mark.parametrize("sizes", [[5000], [5000, 1, 7000], [0, 10, 0, 10], [100] * 40])
def test_what_is_joined_is_all_of_it_in_order(con, write, tmp_path, sizes):
    pieces, begin = [], 0
    for number, size in enumerate(sizes):
        pieces.append(write(number, begin, begin + size))
        begin += size
    target = tmp_path / "joined"
    assert join_parquet(pieces, target)
    assert (
        con.execute(f"SELECT {COLUMNS} FROM range({begin}) AS t(i)").fetchall()
        == con.execute(
            f"SELECT i, s, m, b, n FROM read_parquet('{target}', file_row_number = true)"
            " ORDER BY file_row_number"
        ).fetchall()
    )
    assert not any(piece.exists() for piece in pieces)


def test_what_the_footer_says_of_groups_holds(con, write, tmp_path):
    pieces = [write(number, number * 5000, number * 5000 + 5000) for number in range(3)]
    target = tmp_path / "joined"
    join_parquet(pieces, target)
    # Found by what the footer says of least and greatest, and by Bloom filters.
    assert con.execute(f"SELECT s FROM read_parquet('{target}') WHERE i = 12345").fetchall() == [
        ("text 12345",)
    ]
    groups = "row_group_id, row_group_num_rows"
    assert con.execute(
        f"SELECT DISTINCT {groups} FROM parquet_metadata('{target}') ORDER BY ALL"
    ).fetchall() == list(enumerate([2048, 2048, 904] * 3))
    found = con.execute(f"FROM parquet_bloom_probe('{target}', 'm', 99)").fetchall()
    assert len(found) == 9
    assert all(excluded for *_, excluded in found)


@pytest.mark.parametrize(
    "other", ["i", "i, 'x' AS s, i % 7 AS m, i % 2 = 0 AS b, 'a' AS n"], ids=["fewer", "no nulls"]
)
def test_files_whose_columns_differ_are_left_as_they_are(write, tmp_path, other):
    pieces = [write(0, 0, 100), write(1, 100, 200, other)]
    before = [piece.read_bytes() for piece in pieces]
    assert not join_parquet(pieces, tmp_path / "joined")
    assert [piece.read_bytes() for piece in pieces] == before
    assert not (tmp_path / "joined").exists()


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1\xff\xff\xff\x7fPAR1", b"no Parquet at all"])
def test_what_is_no_parquet_is_refused(write, tmp_path, data):
    (tmp_path / "bad").write_bytes(data)
    with pytest.raises(ValueError, match="bad is no Parquet file"):
        join_parquet([write(0, 0, 10), tmp_path / "bad"], tmp_path / "joined")


def test_a_footer_is_written_as_it_was_read(write):
    said = footer(write(0, 0, 9000))
    assert dumps(loads(said)) == said


@pytest.mark.parametrize(
    "value",
    [
        {1: (5, 0), 2: (5, -1), 3: (6, 2**62), 4: (6, -(2**62))},
        {1: (1, True), 2: (2, False), 3: (3, 255), 4: (7, b"8 bytes!"), 5: (8, b"x" * 300)},
        {20: (5, 1), 21: (5, 2), 400: (12, {1: (8, b"")})},
    ],
)
def test_every_kind_of_value_survives(value):
    assert loads(dumps(value)) == value


def test_what_ends_too_early_or_is_of_an_unknown_kind_is_said():
    with pytest.raises(ValueError, match="ends before its end"):
        loads(dumps({1: (8, b"text")})[:-2])
    with pytest.raises(ValueError, match="type 11"):
        loads(b"\x1b\x00\x00")
