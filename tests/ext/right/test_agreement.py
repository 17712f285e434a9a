"""Two answers, compared value by value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.ext.right import Agreement, compare_answers
from schema_guard.ext.right.agreement import MOST_PAIRED

SCALARS = (
    st.none() | st.booleans() | st.integers(-50, 50) | st.sampled_from(["", "a", "Desk", "desk ", "1,000"])
)
VALUES = st.recursive(
    SCALARS,
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.sampled_from("abc"), parts, max_size=3),
    max_leaves=12,
)


@given(VALUES)
def test_value_agrees_with_itself(value):
    """All leaves of a value are equal to its own."""
    assert compare_answers(value, value).differing_share == 0


@given(VALUES, VALUES)
def test_order_of_the_answers_makes_no_difference(one, other):
    """The comparison is symmetric."""
    assert compare_answers(one, other) == compare_answers(other, one)


@given(st.lists(VALUES, max_size=5), st.randoms())
def test_order_of_items_makes_no_difference(items, draw):
    """An array agrees with the same items in any order."""
    shuffled = items[:]
    draw.shuffle(shuffled)

    assert compare_answers(items, shuffled).differing_share == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Oak Desk", "oak desk"),
        ("desk, oak", "desk oak"),
        ("1,250.50", 1250.5),
        (1.0, 1),
        ("12%", 12),
        ("$ 3 000", "3000"),
        ("\N{MINUS SIGN}5", -5),
    ],
)
def test_form_of_a_scalar_makes_no_difference(one, other):
    """Case, punctuation, and number formats are no difference."""
    assert compare_answers(one, other) == Agreement(1, 1)


@pytest.mark.parametrize(
    ("one", "other"), [(True, 1), (False, None), (None, ""), (None, "none"), ("?", "!"), (5, -5)]
)
def test_other_values_differ(one, other):
    """Truth values, null, and numbers are never the same as another value."""
    assert compare_answers(one, other) == Agreement(0, 1)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, (1, 2)),
        ({"a": 1, "c": [1, 2]}, {"a": 1, "b": 2}, (1, 4)),
        ({"a": {}}, {"a": {}}, (1, 1)),
        ({"a": {"b": 1}}, {"a": 5}, (0, 2)),
        ([1, 1, 2], [1, 2, 2], (2, 3)),
        ([], [1, 2], (0, 2)),
        ([], [], (1, 1)),
        ([{"n": 1, "s": "x"}, {"n": 2, "s": "y"}], [{"n": 2, "s": "z"}], (1, 4)),
    ],
)
def test_leaves_are_those_of_both_answers(one, other, expected):
    """A leaf that only one of the answers has counts as differing."""
    agreement = compare_answers(one, other)

    assert (agreement.equal, agreement.leaves) == expected


def test_items_are_paired_with_their_closest_partner():
    """Each item is compared with the one that shares the most leaves, wherever it is."""
    rows = [{"name": f"n{number}", "size": number, "kind": "k"} for number in range(20)]
    other = [{**row, "size": -1} for row in reversed(rows)]

    assert compare_answers(rows, other) == Agreement(40, 60)


def test_many_differing_items_are_paired_by_index_and_reported():
    """Beyond the limit, the order of the items decides, and the comparison reports it."""
    rows = [{"n": number, "s": "x"} for number in range(MOST_PAIRED + 1)]

    agreement = compare_answers(rows, [{**row, "s": "y"} for row in rows])

    assert agreement == Agreement(MOST_PAIRED + 1, 2 * (MOST_PAIRED + 1), by_index=True)
