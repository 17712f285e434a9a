"""Replies and schemas made to be slow: what is done for them stays in proportion to the text.

Not timed: a checker that looked twice at each character would not come to an end on these.
"""

import pytest

from schema_guard import Schema
from tests.public.ext.calls.prefix.feeding import stopped

TEXT = {"items": {"enum": ["x" * 300_000]}}
UNIONS = {
    "$defs": {
        f"level{level}": {"anyOf": [{"$ref": f"#/$defs/level{level + 1}"}, {"allOf": [{"$ref": f"#/$defs/level{level + 1}"}]}]}
        for level in range(40)
    }
    | {"level40": {"type": "array", "items": {"$ref": "#/$defs/level0"}}},
    "$ref": "#/$defs/level0",
}  # fmt: skip
STREAMS = {
    "white space": (True, "[" + " " * 100_000, 1),
    "one string": (TEXT, '["' + "x" * 200_000, 1),
    "escapes": ({"items": {"maxLength": 10**6}}, '["' + "\\u0041" * 20_000, 1),
    "backslashes": (True, '["' + "\\\\" * 50_000, 1),
    "one key": ({"properties": {"k" * 200_000: {}}, "additionalProperties": False}, '{"' + "k" * 150_000, 1),
    "many keys": ({"patternProperties": {"^k": {}}}, "{" + ",".join(f'"k{at}":1' for at in range(20_000)), 7),
    "unknown keys": ({"items": True}, "{" + ",".join(f'"k{at}":1' for at in range(50_000)), 7),
    "whole objects": ({"items": {"not": {"required": ["z"]}}}, "[" + '{"a":1},' * 20_000, 7),
    "objects in objects": ({"$defs": {"n": {"not": {"type": "null"}, "items": {"$ref": "#/$defs/n"}}}, "$ref": "#/$defs/n"}, "[" * 90 + "[1]," * 30_000, 16),
    "a pattern that looks ahead": ({"items": {"pattern": "^(?=(a+)+$)b"}}, "[" + f'"{"a" * 40}",' * 2_000, 16),
    "unions of unions": (UNIONS, "[" * 40 + "[]," * 5_000, 16),
    "prose": (True, "So " * 50_000, 1),
    "reasoning": (True, "<think>" + "</thin" * 30_000, 1),
    "blocks": (True, "<think></think>" * 100_000, 10**7),
    "a label": (True, "```" + "a" * 100_000, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=() if name in ("escapes", "unions of unions", "blocks") else pytest.mark.slow) for name in STREAMS
])  # fmt: skip
def test_a_hostile_stream_comes_to_its_end(name):
    """A long reply in small pieces is read to its end, and nothing is said of it."""
    schema, text, width = STREAMS[name]

    checker = stopped(Schema.of(schema), [text[at : at + width] for at in range(0, len(text), width)])

    assert (checker.failure, checker.read) == (None, len(text))
