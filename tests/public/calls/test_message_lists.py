"""Lists of messages in the dialects of providers: the place of the format, and the turns of a retry."""

import copy

import pytest

from schema_guard import Example, InvalidArgument, Message, guard
from tests.public.calls.message_lists import (
    AIMessage,
    Blob,
    ChatMessage,
    Content,
    HumanMessage,
    Part,
    Said,
    Slotted,
    SystemMessage,
    ToolMessage,
    Turn,
)

SCHEMA = {"required": ["n"]}
FORMAT = (
    "Reply with one JSON value that is valid for this JSON Schema, and with nothing else: no prose, no code fence.\n"
    '{"required":["n"]}'
)
AGAIN = "Your last reply was not valid. At (root): expected property 'n', got object. Reply again with only the JSON value."
ASKED = Example({"n": 1}, "What is one?")


def sent(elements, *, reply="{}", strategy="system_prompt", **settings):
    """Return the messages of each of two attempts."""
    prompts = []

    @guard(SCHEMA, store=None, strategy=strategy, max_attempts=2, name="listed", **settings)
    def ask(messages: list):
        prompts.append(messages)
        return reply

    ask.outcome(elements)
    return prompts


PLAIN = [{"role": "user", "content": "t"}]
TWO = [{"type": "text", "text": "t"}, {"type": "image", "source": {}}]
WHERE = [
    ("text", [{"role": "user", "content": "t"}], [{"role": "user", "content": FORMAT + "\n\nt"}]),
    ("empty text", [{"role": "user", "content": ""}], [{"role": "user", "content": FORMAT}]),
    ("parts", [{"role": "user", "content": TWO}], [{"role": "user", "content": [{"type": "text", "text": FORMAT}, *TWO]}]),
    (
        "the first of them",
        [{"role": "assistant", "content": "a"}, {"role": "user", "content": "t", "name": "n"}, {"role": "user", "content": "u"}],
        [{"role": "assistant", "content": "a"}, {"role": "user", "content": FORMAT + "\n\nt", "name": "n"}, {"role": "user", "content": "u"}],
    ),
    (
        "a system message",
        [{"role": "system", "content": "s"}, {"role": "user", "content": "t"}],
        [{"role": "system", "content": "s\n\n" + FORMAT}, {"role": "user", "content": "t"}],
    ),
    (
        "a system message of parts",
        [{"role": "developer", "content": TWO[:1]}, {"role": "user", "content": "t"}],
        [{"role": "developer", "content": [*TWO[:1], {"type": "text", "text": FORMAT}]}, {"role": "user", "content": "t"}],
    ),
    ("no content", [{"role": "user", "content": None}], [{"role": "user", "content": FORMAT}, {"role": "user", "content": None}]),
    (
        "not a tool's result",
        [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1"}]}, {"role": "user", "content": "t"}],
        [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1"}]}, {"role": "user", "content": FORMAT + "\n\nt"}],
    ),
    (
        "no turn of the user's",
        [{"type": "function_call_output", "call_id": "c", "output": "o"}],
        [{"type": "function_call_output", "call_id": "c", "output": "o"}, {"role": "user", "content": FORMAT}],
    ),
    ("a call of a tool alone", [{"role": "assistant", "content": "a"}], [{"role": "user", "content": FORMAT}, {"role": "assistant", "content": "a"}]),
    ("bedrock", [{"role": "user", "content": [{"text": "t"}]}], [{"role": "user", "content": [{"text": FORMAT}, {"text": "t"}]}]),
    (
        "responses",
        [{"role": "user", "content": [{"type": "input_text", "text": "t"}]}],
        [{"role": "user", "content": [{"type": "input_text", "text": FORMAT}, {"type": "input_text", "text": "t"}]}],
    ),
    ("gemini", [{"role": "user", "parts": [{"text": "t"}]}], [{"role": "user", "parts": [{"text": FORMAT}, {"text": "t"}]}]),
    ("gemini without a role", [{"parts": [{"text": "t"}]}], [{"parts": [{"text": FORMAT}, {"text": "t"}]}]),
    (
        "gemini objects",
        [Content(role="user", parts=[Part(text="t")])],
        [Content(role="user", parts=[Part(text=FORMAT), Part(text="t")])],
    ),
    ("gemini text", ["t", "u"], [FORMAT + "\n\nt", "u"]),
    ("gemini image", [Part(inline_data=Blob()), "t"], [FORMAT, Part(inline_data=Blob()), "t"]),
    ("gemini list", [["t", Part(inline_data=Blob())]], [[FORMAT, "t", Part(inline_data=Blob())]]),
    (
        "gemini, not a tool's result",
        [Content(role="user", parts=[Part(function_response={"n": 1})]), Content(role="user", parts=[Part(text="t")])],
        [Content(role="user", parts=[Part(function_response={"n": 1})]), Content(role="user", parts=[Part(text=FORMAT), Part(text="t")])],
    ),
    ("langchain", [HumanMessage("t", id="1")], [HumanMessage(FORMAT + "\n\nt", id="1")]),
    ("langchain parts", [HumanMessage(TWO)], [HumanMessage([{"type": "text", "text": FORMAT}, *TWO])]),
    ("langchain system", [SystemMessage("s"), HumanMessage("t")], [SystemMessage("s\n\n" + FORMAT), HumanMessage("t")]),
    ("langchain pair", [("human", "t")], [("human", FORMAT + "\n\nt")]),
    ("langchain text", ["t", ("ai", "a")], [FORMAT + "\n\nt", ("ai", "a")]),
    (
        "langchain tool",
        [AIMessage("", tool_calls=[{"id": "1"}]), ToolMessage("r", tool_call_id="1"), HumanMessage("t")],
        [AIMessage("", tool_calls=[{"id": "1"}]), ToolMessage("r", tool_call_id="1"), HumanMessage(FORMAT + "\n\nt")],
    ),
    ("parts alone", TWO, [{"type": "text", "text": FORMAT}, *TWO]),
    ("parts of responses", [{"type": "input_text", "text": "t"}], [{"type": "input_text", "text": FORMAT}, {"type": "input_text", "text": "t"}]),
    ("pydantic", [ChatMessage(role="user", content="t")], [ChatMessage(role="user", content=FORMAT + "\n\nt")]),
    ("dataclass", [Turn("user", "t", {"a": 1})], [Turn("user", FORMAT + "\n\nt", {"a": 1})]),
    ("named tuple", [Said("user", "t")], [Said("user", FORMAT + "\n\nt")]),
    ("any object", [Slotted("user", "t")], [Slotted("user", FORMAT + "\n\nt")]),
    ("our own", [Message("user", "t", {"name": "n"})], [{"role": "user", "content": FORMAT + "\n\nt", "name": "n"}]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("elements", "expected"), [case[1:] for case in WHERE], ids=[case[0] for case in WHERE]
)
def test_format_joins_one_turn(elements, expected):
    """The format joins the system message. Without one, it joins the user's first turn that is not a tool result."""
    before = copy.deepcopy(elements)

    assert sent(elements)[0] == expected
    assert elements == before


def test_text_part_has_the_form_of_the_provider():
    """If the list has no part of text yet, the new part has the form of the provider."""
    elements = [{"role": "user", "content": []}]

    for provider, kind in (("openai-responses", "input_text"), ("openai", "text")):
        assert sent(elements, provider=provider)[0] == [
            {"role": "user", "content": [{"type": kind, "text": FORMAT}]}
        ]


def test_examples_are_turns_of_the_dialect():
    """Examples follow the system message. Without one, the first example has the format."""
    settings = {"strategy": "few_shot", "examples": [ASKED]}

    assert sent(["t", Part(text="u")], **settings)[0][:2] == [
        {"role": "user", "parts": [{"text": f"{FORMAT}\n\nWhat is one?"}]},
        {"role": "model", "parts": [{"text": '{"n": 1}'}]},
    ]
    assert sent([("system", "s"), ("human", "t")], **settings)[0] == [
        ("system", f"s\n\n{FORMAT}"), ("human", "What is one?"), ("ai", '{"n": 1}'), ("human", "t"),
    ]  # fmt: skip


ADDED = [
    ("chat", PLAIN, [{"role": "assistant", "content": "{}"}, {"role": "user", "content": AGAIN}]),
    (
        "bedrock",
        [{"role": "user", "content": [{"text": "t"}]}],
        [{"role": "assistant", "content": [{"text": "{}"}]}, {"role": "user", "content": [{"text": AGAIN}]}],
    ),
    (
        "responses",
        [{"role": "user", "content": "t"}, {"type": "function_call", "call_id": "c"}, {"type": "function_call_output", "call_id": "c"}],
        [{"role": "assistant", "content": "{}"}, {"role": "user", "content": AGAIN}],
    ),
    (
        "gemini",
        [{"role": "user", "parts": [{"text": "t"}]}],
        [{"role": "model", "parts": [{"text": "{}"}]}, {"role": "user", "parts": [{"text": AGAIN}]}],
    ),
    (
        "gemini objects",
        [Content(role="user", parts=[Part(text="t")])],
        [Content(role="model", parts=[Part(text="{}")]), Content(role="user", parts=[Part(text=AGAIN)])],
    ),
    (
        "gemini loose",
        ["t", Part(inline_data=Blob())],
        [{"role": "model", "parts": [{"text": "{}"}]}, {"role": "user", "parts": [{"text": AGAIN}]}],
    ),
    ("langchain", [HumanMessage("t")], [AIMessage("{}"), HumanMessage(AGAIN)]),
    ("langchain pairs", [("human", "t")], [("ai", "{}"), ("human", AGAIN)]),
    ("langchain pairs by role", [("user", "t")], [("assistant", "{}"), ("user", AGAIN)]),
    ("langchain texts", ["t", ("system", "s")], [("ai", "{}"), ("human", AGAIN)]),
    ("parts", [{"type": "text", "text": "t"}], [{"type": "text", "text": "The reply was:\n{}"}, {"type": "text", "text": AGAIN}]),
    ("pydantic", [ChatMessage(role="user", content="t")], [ChatMessage(role="assistant", content="{}"), ChatMessage(role="user", content=AGAIN)]),
    ("dataclass", [Turn("user", "t")], [Turn("assistant", "{}"), Turn("user", AGAIN)]),
    (
        "objects and dicts",
        [Turn("user", "t"), {"role": "user", "content": "u"}],
        [{"role": "assistant", "content": "{}"}, {"role": "user", "content": AGAIN}],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("elements", "expected"), [case[1:] for case in ADDED], ids=[case[0] for case in ADDED]
)
def test_retry_adds_the_reply_and_its_correction(elements, expected):
    """A retry adds a turn of the model and a turn of the user, in the form and roles of the list."""
    first, second = sent(elements, strategy="bare")

    assert first == elements
    assert second == [*elements, *expected]


def test_retry_of_an_empty_reply_adds_only_the_correction():
    """An empty reply adds no turn of the model."""
    empty = "Your last reply was not valid. It was empty. Reply again with only the JSON value."

    assert sent(PLAIN, strategy="bare", reply=" \n")[1] == [*PLAIN, {"role": "user", "content": empty}]


@pytest.mark.parametrize(
    "elements",
    [[], [3], ["t", 3], [{"content": "t"}], [{"role": 3, "content": "t"}], [None], [()], [("t", "u", "v")], [{}], [b"t"],
     [[]], [("human",)], [{"type": "txt"}]],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("provider", [None, "openai", "openai-responses"])
def test_rejects_a_list_with_an_unknown_element(elements, provider):
    """A list with an element that is not a message raises InvalidArgument at the call."""
    with pytest.raises(InvalidArgument):
        sent(elements, provider=provider)
