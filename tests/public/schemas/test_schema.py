"""Loading a schema, asking it, and what it promises: one engine a schema, in any thread, whatever the instance."""

import json
import pickle
import threading
from dataclasses import dataclass
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import InvalidArgument, InvalidSchema, Limits, Schema, Violation

INTEGER = {"type": "integer"}


def test_engine_is_visible():
    """The usual schema is validated by jsonschema-rs."""
    assert Schema.of(INTEGER).engine == "jsonschema-rs"


@pytest.mark.parametrize("source", [True, False, {}])
def test_smallest_schemas_load(source):
    """A boolean is a schema, and so is an object that says nothing."""
    assert Schema.of(source).is_valid(1) is (source is not False)


def test_schema_is_given_back_as_it_is():
    """A Schema is its own source."""
    schema = Schema.of(INTEGER)

    assert Schema.of(schema) is schema


def test_document_is_copied():
    """What the caller does with a document or a resource later changes nothing."""
    document, resource = {"$ref": "urn:n"}, {"type": "integer"}
    schema = Schema.of(document, resources={"urn:n": resource})
    document.clear()
    resource["type"] = "string"

    assert schema.document == {"$ref": "urn:n"}
    assert Schema.of({"$ref": "urn:n"}, resources={"urn:n": {"type": "integer"}}).is_valid(1)
    assert pickle.loads(pickle.dumps(schema)).is_valid(1)  # our own


def test_fingerprint_is_of_the_content():
    """The order of keys does not tell schemas apart."""
    one, other = Schema.of({"type": "object", "title": "a"}), Schema.of({"title": "a", "type": "object"})

    assert one.fingerprint == other.fingerprint
    assert len(one.fingerprint) == 16


def test_resources_tell_schemas_apart():
    """One reference may lead to different documents."""
    document = {"$ref": "urn:n"}

    one = Schema.of(document, resources={"urn:n": {"type": "integer"}})
    other = Schema.of(document, resources={"urn:n": {"type": "string"}})

    assert (one.is_valid(1), other.is_valid(1)) == (True, False)


def test_folder_of_resources_is_known_by_path_and_identifier(tmp_path):
    """A file is reached by its path in the folder and by its `$id`."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "n.json").write_text(json.dumps({"$id": "http://x/n", "type": "integer"}))
    by_path = Schema.of({"$ref": "parts/n.json"}, resources=tmp_path)
    by_name = Schema.of({"$ref": "http://x/n"}, resources=str(tmp_path))

    assert [by_path.is_valid(1), by_path.is_valid("x"), by_name.is_valid(1), by_name.is_valid("x")] == [
        True, False, True, False,
    ]  # fmt: skip


def test_folder_that_is_not_there_is_an_invalid_argument(tmp_path):
    """The error says what may be handed in."""
    with pytest.raises(
        InvalidArgument, match="expected a folder of JSON files, or a dict from URIs to documents"
    ):
        Schema.of({}, resources=tmp_path / "missing")


def test_broken_resource_is_told_with_its_name():
    """A resource is held to the limits of a schema."""
    with pytest.raises(InvalidSchema, match="resource 'urn:n' contains a value of the type set") as caught:
        Schema.of({}, resources={"urn:n": {"enum": [{1}]}})

    assert caught.value.location == "/enum/0"


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        (b"[" * 100_000, "too_deep", "nested deeper than 64 levels"),
        (b'"' + b"x" * 1_100_000 + b'"', "too_large", "larger than 1,048,576 bytes"),
        (b"{", "invalid", "expected JSON, but reading it failed"),
        (b"\xff", "invalid", "expected JSON, but reading it failed"),
    ],
)
def test_file_that_is_no_schema_is_refused(tmp_path, content, code, told):
    """A file is read up to the limit, and the error names it."""
    path = tmp_path / "x.json"
    path.write_bytes(content)

    with pytest.raises(InvalidSchema, match=told) as caught:
        Schema.of(path)

    assert caught.value.code == code


@dataclass(frozen=True)
class Invalid:
    """A document that its metaschema refuses."""

    id: str
    document: Any
    location: str
    message: str


INVALID = [
    Invalid("type", {"type": "nonsense"}, "/type", "expected one of 'array', 'boolean', 'integer'"),
    Invalid("bound", {"items": {"minLength": "1"}}, "/items/minLength", "expected integer, got string '1'"),
    Invalid("pattern", {"pattern": "["}, "/pattern", "expected a regular expression, got '['"),
    Invalid("key", {"patternProperties": {"(": {}}}, "/patternProperties/(", "expected a regular expression"),
    Invalid("required", {"required": "a"}, "/required", "expected array, got string 'a'"),
    Invalid("required number", {"required": 5}, "/required", "expected array, got number 5"),
    Invalid("required null", {"required": None}, "/required", "expected array, got null"),
    Invalid(
        "required of old",
        {"properties": {"a": {"required": True}}},
        "/properties/a/required",
        "expected array, got boolean true",
    ),
]


@pytest.mark.parametrize("case", INVALID, ids=lambda case: case.id)
def test_document_that_is_invalid_is_told_with_its_place(case):
    """The error says where, what was expected and what came."""
    with pytest.raises(InvalidSchema) as caught:
        Schema.of(case.document)

    assert (caught.value.code, caught.value.location) == ("invalid", case.location)
    assert f"schema is invalid at {case.location}: " in str(caught.value)
    assert case.message in str(caught.value)


@pytest.mark.parametrize(
    ("multiple", "number", "valid"),
    [(0.1, 0.3, True), (0.01, 19.99, True), (0.01, 19.995, False), (0.1, 0.35, False), (1e-300, 1e300, True)],
)
def test_multiples_are_decimal(multiple, number, valid):
    """0.3 is a multiple of 0.1, as people count."""
    assert Schema.of({"multipleOf": multiple}).is_valid(number) is valid


def test_formats_are_asserted_unless_switched_off():
    """`formats=False` makes a format an annotation."""
    document = {"format": "date"}

    assert not Schema.of(document).is_valid("yesterday")
    assert Schema.of(document, formats=False).is_valid("yesterday")


@pytest.mark.parametrize(
    ("instance", "told"),
    [
        (
            {1, 2},
            "instance contains a value of type 'set', but expected dict, list, str, int, float, bool, or None",
        ),
        ([b"x"], "instance contains a value of type 'bytes'"),
        ({"a": [float("nan")]}, "instance contains nan, which is not a JSON number"),
        ([float("inf")], "instance contains inf"),
        (10**400, "instance contains a number with more than 400 digits"),
        ("\ud800", "instance contains a lone surrogate at character 1 of a text"),
        ({"\ud800": 1}, "instance contains a lone surrogate"),
        ({1: 2}, "instance contains a key of type 'int', but expected str"),
    ],
)
def test_instance_that_is_not_json_is_an_invalid_argument(instance, told):
    """No engine sees what no JSON text holds."""
    schema = Schema.of({})

    for ask in (schema.violations, schema.is_valid):
        with pytest.raises(InvalidArgument, match=told):
            ask(instance)


@pytest.mark.parametrize("instance", [(1, 2), 10**399, -(10**399), 1.5, "é\U0001f600", {"é": None}, True])
def test_instance_that_is_json_is_taken(instance):
    """A tuple is an array, and a number may have 400 digits."""
    assert Schema.of({}).violations(instance) == []


def test_depth_may_be_raised():
    """The limit on nesting is an argument, for a caller who parses deeper."""
    deep: Any = 1
    for _ in range(150):
        deep = [deep]
    tree = Schema.of({"items": {"$ref": "#"}})

    with pytest.raises(InvalidArgument, match="at most 100 levels"):
        tree.violations(deep)
    assert tree.violations(deep, max_depth=200) == []
    assert tree.accepts(deep)


def test_limit_on_steps_is_counted():
    """Above the limit an instance is undecided, so not valid, and the violation says by how much."""
    schema = Schema.of({"items": {"minimum": 0}})
    instance = list(range(1000))

    assert schema.is_valid(instance)
    assert not schema.is_valid(instance, max_steps=100)
    assert not schema.accepts(instance, 100)
    (text,) = schema.violations(instance, max_steps=100)
    assert text == Violation(
        "",
        "",
        "too_costly",
        "a value that takes at most 100 steps to validate",
        "about 31501 steps",
    )


def test_what_is_wrong_is_found_above_the_limit_too():
    """A bounded walk finds violations where the engine may not look."""
    violations = Schema.of({"items": {"minimum": 0}}).violations([1] * 1000 + [-1], max_steps=100)

    assert [(v.instance_location, v.keyword) for v in violations] == [("/1000", "minimum")]


def test_limit_is_one_of_the_limits():
    """The default is the one that judging uses."""
    assert Limits().max_steps == 50_000_000


def test_at_most_50_violations_are_told():
    """More would not be read."""
    assert len(Schema.of({"items": INTEGER}).violations(["x"] * 500)) == 50


def test_schema_is_safe_in_many_threads():
    """Threads that load and ask the same schemas at once all get the right answers."""
    wrong = []

    def ask(number):
        for i in range(200):
            schema = Schema.of({"items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"const": i % 20}}})
            instance = [[i % 20] * 20, [number]]
            if schema.is_valid([i % 20]) is not True or schema.is_valid(instance):
                wrong.append(i)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from([0.5, 1.0, "", "a", "ab", "abc"])
)
_INSTANCES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8
)  # fmt: skip
_TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
_PLAIN = st.one_of(
    st.builds(lambda each: {"type": each}, _TYPES),
    st.builds(lambda each: {"type": each}, st.lists(_TYPES, min_size=1, max_size=3, unique=True)),
    st.builds(lambda each: {"const": each}, _SCALARS),
    st.builds(lambda each: {"enum": each}, st.lists(_SCALARS, min_size=1, max_size=3)),
    st.builds(lambda low, high: {"minimum": low, "exclusiveMaximum": high}, st.integers(-5, 5), st.integers(-5, 5)),
    st.builds(lambda low, high: {"minLength": low, "maxLength": high}, st.integers(0, 2), st.integers(0, 3)),
    st.builds(lambda low, high: {"minItems": low, "maxProperties": high}, st.integers(0, 3), st.integers(0, 3)),
    st.builds(lambda each: {"required": each}, st.lists(st.sampled_from("abc"), max_size=2, unique=True)),
    st.sampled_from([{"multipleOf": 2}, {"uniqueItems": True}, {"pattern": "^a"}, {"additionalProperties": False}, True, False]),
)  # fmt: skip


def _larger(inner):
    return st.one_of(
        st.builds(lambda each: {"properties": each}, st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
        st.builds(lambda each, rest: {"patternProperties": {"^a": each}, "additionalProperties": rest}, inner, inner),
        st.builds(lambda each: {"items": each}, inner),
        st.builds(lambda each, rest: {"prefixItems": [each], "items": rest}, inner, inner),
        st.builds(lambda each: {"contains": each, "maxContains": 1}, inner),
        st.builds(lambda key, each: {key: each}, st.sampled_from(["allOf", "anyOf", "oneOf"]), st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda key, each: {key: each}, st.sampled_from(["not", "propertyNames"]), inner),
        st.builds(lambda one, two, three: {"if": one, "then": two, "else": three}, inner, inner, inner),
        st.builds(lambda each: {"properties": {"a": each}, "unevaluatedProperties": False}, inner),
        st.builds(lambda each: {"$defs": {"x": each}, "properties": {"b": each}}, inner),
    )  # fmt: skip


SCHEMAS = st.recursive(_PLAIN, _larger, max_leaves=8)


@given(SCHEMAS, _INSTANCES)
def test_every_way_to_ask_agrees_with_the_reference_engine(document, instance):
    """is_valid, accepts and violations say what jsonschema says; a limit on steps never makes a value valid.

    Known to differ, and not drawn here: multiples of a fraction, which jsonschema divides in binary; a `$schema`
    inside a definition; a pattern, which is read by ECMA 262 and not by Python.
    """
    schema = Schema.of(document)
    valid = jsonschema.Draft202012Validator(document).is_valid(instance)

    assert schema.is_valid(instance) is valid
    assert schema.accepts(instance) is valid
    assert (schema.violations(instance) == []) is valid
    assert schema.is_valid(instance, max_steps=0) is False
    assert schema.violations(instance, max_steps=0) != []


@given(SCHEMAS, _INSTANCES)
def test_what_the_bounded_walk_finds_is_wrong(document, instance):
    """Above the limit a violation other than of the limit is told of invalid values only."""
    schema = Schema.of(document)

    violations = schema.violations(instance, max_steps=0)

    assert [violation.keyword for violation in violations] == ["too_costly"] or not schema.is_valid(instance)


@pytest.mark.parametrize("text", ['{"type": "object"}', " [1]", '"invoice.json"', "{" + "x" * 9_000])
def test_a_json_text_is_no_path(text):
    """A JSON text given as a schema is told from a path, and how to give it is said."""
    with pytest.raises(InvalidArgument, match=r"got JSON text. Pass json.loads\(text\)"):
        Schema.of(text)
