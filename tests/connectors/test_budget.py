"""The call budget: a share of what the account has, counted over a period and all runs."""

import json
import multiprocessing
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import PartlyDone, StopCycle
from connectors.budget import Budget, kept_in
from connectors.budget_rules import Refusal, Spent, Terms, budget_left, hear, share_of, spend

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Clock:
    """A clock that tests move; sleeping moves it too."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "requests" / "crm.json"


def budget(path: Path, clock: Clock, terms: Terms, most: int | None = None) -> Budget:
    return Budget("crm", terms, path, clock=clock, sleep=clock.sleep, most=most, whose="the org")


def take_all(one: Budget) -> PartlyDone:
    """Take until it is refused; what is said then."""
    for _ in range(10_000):
        try:
            one.take()
        except PartlyDone as refused:
            return refused
    raise AssertionError("it was never refused")


# -- the rules

moments = st.lists(st.floats(0, 3 * 3600), min_size=1, max_size=60).map(sorted)


@given(moments, st.integers(1, 40), st.sampled_from([0.05, 0.25, 0.9, 1.0]))
def test_never_more_than_the_share_in_any_period(
    times: list[float], limit: int, share: float
) -> None:
    """Whatever the times of asking, no window of one period holds more than the share allows."""
    terms = Terms(share, HOUR, limit)
    spent, sent = Spent(), list[float]()
    for one in times:
        found = spend(terms, spent, one)
        if not isinstance(found, Refusal):
            spent, _ = found
            sent.append(one)
    allowed = budget_left(terms, spent, times[-1]).allowed
    assert allowed is not None
    assert all(sum(one - 3600 < other <= one for other in sent) <= allowed for one in sent)


@given(moments, st.integers(1, 20))
def test_a_refusal_says_when_asking_again_makes_sense(times: list[float], limit: int) -> None:
    """At the instant that is named a request is possible, if none is sent before; not sooner than
    the slot before it."""
    terms = Terms(1.0, HOUR, limit)
    spent = Spent()
    for one in times:
        found = spend(terms, spent, one)
        if isinstance(found, Refusal):
            again = found.again.timestamp()
            assert not isinstance(spend(terms, spent, again), Refusal)
            assert isinstance(spend(terms, spent, max(one, again - 61)), Refusal)
            return
        spent, _ = found


@given(st.integers(10, 200), st.integers(0, 200), st.floats(0.01, 1))
def test_a_tenth_of_the_account_stays_unused_whoever_used_the_rest(
    limit: int, used: int, share: float
) -> None:
    """After what the vendor said, requests end before everybody's together reach nine tenths."""
    terms = Terms(share)
    spent = hear(terms, Spent(), limit, used, 0)
    ours = 0
    while not isinstance(found := spend(terms, spent, 1), Refusal):
        spent, ours = found[0], ours + 1
    assert ours == 0 or used + ours <= limit * 0.9
    assert ours <= max(1, limit * share + 1e-6)


def test_what_was_heard_long_ago_binds_nobody() -> None:
    """The requests of others leave the period as well: after an hour one request is let through,
    which hears anew."""
    terms = Terms(0.25)
    spent = hear(terms, Spent(), 1000, 990, 0)
    refused = spend(terms, spent, 3599)
    assert isinstance(refused, Refusal)
    assert (refused.why, refused.again.timestamp()) == ("floor", 3600)
    assert not isinstance(spend(terms, spent, 3600), Refusal)


def test_nothing_is_forbidden_before_the_limit_is_known() -> None:
    found = spend(Terms(0.25), Spent(), 0)
    assert found == (Spent(((0, 1),), 0.0, None), 0.0)


def test_a_clock_that_was_set_back_is_healed_by_a_period() -> None:
    """Requests in the future count as of now, and no longer than a period."""
    terms = Terms(1.0, HOUR, limit=2)
    spent = Spent(((1_000_000, 2),), 60e6)
    refused = spend(terms, spent, 0)
    assert isinstance(refused, Refusal)
    spent = hear(terms, spent, 2, 0, 0)  # what is kept is kept as of now
    assert not isinstance(spend(terms, spent, 61 * 60), Refusal)


@pytest.mark.parametrize(
    ("said", "share"), [(0.25, 0.25), ("25%", 0.25), (" 7.5 %", 0.075), (1, 1.0), ("100%", 1.0)]
)
def test_a_share_is_a_number_or_a_percentage(said: object, share: float) -> None:
    assert share_of(said) == pytest.approx(share)


@pytest.mark.parametrize("said", [0, -0.1, 25, True, None, "0.25", "x%", "0%", "250%", "nan%", [1]])
def test_what_is_no_share_is_refused(said: object) -> None:
    with pytest.raises(ValueError, match=r"no share above 0, up to 1, such as 0\.25 or 25%"):
        share_of(said)


# -- the file


def test_runs_share_what_a_day_allows(path: Path, clock: Clock) -> None:
    """The second run of a day has what the first left over; a day later there is all of it."""
    first = budget(path, clock, Terms(0.25))
    first.take()
    first.heard(40, 1)
    first.take()
    second = budget(path, clock, Terms(0.25))
    said = take_all(second)
    assert second.sent == 8
    assert str(said) == (
        "crm: the 10 requests in 24 hours that api_budget allows, 25% of 40, are used; "
        "the next is possible at 2026-06-16 12:24 UTC"
    )
    assert "the next run goes on" in said.hint
    clock.now += timedelta(hours=25)
    third = budget(path, clock, Terms(0.25))
    take_all(third)
    assert third.sent == 10


def test_others_leave_little(path: Path, clock: Clock) -> None:
    """Where others used up the account nothing more is sent, and the words say so."""
    one = budget(path, clock, Terms(0.25))
    one.heard(1000, 893)
    assert one.left().left == 7
    said = take_all(one)
    assert one.sent == 7
    assert "the org has 100 of 1,000 requests in 24 hours left, which are for others" in str(said)


def test_what_is_left_is_told_without_sending(path: Path, clock: Clock) -> None:
    one = budget(path, clock, Terms(0.25))
    assert (one.left().used, one.left().allowed, one.left().left) == (0, None, None)
    one.take()
    one.heard(1000, 100)
    left = one.left()
    assert (left.used, left.allowed, left.left) == (1, 250, 249)
    assert (left.account_limit, left.account_used) == (1000, 100)
    assert budget(path, clock, Terms(0.25), most=5).left().left == 5


def test_a_run_may_be_bounded_by_itself(path: Path, clock: Clock) -> None:
    one = budget(path, clock, Terms(0.25), most=3)
    assert "this run has made its 3 requests" in str(take_all(one))
    assert budget(path, clock, Terms(0.25), most=3).left().left == 3


def test_threads_that_ask_at_once_wait_for_each_other(path: Path, clock: Clock) -> None:
    waited: list[float] = []
    asked = Budget("crm", Terms(1, HOUR, 60, apart=0.5), path, clock=clock, sleep=waited.append)
    for _ in range(4):  # nobody's wait has ended when the next one asks
        asked.take()
    assert waited == [0.5, 1.0, 1.5]


def test_requests_lie_apart_over_runs(path: Path, clock: Clock) -> None:
    """Two in a row wait, also where another run sent the first."""
    budget(path, clock, Terms(1, HOUR, 60, apart=0.5)).take()
    clock.now += timedelta(seconds=0.2)
    second = budget(path, clock, Terms(1, HOUR, 60, apart=0.5))
    second.take()
    assert clock.now - NOW == timedelta(seconds=0.5)
    second.take()
    assert clock.now - NOW == timedelta(seconds=1)


def _spend_all(path: str, sent: "multiprocessing.Queue[int]") -> None:
    clock = Clock()
    one = budget(Path(path), clock, Terms(0.5, HOUR, 200))
    try:
        while True:
            one.take()
    except PartlyDone:
        sent.put(one.sent)


def test_two_processes_share_one_budget(path: Path) -> None:
    """Together they send exactly what is allowed."""
    context = multiprocessing.get_context("spawn")
    sent: multiprocessing.Queue[int] = context.Queue()
    workers = [context.Process(target=_spend_all, args=(str(path), sent)) for _ in range(2)]
    for one in workers:
        one.start()
    found = [sent.get(timeout=60) for _ in workers]
    for one in workers:
        one.join()
    assert sum(found) == 100


@pytest.fixture(params=["", "{", "[]", '{"slots": 3}', '{"slots": [], "last": "x", "heard": 1}'])
def damaged(path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    path.parent.mkdir(parents=True)
    path.write_text(request.param, encoding="utf-8")
    yield path
    assert json.loads(path.read_text(encoding="utf-8"))["slots"]


def test_a_damaged_file_is_begun_anew(damaged: Path, clock: Clock) -> None:
    budget(damaged, clock, Terms(1, HOUR, 5)).take()


def test_a_place_that_cannot_be_written_stops_the_run(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "requests").write_text("no folder")
    one = budget(tmp_path / "requests" / "crm.json", clock, Terms(1, HOUR, 5))
    with pytest.raises(StopCycle, match="counts requests, cannot be kept"):
        one.take()


def test_the_place_is_the_home_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GATEPOST_HOME", raising=False)
    assert kept_in(tmp_path, "crm") == tmp_path / ".gatepost" / "requests" / "crm.json"
    monkeypatch.setenv("GATEPOST_HOME", str(tmp_path / "h"))
    assert kept_in(tmp_path, "crm") == tmp_path / "h" / "requests" / "crm.json"


def test_what_was_heard_is_kept(path: Path, clock: Clock) -> None:
    """A run that sends nothing yet knows what the last one heard."""
    budget(path, clock, Terms(0.25)).heard(100, 95)
    fresh = budget(path, clock, Terms(0.25))
    take_all(fresh)
    assert fresh.sent == 0
