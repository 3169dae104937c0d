"""Small cases whose answers were worked out by hand from the specification."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.oracle.expressions import Names, evaluate
from tests.oracle.readings import Scalar
from tests.oracle.small import MAPPING, Small, day, write

THREE_STAGES = """
signals:
  shared: {count: Shared}
  made: {count: Made}
stages:
  - {stage: One, enter: shared >= 0, exit: shared >= 1, target: 3d}
  - {stage: Two, exit: made >= 1}
  - {stage: Three, enter: made >= 2, exit: made >= 3}
"""


# --- the walk -----------------------------------------------------------------------------------


def test_stages_follow_each_other_in_order(tmp_path: Path):
    """Two is entered on the day One is completed; Three waits for its own enter."""
    small = Small(tmp_path, THREE_STAGES, "03-01 Opened ann\n03-03 Shared ann\n03-05 Made ann")
    assert small.told("03-06") == [
        "One 03-01 completed 03-03 to 03-03",
        "Two 03-03 completed 03-05",
    ]


def test_a_completed_stage_waits_until_the_next_lets_in(tmp_path: Path):
    events = "03-01 Shared ann\n03-02 Made ann\n03-05 Made ann\n03-07 Made ann"
    small = Small(tmp_path, THREE_STAGES, events)
    waiting = small.row("03-04")
    assert (waiting["stage"], waiting["stage_waiting"], waiting["stage_done"]) == (
        "Two",
        True,
        False,
    )
    assert waiting["stage_completed_on"] == "2024-03-02"
    assert small.row("03-05")["stage"] == "Three"
    done = small.row("03-08")
    assert (done["stage_waiting"], done["stage_done"]) == (False, True)


def test_a_stage_can_be_entered_and_left_on_one_day(tmp_path: Path):
    """A stay of zero days stands in the history, and counts as the previous stage."""
    small = Small(tmp_path, THREE_STAGES, "03-01 Shared ann\n03-01 Made ann")
    assert small.told("03-02") == [
        "One 03-01 completed 03-01 to 03-01",
        "Two 03-01 completed 03-01",
    ]
    row = small.row("03-02")
    assert (row["previous_stage"], row["days_in_stage"]) == ("One", 1)


def test_completion_is_for_good(tmp_path: Path):
    """The exit held once; that it stops holding changes nothing."""
    journey = """
signals: {week: {count: any, within: 2d}}
stages:
  - {stage: One, enter: week >= 0, exit: week >= 2}
  - {stage: Two, enter: day >= '2024-03-06', exit: week > 99}
"""
    small = Small(tmp_path, journey, "03-01 Opened ann\n03-01 Opened ann")
    assert small.told("03-07") == ["One 03-01 completed 03-01 to 03-06", "Two 03-06"]


SIDE = """
signals: {cases: {count: Case, within: 2d}, shared: {count: Shared}}
stages:
  - {stage: One, enter: cases >= 0, exit: shared >= 1}
  - {stage: Two, exit: shared >= 9}
  - {stage: Rescue, enter: cases >= 1, from: [Two], exit: cases = 0, then: Two}
"""


def test_a_side_stage_takes_over_only_from_the_stages_that_it_names(tmp_path: Path):
    small = Small(tmp_path, SIDE, "03-01 Case ann\n03-04 Shared ann\n03-06 Case ann")
    assert small.told("03-09") == [
        "One 03-01 completed 03-04 to 03-04",
        "Two 03-04 to 03-06",
        "Rescue 03-06 completed 03-08 to 03-08",
        "Two 03-08",
    ]


def test_a_side_stage_is_entered_once_for_each_time_that_its_enter_comes_to_hold(tmp_path: Path):
    """Left while its enter still holds, it is not entered again before the enter let go."""
    journey = """
signals: {cases: {count: Case, within: 3d}}
stages:
  - {stage: One, enter: cases >= 0, exit: cases > 9}
  - {stage: Rescue, enter: cases >= 1, from: any, exit: days_in_stage >= 1, then: One}
"""
    small = Small(tmp_path, journey, "03-02 Case ann\n03-06 Case ann")
    assert small.told("03-07") == [
        "One 03-02 to 03-02",
        "Rescue 03-02 completed 03-03 to 03-03",
        "One 03-03 to 03-06",
        "Rescue 03-06 completed 03-07 to 03-07",
        "One 03-07",
    ]


def test_without_a_stage_a_stage_from_anywhere_may_be_the_way_in(tmp_path: Path):
    """Rule 2: the first stage comes first if it holds; one that ends is no way in."""
    journey = """
signals: {cases: {count: Case}}
stages:
  - {stage: One, enter: day >= '2024-03-03', exit: cases > 9}
  - {stage: Gone, enter: cases >= 0, ends: true}
  - {stage: Rescue, enter: cases >= 1, from: any, exit: cases >= 2, then: One}
"""
    small = Small(tmp_path, journey, "03-01 Case ann\n03-02 Opened ann")
    # Gone is ready all along and takes over in the next turn of the same day.
    assert small.told("03-02") == ["Rescue 03-01 to 03-01", "Gone 03-01"]


def test_the_earliest_ready_side_stage_wins(tmp_path: Path):
    """Both are ready; the second one follows in the next turn, since it is ready from anywhere."""
    journey = """
signals: {cases: {count: Case}}
stages:
  - {stage: One, enter: cases >= 0, exit: cases > 9}
  - {stage: A, enter: cases >= 1, from: [One], exit: cases > 9}
  - {stage: B, enter: cases >= 1, from: [One], exit: cases > 9}
"""
    small = Small(tmp_path, journey, "03-01 Opened ann\n03-02 Case ann")
    assert small.told("03-03") == ["One 03-01 to 03-02", "A 03-02"]


def test_a_takeover_keeps_the_completion_of_the_stage_that_it_leaves(tmp_path: Path):
    """Rule 1 comes before rule 4, and rule 4 before rule 5."""
    journey = """
signals: {shared: {count: Shared}}
stages:
  - {stage: One, enter: shared >= 0, exit: shared >= 1}
  - {stage: Two, exit: shared > 9}
  - {stage: Side, enter: shared >= 1, from: [One], exit: shared > 9}
"""
    small = Small(tmp_path, journey, "03-01 Opened ann\n03-02 Shared ann")
    assert small.told("03-03") == ["One 03-01 completed 03-02 to 03-02", "Side 03-02"]


ENDED = """
stages:
  - {stage: One, enter: day >= '2024-01-01', exit: seats >= 99}
  - {stage: Churned, enter: contract_end < day, ends: true}
moments:
  - {moment: low, when: seats < 3, clear: 2d}
"""


def contract(*ends: tuple[str, str]) -> list[tuple[date, str, dict[str, str]]]:
    """Sightings of account a: on a day, the end of its contract."""
    return [(day(seen), "a", {"contract_end": f"2024-{end}"}) for seen, end in ends]


def test_an_ended_journey_goes_back_where_it_came_from_once_its_enter_lets_go(tmp_path: Path):
    sightings = contract(("03-01", "03-04"), ("03-08", "12-31"))
    small = Small(tmp_path, ENDED, "", "a: signed_on=2024-03-01 seats=1", sightings)
    small.folder.joinpath("journeys/j.yaml").write_text(
        "journey: J\ntimezone: UTC\nsince: 2024-01-01\nstart: signed_on\n" + ENDED,
    )
    assert small.told("03-09") == ["One 03-01 to 03-05", "Churned 03-05 to 03-08", "One 03-08"]
    assert small.row("03-06")["stage_waiting"] is False
    assert small.row("03-06")["ttv_running_days"] is None
    assert small.row("03-09")["ttv_running_days"] == 8
    assert small.row("03-09")["previous_stage"] == "Churned"


def test_an_ended_journey_closes_moments_and_starts_their_runs_afresh(tmp_path: Path):
    sightings = contract(("03-01", "03-04"), ("03-08", "12-31"))
    journey = "start: signed_on\n" + ENDED.replace("clear: 2d", "for: 2d")
    small = Small(tmp_path, journey, "", "a: signed_on=2024-03-01 seats=1", sightings)
    assert small.told("03-10", "moment") == ["low 03-02 to 03-05", "low 03-09"]


def test_then_of_an_ended_stage_is_taken_whether_or_not_its_enter_holds(tmp_path: Path):
    journey = """
start: signed_on
stages:
  - {stage: One, enter: day < '2024-03-02', exit: seats >= 99}
  - {stage: Back, enter: seats > 99, from: [One], exit: seats > 99}
  - {stage: Churned, enter: contract_end < day, ends: true, then: Back}
"""
    sightings = contract(("03-01", "03-04"), ("03-08", "12-31"))
    small = Small(tmp_path, journey, "", "a: signed_on=2024-03-01 seats=1", sightings)
    assert small.told("03-09") == ["One 03-01 to 03-05", "Churned 03-05 to 03-08", "Back 03-08"]


def test_a_stage_entered_today_is_no_candidate_again(tmp_path: Path):
    """Loop leads back to One, which was entered today already: it waits until tomorrow."""
    journey = """
signals: {shared: {count: Shared}}
stages:
  - {stage: One, enter: shared >= 0, exit: shared >= 1}
  - {stage: Loop, exit: shared >= 1, then: One}
"""
    small = Small(tmp_path, journey, "03-01 Shared ann")
    assert small.told("03-02") == [
        "One 03-01 completed 03-01 to 03-01",
        "Loop 03-01 completed 03-01 to 03-02",
        "One 03-02 completed 03-02 to 03-02",
        "Loop 03-02 completed 03-02",
    ]
    assert small.row("03-02")["stage_waiting"] is True


def test_the_next_stage_in_order_is_none_that_is_entered_from_the_side(tmp_path: Path):
    """One leads past Side and Gone, whose enters do not hold, to Two."""
    journey = """
signals: {shared: {count: Shared}}
stages:
  - {stage: One, enter: shared >= 0, exit: shared >= 1}
  - {stage: Side, enter: shared > 9, from: [One], exit: shared > 9}
  - {stage: Gone, enter: shared > 9, ends: true}
  - {stage: Two, exit: shared > 9}
"""
    small = Small(tmp_path, journey, "03-01 Shared ann")
    assert small.told("03-02") == ["One 03-01 completed 03-01 to 03-01", "Two 03-01"]


def test_stages_that_end_hand_on_to_each_other_once_a_day(tmp_path: Path):
    """Neither enter holds from 03-08 on: GoneA to GoneB, back to GoneA, and no further that day."""
    journey = """
start: signed_on
stages:
  - {stage: One, enter: day = day, exit: seats >= 99}
  - {stage: GoneA, enter: contract_end < day, ends: true, then: GoneB}
  - {stage: GoneB, enter: seats > 99, ends: true}
"""
    sightings = contract(("03-01", "03-04"), ("03-08", "12-31"))
    small = Small(tmp_path, journey, "", "a: signed_on=2024-03-01", sightings)
    assert small.told("03-08") == [
        "One 03-01 to 03-05",
        "GoneA 03-05 to 03-08",
        "GoneB 03-08 to 03-08",
        "GoneA 03-08",
    ]


def test_an_exit_may_speak_of_the_stay(tmp_path: Path):
    journey = """
stages:
  - {stage: One, enter: renewed_on is null, exit: days_in_stage >= 2}
  - {stage: Two, exit: kickoff_on between stage_entered_on and day}
"""
    cells = "a: signed_on=2024-03-01 kickoff_on=2024-03-04"
    small = Small(tmp_path, "start: signed_on" + journey, "", cells)
    assert small.told("03-05") == [
        "One 03-01 completed 03-03 to 03-03",
        "Two 03-03 completed 03-04",
    ]


def test_a_null_criterion_does_not_hold(tmp_path: Path):
    small = Small(
        tmp_path,
        "start: signed_on\nstages: [{stage: One, enter: seats >= 0 or seats < 0, exit: day = day}]",
        "",
        "a: signed_on=2024-03-01\nb: signed_on=2024-03-01 seats=0",
    )
    assert small.row("03-02")["stage"] is None
    assert small.row("03-02", "b")["stage"] == "One"


def test_overdue_is_past_the_target_and_over_with_completion(tmp_path: Path):
    small = Small(tmp_path, THREE_STAGES, "03-01 Opened ann\n03-06 Shared ann")
    assert [small.row(at)["stage_overdue"] for at in ("03-04", "03-05", "03-06")] == [
        False,
        True,
        None,
    ]


def test_a_stage_that_is_completed_is_not_overdue_however_long_it_waits(tmp_path: Path):
    journey = """
signals: {shared: {count: Shared}}
stages:
  - {stage: One, enter: shared >= 0, exit: shared >= 1, target: 2d}
  - {stage: Two, enter: shared >= 9, exit: shared > 9}
"""
    row = Small(tmp_path, journey, "03-01 Shared ann").row("03-09")
    assert (row["stage_waiting"], row["stage_overdue"], row["days_in_stage"]) == (True, False, 8)


# --- the first known day, time to value -----------------------------------------------------------


def test_nothing_is_known_of_an_account_without_start_and_events(tmp_path: Path):
    """Every output is NULL; its signals are not."""
    small = Small(tmp_path, THREE_STAGES, "03-01 Shared ann", "a:\nb:")
    row = small.row("03-02", "b")
    assert row.pop("signals") == {"shared": 0, "made": 0}
    assert (row.pop("account"), row.pop("journey")) == ("b", "J")
    assert set(row.values()) == {None}


def test_history_begins_at_since_and_is_then_incomplete(tmp_path: Path):
    small = Small(
        tmp_path,
        "since: 2024-03-05\nstart: signed_on" + THREE_STAGES,
        "03-01 Shared ann",
        "a: signed_on=2024-03-01\nb: signed_on=2024-03-05",
    )
    row = small.row("03-08")
    assert small.told("03-08")[0] == "One 03-05 completed 03-05 to 03-05"
    assert (row["history_complete"], row["first_value_on"]) == (False, "2024-03-05")
    assert (row["ttv_days"], row["ttv_running_days"]) == (None, None)
    assert small.row("03-08", "b")["history_complete"] is True
    assert small.row("03-08", "b")["ttv_running_days"] == 3


def test_ttv_is_zero_when_value_came_before_the_start(tmp_path: Path):
    small = Small(
        tmp_path,
        "start: signed_on" + THREE_STAGES,
        "03-02 Shared ann",
        "a: signed_on=2024-03-05",
    )
    row = small.row("03-08")
    assert (row["first_value_on"], row["ttv_days"]) == ("2024-03-02", 0)
    assert row["ttv_running_days"] is None


def test_ttv_runs_from_the_start_on(tmp_path: Path):
    small = Small(
        tmp_path,
        "start: signed_on" + THREE_STAGES,
        "03-02 Opened ann\n03-09 Shared ann",
        "a: signed_on=2024-03-05",
    )
    running = [small.row(at)["ttv_running_days"] for at in ("03-04", "03-05", "03-08", "03-09")]
    assert running == [None, 0, 3, None]
    assert small.row("03-09")["ttv_days"] == 4


def test_first_value_is_seen_in_whatever_stage(tmp_path: Path):
    """The first stage's exit comes to hold while the account is in Rescue."""
    journey = """
signals: {cases: {count: Case}, shared: {count: Shared}}
stages:
  - {stage: One, enter: cases >= 0, exit: shared >= 1}
  - {stage: Rescue, enter: cases >= 1, from: any, exit: cases > 9}
"""
    small = Small(tmp_path, journey, "03-01 Opened ann\n03-02 Case ann\n03-04 Shared ann")
    row = small.row("03-05")
    assert (row["stage"], row["first_value_on"]) == ("Rescue", "2024-03-04")
    assert row["ttv_days"] is None  # no start


def test_first_value_may_be_a_signal(tmp_path: Path):
    journey = THREE_STAGES.replace("signals:", "signals:\n  first_made: {first: Made}")
    small = Small(
        tmp_path,
        "start: signed_on\nfirst_value: first_made" + journey,
        "03-01 Shared ann\n03-04 Made ann",
        "a: signed_on=2024-03-01",
    )
    assert small.row("03-03")["first_value_on"] is None
    assert small.row("03-05")["ttv_days"] == 3


def test_a_start_that_has_not_come_yet_is_a_first_known_day(tmp_path: Path):
    small = Small(
        tmp_path, "start: signed_on" + THREE_STAGES, "", "a: signed_on=2024-03-05 seats=1"
    )
    row = small.row("03-02")
    assert (row["stage"], row["stage_waiting"], row["alerts"]) == (None, False, [])
    assert (row["history_complete"], row["computed_on"]) == (True, "2024-03-02")


# --- signals --------------------------------------------------------------------------------------


def signals_on(folder: Path, signals: str, events: str, as_of: str, accounts: str = "a:"):
    """The signals of account a; the stages do not matter."""
    stages = "stages: [{stage: One, enter: day >= '2024-01-01', exit: seats > 99}]"
    features = "features: {share: [Shared, Sent], make: [Made]}"
    return Small(folder, f"{signals}\n{features}\n{stages}", events, accounts).signals(as_of)


def test_a_window_of_two_days_is_today_and_yesterday(tmp_path: Path):
    signals = """
signals:
  n: {count: any, within: 2d}
  u: {users: any, within: 2d}
  d: {days: any, within: 2d}
  ever: {count: any}
  named: {count: [Made, Sent]}
  feature: {count: share}
"""
    events = "03-01 Made ann\n03-02 Made ann\n03-02 Sent -\n03-03 Shared bob"
    expected = {"n": 3, "u": 2, "d": 2, "ever": 4, "named": 3, "feature": 2}
    assert signals_on(tmp_path, signals, events, "03-03") == expected


def test_first_nth_and_last_are_dates(tmp_path: Path):
    signals = """
signals:
  first: {first: Made}
  second: {nth: 2, of: Made}
  third: {nth: 3, of: Made}
  last: {last: Made}
  never: {first: Gone}
"""
    expected = {
        "first": "2024-03-01",
        "second": "2024-03-04",
        "third": None,
        "last": "2024-03-04",
        "never": None,
    }
    assert signals_on(tmp_path, signals, "03-01 Made a\n03-04 Made a", "03-05") == expected


def test_the_last_property_is_that_of_the_last_event_ties_by_value(tmp_path: Path):
    """NULL where the last event lacks it; at one instant the greatest, by number where all are."""
    signals = (
        "signals: {made: {last: Made, property: amount}, sent: {last: Sent, property: amount}}"
    )
    events = """03-01 Made ann amount=9
03-02 Made ann
03-01T10:00 Sent ann amount="10"
03-01T10:00 Sent ann amount=9
03-01T09:00 Sent ann amount=99"""
    expected = {"made": None, "sent": "10"}
    assert signals_on(tmp_path, signals, events, "03-03") == expected


def test_aggregates_take_numbers_and_text_that_reads_as_one(tmp_path: Path):
    signals = """
signals:
  sum: {sum: Made, property: amount, within: 9d}
  avg: {average: Made, property: amount, within: 9d}
  min: {min: Made, property: amount, within: 9d}
  max: {max: Made, property: amount, within: 9d}
  none: {sum: Made, property: plan, within: 9d}
"""
    events = """03-01 Made ann amount=0.1 plan="pro"
03-01 Made ann amount="0.2"
03-01 Made ann amount=true
03-02 Made ann amount="many"
03-02 Made ann amount=2"""
    expected = {"sum": 2.3, "avg": 0.766667, "min": 0.1, "max": 2, "none": None}
    assert signals_on(tmp_path, signals, events, "03-03") == expected


def test_features_need_enough_distinct_users_rounded_up(tmp_path: Path):
    """0.6 × 3 seats is 1.8, so two users; 0.1 × 30 is 3 and not four for float noise."""
    signals = """
signals:
  two: {features: [share, make], within: 7d, used_by: 0.6 * seats}
  three: {features: [share, make], within: 7d, used_by: 0.1 * 10 * seats}
  one: {features: [share, make], within: 7d}
  unknown: {features: [share, make], within: 7d, used_by: 0.6 * seats + days_unknown}
"""
    signals = signals.replace(" + days_unknown", " / 0")
    events = """03-01 Shared ann
03-01 Sent bob
03-02 Made ann
03-02 Made -
03-02 Shared cat"""
    expected = {"two": 1, "three": 1, "one": 2, "unknown": None}
    assert signals_on(tmp_path, signals, events, "03-03", "a: seats=3") == expected


def test_a_ratio_compares_with_the_days_before_its_signals_own_window(tmp_path: Path):
    """On 03-06, window 2, to 3: the mean of the counts on 03-02, 03-03, 03-04 is (1+2+1)/3."""
    signals = "signals: {n: {count: any, within: 2d}, r: {ratio: n, to: 3d}}"
    events = "03-02 Made a\n03-03 Made a\n03-05 Made a\n03-06 Made a"
    assert signals_on(tmp_path, signals, events, "03-06") == {"n": 2, "r": 1.5}
    # A day earlier the mean would need 03-01, before the first known day.
    assert signals_on(tmp_path, signals, events, "03-05")["r"] is None


def test_a_ratio_to_nothing_is_unknown(tmp_path: Path):
    signals = "signals: {n: {count: Made, within: 2d}, r: {ratio: n, to: 3d}}"
    events = "03-01 Opened a\n03-09 Made a"
    assert signals_on(tmp_path, signals, events, "03-09") == {"n": 1, "r": None}


def test_changed_wants_another_value_not_a_first_one(tmp_path: Path):
    journey = """
signals: {new: {changed: champion, within: 2d}}
stages: [{stage: One, enter: seats > 0, exit: seats > 9}]
"""
    sightings = [
        (day("03-01"), "a", {"champion": ""}),
        (day("03-03"), "a", {"champion": "Ann"}),
        (day("03-05"), "a", {"champion": "Bob"}),
        (day("03-09"), "a", {"champion": ""}),
    ]
    small = Small(tmp_path, journey, "", "a: champion=Bob", sightings)
    days = [n for n in range(1, 13) if small.signals(f"03-{n:02}")["new"]]
    assert days == [5, 6, 9, 10]


def test_a_where_speaks_of_untyped_properties_by_what_they_are_compared_with(tmp_path: Path):
    signals = """
signals:
  number: {count: any, where: amount > 5}
  text: {count: any, where: "amount = '10'"}
  truth: {count: any, where: beta = true}
  untrue: {count: any, where: "not beta"}
  unknown: {count: any, where: amount <= 5 or amount > 5}
"""
    events = """03-01 Made a amount=10 beta=true
03-01 Made a amount="10" beta="False"
03-01 Made a amount="x" beta=1
03-01 Made a"""
    expected = {"number": 2, "text": 2, "truth": 1, "untrue": 1, "unknown": 2}
    assert signals_on(tmp_path, signals, events, "03-03") == expected


# --- the clock, files, matching -------------------------------------------------------------------


def test_an_instant_falls_on_its_local_day_and_a_bare_date_on_that_date(tmp_path: Path):
    """In New York 03:00 UTC is the evening before; winter ends on 10 March 2024."""
    journey = """timezone: America/New_York
signals: {first: {first: Made}, sent: {first: Sent}, late: {first: Late}, ms: {first: Ms}}
stages: [{stage: One, enter: seats > 0, exit: seats > 9}]
"""
    events = """03-05T04:59:59Z Made a
03-05 Sent a
03-11T03:59+00:00 Late a
1709614800000 Ms a"""
    assert Small(tmp_path, journey, events).signals("03-20") == {
        "first": "2024-03-04",
        "sent": "2024-03-05",
        "late": "2024-03-10",
        "ms": "2024-03-05",
    }


def test_what_comes_after_the_last_day_is_invisible(tmp_path: Path):
    small = Small(tmp_path, THREE_STAGES, "03-01 Opened a\n03-05 Shared a")
    assert small.signals("03-04")["shared"] == 0
    assert small.told("03-04") == ["One 03-01"]


def test_a_key_that_two_accounts_share_matches_neither(tmp_path: Path):
    mapping = MAPPING.replace("equals: id", "equals: segment")
    journey = """
signals: {n: {count: any}}
stages: [{stage: One, enter: n > 0, exit: n > 9}]
"""
    events = '03-01 Made x workspace="w"\n03-01 Made x workspace="v"\n03-01 Made x workspace=""'
    accounts = "a: segment=w\nb: segment=w\nc: segment=v\nd:"
    small = Small(tmp_path, journey, events, accounts, mapping=mapping)
    assert [small.signals("03-02", name)["n"] for name in "abcd"] == [0, 0, 1, 0]


def test_one_id_is_one_event_and_no_id_counts_every_row(tmp_path: Path):
    events = """03-02 Made a $insert_id="x"
03-01 Made a $insert_id="x"
03-01 Made a
03-01 Made a"""
    signals = "signals: {n: {count: any}, last: {last: any}}"
    assert signals_on(tmp_path, signals, events, "03-05") == {"n": 3, "last": "2024-03-01"}


def test_any_is_a_product_event_and_the_filter_is_for_these_alone(tmp_path: Path):
    child = """  - from: crm
    object: Case
    event: Case Opened
    at: CreatedDate
    account: {field: AccountId, equals: id}
    keep: {priority: {field: Priority, type: number}}
"""
    journey = """
events: user not like '%@us'
signals: {n: {count: any}, cases: {count: Case Opened, where: priority >= 2}}
stages: [{stage: One, enter: n > 0, exit: n > 9}]
"""
    small = Small(
        tmp_path,
        journey,
        "03-01 Made ann\n03-01 Made bob@us\n03-01 Made -",
        mapping=MAPPING + child,
    )
    with (tmp_path / "crm" / "Case.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [
                ["Id", "AccountId", "CreatedDate", "Priority"],
                ["1", "a", "2024-03-01", "2"],
                ["2", "a", "2024-03-01", "1"],
                ["3", "", "2024-03-01", "2"],
            ],
        )
    assert small.signals("03-02") == {"n": 1, "cases": 1}


def test_filters_of_accounts_are_taken_as_of_the_last_day(tmp_path: Path):
    journey = """
accounts: segment = 'Big'
stages: [{stage: One, enter: segment = 'Small', exit: seats > 9}]
start: signed_on
"""
    sightings = [
        (day("03-01"), "a", {"segment": "Small"}),
        (day("03-05"), "a", {"segment": "Big"}),
    ]
    small = Small(tmp_path, journey, "", "a: signed_on=2024-03-02 segment=Big", sightings)
    assert small.told("03-04") == []
    assert small.told("03-05") == ["One 03-02"]


# --- health ---------------------------------------------------------------------------------------

HEALTH = """
signals: {n: {count: any, within: 1d}}
stages: [{stage: One, enter: n >= 0, exit: n > 99}]
health:
  components:
    - {name: use, value: n, points: [[0, 0], [10, 100]], weight: 3}
    - {name: seats, value: seats, points: [[0, 0], [10, 100]]}
  bands: {green: 70, yellow: 40, red: 0}
  margin: 10
"""


def uses(counts: dict[str, int]) -> str:
    """So many events on these days."""
    return "\n".join(f"{at} Made ann" for at, count in counts.items() for _ in range(count))


def test_health_is_the_weighted_mean_of_what_is_known(tmp_path: Path):
    """Seats are unknown and a quarter of the weight; with them (3 × 80 + 50) / 4 = 72.5."""
    small = Small(tmp_path, HEALTH, uses({"03-01": 8}))
    assert small.row("03-01")["health_score"] == 80
    small.write_accounts("a: seats=5")
    assert small.row("03-01")["health_score"] == 72.5


def test_health_is_unknown_if_too_little_is_known(tmp_path: Path):
    journey = HEALTH.replace("value: n", "value: n / seats")
    small = Small(tmp_path, journey.replace("value: seats", "value: n"), uses({"03-01": 8}))
    row = small.row("03-01")
    assert (row["health_score"], row["health_band"]) == (None, None)


def test_missing_makes_a_component_known(tmp_path: Path):
    journey = HEALTH.replace("name: seats,", "name: seats, missing: 0,")
    small = Small(tmp_path, journey, uses({"03-01": 8}))
    assert small.row("03-01")["health_score"] == 60


def test_a_band_is_kept_within_the_margin(tmp_path: Path):
    """80 is green, 60 still is, 59.9 would not be; from below, yellow holds up to 79.9."""
    counts = {"03-01": 8, "03-02": 6, "03-03": 5, "03-04": 7, "03-05": 8}
    small = Small(tmp_path, HEALTH, uses(counts))
    bands = [small.row(at)["health_band"] for at in counts]
    assert bands == ["green", "green", "yellow", "yellow", "green"]


def test_a_component_waits_for_its_days_and_its_stages(tmp_path: Path):
    journey = HEALTH.replace("name: use,", "name: use, after: 1d,")
    small = Small(tmp_path, journey, uses({"03-01": 8, "03-02": 8}), "a: seats=5")
    assert [small.row(at)["health_score"] for at in ("03-01", "03-02")] == [50, 72.5]
    journey = HEALTH.replace("name: use,", "name: use, stages: [Two],")
    assert Small(tmp_path, journey, "03-01 Made ann").row("03-01")["health_score"] is None


def test_the_trend_looks_back_28_days(tmp_path: Path):
    small = Small(tmp_path, HEALTH, uses({"03-01": 8, "03-29": 6}))
    assert small.row("03-29")["health_trend"] == -20
    assert small.row("03-28")["health_trend"] is None


# --- moments and touchpoints ----------------------------------------------------------------------

MOMENT = """
start: signed_on
signals: {n: {sum: Level, property: amount, within: 1d}}
stages: [{stage: One, enter: seats is null, exit: seats > 99}]
moments: [{moment: low, when: n < 5, OPTIONS}]
"""


def moments(folder: Path, options: str, levels: str) -> list[str]:
    """The history of `low`, from 03-01 on; a level each day, `.` for none: then n is NULL."""
    lines = [
        f"03-{n:02} Level - amount={level}"
        for n, level in enumerate(levels.split(), start=1)
        if level != "."
    ]
    journey = MOMENT.replace("OPTIONS", options)
    small = Small(folder, journey, "\n".join(lines), "a: signed_on=2024-03-01")
    return small.told(f"03-{len(levels.split()):02}", "moment")


def test_a_moment_opens_at_the_end_of_a_run(tmp_path: Path):
    assert moments(tmp_path, "for: 3d", "1 1 9 1 1 1 1") == ["low 03-06"]


def test_a_moment_closes_at_the_end_of_a_run_of_days_on_which_it_is_false(tmp_path: Path):
    assert moments(tmp_path, "clear: 2d", "1 9 1 9 9 9 1") == ["low 03-01 to 03-05", "low 03-07"]


def test_a_day_without_an_answer_ends_both_runs(tmp_path: Path):
    assert moments(tmp_path, "for: 2d, clear: 2d", "1 . 1 1 9 . 9 . . 9 9") == [
        "low 03-04 to 03-11"
    ]


def test_what_is_unknown_calls_no_moment_off(tmp_path: Path):
    assert moments(tmp_path, "clear: 2d", "1 . . . . . . .") == ["low 03-01"]


def test_a_moment_clears_in_seven_days_unless_told(tmp_path: Path):
    assert moments(tmp_path, "for: 1d", "1 9 9 9 9 9 9 9 9") == ["low 03-01 to 03-08"]


def test_a_moment_is_not_judged_before_its_time(tmp_path: Path):
    """From three days past the first known day, with an empty run."""
    assert moments(tmp_path, "for: 2d, after: 3d", "1 1 1 1 1 1") == ["low 03-05"]


def test_an_open_moment_is_told_with_its_day(tmp_path: Path):
    journey = MOMENT.replace("OPTIONS", "for: 2d")
    events = "03-01 Level - amount=1\n03-02 Level - amount=1"
    row = Small(tmp_path, journey, events, "a: signed_on=2024-03-01").row("03-03")
    assert (row["moment.low"], row["moment.low.since"]) == (True, "2024-03-02")
    assert row["alerts"] == ["low"]


TOUCHPOINTS = """
start: signed_on
signals: {n: {count: Called}}
stages:
  - stage: One
    enter: signed_on <= day
    exit: day >= '2024-03-08'
    touchpoints:
      - {touchpoint: Call, due: 2d, done: n >= 1, owner: CSM}
      - {touchpoint: Mail, due: 2d, done: kickoff_on <= day}
      - {touchpoint: Visit, due: 1d, done: kickoff_on <= day, owner: Boss}
  - {stage: Two, exit: n > 9}
"""


def test_touchpoints_are_breached_from_the_day_after_they_are_due(tmp_path: Path):
    """Account a is called on 03-03 and kicked off on 03-05; b is neither and leaves on 03-08."""
    cells = "a: signed_on=2024-03-01 kickoff_on=2024-03-05\nb: signed_on=2024-03-01"
    small = Small(tmp_path, TOUCHPOINTS, "03-03 Called ann", cells)
    assert small.told("03-07", "touchpoint") == [
        "Visit 03-03 to 03-05",
        "Mail 03-04 to 03-05",
        "Visit 03-03",
        "Call 03-04",
        "Mail 03-04",
    ]
    assert small.told("03-09", "touchpoint")[2:] == [
        "Visit 03-03 to 03-08",
        "Call 03-04 to 03-08",
        "Mail 03-04 to 03-08",
    ]
    assert small.row("03-04")["alerts"] == ["Mail", "Visit"]


def test_the_next_step_is_the_one_due_first(tmp_path: Path):
    cells = "a: signed_on=2024-03-01\nb: signed_on=2024-03-01 kickoff_on=2024-03-01"
    small = Small(tmp_path, TOUCHPOINTS, "03-03 Called ann", cells)
    row = small.row("03-02")
    steps = ("next_step", "next_step_due", "next_step_owner")
    assert [row[step] for step in steps] == ["Visit", "2024-03-02", "Boss"]
    assert [small.row("03-02", "b")[step] for step in steps] == ["Call", "2024-03-03", "CSM"]
    assert [small.row("03-09")[step] for step in steps] == [None, None, None]


# --- a day that is not over -----------------------------------------------------------------------


def test_today_moves_stages_and_leaves_health_and_moments_where_they_were(tmp_path: Path):
    journey = HEALTH + "moments: [{moment: quiet, when: n < 5}]"
    small = Small(tmp_path, journey, uses({"03-01": 8, "03-02": 1}))
    morning, night = small.row("03-02", complete=False), small.row("03-02")
    assert morning["signals"] == {"n": 1}
    assert (morning["health_score"], night["health_score"]) == (80, 10)
    assert (morning["alerts"], night["alerts"]) == ([], ["quiet"])
    assert small.told("03-02", "moment", complete=False) == []


def test_a_journey_that_ends_today_has_no_health_and_closes_moments(tmp_path: Path):
    journey = HEALTH.replace("exit: n > 99}]", "exit: n > 99}, GONE]")
    journey = journey.replace("GONE", "{stage: Gone, enter: contract_end < day, ends: true}")
    journey += "moments: [{moment: busy, when: n > 5}]"
    small = Small(tmp_path, journey, uses({"03-01": 8}), "a: contract_end=2024-03-01")
    row = small.row("03-02", complete=False)
    assert (row["stage"], row["health_score"], row["alerts"]) == ("Gone", None, [])
    assert small.told("03-02", "moment", complete=False) == ["busy 03-01 to 03-02"]


# --- expressions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3 - 4 / 8", 6.5),
        ("7 / 2", 3.5),
        ("1 / 0", None),
        ("-n + 1", -4),
        ("day - '2024-03-01'", 9),
        ("day + 20", date(2024, 3, 30)),
        ("d - 10", date(2024, 2, 29)),
        ("days_until(d) + days_since(d)", 0),
        ("days_since('2024-02-29')", 10),
        ("round(2.5) + round(-2.5) + round(0.4)", 0),
        ("round(-2.5)", -3),
        ("abs(-n)", 5),
        ("least(n, none, 3)", 3),
        ("greatest(none, none)", None),
        ("coalesce(none, loose, 9)", 5),
        ("coalesce(words, 9)", 9),
        ("lower('AbC')", "abc"),
        ("case when none > 1 then 'a' when n > 1 then 'b' else 'c' end", "b"),
        ("case n when 4 then 'a' end", None),
        ("none > 1 or true", True),
        ("none > 1 and false", False),
        ("not none > 1", None),
        ("not n = 4 and n = 5", True),
        ("n between 1 and 5 and n not between 6 and 9", True),
        ("n in (1, none)", None),
        ("n in (5, none)", True),
        ("n not in (1, 2)", True),
        ("none is null and n is not null", True),
        ("'abc' like 'a%' and 'abc' not like 'A__'", True),
        ("'a.c' like 'a_c' and not 'abbc' like 'a_c'", True),
        ("loose = 5 and loose = '5' and loose > 4.5", True),
        ("words > 1", None),
        ("d = '2024-03-10' and '2024-03-11' > d", True),
        ("flag", True),
        ("flag = true and not flag is null", True),
    ],
)
def test_an_expression_is_worth(text: str, value: object):
    """On 10 March 2024; `loose` is the text 5 of an untyped property, `words` no number."""
    values = {
        "n": 5,
        "none": None,
        "d": day("03-10"),
        "day": day("03-10"),
        "flag": True,
        "loose": Scalar("text", "5"),
        "words": Scalar("text", "five"),
    }
    types = {
        "n": "number",
        "none": "number",
        "d": "date",
        "day": "date",
        "flag": "boolean",
        "loose": "untyped",
        "words": "untyped",
    }
    assert evaluate(text, Names(values, types, ZoneInfo("UTC"))) == value


def test_an_unknown_function_is_an_error():
    with pytest.raises(ValueError, match="no function"):
        evaluate("sqrt(4)", Names({}, {}, ZoneInfo("UTC")))


def test_journeys_and_accounts_come_in_order(tmp_path: Path):
    """By account, and for each in the order of the journeys' files."""
    small = Small(tmp_path, THREE_STAGES, "", "b:\na:")
    text = (tmp_path / "journeys" / "j.yaml").read_text()
    write(tmp_path / "journeys" / "i.yaml", text.replace("journey: J", "journey: I"))
    rows = [(row["account"], row["journey"]) for row in small.rows("03-02")]
    assert rows == [("a", "I"), ("a", "J"), ("b", "I"), ("b", "J")]
