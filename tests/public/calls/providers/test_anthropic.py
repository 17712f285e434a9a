"""Facts about reading what Anthropic's messages sends."""

import anthropic
import pytest

from schema_guard import Usage
from tests.public.calls import wire
from tests.public.calls.providers.reading import (
    CLAUDE_TOKENS,
    CUT,
    FORMS,
    PROVIDER_ERROR,
    Case,
    Reply,
    ask_messages,
    code_of,
    drain,
    drain_messages,
    ids,
    read_case,
    read_reply,
)


def test_an_anthropic_message():
    """A message gives its text blocks; its input tokens count the cache too."""
    body = wire.message(
        {"type": "thinking", "thinking": "hm", "signature": "s"}, wire.text_block("{"), wire.text_block("}")
    )

    assert read_reply(ask_messages(body)) == Reply("{}", "stop", CLAUDE_TOKENS, model="claude-x")


def test_an_anthropic_tool_use():
    """The input of the only tool call is the text, written as JSON; text beside it is not."""
    body = wire.message(wire.text_block("Here:"), wire.tool_block({"é": [1.5, None]}), stop_reason="tool_use")

    assert read_reply(ask_messages(body)) == Reply(
        '{"é":[1.5,null]}', "tool_call", CLAUDE_TOKENS, model="claude-x"
    )


def test_parallel_tool_uses_are_several_documents():
    """Of several tool uses none is picked."""
    reply = read_reply(ask_messages(wire.message(wire.tool_block({}), wire.tool_block({}))))

    assert code_of(reply) == ("syntax", "several_documents")


@pytest.mark.parametrize(
    ("details", "told"),
    [
        ({"category": "bio", "explanation": "Harmful."}, "Harmful."),
        ({"category": "bio"}, "bio"),
        (None, None),
    ],
)
def test_a_refusal_of_anthropic(details, told):
    """A refusal gives the provider's explanation, where there is one."""
    details = details and {"type": "refusal", **details}
    body = wire.message(stop_reason="refusal", stop_details=details)

    assert read_reply(ask_messages(body)) == Reply("", "refusal", CLAUDE_TOKENS, told, "claude-x")


@pytest.mark.parametrize(
    "reason", ["max_tokens", "model_context_window_exceeded", "pause_turn", "compaction"]
)
def test_a_message_that_was_cut(reason):
    """Every way in which Anthropic ends a message early is `length`."""
    reply = read_reply(ask_messages(wire.message(wire.text_block("{"), stop_reason=reason)))

    assert (reply.text, reply.finish_reason, reply.failure) == ("{", "length", None)


def test_thinking_tokens_of_anthropic():
    """The thinking tokens are the reasoning part of the output."""
    usage = {"input_tokens": 1, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 5}}

    assert read_reply(ask_messages(wire.message(usage=usage))).usage == Usage(1, 9, None, 5)


REPLIES = [
    Case("a message of Anthropic with a text", {"type": "message", "content": "{}"}, Reply("{}")),
    Case(
        "an error of Anthropic",
        {"type": "error", "error": {"type": "x", "message": "m"}},
        ("transport", "provider_error"),
    ),
]


@pytest.mark.parametrize("case", REPLIES, ids=ids)
@FORMS
def test_a_reply_is_read_by_its_shape(case, form):
    """A reply reads the same as a dict and as an object, and without its SDK."""
    assert read_case(case, form) == case.expected


def test_a_tool_input_that_is_no_json_is_no_reply():
    """A tool call's input that cannot be written as JSON is told by its type."""
    assert code_of(read_reply(wire.message(wire.tool_block({1, 2})))) == ("transport", "no_reply")


def test_a_stream_of_message_events():
    """The text deltas are the text; the usage is the last event's, with the input of the first."""
    texts, end = drain_messages(
        wire.message_start(),
        {"type": "ping"},
        wire.block_start({"type": "thinking", "thinking": "", "signature": ""}),
        wire.block_delta(type="thinking_delta", thinking="hm"),
        wire.block_stop(),
        wire.block_start(wire.text_block(""), 1),
        wire.block_delta(1, type="text_delta", text="{"),
        wire.block_delta(1, type="text_delta", text="}"),
        wire.block_stop(1),
        *wire.message_end(),
    )

    assert (texts, end) == ("{}", Reply(None, "stop", CLAUDE_TOKENS, model="claude-x"))


def test_a_stream_of_a_tool_use():
    """The pieces of the only tool use's input are the text; those of the provider's own tools are not."""
    server_tool = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}

    texts, end = drain_messages(
        wire.message_start(),
        wire.block_start(server_tool),
        wire.block_delta(type="input_json_delta", partial_json='{"query":"x"}'),
        wire.block_stop(),
        wire.block_start(wire.tool_block({}), 1),
        wire.block_delta(1, type="input_json_delta", partial_json=""),
        wire.block_delta(1, type="input_json_delta", partial_json='{"a":'),
        wire.block_delta(1, type="input_json_delta", partial_json="1}"),
        wire.block_stop(1),
        *wire.message_end("tool_use"),
    )

    assert (texts, end.finish_reason, end.failure) == ('{"a":1}', "tool_call", None)


def test_a_stream_of_a_tool_use_without_input():
    """A tool use without input gives the empty object, as the whole message does."""
    texts, _ = drain_messages(
        wire.message_start(),
        wire.block_start(wire.tool_block({})),
        wire.block_stop(),
        *wire.message_end("tool_use"),
    )

    assert texts == "{}"


def test_a_stream_of_two_tool_uses():
    """A second tool use is a failure and its input is not text."""
    texts, end = drain_messages(
        wire.message_start(),
        wire.block_start(wire.tool_block({})),
        wire.block_delta(type="input_json_delta", partial_json="{}"),
        wire.block_stop(),
        wire.block_start(wire.tool_block({}), 1),
        wire.block_delta(1, type="input_json_delta", partial_json="[]"),
        wire.block_stop(1),
        *wire.message_end("tool_use"),
    )

    assert (texts, code_of(end)) == ("{}\n[]", ("syntax", "several_documents"))


def test_a_message_stream_that_refuses():
    """A refusal comes with the stop reason."""
    details = {"type": "refusal", "category": "bio", "explanation": "Harmful."}

    texts, end = drain_messages(wire.message_start(), *wire.message_end("refusal", stop_details=details))

    assert (texts, end) == ("", Reply(None, "refusal", CLAUDE_TOKENS, "Harmful.", "claude-x"))


def test_a_message_delta_without_a_stop_reason():
    """A message_delta that only counts does not end the reply."""
    counting = {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 3}}

    _, end = drain_messages(wire.message_start(), counting, *wire.message_end("max_tokens"))

    assert end == Reply(None, "length", CLAUDE_TOKENS, model="claude-x")


def test_a_message_stream_that_was_cut():
    """Without message_stop a message stream was cut; how much it wrote is unknown."""
    texts, end = drain_messages(wire.message_start(), wire.block_delta(type="text_delta", text="{}"))

    assert (texts, end.usage, code_of(end)) == ("{}", Usage(12, None, 4), CUT)


def test_an_error_event_stays_the_sdks_exception():
    """The SDK raises for an error event, with status 200."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}

    with pytest.raises(anthropic.APIStatusError, match="overloaded_error"):
        drain_messages(wire.message_start(), error)
    assert code_of(drain([wire.message_start(), error])[1]) == PROVIDER_ERROR


def test_anthropics_stream_helper():
    """The helper's events give each piece once, and its text stream is a stream of texts."""
    events = (
        wire.message_start(),
        wire.block_start(wire.text_block("")),
        wire.block_delta(type="text_delta", text="{"),
        wire.block_delta(type="text_delta", text="}"),
        wire.block_stop(),
        *wire.message_end(),
    )
    with (
        wire.Wire([wire.Stream(events), wire.Stream(events)]) as server,
        anthropic.Anthropic(api_key="k", base_url=server.url, max_retries=0) as client,
    ):
        with client.messages.stream(model="m", max_tokens=9, messages=[]) as stream:
            by_events = drain(stream)
        with client.messages.stream(model="m", max_tokens=9, messages=[]) as stream:
            by_texts = drain(stream.text_stream)

    assert by_events == ("{}", Reply(None, "stop", CLAUDE_TOKENS, model="claude-x"))
    assert by_texts == ("{}", Reply())
