import copy

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from schema_guard.errors import InvalidArgument, InvalidSchema
from schema_guard.ext.fitting.adapting import adapt
from schema_guard.ext.fitting.adapting.forms import as_json_schema
from schema_guard.ext.fitting.linting import lint
from schema_guard.ext.fitting.rules.tables import RULES
from schema_guard.parsing import is_same
from schema_guard.schema import Schema
from schema_guard.testing import instances
from tests.ext.fitting.adapting.drawn import schemas
from tests.thinned import examples

FEW, MANY = 12, 400
PROVIDER_OPTIONS = st.sampled_from(sorted(RULES))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 9), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "b", "key", "value", "0", "1"]), inner, max_size=3),
    ),
    max_leaves=8,
)


def loaded(document):
    try:
        return Schema.of(document)
    except InvalidSchema:
        assume(False)


def drawn(data, document):
    try:
        return data.draw(instances(document))
    except InvalidArgument:
        assume(False)


def has_key_twice(value):
    """Say whether pairs have one key twice, which no schema can bar: they are given back as they are."""
    if isinstance(value, list):
        keys = [pair["key"] for pair in value if isinstance(pair, dict) and isinstance(pair.get("key"), str)]
        return len(keys) > len(set(keys)) or any(map(has_key_twice, value))
    return isinstance(value, dict) and any(map(has_key_twice, value.values()))


@examples(FEW)
@given(schemas(), PROVIDER_OPTIONS)
def test_what_is_sent_has_no_error(document, provider):
    """What is sent has no error of lint, is adapted to itself, and the user's document stays as it is."""
    loaded(document)
    before = copy.deepcopy(document)

    made = adapt(document, provider)

    assert document == before
    if made.schema is None:
        assert [change.location for change in made.relaxed] == [""]
    else:
        assert [result for result in lint(made.schema, provider) if result.severity == "error"] == []
        assert adapt(made.schema, provider).schema == made.schema
        assert made.fingerprint == Schema.of(made.schema).fingerprint


@pytest.mark.costly
@examples(FEW)
@given(schemas(), PROVIDER_OPTIONS, st.data())
def test_a_valid_value_can_be_sent_and_comes_back(document, provider, data):
    """A valid value has a form that is valid as it is sent, and comes back from it, unless something is narrowed."""
    loaded(document)
    made = adapt(document, provider)
    assume(made.schema is not None and not made.narrowed)

    value = drawn(data, document)
    sent = made.pre_image(value)

    assert Schema.of(as_json_schema(made.schema)).is_valid(sent)
    assert is_same(made.restore(sent), value)


@examples(FEW)
@given(schemas(), PROVIDER_OPTIONS, st.data())
def test_what_is_sent_comes_back_valid(document, provider, data):
    """What is valid as it is sent comes back as a valid value, unless something is relaxed."""
    schema = loaded(document)
    made = adapt(document, provider)
    assume(made.schema is not None and not made.relaxed)

    sent = drawn(data, as_json_schema(made.schema))
    assume(not has_key_twice(sent))

    assert schema.is_valid(made.restore(sent))


@examples(FEW)
@given(schemas(), PROVIDER_OPTIONS, JSON)
def test_any_value_can_be_restored(document, provider, value):
    """Values of no form that is sent go both ways, and stay as they are; where all is sent as it is, they come as they are."""
    loaded(document)
    made = adapt(document, provider)
    before = copy.deepcopy(value)

    both = made.restore(value), made.pre_image(value)

    assert is_same(value, before)
    if made.schema == document:
        assert all(is_same(one, value) for one in both)


@pytest.mark.slow
@settings(max_examples=MANY)
@given(schemas(), PROVIDER_OPTIONS, st.data())
def test_the_laws_hold_for_many(document, provider, data):
    """What is sent is clean, valid values go there and back, and what comes back is valid."""
    schema = loaded(document)
    made = adapt(document, provider)
    assume(made.schema is not None)
    sent = Schema.of(as_json_schema(made.schema))

    assert [result for result in lint(made.schema, provider) if result.severity == "error"] == []
    assert adapt(made.schema, provider).schema == made.schema
    if not made.narrowed:
        value = drawn(data, document)
        assert sent.is_valid(made.pre_image(value))
        assert is_same(made.restore(made.pre_image(value)), value)
    if not made.relaxed:
        form = drawn(data, sent)
        assert has_key_twice(form) or schema.is_valid(made.restore(form))
