"""Facts about reading what a function gave back."""

import copy
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from schema_guard import Failure
from schema_guard.providers.order import READERS
from schema_guard.received.replies import read, read_shape
from schema_guard.values import Reply
from tests.public.calls import wire
from tests.public.calls.providers.reading import as_objects, code_of


def test_a_reply_that_was_read_stays():
    """A Reply is given back as it is."""
    reply = Reply("x", "stop")

    assert read(reply) is reply


class Invoice(BaseModel):
    choices: list[str] = []
    content: str = "secret"
    output: int = 0


@pytest.mark.parametrize(
    ("given_back", "named"),
    [
        (None, "None"),
        (3, "'int'"),
        (True, "'bool'"),
        (object(), "'object'"),
        ({"total": "secret"}, "'dict'"),
        (["secret"], "'list'"),
        ((), "'tuple'"),
        (Invoice(), "'Invoice'"),
        ({"choices": ["secret"]}, "'dict'"),
        ({"choices": []}, "'dict'"),
        ({"choices": [{"text": "secret"}]}, "'dict'"),
        ({"choices": {"0": "secret"}}, "'dict'"),
        ({"choices": [{"message": "secret"}]}, "'dict'"),
        ({"content": "secret"}, "'dict'"),
        ({"content": [{"type": "text"}]}, "'dict'"),
        ({"candidates": [{"name": "secret"}]}, "'dict'"),
        ({"candidates": []}, "'dict'"),
        ({"output": {"message": "secret"}}, "'dict'"),
        ({"output": []}, "'dict'"),
        ({"message": "secret"}, "'dict'"),
        ({"message": {"content": "secret"}}, "'dict'"),
        ({"response": "secret"}, "'dict'"),
        ({"error": "secret", "line": 3}, "'dict'"),
        (MagicMock(), "'MagicMock'"),
        (wire.chunk({"content": "x"}), "'dict'"),
    ],
    ids=lambda part: type(part).__name__,
)
def test_what_is_no_reply_is_told_by_its_type(given_back, named):
    """A value that is no reply is refused by its type; its content is never told."""
    kind = "None" if given_back is None else f"a value of type {named}"
    message = f"the function returned {kind}, not a model's reply. Return the reply or its text"

    assert read(given_back) == Reply(failure=Failure("transport", "no_reply", message))


def test_a_mock_of_a_completion_is_a_completion():
    """A mock that was given a text where a completion has it is read."""
    mock = MagicMock()
    mock.choices[0].message.content = "{}"

    assert read(mock) == Reply("{}")


class Hostile:
    def __getattr__(self, name):
        raise RuntimeError(name)


class HostileDict(dict):
    def get(self, *_):
        raise RuntimeError


class HostileList(list):
    def __iter__(self):
        raise RuntimeError

    def __getitem__(self, _):
        raise RuntimeError


@pytest.mark.parametrize(
    "reply",
    [
        Hostile(),
        HostileDict(choices=1),
        SimpleNamespace(choices=HostileList([1]), model="m"),
        {"output": HostileList([1]), "object": "response"},
    ],
    ids=lambda reply: type(reply).__name__,
)
def test_an_object_that_raises_is_no_reply(reply):
    """What raises when it is looked at is no reply, and nothing is raised."""
    assert code_of(read(reply)) == ("transport", "no_reply")


FIELDS = sorted(
    {marker for marker, _ in READERS.replies}
    | {"tool_calls", "function", "arguments", "text", "object", "status", "parts", "finish_reason", "role"}
    | {"stop_reason", "stopReason", "usage", "type", "done", "delta", "name", "model", "stop_type", "stats"}
    | {"parsed", "timings", "refusal", "incomplete_details", "truncated", "finishReason", "blockReason"}
)


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(JSON_LIKE)
def test_reading_never_raises(value):
    """Whatever a function gives back is read, without the net under foreign objects too."""
    before = copy.deepcopy(value)

    reply = read(value)
    if not isinstance(value, str):
        read_shape(value)
        read_shape(as_objects(value))

    assert (reply.text is None) <= (reply.failure is not None)
    assert repr(value) == repr(before)


CUT_CALLS = {
    "anthropic": {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "tool_use", "id": "t", "name": "give", "input": {}}],
        "stop_reason": "max_tokens",
    },
    "gemini": {
        "candidates": [
            {
                "content": {"role": "model", "parts": [{"functionCall": {"name": "give", "args": {}}}]},
                "finishReason": "MAX_TOKENS",
            }
        ],
    },
}


@pytest.mark.parametrize("provider", CUT_CALLS)
def test_arguments_of_which_the_limit_left_nothing_are_no_value(provider):
    """An empty object, as which providers give arguments that were cut off, is an empty text at the limit."""
    reply = read(CUT_CALLS[provider])

    assert (reply.text, reply.finish_reason, reply.tool) == ("", "length", "give")
