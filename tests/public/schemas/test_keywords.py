"""Violations of every keyword, with both engines: place, expected value, and actual value."""

import pytest

from schema_guard import Schema, Violation

# Dialect, schema, instance, and the violations as tuples.
VIOLATIONS = [
    (None, {"type": "integer"}, 1.5, [("", "/type", "type", "integer", "number 1.5")]),
    (
        None,
        {"type": ["integer", "null", "string"]},
        1.5,
        [("", "/type", "type", "null or integer or string", "number 1.5")],
    ),
    (None, {"type": "array"}, {}, [("", "/type", "type", "array", "object with 0 properties")]),
    (None, {"type": "object"}, [], [("", "/type", "type", "object", "array of 0 items")]),
    (None, {"type": "boolean"}, 0, [("", "/type", "type", "boolean", "number 0")]),
    (None, {"type": "null"}, False, [("", "/type", "type", "null", "boolean false")]),
    (None, {"type": "number"}, "1", [("", "/type", "type", "number", "string '1'")]),
    (None, {"type": "string"}, 1, [("", "/type", "type", "string", "number 1")]),
    (None, {"enum": [1]}, 2, [("", "/enum", "enum", "one of 1", "number 2")]),
    (
        None,
        {"enum": ["a", {"b": [1]}]},
        "c",
        [("", "/enum", "enum", "one of 'a', object with 1 property", "string 'c'")],
    ),
    (None, {"const": {"a": [1]}}, 1, [("", "/const", "const", "object with 1 property", "number 1")]),
    (None, {"minimum": 1}, 0.5, [("", "/minimum", "minimum", "a number >= 1", "number 0.5")]),
    (None, {"maximum": 1}, 2, [("", "/maximum", "maximum", "a number <= 1", "number 2")]),
    (
        None,
        {"exclusiveMinimum": 1},
        1,
        [("", "/exclusiveMinimum", "exclusiveMinimum", "a number > 1", "number 1")],
    ),
    (
        None,
        {"exclusiveMaximum": 1},
        1,
        [("", "/exclusiveMaximum", "exclusiveMaximum", "a number < 1", "number 1")],
    ),
    (None, {"multipleOf": 3}, 4, [("", "/multipleOf", "multipleOf", "a multiple of 3", "number 4")]),
    (
        None,
        {"minLength": 2},
        "a",
        [("", "/minLength", "minLength", "a string of at least 2 characters", "string 'a'")],
    ),
    (
        None,
        {"maxLength": 1},
        "ab",
        [("", "/maxLength", "maxLength", "a string of at most 1 character", "string 'ab'")],
    ),
    (
        None,
        {"minLength": 1},
        "",
        [("", "/minLength", "minLength", "a string of at least 1 character", "string ''")],
    ),
    (
        None,
        {"pattern": "^a$"},
        "b",
        [("", "/pattern", "pattern", "a string that matches '^a$'", "string 'b'")],
    ),
    (None, {"format": "email"}, "b", [("", "/format", "format", "a string in format 'email'", "string 'b'")]),
    (
        None,
        {"format": "date-time"},
        "b",
        [("", "/format", "format", "a string in format 'date-time'", "string 'b'")],
    ),
    (None, {"format": "uuid"}, "b", [("", "/format", "format", "a string in format 'uuid'", "string 'b'")]),
    (None, {"minItems": 1}, [], [("", "/minItems", "minItems", "at least 1 item", "array of 0 items")]),
    (None, {"minItems": 2}, [1], [("", "/minItems", "minItems", "at least 2 items", "array of 1 item")]),
    (None, {"maxItems": 1}, [1, 2], [("", "/maxItems", "maxItems", "at most 1 item", "array of 2 items")]),
    (None, {"maxItems": 0}, [1], [("", "/maxItems", "maxItems", "at most 0 items", "array of 1 item")]),
    (
        None,
        {"uniqueItems": True},
        [1, 1.0],
        [("", "/uniqueItems", "uniqueItems", "items that all differ", "array of 2 items")],
    ),
    (
        None,
        {"contains": {"type": "integer"}},
        ["a"],
        [("", "/contains", "contains", "the right number of matching items", "array of 1 item")],
    ),
    (
        None,
        {"contains": {"type": "integer"}, "minContains": 2},
        [1, "a"],
        [("", "/minContains", "minContains", "the right number of matching items", "array of 2 items")],
    ),
    (
        None,
        {"contains": {"type": "integer"}, "maxContains": 1},
        [1, 2],
        [("", "/maxContains", "maxContains", "the right number of matching items", "array of 2 items")],
    ),
    (
        None,
        {"items": {"type": "integer"}},
        [1, "a"],
        [("/1", "/items/type", "type", "integer", "string 'a'")],
    ),
    (
        None,
        {"prefixItems": [{"type": "integer"}], "items": False},
        [1, 2],
        [("/1", "/items", "items", "nothing here", "number 2")],
    ),
    (
        None,
        {"prefixItems": [{"type": "integer"}]},
        ["a"],
        [("/0", "/prefixItems/0/type", "type", "integer", "string 'a'")],
    ),
    (
        None,
        {"unevaluatedItems": False},
        [1],
        [("", "/unevaluatedItems", "unevaluatedItems", "no further items", "array of 1 item")],
    ),
    (
        None,
        {"prefixItems": [True], "unevaluatedItems": {"type": "integer"}},
        [1, "x"],
        [("", "/unevaluatedItems", "unevaluatedItems", "no further items", "array of 2 items")],
    ),
    (
        None,
        {"minProperties": 1},
        {},
        [("", "/minProperties", "minProperties", "at least 1 property", "object with 0 properties")],
    ),
    (
        None,
        {"maxProperties": 1},
        {"a": 1, "b": 2},
        [("", "/maxProperties", "maxProperties", "at most 1 property", "object with 2 properties")],
    ),
    (
        None,
        {"minProperties": 2},
        {"a": 1},
        [("", "/minProperties", "minProperties", "at least 2 properties", "object with 1 property")],
    ),
    (
        None,
        {"required": ["a", "b"]},
        {"b": 1},
        [("", "/required", "required", "property 'a'", "object with 1 property")],
    ),
    (
        None,
        {"required": ["a", "b"]},
        {},
        [
            ("", "/required", "required", "property 'a'", "object with 0 properties"),
            ("", "/required", "required", "property 'b'", "object with 0 properties"),
        ],
    ),
    (
        None,
        {"properties": {"a": {"type": "integer"}}},
        {"a": "x"},
        [("/a", "/properties/a/type", "type", "integer", "string 'x'")],
    ),
    (
        None,
        {"patternProperties": {"^a": {"type": "integer"}}},
        {"ab": "x"},
        [("/ab", "/patternProperties/^a/type", "type", "integer", "string 'x'")],
    ),
    (
        None,
        {"properties": {"a": True}, "additionalProperties": False},
        {"b": 1, "c": 2},
        [
            (
                "",
                "/additionalProperties",
                "additionalProperties",
                "no further properties",
                "object with 'b', 'c'",
            )
        ],
    ),
    (
        None,
        {"additionalProperties": {"type": "integer"}},
        {"b": "x"},
        [("/b", "/additionalProperties/type", "type", "integer", "string 'x'")],
    ),
    (
        None,
        {"properties": {"a": True}, "unevaluatedProperties": False},
        {"b": 1},
        [("", "/unevaluatedProperties", "unevaluatedProperties", "no further properties", "object with 'b'")],
    ),
    (
        None,
        {"unevaluatedProperties": {"type": "integer"}},
        {"b": "x"},
        [("", "/unevaluatedProperties", "unevaluatedProperties", "no further properties", "object with 'b'")],
    ),
    (
        None,
        {"propertyNames": {"maxLength": 1}},
        {"ab": 1},
        [
            (
                "",
                "/propertyNames",
                "propertyNames",
                "every property name to be a string of at most 1 character",
                "object with 1 property",
            )
        ],
    ),
    (
        None,
        {"dependentRequired": {"a": ["b"]}},
        {"a": 1},
        [
            (
                "",
                "/dependentRequired",
                "dependentRequired",
                "property 'b', which 'dependentRequired' asks for here",
                "object with 1 property",
            )
        ],
    ),
    (
        None,
        {"dependentSchemas": {"a": {"required": ["b"]}}},
        {"a": 1},
        [("", "/dependentSchemas/a/required", "required", "property 'b'", "object with 1 property")],
    ),
    (
        None,
        {"allOf": [{"type": "integer"}, {"minimum": 3}]},
        1,
        [("", "/allOf/1/minimum", "minimum", "a number >= 3", "number 1")],
    ),
    (
        None,
        {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "x",
        [
            ("", "/anyOf/0/type", "type", "integer or null", "string 'x'"),
        ],
    ),
    (
        None,
        {"oneOf": [{"type": "integer"}, {"minimum": 1}]},
        2,
        [("", "/oneOf", "oneOf", "exactly one of 2 forms to match, not form 1 and form 2", "number 2")],
    ),
    (
        None,
        {"oneOf": [{"type": "integer"}, {"type": "null"}]},
        "x",
        [
            ("", "/oneOf/0/type", "type", "integer or null", "string 'x'"),
        ],
    ),
    (
        None,
        {"not": {"type": "integer"}},
        1,
        [("", "/not", "not", "a value that does not match 'not'", "number 1")],
    ),
    (
        None,
        {"if": {"type": "integer"}, "then": {"minimum": 3}},
        1,
        [("", "/then/minimum", "minimum", "a number >= 3", "number 1")],
    ),
    (
        None,
        {"if": {"type": "integer"}, "then": {"minimum": 3}, "else": {"minLength": 3}},
        "a",
        [("", "/else/minLength", "minLength", "a string of at least 3 characters", "string 'a'")],
    ),
    (
        None,
        {"$ref": "#/$defs/a", "$defs": {"a": {"type": "integer"}}},
        "x",
        [("", "/$ref/type", "type", "integer", "string 'x'")],
    ),
    (
        None,
        {"$dynamicRef": "#a", "$defs": {"a": {"$dynamicAnchor": "a", "type": "integer"}}},
        "x",
        [("", "/$dynamicRef/type", "type", "integer", "string 'x'")],
    ),
    (None, False, 1, [("", "", "falseSchema", "nothing here", "number 1")]),
    (
        None,
        {"properties": {"a": False}},
        {"a": 1},
        [("/a", "/properties/a", "properties", "nothing here", "number 1")],
    ),
    (
        None,
        {"properties": {"a": {"properties": {"b": {"items": {"enum": [1, 2]}}}}}},
        {"a": {"b": [1, 3]}},
        [("/a/b/1", "/properties/a/properties/b/items/enum", "enum", "one of 1, 2", "number 3")],
    ),
    (
        None,
        {"properties": {"a/b~c": {"type": "integer"}}},
        {"a/b~c": "x"},
        [("/a~1b~0c", "/properties/a~1b~0c/type", "type", "integer", "string 'x'")],
    ),
    (
        "draft4",
        {"minimum": 1, "exclusiveMinimum": True},
        1,
        [("", "/exclusiveMinimum", "exclusiveMinimum", "a number > 1", "number 1")],
    ),
    (
        "draft4",
        {"maximum": 1, "exclusiveMaximum": True},
        1,
        [("", "/exclusiveMaximum", "exclusiveMaximum", "a number < 1", "number 1")],
    ),
    (
        "draft4",
        {"dependencies": {"a": ["b"]}},
        {"a": 1},
        [
            (
                "",
                "/dependencies",
                "dependencies",
                "property 'b', which 'dependencies' asks for here",
                "object with 1 property",
            )
        ],
    ),
    (
        "draft4",
        {"dependencies": {"a": {"required": ["b"]}}},
        {"a": 1},
        [("", "/dependencies/a/required", "required", "property 'b'", "object with 1 property")],
    ),
    (
        "draft4",
        {"items": [{"type": "integer"}], "additionalItems": False},
        [1, 2],
        [("", "/additionalItems", "additionalItems", "at most 1 items", "array of 2 items")],
    ),
    ("draft4", {"type": "integer"}, 1.0, [("", "/type", "type", "integer", "number 1.0")]),
    (
        "draft7",
        {"dependencies": {"a": ["b"]}},
        {"a": 1},
        [
            (
                "",
                "/dependencies",
                "dependencies",
                "property 'b', which 'dependencies' asks for here",
                "object with 1 property",
            )
        ],
    ),
    (
        "draft7",
        {"items": [{"type": "integer"}], "additionalItems": False},
        [1, 2],
        [("", "/additionalItems", "additionalItems", "at most 1 items", "array of 2 items")],
    ),
    (
        "draft7",
        {"items": [{"type": "integer"}], "additionalItems": {"type": "null"}},
        [1, 2],
        [("/1", "/additionalItems/type", "type", "null", "number 2")],
    ),
    (
        "draft7",
        {"contains": {"const": 1}},
        [],
        [("", "/contains", "contains", "the right number of matching items", "array of 0 items")],
    ),
    (
        "draft7",
        {"items": [{"type": "integer"}]},
        ["x"],
        [("/0", "/items/0/type", "type", "integer", "string 'x'")],
    ),
    (
        "2019-09",
        {"properties": {"a": {"$recursiveRef": "#"}}, "type": "object"},
        {"a": 1},
        [("/a", "/properties/a/$recursiveRef/type", "type", "object", "number 1")],
    ),
    (
        "2019-09",
        {"items": [{"type": "integer"}], "additionalItems": False},
        [1, 2],
        [("", "/additionalItems", "additionalItems", "at most 1 items", "array of 2 items")],
    ),
    (
        "2019-09",
        {"contains": {"const": 1}, "minContains": 2},
        [1],
        [("", "/minContains", "minContains", "the right number of matching items", "array of 1 item")],
    ),
]
# The reference engine describes violations of these keywords in other words.
DESCRIBED_OTHERWISE = {
    "contains", "minContains", "maxContains", "dependentRequired", "dependencies", "exclusiveMinimum", "exclusiveMaximum",
    "propertyNames",
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "document", "instance", "expected"), VIOLATIONS)
def test_violation_of_every_keyword(dialect, document, instance, expected):
    """A violation has the place of its keyword, the expected value, and the actual value."""
    schema = Schema.of(document, dialect=dialect)

    assert schema.violations(instance) == [Violation(*one) for one in expected]
    assert not schema.is_valid(instance)


WOVEN = {
    f"http://x/{i}": {"properties": {f"woven {k}": {"$ref": f"http://x/{(i + k) % 12}"} for k in range(5)}}
    for i in range(12)
}
OTHERWISE = [
    case
    for case in VIOLATIONS
    if isinstance(case[1], dict) and "$ref" not in case[1] and isinstance(case[1].get("type"), str | None)
]


@pytest.mark.parametrize(("dialect", "document", "instance", "expected"), OTHERWISE)
def test_reference_engine_finds_the_same(dialect, document, instance, expected):
    """Documents with many references to each other need the reference engine, which finds the same violations."""
    document = {**document, "allOf": [*document.get("allOf", ()), {"$ref": "http://x/0"}]}
    schema = Schema.of(document, dialect=dialect, resources=WOVEN)

    violations = schema.violations(instance)
    assert schema.engine == "jsonschema"
    assert not schema.is_valid(instance)
    assert len(violations) == len(expected)
    if not DESCRIBED_OTHERWISE & document.keys() and False not in _falses(document):
        assert violations == [Violation(*one) for one in expected]


def _falses(part):
    if part is False:
        yield False
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _falses(inner)
