"""Facts about reading what Ollama sends."""

import pytest

from schema_guard import Failure, Usage
from tests.public.calls.providers.reading import (
    CUT,
    FORMS,
    PLAIN_TOKENS,
    PROVIDER_ERROR,
    Case,
    Reply,
    StreamCase,
    ids,
    read_case,
    read_reply,
    read_stream_case,
)

OLLAMA = {
    "model": "qwen",
    "message": {"role": "assistant", "content": "{}", "thinking": "hm"},
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 12,
    "eval_count": 7,
}


REPLIES = [
    Case("ollama", OLLAMA, Reply("{}", "stop", Usage(12, 7), model="qwen")),
    Case(
        "ollama cut", {**OLLAMA, "done_reason": "length"}, Reply("{}", "length", Usage(12, 7), model="qwen")
    ),
    Case(
        "ollama call",
        {
            **OLLAMA,
            "message": {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"function": {"arguments": {"a": 1}}}],
            },
        },
        Reply('{"a":1}', "tool_call", Usage(12, 7), model="qwen"),
    ),
    Case(
        "ollama generate",
        {"model": "qwen", "response": "{}", "done": True, "done_reason": "stop"},
        Reply("{}", "stop", model="qwen"),
    ),
]


@pytest.mark.parametrize("case", REPLIES, ids=ids)
@FORMS
def test_a_reply_is_read_by_its_shape(case, form):
    """A reply reads the same as a dict and as an object, and without its SDK."""
    assert read_case(case, form) == case.expected


def test_an_error_of_ollama():
    """Ollama's error is a bare text in a dict of its own."""
    text = "the provider sent this error: 'model not found'"
    failure = Failure("transport", "provider_error", text)

    assert read_reply({"error": "model not found"}) == Reply(failure=failure)


def line(content="", **more):
    return {"model": "qwen", "message": {"role": "assistant", "content": content}, "done": False, **more}


END = {"done": True, "done_reason": "stop", "prompt_eval_count": 12, "eval_count": 7}


STREAMS = [
    StreamCase(
        "ollama",
        (line("{"), line("}"), line(**END)),
        ["{", "}"],
        Reply(None, "stop", PLAIN_TOKENS, model="qwen"),
    ),
    StreamCase("ollama cut", (line("{}"),), ["{}"], CUT),
    StreamCase(
        "ollama call",
        (
            {**line(), "message": {"content": "", "tool_calls": [{"function": {"arguments": {"a": 1}}}]}},
            line(**END),
        ),
        ['{"a":1}'],
        Reply(None, "tool_call", PLAIN_TOKENS, model="qwen"),
    ),
    StreamCase(
        "ollama generate",
        ({"response": "{}", "done": False}, {"response": "", **END}),
        ["{}"],
        Reply(None, "stop", PLAIN_TOKENS),
    ),
    StreamCase("an error alone", (line("{"), {"error": {"message": "boom"}}), ["{"], PROVIDER_ERROR),
]


@pytest.mark.parametrize("case", STREAMS, ids=ids)
@FORMS
def test_a_stream_is_read_by_its_shape(case, form):
    """A stream reads the same in dicts and in objects, and without its SDK."""
    assert read_stream_case(case, form) == case.expected
