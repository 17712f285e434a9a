"""Documents of a user's that a schema of ours describes: as they are, or one message with place and advice."""

from enum import StrEnum
from math import nan
from types import MappingProxyType

import pytest

from schema_guard import InvalidArgument, Schema
from schema_guard.validation.published_schemas import fault, judged

SCHEMA = Schema.of(
    {
        "description": "What is counted",
        "type": "object",
        "additionalProperties": False,
        "required": ["n"],
        "properties": {
            "n": {"description": "calls, a zero too", "$ref": "#/$defs/count"},
            "kind": {"enum": ["value", "syntax"]},
            "rung": {"description": "a rung", "enum": [*"abcdefgh", "few_shot"]},
            "rows": {"type": "array", "items": {"$ref": "#/$defs/row"}},
            "share": {"if": {"type": "number"}, "then": {"maximum": 1, "description": "100 % is 1"}},
        },
        "$defs": {
            "count": {"type": "integer", "minimum": 0},
            "row": {"type": "array", "prefixItems": [{"type": "string"}], "description": "[name]"},
        },
    }
)


class Kind(StrEnum):
    VALUE = "value"


def test_document_is_given_as_plain_json():
    """Mappings, tuples and subclasses of texts and numbers are what they stand for in JSON."""
    document = MappingProxyType({"n": 3.0, "kind": Kind.VALUE, "rows": (("a",),)})

    plain = judged(document, SCHEMA, "counts")

    assert plain == {"n": 3.0, "kind": "value", "rows": [["a"]]}
    assert type(plain["kind"]) is str


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "(root): expected property 'n', got object with 0 properties: add 'n', calls, a zero too"),
        ({"n": -1}, "/n: expected a number >= 0, got number -1: calls, a zero too"),
        ({"n": nan}, "/n: expected a finite number, got number nan"),
        ({"n": 10**400}, "/n: expected a finite number, got number of 1329 bits"),
        ({"n": 1, "kin": 1}, "(root): expected no further properties, got object with 'kin': known are n kind rung rows share. Did you mean 'kind'?"),
        ({"n": 1, "kind": "sintax"}, "/kind: expected one of 'value', 'syntax', got string 'sintax': What is counted. Did you mean 'syntax'?"),
        ({"n": 1, "rung": "few_shots"}, "/rung: expected one of 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h' and 1 more, got string 'few_shots': a rung; known are a b c d e f g h few_shot. Did you mean 'few_shot'?"),
        ({"n": 1, "rows": [["a"], [1]]}, "/rows/1/0: expected string, got number 1: [name]"),
        ({"n": 1, "share": 80}, "/share: expected a number <= 1, got number 80: 100 % is 1"),
        ({"n": 1, "rows": {1, 2}}, "/rows: expected a JSON value, got a set"),
        ({"n": 1, 2: 1}, "(root): expected an object whose keys are texts, got another key"),
        ([], "(root): expected object, got array of 0 items: What is counted"),
        ({"n\x1b[2J": 1}, "(root): expected no further properties, got object with 'n\\x1b[2J': known are n kind rung rows share"),
    ],
)  # fmt: skip
def test_fault_is_told_with_its_place(document, message):
    """A fault names the document, the place, what was expected, what came, and what the schema says of it."""
    with pytest.raises(InvalidArgument) as caught:
        judged(document, SCHEMA, "counts")

    assert str(caught.value) == f"counts at {message}"


@pytest.mark.costly
def test_nesting_is_limited():
    """What is nested deeper than any document is refused at its place and never exhausts the stack."""
    document = []
    for _ in range(100_000):
        document = [document]

    with pytest.raises(
        InvalidArgument, match=r"^counts at /0/0.*: expected at most 30 levels of nesting, got more$"
    ):
        judged(document, SCHEMA, "counts")


def test_text_that_is_no_unicode_names_the_document():
    """A lone surrogate is no text."""
    with pytest.raises(InvalidArgument, match=r"^counts: instance contains a lone surrogate"):
        judged({"n": 1, "kind": "\ud800"}, SCHEMA, "counts")


def test_fault_without_advice_ends_with_what_came():
    """Advice is told only where there is some."""
    assert str(fault("counts", "", expected="one", got="two")) == "counts at (root): expected one, got two"
