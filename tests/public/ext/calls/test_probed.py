"""A guard sends schemas as a probe found that the server takes them."""

import json

import pytest

from schema_guard import InvalidArgument, connect, guard
from schema_guard.testing import serve

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "array", "items": {"type": "string"}, "uniqueItems": True}},
    "required": ["a"],
    "additionalProperties": False,
}
ENFORCED = {"verdict": "enforced", "requests": 3, "judged": 3, "kept": 3, "at_least": 0.3, "by_keyword": {}}


@pytest.fixture
def rules(tmp_path):
    keywords = {"uniqueItems": {"does": "enforced", "says": "rejected", "n": 1}}
    results = {"format": 1, "made": "2026-11-26", "model": "m", "provider": "openai", "enforcement": ENFORCED}
    path = tmp_path / "rules.json"
    path.write_text(json.dumps({**results, "keywords": keywords, "schema": None}))
    return path


def sent(**more):
    with serve(['{"a": ["x"]}']) as server, connect(f"{server.openai_url}#m", **more) as model:
        guard(SCHEMA, strategy="strict_schema", store=None)(model)("x")
        return server.requests[0].body["response_format"]["json_schema"]["schema"]["properties"]["a"]


def test_a_keyword_that_was_enforced_is_sent(rules):
    """A keyword that the provider refuses by its rules is left out, unless the probe of this server disagrees."""
    assert "uniqueItems" not in sent()
    assert sent(rules=rules)["uniqueItems"] is True


def test_rules_of_another_target_connect_to_nothing(rules):
    """They say nothing of this server."""
    with pytest.raises(InvalidArgument, match="got those of 'openai'"):
        connect("http://127.0.0.1:1/v1#m", provider="vllm", rules=rules)


def test_rules_are_given_with_a_name(rules):
    """A model that is connected has its own."""
    with connect("http://127.0.0.1:1/v1#m") as model, pytest.raises(InvalidArgument, match="name of a model"):
        connect(model, rules=rules)
