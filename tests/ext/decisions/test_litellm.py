"""Guarded calls of decision models through the unchanged `litellm` package, against a server on loopback."""

import asyncio
import os

import pytest

from schema_guard import InvalidArgument, connect, guard
from schema_guard.testing import serve

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # otherwise its import downloads a list of prices
litellm = pytest.importorskip("litellm", reason="needs litellm")
if not hasattr(litellm, "decisions"):
    pytest.skip("needs litellm>=1.110", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore")  # litellm's own warnings
SCHEMA = {
    "title": "Ticket",
    "type": "object",
    "properties": {
        "priority": {"enum": ["low", "high"], "description": "How urgent"},
        "spam": {"type": "boolean"},
        "stars": {"type": "integer", "minimum": 1, "maximum": 3},
    },
    "required": ["priority", "spam", "stars"],
}
ANSWERS = '{"q0": {"low": 0.2, "high": 0.8}, "q1": 0.1, "q2": {"1": 0.1, "2": 0.7, "3": 0.2}}'
VALUE = {"priority": "high", "spam": False, "stars": 2}


def connected(server, **more):
    """Connect to the decision model of a server."""
    options = {"api_base": server.openai_url, **more}
    return connect("litellm-decisions:openai/decider", key="secret-key", options=options)


def test_answers_make_a_valid_value():
    """litellm sends all questions in one request. The confidence is the probability of each value."""
    with serve([ANSWERS]) as server:
        outcome = guard(SCHEMA, strategy="decision", store=None)(connected(server)).outcome("It burns!")
        (request,) = server.requests

    assert outcome.value == VALUE
    assert outcome.confidence == {"/priority": 0.8, "/spam": 0.9, "/stars": 0.7}
    assert outcome.call.model == "openai/decider"
    assert outcome.usage.input_tokens is not None
    assert request.path == "/v1/decisions"
    assert [question["name"] for question in request.body["questions"]] == ["q0", "q1", "q2"]


def test_async_call_makes_the_same_value():
    """An asynchronous call asks the same questions."""
    with serve([ANSWERS]) as server:
        model = connected(server)
        assert asyncio.run(guard(SCHEMA, strategy="decision", store=None)(model.acall)("x")) == VALUE


def test_many_questions_are_sent_in_parts():
    """litellm accepts 128 questions in a request. All parts are one attempt."""
    names = [f"b{at}" for at in range(130)]
    schema = {"type": "object", "properties": {name: {"type": "boolean"} for name in names}}
    schema["required"] = names
    yes = "{" + ", ".join(f'"q{at}": 0.9' for at in range(130)) + "}"
    with serve([yes, yes]) as server:
        outcome = guard(schema, strategy="decision", store=None)(connected(server)).outcome("x")
        counts = [len(request.body["questions"]) for request in server.requests]

    assert outcome.value == dict.fromkeys(names, True)
    assert (counts, len(outcome.attempts)) == ([128, 2], 1)


def test_failed_request_is_not_repeated():
    """litellm's error reaches the caller after one request, and has no key."""
    ask = guard(SCHEMA, strategy="decision", store=None)
    with serve([ANSWERS], faults="http_500") as server, pytest.raises(litellm.InternalServerError) as caught:
        ask(connected(server))("It burns!")

    assert len(server.requests) == 1
    assert "secret-key" not in repr(caught.value)


def test_wrong_arguments_are_errors():
    """The errors name the argument and the fix."""
    with serve([ANSWERS]) as server:
        with pytest.raises(InvalidArgument, match=r"options\['api_key'\]: .* Pass the key as key="):
            connected(server, api_key="k")
        with pytest.raises(InvalidArgument, match="'litellm-decisions' has its own provider"):
            connect("litellm-decisions:openai/m", provider="openai")
        with pytest.raises(InvalidArgument, match="only messages with the role 'user'"):
            connected(server)([{"role": "system", "content": "Be strict."}], options={"questions": [1]})
        with pytest.raises(InvalidArgument, match="a decision model needs questions"):
            connected(server)("x")
