"""Alerts are told once when they begin and once when they are over, whatever happens between."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gatepost.daemon.conditions import (
    WORDS,
    Finding,
    decide,
    is_over,
    of_lag,
    of_match,
    of_outcome,
    of_quarantine,
    of_silence,
    to_tell,
    was_told,
)

CHANNELS = ("slack", "webhook")


def failed(holds):
    return Finding("failed", "sync", holds, "it is so")


@given(st.lists(st.tuples(st.booleans(), st.sets(st.sampled_from(CHANNELS)))))
def test_every_channel_hears_each_change_of_state_once_and_never_the_same_state_twice(story):
    """`story`: what holds at each look, and which channels can be reached then."""
    alerts, heard = {}, {name: [] for name in CHANNELS}
    for number, (holds, reachable) in enumerate(story):
        alerts = decide(alerts, [failed(holds)], str(number))
        for alert, channel in list(to_tell(alerts.values(), CHANNELS)):
            if channel in reachable:
                heard[channel].append(alert.open)
                alerts[alert.key] = was_told(alerts[alert.key], channel)
        alerts = {key: one for key, one in alerts.items() if not is_over(one, CHANNELS)}
        for channel in reachable:
            assert (heard[channel] or [False])[-1] is holds
    for states in heard.values():
        assert states[:1] in ([], [True])
        assert all(one is not following for one, following in pairwise(states))


def test_an_episode_keeps_its_beginning_and_gets_the_newest_words():
    first = decide({}, [Finding("stale", "product", True, "4 days")], "1")
    later = decide(first, [Finding("stale", "product", True, "5 days")], "2")
    (alert,) = later.values()
    assert (alert.since, alert.text, alert.open) == ("1", "5 days", True)


def test_what_nothing_is_known_of_stays():
    known = decide({}, [failed(True)], "1")
    assert decide(known, [], "2") == known


def test_a_good_run_ends_every_alert_of_its_job_and_an_interrupted_one_none():
    states = {one.condition: one.holds for one in of_outcome("sync", "stopped", "brake")}
    assert states == {"failed": False, "stopped": True, "partly": False}
    assert not any(one.holds for one in of_outcome("sync", "done", ""))
    assert list(of_outcome("sync", "interrupted", "")) == []


def test_limits_are_limits():
    assert not of_lag("product", 3 * 86_400, 3).holds
    assert of_lag("product", 3 * 86_400 + 9000, 3).holds
    assert not of_silence("sync", 3600, 3600).holds
    assert of_silence("sync", 3601, 3600).holds
    assert of_quarantine(1).holds
    assert not of_quarantine(0).holds


def holds(shares, known=None):
    found = of_match("product", shares, 0.1, known)
    assert found is not None
    return found.holds


def test_a_match_rate_is_measured_by_what_was_usual_before_it_fell():
    assert of_match("product", [0.5], 0.1, None) is None
    assert not holds([0.85, 0.9, 0.9])
    fell = of_match("product", [0.5, 0.9, 0.9, 0.1], 0.1, None)
    assert fell is not None
    assert fell.holds
    assert fell.baseline == 0.9
    (alert,) = decide({}, [fell], "1").values()
    # after many bad pulls the bad rate is no excuse for itself
    assert holds([0.5] * 20, alert)
    assert not holds([0.81, *[0.5] * 20], alert)


def test_every_condition_has_words():
    found = {one.condition for one in of_outcome("sync", "done", "")}
    assert found < set(WORDS)
