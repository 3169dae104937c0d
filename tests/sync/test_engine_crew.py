"""Several statements of one engine at once."""

import threading

import pytest

from sync.engine import DuckEngine, EngineError


@pytest.fixture
def engine(tmp_path):
    with DuckEngine(tmp_path / "scratch", threads=2) as opened:
        yield opened


def test_as_many_work_at_once_as_the_engine_has_threads(engine):
    together = threading.Barrier(2, timeout=10)
    with engine.crew() as begin:
        both = [begin(lambda session: (together.wait(), session.rows("SELECT 1"))) for _ in "ab"]
        assert [rows for one in both for rows in one.result()[1]] == [(1,), (1,)]


def test_a_statement_has_one_thread_and_afterwards_all_of_them(engine):
    asked = "SELECT current_setting('threads'), current_setting('TimeZone')"
    with engine.crew() as begin:
        assert begin(lambda session: session.rows(asked)).result() == [(1, "UTC")]
    assert engine.rows(asked) == [(2, "UTC")]


def test_several_may_put_rows_into_one_table(engine):
    engine.execute("CREATE TABLE t (i INTEGER)")
    with engine.crew() as begin:
        for number in range(20):
            begin(lambda session, n=number: session.execute(f"INSERT INTO t VALUES ({n})"))
    assert engine.rows("SELECT count(*), sum(i) FROM t") == [(20, 190)]


def test_an_error_is_raised_where_it_is_waited_for(engine):
    with engine.crew() as begin:
        wrong = begin(lambda session: session.execute("SELECT nothing"))
        assert begin(lambda session: session.rows("SELECT 2")).result() == [(2,)]
        with pytest.raises(EngineError):
            wrong.result()


def test_what_has_not_begun_is_left_out_where_all_is_given_up(engine):
    held, done = threading.Event(), []
    with pytest.raises(KeyError), engine.crew() as begin:  # noqa: PT012
        for _ in "ab":
            begin(lambda _: held.wait(10))
        for number in range(10):
            begin(lambda _, n=number: done.append(n))
        threading.Timer(0.2, held.set).start()
        raise KeyError
    assert done == []
