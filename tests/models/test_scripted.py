import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest

from schema_guard.core.values import Message
from schema_guard.errors import InvalidArgument
from schema_guard.models import Model, connect
from schema_guard.models.scripted import ScriptedModel


def script(tmp_path, *lines):
    path = tmp_path / "replies.jsonl"
    path.write_text("\n".join(lines))
    return f"scripted:{path}"


def test_replies_come_in_order_and_end(tmp_path):
    """A script gives its replies one after another; a call too many is an error that says how many there were."""
    model = connect(script(tmp_path, '"one"', "", '{"reply": "two"}', '{"chunks": ["th", "ree"]}'))

    assert [model("x"), model([{"role": "user", "content": "x"}]), model("x")] == ["one", "two", "three"]
    with pytest.raises(InvalidArgument) as caught:
        model("x")
    assert str(caught.value) == "model 'replies' has given all its 3 replies: add one for every call"


def test_scripted_model_is_a_model(tmp_path):
    """It has the interface of every model, context managers included."""
    with connect(script(tmp_path, '"one"')) as model:
        assert isinstance(model, Model)
        assert (model.name, model.target) == ("replies", "openai")
        assert "tool_call" in model.capabilities
        assert model([Message("user", "x")], options={"temperature": 1}) == "one"


def test_known_reply_has_the_shape_of_a_chat_completion():
    """With a finish reason or usage the reply is an object that says so."""
    model = ScriptedModel(
        [
            {
                "reply": "{",
                "finish_reason": "length",
                "usage": {
                    "input_tokens": 5,
                    "output_tokens": 1,
                    "cached_input_tokens": 2,
                    "reasoning_tokens": 0,
                },
            }
        ]
    )

    reply = model("x")

    assert reply.choices[0].message.content == "{"
    assert reply.choices[0].finish_reason == "length"
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (5, 1)
    assert reply.usage.prompt_tokens_details.cached_tokens == 2
    assert reply.usage.completion_tokens_details.reasoning_tokens == 0


def test_refusal_is_said_as_openai_says_it():
    """A refused reply has its words in `refusal`, no content, and finish reason stop."""
    message = ScriptedModel([{"reply": "I can't.", "finish_reason": "refusal"}])("x").choices[0]

    assert (message.message.refusal, message.message.content, message.finish_reason) == (
        "I can't.",
        None,
        "stop",
    )


def test_stream_gives_the_chunks():
    """Chunks of a text are texts; chunks of a known reply end with finish reason and usage."""
    model = ScriptedModel(
        [
            {"chunks": ["a", "b"]},
            {"chunks": ["a", "b"], "finish_reason": "stop", "usage": {"output_tokens": 2}},
        ]
    )

    assert list(model.stream("x")) == ["a", "b"]
    chunks = list(model.stream("x"))
    assert [chunk.choices[0].delta.content for chunk in chunks[:-1]] == ["a", "b", None]
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None, None, "stop"]
    assert (chunks[-1].choices, chunks[-1].usage.completion_tokens) == ((), 2)


def test_stream_without_finish_reason_has_no_end():
    """A finish reason that is null makes a stream that is cut."""
    chunks = list(ScriptedModel([{"reply": "a", "finish_reason": None}]).stream("x"))

    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None]


def test_async_calls_give_the_same():
    """The asynchronous forms give what the synchronous ones give."""

    async def ask():
        async with ScriptedModel(["one", {"chunks": ["t", "wo"], "delay_s": 0}]) as model:
            return await model.acall("x"), [chunk async for chunk in model.astream("x")]

    assert asyncio.run(ask()) == ("one", ["t", "wo"])


@pytest.mark.parametrize(
    ("words", "kind", "text"),
    [
        ("TimeoutError: slow", TimeoutError, "slow"),
        ("503", RuntimeError, "503"),
        ("int: 3", RuntimeError, "int: 3"),
    ],
)
def test_raise_names_the_exception(words, kind, text):
    """`raise` raises the built-in exception it names, else a RuntimeError."""
    with pytest.raises(kind) as caught:
        ScriptedModel([{"raise": words}])("x")

    assert str(caught.value) == text


def test_raise_after_chunks_cuts_a_stream():
    """Chunks beside `raise` come before the exception."""
    stream = ScriptedModel([{"chunks": ["a"], "raise": "ConnectionError: gone"}]).stream("x")

    assert next(stream) == "a"
    with pytest.raises(ConnectionError, match="gone"):
        next(stream)


@dataclass(frozen=True)
class Bad:
    id: str
    line: str
    message: str


BAD = [
    Bad("broken", "{", "expected JSON, got '{' (Expecting property name enclosed in double quotes: line 1"),
    Bad("number", "3", "expected a string or an object, got 3"),
    Bad(
        "unknown key",
        '{"replay": "a"}',
        "'replay': expected one of reply, finish_reason, usage, chunks, delay_s,",
    ),
    Bad("nothing", "{}", "expected 'reply', 'chunks' or 'raise'"),
    Bad("reply", '{"reply": 3}', "'reply': expected str or null, got 3"),
    Bad("chunks", '{"chunks": [3]}', "'chunks': expected strings, got [3]"),
    Bad("two texts", '{"reply": "a", "chunks": ["b"]}', "'chunks': expected them to join to 'reply'"),
    Bad("usage key", '{"reply": "a", "usage": {"tokens": 1}}', "'usage': expected counts of input_tokens,"),
    Bad(
        "usage", '{"reply": "a", "usage": {"input_tokens": -1}}', "'usage': expected counts of input_tokens,"
    ),
    Bad("delay", '{"reply": "a", "delay_s": -1}', "'delay_s': expected seconds >= 0, got -1"),
    Bad("reason", '{"reply": "a", "finish_reason": 1}', "'finish_reason': expected str or null, got 1"),
]


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.id)
def test_bad_line_is_named_by_its_number(tmp_path, case):
    """A line that is no reply is refused when the script is read, with its number."""
    with pytest.raises(InvalidArgument) as caught:
        connect(script(tmp_path, '"fine"', case.line))

    assert f"replies.jsonl, line 2: {case.message}" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff"])
def test_script_without_replies_is_refused(tmp_path, content):
    """An empty file and one that is no text are refused."""
    path = tmp_path / "script"
    path.write_bytes(content)

    with pytest.raises(InvalidArgument, match=r"expected (at least one reply|a readable file of JSON Lines)"):
        connect(f"scripted:{path}")


def test_bad_reply_in_a_list_is_named_by_its_index():
    """A list of replies is checked when the model is made."""
    value: Any = [3]

    with pytest.raises(InvalidArgument, match=r"replies\[0\]: expected a string or an object, got 3"):
        ScriptedModel(value)


def test_prompt_is_checked_as_a_provider_would(tmp_path):
    """A prompt that no provider takes is refused and uses up no reply."""
    model = connect(script(tmp_path, json.dumps("one")))

    for prompt in (None, [], [3], [{"content": "x"}]):
        with pytest.raises(InvalidArgument, match=r"^prompt"):
            model(prompt)
    assert model("x") == "one"
