"""Questions against each keyword, and servers of which it is known what they do."""

import json

import pytest

from schema_guard.ext.fitting.probe.keywords import CASES, keyword_questions, probe_keywords
from schema_guard.ext.fitting.rules.rule import KEYWORDS
from schema_guard.models import connect
from schema_guard.schema import Schema
from schema_guard.testing import serve
from tests.enforcing_model import EnforcingModel

OLDER = {"$recursiveAnchor", "$recursiveRef", "additionalItems", "dependencies"}
NUMBERS = {"maximum", "minimum", "multipleOf"}
TAKEN = {"additionalProperties", "enum", "properties", "required", "type"} | NUMBERS
TOGETHER = {"$dynamicAnchor", "then"}
QUESTIONS = {one.keyword: one for one in keyword_questions("openai")}


def test_every_keyword_of_the_table_is_asked():
    """But words of older drafts, and those that are asked with another."""
    assert KEYWORDS - CASES.keys() == OLDER | TOGETHER


@pytest.mark.parametrize("keyword", QUESTIONS)
def test_the_prompt_asks_for_what_the_keyword_forbids(keyword):
    """The value is invalid."""
    question = QUESTIONS[keyword]

    assert not Schema.of(question.schema).is_valid(json.loads(question.prompt.rpartition("\n")[2]))


@pytest.mark.costly
def test_each_keyword_is_told_as_the_server_does_it():
    """One that is refused, one that is ignored, one that is enforced; each beside what the rules say."""
    behind = EnforcingModel(ignores=["multipleOf"], refuses=KEYWORDS - TAKEN)
    with serve(behind) as server, connect(f"{server.openai_url}#m") as model:
        results = {one.keyword: one for one in probe_keywords(model)}

    assert [results[word].does for word in ("not", "multipleOf", "enum")] == [
        "rejected",
        "ignored",
        "enforced",
    ]
    assert [results[word].agrees for word in ("not", "multipleOf", "enum")] == [True, False, True]
