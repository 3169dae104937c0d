"""Expressions run on a plain connection, and results are arrays that say what is NULL."""

import os
import signal
import threading

import ibis
import numpy as np
import pytest

from config.errors import StopCycle
from sync.engine import DuckEngine, EngineError, compile_expression


@pytest.fixture
def engine(tmp_path):
    with DuckEngine(tmp_path / "scratch", threads=2, memory="200MB") as opened:
        yield opened


def test_an_ibis_expression_runs_over_registered_arrays(engine):
    engine.register("t", {"a": np.array(["x", "y", "x"]), "n": np.array([1.5, 2.0, np.nan])})
    table = ibis.table({"a": "string", "n": "float64"}, name="t")
    counted = table.group_by("a").agg(rows=table.count(), n=table.n.sum())
    found = engine.sql(compile_expression(counted.order_by("a")))
    assert found["a"].tolist() == ["x", "y"]
    assert found["rows"].tolist() == [2, 1]
    assert found["n"].tolist() == [1.5, 2.0]
    assert engine.sql(compile_expression(ibis.literal(7).name("seven")))["seven"].tolist() == [7]


def test_only_what_holds_nulls_is_masked(engine):
    found = engine.sql("FROM (VALUES (1, 'a'), (2, NULL)) AS t(n, x)")
    assert not isinstance(found["n"], np.ma.MaskedArray)
    assert np.ma.getmaskarray(found["x"]).tolist() == [False, True]


def test_dates_and_instants_come_as_numpy_has_them(engine):
    found = engine.sql(
        "SELECT DATE '2026-03-01' AS d, TIMESTAMP '2026-03-01 12:00:00.000001' AS t"
        " UNION ALL SELECT NULL, NULL"
    )
    assert (found["d"].dtype, found["t"].dtype) == (np.dtype("M8[D]"), np.dtype("M8[us]"))
    assert str(found["d"][0]) == "2026-03-01"
    assert np.ma.getmaskarray(found["d"]).tolist() == [False, True]


@pytest.mark.parametrize(
    ("array", "kind", "values"),
    [
        (np.array(["a", None], dtype=object), "VARCHAR", ["a", None]),
        (np.array(["a", "b"]), "VARCHAR", ["a", "b"]),
        (np.array(["2026-03-01", "NaT"], dtype="M8[D]"), "DATE", ["2026-03-01", None]),
        (np.ma.MaskedArray([1, 2], mask=[False, True]), "BIGINT", ["1", None]),
        (np.array([1, 2], dtype=np.int32), "INTEGER", ["1", "2"]),
        (np.array([True, False]), "BOOLEAN", ["true", "false"]),
        (np.array([], dtype="M8[D]"), "DATE", []),
    ],
)
def test_arrays_become_columns_of_their_type(engine, array, kind, values):
    engine.register("t", {"v": array})
    assert engine.rows("SELECT v::VARCHAR FROM t") == [(value,) for value in values]
    assert engine.rows("DESCRIBE t")[0][1] == kind
    engine.register("t", {"other": np.array([1])})
    assert engine.rows("FROM t") == [(1,)]


def test_names_may_hold_anything(engine):
    engine.register('a "b" c', {"p.x": np.array([1]), "it's": np.array([2])})
    table = ibis.table({"p.x": "int64", "it's": "int64"}, name='a "b" c')
    assert engine.sql(compile_expression(table))["p.x"].tolist() == [1]


def test_what_the_engine_refuses_is_a_sentence(engine):
    with pytest.raises(EngineError, match="nowhere") as caught:
        engine.sql("FROM nowhere")
    assert isinstance(caught.value, StopCycle)
    assert "\n" not in str(caught.value)


def test_what_does_not_fit_into_memory_is_spilled(engine):
    """Three million texts are some 300 MB, which is more than the engine may have."""
    query = (
        "SELECT count(*) FROM (SELECT DISTINCT i, repeat('x', 60) || i FROM range(3_000_000) t(i))"
    )
    assert engine.rows(query) == [(3_000_000,)]


def test_what_a_killed_engine_spilled_is_removed_in_time(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "duckdb_temp_storage.tmp").write_bytes(b"x")
    os.utime(old, (1, 1))
    DuckEngine(tmp_path).close()
    assert list(tmp_path.iterdir()) == [new]


def test_nothing_is_fetched_from_the_network(engine):
    with pytest.raises(EngineError):
        engine.execute("LOAD httpfs")
    with pytest.raises(EngineError):
        engine.sql("FROM 'https://localhost/x.parquet'")


def test_instants_do_not_depend_on_the_machines_zone(engine):
    assert engine.rows("SELECT TIMESTAMPTZ '2026-03-01 12:00:00+02:00'::VARCHAR") == [
        ("2026-03-01 10:00:00+00",)
    ]


def test_no_progress_bar_is_drawn_into_the_results(engine: DuckEngine):
    """The engine draws one on stdout after two seconds, where it thinks that a person looks on."""
    assert engine.rows("SELECT current_setting('enable_progress_bar')") == [(False,)]


def test_ctrl_c_in_the_middle_of_a_query_is_ctrl_c(tmp_path):
    """The engine has a handler of its own, and an error of its own for it."""
    with DuckEngine(tmp_path, threads=1) as engine:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            engine.rows("SELECT sum(a.range * b.range) FROM range(200000) a, range(200000) b")
