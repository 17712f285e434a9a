"""The rules of a probe replace the rules of the provider."""

import json

import pytest

from schema_guard.errors import InvalidArgument
from schema_guard.ext.fitting.adapting import adapt
from schema_guard.ext.fitting.linting import lint
from schema_guard.ext.fitting.rules.rule import KEYWORDS

CLOSED = {"type": "object", "required": ["a"], "additionalProperties": False}
SCHEMA = {
    **CLOSED,
    "properties": {"a": {"type": "array", "items": {"type": "string", "minLength": 2}, "uniqueItems": True}},
}


def written(tmp_path, verdict="enforced", provider="openai", **keywords):
    stored = 3 if verdict == "enforced" else 0
    enforcement = {
        "verdict": verdict,
        "requests": 3,
        "judged": 3,
        "kept": stored,
        "at_least": 0.3,
        "by_keyword": {},
    }
    results = {
        "format": 1,
        "made": "2026-11-26",
        "model": "m",
        "provider": provider,
        "enforcement": enforcement,
        "keywords": {word: {"does": does, "says": says, "n": 1} for word, (does, says) in keywords.items()},
        "schema": None,
    }
    (tmp_path / "rules.json").write_text(json.dumps(results))
    return tmp_path / "rules.json"


def told(findings):
    return [(one.keyword, one.effect, one.message) for one in findings]


def test_a_keyword_that_was_enforced_is_no_finding(tmp_path):
    """The rules refuse it, and this server did not."""
    rules = written(tmp_path, uniqueItems=("enforced", "rejected"))

    assert told(lint(SCHEMA, "openai"))[0][:2] == ("uniqueItems", "rejected")
    assert lint(SCHEMA, "openai", rules=rules) == []


def test_a_keyword_that_was_ignored_is_a_finding_with_its_evidence(tmp_path):
    """The day and the number of requests are told."""
    rules = written(tmp_path, minLength=("ignored", "enforced"), uniqueItems=("enforced", "rejected"))

    assert told(lint(SCHEMA, "openai", rules=rules)) == [
        ("minLength", "ignored", "does not enforce minLength (probed on 2026-11-26, 1 of 1)"),
    ]


def test_what_could_not_be_judged_leaves_the_rules_as_they_are(tmp_path):
    """Nothing was seen."""
    rules = written(tmp_path, uniqueItems=(None, "rejected"))

    assert lint(SCHEMA, "openai", rules=rules) == lint(SCHEMA, "openai")


def test_a_server_that_enforces_nothing_is_a_finding_of_every_schema(tmp_path):
    """The schema is sent all the same: as a hint."""
    rules = written(tmp_path, verdict="ignored", uniqueItems=("enforced", "rejected"))

    assert told(lint(SCHEMA, "openai", rules=rules)) == [
        (
            "schemas",
            "ignored",
            "does not enforce schemas (probed on 2026-11-26, 0 of 3 replies matched a schema)",
        )
    ]
    assert adapt(SCHEMA, "openai", rules=rules).schema == SCHEMA


def test_a_schema_is_sent_as_the_server_takes_it(tmp_path):
    """What was refused is left out, and listed."""
    rules = written(tmp_path, uniqueItems=("enforced", "rejected"), minLength=("rejected", "enforced"))
    made = adapt(SCHEMA, "openai", rules=rules)

    assert [(one.location, one.keyword) for one in made.relaxed] == [("/properties/a/items", "minLength")]
    assert made.schema["properties"]["a"]["uniqueItems"] is True


def test_every_keyword_may_be_probed(tmp_path):
    """Each can be told as refused."""
    rules = written(tmp_path, **dict.fromkeys(KEYWORDS, ("rejected", "enforced")))

    assert {one.effect for one in lint(SCHEMA, "openai", rules=rules)} == {"rejected"}


def test_rules_of_another_target_are_an_error(tmp_path):
    """What was found of one server says nothing of another."""
    with pytest.raises(InvalidArgument, match="got those of 'openai'"):
        lint(SCHEMA, "gemini", rules=written(tmp_path))


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 2}', "null"])
def test_a_file_that_no_probe_wrote_is_an_error(tmp_path, content):
    """It is named, with what was expected."""
    (tmp_path / "rules.json").write_text(content)

    with pytest.raises(InvalidArgument, match=r"rules '.*rules\.json'"):
        lint(SCHEMA, "openai", rules=tmp_path / "rules.json")
