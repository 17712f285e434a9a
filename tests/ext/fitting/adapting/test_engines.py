"""The engines themselves judge what is sent to them."""

import json

import pytest

from schema_guard.bench.suites.load import load_suite
from schema_guard.ext.fitting.adapting import adapt

SCHEMAS = {schema.name: schema.schema.document for schema in load_suite("small").schemas}
RECURSIVE = {
    "$defs": {"tree": {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}},
    "$ref": "#/$defs/tree",
    "description": "a tree",
}  # fmt: skip
ALL = {**SCHEMAS, "recursive": RECURSIVE}


@pytest.mark.parametrize("name", ALL)
def test_llguidance_compiles_what_it_is_sent(name):
    """The engine takes every adapted schema without a warning."""
    engine = pytest.importorskip("llguidance", reason="llguidance is not installed")
    made = adapt(ALL[name], "llguidance")
    text = "%llguidance {}\nstart: %json " + json.dumps(made.schema)

    assert engine.LLMatcher.validate_grammar_with_warnings(text) == (False, [])


@pytest.mark.parametrize("name", ALL)
def test_outlines_core_compiles_what_it_is_sent(name):
    """The engine writes an expression for every adapted schema."""
    engine = pytest.importorskip("outlines_core.json_schema", reason="outlines-core is not installed")

    assert engine.build_regex_from_schema(json.dumps(adapt(ALL[name], "outlines-core").schema))
