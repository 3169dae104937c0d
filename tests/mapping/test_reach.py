"""A checkpoint keeps of past days what windows will look at again, and no more."""

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from mapping.reach import Reach

DAY, WINDOW, FILTERS = 20, 8, 3
ROWS = st.sets(
    st.tuples(
        st.integers(0, 2), st.integers(0, 2), st.integers(DAY - 12, DAY + 4),
    )
).flatmap(
    lambda keys: st.tuples(
        st.just(sorted(keys)),
        st.lists(st.integers(1, 2**FILTERS - 1), min_size=len(keys), max_size=len(keys)),
    )
)  # fmt: skip


def reach(by_account, by_user):
    return Reach.of(by_account, by_user, DAY, window=WINDOW, users_window=WINDOW, filters=FILTERS)


def columns(keys, masks):
    account, who, day = np.array(keys, np.int64).reshape(-1, 3).T
    return {"account_no": account, "who": who, "day": day, "m0": np.array(masks, np.int64)}


def users(rows, day, window, bit):
    """Who met a filter in the window that ends on a day."""
    table = zip(*(rows[name].tolist() for name in ("account_no", "who", "day", "m0")), strict=True)
    return {
        (account, who)
        for account, who, then, mask in table
        if day - window < then <= day and mask >> bit & 1
    }


@given(ROWS)
def test_users_are_counted_as_if_all_days_were_there(drawn):
    rows = columns(*drawn)
    kept = reach({"day": rows["day"]}, rows).user_days
    later = {name: array[rows["day"] > DAY] for name, array in rows.items()}
    both = {name: np.r_[kept[name], later[name]] for name in rows}
    for day in range(DAY + 1, DAY + 5):
        for window in range(1, WINDOW + 1):
            for bit in range(FILTERS):
                assert users(both, day, window, bit) == users(rows, day, window, bit)


@given(ROWS)
def test_no_row_is_kept_that_another_makes_needless(drawn):
    kept = reach({"day": columns(*drawn)["day"]}, columns(*drawn)).user_days
    for row in range(len(kept["day"])):
        assert DAY + 1 - WINDOW < kept["day"][row] <= DAY
        less = {name: np.delete(array, row) for name, array in kept.items()}
        day = int(kept["day"][row]) + WINDOW - 1
        assert any(
            users(kept, day, WINDOW, bit) != users(less, day, WINDOW, bit) for bit in range(FILTERS)
        )


@given(st.lists(st.integers(DAY - 12, DAY + 4)))
def test_account_days_are_those_of_the_longest_window(days):
    rows = {"account_no": np.arange(len(days)), "day": np.array(days, np.int64)}
    none = columns([], [])
    kept = reach(rows, none).account_days
    assert kept["day"].tolist() == [day for day in days if DAY + 1 - WINDOW < day <= DAY]


@given(ROWS, st.permutations([-1, 0, 1]))
def test_rows_follow_their_accounts(drawn, position):
    rows = columns(*drawn)
    some = Reach(rows, rows).take(np.array(position))
    expected = [position[one] for one in rows["account_no"].tolist() if position[one] >= 0]
    for found in (some.account_days, some.user_days):
        assert found["account_no"].tolist() == expected
        assert len(found["day"]) == len(expected)
