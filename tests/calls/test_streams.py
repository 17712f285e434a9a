"""Facts about reading what a streaming function yields."""

import asyncio
import copy
from types import SimpleNamespace

import anthropic
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import Failure
from schema_guard.calls.providers.order import PROVIDERS, READERS
from schema_guard.calls.replies import Reply, read
from schema_guard.calls.streams import StreamReader
from tests.calls.reading import (
    CLAUDE_TOKENS,
    FORMS,
    PROVIDER_ERROR,
    StreamCase,
    as_objects,
    check_stream,
    code_of,
    drain,
    ids,
)
from tests.public.calls import wire


def test_texts_are_given_as_they_come():
    """A stream of texts gives them and ends without a word."""
    assert drain(["{", "", "}"]) == (["{", "}"], Reply())


def test_a_page_inside_a_long_text_is_text():
    """Only the beginning of a stream tells an HTML page."""
    assert drain(["x" * 100, "<html>"]) == (["x" * 100, "<html>"], Reply())


def test_a_stream_without_chunks_is_left_to_the_judge():
    """A stream that gives nothing has no failure."""
    assert drain([]) == ([], Reply())


def generator_of(path, *, is_async):
    """A generator without chunks, whose code stands in a file of that name."""
    names = {}
    exec(compile(f"{'async ' * is_async}def chunks():\n    return\n    yield", path, "exec"), names)  # noqa: S102
    return names["chunks"]()


CUT_OFF = ("transport", "stream_cut")


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(
    ("path", "code"), [("/lib/google/genai/models.py", CUT_OFF), ("/app/extract.py", None)]
)
def test_a_clients_own_generator_without_chunks_was_cut(path, code, is_async):
    """Nothing at all from a client that gives chunks is silence of the wire; from a function of the user's it is no text."""
    assert code_of(StreamReader(generator_of(path, is_async=is_async)).end()) == code


def test_arguments_of_which_the_limit_left_nothing_are_no_value():
    """An empty object, as which a provider gives arguments that were cut off, is taken back at the limit."""
    call = {"content": {"role": "model", "parts": [{"functionCall": {"name": "give", "args": {}}}]}}
    end = {"content": {"role": "model", "parts": []}, "finishReason": "MAX_TOKENS"}

    texts, reply = drain([{"candidates": [call]}, {"candidates": [end]}])

    assert (texts, reply.text, reply.instead, reply.finish_reason) == (["{}"], "", True, "length")


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
    check_stream(case, form)


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
