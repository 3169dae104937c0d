"""What may stand in an expression, and how what may not is said."""

from datetime import date

import numpy as np
import pytest

from mapping.clock import day_date, day_number
from mapping.expression import parse
from mapping.operators import ExpressionError
from mapping.syntax import Name, Type, names
from mapping.vector import Frame, Vector, compile_vector
from mapping.words import text_of

SCOPE: dict[str, Type] = {
    "users": "number", "seats": "number", "start": "date", "day": "date", "segment": "text",
    "vip": "boolean", "plan": "untyped", "size": "untyped", "user": "text",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("users / seats >= .5", "users / seats >= 0.5"),
        ("not users > 3", "not (users > 3)"),
        ("user not like '%@acme.com'", "user not like '%@acme.com'"),
        ("start is not null and not vip", "start is not null and not vip"),
        ("not start is null", "start is not null"),
        ("users between 1 and 3", "users >= 1 and users <= 3"),
        ("segment in ('a', 'b')", "segment = 'a' or segment = 'b'"),
        ("segment not in ('a')", "not (segment = 'a')"),
        ("start <= '2025-01-31'", "start <= '2025-01-31'"),
        ("start < day - 365", "start < day - 365"),
        ("7 + start > day", "start + 7 > day"),
        ("day - start > 3", "day - start > 3"),
        ("plan = 'pro'", "plan = 'pro'"),
        ("size > 3", "size > 3"),
        ("plan = size", "plan = size"),
        ("coalesce(plan, size) = 5", "coalesce(plan, size) = 5"),
        ("days_until(start) <= 90", "days_until(start) <= 90"),
        ("case when vip then 1 else size end > 0", "case when vip then 1 else size end > 0"),
        ("greatest(users, seats, null) = 2", "greatest(users, seats, null) = 2"),
        ("round(users, 2) = 1.25", "round(users, 2) = 1.25"),
        ("lower(segment) = 'it''s'", "lower(segment) = 'it''s'"),
        ("users = -3", "users = -3"),
        ("null", "null"),
    ],
)
def test_what_is_allowed_is_read_as_it_is_meant(text: str, reads: str):
    """Shown again in words, so that precedence, NOT and coercions are seen."""
    assert text_of(parse(text, SCOPE)) == reads


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("users >", "can't be read"),
        ("(users > 3", "can't be read"),
        ("users > 3; vip", "not one expression"),
        ("users > 3, vip", "several"),
        ("users > 3 from t", "not one expression"),
        ("users vip", "not allowed"),
        ("users", "is a number"),
        ("start", "is a date"),
        ("users = start", "a date can't be compared or mixed with a number"),
        ("users = 'x'", "a number can't be compared or mixed with a text"),
        ("start = segment", "can't be compared or mixed with a text"),
        ("start > '2025-02-30'", "is no date"),
        ("vip > true", "no order"),
        ("start * 2 = 4", "can't be used"),
        ("start + start = 4", "can't be used"),
        ("segment + 1 = 2", "needs numbers"),
        ("start - vip < day", "takes days or a date from a date, and `vip` is true or false"),
        ("users < 1e999", "1e999 is beyond what a number can be"),
        ("users in (select 1)", "subquery"),
        ("(select 1) = 1", "subquery"),
        ("exists(select 1)", "no function 'exists'"),
        ("users in ()", "at least one value"),
        ("upper(segment) = 'A'", "no function 'upper'"),
        ("ifnull(users, 1) = 1", "no function 'ifnull'"),
        ("cast(users as text) = 'x'", "no function 'cast'"),
        ("users::text = 'x'", "not allowed"),
        ("segment || 'x' = 'ax'", "not allowed"),
        ("users % 2 = 0", "not allowed"),
        ("users // 2 = 0", "not allowed"),
        ("vip is true", "only NULL or NOT NULL"),
        ("segment like segment", "pattern in quotes"),
        ("segment like 'a' escape '!'", "not allowed"),
        ("users like 'a'", "needs text"),
        ("users between symmetric 1 and 2", "not allowed"),
        ("round(users, 12) = 1", "ROUND takes"),
        ("current_date > start", "not allowed"),
        ("users = ?", "not allowed"),
        ("*", "not allowed"),
    ],
)
def test_what_is_not_allowed_is_refused_in_words(text: str, says: str):
    """No surprise of the parser's gets through, and none comes out as a traceback."""
    with pytest.raises(ExpressionError) as caught:
        parse(text, SCOPE)
    assert says in caught.value.message


def test_an_unknown_name_is_shown_with_its_place_and_the_nearest_known_one():
    """The offset counts characters of the text as written."""
    with pytest.raises(ExpressionError) as caught:
        parse("users > 3 and segmnt = 'a'", SCOPE)
    problem = caught.value
    assert "'segmnt'" in problem.message
    assert problem.hint == "nearest is 'segment'"
    assert problem.offset == len("users > 3 and ")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "segment <= day",
            "a date can't be compared or mixed with a text: `day` is a date, `segment` is a text",
            "if it holds dates, give it `type: date` in mapping.yaml",
        ),
        (
            "users / seats > segment",
            (
                "a number can't be compared or mixed with a text: "
                "`users / seats` is a number, `segment` is a text"
            ),
            "if it holds numbers, give it `type: number` in mapping.yaml",
        ),
        (
            "users > '3'",
            "a number can't be compared or mixed with a text: `users` is a number, `'3'` is a text",
            "write 3 without quotes",
        ),
        (
            "user = 3",
            "a number can't be compared or mixed with a text: `3` is a number, `user` is a text",
            "",
        ),
        (
            "segment + 1 > 2",
            "+ needs numbers, and `segment` is a text",
            "if it holds numbers, give it `type: number` in mapping.yaml",
        ),
        (
            "days_since(segment) > 2",
            "a date is needed here, and `segment` is a text",
            "if it holds dates, give it `type: date` in mapping.yaml",
        ),
        ("abs(start) > 2", "abs needs a number, and `start` is a date", ""),
    ],
)
def test_types_that_do_not_go_together_are_named_with_what_has_them(text, message, hint):
    """A field without a type is text, and that is what is mostly wrong."""
    with pytest.raises(ExpressionError) as caught:
        parse(text, SCOPE)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_functions_of_a_day_are_refused_where_no_day_is_asked_about():
    """A filter over events has no day to count from."""
    with pytest.raises(ExpressionError):
        parse("days_since(start) > 3", SCOPE, dated=False)


def test_an_untyped_property_alone_is_read_as_what_is_wanted():
    """`where: vip` works whether or not `keep` gives a type."""
    assert parse("plan", SCOPE).type == "boolean"
    assert parse("size", SCOPE, want="number").type == "number"
    assert parse("plan", SCOPE, want=None) == Name("plan", "untyped")


@pytest.mark.parametrize("text", ["(" * 3000 + "vip" + ")" * 3000, "not " * 3000 + "vip"])
def test_absurd_depth_is_a_sentence(text: str):
    """Python's own limit is never what a user meets."""
    with pytest.raises(ExpressionError, match=r"nested too deeply|can't be read"):
        parse(text, SCOPE)


def test_a_long_chain_is_fine():
    """Hundreds of alternatives are a list, not a depth."""
    node = parse(" or ".join(f"segment = '{n}'" for n in range(500)), SCOPE)
    assert names(node) == {"segment"}


@pytest.mark.parametrize("days", ["999999 + 999999 + 999999 + 999999", "1e300", "-1e300"])
def test_a_date_beyond_the_calendar_is_unknown(days: str):
    """No later step could show it as a date."""
    far = compile_vector(parse(f"start + {days}", SCOPE, want="date"))
    started = Vector(np.array([20_000, 20_000], np.int32), np.array([True, False]))

    assert not far(Frame(2, 20_000, {"start": started}.__getitem__)).known.any()


def test_the_last_day_of_the_calendar_is_a_date():
    last = compile_vector(parse("start + (day - start) + 1", SCOPE, want="date"))
    started = Vector(np.array([20_000], np.int32), np.array([True]))
    edge = day_number(date.max) - 1
    day = Vector(np.array([edge], np.int32), np.array([True]))

    found = last(Frame(1, edge, {"start": started, "day": day}.__getitem__))

    assert found.known.all()
    assert day_date(found.values[0]) == date.max
