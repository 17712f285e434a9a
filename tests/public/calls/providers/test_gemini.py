"""Facts about reading what Gemini sends."""

import enum
from types import SimpleNamespace

import pytest

from schema_guard import Usage
from tests.public.calls.providers.reading import (
    CUT,
    FORMS,
    PLAIN_TOKENS,
    Case,
    Reply,
    StreamCase,
    ids,
    read_case,
    read_reply,
    read_stream_case,
)

GEMINI = {
    "candidates": [{"content": {"parts": [{"text": "hm", "thought": True}, {"text": "{"}, {"text": "}"}]}}],
    "usageMetadata": {
        "promptTokenCount": 10,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 3,
        "cachedContentTokenCount": 4,
        "totalTokenCount": 18,
    },
    "modelVersion": "gemini-x",
}


GEMINI_TOKENS = Usage(10, 8, 4, 3)


def gemini(reason, **candidate):
    return {**GEMINI, "candidates": [{**GEMINI["candidates"][0], "finishReason": reason, **candidate}]}


def gemini_call(*given_args):
    parts = [{"functionCall": {"name": "give", "args": args}} for args in given_args]
    return gemini("STOP", content={"role": "model", "parts": parts})


REPLIES = [
    Case("gemini", gemini("STOP"), Reply("{}", "stop", GEMINI_TOKENS, model="gemini-x")),
    Case("gemini cut", gemini("MAX_TOKENS"), Reply("{}", "length", GEMINI_TOKENS, model="gemini-x")),
    Case("gemini continued", gemini("CONTINUATION"), Reply("{}", "length", GEMINI_TOKENS, model="gemini-x")),
    Case("gemini filtered", gemini("SAFETY"), Reply("{}", "content_filter", GEMINI_TOKENS, model="gemini-x")),
    Case(
        "gemini recitation",
        gemini("RECITATION"),
        Reply("{}", "content_filter", GEMINI_TOKENS, model="gemini-x"),
    ),
    Case("gemini new reason", gemini("NEW"), Reply("{}", None, GEMINI_TOKENS, model="gemini-x")),
    Case(
        "gemini call",
        gemini_call({"a": 1}),
        Reply('{"a":1}', "tool_call", GEMINI_TOKENS, model="gemini-x"),
    ),
    Case("gemini calls", gemini_call({}, {}), ("syntax", "several_documents")),
    Case("gemini malformed call", gemini("MALFORMED_FUNCTION_CALL"), ("syntax", "provider_rejected")),
    Case("gemini malformed", gemini("MALFORMED_RESPONSE", content=None), ("syntax", "provider_rejected")),
    Case("gemini unexpected call", gemini("UNEXPECTED_TOOL_CALL"), ("syntax", "provider_rejected")),
    Case("gemini other", gemini("OTHER"), ("transport", "provider_error")),
    Case(
        "gemini blocked",
        {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 9}},
        Reply("", "content_filter", Usage(9)),
    ),
    Case("gemini without candidates", {**GEMINI, "candidates": []}, ("transport", "provider_error")),
    Case("gemini with nothing", {"usageMetadata": {}}, ("transport", "provider_error")),
    Case(
        "gemini that only thought",
        {
            **gemini("MAX_TOKENS", content=None),
            "usageMetadata": {"promptTokenCount": 1, "thoughtsTokenCount": 9},
        },
        ("truncation", "reasoning_exhausted"),
    ),
]


@pytest.mark.parametrize("case", REPLIES, ids=ids)
@FORMS
def test_a_reply_is_read_by_its_shape(case, form):
    """A reply reads the same as a dict and as an object, and without its SDK."""
    assert read_case(case, form) == case.expected


class FinishReason(enum.Enum):
    MAX_TOKENS = 2
    MALFORMED_RESPONSE = 3


def test_the_objects_of_google_genai():
    """Gemini's objects have snake_case fields and enums, and read as its dicts."""
    reply = SimpleNamespace(
        candidates=[
            SimpleNamespace(
                content=SimpleNamespace(parts=[SimpleNamespace(text="{", thought=None, function_call=None)]),
                finish_reason=FinishReason.MAX_TOKENS,
            )
        ],
        prompt_feedback=None,
        usage_metadata=SimpleNamespace(
            prompt_token_count=10,
            candidates_token_count=5,
            thoughts_token_count=None,
            cached_content_token_count=None,
            tool_use_prompt_token_count=2,
        ),
        model_version="gemini-x",
        parsed=None,
    )

    assert read_reply(reply) == Reply("{", "length", Usage(12, 5), model="gemini-x")


def gemini_chunk(*parts, reason=None, **more):
    candidate = {"content": {"parts": list(parts), "role": "model"}, "finishReason": reason, "index": 0}
    return {"candidates": [candidate], "modelVersion": "gemini-x", **more}


def call_part(args):
    return {"functionCall": {"name": "give", "args": args}}


USAGE = {"promptTokenCount": 12, "candidatesTokenCount": 7}


STREAMS = [
    StreamCase(
        "gemini",
        (
            gemini_chunk({"text": "hm", "thought": True}, {"text": "{"}),
            gemini_chunk({"text": "}"}, reason="STOP", usageMetadata=USAGE),
        ),
        ["{", "}"],
        Reply(None, "stop", PLAIN_TOKENS, model="gemini-x"),
    ),
    StreamCase(
        "gemini usage last",
        (gemini_chunk({"text": "{}"}, reason="STOP"), {"usageMetadata": USAGE}),
        ["{}"],
        Reply(None, "stop", PLAIN_TOKENS, model="gemini-x"),
    ),
    StreamCase(
        "gemini call",
        (gemini_chunk(call_part({"a": 1}), reason="STOP"),),
        ['{"a":1}'],
        Reply(None, "tool_call", model="gemini-x"),
    ),
    StreamCase(
        "gemini calls",
        (gemini_chunk(call_part({})), gemini_chunk(call_part([]), reason="STOP")),
        ["{}"],
        ("syntax", "several_documents"),
    ),
    StreamCase("gemini cut", (gemini_chunk({"text": "{}"}),), ["{}"], CUT),
    StreamCase(
        "gemini filtered",
        (gemini_chunk({"text": "{"}), gemini_chunk(reason="SAFETY")),
        ["{"],
        Reply(None, "content_filter", model="gemini-x"),
    ),
    StreamCase(
        "gemini malformed",
        (gemini_chunk(reason="MALFORMED_FUNCTION_CALL"),),
        [],
        ("syntax", "provider_rejected"),
    ),
    StreamCase(
        "gemini blocked", ({"promptFeedback": {"blockReason": "SAFETY"}},), [], Reply(None, "content_filter")
    ),
]


@pytest.mark.parametrize("case", STREAMS, ids=ids)
@FORMS
def test_a_stream_is_read_by_its_shape(case, form):
    """A stream reads the same in dicts and in objects, and without its SDK."""
    assert read_stream_case(case, form) == case.expected
