"""Stops of the prefix checker: the number of characters read, and the failure."""

import pytest

from schema_guard import Schema, prefix_checker

# Schema, text, characters read, failure or None, and its places in the reply and in the schema.
STOPPED = [
    (
        {"const": [1, 2]},
        "[1]",
        3,
        ("value", "const", "at (root): expected array of 2 items, got array of 1 item"),
        [("", "/const")],
    ),
    (
        {"const": [1, 2]},
        "[1,2,3]",
        5,
        ("value", "const", "at (root): expected array of 2 items, got array of 3 items"),
        [("", "/const")],
    ),
    ({"const": [1, 2]}, "[1,2]", 5, None, []),
    ({"enum": [[1], [2, 3]]}, "[2]", 3, None, []),
    (
        {"enum": [[1], [2, 3]]},
        "[]",
        2,
        (
            "value",
            "enum",
            "at (root): expected one of array of 1 item, array of 2 items, got array of 0 items",
        ),
        [("", "/enum")],
    ),
    (
        {"const": {"a": 1}},
        "{}",
        2,
        ("value", "const", "at (root): expected object with 1 property, got object with 0 properties"),
        [("", "/const")],
    ),
    (
        {"const": {"a": 1}},
        '{"a":1,"b":2}',
        7,
        ("value", "const", "at (root): expected object with 1 property, got object with 2 properties"),
        [("", "/const")],
    ),
    (
        {"const": {"a": 1}},
        '{"b":1}',
        3,
        ("value", "const", "at (root): expected object with 1 property, got object with 1 property"),
        [("", "/const")],
    ),
    (
        {"type": "object"},
        "[1]",
        1,
        ("structure", "type", "at (root): expected object, got array"),
        [("", "/type")],
    ),
    (
        {"type": "array"},
        '{"a":1}',
        1,
        ("structure", "type", "at (root): expected array, got object"),
        [("", "/type")],
    ),
    ({"type": "string"}, "12", 2, None, []),
    (
        {"properties": {"a": {"type": "string"}}},
        '{"a": 12, "b": 1}',
        7,
        ("structure", "type", "at /a: expected string, got number"),
        [("/a", "/properties/a/type")],
    ),
    (
        {"items": {"type": "string"}},
        "[12]",
        2,
        ("structure", "type", "at /0: expected string, got number"),
        [("/0", "/items/type")],
    ),
    ({"type": "integer"}, '"x"', 3, None, []),
    (
        {"properties": {"a": {"type": "integer"}}},
        '{"a": "x", "b": 1}',
        7,
        ("structure", "type", "at /a: expected integer, got string"),
        [("/a", "/properties/a/type")],
    ),
    (
        {"items": {"type": "integer"}},
        '["x"]',
        2,
        ("structure", "type", "at /0: expected integer, got string"),
        [("/0", "/items/type")],
    ),
    ({"type": "integer"}, "1.5 ", 4, None, []),
    (
        {"properties": {"a": {"type": "integer"}}},
        '{"a": 1.5 , "b": 1}',
        10,
        ("structure", "type", "at /a: expected integer, got number 1.5"),
        [("/a", "/properties/a/type")],
    ),
    (
        {"items": {"type": "integer"}},
        "[1.5 ]",
        5,
        ("structure", "type", "at /0: expected integer, got number 1.5"),
        [("/0", "/items/type")],
    ),
    ({"type": "integer"}, "1.0 ", 4, None, []),
    ({"properties": {"a": {"type": "integer"}}}, '{"a": 1.0 , "b": 1}', 19, None, []),
    ({"items": {"type": "integer"}}, "[1.0 ]", 6, None, []),
    ({"type": "boolean"}, "null", 4, None, []),
    (
        {"properties": {"a": {"type": "boolean"}}},
        '{"a": null, "b": 1}',
        7,
        ("structure", "type", "at /a: expected boolean, got null"),
        [("/a", "/properties/a/type")],
    ),
    (
        {"items": {"type": "boolean"}},
        "[null]",
        2,
        ("structure", "type", "at /0: expected boolean, got null"),
        [("/0", "/items/type")],
    ),
    ({"type": "null"}, "true", 4, None, []),
    (
        {"properties": {"a": {"type": "null"}}},
        '{"a": true, "b": 1}',
        7,
        ("structure", "type", "at /a: expected null, got boolean"),
        [("/a", "/properties/a/type")],
    ),
    (
        {"items": {"type": "null"}},
        "[true]",
        2,
        ("structure", "type", "at /0: expected null, got boolean"),
        [("/0", "/items/type")],
    ),
    ({"type": ["integer", "null"]}, '"x"', 3, None, []),
    (
        {"properties": {"a": {"type": ["integer", "null"]}}},
        '{"a": "x", "b": 1}',
        7,
        ("structure", "type", "at /a: expected null or integer, got string"),
        [("/a", "/properties/a/type")],
    ),
    (
        {"items": {"type": ["integer", "null"]}},
        '["x"]',
        2,
        ("structure", "type", "at /0: expected null or integer, got string"),
        [("/0", "/items/type")],
    ),
    (
        {"type": "object", "properties": {"a": {"type": "integer"}}},
        '{"a": "x"}',
        7,
        ("structure", "type", "at /a: expected integer, got string"),
        [("/a", "/properties/a/type")],
    ),
    ({"type": "object", "properties": {"a": {"type": "integer"}}}, '{"a": 12, "b": [1]}', 19, None, []),
    (
        {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
        '{"b": 1}',
        3,
        (
            "structure",
            "additionalProperties",
            "at (root): expected no further properties, got object with 'b'",
        ),
        [("", "/additionalProperties")],
    ),
    (
        {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
        '{"a": 1, "abc": 2}',
        8,
        (
            "structure",
            "additionalProperties",
            "at (root): expected no further properties, got object with one more property",
        ),
        [("", "/additionalProperties")],
    ),
    (
        {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}},
        '{"x": 1}',
        7,
        ("structure", "type", "at /x: expected string, got number"),
        [("/x", "/additionalProperties/type")],
    ),
    (
        {"type": "object", "properties": {}, "patternProperties": {"^x": {"type": "integer"}}},
        '{"xa": "1"}',
        8,
        ("structure", "type", "at /xa: expected integer, got string"),
        [("/xa", "/patternProperties/^x/type")],
    ),
    ({"type": "object", "properties": {}, "propertyNames": {"maxLength": 2}}, '{"abc": 1}', 10, None, []),
    (
        {"type": "object", "properties": {"a": {}}, "required": ["a"]},
        '{"b": 1}',
        8,
        ("structure", "required", "at (root): expected property 'a', got object with 1 property"),
        [("", "/required")],
    ),
    (
        {"type": "object", "properties": {"a": {}}, "required": ["a", "b"]},
        '{"a": 1}',
        8,
        ("structure", "required", "at (root): expected property 'b', got object with 1 property"),
        [("", "/required")],
    ),
    (
        {"type": "object", "properties": {}, "maxProperties": 1},
        '{"a":1,"b":2}',
        7,
        ("value", "maxProperties", "at (root): expected at most 1 property, got object with 2 properties"),
        [("", "/maxProperties")],
    ),
    (
        {"type": "object", "properties": {}, "minProperties": 2},
        '{"a":1}',
        7,
        ("value", "minProperties", "at (root): expected at least 2 properties, got object with 1 property"),
        [("", "/minProperties")],
    ),
    (
        {"type": "object", "properties": {"a": {"enum": ["red", "green"]}}},
        '{"a": "rot"}',
        9,
        ("value", "enum", "at /a: expected one of 'red', 'green', got string"),
        [("/a", "/properties/a/enum")],
    ),
    (
        {"type": "object", "properties": {"a": {"enum": ["red", "green"]}}},
        '{"a": "re"}',
        10,
        ("value", "enum", "at /a: expected one of 'red', 'green', got string 're'"),
        [("/a", "/properties/a/enum")],
    ),
    ({"enum": [1, 12]}, "13", 2, None, []),
    (
        {"properties": {"a": {"enum": [1, 12]}}},
        '{"a": 13, "b": 1}',
        9,
        ("value", "enum", "at /a: expected one of 1, 12, got number 13"),
        [("/a", "/properties/a/enum")],
    ),
    (
        {"items": {"enum": [1, 12]}},
        "[13]",
        4,
        ("value", "enum", "at /0: expected one of 1, 12, got number 13"),
        [("/0", "/items/enum")],
    ),
    ({"enum": [1, 12]}, "12", 2, None, []),
    ({"properties": {"a": {"enum": [1, 12]}}}, '{"a": 12, "b": 1}', 17, None, []),
    ({"items": {"enum": [1, 12]}}, "[12]", 4, None, []),
    (
        {"type": "object", "properties": {"a": {"const": "yes"}}},
        '{"a": "yep"}',
        10,
        ("value", "const", "at /a: expected 'yes', got string"),
        [("/a", "/properties/a/const")],
    ),
    (
        {"const": {"a": [1]}},
        '{"a":[2]}',
        8,
        ("value", "const", "at (root): expected object with 1 property, got object with 1 property"),
        [("", "/const")],
    ),
    ({"minimum": 10}, "9 ", 2, None, []),
    (
        {"properties": {"a": {"minimum": 10}}},
        '{"a": 9 , "b": 1}',
        8,
        ("value", "minimum", "at /a: expected a number >= 10, got number 9"),
        [("/a", "/properties/a/minimum")],
    ),
    (
        {"items": {"minimum": 10}},
        "[9 ]",
        3,
        ("value", "minimum", "at /0: expected a number >= 10, got number 9"),
        [("/0", "/items/minimum")],
    ),
    ({"minimum": 10}, "95 ", 3, None, []),
    ({"properties": {"a": {"minimum": 10}}}, '{"a": 95 , "b": 1}', 18, None, []),
    ({"items": {"minimum": 10}}, "[95 ]", 5, None, []),
    ({"maximum": 10}, "11", 2, None, []),
    (
        {"properties": {"a": {"maximum": 10}}},
        '{"a": 11, "b": 1}',
        9,
        ("value", "maximum", "at /a: expected a number <= 10, got number 11"),
        [("/a", "/properties/a/maximum")],
    ),
    (
        {"items": {"maximum": 10}},
        "[11]",
        4,
        ("value", "maximum", "at /0: expected a number <= 10, got number 11"),
        [("/0", "/items/maximum")],
    ),
    ({"maximum": 10}, "-11", 3, None, []),
    ({"properties": {"a": {"maximum": 10}}}, '{"a": -11, "b": 1}', 18, None, []),
    ({"items": {"maximum": 10}}, "[-11]", 5, None, []),
    ({"exclusiveMaximum": 10}, "10 ", 3, None, []),
    (
        {"properties": {"a": {"exclusiveMaximum": 10}}},
        '{"a": 10 , "b": 1}',
        9,
        ("value", "exclusiveMaximum", "at /a: expected a number < 10, got number 10"),
        [("/a", "/properties/a/exclusiveMaximum")],
    ),
    (
        {"items": {"exclusiveMaximum": 10}},
        "[10 ]",
        4,
        ("value", "exclusiveMaximum", "at /0: expected a number < 10, got number 10"),
        [("/0", "/items/exclusiveMaximum")],
    ),
    ({"multipleOf": 5}, "12 ", 3, None, []),
    (
        {"properties": {"a": {"multipleOf": 5}}},
        '{"a": 12 , "b": 1}',
        9,
        ("value", "multipleOf", "at /a: expected a multiple of 5, got number 12"),
        [("/a", "/properties/a/multipleOf")],
    ),
    (
        {"items": {"multipleOf": 5}},
        "[12 ]",
        4,
        ("value", "multipleOf", "at /0: expected a multiple of 5, got number 12"),
        [("/0", "/items/multipleOf")],
    ),
    ({"type": "string", "maxLength": 3}, '"abcd"', 6, None, []),
    (
        {"properties": {"a": {"type": "string", "maxLength": 3}}},
        '{"a": "abcd", "b": 1}',
        11,
        ("value", "maxLength", "at /a: expected a string of at most 3 characters, got string"),
        [("/a", "/properties/a/maxLength")],
    ),
    (
        {"items": {"type": "string", "maxLength": 3}},
        '["abcd"]',
        6,
        ("value", "maxLength", "at /0: expected a string of at most 3 characters, got string"),
        [("/0", "/items/maxLength")],
    ),
    ({"type": "string", "minLength": 3}, '"ab"', 4, None, []),
    (
        {"properties": {"a": {"type": "string", "minLength": 3}}},
        '{"a": "ab", "b": 1}',
        10,
        ("value", "minLength", "at /a: expected a string of at least 3 characters, got string 'ab'"),
        [("/a", "/properties/a/minLength")],
    ),
    (
        {"items": {"type": "string", "minLength": 3}},
        '["ab"]',
        5,
        ("value", "minLength", "at /0: expected a string of at least 3 characters, got string 'ab'"),
        [("/0", "/items/minLength")],
    ),
    ({"type": "string", "pattern": "^[a-c]+$"}, '"abx"', 5, None, []),
    (
        {"properties": {"a": {"type": "string", "pattern": "^[a-c]+$"}}},
        '{"a": "abx", "b": 1}',
        11,
        ("value", "pattern", "at /a: expected a string that matches '^[a-c]+$', got string 'abx'"),
        [("/a", "/properties/a/pattern")],
    ),
    (
        {"items": {"type": "string", "pattern": "^[a-c]+$"}},
        '["abx"]',
        6,
        ("value", "pattern", "at /0: expected a string that matches '^[a-c]+$', got string 'abx'"),
        [("/0", "/items/pattern")],
    ),
    ({"type": "string", "format": "date"}, '"2024-13', 8, None, []),
    (
        {"properties": {"a": {"type": "string", "format": "date"}}},
        '{"a": "2024-13, "b": 1}',
        17,
        ("value", "format", "at /a: expected a string in format 'date', got string '2024-13, '"),
        [("/a", "/properties/a/format")],
    ),
    ({"items": {"type": "string", "format": "date"}}, '["2024-13]', 10, None, []),
    ({"type": "string", "format": "date"}, '"x', 2, None, []),
    (
        {"properties": {"a": {"type": "string", "format": "date"}}},
        '{"a": "x, "b": 1}',
        11,
        ("value", "format", "at /a: expected a string in format 'date', got string 'x, '"),
        [("/a", "/properties/a/format")],
    ),
    ({"items": {"type": "string", "format": "date"}}, '["x]', 4, None, []),
    (
        {"type": "array", "items": {"type": "integer"}},
        '[1, "x"]',
        5,
        ("structure", "type", "at /1: expected integer, got string"),
        [("/1", "/items/type")],
    ),
    (
        {"type": "array", "maxItems": 2},
        "[1,2,3]",
        5,
        ("value", "maxItems", "at (root): expected at most 2 items, got array of 3 items"),
        [("", "/maxItems")],
    ),
    (
        {"type": "array", "minItems": 2},
        "[1]",
        3,
        ("value", "minItems", "at (root): expected at least 2 items, got array of 1 item"),
        [("", "/minItems")],
    ),
    (
        {"prefixItems": [{"type": "integer"}], "items": False},
        "[1, 2]",
        5,
        ("structure", "items", "at /1: expected nothing here, got number"),
        [("/1", "/items")],
    ),
    (
        {"prefixItems": [{"type": "integer"}, {"type": "string"}]},
        '["x"',
        2,
        ("structure", "type", "at /0: expected integer, got string"),
        [("/0", "/prefixItems/0/type")],
    ),
    ({"uniqueItems": True}, "[1,1]", 5, None, []),
    ({"contains": {"type": "string"}}, "[1]", 3, None, []),
    (
        {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        "[1",
        1,
        ("structure", "type", "at (root): expected integer or string, got array"),
        [("", "/anyOf/0/type")],
    ),
    (
        {
            "oneOf": [
                {"type": "object", "properties": {"k": {"const": "a"}}, "required": ["k"]},
                {"type": "object", "properties": {"k": {"const": "b"}}, "required": ["k"]},
            ]
        },
        '{"k": "c"}',
        8,
        ("value", "enum", "at /k: expected one of 'a', 'b', got string"),
        [("/k", "/oneOf/0/properties/k/enum")],
    ),
    ({"allOf": [{"type": "integer"}, {"minimum": 3}]}, "2 ", 2, None, []),
    (
        {"properties": {"a": {"allOf": [{"type": "integer"}, {"minimum": 3}]}}},
        '{"a": 2 , "b": 1}',
        8,
        ("value", "minimum", "at /a: expected a number >= 3, got number 2"),
        [("/a", "/properties/a/allOf/1/minimum")],
    ),
    (
        {"items": {"allOf": [{"type": "integer"}, {"minimum": 3}]}},
        "[2 ]",
        3,
        ("value", "minimum", "at /0: expected a number >= 3, got number 2"),
        [("/0", "/items/allOf/1/minimum")],
    ),
    ({"not": {"type": "string"}}, '"x"', 3, None, []),
    (
        {"properties": {"a": {"not": {"type": "string"}}}},
        '{"a": "x", "b": 1}',
        9,
        ("structure", "not", "at /a: expected a value that does not match 'not', got string 'x'"),
        [("/a", "/properties/a/not")],
    ),
    (
        {"items": {"not": {"type": "string"}}},
        '["x"]',
        4,
        ("structure", "not", "at /0: expected a value that does not match 'not', got string 'x'"),
        [("/0", "/items/not")],
    ),
    ({"if": {"type": "string"}, "then": {"maxLength": 1}}, '"xx"', 4, None, []),
    (
        {"properties": {"a": {"if": {"type": "string"}, "then": {"maxLength": 1}}}},
        '{"a": "xx", "b": 1}',
        10,
        ("value", "maxLength", "at /a: expected a string of at most 1 character, got string 'xx'"),
        [("/a", "/properties/a/then/maxLength")],
    ),
    (
        {"items": {"if": {"type": "string"}, "then": {"maxLength": 1}}},
        '["xx"]',
        5,
        ("value", "maxLength", "at /0: expected a string of at most 1 character, got string 'xx'"),
        [("/0", "/items/then/maxLength")],
    ),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "integer"}}}, '"x', 2, None, []),
    (False, "1", 1, None, []),
    (
        {"properties": {"a": False}},
        '{"a": 1, "b": 1}',
        4,
        ("structure", "properties", "at /a: expected nothing here, got null"),
        [("/a", "/properties/a")],
    ),
    (
        {"items": False},
        "[1]",
        2,
        ("structure", "items", "at /0: expected nothing here, got number"),
        [("/0", "/items")],
    ),
    (
        True,
        '{"a":1,"a":2}',
        10,
        ("syntax", "duplicate_key", "an object has the same key twice, at character 10 of the JSON text"),
        [],
    ),
    (True, "[1,]", 4, ("syntax", "malformed", "trailing comma at line 1 column 4"), []),
    (True, '{"a" 1}', 6, ("syntax", "malformed", "expected `:` at line 1 column 6"), []),
    (
        True,
        "[NaN]",
        4,
        (
            "syntax",
            "not_finite",
            "the text has NaN or Infinity, which JSON does not allow, at line 1 column 2",
        ),
        [],
    ),
    (True, "[01", 3, ("syntax", "malformed", "invalid number at line 1 column 3"), []),
    (
        True,
        '["\x01',
        3,
        (
            "syntax",
            "malformed",
            "control character (\\u0000-\\u001F) found while parsing a string at line 1 column 3",
        ),
        [],
    ),
    (True, '["\\x', 4, ("syntax", "malformed", "invalid escape at line 1 column 4"), []),
    (True, "[1}", 3, ("syntax", "malformed", "expected `,` or `]` at line 1 column 3"), []),
    (True, "{1", 2, ("syntax", "malformed", "key must be a string at line 1 column 2"), []),
    ({"type": "object"}, 'Here: {"a":1}', 13, None, []),
    (
        {"type": "object"},
        "```json\n[1]\n```",
        9,
        ("structure", "type", "at (root): expected object, got array"),
        [("", "/type")],
    ),
    (
        {"type": "object"},
        "<think>{}</think>[1]",
        18,
        ("structure", "type", "at (root): expected object, got array"),
        [("", "/type")],
    ),
    ({"type": "object"}, "{} {}", 5, None, []),
    ({"type": "array"}, "[1] and more", 12, None, []),
    (
        {
            "type": "object",
            "properties": {
                "a": {"type": "object", "properties": {"b": {"type": "array", "items": {"type": "integer"}}}}
            },
        },
        '{"a": {"b": [1, 2, "x"]}}',
        20,
        ("structure", "type", "at /a/b/2: expected integer, got string"),
        [("/a/b/2", "/properties/a/properties/b/items/type")],
    ),
    (
        {"type": "object", "properties": {"a/b": {"type": "integer"}}},
        '{"a/b": "x"}',
        9,
        ("structure", "type", "at /a~1b: expected integer, got string"),
        [("/a~1b", "/properties/a~1b/type")],
    ),
    (
        {
            "type": "object",
            "properties": {
                "l": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"n": {"type": "integer"}},
                        "required": ["n"],
                        "additionalProperties": False,
                    },
                }
            },
        },
        '{"l":[{"n":1},{"m":2}]}',
        17,
        ("structure", "additionalProperties", "at /l/1: expected no further properties, got object with 'm'"),
        [("/l/1", "/properties/l/items/additionalProperties")],
    ),
    (
        {"type": "object", "properties": {"dependent": {}}, "dependentRequired": {"a": ["b"]}},
        '{"a":1}',
        7,
        None,
        [],
    ),
]


@pytest.mark.parametrize(("document", "text", "read", "failure", "places"), STOPPED)
def test_checker_stops_at_the_first_character_that_breaks_the_schema(document, text, read, failure, places):
    """The checker stops at the first character after which no continuation is valid."""
    checker = prefix_checker(Schema.of(document))
    item = next((item for char in text if (item := checker.feed(char))), None)

    assert (checker.read, checker.viable, checker.failure) == (read, failure is None, item)
    assert (item and (item.kind, item.code, item.message)) == failure
    assert [
        (one.instance_location, one.keyword_location) for one in (item.violations if item else ())
    ] == places


@pytest.mark.parametrize(("document", "text", "read", "failure", "places"), STOPPED)
def test_checker_finds_the_failure_in_a_whole_text(document, text, read, failure, places):
    """For the whole text at once, the checker has the same kind of failure."""
    checker = prefix_checker(Schema.of(document))
    result = checker.feed(text)

    assert (result and (result.kind, result.code)) == (failure and failure[:2])


OPEN = [
    ("", False), (" ", False), ("{", True), ('{"a": [', True), ('{"a": [1', True), ('{"a": [1]', True), ('{"a": [1]}', False),
    ('{"a": "}', True), ("Here: ", False), ("Here: [", False), ("```json\n{", True), ("<think>[", False),
]  # fmt: skip


@pytest.mark.parametrize(("text", "is_open"), OPEN)
def test_checker_is_open_inside_a_document(text, is_open):
    """`open` is true while a bracket of the only candidate is open."""
    checker = prefix_checker(Schema.of(True))
    checker.feed(text)

    assert checker.open is is_open


def test_stopped_checker_reads_nothing():
    """After a failure, the checker ignores further text and returns the same failure."""
    checker = prefix_checker(Schema.of({"type": "object"}))
    first = checker.feed("[1")

    assert first is not None
    assert checker.feed("{}") == first
    assert (checker.failure, checker.viable, checker.read) == (first, False, 1)
