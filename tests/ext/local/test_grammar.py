import copy
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llguidance import LLMatcher, LLTokenizer

from schema_guard.errors import InvalidArgument, MissingExtra
from schema_guard.ext.local.grammar import MAX_ITEMS, MAX_LENGTH, bounded, grammar
from schema_guard.schema import Schema
from tests.needs import needs

SUITE = sorted(Path(__file__).parents[3].glob("schemas/*/schema.json"))
TEXT = {"type": "string"}
BOUNDED_TEXT = {"type": "string", "maxLength": MAX_LENGTH}
HEAD = "strategy 'strict_schema' on provider 'llamacpp-llguidance': schema"


@dataclass(frozen=True, eq=False)
class Given:
    document: Any
    name: str = "s"
    dialect: str | None = None

    @property
    def fingerprint(self):
        return json.dumps(self.document)


def accepts(document, text):
    """Whether the grammar of a schema lets a text through."""
    tokens = LLTokenizer("byte")
    matcher = LLMatcher(tokens, grammar(Given(document)))
    wanted = tokens.tokenize_str(text)
    return (
        matcher.validate_tokens(wanted) == len(wanted)
        and matcher.consume_tokens(wanted)
        and matcher.is_accepting()
    )


@pytest.mark.parametrize("path", SUITE, ids=lambda path: path.parent.name)
def test_built_in_schemas_have_a_grammar(path):
    """Every schema of the suite compiles, bounded and compact, and stays as it was."""
    document = json.loads(path.read_text())
    before = copy.deepcopy(document)

    text = grammar(Schema.of(document))

    assert document == before
    assert text.startswith("%llguidance {}\nstart: %json {")
    assert '"whitespace_flexible": false' in text


@dataclass(frozen=True)
class Case:
    id: str
    document: Any
    bounded: Any


CASES = [
    Case("string", TEXT, BOUNDED_TEXT),
    Case(
        "string or null", {"type": ["string", "null"]}, {"type": ["string", "null"], "maxLength": MAX_LENGTH}
    ),
    Case("own bound", {"type": "string", "maxLength": 9000}, {"type": "string", "maxLength": 9000}),
    Case(
        "minimum",
        {"type": "string", "minLength": 600},
        {"type": "string", "minLength": 600, "maxLength": 600},
    ),
    Case("short pattern", {"pattern": "^a+$"}, {"pattern": "^a+$", "maxLength": MAX_LENGTH}),
    Case("long pattern", {"pattern": "^[a-z]{600}$"}, {"pattern": "^[a-z]{600}$"}),
    Case("format", {"format": "date"}, {"format": "date", "maxLength": MAX_LENGTH}),
    Case("enum", {"type": "string", "enum": ["a"]}, {"type": "string", "enum": ["a"]}),
    Case("const", {"type": "string", "const": "a"}, {"type": "string", "const": "a"}),
    Case("anything", {}, {}),
    Case("true", True, True),
    Case("false", False, False),
    Case(
        "array of strings",
        {"type": "array", "items": TEXT},
        {"type": "array", "items": BOUNDED_TEXT, "maxItems": MAX_ITEMS},
    ),
    Case(
        "minimum of items",
        {"type": "array", "minItems": 99},
        {"type": "array", "minItems": 99, "maxItems": 99},
    ),
    Case(
        "tuple",
        {"prefixItems": [TEXT, {"type": "null"}]},
        {"prefixItems": [BOUNDED_TEXT, {"type": "null"}], "maxItems": MAX_ITEMS},
    ),
    Case(
        "properties named like keywords",
        {"type": "object", "properties": {"enum": TEXT, "type": TEXT}},
        {
            "type": "object",
            "properties": {"enum": BOUNDED_TEXT, "type": BOUNDED_TEXT},
            "additionalProperties": False,
        },
    ),
    Case(
        "data is no schema",
        {"default": {"type": "string"}, "examples": [TEXT], "const": TEXT},
        {"default": {"type": "string"}, "examples": [TEXT], "const": TEXT},
    ),
    Case(
        "shared by schema and data",
        {"properties": {"a": TEXT}, "additionalProperties": True, "examples": [TEXT]},
        {"properties": {"a": BOUNDED_TEXT}, "additionalProperties": True, "examples": [TEXT]},
    ),
    Case(
        "definitions and references",
        {"$ref": "#/$defs/a", "$defs": {"a": TEXT}, "definitions": {"b": TEXT}},
        {"$ref": "#/$defs/a", "$defs": {"a": BOUNDED_TEXT}, "definitions": {"b": BOUNDED_TEXT}},
    ),
    Case(
        "unions are bounded in their arms",
        {"type": "string", "anyOf": [{"minLength": 3}, TEXT]},
        {"type": "string", "anyOf": [{"minLength": 3, "maxLength": MAX_LENGTH}, BOUNDED_TEXT]},
    ),
    Case(
        "open by intent",
        {"properties": {"a": TEXT}, "additionalProperties": TEXT},
        {"properties": {"a": BOUNDED_TEXT}, "additionalProperties": BOUNDED_TEXT},
    ),
    Case("requires what it does not list", {"properties": {"a": {}}, "required": ["b"]}, None),
    Case("put together by allOf", {"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]}, None),
    Case("beside anyOf", {"properties": {"a": {}}, "anyOf": [{"properties": {"b": {}}}]}, None),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_bounded_copy(case):
    """A copy has bounds where there are none and they contradict nothing; the document stays as it is."""
    before = copy.deepcopy(case.document)

    copied = bounded(case.document)

    assert copied == (case.document if case.bounded is None else case.bounded)
    assert case.document == before


SCHEMAS = st.recursive(
    st.sampled_from(
        [
            True,
            {},
            {"type": "integer", "minimum": 3},
            {"type": "string"},
            {"type": "string", "minLength": 700},
            {"type": "string", "pattern": "^[A-Z]{2}[0-9]+$"},
            {"type": "string", "format": "uuid"},
            {"enum": ["x" * 600, [1], None]},
            {"$ref": "#/$defs/a"},
        ]
    ),
    lambda inner: st.one_of(
        st.builds(lambda items: {"type": "array", "items": items}, inner),
        st.builds(lambda a, b: {"type": "array", "prefixItems": [a, b]}, inner, inner),
        st.builds(lambda a, b: {"anyOf": [a, b]}, inner, inner),
        st.builds(
            lambda members, required: {"type": "object", "properties": members, "required": required},
            st.dictionaries(st.sampled_from(["a", "type", "enum"]), inner, max_size=3),
            st.lists(st.sampled_from(["a", "zz"]), unique=True),
        ),
    ),
    max_leaves=6,
)


@given(SCHEMAS)
def test_bounds_never_cost_the_grammar(document):
    """What compiles without bounds compiles with them, twice to the same text, and is never changed."""
    document = {"$defs": {"a": {"type": "string"}}, "allOf": [document]}
    before = copy.deepcopy(document)

    text = grammar(Given(document))

    assert document == before
    assert grammar(Given(document)) == text
    assert bounded(bounded(document)) == bounded(document)


def test_long_pattern_in_another_arm_leaves_bounds_out():
    """Where a bound would rule out every reply, strings stay unbounded and arrays do not."""
    document = {"allOf": [TEXT, {"pattern": "^[a-z]{600}$"}]}

    assert accepts(document, json.dumps("a" * 600))


def test_grammar_enforces_bounds_and_compact_white_space():
    """The engine lets through what the bounded schema allows, without blanks."""
    document = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 40, "maximum": 42}}}

    assert accepts(document, '{"n":41}')
    assert not accepts(document, '{"n":43}')
    assert not accepts(document, '{"n": 41}')
    assert not accepts({"type": "array", "maxItems": 1}, "[1,2]")
    assert accepts(document={"type": "null"}, text="null")
    assert accepts(True, "[]")


@pytest.mark.parametrize("draft", ["draft4", "draft6", "draft7", "2019-09", "2020-12"])
def test_dialect_of_the_schema_is_sent(draft):
    """A dialect that was given beside the document is written into the grammar, for a reference at the root too."""
    schema = Schema.of({"$ref": "#/definitions/a", "definitions": {"a": TEXT}}, dialect=draft)

    text = grammar(schema)

    assert json.loads(text.partition("%json ")[2])["$schema"] == schema.dialect


@dataclass(frozen=True)
class Refused:
    id: str
    document: Any
    message: str


KEYWORDS = " has keywords that llguidance does not enforce: "
ADVICE = ". Use another strategy (json_mode, system_prompt), or move them from the schema to checks="
REFUSED = [
    Refused(
        "several",
        {
            "properties": {
                "a": {"not": {}},
                "b": {"type": "array", "uniqueItems": True},
                "c": {"format": "color"},
                "d": {"pattern": "(?=a)"},
                "e": {"pattern": "^a$"},
            }
        },
        f"{HEAD} s{KEYWORDS}'not' at /properties/a, 'uniqueItems' at /properties/b, 'format' at "
        f"/properties/c, 'pattern' at /properties/d{ADVICE}",
    ),
    Refused("root", {"if": {}}, f"{HEAD} s{KEYWORDS}'if' at (root){ADVICE}"),
    Refused("oneOf", {"oneOf": [TEXT, {"minLength": 1}]}, f"{HEAD} s{KEYWORDS}'oneOf' at (root){ADVICE}"),
    Refused(
        "patternProperties",
        {"patternProperties": {"(?!a)": {}}},
        f"{HEAD} s{KEYWORDS}'patternProperties' at (root){ADVICE}",
    ),
    Refused("$ref", {"$ref": "urn:other"}, f"{HEAD} s{KEYWORDS}'$ref' at (root){ADVICE}"),
    Refused(
        "many",
        {"prefixItems": [{"not": {}}] * 12},
        f"{HEAD} s{KEYWORDS}"
        + ", ".join(f"'not' at /prefixItems/{index}" for index in (0, 1, 10, 11, 2, 3, 4, 5, 6, 7))
        + f" and 2 more{ADVICE}",
    ),
    Refused(
        "false",
        False,
        f"{HEAD} s: llguidance can't build a grammar: Unsatisfiable schema: schema is false. Correct the schema, or use another "
        "strategy",
    ),
    Refused(
        "contradiction",
        {"type": "integer", "minimum": 2, "maximum": 1},
        f"{HEAD} s: llguidance can't build a grammar: Unsatisfiable schema: minimum (2) is greater than maximum (1). Correct the "
        "schema, or use another strategy",
    ),
    Refused(
        "its own leniency",
        {"x-guidance": {"coerce_one_of": True}, "oneOf": [TEXT, {"minLength": 1}]},
        f"{HEAD} s{KEYWORDS}'oneOf' at (root){ADVICE}",
    ),
]


@needs("fitting")
@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.id)
def test_keyword_that_the_engine_would_ignore_is_named(case):
    """A schema that the engine cannot enforce is refused before any call, with every keyword and its place."""
    with pytest.raises(InvalidArgument) as caught:
        grammar(Schema.of(case.document, name="s", resources={"urn:other": {}}))

    assert str(caught.value) == case.message


def test_missing_engine_is_a_missing_extra(monkeypatch):
    """Without llguidance the message names the pip command."""
    monkeypatch.setitem(sys.modules, "llguidance", None)

    with pytest.raises(MissingExtra) as caught:
        grammar(Given({"title": "never compiled before"}))

    assert str(caught.value) == (
        "strategy 'strict_schema' on provider 'llamacpp-llguidance' needs llguidance. Run "
        "pip install 'schema-guard[local]'"
    )
