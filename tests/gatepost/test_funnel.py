"""Where accounts are, and who is stuck."""

from datetime import date

from config.journey import Journey
from gatepost.funnel import NO_STAGE, Standing, Step, funnel, funnel_cells, stuck

JOURNEY = Journey.model_validate(
    {
        "journey": "J",
        "since": date(2026, 1, 1),
        "stages": [
            {"stage": "A", "enter": "day > '2026-01-01'", "exit": "x", "target": "10d"},
            {"stage": "B", "exit": "x"},
        ],
    }
)


def standing(account, stage, days=None, *, waiting=False, overdue=False, completed_on=None):
    return Standing(
        account, account.upper(), stage, days, waiting, overdue, completed_on, "", ()
    )  # fmt: skip


def test_each_stage_has_its_share_and_median_also_the_empty_ones():
    accounts = [standing("a", "A", 3), standing("b", "A", 8, overdue=True), standing("c", "A", 4)]
    assert funnel(["A", "B"], accounts) == [
        Step("A", 3, 1.0, 4, 0, 1),
        Step("B", 0, 0.0, None, 0, 0),
    ]


def test_accounts_without_a_stage_come_first():
    steps = funnel(["A"], [standing("a", None), standing("b", "A", 2, waiting=True)])
    assert [(step.stage, step.accounts, step.waiting) for step in steps] == [
        (NO_STAGE, 1, 0),
        ("A", 1, 1),
    ]


def test_no_accounts_at_all_is_a_funnel_too():
    assert funnel(["A"], []) == [Step("A", 0, 0.0, None, 0, 0)]


def test_who_is_longest_past_the_target_or_waiting_comes_first():
    accounts = [
        standing("late", "A", 15, overdue=True),
        standing("fine", "A", 5),
        standing("waits", "B", 30, waiting=True, completed_on=date(2026, 5, 1)),
        standing("later", "A", 40, overdue=True),
    ]
    found = stuck(JOURNEY, accounts, date(2026, 5, 21))
    assert [(one.who.account, one.days) for one in found] == [
        ("later", 30),
        ("waits", 20),
        ("late", 5),
    ]


def test_cells_show_a_dash_for_nothing():
    assert funnel_cells([Step("B", 0, 0.0, None, 0, 0), Step("A", 1200, 1.0, 4.5, 2, 0)]) == [
        ["B", "0", "0 %", "–", "–", "–"],
        ["A", "1,200", "100 %", "4.5", "2", "–"],
    ]
