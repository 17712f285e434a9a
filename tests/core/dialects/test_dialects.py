"""Facts about lists of messages: how they are known, where the format goes, and what is added to them."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import Example, Message
from schema_guard.core.dialects.choosing import dialect_of, messages_of
from schema_guard.core.dialects.dialect import elements_of
from schema_guard.core.prompting import render, with_correction
from tests.public.calls.message_lists import (
    LISTS,
    ROLES,
    AIMessage,
    Blob,
    ChatMessage,
    Content,
    Hostile,
    HumanMessage,
    Part,
    Said,
    Slotted,
    SystemMessage,
    ToolMessage,
    Turn,
    Unequal,
)

FORMAT = "Format."
ASKED = Example({"n": 1}, "What is one?")
every_dialect = pytest.mark.parametrize("name", LISTS)


def sent(
    elements: list[Any], *, text: str = FORMAT, examples: tuple[Example, ...] = (), target: str | None = None
):
    """What is sent for a list at the first attempt."""
    task = messages_of(elements, target)
    assert task is not None
    return elements_of(render(task, text, examples))


def added(elements: list[Any], reply: str = "{}", target: str | None = None):
    """What a re-ask adds to a list."""
    task = messages_of(elements, target)
    assert task is not None
    return elements_of(with_correction(task, reply, "Again."))[len(elements) :]


class Request:
    """A message of an SDK whose parts have no role, as pydantic-ai has them."""

    def __init__(self, parts: list[Any]) -> None:
        self.parts = parts


# How a list is known.


@every_dialect
@given(data=st.data())
def test_a_list_bears_the_marks_of_its_dialect(name, data):
    """Every list is read whole, in its own dialect, and its elements are what is sent."""
    dialect, lists = LISTS[name]
    elements = data.draw(lists)

    task = messages_of(elements)

    assert task is not None
    # Without a mark a list looks as OpenAI's and Anthropic's do.
    assert dialect_of(task).name in (dialect, "chat")
    assert all(one is other for one, other in zip(elements_of(task), elements, strict=True))


PLAIN = [{"role": "user", "content": "t"}]


@pytest.mark.parametrize(
    ("elements", "target", "dialect"),
    [
        (PLAIN, None, "chat"),
        (PLAIN, "openai", "chat"),
        (PLAIN, "anthropic", "chat"),
        (PLAIN, "openai-responses", "responses"),
        (PLAIN, "no such target", "chat"),
        ([{"role": "user", "content": []}], "bedrock", "bedrock"),
        (["t"], "google", "gemini"),
        (["t"], None, "gemini"),
        ([HumanMessage("t")], "openai", "langchain"),
        ([("human", "t")], "openai-responses", "langchain"),
        (["t", ("ai", "u")], None, "langchain"),
        ([{"role": "user", "parts": [{"text": "t"}]}], "openai", "gemini"),
        ([*PLAIN, {"type": "reasoning", "id": "r"}], None, "responses"),
        ([*PLAIN, HumanMessage("t")], None, "langchain"),
        ([["t", Part(inline_data=Blob())]], None, "gemini"),
    ],
    ids=str,
)
def test_the_dialect_is_the_targets_or_that_of_the_marks(elements, target, dialect):
    """A target's dialect is taken where it can read the list, else the marks of the list decide."""
    task = messages_of(elements, target)

    assert task is not None
    assert dialect_of(task).name == dialect


@pytest.mark.parametrize(
    "elements",
    [[], [3], ["t", 3], [{"content": "t"}], [{"role": 3, "content": "t"}], [Hostile()], [None], [()], [("t", "u", "v")],
     [{}], [b"t"], [[]], [{"role": "user"}, object()], [Hostile(), HumanMessage("t")], [("human",)], [{"type": "txt"}], [Request([])]],
)  # fmt: skip
def test_what_holds_something_else_is_no_list_of_messages(elements):
    """A list with an element that is no message of any dialect is none, whatever target is known."""
    for target in (None, "openai", "google", "openai-responses"):
        assert messages_of(elements, target) is None


# Where the format goes.

TWO = [{"type": "text", "text": "t"}, {"type": "image", "source": {}}]
WHERE = [
    ("text", [{"role": "user", "content": "t"}], [{"role": "user", "content": "Format.\n\nt"}]),
    ("empty text", [{"role": "user", "content": ""}], [{"role": "user", "content": "Format."}]),
    ("parts", [{"role": "user", "content": TWO}], [{"role": "user", "content": [{"type": "text", "text": "Format."}, *TWO]}]),
    (
        "the first of them",
        [{"role": "assistant", "content": "a"}, {"role": "user", "content": "t", "name": "n"}, {"role": "user", "content": "u"}],
        [{"role": "assistant", "content": "a"}, {"role": "user", "content": "Format.\n\nt", "name": "n"}, {"role": "user", "content": "u"}],
    ),
    (
        "a system message",
        [{"role": "system", "content": "s"}, {"role": "user", "content": "t"}],
        [{"role": "system", "content": "s\n\nFormat."}, {"role": "user", "content": "t"}],
    ),
    (
        "a system message of parts",
        [{"role": "developer", "content": TWO[:1]}, {"role": "user", "content": "t"}],
        [{"role": "developer", "content": [*TWO[:1], {"type": "text", "text": "Format."}]}, {"role": "user", "content": "t"}],
    ),
    ("no content", [{"role": "user", "content": None}], [{"role": "user", "content": "Format."}, {"role": "user", "content": None}]),
    (
        "not a tool's result",
        [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1"}]}, {"role": "user", "content": "t"}],
        [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1"}]}, {"role": "user", "content": "Format.\n\nt"}],
    ),
    (
        "no turn of the user's",
        [{"type": "function_call_output", "call_id": "c", "output": "o"}],
        [{"type": "function_call_output", "call_id": "c", "output": "o"}, {"role": "user", "content": "Format."}],
    ),
    ("a call of a tool alone", [{"role": "assistant", "content": "a"}], [{"role": "user", "content": "Format."}, {"role": "assistant", "content": "a"}]),
    ("bedrock", [{"role": "user", "content": [{"text": "t"}]}], [{"role": "user", "content": [{"text": "Format."}, {"text": "t"}]}]),
    (
        "responses",
        [{"role": "user", "content": [{"type": "input_text", "text": "t"}]}],
        [{"role": "user", "content": [{"type": "input_text", "text": "Format."}, {"type": "input_text", "text": "t"}]}],
    ),
    ("gemini", [{"role": "user", "parts": [{"text": "t"}]}], [{"role": "user", "parts": [{"text": "Format."}, {"text": "t"}]}]),
    ("gemini without a role", [{"parts": [{"text": "t"}]}], [{"parts": [{"text": "Format."}, {"text": "t"}]}]),
    (
        "gemini objects",
        [Content(role="user", parts=[Part(text="t")])],
        [Content(role="user", parts=[Part(text="Format."), Part(text="t")])],
    ),
    ("gemini text", ["t", "u"], ["Format.\n\nt", "u"]),
    ("gemini image", [Part(inline_data=Blob()), "t"], ["Format.", Part(inline_data=Blob()), "t"]),
    ("gemini list", [["t", Part(inline_data=Blob())]], [["Format.", "t", Part(inline_data=Blob())]]),
    (
        "gemini, not a tool's result",
        [Content(role="user", parts=[Part(function_response={"n": 1})]), Content(role="user", parts=[Part(text="t")])],
        [Content(role="user", parts=[Part(function_response={"n": 1})]), Content(role="user", parts=[Part(text="Format."), Part(text="t")])],
    ),
    ("langchain", [HumanMessage("t", id="1")], [HumanMessage("Format.\n\nt", id="1")]),
    ("langchain parts", [HumanMessage(TWO)], [HumanMessage([{"type": "text", "text": "Format."}, *TWO])]),
    ("langchain system", [SystemMessage("s"), HumanMessage("t")], [SystemMessage("s\n\nFormat."), HumanMessage("t")]),
    ("langchain pair", [("human", "t")], [("human", "Format.\n\nt")]),
    ("langchain text", ["t", ("ai", "a")], ["Format.\n\nt", ("ai", "a")]),
    (
        "langchain tool",
        [AIMessage("", tool_calls=[{"id": "1"}]), ToolMessage("r", tool_call_id="1"), HumanMessage("t")],
        [AIMessage("", tool_calls=[{"id": "1"}]), ToolMessage("r", tool_call_id="1"), HumanMessage("Format.\n\nt")],
    ),
    ("parts alone", TWO, [{"type": "text", "text": "Format."}, *TWO]),
    ("parts of responses", [{"type": "input_text", "text": "t"}], [{"type": "input_text", "text": "Format."}, {"type": "input_text", "text": "t"}]),
    ("pydantic", [ChatMessage(role="user", content="t")], [ChatMessage(role="user", content="Format.\n\nt")]),
    ("dataclass", [Turn("user", "t", {"a": 1})], [Turn("user", "Format.\n\nt", {"a": 1})]),
    ("named tuple", [Said("user", "t")], [Said("user", "Format.\n\nt")]),
    ("any object", [Slotted("user", "t")], [Slotted("user", "Format.\n\nt")]),
    ("our own", [Message("user", "t", {"name": "n"})], [{"role": "user", "content": "Format.\n\nt", "name": "n"}]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("elements", "expected"), [case[1:] for case in WHERE], ids=[case[0] for case in WHERE]
)
def test_the_format_joins_one_turn(elements, expected):
    """The format joins the system message, else the user's first turn that is no tool's result, in its own form."""
    before = copy.deepcopy(elements)

    assert sent(elements) == expected
    assert elements == before


def test_a_text_of_parts_in_a_known_target_is_its_own():
    """Where the list does not tell, a part of text is the target's."""
    elements = [{"role": "user", "content": []}]

    assert sent(elements, target="openai-responses")[0]["content"] == [{"type": "input_text", "text": FORMAT}]
    assert sent(elements, target="openai")[0]["content"] == [{"type": "text", "text": FORMAT}]


def test_examples_stand_first_in_the_dialects_turns():
    """Examples are turns of the dialect's roles, behind what the system says, with the format in the first of them."""
    assert sent(["t", Part(text="u")], examples=(ASKED,))[:2] == [
        {"role": "user", "parts": [{"text": "Format.\n\nWhat is one?"}]},
        {"role": "model", "parts": [{"text": '{"n": 1}'}]},
    ]
    assert sent([("system", "s"), ("human", "t")], examples=(ASKED,)) == [
        ("system", "s\n\nFormat."), ("human", "What is one?"), ("ai", '{"n": 1}'), ("human", "t"),
    ]  # fmt: skip


# What a re-ask adds.

ADDED = [
    ("chat", PLAIN, [{"role": "assistant", "content": "{}"}, {"role": "user", "content": "Again."}]),
    (
        "bedrock",
        [{"role": "user", "content": [{"text": "t"}]}],
        [{"role": "assistant", "content": [{"text": "{}"}]}, {"role": "user", "content": [{"text": "Again."}]}],
    ),
    (
        "responses",
        [{"role": "user", "content": "t"}, {"type": "function_call", "call_id": "c"}, {"type": "function_call_output", "call_id": "c"}],
        [{"role": "assistant", "content": "{}"}, {"role": "user", "content": "Again."}],
    ),
    (
        "gemini",
        [{"role": "user", "parts": [{"text": "t"}]}],
        [{"role": "model", "parts": [{"text": "{}"}]}, {"role": "user", "parts": [{"text": "Again."}]}],
    ),
    (
        "gemini objects",
        [Content(role="user", parts=[Part(text="t")])],
        [Content(role="model", parts=[Part(text="{}")]), Content(role="user", parts=[Part(text="Again.")])],
    ),
    (
        "gemini loose",
        ["t", Part(inline_data=Blob())],
        [{"role": "model", "parts": [{"text": "{}"}]}, {"role": "user", "parts": [{"text": "Again."}]}],
    ),
    ("langchain", [HumanMessage("t")], [AIMessage("{}"), HumanMessage("Again.")]),
    ("langchain pairs", [("human", "t")], [("ai", "{}"), ("human", "Again.")]),
    ("langchain pairs by role", [("user", "t")], [("assistant", "{}"), ("user", "Again.")]),
    ("langchain texts", ["t", ("system", "s")], [("ai", "{}"), ("human", "Again.")]),
    ("parts", [{"type": "text", "text": "t"}], [{"type": "text", "text": "The reply was:\n{}"}, {"type": "text", "text": "Again."}]),
    ("pydantic", [ChatMessage(role="user", content="t")], [ChatMessage(role="assistant", content="{}"), ChatMessage(role="user", content="Again.")]),
    ("dataclass", [Turn("user", "t")], [Turn("assistant", "{}"), Turn("user", "Again.")]),
    (
        "objects and dicts",
        [Turn("user", "t"), {"role": "user", "content": "u"}],
        [{"role": "assistant", "content": "{}"}, {"role": "user", "content": "Again."}],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("elements", "expected"), [case[1:] for case in ADDED], ids=[case[0] for case in ADDED]
)
def test_a_re_ask_adds_the_reply_and_its_correction(elements, expected):
    """A re-ask adds a turn of the model's and one of the user's, in the list's own form and roles."""
    assert added(elements) == expected


def test_an_empty_reply_is_no_turn():
    """Providers refuse an empty turn, so of an empty reply there is only the correction."""
    assert added(PLAIN, " \n") == [{"role": "user", "content": "Again."}]


class OneRole:
    """A class for one role, as some SDKs have it, that takes no other."""

    def __init__(self, content: str, role: str = "user") -> None:
        if role != "user":
            raise ValueError(role)
        self.role, self.content = role, content


def test_a_class_for_another_role_is_not_taken():
    """Where an SDK's class does not take the role, the turn is a dict, which every SDK takes."""
    assistant, user = added([OneRole("t")])

    assert assistant == {"role": "assistant", "content": "{}"}
    assert (type(user), user.content) == (OneRole, "Again.")


@pytest.mark.parametrize(
    "element",
    [
        Turn("user", "t", {"array": Unequal()}),
        Slotted("user", Unequal()),
        {"role": "user", "content": Unequal()},
        {"role": "user", "content": "t", "more": Unequal()},
        (Unequal(), "t"),
        {"role": Unequal(), "content": "t"},
    ],
    ids=["a dataclass", "an object", "a content", "a field", "a pair", "a role"],
)
def test_nothing_is_compared_that_may_refuse_it(element):
    """Fields that cannot be compared or asked whether they are empty are passed on, and never looked at."""
    task = messages_of([element])

    assert task is None or elements_of(with_correction(render(task, FORMAT, (ASKED,)), "{}", "Again."))


# Laws.


def stands_in(elements: list[Any], sent_: list[Any]) -> bool:
    """Say whether the very objects stand in what is sent, in their order."""
    ahead = iter(sent_)
    return all(any(one is element for one in ahead) for element in elements)


def role_of(element: Any) -> str:
    if isinstance(element, tuple):
        return element[0]
    read = element if isinstance(element, dict) else vars(element)
    return read.get("role") or read.get("type") or "user"


@every_dialect
@given(
    data=st.data(), examples=st.lists(st.sampled_from([ASKED, Example(2), Example(3, "Three?")]), max_size=2)
)
def test_elements_go_on_as_they_are(name, data, examples):
    """Every element is sent as the same object, in order, but one that is copied; none is changed; turns keep their roles."""
    dialect, lists = LISTS[name]
    elements = data.draw(lists)
    before = copy.deepcopy(elements)
    text = data.draw(st.sampled_from(["", FORMAT]))

    first = sent(elements, text=text, examples=tuple(examples))
    task = messages_of(elements)
    again = elements_of(with_correction(render(task, text, examples), "{}", "Again."))

    assert elements == before
    left_out = [elements[:at] + elements[at + 1 :] for at in range(len(elements))] if text or examples else []
    assert any(stands_in(kept, first) for kept in [elements, *left_out])
    assert len(first) <= len(elements) + 2 * len(examples) + 1
    assert again[: len(first)] == first
    assert len(again) == len(first) + 2
    allowed = ROLES[dialect] if dialect_of(task).name == dialect else ROLES["chat"]
    ours = [one for one in again if not any(one is element for element in elements)]
    assert {
        role_of(one) for one in ours if not isinstance(one, (str, list)) and not isinstance(one, Part)
    } <= allowed


@every_dialect
@given(data=st.data())
def test_a_tools_result_stands_right_behind_its_call(name, data):
    """Whatever is added, nothing comes between a call of a tool and its result."""
    elements = data.draw(LISTS[name][1])
    task = messages_of(elements)
    rendered = render(task, FORMAT, (ASKED,))

    dialect = dialect_of(task)
    for at, message in enumerate(rendered):
        if dialect.is_tool_result(message):
            before = rendered[at - 1]
            place = task.index(message)
            assert before == task[place - 1] or dialect.is_tool_result(before)


@every_dialect
@given(data=st.data())
def test_what_was_said_survives_a_pickle(name, data):
    """A prompt is kept and sent elsewhere as what it says, without the objects that it was given as."""
    task = messages_of(data.draw(LISTS[name][1]))

    kept = pickle.loads(pickle.dumps(task))

    assert kept == task
    assert {type(message) for message in kept} == {Message}


@given(
    st.recursive(
        st.none() | st.text(max_size=3) | st.integers() | st.builds(Hostile),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["role", "content", "parts", "type", "text"]), inner, max_size=3
            )
        ),
        max_leaves=8,
    )
)
def test_nothing_that_is_given_raises(element):
    """Whatever stands in a list, it is read and added to, or is none of messages."""
    for target in (None, "openai", "openai-responses", "google", "bedrock"):
        task = messages_of([element], target)
        if task is not None:
            with_correction(render(task, FORMAT, (ASKED,)), "{}", "Again.")
