"""The reference engine, for schemas that the fast engine cannot compile, has the same results."""

import pytest

import schema_guard
from schema_guard import Schema
from tests.needs import needs
from tests.public.schemas.test_official_suite import WITHOUT_ASSERTIONS, suite, wrong
from tests.thinned import costly

__all__ = ["suite"]


@pytest.mark.parametrize("draft", costly(["draft4", "draft7", "draft2020-12"], 3))
def test_reference_engine_agrees(suite, draft, monkeypatch):
    """The engine behind the fast one is right wherever the fast one is."""
    monkeypatch.setattr("schema_guard.validation.fast_engine.MAX_CROSSINGS", 0)
    monkeypatch.setattr("schema_guard.schema._cache", {})

    _, result = wrong(suite, draft, f"tests/{draft}", formats=False)

    assert [case for case in result if case[1] != WITHOUT_ASSERTIONS] == []


@needs("streaming")
def test_a_schema_that_only_the_reference_engine_takes_asks_nothing(monkeypatch):
    """Where the fast engine does not validate, only what is no JSON is stopped."""
    monkeypatch.setattr("schema_guard.validation.fast_engine.MAX_CROSSINGS", 0)
    monkeypatch.setattr("schema_guard.schema._cache", {})
    schema = Schema.of({"type": "object"})

    assert schema.engine == "jsonschema"
    checker = schema_guard.prefix_checker(schema)
    assert checker.feed("[1") is None
    assert checker.feed("}").code == "malformed"
