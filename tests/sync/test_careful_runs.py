"""Brakes, canary, policies and what a run remembers, over real files from sync to sync."""

import json

import pytest

from config.errors import BrakePulled, StopCycle
from sync.plan import groups
from sync.plan_file import from_json, to_json
from sync.state import State
from tests.sync.careful_world import World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def rows(world, query, *values):
    with State(world.project.home) as state:
        return list(state.rows(query, values))


def last_run(world):
    return rows(
        world, "SELECT state, override_reason, started_by, error FROM runs ORDER BY id DESC LIMIT 1"
    )[0]


# ----------------------------------------------------------------------------------- brakes


def test_a_first_run_writes_all_and_the_next_may_not_change_so_many(world):
    assert world.sync().report.confirmed == 30
    world.next_day()
    world.edit(world.ids(8), Phase="two")
    before = world.read()
    with pytest.raises(BrakePulled) as caught:
        world.sync()
    assert caught.value.exit_code == 4
    assert "max_changed: 26.7% of the accounts of Care would change (8 of 30)" in str(caught.value)
    assert "  Account 0 (000) Stage: One → Two" in str(caught.value)
    assert "--override" in caught.value.hint
    assert world.read() == before
    state, _, _, error = last_run(world)
    assert (state, "max_changed" in error) == ("stopped", True)


def test_an_override_is_kept_with_the_run_and_who_gave_it(world):
    world.sync()
    world.next_day()
    world.edit(world.ids(8), Phase="two")
    applied = world.sync(override="as agreed")
    assert applied.report.confirmed == 8
    assert "max_changed" in [one.name for one in applied.overridden]
    state, reason, user, _ = last_run(world)
    assert (state, reason) == ("done", "as agreed")
    assert user
    assert "max_changed" in world.summary.brakes


def test_stages_that_history_takes_back_are_noticed(world):
    """The journey is edited so that those who were done with a stage are in it again."""
    world.edit(world.ids(6), Phase="two")
    world.sync()
    world.next_day()
    world.configure(guards="max_changed: never, max_mix: never", phases="three")
    with pytest.raises(BrakePulled, match=r"max_backward: 20% .*\(6 of 30\)"):
        world.sync()


def test_a_shift_of_one_segment_is_noticed(world):
    world.sync()
    world.next_day()
    world.edit(
        [one for one, row in world.read().items() if row["Segment"] == "Big"][:5], Phase="two"
    )
    with pytest.raises(BrakePulled, match=r"max_mix: 50% of segment Big .*One -5, Two \+5"):
        world.sync()


def test_what_a_run_was_allowed_and_did_not_get_to_is_not_judged_again(world):
    world.sync()
    world.next_day()
    world.edit(world.ids(8), Phase="two")
    with world.cycle() as cycle:
        from sync.orders import Orders

        orders = Orders(override="as agreed")
        orders.stop.signal = "SIGTERM"
        applied = cycle.sync(orders)
    assert (applied.report.confirmed, applied.report.unsent) == (0, 8)
    assert world.sync().report.confirmed == 8


# ------------------------------------------------------------------------------ saved plans


def test_a_saved_plan_holds_for_a_day_and_is_judged_by_what_it_was_made_from(world):
    world.sync()
    world.next_day()
    world.edit(world.ids(8), Phase="two")
    plan = from_json(to_json(world.plan()))
    with world.cycle() as cycle, pytest.raises(BrakePulled, match="max_changed"):
        cycle.apply(plan)
    world.hours = 25
    with (
        world.cycle() as cycle,
        pytest.raises(StopCycle, match="25 hours ago, and a plan holds for"),
    ):
        cycle.apply(plan)
    world.hours = -30
    with world.cycle() as cycle, pytest.raises(StopCycle, match="yet to come"):
        cycle.apply(plan)
    world.hours = 0
    world.configure(phases="three")
    with (
        world.cycle() as cycle,
        pytest.raises(StopCycle, match="another mapping or another journey"),
    ):
        cycle.apply(plan)


def test_a_plan_is_grouped_by_segment_and_stage_move(world):
    world.sync()
    world.next_day()
    world.edit(["000", "001", "002", "003"], Phase="two")
    world.edit(["004"], Since="2020-01-01")
    found = [(one.segment, one.move, len(one.records)) for one in groups(world.plan())]
    assert found == [("Big", "One → Two", 2), ("Small", "One → Two", 2), ("Small", "same stage", 1)]


# ------------------------------------------------------------------------- whose value holds


def meddled(world, policy=""):
    """We wrote One, and somebody made something else of it."""
    world.configure(policy=policy)
    world.sync()
    world.edit(["001"], Stage="Mine")


def test_our_value_is_put_back_and_the_conflict_is_listed(world):
    meddled(world)
    applied = world.sync()
    assert world.stages()["001"] == "One"
    assert [(one.kind, one.change.from_) for one in applied.plan.notes] == [("restored", "Mine")]
    assert rows(world, "SELECT account_id, kind, theirs FROM conflicts") == [
        ("001", "restored", '"Mine"')
    ]


def test_their_value_holds_until_ours_changes(world):
    meddled(world, ", conflict: theirs")
    for _ in range(3):
        world.next_day()
        assert world.sync().report.records == 0
    assert world.stages()["001"] == "Mine"
    assert rows(world, "SELECT account_id, kind FROM conflicts") == [("001", "left")]
    world.edit(["001"], Phase="two")
    world.next_day()
    world.sync()
    assert world.stages()["001"] == "Two"


def test_their_value_holds_for_a_while(world):
    meddled(world, ", conflict: theirs for 3d")
    for stage in ("Mine", "Mine", "Mine", "One", "One"):
        world.sync()
        assert world.stages()["001"] == stage
        world.next_day()
    world.edit(["001"], Stage="Mine")
    world.sync()
    assert world.stages()["001"] == "Mine", "the while begins anew"


def test_a_tug_of_war_ends_after_three_runs_and_can_be_taken_up_again(world):
    world.sync()
    for _ in range(2):
        world.edit(["001"], Stage="Mine")
        world.sync()
        assert world.stages()["001"] == "One"
    world.edit(["001"], Stage="Mine")
    for _ in range(2):
        applied = world.sync()
        assert [one.kind for one in applied.plan.notes] == ["contested"]
        assert world.stages()["001"] == "Mine"
    with world.cycle() as cycle:
        cycle.retry_contested()
        cycle.sync()
    assert world.stages()["001"] == "One"


def test_a_contested_field_is_written_once_our_value_is_another(world):
    world.sync()
    for _ in range(3):
        world.edit(["001"], Stage="Mine")
        world.sync()
    world.edit(["001"], Phase="two")
    world.next_day()
    world.sync()
    assert world.stages()["001"] == "Two"
    world.edit(["001"], Stage="Mine")
    world.sync()
    assert world.stages()["001"] == "Two", "another quarrel"


def test_a_suggestion_goes_to_its_own_field(world):
    world.configure(policy=", write: suggest, to: Hint")
    world.edit(["001"], Stage="Mine")
    world.sync()
    row = world.read()["001"]
    assert (row["Stage"], row["Hint"]) == ("Mine", "One")
    world.edit(["001"], Stage="Another")
    assert world.sync().report.records == 0


# -------------------------------------------------------------------------------- dwell


def test_a_stage_goes_out_a_second_time_only_after_its_dwell(world):
    world.configure(guards="dwell: 7d")
    world.edit(["001"], Phase="side")
    world.sync()
    assert world.stages()["001"] == "Side"
    world.edit(["001"], Phase="two")
    world.next_day()
    world.sync()
    assert world.stages()["001"] == "Two"
    world.edit(["001"], Phase="side")
    seen = []
    for _ in range(7):
        world.next_day()
        world.sync()
        seen.append(world.stages()["001"])
    assert seen == ["Two"] * 5 + ["Side"] * 2


# --------------------------------------------------------------------------------- canary


def batches(world):
    query = "SELECT last_id - first_id + 1 FROM write_batches ORDER BY first_id"
    return [size for (size,) in rows(world, query)]


def test_a_first_run_goes_out_in_steps_and_is_read_again(world):
    applied = world.sync()
    assert batches(world) == [1, 10, 19]
    assert (applied.read_back, applied.found) == (30, [])
    world.next_day()
    world.edit(["001", "002"], Phase="two")
    applied = world.sync()
    assert batches(world) == [1, 10, 19, 2]
    assert applied.read_back == 0, "nobody stands between us and a file"


def test_without_a_canary_everything_goes_out_at_once(world):
    world.configure(guards="canary: false, read_back: sample 7")
    assert world.sync().read_back == 7
    assert batches(world) == [30]


def test_the_summary_of_a_run_has_counts_and_no_ids(world):
    meddled(world)
    world.sync()
    (text,) = rows(world, "SELECT summary FROM runs ORDER BY id DESC LIMIT 1")[0]
    summary = json.loads(text)
    assert summary["notes"] == {"restored": 1}
    assert "001" not in text.replace("0.001", "")
