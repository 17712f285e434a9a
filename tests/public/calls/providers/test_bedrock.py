"""Facts about reading what Bedrock Converse sends."""

import pytest

from tests.public.calls.providers.reading import (
    CLAUDE_TOKENS,
    CUT,
    FORMS,
    PLAIN_TOKENS,
    PROVIDER_ERROR,
    PROVIDER_REJECTED,
    Case,
    Reply,
    StreamCase,
    code_of,
    ids,
    raised,
    read_case,
    read_stream_case,
    reply_in,
)


def bedrock(*content, stop="end_turn"):
    return {
        "output": {"message": {"role": "assistant", "content": list(content)}},
        "stopReason": stop,
        "usage": {"inputTokens": 5, "outputTokens": 7, "cacheReadInputTokens": 4, "cacheWriteInputTokens": 3},
    }


REPLIES = [
    Case("bedrock", bedrock({"reasoningContent": {}}, {"text": "{}"}), Reply("{}", "stop", CLAUDE_TOKENS)),
    Case(
        "bedrock call",
        bedrock({"toolUse": {"input": {"a": 1}}}, stop="tool_use"),
        Reply('{"a":1}', "tool_call", CLAUDE_TOKENS),
    ),
    Case(
        "bedrock filtered", bedrock(stop="guardrail_intervened"), Reply("", "content_filter", CLAUDE_TOKENS)
    ),
    Case("bedrock malformed", bedrock(stop="malformed_model_output"), ("syntax", "provider_rejected")),
    Case("bedrock malformed call", bedrock(stop="malformed_tool_use"), ("syntax", "provider_rejected")),
]


@pytest.mark.parametrize("case", REPLIES, ids=ids)
@FORMS
def test_a_reply_is_read_by_its_shape(case, form):
    """A reply reads the same as a dict and as an object, and without its SDK."""
    assert read_case(case, form) == case.expected


def test_what_bedrock_rejected_is_the_models_failure():
    """Bedrock's ModelErrorException about the model's output is a syntax failure."""
    text = "Model produced invalid sequence as part of ToolUse."
    error = raised(response={"Error": {"Code": "ModelErrorException", "Message": text}})

    assert code_of(reply_in(error)) == PROVIDER_REJECTED


def converse(**delta):
    return {"contentBlockDelta": {"contentBlockIndex": 0, "delta": delta}}


END = (
    {"messageStop": {"stopReason": "end_turn"}},
    {"metadata": {"usage": {"inputTokens": 12, "outputTokens": 7}}},
)


CALLING = {"contentBlockStart": {"contentBlockIndex": 0, "start": {"toolUse": {"name": "give"}}}}


CALLING_AGAIN = {"contentBlockStart": {"contentBlockIndex": 1, "start": {"toolUse": {"name": "give"}}}}


STREAMS = [
    StreamCase(
        "bedrock text block",
        ({"contentBlockStart": {"start": {}, "contentBlockIndex": 0}}, converse(text="{}"), *END),
        ["{}"],
        Reply(None, "stop", PLAIN_TOKENS),
    ),
    StreamCase(
        "bedrock",
        (
            {"messageStart": {"role": "assistant"}},
            converse(text="{}"),
            {"contentBlockStop": {}},
            *END,
        ),
        ["{}"],
        Reply(None, "stop", PLAIN_TOKENS),
    ),
    StreamCase(
        "bedrock call",
        (CALLING, converse(toolUse={"input": "{}"}), *END),
        ["{}"],
        Reply(None, "tool_call", PLAIN_TOKENS),
    ),
    StreamCase("bedrock calls", (CALLING, CALLING_AGAIN, *END), [], ("syntax", "several_documents")),
    StreamCase(
        "bedrock error",
        (converse(text="{"), {"throttlingException": {"message": "slow down"}}),
        ["{"],
        PROVIDER_ERROR,
    ),
    StreamCase("bedrock cut", (converse(text="{}"),), ["{}"], CUT),
]


@pytest.mark.parametrize("case", STREAMS, ids=ids)
@FORMS
def test_a_stream_is_read_by_its_shape(case, form):
    """A stream reads the same in dicts and in objects, and without its SDK."""
    assert read_stream_case(case, form) == case.expected
