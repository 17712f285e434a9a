"""Facts about reading what a streaming function yields."""

import copy
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import Failure
from schema_guard.providers.order import PROVIDERS, READERS
from schema_guard.received.replies import read
from schema_guard.received.streams import StreamReader
from schema_guard.values import Reply
from tests.public.calls.providers.reading import as_objects, code_of


def drain(chunks):
    """Return the text of each chunk that has one, and the end without its tool calls."""
    reader = StreamReader()
    texts = [text for chunk in chunks if (text := reader.feed(chunk))]
    return texts, reader.end()._replace(calls=())


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


@given(st.binary(max_size=30), st.data())
def test_bytes_read_the_same_in_any_pieces(content, data):
    """For any bytes, how they are cut changes neither the text nor the failure."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=5)))
    pieces = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]

    texts, end = drain(pieces)
    whole, whole_end = drain([content])

    assert ("".join(texts), end) == ("".join(whole), whole_end)
    assert end.failure == read(content).failure


def test_bytes_that_end_inside_a_character_are_refused():
    """A character that is never completed is bad, and asking for the end again gives the same."""
    reader = StreamReader()

    assert reader.feed("é".encode()[:1]) == ""
    assert code_of(reader.end()) == ("syntax", "bad_unicode")
    assert reader.end() == reader.end()


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
    message = (
        f"the stream yielded a value of type {named!r}. Yield texts, bytes, or the provider's own chunks"
    )

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


@pytest.mark.parametrize(("source", "failed"), [(SimpleNamespace(response=None), True), (iter(()), False)])
def test_a_clients_stream_without_an_event_was_cut(source, failed):
    """What stands for an HTTP response and gives nothing did not end as it should; an iterator may be empty."""
    assert (StreamReader(source).end().failure is not None) is failed
