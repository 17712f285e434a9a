import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from schema_guard import InvalidArgument, Message
from schema_guard.models import Model, connect
from schema_guard.testing import ScriptedModel


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
    assert str(caught.value) == (
        "model 'replies' has no more replies after the first 3. Add a reply for every call, or repeat the replies with cycle=True"
    )


def test_scripted_model_is_a_model(tmp_path):
    """It has the interface of every model, context managers included."""
    with connect(script(tmp_path, '"one"')) as model:
        assert isinstance(model, Model)
        assert (model.name, model.provider) == ("replies", "openai")
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


def test_usage_without_finish_reason_has_stop():
    """A reply of which only the usage is said ended as replies do."""
    model = ScriptedModel([{"reply": "a", "usage": {"output_tokens": 1}}] * 2)

    assert model("x").choices[0].finish_reason == "stop"
    assert [chunk.choices[0].finish_reason for chunk in model.stream("x") if chunk.choices] == [None, "stop"]


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
    Bad("nothing", "{}", "expected one of the keys 'reply', 'chunks', or 'raise'"),
    Bad("reply", '{"reply": 3}', "'reply': expected str or null, got 3"),
    Bad("chunks", '{"chunks": [3]}', "'chunks': expected a list of strings, got [3]"),
    Bad(
        "two texts",
        '{"reply": "a", "chunks": ["b"]}',
        "'chunks': expected strings that together equal 'reply'",
    ),
    Bad(
        "usage key",
        '{"reply": "a", "usage": {"tokens": 1}}',
        "'usage': expected a count >= 0 for each of input_tokens,",
    ),
    Bad(
        "usage",
        '{"reply": "a", "usage": {"input_tokens": -1}}',
        "'usage': expected a count >= 0 for each of input_tokens,",
    ),
    Bad("delay", '{"reply": "a", "delay_s": -1}', "'delay_s': expected a number of seconds >= 0, got -1"),
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

    with pytest.raises(InvalidArgument, match=r"expected (a file with at least one reply|a JSON Lines file)"):
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


def test_replies_are_found_by_the_prompt():
    """The first pair fits whose text is in the prompt, as often as it fits; the empty text is in all."""
    model = ScriptedModel({"invoice": "1", "letter": "2", "": "3"})

    replies = [model(f"a {word}") for word in ("letter", "invoice", "letter from an invoice", "note")]

    assert replies == ["2", "1", "1", "3"]


def test_replies_are_found_by_a_function_of_the_text():
    """A function gets the contents of all messages, one a line, those of parts included."""
    seen = []

    def is_short(text):
        seen.append(text)
        return len(text) < 9

    model = ScriptedModel([(is_short, {"reply": "short", "finish_reason": "length"}), ("", "long")])
    parts = [{"type": "text", "text": "b"}, {"type": "image"}, {"type": "input_text", "text": "c"}]
    messages = [{"role": "system", "content": "a"}, {"role": "user", "content": parts}, {"role": "tool"}]

    assert model(messages).choices[0].finish_reason == "length"
    assert model("something else") == "long"
    assert seen == ["a\nbc\n", "something else"]


def test_prompt_without_a_reply_is_an_error():
    """The message shows the prompt and what would have fitted."""
    model = ScriptedModel([("invoice", "1"), (str.isdigit, "2")])

    with pytest.raises(InvalidArgument) as caught:
        model("a letter")

    assert str(caught.value) == (
        "model 'scripted' has no reply for the prompt 'a letter': expected a prompt that contains 'invoice' or fits"
        " isdigit. To match all other prompts, add a pair with the prompt text '' at the end"
    )
    with pytest.raises(InvalidArgument, match=r"contains '4' \(and 2 more\)\. To match all"):
        ScriptedModel({str(number): "" for number in range(7)})("x")


def test_cycle_starts_again():
    """With cycle the first reply comes after the last; a script without replies has none to start with."""
    model = ScriptedModel(["1", "2"], cycle=True)

    assert [model("x") for _ in range(5)] == ["1", "2", "1", "2", "1"]
    with pytest.raises(InvalidArgument, match="has no more replies after the first 0"):
        ScriptedModel([], cycle=True)("x")


def test_cycle_of_a_file_starts_again(tmp_path):
    """A file's replies can start again, too."""
    path = tmp_path / "replies.jsonl"
    path.write_text('"one"')
    model = ScriptedModel.from_file(path, cycle=True)

    assert [model("x"), model("x")] == ["one", "one"]


def test_file_may_give_replies_by_prompt(tmp_path):
    """Lines with `when` are for the prompts that contain its text; the first that fits is taken."""
    path = tmp_path / "replies.jsonl"
    path.write_text(
        '{"when": "invoice", "reply": "1", "finish_reason": "stop"}\n{"when": "", "reply": "2"}\n'
    )
    model = ScriptedModel.from_file(path)

    assert model("an invoice").choices[0].message.content == "1"
    assert [model("a letter"), model("a letter")] == ["2", "2"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            '"1"\n{"when": "a", "reply": "2"}',
            "line 2: 'when': expected this key in all lines of the script or in none",
        ),
        (
            '{"when": "a", "reply": "2"}\n"1"',
            "line 2: 'when': expected this key in all lines of the script or in none",
        ),
        ('{"when": 1, "reply": "2"}', "line 1: 'when': expected str or null, got 1"),
        ('{"when": "a"}', "line 1: expected one of the keys 'reply', 'chunks', or 'raise'"),
    ],
    ids=range(4),
)
def test_file_that_is_half_by_prompt_is_refused(tmp_path, lines, message):
    """The message has the line."""
    path = tmp_path / "replies.jsonl"
    path.write_text(lines)

    with pytest.raises(InvalidArgument, match=message):
        ScriptedModel.from_file(path)


def test_exception_of_a_cycle_is_new_each_time():
    """A reply that is raised twice is two exceptions: the traceback of one is not in the other."""
    model = ScriptedModel([{"raise": "TimeoutError: slow"}], cycle=True)

    errors = []
    for _ in range(2):
        with pytest.raises(TimeoutError, match="slow") as caught:
            model("x")
        errors.append(caught.value)

    assert errors[0] is not errors[1]


def test_model_keeps_what_it_was_asked():
    """Prompts and options stand in their order, unchanged by what comes later, also without a reply."""
    model = ScriptedModel(["1", "2"])
    messages, options = [{"role": "user", "content": "b"}], {"temperature": 1}

    model("a")
    list(model.stream(messages, options=options))
    messages[0]["content"] = "changed"
    options.clear()
    with pytest.raises(InvalidArgument):
        model("c")

    assert model.asked == [
        ("a", {}),
        ([{"role": "user", "content": "b"}], {"temperature": 1}),
        ("c", {}),
    ]
    assert model.asked[1].options == {"temperature": 1}


def test_delay_is_that_of_the_reply_or_of_the_model(monkeypatch):
    """A reply that names no delay has the model's."""
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    model = ScriptedModel(["1", {"reply": "2"}, {"reply": "3", "delay_s": 0}], delay_s=0.5)

    replies = [model("x") for _ in range(3)]

    assert (replies, slept) == (["1", "2", "3"], [0.5, 0.5, 0.0])


def test_threads_share_the_replies():
    """Each reply is given once, however many threads ask."""
    model = ScriptedModel([str(number) for number in range(400)])
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(model, ["x"] * 400))

    assert sorted(replies, key=int) == [str(number) for number in range(400)]
    assert len(model.asked) == 400


@pytest.mark.parametrize(
    ("replies", "message"),
    [
        ("{}", "replies='{}': expected a list of replies, or a list of (prompt, reply) pairs"),
        (None, "replies=None: expected a list of replies, or a list of (prompt, reply) pairs"),
        (
            [("a", "1"), "2"],
            "replies[1]: expected a pair of a prompt text and a reply, like the others, got '2'",
        ),
        (
            [("a", "1", "2")],
            "replies[0]: expected a pair of a prompt text and a reply, like the others, got ('a', '1', '2')",
        ),
        (
            [(3, "1")],
            "replies[0]: expected a str that the prompt contains, or a function that takes the prompt, got 3",
        ),
        ({"a": 3}, "replies[0]: expected a string or an object, got 3"),
    ],
)
def test_bad_replies_are_refused(replies, message):
    """Replies that cannot be understood are refused when the model is made."""
    with pytest.raises(InvalidArgument) as caught:
        ScriptedModel(replies)

    assert str(caught.value) == message


def test_bad_delay_is_refused():
    """A delay is seconds, not negative."""
    with pytest.raises(InvalidArgument, match="'delay_s': expected a number of seconds >= 0, got -1"):
        ScriptedModel([], delay_s=-1)
