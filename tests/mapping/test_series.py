"""Step functions give, for every day at once, what counting each day by itself gives."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mapping.series import (
    NEVER,
    Counted,
    Ratio,
    Span,
    nth_day,
    user_stretches,
    window_extreme,
)

SPAN = Span(base=100, last=125, accounts=3)
DAYS = range(SPAN.base, SPAN.last + 1)
ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(80, 130), st.integers(1, 4)), max_size=40)
WINDOWS = st.one_of(st.none(), st.integers(1, 40))


def columns(rows):
    """Rows as arrays, by account and day."""
    ordered = sorted(rows)
    return (
        tuple(np.array([row[at] for row in ordered], np.int64) for at in range(len(rows[0])))
        if (rows)
        else (np.zeros(0, np.int64),) * 3
    )


def inside(day: int, at: int, window: int | None) -> bool:
    """Whether what happened on `day` counts on day `at`."""
    return day <= at and (window is None or day > at - window)


@given(ROWS, WINDOWS)
def test_a_running_sum_is_the_sum_over_each_window(rows, window):
    """Rows before, in and after the span, windows of any length or none."""
    account, day, number = columns(rows)
    told = SPAN.running(account, day, number, window)
    for at in DAYS:
        for who in range(3):
            expected = sum(n for a, d, n in rows if a == who and inside(d, at, window))
            assert told[at - SPAN.base, who] == expected


@given(
    st.sets(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(80, 130))),
    st.integers(1, 40),
)
def test_user_stretches_count_distinct_users(seen, window):
    """Each user once a window, however often active; rows are account, user, day."""
    rows = sorted((account, 4 * account + who, day) for account, who, day in seen)
    account, user, day = (np.array([row[at] for row in rows], np.int64) for at in range(3))
    told = SPAN.running(*user_stretches(account, user, day, window), None)
    for at in DAYS:
        for one in range(3):
            users = {w for a, w, d in rows if a == one and inside(d, at, window)}
            assert told[at - SPAN.base, one] == len(users)


@given(ROWS, st.integers(1, 8), st.lists(st.integers(0, 5), min_size=3, max_size=3))
def test_the_nth_day_is_where_the_count_arrives(rows, n, before):
    """What had come before the rows counts too; who had n already is nobody's business here."""
    by_day = sorted({(a, d): number for a, d, number in rows}.items())
    account = np.array([key[0] for key, _ in by_day], np.int64)
    day = np.array([key[1] for key, _ in by_day], np.int64)
    number = np.array([count for _, count in by_day], np.int64)
    told = nth_day(account, day, number, np.array(before), n)
    for who in range(3):
        total, expected = before[who], NEVER
        for (a, d), count in by_day:
            if a == who and total < n:
                total += count
                expected = d if total >= n else NEVER
        assert told[who] == (NEVER if before[who] >= n else expected)


@given(ROWS, WINDOWS, st.booleans())
def test_the_extreme_of_each_window(rows, window, least):
    """Windows grow by doubling; no value at all is infinite, so NULL."""
    account, day, value = columns(rows)
    told = window_extreme(SPAN, account, day, value.astype(float), window, least=least)
    for at in DAYS:
        vector = told.on(at)
        for who in range(3):
            found = [v for a, d, v in rows if a == who and inside(d, at, window)]
            assert vector.known[who] == bool(found)
            if found:
                assert vector.values[who] == (min(found) if least else max(found))


@given(
    st.lists(st.lists(st.integers(0, 5), min_size=3, max_size=3), min_size=26, max_size=26),
    st.integers(1, 5),
    st.integers(1, 9),
    st.integers(0, 25),
    st.integers(0, 25),
)
def test_a_ratio_goes_on_from_its_history(values, window, to, known_from, cut):
    """Against the plain formula; and cut in two anywhere, it tells the same."""
    matrix = np.array(values)
    first_known = np.array([SPAN.base, SPAN.base + known_from, NEVER])
    of = Counted(SPAN.base, matrix)
    whole = Ratio(of, window, to, first_known, SPAN.base)
    told = [whole.on(at) for at in DAYS]
    for at in DAYS:
        last = at - window
        begin = last - to + 1
        for who in range(3):
            past = matrix[max(begin - SPAN.base, 0) : max(last - SPAN.base + 1, 0), who]
            known = begin >= first_known[who] and past.sum() > 0
            vector = told[at - SPAN.base]
            assert vector.known[who] == known
            if known:
                now = matrix[at - SPAN.base, who]
                assert vector.values[who] == now * len(past) / past.sum()
    begun = Ratio(of, window, to, first_known, SPAN.base)
    begun.on(SPAN.base + cut)
    goes_on = Ratio(of, window, to, first_known, SPAN.base + cut + 1, begun.history())
    for at in range(SPAN.base + cut + 1, SPAN.last + 1):
        again, before = goes_on.on(at), told[at - SPAN.base]
        assert again.known.tolist() == before.known.tolist()
        assert again.values.tolist() == before.values.tolist()
