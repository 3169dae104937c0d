"""Each brake: what pulls it, what does not, and what it says."""

from dataclasses import replace

import pytest

from config.guards import Guards
from sync.brakes import Facts, JourneyFacts, SourceFacts, judge
from sync.diff import Change

GUARDS = Guards()
JOURNEY = JourneyFacts(
    "Onboarding", 100, ran_before=True,
    fields=("stage", "since", "score"), figures=("score",), stage_field="stage",
    stages=("A", "B", "C"), onward=(("C", "B"),), segments={"": 100},
)  # fmt: skip
PRODUCT = SourceFacts(
    "product", last_event="2026-06-29 10:00", age_days=1.0, steady=True, stale_before=False
)


def changes(count, field="stage", from_="A", to="B", first=0):
    return [
        Change("Account", f"{n:03}", f"Account {n}", field, from_, to, "")
        for n in range(first, first + count)
    ]


def pulled(found, facts=None, guards=GUARDS, segments=None):
    facts = facts or Facts((JOURNEY,))
    return [one.name for one in judge(facts, found, segments or {}, guards)]


WIDE = Guards.model_validate({"max_mix": "never"})


def test_too_many_accounts_changed():
    assert pulled(changes(20), guards=WIDE) == []
    (brake,) = judge(Facts((JOURNEY,)), changes(21), {}, WIDE)
    assert brake.name == "max_changed"
    assert (brake.figure, brake.limit, len(brake.examples), brake.cases) == ("21%", "20%", 10, 21)
    lines = list(brake.lines())
    assert lines[0] == (
        "max_changed: 21% of the accounts of Onboarding would change (21 of 100), and 20% is the"
        " limit"
    )
    assert lines[1] == "  Account 0 (000) stage: A → B"
    assert lines[-1] == "  and 11 more"


def test_an_account_counts_once_and_figures_that_move_by_themselves_do_not():
    assert pulled(changes(15) + changes(15, "since", "x", "y"), guards=WIDE) == []
    assert pulled(changes(90, "score", 1, 2)) == []


def test_a_first_run_changes_everything():
    assert pulled(changes(100), Facts((replace(JOURNEY, ran_before=False),))) == []


@pytest.mark.parametrize(("at_least", "expected"), [(5, []), (1, ["max_changed", "max_mix"])])
def test_a_share_of_few_accounts_stops_nothing(at_least, expected):
    """A fifth of five accounts is one account."""
    small = replace(JOURNEY, accounts=5, segments={"": 5})
    assert pulled(changes(4), Facts((small,)), Guards(at_least=at_least)) == expected


def test_stages_that_go_back():
    assert pulled(changes(5, from_="C", to="A")) == []
    assert pulled(changes(6, from_="C", to="A")) == ["max_backward"]
    assert pulled(changes(6, from_="A", to="C")) == []
    assert pulled(changes(6, from_="C", to="B")) == [], "the journey itself says so"
    assert pulled(changes(6, from_="gone", to="A")) == []


def test_values_that_are_emptied():
    assert pulled(changes(10, "since", "x", None)) == []
    assert pulled(changes(11, "since", "x", None)) == ["max_blanked"]
    assert pulled(changes(11, "score", 5, None)) == ["max_blanked"], "figures too"
    assert pulled(changes(11, "since", " ", None)) == [], "there was nothing"
    assert pulled(changes(11, "since", "a", ())) == [], "an empty list is known to be empty"


def test_the_mix_of_stages_of_one_segment():
    journey = replace(JOURNEY, segments={"Big": 20, "Small": 80})
    segments = {f"{n:03}": "Big" for n in range(20)}
    (brake,) = judge(Facts((journey,)), changes(5), segments, GUARDS)
    assert brake.name == "max_mix"
    assert "25% of segment Big in Onboarding" in brake.sentence
    assert "A -5, B +5" in brake.sentence
    assert pulled(changes(4), Facts((journey,)), segments=segments) == []


def test_moves_that_make_up_for_each_other_are_no_shift():
    journey = replace(JOURNEY, accounts=1000, segments={"Big": 20})
    segments = {f"{n:03}": "Big" for n in range(20)}
    both = changes(10) + changes(10, from_="B", to="A", first=10)
    assert "max_mix" not in pulled(both, Facts((journey,)), segments=segments)


def test_accounts_that_begin_are_no_shift():
    assert pulled(changes(19, from_=None)) == []


def of(source, guards=GUARDS):
    return pulled(changes(1), Facts((JOURNEY,), (source,)), guards)


def test_a_day_with_far_fewer_events_than_usual():
    assert of(replace(PRODUCT, days=(("2026-06-29", 29, 100.0),))) == ["min_volume"]
    assert of(replace(PRODUCT, days=(("2026-06-29", 30, 100.0),))) == []
    assert of(replace(PRODUCT, days=(("2026-06-29", 0, 99.0),))) == [], "few events say nothing"


def test_a_match_rate_that_fell():
    source = replace(PRODUCT, matched=0.7, matched_before=0.9, events=1000, strangers=("ws-1: 3",))
    assert of(source) == ["min_matched"]
    assert of(replace(source, matched=0.73)) == []
    assert of(replace(source, events=99)) == []
    assert of(replace(source, matched_before=None)) == []


def test_a_source_that_is_stale():
    old = replace(PRODUCT, age_days=3.1)
    assert of(old) == ["max_stale"]
    assert of(replace(old, age_days=3.0)) == []
    assert of(replace(old, steady=False)) == [], "a source that is quiet for days as a rule"
    assert of(replace(old, stale_before=True)) == [], "the last run that wrote knew it"
    told = Guards.model_validate({"max_stale": "3d"}, by_alias=True, by_name=False)
    assert of(replace(old, stale_before=True), told) == ["max_stale"]


def test_another_organisation():
    facts = Facts((JOURNEY,), organisation="00D2", organisation_before="00D1")
    assert pulled(changes(1), facts) == ["organisation"]
    assert pulled(changes(1), facts, Guards(organisation=False)) == []
    assert pulled(changes(1), replace(facts, organisation_before="")) == []


def test_never_takes_a_brake_off():
    names = (
        "max_changed", "max_backward", "max_blanked", "max_mix", "min_volume", "min_matched",
        "max_stale",
    )  # fmt: skip
    free = Guards.model_validate(dict.fromkeys(names, "never"))
    source = replace(
        PRODUCT, days=(("d", 0, 1000.0),), matched=0.0, matched_before=1.0, events=1000, age_days=99
    )
    everything = changes(50, from_="C", to="A") + changes(50, from_="C", to=None, first=50)
    facts = Facts((JOURNEY,), (source,))
    assert set(pulled(everything, facts)) == {*names}
    assert pulled(everything, facts, free) == []


def test_without_a_change_nothing_is_stopped():
    assert pulled([], Facts((JOURNEY,), (replace(PRODUCT, age_days=99.0),))) == []
