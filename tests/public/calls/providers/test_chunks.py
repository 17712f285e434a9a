"""Facts about reading what a streaming function yields."""

import asyncio

import anthropic
import openai
import pytest

from schema_guard import Failure
from tests.public.calls import wire
from tests.public.calls.providers.reading import (
    CLAUDE_TOKENS,
    FORMS,
    PROVIDER_ERROR,
    Reply,
    StreamCase,
    code_of,
    drain,
    ids,
    read_reply,
    read_stream_case,
)


def test_texts_are_given_as_they_come():
    """A stream of texts gives them and ends without a word."""
    assert drain("{}") == ("{}", Reply())


def test_a_page_inside_a_long_text_is_text():
    """Only the beginning of a stream tells an HTML page."""
    assert drain(["x" * 100, "<html>"]) == ("x" * 100 + "<html>", Reply())


def test_a_stream_without_chunks_is_left_to_the_judge():
    """A stream that gives nothing has no failure."""
    assert drain([]) == ("", Reply())


def test_none_adds_no_text():
    """None, which `yield chunk.choices[0].delta.content` gives for chunks without text, adds nothing."""
    assert drain([None, "{}", None]) == ("{}", Reply())


TEXT = '{"naïve": "日本 🧪"}'


@pytest.mark.parametrize("at", range(len(TEXT.encode()) + 1))
def test_bytes_may_be_cut_anywhere(at):
    """Bytes that are cut inside a character give the same text."""
    content = TEXT.encode()

    texts, end = drain([content[:at], bytearray(content[at:])])

    assert ("".join(texts), end) == (TEXT, Reply())


def test_bytes_that_are_not_utf_8_give_what_stands_before():
    """The text before a bad byte is given, and the failure names the byte."""
    texts, end = drain([b"{\xc3", b"\xa9", b"\xff}"])

    assert texts[:2] == "{é"
    assert end.failure == Failure(
        "syntax", "bad_unicode", "the reply is not UTF-8: invalid start byte at byte 3"
    )


PAGE = " <!DOCTYPE html><html><body>Sign in</body></html>"


@pytest.mark.parametrize("width", [1, 7, 64])
@pytest.mark.parametrize("form", [str, str.encode])
def test_an_html_page_is_no_reply_of_a_model(width, form):
    """An HTML page is the provider's error at any chunk width."""
    pieces = [form(PAGE[at : at + width]) for at in range(0, len(PAGE), width)]

    assert code_of(drain(pieces)[1]) == PROVIDER_ERROR


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
        ("{}", Reply(None, "stop", model="gpt-x")),
        ("{}", Reply(None, "stop", CLAUDE_TOKENS, model="claude-x")),
    )


STREAMS = [
    StreamCase("candidates of the user's", ({"candidates": [{"name": "x"}]},), [], ("transport", "no_reply")),
    StreamCase("an unknown type", ({"type": "invoice"},), [], ("transport", "no_reply")),
    StreamCase("data of the user's", ({"data": {"a": 1}},), [], ("transport", "no_reply")),
    StreamCase("metadata of the user's", ({"metadata": {"a": 1}},), [], ("transport", "no_reply")),
    StreamCase("content of the user's", ({"content": "x"},), [], ("transport", "no_reply")),
    StreamCase("a message of the user's", ({"message": "x"},), [], ("transport", "no_reply")),
]


@pytest.mark.parametrize("case", STREAMS, ids=ids)
@FORMS
def test_a_stream_is_read_by_its_shape(case, form):
    """A stream reads the same in dicts and in objects, and without its SDK."""
    assert read_stream_case(case, form) == case.expected


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
    whole = read_reply(reply)

    texts, end = drain([*pieces, wire.chunk({}, "stop"), wire.usage_chunk()])

    assert ("".join(texts), end.finish_reason, end.refusal) == (
        whole.text,
        whole.finish_reason,
        whole.refusal,
    )
    assert (end.usage, end.model, end.failure) == (whole.usage, whole.model, whole.failure)
