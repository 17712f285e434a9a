"""A parsed value has the same result as its JSON text."""

import json

from hypothesis import given
from hypothesis import strategies as st

from schema_guard import Schema, judge
from schema_guard.judging import Terms, judge_value


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner),
        max_leaves=6,
    )
)
def test_a_value_is_judged_as_its_text(value):
    """What the function had parsed gets the judgement that its JSON text would get, and never raises."""
    schema = Schema.of({"type": ["object", "number"], "properties": {"a": {"type": "integer"}}})

    judgement = judge_value(value, Terms(schema))
    read = judge(json.dumps(value), schema, finish_reason="stop")

    assert (judgement.ok, judgement.value) == (read.ok, read.value)
    if judgement.failure is not None and judgement.failure.code == "not_finite":
        # A text tells the line and column of it. Alone, `Infinity` is a word to who reads a text: no JSON at all.
        code = "no_json" if isinstance(value, float) else "not_finite"
        assert (read.failure.kind, read.failure.code) == (judgement.failure.kind, code)
    elif not isinstance(value, str):
        assert judgement.failure == read.failure
