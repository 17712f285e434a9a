"""Facts about reading what Cohere sends."""

import pytest

from schema_guard import Usage
from tests.public.calls.providers.reading import (
    FORMS,
    PLAIN_TOKENS,
    Case,
    Reply,
    StreamCase,
    ids,
    read_case,
    read_stream_case,
)

COHERE = {
    "id": "c",
    "finish_reason": "COMPLETE",
    "message": {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "{}"}],
    },
    "usage": {"tokens": {"input_tokens": 12.0, "output_tokens": 7.0}, "cached_tokens": 4.0},
}


REPLIES = [
    Case("cohere", COHERE, Reply("{}", "stop", Usage(12, 7, 4))),
    Case("cohere cut", {**COHERE, "finish_reason": "MAX_TOKENS"}, Reply("{}", "length", Usage(12, 7, 4))),
    Case("cohere timeout", {**COHERE, "finish_reason": "TIMEOUT"}, ("transport", "provider_error")),
    Case(
        "cohere billed",
        {**COHERE, "usage": {"billed_units": {"input_tokens": 2.5, "output_tokens": 1}}},
        Reply("{}", "stop", Usage(None, 1)),
    ),
]


@pytest.mark.parametrize("case", REPLIES, ids=ids)
@FORMS
def test_a_reply_is_read_by_its_shape(case, form):
    """A reply reads the same as a dict and as an object, and without its SDK."""
    assert read_case(case, form) == case.expected


def event(kind, **message):
    return {"type": kind, "index": 0, "delta": {"message": message}}


END = {
    "type": "message-end",
    "delta": {"finish_reason": "COMPLETE", "usage": {"tokens": {"input_tokens": 12, "output_tokens": 7}}},
}


STREAMS = [
    StreamCase(
        "cohere",
        (
            {"type": "message-start", "id": "c"},
            event("content-delta", content={"thinking": "hm"}),
            event("content-delta", content={"text": "{}"}),
            {"type": "content-end", "index": 0},
            END,
        ),
        ["{}"],
        Reply(None, "stop", PLAIN_TOKENS),
    ),
    StreamCase(
        "cohere call",
        (
            event("tool-call-start", tool_calls={"id": "t1", "function": {"name": "give", "arguments": ""}}),
            event("tool-call-delta", tool_calls={"function": {"arguments": "{}"}}),
            {
                **event("tool-call-start", tool_calls={"id": "t2", "function": {"arguments": "[]"}}),
                "index": 1,
            },
            END,
        ),
        ["{}"],
        ("syntax", "several_documents"),
    ),
]


@pytest.mark.parametrize("case", STREAMS, ids=ids)
@FORMS
def test_a_stream_is_read_by_its_shape(case, form):
    """A stream reads the same in dicts and in objects, and without its SDK."""
    assert read_stream_case(case, form) == case.expected
