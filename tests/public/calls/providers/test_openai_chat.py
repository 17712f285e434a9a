"""Facts about reading what OpenAI's chat completions sends."""

import openai
import pytest

from schema_guard import Failure
from tests.public.calls import wire
from tests.public.calls.providers.reading import (
    CUT,
    FORMS,
    OPENAI_LIKE,
    PROVIDER_ERROR,
    TOKENS,
    Case,
    Reply,
    StreamCase,
    Total,
    ask_chat,
    code_of,
    drain,
    drain_chat,
    ids,
    read_case,
    read_reply,
    read_stream_case,
    reply_in,
)

CHOICE = OPENAI_LIKE["choices"][0]


def parse(body):
    with (
        wire.Wire([body]) as server,
        openai.OpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0) as client,
    ):
        return client.chat.completions.parse(model="m", messages=[], response_format=Total)


def test_an_openai_chat_completion():
    """A chat completion gives its text and all that stands beside it."""
    assert read_reply(ask_chat(wire.chat("{}"))) == Reply("{}", "stop", TOKENS, model="gpt-x")


def test_an_openai_tool_call():
    """The arguments of the only tool call are the text."""
    body = wire.chat(None, finish_reason="tool_calls", tool_calls=wire.tool_calls('{"a": 1}'))

    assert read_reply(ask_chat(body)) == Reply('{"a": 1}', "tool_call", TOKENS, model="gpt-x")


def test_parallel_tool_calls_are_several_documents():
    """Of several tool calls none is picked; their texts are kept for the record."""
    reply = read_reply(ask_chat(wire.chat(None, tool_calls=wire.tool_calls("{}", "[]"))))

    assert (reply.text, code_of(reply)) == ("{}\n[]", ("syntax", "several_documents"))


def test_a_refusal_of_openai():
    """A refusal is no failure of reading: its words and its finish reason are given."""
    body = wire.chat(None, refusal="I cannot.")

    assert read_reply(ask_chat(body)) == Reply("", "refusal", TOKENS, "I cannot.", "gpt-x")


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_a_text_that_was_stopped_is_kept(reason):
    """A cut or filtered text is kept beside its finish reason."""
    body = wire.chat('{"a"', finish_reason=reason)

    assert read_reply(ask_chat(body)) == Reply('{"a"', reason, TOKENS, model="gpt-x")


@pytest.mark.parametrize("content", [None, ""])
def test_content_without_text_is_left_to_the_judge(content):
    """No content and no refusal is an empty text."""
    assert read_reply(ask_chat(wire.chat(content))) == Reply("", "stop", TOKENS, model="gpt-x")


@pytest.mark.parametrize("choices", [[], None])
def test_a_completion_without_choices_is_the_providers_error(choices):
    """A chat completion without choices is transport; its cost still counts."""
    failure = Failure("transport", "provider_error", "the provider sent no reply")
    body = {**wire.chat("{}"), "choices": choices}

    assert read_reply(ask_chat(body)) == Reply(None, None, TOKENS, model="gpt-x", failure=failure)


def test_an_error_in_a_body_with_status_200():
    """OpenRouter's error in a good response is transport and told by its code."""
    body = {"error": {"code": 502, "message": "Provider returned error"}, "user_id": "u"}
    text = "the provider sent this error: 502, 'Provider returned error'"
    expected = Reply(failure=Failure("transport", "provider_error", text))

    assert read_reply(ask_chat(body)) == expected
    assert read_reply(body) == expected


def test_an_html_page_with_status_200():
    """The SDK gives an HTML page as a str; it is transport."""
    assert code_of(read_reply(ask_chat(wire.HTML))) == ("transport", "provider_error")


def test_a_parsed_completion():
    """A completion that the SDK has parsed is judged by its text."""
    assert read_reply(parse(wire.chat('{"total":1}'))) == Reply('{"total":1}', "stop", TOKENS, model="gpt-x")


def test_a_completion_that_was_parsed_and_refused():
    """With parse() a refusal leaves parsed None and is read as a refusal."""
    assert read_reply(parse(wire.chat(None, refusal="No."))).refusal == "No."


REPLIES = [
    Case("chat", OPENAI_LIKE, Reply('{"a":1}', "stop", TOKENS, model="gpt-x")),
    Case(
        "chat without usage",
        {"object": "chat.completion", "choices": [{"message": {"content": "{}"}}]},
        Reply("{}"),
    ),
    Case(
        "content in parts",
        {
            "choices": [
                {
                    "message": {
                        "content": ["{", {"type": "thinking", "text": "hm"}, {"type": "text", "text": "}"}]
                    }
                }
            ]
        },
        Reply("{}"),
    ),
    Case(
        "a function call of the old API",
        {
            "choices": [
                {
                    "finish_reason": "function_call",
                    "message": {"content": None, "function_call": {"arguments": "{}"}},
                }
            ]
        },
        Reply("{}", "tool_call"),
    ),
    Case(
        "a custom tool call",
        {"choices": [{"message": {"tool_calls": [{"type": "custom", "custom": {"input": "{}"}}]}}]},
        Reply("{}"),
    ),
    Case(
        "only parsed",
        {"choices": [{"message": {"role": "assistant", "content": None, "parsed": {"a": 1}}}]},
        Reply('{"a":1}'),
    ),
    Case(
        "a text completion",
        {"object": "text_completion", "choices": [{"text": "{}", "finish_reason": "stop"}]},
        Reply("{}", "stop"),
    ),
    Case(
        "a filtered choice without message",
        {"choices": [{"message": None, "finish_reason": "content_filter"}]},
        Reply("", "content_filter"),
    ),
    Case(
        "an error as finish reason",
        {"choices": [{**CHOICE, "finish_reason": "error"}]},
        ("transport", "provider_error"),
    ),
    Case("a message alone", CHOICE["message"], Reply('{"a":1}')),
    Case("an empty message alone", {"role": "assistant", "content": None}, Reply("")),
]


@pytest.mark.parametrize("case", REPLIES, ids=ids)
@FORMS
def test_a_reply_is_read_by_its_shape(case, form):
    """A reply reads the same as a dict and as an object, and without its SDK."""
    assert read_case(case, form) == case.expected


def test_a_completion_that_was_cut_before_it_was_parsed():
    """The SDK's LengthFinishReasonError gives the text that it threw away."""
    with pytest.raises(openai.LengthFinishReasonError) as caught:
        parse(wire.chat('{"tot', finish_reason="length"))
    failure = Failure("truncation", "max_tokens", "the output limit cut off the reply")

    assert reply_in(caught.value) == Reply('{"tot', "length", TOKENS, model="gpt-x", failure=failure)


def test_a_completion_that_was_filtered_before_it_was_parsed():
    """The SDK's ContentFilterFinishReasonError is a refusal by a filter."""
    with pytest.raises(openai.ContentFilterFinishReasonError) as caught:
        parse(wire.chat("", finish_reason="content_filter"))

    assert reply_in(caught.value).finish_reason == "content_filter"
    assert reply_in(openai.ContentFilterFinishReasonError()).finish_reason == "content_filter"


def test_a_stream_of_chat_chunks():
    """Chat chunks give their content; the finish reason, the usage and the model come at the end."""
    texts, end = drain_chat(
        wire.chunk({"role": "assistant", "content": ""}),
        wire.chunk({"content": "{"}),
        wire.chunk({"content": "}"}),
        wire.chunk({}, "stop"),
        wire.usage_chunk(),
    )

    assert (texts, end) == ("{}", Reply(None, "stop", TOKENS, model="gpt-x"))


def test_a_stream_of_one_tool_call():
    """The pieces of the only tool call's arguments are the text."""
    texts, end = drain_chat(
        wire.tool_chunk(0, "", "t1"),
        wire.tool_chunk(0, '{"a"'),
        wire.tool_chunk(0, ":1}"),
        wire.chunk({}, "tool_calls"),
    )

    assert (texts, end.finish_reason, end.failure) == ('{"a":1}', "tool_call", None)


@pytest.mark.parametrize(
    "second", [wire.tool_chunk(1, "[]", "t2"), wire.tool_chunk(0, "[]", "t2")], ids=["index", "id"]
)
def test_a_stream_of_two_tool_calls(second):
    """A second tool call is told by its index or its id; its arguments are not text."""
    texts, end = drain_chat(wire.tool_chunk(0, "{}", "t1"), second, wire.chunk({}, "tool_calls"))

    assert (texts, code_of(end)) == ("{}\n[]", ("syntax", "several_documents"))


def test_a_stream_that_refuses():
    """The pieces of a refusal are no text; joined, they are the refusal."""
    texts, end = drain_chat(
        wire.chunk({"refusal": "I "}), wire.chunk({"refusal": "cannot."}), wire.chunk({}, "stop")
    )

    assert (texts, end) == ("", Reply(None, "refusal", refusal="I cannot.", model="gpt-x"))


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_a_stream_that_was_stopped(reason):
    """A stream that ends early and says why is no failure of reading."""
    texts, end = drain_chat(wire.chunk({"content": "{"}), wire.chunk({}, reason))

    assert (texts, end) == ("{", Reply(None, reason, model="gpt-x"))


@pytest.mark.parametrize("done", [True, False])
def test_a_stream_of_chat_chunks_that_was_cut(done):
    """Without a finish reason a chat stream was cut, and `[DONE]` does not heal it."""
    message = "the stream ended without the event that says that the reply is complete"
    texts, end = drain_chat(wire.chunk({"content": "{}"}), done=done)

    assert (texts, end) == ("{}", Reply(model="gpt-x", failure=Failure(*CUT, message)))


def test_half_an_event_at_the_end_is_a_cut():
    """Half an event is dropped by the SDK in silence, and the stream was cut."""
    assert code_of(drain_chat(wire.chunk({"content": "{"}), b'data: {"choi', done=False)[1]) == CUT


def test_a_stream_without_any_choice_was_cut():
    """Azure's first chunk has no choices; alone it is no reply."""
    assert code_of(drain_chat({**wire.chunk({}), "choices": []})[1]) == CUT


def test_a_stream_that_was_reset_stays_the_sdks_exception():
    """A reset in the middle raises in the SDK."""
    with pytest.raises(openai.APIConnectionError):
        drain_chat(wire.chunk({"content": "{"}), reset=True)


def test_an_event_that_is_no_json_stays_the_sdks_exception():
    """A malformed event raises in the SDK."""
    with pytest.raises(ValueError, match="Expecting"):
        drain_chat(b"data: {oops\n\n")


def test_the_second_choice_is_not_read():
    """With several choices only the first one's text is given."""
    second = wire.chunk({"content": "no"}, "length")
    second["choices"][0]["index"] = 1

    texts, end = drain_chat(second, wire.chunk({"content": "{}"}, "stop"))

    assert (texts, end.finish_reason) == ("{}", "stop")


def test_openais_stream_helper():
    """The helper's events give each piece once."""
    events = (wire.chunk({"content": "{"}), wire.chunk({"content": "}"}), wire.chunk({}, "stop"))
    with (
        wire.Wire([wire.Stream(events)]) as server,
        openai.OpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0) as client,
        client.chat.completions.stream(model="m", messages=[]) as stream,
    ):
        texts, end = drain(stream)

    assert (texts, end) == ("{}", Reply(None, "stop", model="gpt-x"))


STREAMS = [
    StreamCase(
        "a text completion",
        ({"object": "text_completion", "choices": [{"text": "{}", "finish_reason": "stop"}]},),
        ["{}"],
        Reply(None, "stop"),
    ),
    StreamCase("a whole completion", (wire.chat("{}"),), ["{}"], Reply(None, "stop", TOKENS, model="gpt-x")),
    StreamCase(
        "a filter result",
        ({"object": "", "choices": [{"content_filter_offsets": {}}]}, wire.chunk({}, "stop")),
        [],
        Reply(None, "stop", model="gpt-x"),
    ),
    StreamCase(
        "an error among chunks",
        (wire.chunk({"content": "{"}), {**wire.chunk({}), "choices": [], "error": {"code": 502}}),
        ["{"],
        PROVIDER_ERROR,
    ),
    StreamCase("an error as finish reason", (wire.chunk({"content": "{"}, "error"),), ["{"], PROVIDER_ERROR),
    StreamCase(
        "text before a call",
        (wire.chunk({"content": "Here: "}), wire.tool_chunk(0, "{}"), wire.chunk({}, "stop")),
        [],
        Reply("{}", "tool_call", model="gpt-x"),
    ),
    StreamCase("two lone choices", ({"choices": ["a", "b"]},), [], ("transport", "no_reply")),
    StreamCase("no choices and no sign", ({"choices": []},), [], ("transport", "no_reply")),
]


@pytest.mark.parametrize("case", STREAMS, ids=ids)
@FORMS
def test_a_stream_is_read_by_its_shape(case, form):
    """A stream reads the same in dicts and in objects, and without its SDK."""
    assert read_stream_case(case, form) == case.expected
