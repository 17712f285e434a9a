"""Facts about reading what llama.cpp's server sends."""

import pytest

from schema_guard import Usage
from tests.public.calls import wire
from tests.public.calls.providers.reading import (
    CLAUDE_TOKENS,
    FORMS,
    OPENAI_LIKE,
    PLAIN_TOKENS,
    Case,
    Reply,
    StreamCase,
    ids,
    read_case,
    read_stream_case,
)

LLAMACPP = {
    "content": "{}",
    "stop": True,
    "stop_type": "eos",
    "truncated": False,
    "tokens_predicted": 7,
    "tokens_evaluated": 12,
    "model": "qwen",
    "timings": {"cache_n": 4, "prompt_n": 8, "predicted_n": 7},
}


TIMINGS = {"cache_n": 4, "prompt_n": 8, "predicted_n": 7}


REPLIES = [
    Case(
        "chat with the timings of llama.cpp",
        {**OPENAI_LIKE, "usage": None, "timings": TIMINGS},
        Reply('{"a":1}', "stop", Usage(12, 7, 4), model="gpt-x"),
    ),
    Case("llama.cpp", LLAMACPP, Reply("{}", "stop", Usage(12, 7, 4), model="qwen")),
    Case(
        "llama.cpp cut",
        {**LLAMACPP, "stop_type": "limit"},
        Reply("{}", "length", Usage(12, 7, 4), model="qwen"),
    ),
    Case(
        "llama.cpp context",
        {**LLAMACPP, "truncated": True},
        Reply("{}", "length", Usage(12, 7, 4), model="qwen"),
    ),
]


@pytest.mark.parametrize("case", REPLIES, ids=ids)
@FORMS
def test_a_reply_is_read_by_its_shape(case, form):
    """A reply reads the same as a dict and as an object, and without its SDK."""
    assert read_case(case, form) == case.expected


STREAMS = [
    StreamCase(
        "llama.cpp",
        (
            {"content": "{", "stop": False},
            {
                "content": "}",
                "stop": True,
                "stop_type": "limit",
                "tokens_predicted": 7,
                "tokens_evaluated": 12,
            },
        ),
        ["{", "}"],
        Reply(None, "length", PLAIN_TOKENS),
    ),
    StreamCase(
        "llama.cpp chat",
        (
            {
                **wire.chunk({"content": "{}"}, "stop"),
                "timings": {"cache_n": 4, "prompt_n": 8, "predicted_n": 7},
            },
        ),
        ["{}"],
        Reply(None, "stop", CLAUDE_TOKENS, model="gpt-x"),
    ),
]


@pytest.mark.parametrize("case", STREAMS, ids=ids)
@FORMS
def test_a_stream_is_read_by_its_shape(case, form):
    """A stream reads the same in dicts and in objects, and without its SDK."""
    assert read_stream_case(case, form) == case.expected
