"""JSON equality: numbers by value, truth values never numbers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.parsing import is_same

VALUES = st.recursive(
    st.none() | st.booleans() | st.sampled_from([0, 0.0, 1, 1.0, 2, "", "1"]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.sampled_from("ab"), inside, max_size=2),
    max_leaves=6,
)


def _canonical(value: object) -> str:
    text = json.dumps(value, sort_keys=True)
    return text.replace(".0", "")


@given(VALUES, VALUES)
def test_two_values_are_one_if_their_canonical_texts_are(one: object, other: object) -> None:
    """Equality is that of the texts with sorted keys and whole numbers without a point, both ways round."""
    expected = _canonical(one) == _canonical(other)

    assert is_same(one, other) is expected
    assert is_same(other, one) is expected


@pytest.mark.parametrize(
    ("one", "other"),
    [(True, 1), (False, 0), ([True], [1]), ({"a": 0}, {"a": False}), ("1", 1), (None, False)],
)
def test_values_of_other_types_differ(one: object, other: object) -> None:
    """What Python calls equal and JSON does not is different."""
    assert not is_same(one, other)
