"""Facts about lists of messages: how they are known, where the format goes, and what is added to them."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import Example, Message
from schema_guard.prompting import render, with_correction
from schema_guard.providers.message_lists import messages_of
from schema_guard.providers.messages import dialect_of, elements_of
from tests.public.calls.message_lists import (
    LISTS,
    ROLES,
    Blob,
    Hostile,
    HumanMessage,
    Part,
    Slotted,
    Turn,
    Unequal,
)

FORMAT = "Format."
ASKED = Example({"n": 1}, "What is one?")
every_dialect = pytest.mark.parametrize("name", LISTS)


def sent(elements: list[Any], text: str, examples: tuple[Example, ...]):
    """Return the messages of the first attempt."""
    task = messages_of(elements)
    assert task is not None
    return elements_of(render(task, text, examples))


def added(elements: list[Any]):
    """Return the messages that a retry adds."""
    task = messages_of(elements)
    assert task is not None
    return elements_of(with_correction(task, "{}", "Again."))[len(elements) :]


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
    ("elements", "provider", "dialect"),
    [
        (PLAIN, None, "chat"),
        (PLAIN, "openai", "chat"),
        (PLAIN, "anthropic", "chat"),
        (PLAIN, "openai-responses", "responses"),
        (PLAIN, "no such provider", "chat"),
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
def test_the_dialect_is_the_targets_or_that_of_the_marks(elements, provider, dialect):
    """A list is read in the provider's dialect if possible, otherwise by its marks."""
    task = messages_of(elements, provider)

    assert task is not None
    assert dialect_of(task).name == dialect


@pytest.mark.parametrize(
    "elements",
    [[], [3], ["t", 3], [{"content": "t"}], [{"role": 3, "content": "t"}], [Hostile()], [None], [()], [("t", "u", "v")],
     [{}], [b"t"], [[]], [{"role": "user"}, object()], [Hostile(), HumanMessage("t")], [("human",)], [{"type": "txt"}], [Request([])]],
)  # fmt: skip
def test_what_holds_something_else_is_no_list_of_messages(elements):
    """A list with an element that is no message of any dialect is none, whatever provider is known."""
    for provider in (None, "openai", "google", "openai-responses"):
        assert messages_of(elements, provider) is None


# The turns of a retry.


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
    """Return whether the request contains the same objects, in their order."""
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

    first = sent(elements, text, tuple(examples))
    task = messages_of(elements)
    again = elements_of(with_correction(render(task, text, examples), "{}", "Again."))

    assert elements == before
    left_out = [elements[:at] + elements[at + 1 :] for at in range(len(elements))] if text or examples else []
    assert any(stands_in(stored, first) for stored in [elements, *left_out])
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

    document = pickle.loads(pickle.dumps(task))

    assert document == task
    assert {type(message) for message in document} == {Message}


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
    for provider in (None, "openai", "openai-responses", "google", "bedrock"):
        task = messages_of([element], provider)
        if task is not None:
            with_correction(render(task, FORMAT, (ASKED,)), "{}", "Again.")
