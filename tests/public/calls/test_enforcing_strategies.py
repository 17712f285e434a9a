"""The strategies that enforce a schema and say little about it: `strict_only` and `reason_then_strict`."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from schema_guard import About, InvalidArgument, guard
from tests.needs import needs

pytestmark = needs("fitting")

TOTAL = {
    "title": "sum",
    "type": "object",
    "properties": {"total": {"type": "integer"}},
    "required": ["total"],
    "additionalProperties": False,
}
THINK = "First think about the task step by step between <think> and </think>. Then reply with the answer."


@dataclass
class Server:
    """A model with scripted replies, and the requests that it got."""

    replies: list[str]
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def outcome(self, strategy, provider="openai", **settings):
        """Return the outcome of one call."""

        @guard(TOTAL, strategy=strategy, provider=provider, store=None, name="ask", **settings)
        def ask(prompt, options):
            self.requests.append((prompt, options))
            usage = {"prompt_tokens": 1000, "completion_tokens": 100}
            message = {"role": "assistant", "content": self.replies[len(self.requests) - 1]}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            return {"object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}

        return ask.outcome("2 + 3?")


def test_strict_only_sends_the_task_alone():
    """The provider gets the same arguments as with `strict_schema`. The prompt is the task."""
    only, strict = Server(['{"total": 5}']), Server(['{"total": 5}'])
    only.outcome("strict_only")
    strict.outcome("strict_schema")

    assert only.requests == [("2 + 3?", strict.requests[0][1])]
    assert strict.requests[0][0] != "2 + 3?"


def test_a_retry_of_strict_only_names_the_fault():
    """A retry has the correction, and still no schema."""
    server = Server(['{"total": "x"}', '{"total": 5}'])
    outcome = server.outcome("strict_only")

    assert outcome.value == {"total": 5}
    assert "At /total: expected integer, got string" in server.requests[1][0]
    assert '"properties"' not in server.requests[1][0]


def test_reason_then_strict_takes_two_requests():
    """A server without a grammar that starts late is asked freely, and then with the schema enforced."""
    server = Server(["<think>2 and 3 are 5</think> The sum is five.", '{"total": 5}'])
    outcome = server.outcome("reason_then_strict")
    (_, free), (prompt, strict) = server.requests

    assert (outcome.value, outcome.call.strategies) == ({"total": 5}, "reason_then_format>strict_schema")
    assert free == {}
    assert strict["response_format"]["type"] == "json_schema"
    assert "2 and 3 are 5" in prompt


def test_both_requests_are_attempts_with_their_cost():
    """The cost of the call is that of both requests."""
    prices = {"m": {"p_in": 1, "p_cached": 1, "p_out": 10}}
    server = Server(["<think>5</think> five", '{"total": 5}'])
    outcome = server.outcome("reason_then_strict", about=About(model="m", prices=prices))

    assert [attempt.cost for attempt in outcome.attempts] == [pytest.approx(0.002)] * 2
    assert outcome.cost == pytest.approx(0.004)


def test_a_valid_answer_after_the_thoughts_needs_no_second_request():
    """The first request may give a valid value, which is the result."""
    server = Server(['<think>5</think>{"total": 5}'])

    assert server.outcome("reason_then_strict").value == {"total": 5}
    assert len(server.requests) == 1


@needs("local")
def test_reason_then_strict_is_one_request_with_llguidance():
    """The grammar leaves the thoughts free, and enforces the schema after them."""
    pytest.importorskip("llguidance", reason="needs the extra 'local'")
    server = Server(['<think>5</think>{"total": 5}'])
    outcome = server.outcome("reason_then_strict", "llamacpp-llguidance", max_attempts=1)
    prompt, options = server.requests[0]
    grammar = options["extra_body"]["grammar"]

    assert (outcome.value, outcome.call.strategies) == ({"total": 5}, "reason_then_strict")
    assert prompt == f"{THINK}\n\n2 + 3?"
    assert '"<think>" thought "</think>" answer' in grammar
    assert '"total"' in grammar.partition("answer: %json ")[2]


def test_two_requests_need_two_attempts():
    """One attempt is not enough for two requests, which is an error at decoration."""
    with pytest.raises(InvalidArgument) as caught:
        Server([]).outcome("reason_then_strict", max_attempts=1)

    assert str(caught.value) == (
        "strategy='reason_then_strict': provider 'openai' needs two requests for this strategy, one to reason "
        "and one to answer. Expected max_attempts >= 2, got 1"
    )


def test_a_provider_without_enforcement_is_refused():
    """A provider that enforces no schema takes neither strategy."""
    for strategy in ("strict_only", "reason_then_strict"):
        with pytest.raises(
            InvalidArgument, match=f"provider 'deepseek' does not support the strategy '{strategy}'"
        ):
            Server([]).outcome(strategy, "deepseek")
