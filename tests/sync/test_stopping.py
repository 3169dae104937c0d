"""SIGTERM and Ctrl-C during a sync over HTTP: it ends at the next batch, with nothing left open."""

import signal
import time

import pytest

from bench.crm import Crm
from sync.ledger import unsettled
from sync.state import State
from sync.stopping import StoppedError, listening


@pytest.fixture
def crm(tmp_path):
    with Crm(tmp_path, accounts=9, batch=2, guards=", canary: false, read_back: none") as made:
        made.next_day()
        yield made


def ended(process):
    """Its exit code, what it said, and how long it took from now."""
    began = time.monotonic()
    out, err = process.communicate(timeout=60)
    return process.returncode, out + err, time.monotonic() - began


def wait_for_a_write(crm, state="sent"):
    """Until the ledger has a batch in this state."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with State(crm.folder / ".gatepost") as opened:
                if opened.value("SELECT 1 FROM write_batches WHERE state = ?", (state,)):
                    return
        except Exception:  # noqa: BLE001 - the file may be being made
            pass
        time.sleep(0.05)
    raise AssertionError("nothing was ever written")


def runs(crm):
    with State(crm.folder / ".gatepost") as state:
        return list(state.rows("SELECT state FROM runs ORDER BY id")), len(list(unsettled(state)))


def test_a_second_signal_at_once_is_the_same_and_a_later_one_is_meant(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("sync.stopping.time.monotonic", lambda: clock[0])
    with listening() as stop, stop.finishing():
        signal.raise_signal(signal.SIGINT)
        clock[0] += 0.5
        signal.raise_signal(signal.SIGTERM)
        assert stop()
        assert stop.signal == "SIGINT"
        clock[0] += 1
        with pytest.raises(StoppedError):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)  # the way out is not disturbed
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_sync_that_writes_ends_at_the_next_batch(crm, number):
    crm.fault("slow", "salesforce.collections_update", seconds=0.7)
    process = crm.program("sync", "--as-of", str(crm.as_of))
    wait_for_a_write(crm, "confirmed")
    process.send_signal(number)
    code, said, seconds = ended(process)
    assert code == 3
    assert f"stopped by {number.name}: " in said
    assert "are left for the next run" in said
    assert seconds < 10
    assert runs(crm) == ([("partly",)], 0)
    stages = list(crm.stages().values())
    assert 0 < stages.count(crm.phase) < len(stages)
    crm.good_days()
    code, said, _ = ended(crm.program("sync", "--as-of", str(crm.as_of)))
    assert code == 0, said
    assert set(crm.stages().values()) == {crm.phase}
    assert sorted(crm.moves(crm.phase)) == crm.ids


def test_a_sync_that_has_not_begun_to_write_ends_at_once(crm):
    crm.fault("slow", "salesforce.query", seconds=20)
    crm.fault("slow", "salesforce.collections_retrieve", seconds=20)
    process = crm.program("sync", "--as-of", str(crm.as_of))
    deadline = time.monotonic() + 30
    while not (crm.folder / ".gatepost" / "run.lock").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    code, said, seconds = ended(process)
    assert code == 3
    assert "stopped by SIGTERM before anything was written" in said
    assert seconds < 10
    assert set(crm.stages().values()).isdisjoint({crm.phase}) or crm.moves(crm.phase) == []


@pytest.mark.slow
def test_a_crm_that_does_not_answer_is_waited_for_no_longer_than_others_wait_for_us(crm):
    """What was under way is unknown then, and the next run reads before it repeats."""
    crm.fault("slow", "salesforce.collections_update", seconds=30)
    process = crm.program("sync", "--as-of", str(crm.as_of))
    wait_for_a_write(crm)
    process.send_signal(signal.SIGTERM)
    code, said, seconds = ended(process)
    assert code == 3, said
    assert seconds < 10
    states, open_rows = runs(crm)
    assert states == [("partly",)]
    assert open_rows == 2, "unknown, for the next run to read"
    crm.good_days()
    code, said, _ = ended(crm.program("sync", "--as-of", str(crm.as_of)))
    assert code == 0, said
    assert set(crm.stages().values()) == {crm.phase}
    assert sorted(crm.moves(crm.phase)) == crm.ids
