"""Facts about Haystack's messages, as objects of its shape. The real package is among the SDKs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from schema_guard import InvalidArgument, Schema, Usage, guard
from tests.public.calls.providers.reading import MemoryStore, drain, read_reply

USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 2}}
META = {"model": "m-1", "finish_reason": "stop", "usage": USAGE}
CALL = SimpleNamespace(id="1", tool_name="f", arguments={"a": 1})


def text(words: str) -> Any:
    return SimpleNamespace(text=words)


def message(*content: Any, role: str = "assistant", **meta: Any) -> Any:
    calls = [part for part in content if hasattr(part, "tool_name")]
    return SimpleNamespace(
        _role=SimpleNamespace(value=role),
        _content=list(content),
        _meta={**META, **meta},
        tool_calls=calls,
        text=None,
    )


def chunk(content: str = "", **more: Any) -> Any:
    fields = {"meta": {"model": "m-1", "usage": None}, "component_info": None, "tool_calls": None}
    return SimpleNamespace(**{**fields, "content": content, "finish_reason": None, "reasoning": None, **more})


@pytest.mark.parametrize(
    "returned",
    [
        message(text("{}")),
        {"replies": [message(text("{}")), message(text("other"))]},
        [message(text("{}"))],
        {"replies": ["{}"], "meta": [META]},
        {"validated": [message(text("{}"))]},
        {"messages": [], "last_message": message(text("{}"))},
        {"llm": {"replies": [message(text("{}"))]}, "counter": {"count": 1}},
    ],
    ids=["message", "generator", "replies", "generator of texts", "validator", "agent", "pipeline"],
)
def test_a_reply_is_read_from_what_a_component_returns(returned):
    """Text, tokens, model, and finish reason are known in each form."""
    reply = read_reply(returned)

    assert (reply.text, reply.finish_reason, reply.model, reply.failure) == ("{}", "stop", "m-1", None)
    assert reply.usage == Usage(10, 5, 2)


def test_a_valid_message_is_paid_for_once():
    """A guarded function that returns it makes one attempt."""
    store, calls = MemoryStore(), []

    @guard(Schema.of({"type": "object"}), store=store, max_attempts=3)
    def extract(prompt: str):
        calls.append(prompt)
        return {"replies": [message(text("{}"))]}

    assert extract("t") == {}
    assert len(calls) == 1


def test_a_tool_call_is_its_arguments():
    """A message that calls a tool is the arguments of the call."""
    reply = read_reply(message(CALL, finish_reason="tool_calls"))

    assert (reply.text, reply.finish_reason) == ('{"a":1}', "tool_call")


def test_a_tool_call_that_haystack_left_out_is_a_failure():
    """Haystack drops a call whose arguments are no JSON. The model wrote it."""
    assert read_reply(message(finish_reason="tool_calls")).failure.code == "provider_rejected"


def test_a_message_of_the_user_is_no_reply():
    """Only the model's own message is a reply."""
    assert read_reply({"validation_error": [message(text("{}"), role="user")]}).failure is not None


def test_chunks_are_read():
    """A stream is its pieces, with the tokens of its last chunk."""
    done = {"model": "m-1", "usage": USAGE}

    text, reply = drain([chunk("{"), chunk("}"), chunk(meta=done, finish_reason="stop")])

    assert (text, reply.finish_reason, reply.model, reply.failure) == ("{}", "stop", "m-1", None)
    assert reply.usage == Usage(10, 5, 2)


def test_chunks_of_a_tool_call_are_its_arguments():
    """The pieces of the arguments are joined."""

    def piece(arguments: str | None) -> Any:
        return chunk(
            tool_calls=[SimpleNamespace(index=0, id=None, tool_name="f", arguments=arguments, extra=None)]
        )

    text, reply = drain([piece(None), piece('{"a":'), piece("1}"), chunk(finish_reason="tool_calls")])

    assert (text, reply.finish_reason) == ('{"a":1}', "tool_call")


@pytest.mark.parametrize(
    "returned",
    [
        {"one": {"replies": [message(text("{}"))]}, "two": {"replies": [message(text("{}"))]}},
        {"validator": {"validation_error": [message(text("no"), role="user")]}},
    ],
    ids=["two replies", "no reply"],
)
def test_an_output_without_one_reply_is_excluded_and_paid_for_once(returned):
    """Nobody knows which reply is meant."""
    store, calls = MemoryStore(), []

    @guard(Schema.of({"type": "object"}), store=store, max_attempts=3)
    def extract(prompt: str):
        calls.append(prompt)
        return returned

    with pytest.raises(InvalidArgument):
        extract("t")

    assert store.outcomes[0].failure.kind == "transport"
    assert len(calls) == 1
