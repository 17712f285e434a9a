"""Facts about reading what a streaming function yields."""

import asyncio
import copy
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import anthropic
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.calls.providers.order import PROVIDERS, READERS
from schema_guard.calls.replies import Reply, read
from schema_guard.calls.streams import StreamReader
from schema_guard.core.values import Failure, Usage
from tests.calls import wire

TOKENS = Usage(12, 7, 4, 2)
CLAUDE_TOKENS = Usage(12, 7, 4)
CUT = ("transport", "stream_cut")
PROVIDER_ERROR = ("transport", "provider_error")


def drain(chunks):
    """Give the text of each chunk that had one, and the end."""
    reader = StreamReader()
    texts = [text for chunk in chunks if (text := reader.feed(chunk))]
    return texts, reader.end()


def code_of(reply):
    return reply.failure and (reply.failure.kind, reply.failure.code)


def as_objects(value):
    """The same chunk with attributes in place of keys."""
    if isinstance(value, dict):
        kept = {"args", "input", "arguments"}
        return SimpleNamespace(
            **{key: part if key in kept else as_objects(part) for key, part in value.items()}
        )
    return [as_objects(part) for part in value] if isinstance(value, list) else value


def drain_chat(*events, **options):
    with (
        wire.Wire([wire.Stream(events, **options)]) as server,
        openai.OpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0) as client,
        client.chat.completions.create(model="m", messages=[], stream=True) as stream,
    ):
        return drain(stream)


def drain_responses(*events):
    with (
        wire.Wire([wire.Stream(events)]) as server,
        openai.OpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0) as client,
        client.responses.create(model="m", input="x", stream=True) as stream,
    ):
        return drain(stream)


def drain_messages(*events):
    with (
        wire.Wire([wire.Stream(events)]) as server,
        anthropic.Anthropic(api_key="k", base_url=server.url, max_retries=0) as client,
        client.messages.create(model="m", max_tokens=9, messages=[], stream=True) as stream,
    ):
        return drain(stream)


# Texts and bytes.


def test_texts_are_given_as_they_come():
    """A stream of texts gives them and ends without a word."""
    assert drain(["{", "", "}"]) == (["{", "}"], Reply())


def test_a_page_inside_a_long_text_is_text():
    """Only the beginning of a stream tells an HTML page."""
    assert drain(["x" * 100, "<html>"]) == (["x" * 100, "<html>"], Reply())


def test_a_stream_without_chunks_is_left_to_the_judge():
    """A stream that gives nothing has no failure."""
    assert drain([]) == ([], Reply())


def test_none_adds_no_text():
    """None, which `yield chunk.choices[0].delta.content` gives for chunks without text, adds nothing."""
    assert drain([None, "{}", None]) == (["{}"], Reply())


TEXT = '{"naïve": "日本 🧪"}'


@pytest.mark.parametrize("at", range(len(TEXT.encode()) + 1))
def test_bytes_may_be_cut_anywhere(at):
    """Bytes that are cut inside a character give the same text."""
    content = TEXT.encode()

    texts, end = drain([content[:at], bytearray(content[at:])])

    assert ("".join(texts), end) == (TEXT, Reply())


@given(st.binary(max_size=30), st.data())
def test_bytes_read_the_same_in_any_pieces(content, data):
    """For any bytes, how they are cut changes neither the text nor the failure."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=5)))
    pieces = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]

    texts, end = drain(pieces)
    whole, whole_end = drain([content])

    assert ("".join(texts), end) == ("".join(whole), whole_end)
    assert end.failure == read(content).failure


def test_bytes_that_are_not_utf_8_give_what_stands_before():
    """The text before a bad byte is given, and the failure names the byte."""
    texts, end = drain([b"{\xc3", b"\xa9", b"\xff}"])

    assert texts[:2] == ["{", "é"]
    assert end.failure == Failure(
        "syntax", "bad_unicode", "the reply is not UTF-8: invalid start byte at byte 3"
    )


def test_bytes_that_end_inside_a_character_are_refused():
    """A character that is never completed is bad, and asking for the end again gives the same."""
    reader = StreamReader()

    assert reader.feed("é".encode()[:1]) == ""
    assert code_of(reader.end()) == ("syntax", "bad_unicode")
    assert reader.end() == reader.end()


PAGE = " <!DOCTYPE html><html><body>Sign in</body></html>"


@pytest.mark.parametrize("width", [1, 7, 64])
@pytest.mark.parametrize("form", [str, str.encode])
def test_an_html_page_is_no_reply_of_a_model(width, form):
    """An HTML page is the provider's error at any chunk width."""
    pieces = [form(PAGE[at : at + width]) for at in range(0, len(PAGE), width)]

    assert code_of(drain(pieces)[1]) == PROVIDER_ERROR


class Hostile:
    def __getattr__(self, name):
        raise RuntimeError(name)


class HostileDict(dict):
    def get(self, *_):
        raise RuntimeError


class HostileList(list):
    def __iter__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("chunk", "named"),
    [
        (3, "int"),
        ({"a": 1}, "dict"),
        (["x"], "list"),
        (Hostile(), "Hostile"),
        (HostileDict(type=1), "HostileDict"),
        ({"choices": HostileList()}, "dict"),
        ({"type": 1}, "dict"),
    ],
    ids=lambda part: type(part).__name__,
)
def test_a_chunk_that_nobody_sends_is_told_by_its_type(chunk, named):
    """An unknown chunk is a failure that names its type; the texts around it are still given."""
    message = f"the stream gave a value of type {named!r}: yield texts, bytes or the provider's own chunks"

    assert drain(["{", chunk, "}"]) == (["{", "}"], Reply(failure=Failure("transport", "no_reply", message)))


KINDS = sorted(kind for provider in PROVIDERS for kind in provider.events)
MARKERS = sorted({marker for marker, _ in READERS.chunks})
PARTS = [
    "delta",
    "index",
    "usage",
    "text",
    "tool_calls",
    "id",
    "done",
    "response",
    "item",
    "finish_reason",
    "chunk",
]
JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.sampled_from(KINDS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*MARKERS, *PARTS]), inner, max_size=5)
    ),
    max_leaves=25,
)


@given(st.lists(JSON_LIKE, max_size=4))
def test_feeding_never_raises(chunks):
    """Whatever a stream yields is read, without the net under foreign objects too, and is not changed."""
    before = copy.deepcopy(chunks)
    reader = StreamReader()

    for chunk in chunks:
        if chunk is not None and not isinstance(chunk, str):
            assert isinstance(StreamReader().feed_event(chunk), str | None)
            reader.feed_event(chunk)
        assert isinstance(reader.feed(chunk), str)
        assert isinstance(reader.feed(as_objects(chunk)), str)

    assert reader.end().text is None
    assert repr(chunks) == repr(before)


# OpenAI's chat completions, by the real SDK.


def test_a_stream_of_chat_chunks():
    """Chat chunks give their content; the finish reason, the usage and the model come at the end."""
    texts, end = drain_chat(
        wire.chunk({"role": "assistant", "content": ""}),
        wire.chunk({"content": "{"}),
        wire.chunk({"content": "}"}),
        wire.chunk({}, "stop"),
        wire.usage_chunk(),
    )

    assert (texts, end) == (["{", "}"], Reply(None, "stop", TOKENS, model="gpt-x"))


def test_a_stream_of_one_tool_call():
    """The pieces of the only tool call's arguments are the text."""
    texts, end = drain_chat(
        wire.tool_chunk(0, "", "t1"),
        wire.tool_chunk(0, '{"a"'),
        wire.tool_chunk(0, ":1}"),
        wire.chunk({}, "tool_calls"),
    )

    assert (texts, end.finish_reason, end.failure) == (['{"a"', ":1}"], "tool_call", None)


@pytest.mark.parametrize(
    "second", [wire.tool_chunk(1, "[]", "t2"), wire.tool_chunk(0, "[]", "t2")], ids=["index", "id"]
)
def test_a_stream_of_two_tool_calls(second):
    """A second tool call is told by its index or its id; its arguments are not text."""
    texts, end = drain_chat(wire.tool_chunk(0, "{}", "t1"), second, wire.chunk({}, "tool_calls"))

    assert (texts, code_of(end)) == (["{}"], ("syntax", "several_documents"))


def test_a_stream_that_refuses():
    """The pieces of a refusal are no text; joined, they are the refusal."""
    texts, end = drain_chat(
        wire.chunk({"refusal": "I "}), wire.chunk({"refusal": "cannot."}), wire.chunk({}, "stop")
    )

    assert (texts, end) == ([], Reply(None, "refusal", refusal="I cannot.", model="gpt-x"))


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_a_stream_that_was_stopped(reason):
    """A stream that ends early and says why is no failure of reading."""
    texts, end = drain_chat(wire.chunk({"content": "{"}), wire.chunk({}, reason))

    assert (texts, end) == (["{"], Reply(None, reason, model="gpt-x"))


@pytest.mark.parametrize("done", [True, False])
def test_a_stream_of_chat_chunks_that_was_cut(done):
    """Without a finish reason a chat stream was cut, and `[DONE]` does not heal it."""
    message = "the stream ended without the event that says that the reply is complete"
    texts, end = drain_chat(wire.chunk({"content": "{}"}), done=done)

    assert (texts, end) == (["{}"], Reply(model="gpt-x", failure=Failure(*CUT, message)))


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

    assert (texts, end.finish_reason) == (["{}"], "stop")


def test_openais_stream_helper():
    """The helper's events give each piece once."""
    events = (wire.chunk({"content": "{"}), wire.chunk({"content": "}"}), wire.chunk({}, "stop"))
    with (
        wire.Wire([wire.Stream(events)]) as server,
        openai.OpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0) as client,
        client.chat.completions.stream(model="m", messages=[]) as stream,
    ):
        texts, end = drain(stream)

    assert (texts, end) == (["{", "}"], Reply(None, "stop", model="gpt-x"))


def test_asynchronous_clients():
    """What the asynchronous clients yield reads the same."""
    chat = (wire.chunk({"content": "{}"}), wire.chunk({}, "stop"))
    messages = (wire.message_start(), wire.block_delta(type="text_delta", text="{}"), *wire.message_end())

    async def drain_both():
        with wire.Wire([wire.Stream(chat), wire.Stream(messages)]) as server:
            async with openai.AsyncOpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0) as client:
                stream = await client.chat.completions.create(model="m", messages=[], stream=True)
                first = [chunk async for chunk in stream]
            async with anthropic.AsyncAnthropic(api_key="k", base_url=server.url, max_retries=0) as client:
                stream = await client.messages.create(model="m", max_tokens=9, messages=[], stream=True)
                return drain(first), drain([event async for event in stream])

    assert asyncio.run(drain_both()) == (
        (["{}"], Reply(None, "stop", model="gpt-x")),
        (["{}"], Reply(None, "stop", CLAUDE_TOKENS, model="claude-x")),
    )


# The Responses API.


def text_delta(text, **more):
    return wire.output_event("output_text.delta", delta=text, logprobs=[], **more)


def completed(*output, **more):
    return wire.output_event("completed", response=wire.response(*output, **more))


def test_a_stream_of_responses_events():
    """The text deltas are the text; the last event brings the rest."""
    texts, end = drain_responses(
        wire.output_event("created", response=wire.response(status="in_progress", usage=None)),
        wire.output_event("reasoning_text.delta", delta="hm"),
        text_delta("{"),
        text_delta("}"),
        wire.output_event("output_text.done", text="{}", logprobs=[]),
        completed(wire.output_message(wire.output_text("{}"))),
    )

    assert (texts, end) == (["{", "}"], Reply(None, "stop", TOKENS, model="gpt-x"))


def arguments_delta(text, index=0):
    return wire.output_event("function_call_arguments.delta", delta=text, output_index=index)


def test_a_stream_of_a_function_call():
    """The pieces of the only function call's arguments are the text."""
    added = wire.output_event("output_item.added", item=wire.function_call(""))

    texts, end = drain_responses(
        added, arguments_delta("{"), arguments_delta("}"), completed(wire.function_call("{}"))
    )

    assert (texts, end) == (["{", "}"], Reply(None, "tool_call", TOKENS, model="gpt-x"))


def test_a_stream_of_two_function_calls():
    """A second function call is a failure and its arguments are not text."""
    texts, end = drain_responses(arguments_delta("{}"), arguments_delta("[]", index=1), completed())

    assert (texts, code_of(end)) == (["{}"], ("syntax", "several_documents"))


def test_a_stream_with_commentary():
    """The pieces of a commentary message are no text."""
    item = wire.output_message(phase="commentary")

    texts, _ = drain_responses(
        wire.output_event("output_item.added", item=item),
        text_delta("Hm."),
        text_delta("{}", output_index=1),
        completed(),
    )

    assert texts == ["{}"]


@pytest.mark.parametrize("delta", [True, False])
def test_a_responses_stream_that_refuses(delta):
    """A refusal is told once, by its deltas or by the last event."""
    part = {"type": "refusal", "refusal": "No."}
    deltas = [wire.output_event("refusal.delta", delta="No.")] if delta else []

    texts, end = drain_responses(*deltas, completed(wire.output_message(part)))

    assert (texts, end) == ([], Reply(None, "refusal", TOKENS, "No.", "gpt-x"))


def test_a_responses_stream_that_is_incomplete():
    """An incomplete reply says why."""
    response = wire.response(status="incomplete", incomplete_details={"reason": "max_output_tokens"})

    _, end = drain_responses(text_delta("{"), wire.output_event("incomplete", response=response))

    assert end == Reply(None, "length", TOKENS, model="gpt-x")


def test_a_responses_stream_that_failed():
    """A failed reply is the provider's error."""
    response = wire.response(status="failed", error={"code": "server_error", "message": "boom"})

    _, end = drain_responses(text_delta("{"), wire.output_event("failed", response=response))

    assert (end.finish_reason, code_of(end)) == ("error", PROVIDER_ERROR)


def test_a_responses_stream_that_was_cut():
    """Without its last event a Responses stream was cut."""
    assert code_of(drain_responses(text_delta("{}"))[1]) == CUT


# Anthropic's messages.


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

    assert (texts, end) == (["{", "}"], Reply(None, "stop", CLAUDE_TOKENS, model="claude-x"))


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

    assert (texts, end.finish_reason, end.failure) == (['{"a":', "1}"], "tool_call", None)


def test_a_stream_of_a_tool_use_without_input():
    """A tool use without input gives the empty object, as the whole message does."""
    texts, _ = drain_messages(
        wire.message_start(),
        wire.block_start(wire.tool_block({})),
        wire.block_stop(),
        *wire.message_end("tool_use"),
    )

    assert texts == ["{}"]


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

    assert (texts, code_of(end)) == (["{}"], ("syntax", "several_documents"))


def test_a_message_stream_that_refuses():
    """A refusal comes with the stop reason."""
    details = {"type": "refusal", "category": "bio", "explanation": "Harmful."}

    texts, end = drain_messages(wire.message_start(), *wire.message_end("refusal", stop_details=details))

    assert (texts, end) == ([], Reply(None, "refusal", CLAUDE_TOKENS, "Harmful.", "claude-x"))


def test_a_message_delta_without_a_stop_reason():
    """A message_delta that only counts does not end the reply."""
    counting = {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 3}}

    _, end = drain_messages(wire.message_start(), counting, *wire.message_end("max_tokens"))

    assert end == Reply(None, "length", CLAUDE_TOKENS, model="claude-x")


def test_a_message_stream_that_was_cut():
    """Without message_stop a message stream was cut; how much it wrote is unknown."""
    texts, end = drain_messages(wire.message_start(), wire.block_delta(type="text_delta", text="{}"))

    assert (texts, end.usage, code_of(end)) == (["{}"], Usage(12, None, 4), CUT)


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

    assert by_events == (["{", "}"], Reply(None, "stop", CLAUDE_TOKENS, model="claude-x"))
    assert by_texts == (["{", "}"], Reply())


# Dicts, and objects of the same fields.


@dataclass(frozen=True)
class Case:
    id: str
    chunks: tuple[Any, ...]
    texts: list[str]
    end: Reply | tuple[str, str]


def gemini(*parts, reason=None, **more):
    candidate = {"content": {"parts": list(parts), "role": "model"}, "finishReason": reason, "index": 0}
    return {"candidates": [candidate], "modelVersion": "gemini-x", **more}


def gemini_call(args):
    return {"functionCall": {"name": "give", "args": args}}


GEMINI_USAGE = {"promptTokenCount": 12, "candidatesTokenCount": 7}


def ollama(content="", **more):
    return {"model": "qwen", "message": {"role": "assistant", "content": content}, "done": False, **more}


OLLAMA_END = {"done": True, "done_reason": "stop", "prompt_eval_count": 12, "eval_count": 7}


def cohere(kind, **message):
    return {"type": kind, "index": 0, "delta": {"message": message}}


COHERE_END = {
    "type": "message-end",
    "delta": {"finish_reason": "COMPLETE", "usage": {"tokens": {"input_tokens": 12, "output_tokens": 7}}},
}


def converse(**delta):
    return {"contentBlockDelta": {"contentBlockIndex": 0, "delta": delta}}


CONVERSE_END = (
    {"messageStop": {"stopReason": "end_turn"}},
    {"metadata": {"usage": {"inputTokens": 12, "outputTokens": 7}}},
)
CALLING = {"contentBlockStart": {"contentBlockIndex": 0, "start": {"toolUse": {"name": "give"}}}}
CALLING_AGAIN = {"contentBlockStart": {"contentBlockIndex": 1, "start": {"toolUse": {"name": "give"}}}}
PLAIN_TOKENS = Usage(12, 7)

CASES = [
    Case(
        "gemini",
        (
            gemini({"text": "hm", "thought": True}, {"text": "{"}),
            gemini({"text": "}"}, reason="STOP", usageMetadata=GEMINI_USAGE),
        ),
        ["{", "}"],
        Reply(None, "stop", PLAIN_TOKENS, model="gemini-x"),
    ),
    Case(
        "gemini usage last",
        (gemini({"text": "{}"}, reason="STOP"), {"usageMetadata": GEMINI_USAGE}),
        ["{}"],
        Reply(None, "stop", PLAIN_TOKENS, model="gemini-x"),
    ),
    Case(
        "gemini call",
        (gemini(gemini_call({"a": 1}), reason="STOP"),),
        ['{"a":1}'],
        Reply(None, "stop", model="gemini-x"),
    ),
    Case(
        "gemini calls",
        (gemini(gemini_call({})), gemini(gemini_call([]), reason="STOP")),
        ["{}"],
        ("syntax", "several_documents"),
    ),
    Case("gemini cut", (gemini({"text": "{}"}),), ["{}"], CUT),
    Case(
        "gemini filtered",
        (gemini({"text": "{"}), gemini(reason="SAFETY")),
        ["{"],
        Reply(None, "content_filter", model="gemini-x"),
    ),
    Case(
        "gemini malformed", (gemini(reason="MALFORMED_FUNCTION_CALL"),), [], ("syntax", "provider_rejected")
    ),
    Case(
        "gemini blocked", ({"promptFeedback": {"blockReason": "SAFETY"}},), [], Reply(None, "content_filter")
    ),
    Case(
        "ollama",
        (ollama("{"), ollama("}"), ollama(**OLLAMA_END)),
        ["{", "}"],
        Reply(None, "stop", PLAIN_TOKENS, model="qwen"),
    ),
    Case("ollama cut", (ollama("{}"),), ["{}"], CUT),
    Case(
        "ollama call",
        (
            {**ollama(), "message": {"content": "", "tool_calls": [{"function": {"arguments": {"a": 1}}}]}},
            ollama(**OLLAMA_END),
        ),
        ['{"a":1}'],
        Reply(None, "stop", PLAIN_TOKENS, model="qwen"),
    ),
    Case(
        "ollama generate",
        ({"response": "{}", "done": False}, {"response": "", **OLLAMA_END}),
        ["{}"],
        Reply(None, "stop", PLAIN_TOKENS),
    ),
    Case(
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
    Case(
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
    Case(
        "groq",
        ({**wire.chunk({"content": "{}"}, "stop"), "x_groq": {"usage": wire.CHAT_USAGE}},),
        ["{}"],
        Reply(None, "stop", TOKENS, model="gpt-x"),
    ),
    Case(
        "mistral",
        ({"data": wire.chunk({"content": [{"type": "text", "text": "{}"}]}, "stop")},),
        ["{}"],
        Reply(None, "stop", model="gpt-x"),
    ),
    Case(
        "a text completion",
        ({"object": "text_completion", "choices": [{"text": "{}", "finish_reason": "stop"}]},),
        ["{}"],
        Reply(None, "stop"),
    ),
    Case("a whole completion", (wire.chat("{}"),), ["{}"], Reply(None, "stop", TOKENS, model="gpt-x")),
    Case(
        "a filter result",
        ({"object": "", "choices": [{"content_filter_offsets": {}}]}, wire.chunk({}, "stop")),
        [],
        Reply(None, "stop", model="gpt-x"),
    ),
    Case(
        "an error among chunks",
        (wire.chunk({"content": "{"}), {**wire.chunk({}), "choices": [], "error": {"code": 502}}),
        ["{"],
        PROVIDER_ERROR,
    ),
    Case("an error as finish reason", (wire.chunk({"content": "{"}, "error"),), ["{"], PROVIDER_ERROR),
    Case("an error alone", (ollama("{"), {"error": {"message": "boom"}}), ["{"], PROVIDER_ERROR),
    Case(
        "an error of Responses",
        ({"type": "error", "code": "server_error", "message": "boom"},),
        [],
        PROVIDER_ERROR,
    ),
    Case(
        "bedrock text block",
        ({"contentBlockStart": {"start": {}, "contentBlockIndex": 0}}, converse(text="{}"), *CONVERSE_END),
        ["{}"],
        Reply(None, "stop", PLAIN_TOKENS),
    ),
    Case(
        "cohere",
        (
            {"type": "message-start", "id": "c"},
            cohere("content-delta", content={"thinking": "hm"}),
            cohere("content-delta", content={"text": "{}"}),
            {"type": "content-end", "index": 0},
            COHERE_END,
        ),
        ["{}"],
        Reply(None, "stop", PLAIN_TOKENS),
    ),
    Case(
        "cohere call",
        (
            cohere("tool-call-start", tool_calls={"id": "t1", "function": {"name": "give", "arguments": ""}}),
            cohere("tool-call-delta", tool_calls={"function": {"arguments": "{}"}}),
            {
                **cohere("tool-call-start", tool_calls={"id": "t2", "function": {"arguments": "[]"}}),
                "index": 1,
            },
            COHERE_END,
        ),
        ["{}"],
        ("syntax", "several_documents"),
    ),
    Case(
        "bedrock",
        (
            {"messageStart": {"role": "assistant"}},
            converse(text="{}"),
            {"contentBlockStop": {}},
            *CONVERSE_END,
        ),
        ["{}"],
        Reply(None, "stop", PLAIN_TOKENS),
    ),
    Case(
        "bedrock call",
        (CALLING, converse(toolUse={"input": "{}"}), *CONVERSE_END),
        ["{}"],
        Reply(None, "stop", PLAIN_TOKENS),
    ),
    Case("bedrock calls", (CALLING, CALLING_AGAIN, *CONVERSE_END), [], ("syntax", "several_documents")),
    Case(
        "bedrock error",
        (converse(text="{"), {"throttlingException": {"message": "slow down"}}),
        ["{"],
        PROVIDER_ERROR,
    ),
    Case("bedrock cut", (converse(text="{}"),), ["{}"], CUT),
    Case(
        "text before a call",
        (wire.chunk({"content": "Here: "}), wire.tool_chunk(0, "{}"), wire.chunk({}, "stop")),
        ["Here: ", "{}"],
        Reply(None, "stop", model="gpt-x"),
    ),
    Case("two lone choices", ({"choices": ["a", "b"]},), [], ("transport", "no_reply")),
    Case("no choices and no sign", ({"choices": []},), [], ("transport", "no_reply")),
    Case("candidates of the user's", ({"candidates": [{"name": "x"}]},), [], ("transport", "no_reply")),
    Case("an unknown type", ({"type": "invoice"},), [], ("transport", "no_reply")),
    Case("data of the user's", ({"data": {"a": 1}},), [], ("transport", "no_reply")),
    Case("metadata of the user's", ({"metadata": {"a": 1}},), [], ("transport", "no_reply")),
    Case("content of the user's", ({"content": "x"},), [], ("transport", "no_reply")),
    Case("a message of the user's", ({"message": "x"},), [], ("transport", "no_reply")),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
@pytest.mark.parametrize("form", [lambda chunk: chunk, as_objects], ids=["dict", "object"])
def test_a_stream_is_read_by_its_shape(case, form):
    """A stream reads the same in dicts and in objects, and without its SDK."""
    texts, end = drain([form(chunk) for chunk in case.chunks])

    assert texts == case.texts
    assert (end if isinstance(case.end, Reply) else code_of(end)) == case.end


def test_the_first_failure_stands():
    """A later failure does not hide the first."""
    _, end = drain([3, wire.chunk({"content": "x"}, "error")])

    assert code_of(end) == ("transport", "no_reply")


@pytest.mark.parametrize(
    "reply", [wire.chat('{"a": "é"}'), wire.chat(None, refusal="No.")], ids=["text", "refusal"]
)
def test_a_stream_and_its_whole_reply_read_the_same(reply):
    """A reply that comes in pieces reads as the reply that comes whole."""
    message = reply["choices"][0]["message"]
    pieces = [wire.chunk({key: piece}) for key in ("content", "refusal") for piece in message.get(key) or ""]
    whole = read(reply)

    texts, end = drain([*pieces, wire.chunk({}, "stop"), wire.usage_chunk()])

    assert ("".join(texts), end.finish_reason, end.refusal) == (
        whole.text,
        whole.finish_reason,
        whole.refusal,
    )
    assert (end.usage, end.model, end.failure) == (whole.usage, whole.model, whole.failure)


@pytest.mark.parametrize(("source", "failed"), [(SimpleNamespace(response=None), True), (iter(()), False)])
def test_a_clients_stream_without_an_event_was_cut(source, failed):
    """What stands for an HTTP response and gives nothing did not end as it should; an iterator may be empty."""
    assert (StreamReader(source).end().failure is not None) is failed
