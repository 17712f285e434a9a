"""Facts about LangChain's messages, as objects of its shape: the package itself is tried with the other SDKs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from schema_guard import Usage
from tests.public.calls.providers.reading import drain, read_reply

USAGE = {
    "input_tokens": 10,
    "output_tokens": 5,
    "input_token_details": {"cache_read": 2},
    "output_token_details": {"reasoning": 1},
}


def message(content: Any, **more: Any) -> Any:
    fields = {
        "type": "ai",
        "content": content,
        "tool_calls": [],
        "invalid_tool_calls": [],
        "additional_kwargs": {},
        "response_metadata": {"model_name": "m-1", "finish_reason": "stop"},
        "usage_metadata": USAGE,
    }
    return SimpleNamespace(**{**fields, **more})


def test_a_message_is_read():
    """Text, usage, model and finish reason of a message are known."""
    reply = read_reply(message("{}"))

    assert (reply.text, reply.finish_reason, reply.model) == ("{}", "stop", "m-1")
    assert reply.usage == Usage(10, 5, 2, 1)


def test_parts_of_a_message_are_joined():
    """A message in parts is their text; thoughts are not text."""
    parts = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "{"},
        {"type": "text", "text": "}"},
    ]

    assert read_reply(message(parts)).text == "{}"


def test_the_arguments_of_a_tool_call_are_the_text():
    """A tool call is its arguments, whether LangChain could parse them or not."""
    assert read_reply(message("", tool_calls=[{"name": "f", "args": {"a": 1}, "id": "1"}])).text == '{"a":1}'
    assert (
        read_reply(message("", invalid_tool_calls=[{"name": "f", "args": '{"a":', "id": "1"}])).text
        == '{"a":'
    )


def test_words_of_a_refusal_are_kept():
    """A refusal stands beside the text."""
    reply = read_reply(message("", additional_kwargs={"refusal": "I will not"}))

    assert (reply.refusal, reply.finish_reason) == ("I will not", "refusal")


def test_a_message_of_the_user_is_no_reply():
    """Only the model's own message is a reply."""
    assert read_reply(message("{}", type="human")).failure is not None


def test_chunks_are_read():
    """A streamed message is its pieces, with the usage of all of them."""
    chunks = [
        message("{", type="AIMessageChunk", response_metadata={}, usage_metadata=None),
        message("}", type="AIMessageChunk", response_metadata={}, usage_metadata={"input_tokens": 10}),
        message("", type="AIMessageChunk", usage_metadata={"output_tokens": 5}),
    ]

    text, reply = drain(chunks)

    assert (text, reply.finish_reason, reply.model, reply.failure) == ("{}", "stop", "m-1", None)
    assert reply.usage == Usage(10, 5)
