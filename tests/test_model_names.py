"""Models and snapshots in names."""

from hypothesis import given
from hypothesis import strategies as st

from schema_guard.configuration.model_names import is_tuned, model_and_snapshot


@given(st.text())
def test_the_model_of_a_name_is_a_part_of_it(name):
    """Any text has a model, which is in it."""
    result = model_and_snapshot(name)

    assert result.model in name
    assert result.snapshot is None or result.snapshot in name


def test_escalation_with_a_tuned_model_is_tuned():
    """One tuned model in the list is enough."""
    assert is_tuned("NAME>ft:NAME:org::id")
