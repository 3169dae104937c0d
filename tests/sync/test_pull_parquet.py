"""Columns of a Parquet file that stand beside each other say what the same document would."""

import duckdb
import pytest

from connectors.base import Body
from sync.engine import DuckEngine
from sync.pull_formats import way
from sync.pull_reading import MACROS, Reading

NAMES = ("event", "v")


@pytest.fixture
def read(tmp_path):
    """What the fast way reads of `event` and `v`: text and kind of each. `columns`: what the file
    has besides `event`."""

    def reading(*columns):
        path = tmp_path / "a.parquet"
        chosen = ", ".join(["'Seen' AS event", *columns])
        duckdb.sql(f"COPY (SELECT {chosen}) TO '{path}'")
        names = Reading("event", None, "v", (("v", False),), None, None, ())
        with DuckEngine(tmp_path / "scratch") as engine:
            for macro in MACROS:
                engine.execute(macro)
            fast = way(engine, Body(path, "parquet"), names, strict=False).fast
            return engine.rows(f"SELECT t0, k0, t1, k1 FROM ({fast})")

    return reading


@pytest.mark.parametrize(
    "values",
    [
        "unnest(['x', '', NULL, 'null', '\"', '[1]', 'true', 'é\\'])",
        "unnest([0, -1, NULL, 127])::TINYINT",
        "unnest([0, -1, NULL, 9223372036854775807])::BIGINT",
        "unnest([0, 18446744073709551615])::UBIGINT",
        "unnest([0, 170141183460469231731687303715884105727])::HUGEINT",
        "unnest([0.0, -0.0, 1.5, 1e300, 'nan', 'inf', '-inf', NULL])::DOUBLE",
        "unnest([0.1, 5, NULL])::FLOAT",
        "unnest([0.10, 5, NULL])::DECIMAL(9, 2)",
        "unnest([true, false, NULL])",
        "unnest([DATE '2026-05-01', NULL])",
        "unnest([TIMESTAMP '2026-05-01 10:11:12.5', NULL])",
        "unnest([TIMESTAMPTZ '2026-05-01 10:11:12.5+00', NULL])",
        "unnest([TIME '10:11:12', NULL])",
        "unnest([INTERVAL 3 DAY, NULL])",
        "unnest([uuid '00000000-0000-0000-0000-000000000001', NULL])",
        "unnest(['a', NULL])::ENUM('a', 'b')",
        "unnest([['x', 'y'], [], NULL, [NULL]])",
        "unnest([{'a': 1}, NULL])",
        "unnest(['\"x\"', '5', 'null', '{}', NULL])::JSON",
        "unnest(['a\\x00b', NULL])::BLOB",
    ],
)
def test_every_type_is_read_as_a_document_would_be(read, values):
    nested = "CAST(NULL AS STRUCT(other INTEGER)) AS properties"
    assert read(f"{values} AS v") == read(f"{values} AS v", nested)


def test_a_column_that_is_not_there_is_null(read):
    assert read() == [("Seen", 0, None, None)]
