"""Whether a server enforces schemas, asked of servers of which it is known."""

import json

import pytest

from schema_guard.ext.fitting.linting import lint
from schema_guard.ext.fitting.probe.enforcement import at_least, probe_enforcement
from schema_guard.ext.fitting.probe.questions import HARD, enforcement_questions
from schema_guard.models import connect
from schema_guard.models.scripted import ScriptedModel
from schema_guard.providers.options import PROVIDER_OPTIONS
from schema_guard.schema import Schema
from schema_guard.testing import serve
from tests.enforcing_model import EnforcingModel
from tests.thinned import costly

STRICT = sorted(name for name, provider in PROVIDER_OPTIONS.items() if "strict_schema" in provider.formats)
KINDS = {
    "enforced": {},
    "ignored": {"holds": 0},
    "refused": {"refuses": ["type"]},
    "sometimes": {"holds": lambda request: request % 2 == 1},
}


def probed(behind, requests=3, seed=0, **more):
    with serve(behind, **more) as server, connect(f"{server.openai_url}#m") as model:
        return probe_enforcement(model, requests=requests, seed=seed), server.requests


@pytest.mark.parametrize("verdict", costly(sorted(KINDS, reverse=True), 4))
def test_each_kind_of_server_is_told(verdict):
    """A server that enforces, ignores, refuses, or enforces every second time is told by three requests."""
    result, _ = probed(EnforcingModel(**KINDS[verdict]))

    assert result.verdict == verdict


@pytest.mark.costly
def test_a_server_that_enforces_by_chance_is_told_by_more_requests():
    """Of twelve requests of which half are enforced, some are and some are not."""
    result, _ = probed(EnforcingModel(holds=0.5), requests=12)

    assert result.verdict == "sometimes"


def test_a_keyword_that_is_not_enforced_is_told_from_those_that_are():
    """A server that knows all but patterns enforces sometimes, and the counts say what it is."""
    result, _ = probed(EnforcingModel(ignores=["pattern"]), requests=6)

    assert (result.verdict, result.by_keyword["pattern"][0], result.by_keyword["enum"][0]) == (
        "sometimes",
        0,
        1,
    )


def test_a_keyword_that_is_refused_says_nothing_of_the_others():
    """Two replies that keep to their schemas are two of two; the refusal is told beside them."""
    result, requests = probed(EnforcingModel(refuses=["pattern"]))

    assert (result.verdict, result.judged, result.counts["refused"], len(requests)) == ("enforced", 2, 1, 3)


def test_a_reply_with_prose_around_it_is_not_enforced():
    """A model that was shown the schema and follows it is no grammar."""
    value = '```json\n{"answer": "x"}\n```'
    result, _ = probed(lambda prompt: value, requests=1)

    assert result.verdict == "ignored"


def test_a_reply_that_was_cut_off_says_nothing():
    """What the limit ended is no fault of the server's."""
    reply = {"reply": '{"answer": "bc', "finish_reason": "length"}
    result, _ = probed(ScriptedModel([reply], cycle=True))

    assert (result.verdict, result.judged, len(result.asked)) == ("unknown", 0, 3)


def test_nothing_more_is_asked_where_nothing_is_answered():
    """A key that is not taken is told by one request, and is no verdict."""
    result, requests = probed(["{}"], faults="http_401")

    assert (result.verdict, len(requests)) == ("unknown", 1)


def test_a_server_that_refuses_everything_does_not_refuse_schemas():
    """Without a reply to the same request without a schema, a refusal is of anything."""
    result, requests = probed([])

    assert (result.verdict, len(requests)) == ("unknown", 4)


def test_no_prompt_has_what_its_schema_asks_for():
    """The constants stand in the schema alone, and what the prompt asks for is invalid."""
    for question in enforcement_questions("openai", 12, 1):
        wanted = question.prompt.rpartition("\n")[2]

        assert not Schema.of(question.schema).is_valid(json.loads(wanted))
        ((name, inner),) = question.schema["properties"].items()
        assert name == "answer" or name not in question.prompt
        assert not any(str(one) in question.prompt for one in inner.get("enum", ()))


@pytest.mark.parametrize("provider", STRICT)
def test_every_target_with_schemas_can_be_asked(provider):
    """There are questions unlike one another for each that it is said to take, some of them hard where any is."""
    asked = enforcement_questions(provider, 6, 0)
    first = [one.keyword for one in asked[:3]]

    assert [result for one in asked for result in lint(one.schema, provider)] == []
    assert len(set(first)) >= 2
    assert HARD & set(first) or not HARD & {one.keyword for one in asked}


def test_the_bound_is_that_of_one_look():
    """Three of three is no more than 36.8 % with 95 % confidence; 59 are 95 %."""
    assert round(at_least(3, 3), 4) == 0.3684
    assert at_least(59, 59) > 0.95 > at_least(58, 58)
