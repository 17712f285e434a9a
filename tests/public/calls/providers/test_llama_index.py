"""Facts about llama-index's responses, as objects of its shape. The real package is among the SDKs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.public.calls import wire
from tests.public.calls.providers.reading import drain, read_reply

KEEPS = {"logprobs": None, "delta": None, "additional_kwargs": {}}


def message(content: str | None, *blocks: Any, **more: Any) -> Any:
    return SimpleNamespace(role="assistant", content=content, blocks=list(blocks), additional_kwargs=more)


def chat(said: Any, raw: Any = None, **more: Any) -> Any:
    return SimpleNamespace(**{**KEEPS, "message": said, "raw": raw, **more})


def agent(**more: Any) -> Any:
    fields = {"structured_response": None, "tool_calls": [], "raw": None, "current_agent_name": "Agent"}
    return SimpleNamespace(**{**fields, **more})


def test_a_response_is_the_reply_inside_it():
    """Tokens, model, and finish reason are those of the provider's reply."""
    reply = read_reply(chat(message("{}"), wire.chat("{}")))

    assert reply == read_reply(wire.chat("{}"))


@pytest.mark.parametrize(
    "response",
    [
        chat(message("{}"), {"unknown": 1}),
        SimpleNamespace(**KEEPS, text="{}", raw=None),
        agent(response=message("{}")),
        agent(response=message("no"), structured_response={}),
    ],
    ids=["chat", "completion", "agent", "structured agent"],
)
def test_a_response_of_an_unknown_provider_is_its_text(response):
    """A custom model has no reply that is known."""
    assert read_reply(response).text == "{}"


def test_a_tool_call_is_its_arguments():
    """The arguments are in a block of the message, or in a call of the older form."""
    block = SimpleNamespace(block_type="tool_call", tool_call_id="1", tool_name="f", tool_kwargs={"a": 1})
    older = SimpleNamespace(id="1", function=SimpleNamespace(name="f", arguments='{"a":1}'))

    assert read_reply(chat(message(None, block))).text == '{"a":1}'
    assert read_reply(chat(message(None, tool_calls=[older]))).text == '{"a":1}'


def test_a_stream_is_the_chunks_inside_it():
    """Each response of a stream holds the provider's chunk."""
    chunks = [wire.chunk({"content": "{"}), wire.chunk({"content": "}"}, "stop")]

    text, reply = drain([chat(message("{"), chunk, delta="{") for chunk in chunks])

    assert (text, reply.finish_reason, reply.failure) == ("{}", "stop", None)


def test_a_stream_of_anthropic_is_complete_without_its_last_event():
    """llama-index leaves out `message_stop`."""
    events = [wire.block_delta(type="text_delta", text="{}"), wire.message_end()[0]]

    text, reply = drain([chat(message("{}"), event, delta="{}") for event in events])

    assert (text, reply.finish_reason, reply.failure) == ("{}", "stop", None)


def test_a_stream_of_an_unknown_provider_is_its_deltas():
    """A custom model has no chunks that are known."""
    text, reply = drain([chat(message("{"), delta="{"), chat(message("{}"), delta="}")])

    assert (text, reply.failure) == ("{}", None)


def test_what_an_agent_streams_is_read():
    """The events of an agent hold the chunk too, as a dict."""
    text, reply = drain(
        [SimpleNamespace(delta="{}", raw=wire.chunk({"content": "{}"}, "stop"), current_agent_name="Agent")]
    )

    assert (text, reply.failure) == ("{}", None)
