"""The usual replies of providers are read at a glance, and say then what they say when they are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import Schema
from schema_guard.received.receiver import Receiver
from schema_guard.received.replies import Reply, plain_text, read
from tests.public.calls.likenesses import (
    Block,
    Choice,
    Claude,
    Completion,
    Item,
    Message,
    ParsedMessage,
    Part,
    Response,
    chat,
    message,
    response,
)
from tests.thinned import examples

TEXT = '{"a": 1}'
THOUGHT = Item(type="reasoning")
USUAL = {
    "a chat completion": chat(TEXT, provider="x"),
    "a message": message(TEXT),
    "a response": response(TEXT),
    "a response behind thoughts": response(TEXT, THOUGHT),
}


texts = st.sampled_from(['{"a": 1}', "", "no", "<html>", None, 3, ["x"]])
models = st.sampled_from(["gpt-5-2026-01-01", "", None, 7, "m" * 300])
usages = st.sampled_from([None, {"prompt_tokens": 3, "completion_tokens": 4}, {"input_tokens": 1}])
calls = st.sampled_from([None, [], [{"function": {"name": "f", "arguments": "{}"}}], "x"])
extras = st.dictionaries(
    st.sampled_from(
        ["choices", "content", "output", "candidates", "provider", "error", "message", "text", "type"]
    ),
    st.sampled_from([None, "x", [], [{"message": {"content": "other"}}], {"code": 1}]),
    max_size=2,
)


@st.composite
def built(draw, kind, **fields):
    """An object of a class with drawn fields, now and then with one that it does not know."""
    more = draw(extras) if draw(st.integers(0, 4)) == 0 else {}
    made = {name: draw(field) for name, field in fields.items()}
    return kind(**{**more, **made})


def one_of(strategy, odd):
    """Most often what is usual."""
    return st.one_of(strategy, strategy, strategy, odd)


messages = st.sampled_from([Message, Message, ParsedMessage]).flatmap(
    lambda kind: built(
        kind,
        content=one_of(st.just('{"a": 1}'), texts),
        refusal=one_of(st.none(), st.sampled_from(["", "I can't"])),
        tool_calls=one_of(st.none(), calls),
        function_call=one_of(st.none(), st.sampled_from([{"arguments": "{}"}, {}, "x"])),
    )
)
choices = built(
    Choice,
    message=one_of(messages, st.none()),
    finish_reason=one_of(
        st.just("stop"), st.sampled_from([None, "length", "tool_calls", "error", "STOP", 5])
    ),
)
completions = built(
    Completion, choices=one_of(st.lists(choices, min_size=1, max_size=2), st.sampled_from([None, [], "x"])), model=models, usage=usages
)  # fmt: skip
blocks = built(
    Block, type=one_of(st.just("text"), st.sampled_from(["thinking", "tool_use", None])), text=texts
)
claudes = built(
    Claude,
    content=one_of(st.lists(blocks, min_size=1, max_size=2), texts),
    stop_reason=one_of(st.just("end_turn"), st.sampled_from([None, "max_tokens", "refusal", "tool_use"])),
    model=models,
    usage=usages,
)
parts = built(
    Block, type=one_of(st.just("output_text"), st.sampled_from(["refusal", "text", None])), text=texts
)
items = built(
    Item,
    type=one_of(st.just("message"), st.sampled_from(["reasoning", "function_call", None])),
    content=one_of(st.lists(parts, min_size=1, max_size=2), st.sampled_from([None, "x"])),
    phase=st.sampled_from([None, None, "commentary", "final_answer"]),
)
responses = built(
    Response,
    output=one_of(st.lists(items, min_size=1, max_size=3), st.none()),
    status=one_of(st.just("completed"), st.sampled_from(["failed", "incomplete", "queued", None])),
    model=models,
    usage=usages,
)


@examples(600)
@given(st.one_of(completions, claudes, responses))
def test_what_is_read_at_a_glance_is_what_is_read(reply):
    """Whatever a glance takes holds the text that it gives, was ended by its model, and has nothing to judge but that."""
    result = plain_text(reply)

    if result is not None:
        whole = read(reply)
        assert whole == Reply(result[0], "stop", whole.usage, None, whole.model)
        receivers = Receiver(Schema.of(True)), Receiver(Schema.of(True))
        assert receivers[0].glance(reply) == receivers[1].read(reply).text
        assert receivers[0]._model == receivers[1]._model


@pytest.mark.parametrize("reply", USUAL.values(), ids=USUAL)
def test_the_usual_replies_are_read_at_a_glance(reply):
    """A text that its model ended by itself takes no reading of the rest."""
    assert plain_text(reply) == (TEXT, "m-2026-01-01")


def test_an_instance_of_the_schemas_own_class_is_its_value():
    """What looks like a reply and is the value itself is not taken for a reply."""
    own = USUAL["a message"]

    assert Receiver(Schema.of(Claude)).glance(own) is None
    assert Receiver(Schema.of(Completion)).glance(own) == '{"a": 1}'


def test_what_holds_the_mark_of_another_reply_has_to_be_read():
    """A field that the class does not know may say whose reply it is."""
    assert plain_text(chat(TEXT, output=[])) is None


@pytest.mark.parametrize(
    "odd", [None, 3, "text", b"x", {}, object(), Completion, Part(), Completion(), Claude()]
)
def test_all_else_has_to_be_read(odd):
    """What is no such object, or has nothing in its place, is not read at a glance."""
    assert plain_text(odd) is None


def test_a_class_may_raise_whatever_it_likes():
    """A class that cannot even be looked at is none of a provider's."""

    class Hostile(type):
        def __getattr__(cls, name):
            raise ValueError(name)

        __hash__ = None

    class Odd(metaclass=Hostile):
        pass

    assert plain_text(Odd()) is None


def test_an_interrupt_goes_on_as_itself():
    """What strikes in a glance is no answer of the reply."""

    class Struck(list):
        def __getitem__(self, index):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plain_text(Completion(choices=Struck([1]), model="m"))


def test_the_objects_of_sdks_are_read_at_a_glance():
    """So are those that the packages themselves make."""
    types = pytest.importorskip("openai.types.chat")
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "{}"}}
    made = types.ChatCompletion.model_validate(
        {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    )

    assert plain_text(made) == ("{}", "m")
