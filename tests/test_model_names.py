"""A name of a model has a model in it."""

from hypothesis import given
from hypothesis import strategies as st

from schema_guard.model_names import is_tuned, model_and_snapshot


@given(st.text())
def test_the_model_of_a_name_is_a_part_of_it(name):
    """Any text has a model, which is in it."""
    found = model_and_snapshot(name)

    assert found.model in name
    assert found.snapshot is None or found.snapshot in name


def test_one_tuned_model_of_several_is_enough():
    """An escalation is tuned if one of its models is."""
    assert is_tuned("NAME>ft:NAME:org::id")
