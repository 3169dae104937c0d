"""Problems read like a compiler's: one line each, with the nearest right name."""

import pytest

from config.errors import BrakePulled, FixConfig, GatepostError, PartlyDone, RetryLater, UsageError
from config.problem import Problem, nearest, quoted, where_text


def test_a_problem_is_one_line_with_place_and_advice():
    problem = Problem("a.yaml", 14, 5, "stages[2].exit", "no signal named 'x'", "nearest is 'y'")

    assert str(problem) == "a.yaml:14:5  stages[2].exit: no signal named 'x'; nearest is 'y'"


def test_a_problem_of_the_whole_file_has_no_line():
    assert str(Problem("a.yaml", 0, 0, "", "is empty")) == "a.yaml  is empty"


def test_paths_read_as_people_write_them():
    assert where_text(("stages", 2, "touchpoints", 0, "due")) == "stages[2].touchpoints[0].due"
    assert where_text(()) == ""
    assert where_text(("signals", "a\nb")) == "signals.a b"


def test_quoted_text_stays_on_one_line_and_is_cut():
    assert quoted("a\nb") == r"'a\nb'"
    assert len(quoted("x" * 500)) == 62


def test_the_nearest_name_does_not_mind_case():
    assert nearest("Weekly_Usrs", ["weekly_users", "nps"]) == "nearest is 'weekly_users'"


def test_without_a_near_name_a_few_are_listed_and_many_are_not():
    assert nearest("zzz", ["b", "a"]) == "known: a, b"
    assert nearest("zzz", [f"name{n}" for n in range(9)]) == ""
    assert nearest("zzz", []) == ""


def test_names_that_are_listed_stay_on_one_line():
    assert nearest("zzz", ["a\nb", "\x1b[31m"]) == "known: ?[31m, a b"


def test_configuration_errors_carry_their_problems_in_file_order():
    later, earlier = Problem("a.yaml", 10, 1, "", "late"), Problem("a.yaml", 9, 1, "", "early")
    error = FixConfig([later, earlier])

    assert error.problems == (earlier, later)
    assert str(error) == "a.yaml:9:1  early\na.yaml:10:1  late"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (GatepostError("x"), 1),
        (FixConfig([]), 2),
        (UsageError("x"), 2),
        (PartlyDone("x"), 3),
        (BrakePulled("x"), 4),
        (RetryLater("x", 3.0), 1),
    ],
)
def test_errors_know_their_exit_code(error, code):
    assert error.exit_code == code
