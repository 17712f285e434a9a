"""Instances drawn from a schema: always valid, for every keyword, and small when they shrink."""

import json
import random
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from schema_guard import InvalidArgument, InvalidSchema, Schema
from schema_guard.testing import instances
from tests.thinned import thinned

DRAWN = settings(max_examples=30, database=None, derandomize=True, deadline=None, phases=[Phase.generate])
FOUND = settings(max_examples=200, database=None, derandomize=True, deadline=None)
TREE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "kids": {"type": "array", "items": {"$ref": "#/$defs/node"}, "minItems": 1},
            },
            "required": ["name"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/node",
}
TWO_TREES = {
    "type": "object",
    "required": ["left", "right"],
    "additionalProperties": False,
    "properties": {side: {"anyOf": [{"$ref": "#"}, {"type": "null"}]} for side in ("left", "right")},
}


@dataclass(frozen=True)
class Case:
    id: str
    schema: Any
    dialect: str = "2020-12"


CASES = [
    Case("anything", True),
    Case("type", {"type": ["null", "integer"]}),
    Case("enum_and_bounds", {"enum": [1, 5, 9, "x"], "minimum": 4}),
    Case("const", {"const": {"a": [1, None]}}),
    Case("bounds", {"type": "number", "exclusiveMinimum": 0.1, "maximum": 0.1000001}),
    Case("bound_of_nothing", {"oneOf": [{"type": "string", "minLength": 0, "maxLength": 3}, {"enum": ["x"]}]}),
    Case("multiples", {"allOf": [{"multipleOf": 0.06}, {"multipleOf": 0.04}], "type": "number", "minimum": 1}),
    Case("huge_multiple", {"type": "integer", "minimum": 10**30, "multipleOf": 7}),
    Case("not_a_multiple", {"type": "integer", "not": {"multipleOf": 2}, "minimum": 4, "maximum": 5}),
    Case("exclusive_of_draft_4", {"minimum": 3, "exclusiveMinimum": True, "maximum": 4, "type": "integer"}, "draft4"),
    Case("length", {"type": "string", "minLength": 300, "maxLength": 301}),
    Case("pattern", {"type": "string", "pattern": r"^(\d{3})-[A-F]+\1$"}),
    Case("searched_pattern", {"type": "string", "pattern": "ab|^c", "minLength": 20, "maxLength": 22}),
    Case("two_patterns", {"type": "string", "allOf": [{"pattern": "^[a-z]+$"}, {"pattern": "^.{4}$"}]}),
    Case("looking_ahead", {"type": "string", "pattern": r"^(?!a)[a-c]\p{L}[^\W\d]$"}),
    Case("pattern_and_format", {"type": "string", "format": "uri", "pattern": "^https://"}),
    Case("not_a_pattern", {"type": "string", "not": {"pattern": "^a"}, "minLength": 1}),
    Case("not_a_format", {"type": "string", "not": {"format": "date"}}),
    Case("prefix", {"type": "array", "prefixItems": [{"const": 1}, {"type": "string"}], "items": False, "minItems": 2}),
    Case("tuple_of_draft_7", {"items": [{"const": 1}], "additionalItems": {"const": 2}, "minItems": 3}, "draft7"),
    Case("contains", {"type": "array", "contains": {"type": "null"}, "minContains": 2, "maxContains": 3}),
    Case("two_contains", {"type": "array", "contains": {"const": 1}, "allOf": [{"contains": {"const": 2}}]}),
    Case("unique", {"type": "array", "items": {"enum": [1, 2, 3]}, "uniqueItems": True, "minItems": 3}),
    Case("unique_integers", {"type": "array", "items": {"type": "integer"}, "uniqueItems": True, "minItems": 4}),
    Case("properties", {"type": "object", "properties": {"a": {"const": 1}, "b": False}, "minProperties": 3}),
    Case("patterns_of_names", {"type": "object", "patternProperties": {"^x_": {"type": "integer"}, "_y$": {"minimum": 3}},
                               "additionalProperties": False, "minProperties": 2}),
    Case("names", {"type": "object", "propertyNames": {"pattern": "^[a-c]{2}$"}, "minProperties": 3}),
    Case("bound_on_properties", {"type": "object", "required": ["a"], "properties": {"b": {}, "c": {}}, "maxProperties": 2}),
    Case("dependent_required", {"type": "object", "required": ["a"], "dependentRequired": {"a": ["b"], "b": ["c"]}}),
    Case("dependent_schemas", {"type": "object", "required": ["a"], "dependentSchemas": {"a": {"required": ["b"]}}}),
    Case("dependencies", {"required": ["a"], "dependencies": {"a": {"minProperties": 3}, "b": ["c"]}}, "draft4"),
    Case("conditional", {"type": "object", "properties": {"k": {"enum": [1, 2]}}, "required": ["k"],
                         "if": {"properties": {"k": {"const": 1}}}, "then": {"required": ["one"]}, "else": {"required": ["two"]}}),
    Case("unevaluated_properties", {"type": "object", "anyOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]},
                                                                {"properties": {"b": {}}}], "unevaluatedProperties": False}),
    Case("unevaluated_items", {"type": "array", "prefixItems": [{"type": "null"}], "contains": {"const": "x"},
                               "unevaluatedItems": {"type": "integer"}, "minItems": 3}),
    Case("one_of", {"oneOf": [{"type": "object", "required": ["a"]}, {"type": "object", "required": ["b"]}]}),
    Case("one_of_overlapping", {"oneOf": [{"type": "string"}, {"minLength": 3}, {"pattern": "^a"}]}),
    Case("deep_all_of", {"allOf": [{"allOf": [{"allOf": [{"type": "object"}, {"required": ["a"]}]}]},
                                   {"properties": {"a": {"allOf": [{"type": "integer"}, {"minimum": 5}, {"maximum": 6}]}}}]}),
    Case("not_an_object", {"not": {"type": "object", "required": ["a"], "properties": {"a": {"const": 1}}}, "type": "object"}),
    Case("not_any", {"not": {"anyOf": [{"type": "string"}, {"minimum": 3}]}}),
    Case("tree", TREE),
    Case("two_trees", TWO_TREES),
    Case("reference_beside_others", {"$ref": "#/$defs/a", "minimum": 5, "$defs": {"a": {"type": "integer", "maximum": 6}}}),
    Case("reference_alone", {"$ref": "#/definitions/a", "type": "null", "definitions": {"a": {"const": 1}}}, "draft7"),
    Case("dynamic_reference", {"$dynamicAnchor": "n", "type": "object", "properties": {"n": {"$dynamicRef": "#n"}},
                               "required": ["v"], "additionalProperties": False, "$defs": {}, "patternProperties": {"^v$": {"const": 1}}}),
    Case("metaschema", {"$ref": "https://json-schema.org/draft/2020-12/schema"}),
]  # fmt: skip


def drawn(strategy, run=DRAWN):
    """Give what Hypothesis draws, health checks and all."""
    results = []

    @run
    @given(strategy)
    def draw(value):
        results.append(value)

    draw()
    return results


@pytest.mark.parametrize("case", thinned(CASES, 4), ids=lambda case: case.id)
def test_instances_are_valid(case):
    """Whatever the keyword, what is drawn is valid, and no health check fails."""
    schema = Schema.of(case.schema, dialect=case.dialect)

    assert all(
        schema.is_valid(value) for value in drawn(instances(Schema.of(case.schema, dialect=case.dialect)))
    )


@pytest.mark.parametrize("name", ["date", "date-time", "time", "duration", "email", "idn-email", "hostname", "idn-hostname",
                                  "ipv4", "ipv6", "uri", "uri-reference", "iri", "iri-reference", "uri-template", "uuid",
                                  "json-pointer", "relative-json-pointer", "regex"])  # fmt: skip
def test_formats_are_drawn(name):
    """Every format of 2020-12 is drawn as it is asserted."""
    schema = {"type": "string", "format": name}

    assert len(drawn(instances(schema))) == DRAWN.max_examples


parts = st.recursive(
    st.sampled_from([True, False, {}, {"type": "string", "maxLength": 2}, {"type": "integer"}, {"type": "number", "minimum": 0.5},
                     {"enum": [1, "a", None]}, {"const": []}, {"$ref": "#"}, {"$ref": "#/$defs/d"}, {"multipleOf": 3},
                     {"type": "string", "format": "uuid"}, {"type": ["string", "null"], "minLength": 3}, {"pattern": "^[a-c]+$"},
                     {"required": ["a"]}, {"minProperties": 2}, {"propertyNames": {"maxLength": 1}}, {"minItems": 1},
                     {"dependentRequired": {"a": ["b"]}}, {"uniqueItems": True}, {"maxProperties": 1}]),
    lambda inner: st.one_of(
        st.builds(lambda item, size: {"type": "array", "items": item, "minItems": size}, inner, st.integers(0, 3)),
        st.builds(lambda item, rest: {"prefixItems": [item], "items": rest}, inner, inner),
        st.builds(lambda item, rest: {"prefixItems": [item], "unevaluatedItems": rest}, inner, inner),
        st.builds(lambda item: {"contains": item}, inner),
        st.builds(lambda a, b: {"type": "object", "properties": {"a": a, "b": b}, "required": ["a"]}, inner, inner),
        st.builds(lambda a, b: {"properties": {"a": a}, "additionalProperties": b}, inner, inner),
        st.builds(lambda a, b: {"anyOf": [{"properties": {"a": a}}, b], "unevaluatedProperties": False}, inner, inner),
        st.builds(lambda a: {"patternProperties": {"^a": a}}, inner),
        st.builds(lambda a: {"dependentSchemas": {"a": a}}, inner),
        st.builds(lambda a, b, c: {"if": a, "then": b, "else": c}, inner, inner, inner),
        st.builds(lambda a: {"not": a}, inner),
        st.builds(lambda word, arms: {word: arms}, st.sampled_from(["anyOf", "oneOf", "allOf"]),
                  st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=6,
)  # fmt: skip


@settings(suppress_health_check=list(HealthCheck))
@given(parts, st.data())
def test_any_schema_gives_valid_instances_or_an_error(part, data):
    """Of every schema an instance is drawn, which is valid, or an error says that there is none."""
    document = {"$defs": {"d": {"type": "integer"}}, **part} if isinstance(part, dict) else part
    try:
        schema = Schema.of(document)
        value = data.draw(instances(document))
    except (InvalidSchema, InvalidArgument):
        return

    assert schema.is_valid(value)


# What no value is, with the place and the reason that are told.
IMPOSSIBLE = [
    (False, "at (root): the schema `false` applies here, so no value is valid"),
    ({"type": "integer", "minimum": 5, "maximum": 4}, "at (root): no number from 5 to 4 is valid"),
    ({"type": "string", "minLength": 3, "maxLength": 2}, "at (root): the schema requires at least 3 and at most 2 characters"),
    ({"allOf": [{"type": "string"}, {"type": "null"}]}, "at /allOf/0: no type satisfies all of the schemas"),
    ({"enum": [1, 2], "type": "string"}, "at (root): no value of enum or const satisfies the rest"),
    ({"const": 1, "enum": [2]}, "at (root): no value is in every enum and const"),
    ({"type": "object", "required": ["a"], "properties": {"a": {"type": "array", "items": False, "minItems": 1}}},
     "at /properties/a: required property 'a' cannot be: item 0 cannot be: the schema `false` applies here, so no value is valid"),
    ({"type": "object", "required": ["a", "b"], "maxProperties": 1}, "2 properties are required, at most 1"),
    ({"type": "object", "required": ["a"], "propertyNames": {"maxLength": 0}}, "'a' has no valid name"),
    ({"type": "object", "required": ["a"], "not": {"required": ["a"]}}, "no branch of 'anyOf', 'oneOf', 'if', or 'not' fits the other keywords"),
    ({"type": "array", "contains": False}, "no item can match 'contains'"),
    ({"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}}, "each value must contain another value of the same schema, so no value is finite"),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "told"), IMPOSSIBLE, ids=range(len(IMPOSSIBLE)))
def test_what_cannot_be_satisfied_is_an_error(schema, told):
    """A schema without any instance is refused when the strategy is made, with the place and the reason."""
    with pytest.raises(
        InvalidArgument, match=r"schema_guard found no instance of schema 'schema-\w+': at "
    ) as caught:
        instances(schema)
    assert told in str(caught.value)


def test_schema_without_a_text_that_is_found_is_an_error():
    """The error names the pattern for which no text is found."""
    with pytest.raises(
        InvalidArgument,
        match=r": at \(root\): schema_guard found no string that satisfies all keywords and matches '\^a\$'",
    ):
        instances({"type": "string", "pattern": "^a$", "minLength": 2})


def test_drafts_before_a_keyword_do_not_know_it():
    """In draft 4 `const` says nothing."""
    result = drawn(instances(Schema.of({"type": "integer", "const": 1}, dialect="draft4")))

    assert any(value != 1 for value in result)


@pytest.mark.parametrize(("schema", "least"), [
    ({"type": "integer", "minimum": 7}, 7), ({"type": "string", "pattern": "^[a-z]+$"}, "a"),
    *(pytest.param(*case, marks=pytest.mark.slow) for case in [
        ({"type": "integer"}, 0), ({"type": "string"}, ""), ({"type": "string", "minLength": 2}, "00"),
        ({"type": "array"}, []), (TREE, {"name": ""}), (TWO_TREES, {"left": None, "right": None}),
        ({"type": "string", "format": "date"}, "2000-01-01"),
    ])
])  # fmt: skip
def test_instances_shrink_to_small_ones(schema, least):
    """The simplest instance is short and readable."""
    assert find(instances(schema), lambda value: True, settings=FOUND) == least


@pytest.mark.costly
def test_an_instance_shrinks_around_what_matters():
    """Of an object only the property remains that a test fails for."""
    properties = {name: {"type": "integer"} for name in "abcdef"}
    schema = {"type": "object", "properties": properties, "additionalProperties": False}

    result = find(instances(schema), lambda value: value.get("d", 0) > 10, settings=FOUND)
    assert result == {"d": 11}


@pytest.mark.costly
def test_every_arm_of_a_union_comes_up():
    """All of 20 arms are drawn."""
    arms = [{"type": "object", "properties": {"kind": {"const": n}}, "required": ["kind"]} for n in range(20)]
    result = drawn(instances({"oneOf": arms}), settings(DRAWN, max_examples=300))

    assert {value["kind"] for value in result} == set(range(20))


def test_recursion_goes_several_levels_deep():
    """A tree is drawn with trees inside its trees, not only at its shallowest."""
    assert any("kids" in kid for value in drawn(instances(TREE)) for kid in value.get("kids", []))


def test_resources_are_drawn_from():
    """A reference into a resource is followed."""
    result = drawn(instances(Schema.of({"$ref": "urn:other"}, resources={"urn:other": {"enum": [1, 2]}})))

    assert set(result) <= {1, 2}


def test_formats_can_be_off():
    """Without formats, a string of a format may be any that its other keywords allow."""
    result = drawn(instances(Schema.of({"type": "string", "format": "date", "maxLength": 3}, formats=False)))

    assert max(map(len, result)) <= 3


def test_without_hypothesis_a_name_says_what_to_install():
    """Naming a strategy where Hypothesis is not installed tells the pip command."""
    code = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "import schema_guard.testing\n"
        "try: schema_guard.testing.instances\n"
        "except ImportError as error: print(type(error).__name__, error)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout == (
        "MissingExtra schema_guard.testing.instances needs hypothesis. Run pip install 'schema-guard[testing]'\n"
    )


@pytest.mark.costly
def test_both_names_stay_functions():
    """Importing one strategy does not turn the other into the module of its name."""
    code = "from schema_guard.testing import near_misses, instances; print(callable(near_misses), callable(instances))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout == "True True\n"


# A function whose arguments no instance can be: all three are required, and two arms of which one must not match.
WITHOUT_INSTANCES = {"Glaiveai2K/calculate_area_f88fb53c"}
CORPUS_RUN = settings(database=None, derandomize=True, deadline=None, phases=[Phase.generate])


def rows(corpora, file):
    return [json.loads(line) for line in (corpora / file).read_text(encoding="utf-8").splitlines()]


def undrawn(rows, run, check):
    """Name the schemas that no instance is drawn of, and hold each instance against *check*."""
    items = set()
    for row in rows:
        schema = Schema.of(row["schema"], allow_unknown=True)
        try:
            values = drawn(instances(schema), run)
        except InvalidArgument:
            items.add(row["id"])
            continue
        check(row["id"], schema, values)
    return items


def all_valid(name, schema, values):
    assert (name, [value for value in values if not schema.is_valid(value)]) == (name, [])


@pytest.mark.costly
def test_real_schemas_give_valid_instances(corpora):
    """Of ten real schemas instances are drawn, all valid, and no health check fails."""
    sample = random.Random(2020).sample(rows(corpora, "jsonschemabench.jsonl"), 10)  # a sample

    assert undrawn(sample, settings(CORPUS_RUN, max_examples=25), all_valid) <= WITHOUT_INSTANCES


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")
@pytest.mark.parametrize("file", ["jsonschemabench.jsonl", "maskbench.jsonl"])
def test_all_real_schemas_give_valid_instances(corpora, file):
    """Of every real schema that has instances some are drawn, valid by both engines."""

    def both_valid(name, schema, values):
        all_valid(name, schema, values)
        kind = jsonschema.validators.validator_for({"$schema": schema.dialect})
        oracle = kind(schema.document, format_checker=kind.FORMAT_CHECKER)
        # It takes ECMA's patterns for Python's, which may backtrack for long: some values are enough.
        for value in values[:5]:
            # It divides floats, by which -64.99 is no multiple of 0.01.
            messages = [
                error.message for error in oracle.iter_errors(value) if error.validator != "multipleOf"
            ]
            assert (name, value, messages) == (name, value, [])

    run = settings(CORPUS_RUN, max_examples=4)
    assert undrawn(rows(corpora, file), run, both_valid) <= WITHOUT_INSTANCES


# Which schema a dynamic reference leads to depends on the way to it: the outermost one is taken.
DYNAMIC = {
    "multiple dynamic paths to the $recursiveRef keyword",
    "dynamic $recursiveRef destination (not predictable at schema compile time)",
    "after leaving a dynamic scope, it is not used by a $dynamicRef",
}


@pytest.mark.slow
@pytest.mark.parametrize("draft", ["draft4", "draft6", "draft7", "draft2019-09", "draft2020-12"])
def test_schemas_of_the_official_suite(corpora, draft):
    """Of every schema of the official suite that has a valid case instances are drawn."""
    files = {}
    with tarfile.open(corpora / "json-schema-test-suite.tar.gz") as archive:
        for member in archive.getmembers():
            if member.name.endswith(".json"):
                files[member.name.removeprefix("./")] = json.load(archive.extractfile(member))
    remotes = {
        f"http://localhost:1234/{path.removeprefix('remotes/')}": document
        for path, document in files.items()
        if path.startswith(f"remotes/{draft}/")
        or not path.startswith(("remotes/draft", "remotes/v1", "tests/"))
    }
    groups = [g for path, each in files.items() if path.rpartition("/")[0] == f"tests/{draft}" for g in each]
    assert len(groups) > 150

    wrong = {
        g["description"]
        for g in groups
        if has_instances(g, draft, remotes) and not can_draw(g, draft, remotes)
    }
    assert wrong <= DYNAMIC


def loaded(group, draft, remotes):
    try:
        return Schema.of(group["schema"], dialect=draft.replace("draft2", "2"), resources=remotes)
    except InvalidSchema:
        return None


def has_instances(group, draft, remotes):
    schema = loaded(group, draft, remotes)
    return schema is not None and any(schema.is_valid(case["data"]) for case in group["tests"])


def can_draw(group, draft, remotes):
    schema = loaded(group, draft, remotes)
    if schema is None:
        return False
    try:
        return all(map(schema.is_valid, drawn(instances(schema), settings(CORPUS_RUN, max_examples=8))))
    except InvalidArgument:
        return False
