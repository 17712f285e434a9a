"""Examples: what is told of a stopped reply, and the valid replies at which a checker could go wrong."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from schema_guard import InvalidArgument, Schema, judge, prefix_checker
from tests.public.ext.calls.prefix.feeding import stopped


@dataclass(frozen=True)
class Told:
    id: str
    schema: Any
    text: str
    read: int
    code: str
    location: str


CLOSED = {"properties": {"id": {"type": "integer"}, "idle": {}}, "additionalProperties": False}
OPEN_UNION = {
    "anyOf": [{"properties": {"a": {"type": "null"}}}, {"properties": {"a": {"enum": ["xy"]}}}],
    "type": "object",
}
TOLD = [
    Told("type at the first character", CLOSED, '{"id": "', 8, "type", "/id"),
    Told("a number at its delimiter", CLOSED, '{"id": 7.5,', 11, "type", "/id"),
    Told("an open key", CLOSED, '{"id": 7, "ix', 13, "additionalProperties", ""),
    Told("the comma behind the last name", CLOSED, '{"id": 7, "idle": 1,', 20, "additionalProperties", ""),
    Told("a key again", CLOSED, '{"id": 7, "id"', 14, "duplicate_key", ""),
    Told("a key again, by escapes", CLOSED, '{"id": 7, "\\u0069d"', 19, "duplicate_key", ""),
    Told("an open text", {"items": {"enum": ["ab", "b"]}}, '["b", "c', 8, "enum", "/1"),
    Told("an open text that is too long", {"items": {"maxLength": 2}}, '["\\u00e9\\ud83d\\ude00a', 21, "maxLength", "/0"),
    Told("the comma of a full array", {"maxItems": 1}, "[1,", 3, "maxItems", ""),
    Told("required at the bracket", {"items": {"required": ["a"]}}, '[{"b": 1}', 9, "required", "/0"),
    Told("a listed object", {"items": {"const": {"a": 1}}}, '[{"a": 2,', 9, "const", "/0"),
    Told("all arms of a union", {"items": OPEN_UNION}, '[{"a": "z', 9, "type", "/0/a"),
    Told("what members do not tell", {"items": {"not": {"required": ["a"]}}}, '[{"a": 1}', 9, "not", "/0"),
    Told("items that are alike", {"items": {"uniqueItems": True}}, "[[1, 1.0]", 9, "uniqueItems", "/0"),
    Told("no JSON", True, '{"a": tru}', 10, "malformed", ""),
    Told("half a character", True, '{"y\ud800": 1}', 4, "bad_unicode", ""),
    Told("half a character in a text", True, '["ab\\n\udc00"]', 7, "bad_unicode", ""),
    Told("half a character outside of one", True, "[1,\ud83d\ude00", 4, "bad_unicode", ""),
    Told("a trailing comma", True, "[1,]", 4, "malformed", ""),
    Told("NaN at its end", True, "[NaN", 4, "not_finite", ""),
    Told("another kind of root", {"type": "object"}, "[1", 1, "type", ""),
]  # fmt: skip


@pytest.mark.parametrize("case", TOLD, ids=lambda case: case.id)
def test_it_is_told_what_and_where(case):
    """A reply is stopped at the first character that nothing fixes, by the keyword and at the place of the judge."""
    checker = stopped(Schema.of(case.schema), case.text)

    assert (checker.read, checker.failure.code) == (case.read, case.code)
    assert [v.instance_location for v in checker.failure.violations] in ([case.location], [])


def test_the_message_is_the_judges():
    """Of a whole value the failure has the words that the judge has."""
    schema = Schema.of({"properties": {"total": {"maximum": 5}}})

    failure = stopped(schema, '{"total": 7, ').failure

    assert failure == judge('{"total": 7}', schema).failure


@pytest.mark.parametrize("name", ["total", "another"])
def test_a_name_that_was_not_read_is_not_told(name):
    """At the comma behind the last name that there may be the next one has none yet."""
    schema = Schema.of({"properties": {name: {}}, "additionalProperties": False})
    failure = prefix_checker(schema).feed(f'{{"{name}": 7,')

    assert failure.message == "at (root): expected no further properties, got object with one more property"


def test_a_value_that_was_begun_is_told_by_its_kind():
    """Of a value of which more was to come the message makes up nothing."""
    failure = prefix_checker(Schema.of(CLOSED)).feed('{"id": "twel')

    assert failure.message == "at /id: expected integer, got string"


@dataclass(frozen=True)
class Valid:
    id: str
    schema: Any
    text: str
    draft: str = "2020-12"


IF_TYPE = {"if": {"type": "string"}, "then": {"minLength": 3}, "else": {"maximum": 3}}
VALID = [
    Valid("dependentSchemas say nothing of scalars", {"items": {"dependentSchemas": {"a": {"type": "object"}}}}, "[1]"),
    Valid("dependencies under not", {"items": {"not": {"dependencies": {"a": ["b"]}}}}, '[{"a": 1}]'),
    Valid("white space of ECMA", {"items": {"pattern": "^\\s$"}}, '["\ufeff"]'),
    Valid("a reference alone", {"items": {"$ref": "#/definitions/a", "type": "null"}, "definitions": {"a": {}}}, "[1]", "draft7"),
    Valid("a reference with siblings", {"items": {"$ref": "#/$defs/a", "minimum": 1}, "$defs": {"a": {}}}, "[1]"),
    Valid("const before it was one", {"items": {"const": 2}}, "[1]", "draft4"),
    Valid("if before it was one", {"items": {"if": True, "then": False, "else": False}}, "[1]", "draft6"),
    Valid("if and else", {"items": IF_TYPE}, '["abc", 3]'),
    Valid("an integer with a point", {"items": {"type": "integer"}}, "[1.0, 1e2, 10e-1]"),
    Valid("a number that is not over", {"items": {"multipleOf": 10}}, "[600e-1]"),
    Valid("an exponent that is not over", {"items": {"maximum": 1}}, "[600e-9]"),
    Valid("underflow", {"items": {"maximum": 0}}, "[1e-400, -0]"),
    Valid("a text that begins as none, by escapes", {"items": {"enum": ["ab"]}}, '["\\u0061b"]'),
    Valid("a listed object in another order", {"items": {"enum": [{"a": 1, "b": [2]}]}}, '[{"b": [2.0], "a": 1}]'),
    Valid("an arm that dies late", {"items": OPEN_UNION}, '[{"b": 1, "a": "xy"}]'),
    Valid("all arms of oneOf but one", {"items": {"oneOf": [{"type": "object"}, {"required": ["a"]}]}}, '[{"b": 1}]'),
    Valid("a name by a pattern", {"patternProperties": {"^a": {}}, "additionalProperties": False}, '{"ab": 1}'),
    Valid("a circle at one value", {"$defs": {"a": {"anyOf": [{"items": {"$ref": "#/$defs/a"}}, {"type": "null"}]}}, "$ref": "#/$defs/a"}, "[[null]]"),
    Valid("a dynamic reference", {"$dynamicAnchor": "x", "properties": {"a": {"$dynamicRef": "#x"}}}, '{"a": {"a": 1}}'),
    Valid("a text for the longer arm", {"items": {"anyOf": [{"maxLength": 1}, {"minLength": 3}]}}, '["abc"]'),
    Valid("a text of escapes", {"items": {"maxLength": 2}}, '["\\u0061\\n"]'),
    Valid("a pair of surrogates is one character", {"items": {"maxLength": 1}}, '["\\ud83d\\ude00"]'),
    Valid("an unevaluated member that is evaluated", {"items": {"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": False}}, '[{"a": 1}]'),
    Valid("keys of one object in another", True, '[{"a": {"a": 1}}, {"a": 2}]'),
    Valid("a fence and what follows it", {"type": "object"}, '```json\n{"a": 1}\n```\nThat is all.'),
    Valid("a string of JSON", {"type": "object"}, '"{\\"a\\": 1}"'),
    Valid("prose around it", {"type": "object"}, 'Here [see below]: {"a": 1}'),
    Valid("reasoning in brackets", {"type": "object"}, '[THINK]{"a"[/THINK]{"a": 1}'),
]  # fmt: skip


@pytest.mark.parametrize("width", [1, 3, 1_000])
@pytest.mark.parametrize("case", VALID, ids=lambda case: case.id)
def test_a_valid_reply_is_not_stopped(case, width):
    """Of a valid reply nothing is said."""
    schema = Schema.of(case.schema, dialect=case.draft)
    parts = [case.text[at : at + width] for at in range(0, len(case.text), width)]

    assert judge(case.text, schema).ok
    assert stopped(schema, parts).failure is None


def test_what_the_type_reads_beside_its_schema_is_not_stopped():
    """A value that the schema's document refuses and its Python type reads is none that nothing fixes."""
    schema = Schema.of(list[date])
    text = '["2024-01-31", "2024-01-31T00:00:00"]'

    assert judge(text, schema).ok
    assert stopped(schema, text).failure is None
    assert stopped(schema, "[1").failure.code == "type"


def test_where_a_reply_stands():
    """A checker says what was read, whether it stands inside of the JSON, and whether that can still be valid."""
    checker = prefix_checker(Schema.of({"items": {"type": "null"}}))
    seen = []

    for piece in ("Ok</think>", " [nu", "ll]", " and", " more"):
        checker.feed(piece)
        seen.append((checker.read, checker.open, checker.viable))

    assert seen == [
        (10, False, True),
        (14, True, True),
        (17, False, True),
        (21, False, True),
        (26, False, True),
    ]


def test_a_failure_stays():
    """What was stopped stays so, and no more is read."""
    checker = prefix_checker(Schema.of({"type": "object"}))

    first = checker.feed("[1, 2")

    assert checker.feed("3]") is first is checker.failure
    assert (checker.read, checker.open, checker.viable) == (1, False, False)


def test_what_is_no_schema_is_refused():
    """A checker needs something that a schema can be loaded from."""
    with pytest.raises(InvalidArgument, match="schema"):
        prefix_checker(3)


@pytest.mark.parametrize("limits", [3, None, {"max_bytes": 9}])
def test_what_is_no_limits_is_refused(limits):
    """The argument is told, not what the checker looked for in it."""
    with pytest.raises(InvalidArgument, match=r"^limits=.*: expected limits=Limits\(max_bytes=\.\.\.\)$"):
        prefix_checker(Schema.of({"type": "object"}), limits=limits)


@pytest.mark.parametrize("piece", [b'{"id"', bytearray(b"x"), None, 5, ["{"]])
@pytest.mark.parametrize("before", ["", '{"id"', "[1"])
def test_what_is_no_text_is_refused_and_nothing_is_read(before, piece):
    """A checker that was given bytes or None stands where it stood, failed or not."""
    checker = prefix_checker(Schema.of({"type": "object"}))
    checker.feed(before)
    stood = (checker.read, checker.open, checker.failure)

    with pytest.raises(InvalidArgument, match=r"^feed: text=.*: expected a str"):
        checker.feed(piece)

    assert (checker.read, checker.open, checker.failure) == stood
