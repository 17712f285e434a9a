"""What validation may cost: estimated, counted, and never too low."""

from hypothesis import given
from hypothesis import strategies as st

from schema_guard import Limits, Schema
from schema_guard.validation.instance_cost import count
from schema_guard.validation.measure import UNLIMITED, ValueSize, measured
from tests.public.schemas.test_schema import _INSTANCES, SCHEMAS


def test_instance_is_measured():
    """Values, the lengths of texts and keys, and the levels are measured."""
    assert measured({"ab": ["c", 1], "é": {}}, Limits()) == ValueSize(5, [2, 1, 1], 3)


def steps(document, instance):
    return Schema.of(document).steps(instance)


def test_estimate_grows_with_schema_and_instance():
    """Twice the items or twice the arms is about twice the work."""
    one = steps({"items": {"allOf": [{"type": "integer"}] * 10}}, [1] * 100)

    assert 1.5 * one < steps({"items": {"allOf": [{"type": "integer"}] * 20}}, [1] * 100) < 2.5 * one
    assert 1.5 * one < steps({"items": {"allOf": [{"type": "integer"}] * 10}}, [1] * 200) < 2.5 * one


def test_shared_definitions_are_counted_each_time_they_apply():
    """Ten levels that refer twice are a thousand schemas."""
    definitions = {f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{i + 1}"}] * 2} for i in range(10)} | {"a10": {}}

    assert 2**10 < steps({"$defs": definitions, "$ref": "#/$defs/a0"}, 1) < 10 * 2**10


def test_recursion_in_two_ways_doubles_with_each_level():
    """What the depth of an instance costs is known before it is validated."""
    document = {"allOf": [{"items": {"$ref": "#"}}] * 2}

    def nested(levels):
        value = 1
        for _ in range(levels):
            value = [value]
        return value

    assert steps(document, nested(20)) > 200 * steps(document, nested(10))


def test_usual_schema_has_a_bound():
    """Asking whether a value is valid is one call into the engine, where no value within the limits is too much."""
    invoice = Schema.of(
        {"properties": {"lines": {"items": {"properties": {"sku": {"pattern": "^[A-Z]{3}$"}}}}}}
    )

    assert invoice._compiled.plain < 50_000_000


def test_recursive_schema_has_a_bound():
    """A tree costs the same at every level."""
    tree = Schema.of({"properties": {"children": {"items": {"$ref": "#"}}}, "type": "object"})

    assert tree._compiled.plain < 50_000_000


def test_growing_schema_has_no_bound():
    """What doubles with every level depends on the instance."""
    assert Schema.of({"allOf": [{"items": {"$ref": "#"}}] * 2})._compiled.plain > 50_000_000


def test_expression_that_backtracks_depends_on_the_text():
    """The longer the text, the more steps, up to the engine's limit."""
    document = {"pattern": "^(?=.*a)(?=.*b).+$"}

    assert steps(document, "x" * 1000) < 1_000_000
    assert steps(document, "x" * 100_000) > 50_000_000


def errors_in(error):
    arms = error.kind.as_dict().get("context", ())
    return 1 + sum(errors_in(inner) for arm in arms for inner in arm)


@given(SCHEMAS, _INSTANCES)
def test_count_is_never_too_low(document, instance):
    """The engine lists no more errors than were counted, those of a union's arms included."""
    ready = Schema.of(document)._compiled

    counted = count(ready.references, ready.references.document, instance)

    assert counted is not None
    assert sum(map(errors_in, ready.engine.errors(instance))) <= counted[1]


@given(SCHEMAS, _INSTANCES, st.booleans())
def test_estimate_is_a_number_for_every_instance(document, instance, wrapped):
    """There is an estimate, it is positive, and it does not exceed the bound of all instances."""
    schema = Schema.of(document)
    instance = [instance] if wrapped else instance
    values, texts, _ = schema._compiled._work.steps(measured(instance, UNLIMITED))

    assert 0 < values + texts <= max(schema._compiled.plain, 1)
