"""What counts as naming somebody, and what only looks like it."""

import io

import pytest

from sync.search_home import _BLOCK, in_bytes
from sync.terms import Terms, told_apart

ANN = "ann@acme.example"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (ANN, True),
        ("to Ann <ANN@acme.example>.", True),
        (f'{{"champion":"{ANN}"}}', True),
        ("joann@acme.example", False),
        ("ann@acme.example2", False),
        ("änn@acme.example", False),
        ("äann@acme.example", False),
    ],
)
def test_a_term_is_a_word_of_its_own_in_any_case(text, found):
    assert Terms(frozenset({ANN})).within(text) is found


def test_other_spellings_are_found_in_bytes():
    terms = Terms(frozenset({"Ünal & Söhne"}))
    assert terms.pattern is not None
    for data in (
        "Ünal & Söhne".encode(),
        b'{"name": "\\u00dcnal & S\\u00f6hne"}',
        "Ünal & Söhne".encode("utf-32-le"),
    ):
        assert terms.pattern.search(data)


def test_a_figure_behind_a_point_is_no_id():
    terms = told_apart({"12345678", "48213"}, [], [])
    assert terms.plain == {"12345678"}
    assert not terms.within('{"seconds": 0.12345678}')
    assert terms.within('{"id": 12345678}')


def test_what_others_say_as_well_is_doubtful_but_an_address_is_one_persons():
    terms = told_apart(
        {"Growth Ltd", "Onboarding", ANN, "A-1"},
        ['{"partner": "Growth Ltd"}', f'{{"champion": "{ANN}"}}'],
        ["stages: [Onboarding]"],
    )

    assert terms.plain == {ANN}
    assert terms.named_by({"name": "Growth Ltd"})
    assert not terms.named_by({"partner": "Growth Ltd"})
    assert terms.in_cell("account_id", "A-1")
    assert not terms.in_cell("why", "A-1")


@pytest.mark.parametrize("place", [0, 1, _BLOCK - 5, _BLOCK, _BLOCK - 4096, 2 * _BLOCK - 16])
def test_a_stream_is_searched_across_its_blocks(place):
    data = bytearray(b" " * (2 * _BLOCK))
    data[place : place + len(ANN)] = ANN.encode()
    assert in_bytes(io.BytesIO(data), Terms(frozenset({ANN}))) == 1


def test_what_is_scrubbed_is_gone_and_the_rest_stays():
    assert Terms(frozenset({ANN})).scrubbed(f"by {ANN}, for joann") == "by (forgotten), for joann"
